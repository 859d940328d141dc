"""`indoors refactor … --verify-with CMD`: an edit is shown and written only if CMD ends well."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from indoors_completion.refactor.types import Attempt, Edit, NoSafeEdit
from indoors_server.cli import screen

if TYPE_CHECKING:
    from indoors_server.scratch import Scratch, Verified, Written

DEFAULT_TIMEOUT_S = 120
_MOST_TIMEOUT_S = 24 * 3600
_COMMAND = "verify_with"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options. They are read before the lock-down, which narrows what new files allow."""
    parser.add_argument(
        "--verify-with",
        metavar="CMD",
        default="",
        help="run CMD (a program and its arguments, no shell) with the edit made in a copy of the "
        "project, and show or write the edit only if it ends with exit status 0. It is your "
        "command and has your rights to files; as all that Indoors starts it has no network",
    )
    parser.add_argument(
        "--verify-timeout",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_TIMEOUT_S,
        help="for each of the three runs of CMD: without the edit, with it, and with it broken "
        f"(default: {DEFAULT_TIMEOUT_S})",
    )
    before = os.umask(0o077)
    os.umask(before)
    parser.set_defaults(umask=before)


def _seconds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _MOST_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"not from 1 to {_MOST_TIMEOUT_S}")
    return value


@contextlib.contextmanager
def opened(root: Path, path: str, options: argparse.Namespace) -> Iterator[Scratch | None]:
    """A copy of the project in which the command ended well, None if there is no command.

    Raises InputError where it fails without the edit: before a model is loaded for nothing.
    """
    if not options.verify_with:
        yield None
        return
    from indoors_server import scratch

    with scratch.opened(
        root, options.verify_with, timeout_s=options.verify_timeout, umask=options.umask
    ) as found:
        found.fill(path)
        _say(options, "without the edit")
        found.control()
        yield found


def judged(
    scratch: Scratch | None,
    options: argparse.Namespace,
    found: Edit | NoSafeEdit,
    files: Mapping[str, Written],
) -> tuple[Edit | NoSafeEdit, Verified | None]:
    """The edit if the command ends well with it, else why there is none; and what the command did.

    `files` are the texts of the edit's files, by their paths in the project.
    """
    if scratch is None or isinstance(found, NoSafeEdit):
        return found, None
    _say(options, "with the edit")
    verified = scratch.judge(files)
    if not verified.why_not:
        return found, verified
    how = found.attempts[-1].how if found.attempts else "first"
    failed = Attempt(how=how, check=_COMMAND, reason=verified.why_not)
    attempts = (*found.attempts, failed)
    return NoSafeEdit(reason=verified.why_not, attempts=attempts), verified


def show(verified: Verified | None) -> None:
    """The last lines of a command that failed."""
    for line in verified.lines if verified is not None else ():
        screen.warn(f"  | {screen.clean(line)}")


def summary(verified: Verified | None) -> str:
    """What the summary of an edit says of it."""
    if verified is None:
        return "nothing was run"
    return f"verified by: {verified.command} ({verified.seconds:.1f} s)"


def as_json(verified: Verified | None) -> Any:  # noqa: ANN401 - JSON
    """What `--json` has of it, null without a command."""
    if verified is None:
        return None
    found = msgspec.to_builtins(verified)
    return {name: value for name, value in found.items() if name != "why_not"}


def _say(options: argparse.Namespace, how: str) -> None:
    if sys.stderr.isatty() and not options.json:
        screen.warn(screen.clean(f"running {options.verify_with} {how}"))
