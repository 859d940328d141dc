"""`indoors status`, and `indoors` alone: model, device, lock, engines elsewhere, index and next
step on one screen.

Nothing is loaded and nothing is hashed for this, so it answers at once. The index is the one of the
project around the working directory.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec

from indoors_completion.types import IndoorsError
from indoors_server import index_place, named_engines
from indoors_server.cli import screen
from indoors_server.index_place import IndexState
from indoors_server.named_engines import Named


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen shows. `phase`: "ready" or "error"; `next_step` is "" if nothing is to do.

    `engines` are those elsewhere that rules name; where they leave nothing to the engine here
    (`needs_local`), what it lacks is a `note` and no problem. `index` is None where this Python
    cannot keep one, which completions do without.
    """

    phase: str
    model: str
    model_path: str
    model_state: str
    engine: str
    device: str
    lock: str
    lock_reason: str
    engines: tuple[Named, ...] = ()
    needs_local: bool = True
    index: IndexState | None = None
    note: str = ""
    problem: str = ""
    next_step: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The only option."""
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the screen. Exit status 1 if completions would not come."""
    overview = look()
    if options.json:
        screen.say(json.dumps(msgspec.to_builtins(overview), ensure_ascii=False))
    else:
        _show(overview)
    return 0 if overview.phase == "ready" else 1


def look() -> Overview:
    """Look at this machine: files only, no model is loaded."""
    from indoors_server import lockdown, settings

    resolved = settings.resolve(settings.user_layer())
    from indoors_server import card_use, engine_store

    card = card_use.of(engine_store.find())
    lock = lockdown.apply("serve")
    engine, engine_error = _engine()
    path, model, state, model_error = _model(resolved.model)
    error = engine_error or model_error
    problem, next_step = ("", "")
    if error is not None:
        problem, next_step = error.what, error.next_step
    elif card.problem:
        problem, next_step = card.problem, card.next_step
    engines, note = named_engines.named(resolved.engine_rules), ""
    is_needed = named_engines.needs_local(resolved.engine_rules, engines)
    if problem and not is_needed:
        note, problem = f"{problem} No rule uses the engine here.", ""
        asked = next((one.name for one in engines if one.state == "allowed"), "")
        next_step = f"indoors engines check {asked}, which asks it what it is" if asked else ""
    return Overview(
        phase="error" if problem else "ready",
        model=model,
        model_path=path,
        model_state=state,
        engine=engine,
        device=card.device,
        lock=lock.state,
        lock_reason=lock.reason,
        engines=engines,
        needs_local=is_needed,
        index=_index(),
        note=note,
        problem=problem,
        next_step=next_step,
    )


def _engine() -> tuple[str, IndoorsError | None]:
    from indoors_server import engine_store

    try:
        build = engine_store.require()
    except IndoorsError as error:
        return "", error
    return f"llama.cpp ({build.backend}, {build.version})", None


def _model(wanted: str) -> tuple[str, str, str, IndoorsError | None]:
    """(path, name, state, error) of the model that would be loaded."""
    from indoors_completion import catalog
    from indoors_completion.types import ModelError
    from indoors_server import model_choice, model_store, private_files

    try:
        path = model_store.locate(wanted or model_choice.chosen())
    except IndoorsError as error:
        return "", "", "", error
    shown = private_files.show(path)
    entry = catalog.by_file(path.name)
    name = f"{entry.name} {entry.quantization}" if entry else path.stem
    if not path.is_file():
        step = f"indoors models pull {entry.name}" if entry else "indoors models list"
        return shown, name, "", ModelError(f"The model {name} is not here.", next_step=step)
    return shown, name, _verified(path), None


def _index() -> IndexState | None:
    try:
        return index_place.look(index_place.root_of(""))
    except IndoorsError:
        return None


def _verified(path: Path) -> str:
    from indoors_completion import catalog
    from indoors_server import model_store

    record = model_store.read_record(path)
    if record is None or record.identity != model_store.identity_of(path):
        return "not checked yet: that happens at its first use"
    known = catalog.by_sha256(record.sha256)
    return "sha256 matches the publisher's file" if known else "unverified: not in the catalogue"


def _show(overview: Overview) -> None:
    good = overview.phase == "ready"
    head = screen.paint(overview.phase, "green" if good else "red")
    here = [overview.model or "no model", overview.device]
    where = here if overview.needs_local else ["engines elsewhere"]
    screen.say(" · ".join([head, *where, f"lock: {overview.lock}"]))
    if overview.model_path and not overview.note:
        screen.say(f"model   {overview.model_path}  {overview.model_state}".rstrip())
    if overview.engine:
        screen.say(f"engine  {overview.engine}")
    for number, one in enumerate(overview.engines):
        screen.say(f"{'' if number else 'others':<8}{screen.clean(one.text)}")
    if overview.note:
        screen.say(screen.paint(f"note    {overview.note}", "dim"))
    if overview.lock_reason:
        screen.say(screen.paint(f"lock    {overview.lock_reason}", "dim"))
    if overview.index is not None:
        root = f"  {screen.clean(overview.index.root)}"
        text = index_place.describe(overview.index)
        screen.say(f"index   {text}{screen.paint(root, 'dim')}")
    if overview.problem:
        screen.say(f"problem {overview.problem}")
    screen.say(f"next    {overview.next_step or 'nothing to do'}")
