"""What `indoors doctor` checks: one function for each thing that can be wrong, one next step each.

The checks look at this machine and change nothing. Their texts may hold paths; `scrubbed` makes
them fit to be shown to others.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.types import IndoorsError
from indoors_server import (
    __version__,
    card_use,
    children,
    devices,
    engine_probe,
    engine_store,
    fit,
    index_place,
    launcher,
    lockdown,
    machine,
    model_choice,
    model_store,
    paths,
    policy,
    settings,
    toolchain,
)
from indoors_server.devices import Devices
from indoors_server.engine_probe import Probe
from indoors_server.engine_store import EngineBuild

_LITTLE_DISK = 500_000_000
_SOME_DISK = 3_000_000_000
_LAUNCH_SECONDS = 60
_EDITORS = {
    "nvim": "Neovim", "code": "VS Code", "codium": "VSCodium", "hx": "Helix", "zed": "Zed",
    "emacs": "Emacs", "subl": "Sublime Text",
}  # fmt: skip


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One result. `state`: "ok", "warning" (works, but) or "error" (completions suffer)."""

    name: str
    state: Literal["ok", "warning", "error"]
    text: str
    next_step: str = ""


def run_all() -> list[Check]:
    """Every check, in the order in which problems should be solved."""
    found = [check_python(), check_launch(), *check_places(), check_disk()]
    seen = devices.find()
    build = engine_store.find()
    found.append(check_compiler(build))
    engine, probe = check_engine(build)
    found.append(engine)
    found += check_cards(seen, build, probe)
    if probe is not None and probe.cards:
        found += check_card_of_server(probe.cards[0].name, card_use.seen_under_server(build))
    found.append(check_model(build, probe))
    found += check_languages()
    found.append(check_index())
    found.append(check_lock())
    found.append(check_launcher())
    found += check_settings()
    found.append(check_editors())
    return found


def check_python() -> Check:
    """The interpreter and the environment it belongs to."""
    version = ".".join(map(str, sys.version_info[:3]))
    kind = "virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    text = f"Python {version}, {kind}, Indoors {__version__}, {sys.executable}"
    return Check(name="python", state="ok", text=text)


def check_launch(command: tuple[str, ...] = ()) -> Check:
    """Whether `python -I` finds us: how every process of ours is started."""
    arguments = list(command) or [sys.executable, "-I", "-c", "import indoors_server"]
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_LAUNCH_SECONDS, check=False, cwd=Path(sys.executable).anchor,
        )  # fmt: skip
        works = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        works = False
    if works:
        return Check(name="launch", state="ok", text="python -I finds Indoors")
    return Check(
        name="launch",
        state="error",
        text="python -I does not find Indoors: it was perhaps installed with pip --user, which -I"
        " (our protection against code in a workspace) ignores",
        next_step="install it into a virtual environment (python3 -m venv, uv tool or pipx)",
    )


def check_places() -> list[Check]:
    """Whether cache, state and configuration can be written."""
    found = []
    for name, place in (("cache", paths.cache_dir()), ("state", paths.state_dir())):
        try:
            paths.make_private(place)
            with tempfile.NamedTemporaryFile(dir=place):
                pass
            found.append(Check(name=name, state="ok", text=f"writable, {place}"))
        except OSError as error:
            found.append(
                Check(
                    name=name, state="error",
                    text=f"cannot be written: {place} ({error.strerror})",
                    next_step=f"make it yours: chown -R {os.environ.get('USER', 'you')} {place}",
                )
            )  # fmt: skip
    return found


def check_disk() -> Check:
    """Room for models and engines."""
    place = paths.cache_dir()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free"
    if free < _LITTLE_DISK:
        step = "free some space: indoors purge removes what can be fetched again"
        return Check(name="disk", state="error", text=text, next_step=step)
    if free < _SOME_DISK:
        return Check(
            name="disk", state="warning", text=text + ", little for a larger model",
            next_step="free some space: indoors purge",
        )  # fmt: skip
    return Check(name="disk", state="ok", text=text)


def check_compiler(build: EngineBuild | None) -> Check:
    """A C++ compiler: needed to build the engine, not to run it."""
    try:
        return Check(name="compiler", state="ok", text=toolchain.compiler())
    except IndoorsError as error:
        if build is not None and build.matches_cpu:
            text = "none; needed only to build the engine again"
            return Check(name="compiler", state="ok", text=text)
        return Check(
            name="compiler", state="error", text="none, and the engine must be compiled",
            next_step=error.next_step,
        )  # fmt: skip


