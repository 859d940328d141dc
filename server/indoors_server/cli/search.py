"""`indoors search QUERY`: definitions of that name, then the places that fit the words best.

The index is brought up to date first, which takes a moment for what changed. A small folder that
has none gets one; for a large one that is a decision, so the command says how long it takes and
stops.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indoors_completion.types import InputError
from indoors_server import index_place, lockdown, paths, private_files
from indoors_server.cli import index_pass, screen

if TYPE_CHECKING:
    from indoors_indexing.selection import Selection
    from indoors_indexing.store_read import Reader
    from indoors_server.index_search import Answer

_DEFAULT_LIMIT = 20
_MAX_LIMIT = 1000
_REBUILD = "indoors index rebuild"


class _Stopped(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "query",
        metavar="QUERY",
        nargs="+",
        help="a name (read_line, Reader.open) or a few words",
    )
    parser.add_argument(
        "--path",
        metavar="PATH",
        default="",
        help="a project's folder (default: the project around the working directory)",
    )
    parser.add_argument(
        "--limit", type=int, default=_DEFAULT_LIMIT, metavar="N", help="results at most (20)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print what was found. Exit status 1 if nothing was, as grep does."""
    query = " ".join(options.query).strip()
    if not query:
        raise InputError("There is nothing to search for.", next_step="indoors search NAME")
    if not 1 <= options.limit <= _MAX_LIMIT:
        raise InputError(f"--limit is from 1 to {_MAX_LIMIT}.", next_step="--limit 20")
    lockdown.apply("cli")
    root = index_place.root_of(options.path)
    try:
        selection = index_pass.selection_of(root)
        with _reader(root, options.path, selection) as reader:
            from indoors_server import index_search

            answer = index_search.search(root, reader, query, options.limit, selection)
            counts = reader.counts()
    except _Stopped as stopped:
        return stopped.status
    except OSError as error:
        raise InputError(
            f"{private_files.show(root)} cannot be read.", why=str(error.strerror or "")
        ) from error
    if options.json:
        body = {"root": str(root), "complete": counts.is_complete, **msgspec.to_builtins(answer)}
        # Escaped, so that nothing in a file can reach a terminal that this is shown on.
        screen.say(json.dumps(body))
    else:
        _show(answer, root)
        if not (answer.definitions or answer.chunks):
            screen.warn(f"Nothing found for {query!a} in {counts.n_files:,} files.")
    if not counts.is_complete:
        screen.warn("The index is not complete yet, so there may be more.")
    return 0 if answer.definitions or answer.chunks else 1


@contextlib.contextmanager
def _reader(root: Path, named: str, selection: Selection) -> Iterator[Reader]:
    """A reader of an index that is up to date as far as it can be. Raises InputError, _Stopped."""
    from indoors_indexing.store_read import Reader

    state = index_place.look(root)
    if not state.in_use and state.state != "complete":
        census = index_place.count(root, selection)
        if not census.is_small:
            command = f"indoors index rebuild {shlex.quote(named)}" if named else _REBUILD
            if state.files:
                screen.warn(f"Only a part of this folder is indexed.  Next: {command}")
                with Reader.open(root, paths.cache_dir()) as reader:
                    yield reader
                return
            raise _refusal(root, census, command)
        screen.warn(f"Indexing {private_files.show(root)} first ({census.files:,} files) …")
    with contextlib.ExitStack() as stack:
        try:
            writer = stack.enter_context(index_pass.writing(root))
        except index_pass.Busy:
            screen.warn("Another Indoors process keeps this index up to date; reading it as it is.")
            yield stack.enter_context(Reader.open(root, paths.cache_dir()))
            return
        outcome, is_stopped = index_pass.bring_up_to_date(writer, root, selection)
        for note in outcome.notes:
            screen.warn(note)
        if is_stopped:
            raise _Stopped(index_pass.say_stopped(outcome, root))
        # One in memory, because the disk is full, can only be read through its writer.
        yield stack.enter_context(writer.reader())


def _refusal(root: Path, census: index_place.Census, command: str) -> InputError:
    n_files = f"{census.files:,} files" if census.is_all else f"more than {census.files:,} files"
    return InputError(
        f"There is no index of {private_files.show(root)} yet.",
        why=f"It has {n_files} to index, which takes {census.duration()}, once.",
        next_step=command,
    )


def _show(answer: Answer, root: Path) -> None:
    for found in answer.definitions:
        inside = f" in {'.'.join(found.scope)}" if found.scope else ""
        place = screen.paint(f"{_shown(root, found.path)}:{found.line}", "cyan")
        screen.say(f"{place}  {screen.clean(found.kind + inside)}")
        text = found.text or found.name
        screen.say(f"    {screen.clean(text)}{_mark(is_stale=found.is_stale)}")
    more = answer.n_definitions - len(answer.definitions)
    if more:
        screen.warn(f"{more:,} more definitions; --limit shows more.")
    if answer.definitions and answer.chunks:
        screen.say()
    for chunk in answer.chunks:
        place = f"{_shown(root, chunk.path)}:{chunk.first_line}-{chunk.last_line}"
        screen.say(screen.paint(place, "cyan"))
        text = f"    {chunk.line}: {screen.clean(chunk.text)}"
        screen.say(f"{text}{_mark(is_stale=chunk.is_stale)}")


def _mark(*, is_stale: bool) -> str:
    return screen.paint("  (changed since it was indexed)", "yellow") if is_stale else ""


def _shown(root: Path, path: str) -> str:
    """A path as a person can open it from where they stand."""
    here = Path.cwd()
    if here == root or root in here.parents or here in root.parents:
        return screen.clean(os.path.relpath(root / path, here))
    return screen.clean(private_files.show(root / path))
