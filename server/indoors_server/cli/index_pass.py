"""How a command brings an index up to date: progress at a terminal, and Ctrl-C that loses nothing.

A pass applies whole batches and goes on where it was, so stopping one is no loss: the first Ctrl-C
lets it finish what it holds, a second one ends the command.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from indoors_completion.types import IndoorsError
from indoors_server import children, index_place, paths, private_files
from indoors_server.cli import screen
from indoors_server.cli.report import ConsoleReport

if TYPE_CHECKING:
    from indoors_indexing.build import Outcome
    from indoors_indexing.pool import Child
    from indoors_indexing.selection import Selection
    from indoors_indexing.store import Writer

# Exit status of a command that a person stopped.
INTERRUPTED = 130


class Busy(Exception):
    """Another process writes this index, and so keeps it up to date."""


@contextlib.contextmanager
def writing(root: Path) -> Iterator[Writer]:
    """The writer of a root's index. Raises Busy, or IndoorsError if there can be no index here."""
    from indoors_indexing.store import StoreUnavailable, Writer, WriterBusy

    try:
        writer = Writer.open(root, paths.cache_dir())
    except WriterBusy as error:
        raise Busy from error
    except StoreUnavailable as error:
        raise index_place.no_index(f"SQLite has no full-text search: {error}") from error
    with writer:
        yield writer


def selection_of(root: Path) -> Selection:
    """What of a root the policy lets us index. Raises IndoorsError if that is nothing."""
    from indoors_indexing.selection import Selection
    from indoors_server.policies import Policies

    policies = Policies()
    policies.read([str(root)], None)
    found = policies.of(str(root))
    if not policies.may_index(str(root)):
        key = "mode" if found.mode == "off" else "index"
        raise IndoorsError(
            f"{private_files.show(root)} is not indexed: the policy does not allow it.",
            why=f"{key} is {'off' if key == 'mode' else 'false'} ({found.origin(key).title})",
            next_step=f"indoors policy explain {key}",
        )
    return Selection(deny=found.deny_paths)


def bring_up_to_date(writer: Writer, root: Path, selection: Selection) -> tuple[Outcome, bool]:
    """One pass; what it did, and whether Ctrl-C stopped it."""
    from indoors_indexing import build

    bar = ConsoleReport() if sys.stderr.isatty() else None

    def show(done: int, total: int) -> None:
        if bar is not None and total:
            bar.progress("indexing", done, total)

    with stoppable() as is_stopped:
        try:
            outcome = build.bring_up_to_date(
                writer,
                str(root),
                spawn=partial(_maker, root),
                progress=show,
                cancelled=is_stopped,
                selection=selection,
            )
        finally:
            if bar is not None:
                bar.finish()
        return outcome, is_stopped() and not outcome.is_complete


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into an answer to "shall we stop?"; the second one interrupts."""
    asked = False

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        # Started in the background by a shell: what the person types is not meant for us.
        yield lambda: asked
        return
    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)


def say_stopped(outcome: Outcome, root: Path) -> int:
    """Say what an interrupted pass leaves; the exit status."""
    screen.warn(
        f"Stopped. {outcome.n_changed:,} files were indexed, and can be searched; the rest of "
        f"{private_files.show(root)} comes with the next search or rebuild."
    )
    return INTERRUPTED


def _maker(root: Path) -> Child:
    """Start a maker for a root that Ctrl-C does not reach: the terminal sends it to every process.

    A blocked signal stays blocked in the child. Makers end with us in any case.
    """
    if sys.platform == "win32":
        return children.spawn("indexer", "--maker", f"--root={root}")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return children.spawn("indexer", "--maker", f"--root={root}")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
