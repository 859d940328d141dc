"""`indoors setup`: from nothing to a completion, on this machine, with this machine's card.

Each step looks first and is a tick if it is done, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from indoors_completion import catalog
from indoors_completion.catalog import ModelEntry
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    EngineError,
    IndoorsError,
    InputError,
    ModelError,
    ModelInfo,
)
from indoors_server import __version__, children, fit, machine, model_choice, model_store
from indoors_server.cli import engine as engine_command
from indoors_server.cli import models, screen
from indoors_server.devices import Devices
from indoors_server.engine_store import EngineBuild
from indoors_server.model_store import ResolvedModel

# What installs and downloads is imported by the step that does it.

_ASK_ABOVE_BYTES = 1_000_000_000
_SAMPLE_BEFORE = '''def is_even(n: int) -> bool:
    """Return whether n is even."""
    return '''
_SAMPLE_AFTER = '''


def is_odd(n: int) -> bool:
    """Return whether n is odd."""
    return n % 2 == 1
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--yes", action="store_true", help="do not ask before a large download")
    engine_command.add_backend_options(parser)
    parser.add_argument(
        "--model", metavar="NAME", default="", help="this model, not the one picked"
    )
    parser.add_argument(
        "--no-editor-lines", action="store_true", help="do not print the lines for the editors"
    )


def run(options: argparse.Namespace) -> int:
    """Run all steps; exit status 0 only if a line was completed."""
    from indoors_server import devices

    screen.say(
        screen.paint(f"Indoors {__version__}", "bold") + " · your code stays on this machine"
    )
    screen.say()
    seen = devices.find()
    _say_devices(seen)
    build = _engine_step(options.backend, seen)
    cards = _engine_cards(build)
    model = _model_step(options.model, bool(options.yes), build, cards)
    model_choice.choose(name_of(model))
    _check_step(model)
    _speed_step(model)
    if not options.no_editor_lines:
        _say_editors()
    return 0


def row(label: str, text: str, note: str = "") -> None:
    """Print one line of the screen."""
    line = f"  {label:<8} {text}"
    screen.say(f"{line:<60}  {screen.paint(note, 'dim')}" if note else line)


def name_of(model: ResolvedModel) -> str:
    """What names this file: the catalogue's name if it lies in the store, else its path."""
    entry = model.entry
    if entry is not None and model.path == model_store.store_path(entry):
        return entry.name
    return str(model.path)


def pick(build: EngineBuild, cards: tuple[fit.Card, ...]) -> tuple[ModelEntry, str]:
    """The model for this machine, and why: the largest that fits the card whole, or the smallest.

    On a CPU the prompt is evaluated at a few hundred tokens a second and a larger model would
    answer seconds after the keystroke, whatever the memory.
    """
    card = fit.least_used(cards)
    if build.backend == "cpu" or card is None:
        return catalog.default(), "the smallest: on a CPU a larger one answers too late"
    largest = catalog.largest_that_fits(fit.largest_file(card.free_bytes))
    if largest is None:
        return catalog.default(), f"the smallest: only {_free(card)} on {card.name}"
    plan = fit.plan(fit.estimate_shape(largest.bytes), cards, machine.memory().available_bytes)
    return largest, plan.reason


def _say_devices(seen: Devices) -> None:
    for card in seen.cards:
        size = f", {screen.human_bytes(card.total_bytes)}" if card.total_bytes else ""
        free = f", {screen.human_bytes(card.free_bytes)} free" if card.free_bytes else ""
        if card.problem:
            row("GPU", f"{card.name} is not used: {card.problem}")
            row("", f"Next: {card.next_step}")
        elif card.backend == "cuda":
            served = f"driver for CUDA {seen.cuda[0]}.{seen.cuda[1]}, no toolkit needed"
            row("GPU", card.name + size + free, served)
        elif card.backend:
            row("GPU", card.name + size + free)
    if not seen.usable:
        memory = machine.memory()
        free = f", {screen.human_bytes(memory.available_bytes)} free" if memory.total_bytes else ""
        count = machine.cpu_count()
        reason = f"hidden by {seen.hidden}" if seen.hidden else "no graphics card to use"
        row("CPU", f"{machine.cpu_name()}, {count} core{'s' * (count != 1)}{free}", reason)


def _engine_step(backend: str, seen: Devices) -> EngineBuild:
    from indoors_server import engine_install
    from indoors_server.cli.report import ConsoleReport

    there = engine_install.is_satisfied(seen, backend)
    build = engine_install.install(
        ConsoleReport(), backend=backend, found=seen, confirm_cpu=engine_command.confirm_cpu
    )
    row("Engine", engine_command.describe(build), "installed before" if there else "installed")
    return build


def _engine_cards(build: EngineBuild) -> tuple[fit.Card, ...]:
    if build.backend == "cpu":
        return ()
    from indoors_server import engine_probe

    return engine_probe.probe(build).cards


def _model_step(
    wanted: str, yes: bool, build: EngineBuild, cards: tuple[fit.Card, ...]
) -> ResolvedModel:
    """Decide on a model, say what it is, and have it on this machine."""
    if wanted and _is_file(wanted):
        model = model_store.resolve(wanted)
        row("Model", model.name, private(model))
        return model
    if wanted:
        entry, reason = catalog.find(wanted), "asked for"
    elif model_choice.recorded():
        return _kept_model(model_choice.recorded())
    else:
        entry, reason = pick(build, cards)
    try:
        return _pull(entry, reason, yes)
    except InputError:
        raise
    except IndoorsError as error:
        if wanted or entry.name == catalog.default().name:
            raise
        screen.warn(str(error))
        return _pull(catalog.default(), "the default instead", yes)


