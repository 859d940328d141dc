"""`indoors index`: build a folder's index anew, or say what is in it."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import msgspec

from indoors_completion.types import IndoorsError
from indoors_server import index_place, lockdown, private_files
from indoors_server.cli import index_pass, screen
from indoors_server.index_place import IndexState

_REASONS = {
    "ignored": "ignored (.gitignore, .indoorsignore)",
    "kind": "of a kind that is not indexed",
    "vendored": "other people's code, or built",
    "internal": "kept by tools",
    "size": "too large",
    "denied": "denied by the policy",
    "owner": "of another user",
    "generated": "generated",
    "minified": "minified",
    "binary": "binary",
    "link": "links",
    "special": "pipes, sockets and devices",
    "unreadable": "not readable",
    "crash": "that the parser did not survive",
    "deep": "nested too deeply",
    "name": "with names that are not text",
}


# A server looks for wishes every two seconds, unless it is in the middle of a pass.
_ANSWERED_WITHIN_S = 6.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    rebuilding = actions.add_parser("rebuild", help="throw the index away and build it anew")
    looking = actions.add_parser("status", help="what is in the index, and how old it is")
    for action in (rebuilding, looking):
        action.add_argument(
            "path",
            metavar="PATH",
            nargs="?",
            default="",
            help="a project's folder (default: the project around the working directory)",
        )
    looking.add_argument("--json", action="store_true", help="one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run one action; its exit status."""
    root = index_place.root_of(options.path)
    if options.action == "rebuild":
        return rebuild(root)
    return _show(index_place.look(root), as_json=bool(options.json))


def rebuild(root: Path) -> int:
    """Build the index of `root` from nothing. Exit status 1 if it could not be kept."""
    lockdown.apply("cli")
    # Before anything is thrown away: a folder that cannot be read would leave an empty index.
    index_place.check_readable(root)
    selection = index_pass.selection_of(root)
    started_s = time.monotonic()
    try:
        with index_pass.writing(root) as writer:
            writer.rebuild()
            outcome, is_stopped = index_pass.bring_up_to_date(writer, root, selection)
            in_memory = writer.in_memory
    except index_pass.Busy as error:
        if index_place.have_rebuilt(root, _ANSWERED_WITHIN_S):
            screen.say("asked   the editor's server that keeps this index makes it anew now")
            screen.say("next    indoors index status")
            return 0
        raise IndoorsError(
            f"Another Indoors process writes the index of {private_files.show(root)}.",
            why="It is busy, or it is a command that will have ended soon.",
            next_step="the same again in a moment; indoors index status shows how far it is",
        ) from error
    for note in outcome.notes:
        screen.warn(note)
    if in_memory:
        raise IndoorsError(
            "The index could not be kept: it was in memory and is gone with this command.",
            next_step="indoors doctor   (checks the cache's place and the disk)",
        )
    if is_stopped:
        return index_pass.say_stopped(outcome, root)
    _show(index_place.look(root), as_json=False)
    _say_left_out(outcome.skipped)
    screen.say(f"done    in {time.monotonic() - started_s:.1f} s")
    return 0 if outcome.is_complete else 1


def _show(state: IndexState, *, as_json: bool) -> int:
    if as_json:
        screen.say(json.dumps(msgspec.to_builtins(state)))
        return 0
    screen.say(f"folder  {screen.clean(state.root)}")
    screen.say(f"index   {index_place.describe(state)}")
    if state.files:
        left_out = f", {state.skipped:,} files looked at and left out" if state.skipped else ""
        screen.say(f"        {state.definitions:,} definitions{left_out}")
    if state.in_use:
        screen.say("writer  another Indoors process (an editor's server) keeps it up to date")
    elif state.state != "complete":
        screen.say("next    indoors index rebuild")
    return 0


def _say_left_out(skipped: dict[str, int]) -> None:
    """Say what is not in the index and why: a folder counts once, whatever is in it."""
    for reason, count in sorted(skipped.items(), key=lambda item: (-item[1], item[0])):
        text = f"not in  {count:,} {_REASONS.get(reason, reason)}"
        screen.say(screen.paint(text, "dim"))