def check_engine(build: EngineBuild | None) -> tuple[Check, Probe | None]:
    """Whether there is an engine that runs on this CPU, and what it says of itself."""
    if build is None:
        text, step = "not installed", engine_store.INSTALL_HINT
        return Check(name="engine", state="error", text=text, next_step=step), None
    about = f"llama.cpp {build.backend} build, {build.version}"
    if not build.matches_cpu:
        text = f"{about}, for another CPU ({build.cpu_key}): it would crash here"
        step = f"{engine_store.INSTALL_HINT} --rebuild"
        return Check(name="engine", state="error", text=text, next_step=step), None
    try:
        probe = engine_probe.probe(build)
    except IndoorsError as error:
        text = f"{about}: {error.what} {error.why}".strip()
        return Check(name="engine", state="error", text=text, next_step=error.next_step), None
    used = ", ".join(device.description or device.name for device in probe.devices)
    text = f"{about}, from {build.source or 'an unknown source'}, runs here; devices: {used}"
    return Check(name="engine", state="ok", text=text), probe


def check_cards(seen: Devices, build: EngineBuild | None, probe: Probe | None) -> list[Check]:
    """One check for each card: a card that the engine does not use is an error by name."""
    found = []
    used = len(probe.cards) if probe is not None else 0
    for card in seen.cards:
        if not card.backend:
            text = f"{card.name}: graphics inside the processor, not worth using"
            found.append(Check(name="card", state="ok", text=text))
        elif card.problem:
            text = f"{card.name} is not used: {card.problem}"
            found.append(Check(name="card", state="error", text=text, next_step=card.next_step))
        elif used > 0:
            used -= 1
            found.append(Check(name="card", state="ok", text=f"{card.name} is used by the engine"))
        else:
            found.append(_unused(card.name, build, chosen=engine_store.choice() == "cpu"))
    if seen.hidden:
        text = f"every NVIDIA card is hidden by {seen.hidden}"
        found.append(Check(name="card", state="ok", text=text))
    if not found:
        text = f"none; the engine runs on the CPU; {card_under_lock(seen)}"
        found.append(Check(name="card", state="ok", text=text))
    return found


def check_card_of_server(name: str, is_seen: bool | None) -> list[Check]:
    """Nothing, or the error that an editor would be without the card that a terminal has."""
    if is_seen or is_seen is None:
        return []
    text = f"{name} is not found by the worker of an editor's server, under the server's lock-down"
    is_root = sys.platform == "linux" and os.geteuid() == 0
    step = "run the editor as another user than root" if is_root else "report it: indoors doctor"
    return [Check(name="card", state="error", text=text, next_step=step)]


def card_under_lock(seen: Devices, is_seen: bool | None = None) -> str:
    """What is known about a card under a worker's lock-down; `is_seen` is what was tried."""
    if not seen.usable:
        return "GPU under lock-down: untested here (no card)"
    words = {None: "not tried by this command", True: "found by the engine", False: "NOT found"}
    return f"GPU under lock-down: {words[is_seen]} ({seen.usable[0].name})"


def _unused(name: str, build: EngineBuild | None, *, chosen: bool) -> Check:
    backend = build.backend if build is not None else "no"
    text = f"{name} is not used: the engine is a {backend} build"
    if chosen:
        text += ", as you chose with --cpu"
    return Check(
        name="card", state="warning" if chosen else "error", text=text,
        next_step=f"{engine_store.INSTALL_HINT} --cuda" if chosen else engine_store.INSTALL_HINT,
    )  # fmt: skip


def check_model(build: EngineBuild | None, probe: Probe | None) -> Check:
    """The model that would be used: whole, unchanged, able to fill in the middle, small enough."""
    resolved = settings.resolve(settings.user_layer())
    try:
        model = model_store.resolve(resolved.model or model_choice.chosen())
        # The file's own description has the last word, and only the engine can read it.
        own = asyncio.run(inspect(build, model.path)) if build and probe else None
    except IndoorsError as error:
        text, step = f"{error.what} {error.why}".strip(), error.next_step or "indoors setup"
        return Check(name="model", state="error", text=text, next_step=step)
    entry = model.entry
    advice = own.advice if own else "" if entry is None or entry.family else entry.advice
    if advice:
        text = f"{model.name} cannot fill in the middle: {advice}"
        return Check(name="model", state="error", text=text, next_step="indoors setup")
    shape = fit.estimate_shape(model.size_bytes)
    if own is not None:
        shape = fit.shape_from_metadata(own.metadata, model.size_bytes)
    cards = probe.cards if probe is not None else ()
    available = machine.memory().available_bytes
    plan = fit.plan(shape, cards, available, n_ctx=resolved.context_tokens)
    text = f"{model.name}, {model.size_bytes / 1e9:.1f} GB, "
    text += "sha256 matches the publisher's" if model.verified else "unverified"
    text += f", fills in the middle ({own.model.family})" if own else ""
    if plan.fits:
        return Check(name="model", state="ok", text=f"{text}; {plan.reason}")
    return Check(
        name="model", state="warning", text=f"{text}; {plan.reason}",
        next_step="close other programs, or choose a smaller one: indoors setup --model NAME",
    )  # fmt: skip