def _kept_model(name: str) -> ResolvedModel:
    model = model_store.resolve(name)
    about = models.describe(model.entry) if model.entry else model.name
    row("Model", about, "chosen before; --model NAME changes it")
    return model


def _pull(entry: ModelEntry, reason: str, yes: bool) -> ResolvedModel:
    from indoors_server import model_install, model_sources

    memory = machine.memory()
    if entry.bytes and memory.total_bytes and entry.bytes > memory.total_bytes:
        raise ModelError(
            f"{entry.name} needs more memory than this machine has.",
            why=f"{screen.human_bytes(entry.bytes)} of {screen.human_bytes(memory.total_bytes)}",
            next_step="indoors models list",
        )
    row("Model", models.describe(entry), reason)
    if entry.is_restricted:
        raise InputError(
            f"{entry.name} has a licence with conditions of its own.",
            why=entry.licence_reason,
            next_step=f"indoors models pull {entry.name} --accept-licence, then: indoors setup"
            f" --model {entry.name}",
        )
    if not model_store.is_installed(entry) and entry.bytes > _ASK_ABOVE_BYTES and not yes:
        _ask(f"Download {screen.human_bytes(entry.bytes)}?", entry)
    bars = models.Bars()
    try:
        return model_install.pull(
            entry, model_sources.for_entry(entry), progress=bars.update, say=bars.say
        )
    finally:
        bars.finish()


def _ask(question: str, entry: ModelEntry) -> None:
    """Ask on a terminal; without one the command itself was the answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    sys.stderr.write(f"           {question} [Y/n] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("n", "no"):
        raise InputError(
            f"{entry.name} was not downloaded.",
            next_step=f"indoors setup --model {catalog.default().name}",
        )


def _check_step(model: ResolvedModel) -> None:
    if model.verified:
        row("Check", "sha256 matches the publisher's file")
    else:
        row("Check", "unverified: the catalogue has no hash of this file to compare with")


def _speed_step(model: ResolvedModel) -> None:
    """Complete one line through the real engine, under the lock, and say how fast it was."""
    from indoors_server import lockdown
    from indoors_server.cli import session

    resolved = session.prepare(name_of(model))
    document = Document(
        uri="untitled:setup.py", path="setup.py", language="python", version=1,
        text=_SAMPLE_BEFORE + _SAMPLE_AFTER,
    )  # fmt: skip
    request = CompletionRequest(
        document=document, offset=len(_SAMPLE_BEFORE), trigger="explicit", deadline_ms=30_000
    )

    async def complete() -> tuple[Completion, ModelInfo | None]:
        async with session.loaded_core(resolved) as core:
            return await core.complete_patiently(request), core.model

    completion, loaded = asyncio.run(complete())
    if not completion.n_generated:
        raise EngineError(
            "The engine is installed and the model is here, but nothing was completed.",
            why=completion.stop_reason or completion.filtered_by,
            next_step="indoors doctor",
        )
    row("Speed", speed(completion, loaded), f"on {loaded.device}" if loaded else "")
    row("", f"return {completion.text or completion.raw}".splitlines()[0])
    state = lockdown.state()
    row("Lock", f"{state.state}: {state.mechanism}" if state.mechanism else state.state)
    if state.reason:
        row("", state.reason)


def speed(completion: Completion, model: ModelInfo | None) -> str:
    """The speeds measured at load, and how long this completion took, in words."""
    parts = []
    if model is not None and model.prefill_tps:
        parts.append(f"{model.prefill_tps:,.0f} tokens/s prompt")
    if model is not None and model.decode_tps:
        parts.append(f"{model.decode_tps:,.0f} tokens/s answer")
    return " · ".join([*parts, f"this line in {completion.total_ms:,.0f} ms"])


def _say_editors() -> None:
    """The lines for each editor, with the absolute interpreter of this environment."""
    command = children.command("serve")
    as_lua = ", ".join(json.dumps(part) for part in command)
    screen.say()
    row(
        "VS Code", "install the extension (indoors.vsix); it finds this server, or in its settings:"
    )
    screen.say(f'    "indoors.python": {json.dumps(command[0])}')
    row("Neovim", "install the plugin (editors/neovim), and in init.lua:")
    screen.say(f"    vim.g.indoors = {{ python = {json.dumps(command[0])} }}")
    screen.say('    vim.lsp.enable("indoors")')
    row("", "or, in 0.12, without the plugin:")
    screen.say(f'    vim.lsp.config("indoors", {{ cmd = {{ {as_lua} }} }})')
    screen.say('    vim.lsp.enable("indoors")')
    screen.say("    vim.lsp.inline_completion.enable()")
    row("Others", "start this on stdin and stdout:")
    screen.say("    " + " ".join(command))


def private(model: ResolvedModel) -> str:
    """The model's size, for a file that the catalogue does not know."""
    return screen.human_bytes(model.size_bytes)


def _is_file(name: str) -> bool:
    return Path(name).expanduser().is_file()


def _free(card: fit.Card) -> str:
    return f"{screen.human_bytes(card.free_bytes)} is free"