async def inspect(build: EngineBuild, path: Path) -> wire.Inspected:
    """Ask a worker what a model file says of itself. Raises IndoorsError."""
    arguments = ("--engine", build.directory, "--model", str(path))
    engine = EngineProcess(partial(children.spawn, "worker", *arguments), None)
    await engine.start()
    try:
        return await engine.inspect(str(path))
    finally:
        await engine.close()


def check_languages() -> list[Check]:
    """Every grammar that does not load: its language is completed and indexed without syntax."""
    from indoors_indexing.languages import LANGUAGES, GrammarError, grammar

    found = []
    for record in LANGUAGES:
        try:
            grammar(record)
        except GrammarError as error:
            package = record.module.replace("_", "-")
            step = f"{sys.executable} -m pip install --force-reinstall {package}"
            found.append(Check(name="grammar", state="warning", text=str(error), next_step=step))
    if not found:
        text = f"the grammars of all {len(LANGUAGES)} languages load"
        found.append(Check(name="grammar", state="ok", text=text))
    return found


def check_index() -> Check:
    """Whether an index can be kept, and what the one of the project around us holds."""
    try:
        index_place.check_store()
        state = index_place.look(index_place.root_of(""))
    except IndoorsError as error:
        text, step = f"{error.what} {error.why}".strip(), error.next_step
        return Check(name="index", state="warning", text=text, next_step=step)
    text = index_place.describe(state)
    if state.state == "unreadable":
        step = "indoors index rebuild"
        return Check(name="index", state="warning", text=text, next_step=step)
    return Check(name="index", state="ok", text=text)


def check_lock() -> Check:
    """How far a server would be locked down here; locks this process for good."""
    lock = lockdown.apply("serve")
    text = ": ".join(part for part in (lock.state, lock.mechanism, lock.reason) if part)
    state: Literal["ok", "warning"] = "warning" if lock.state == "unproven" else "ok"
    step = "docs/privacy.md says what this system can enforce" if state == "warning" else ""
    return Check(name="lock", state=state, text=text, next_step=step)


def check_launcher() -> Check:
    """Whether a server has a process beside it that may start one with a network."""
    found = policy.load()
    reason = launcher.too_narrow(found, launcher.LEAST_MODE) or launcher.writable_by_the_server()
    if sys.platform != "linux":
        reason = "it exists on Linux only"
    reason, _, _ = reason.partition(". Next: ")  # by default there is none, and all is well
    text = f"none: {reason}" if reason else f"one with each server: the policy allows {found.mode}"
    return Check(name="launcher", state="ok", text=text)


def check_settings() -> list[Check]:
    """The person's own settings file: each value that is not used."""
    problems = settings.user_layer().problems
    if not problems:
        return [Check(name="settings", state="ok", text="no problem in config.json")]
    return [
        Check(name="settings", state="warning", text=str(problem), next_step="correct config.json")
        for problem in problems
    ]


def check_editors() -> Check:
    """Which editors are on PATH."""
    names = [label for program, label in _EDITORS.items() if shutil.which(program)]
    return Check(name="editors", state="ok", text=", ".join(names) or "none found on PATH")


def scrubbed(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` without paths, user names or host names, to be shown to others."""
    variables = os.environ if environment is None else environment
    for place in _homes(variables):
        text = text.replace(place, "~")
    # A path: something absolute, or below a home, up to a space or closing punctuation.
    text = re.sub(r"(?<![\w<])(~|[A-Za-z]:)?[\\/][^\s,;:()'\"]+", "<path>", text)
    for name in _private_names(variables):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "<name>", text)
    return text


def _homes(variables: Mapping[str, str]) -> Iterable[str]:
    places = {variables.get("HOME", ""), variables.get("USERPROFILE", ""), str(Path.home())}
    return sorted((place for place in places if len(place) > 1), key=len, reverse=True)


def _private_names(variables: Mapping[str, str]) -> Iterable[str]:
    names = {variables.get("USER", ""), variables.get("LOGNAME", ""), platform.node()}
    with contextlib.suppress(KeyError, OSError):  # a user id without an entry has no name
        names.add(getpass.getuser())
    # "root" says nothing about anybody, and occurs in sentences.
    return sorted(name for name in names if len(name) > 1 and name != "root")
