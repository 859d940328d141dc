"""Keeps the index of one root equal to its files, in a thread of its own, until it is told to stop.

    open (again while another process writes) -> watch -> pass ->.
        .--------------------------------------------------------'
        `-> changes due?  few: update     a reason: pass
            nothing?      sweep a slice, tidy, wait

What a person has open counts as the editor holds it (`hold`), and the disk does not. Files are
parsed by makers, which are other processes: not beside whoever answers questions in this one.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from indoors_indexing import build, mounts
from indoors_indexing.coalesce import Changes
from indoors_indexing.lone_maker import LoneMaker, Stopped
from indoors_indexing.pool import Spawn
from indoors_indexing.reports import Note, OutOfReach, Phase, Progress, Report, State, Tell
from indoors_indexing.selection import EVERYTHING, Selection
from indoors_indexing.store import StoreReset, StoreUnavailable, Writer, WriterBusy
from indoors_indexing.sweep import Sweep
from indoors_indexing.tree_watch import TreeWatcher
from indoors_indexing.watch import OpenWatches, open_watches


class Pace(NamedTuple):
    """How often and how hard the keeper works when nothing has happened. Seconds, and a share."""

    busy_again_s: float = 3.0
    # Beside events that can be relied on a sweep only repairs.
    sweep_every_s: float = 600.0
    sweep_share: float = 0.02
    # Without them it is how changes are found. The pause grows while nothing is.
    poll_every_s: float = 4.0
    poll_every_at_most_s: float = 30.0
    poll_share: float = 0.05
    slice_s: float = 0.02
    tidy_after_s: float = 5.0
    idle_s: float = 60.0
    progress_every_s: float = 0.1


# Paths looked at between two looks at whether to stop.
_SLICE = 40
# A keeper that was not replaced by then looks again whether it has to be.
_REPLACED_WITHIN_S = 10.0
# Between two looks for a root that is gone, and for a command that asks for another index.
_LOOK_AGAIN_S = 2.0


class Keeper:
    """Keeps one root's index. All methods may be called by any thread.

    `hold`, `let_go` and `changed` wait while the watches of a whole tree are put in order, the
    others never. `spawn` starts makers; it is called in a thread that lasts as long as they.
    `in_reach` says whether this process may read the root as it is now.
    """

    def __init__(
        self,
        root: Path,
        cache: Path,
        tell: Tell,
        *,
        spawn: Spawn | None = None,
        selection: Selection = EVERYTHING,
        pace: Pace | None = None,
        open_watches: OpenWatches = open_watches,
        mount_table: str | None = None,
        in_reach: Callable[[], bool] = lambda: True,
    ) -> None:
        self._in_reach = in_reach
        self._path = root
        self._root = str(root)
        self._cache = cache
        self._tell_user = tell
        self._spawn = spawn
        self._selection = selection
        self._pace = pace or Pace()
        table = mounts.read_table() if mount_table is None else mount_table
        found, real = mounts.parse(table), os.path.realpath(root)
        is_unseen = mounts.changes_unseen(mounts.kind_of(real, found))
        self._must_poll = is_unseen or mounts.unseen_below(real, found)
        self._watcher = TreeWatcher(
            self._root, selection, is_watching=not is_unseen, open_watches=open_watches
        )
        self._stop = threading.Event()
        self._stop_pass = threading.Event()
        self._maker = LoneMaker(self._root, spawn, self._stop.is_set)
        self._rebuild = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[str, bytes] = {}
        self._said: set[str] = set()
        self._phase: Phase | None = None
        self._n_changed = 0
        self._sweep: Sweep | None = None
        self._sweep_at = 0.0
        self._n_idle_polls = 0
        self._tidy_at: float | None = None
        self._progress_at = 0.0
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End as soon as what is being applied is applied."""
        self._stop.set()
        self._watcher.wake()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def hold(self, path: str, text: str) -> None:
        """A file (relative, posix) is open with this text: from now on the text counts."""
        with self._lock:
            if self._selection.denies(path):
                self._held.pop(path, None)
                return
            self._held[path] = text.encode("utf-8", errors="replace")
        self._watcher.add(path)

    def let_go(self, path: str) -> None:
        """A file was closed: from now on the disk counts."""
        with self._lock:
            was_held = self._held.pop(path, None) is not None
        if was_held:
            self._watcher.add(path)

    def changed(self, paths: Sequence[str]) -> None:
        """Somebody who knows (an editor that saved) says that these changed."""
        for path in paths:
            self._watcher.add(path)

    def select(self, selection: Selection) -> None:
        """Something else is wanted or denied from now on: a pass makes the index fit."""
        with self._lock:
            if selection == self._selection:
                return
            self._selection = selection
            self._held = {
                path: text for path, text in self._held.items() if not selection.denies(path)
            }
        self._watcher.select(selection)

    def stop_pass(self) -> None:
        """End a pass that is under way: what is in the index stays.

        Nothing looks for the rest before there is a reason for another pass.
        """
        self._stop_pass.set()

    def rebuild(self) -> None:
        """Throw the index away and make it again, because a person asked for it."""
        self._rebuild.set()
        self._watcher.wake()

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            writer = self._open()
            if writer is not None:
                with writer:
                    self._keep(writer)
        except Exception as error:  # noqa: BLE001 - a defect costs the index, never the process
            self._note(f"The index of this folder has stopped: {type(error).__name__}.")
        finally:
            if self._sweep is not None:
                self._sweep.close()
            self._maker.close()
            self._watcher.close()
            self._state("off")

    def _open(self) -> Writer | None:
        while not self._stop.is_set():
            try:
                return Writer.open(self._path, self._cache)
            except WriterBusy:
                self._state("waiting")
                self._stop.wait(self._pace.busy_again_s)
            except StoreUnavailable as error:
                self._note(f"There is no index: {error}.")
                return None
        return None

    def _keep(self, writer: Writer) -> None:
        self._watcher.start()
        needs_pass = True
        while not self._stop.is_set():
            try:
                if self._rebuild.is_set() or writer.is_asked_to_rebuild():
                    self._rebuild.clear()
                    writer.rebuild()
                    needs_pass = True
                if needs_pass:
                    needs_pass = False
                    self._pass(writer)
                else:
                    self._wait_and_work(writer)
            except StoreReset:
                needs_pass = True  # the database is an empty one now
            except Stopped:
                return
            for note in writer.notes:
                self._note(note)

    def _wait_and_work(self, writer: Writer) -> None:
        changes = self._watcher.take(self._patience())
        if self._stop.is_set() or self._rebuild.is_set():
            if changes is not None:
                self._watcher.put_back(changes)
        elif changes is not None:
            self._deal_with(writer, changes)
        elif self._phase == "gone" and self._watcher.root_is_there:
            self._pass(writer)
        else:
            self._use_quiet(writer)

    def _patience(self) -> float:
        """How long to wait for changes before the time is used for something else."""
        now = time.monotonic()
        due = [now + min(self._pace.idle_s, _LOOK_AGAIN_S), self._sweep_at]
        if self._tidy_at is not None:
            due.append(self._tidy_at)
        return max(min(due) - now, 0.0)

    def _deal_with(self, writer: Writer, changes: Changes) -> None:
        if changes.reconcile:
            self._pass(writer)
            # A pass goes by size and time. Of what was named the content is compared.
            self._look_at(writer, changes.paths)
        elif self._look_at(writer, changes.paths):
            self._watcher.refresh()
            self._pass(writer)
        self._settled("ready" if self._watcher.root_is_there else "gone")

    def _look_at(self, writer: Writer, paths: Sequence[str]) -> bool:
        """Bring single paths up to date; whether more than they has to be looked at."""
        needs_pass = False
        for start in range(0, len(paths), _SLICE):
            if self._stop.is_set():
                return False
            some = paths[start : start + _SLICE]
            done = build.update(
                writer, self._root, some, self._selection, self._held_now(), self._maker.make
            )
            self._n_changed += done.n_changed + done.n_removed
            needs_pass = needs_pass or done.needs_pass
        # Without a root there is nothing to compare; when it is back, the watcher says so.
        return needs_pass and self._watcher.root_is_there

    def _pass(self, writer: Writer) -> None:
        """Compare all files with the index."""
        self._end_sweep()
        if not self._watcher.root_is_there:
            self._settled("gone")
            return
        if not self._in_reach():
            # What cannot be read would count as removed. Nothing more is done here.
            self._tell(OutOfReach())
            self._stop.wait(_REPLACED_WITHIN_S)
            return
        self._stop_pass.clear()
        self._state("indexing")
        held, selection = self._held_now(), self._selection
        outcome = build.bring_up_to_date(
            writer,
            self._root,
            spawn=self._spawn,
            progress=self._progress,
            cancelled=lambda: (
                self._stop.is_set() or self._stop_pass.is_set() or self._selection != selection
            ),
            selection=selection,
            held=held,
            make_one=self._maker.make,
        )
        for note in outcome.notes:
            self._note(note)
        self._n_changed += outcome.n_changed + outcome.n_removed
        if held and not self._stop.is_set():
            # The pass left them alone, also where what is ignored has changed.
            self._look_at(writer, list(held))
        if self._stop_pass.is_set():
            # A sweep would do the same work without being asked to.
            self._sweep_at = math.inf
        self._note_coverage()
        self._settled("ready")

    # --- quiet moments ----------------------------------------------------------------------------

    def _use_quiet(self, writer: Writer) -> None:
        now = time.monotonic()
        self._maker.rest()
        if self._tidy_at is not None and now >= self._tidy_at:
            self._tidy_at = None
            writer.tidy()
            writer.clean_up()
        if now >= self._sweep_at:
            self._sweep_on(writer)

    def _sweep_on(self, writer: Writer) -> None:
        """A slice of the sweep that is under way, or the first one of a new one."""
        if not self._watcher.root_is_there:
            self._end_sweep()
            return
        if self._sweep is None:
            known = writer.known()
            self._sweep = Sweep(self._root, known, self._selection, cancelled=self._stop.is_set)
        sweep, before = self._sweep, time.monotonic()
        held = self._held_now()
        differ = [path for path in sweep.step(self._pace.slice_s) if path not in held]
        worked_s = time.monotonic() - before
        n_before = self._n_changed
        if differ:
            self._look_at(writer, differ)
        if self._n_changed > n_before:
            self._n_idle_polls = -1
            self._settled("ready")
        if sweep.is_done:
            self._n_idle_polls += 1
            self._end_sweep()
            self._watcher.refresh()
            return
        share = self._pace.poll_share if self._is_polling() else self._pace.sweep_share
        self._sweep_at = time.monotonic() + worked_s * (1 / share - 1)

    def _end_sweep(self) -> None:
        """No sweep is under way; when the next one begins."""
        pause = self._pace.sweep_every_s
        if self._is_polling():
            longer = 2 ** min(max(self._n_idle_polls, 0), 8)
            pause = min(self._pace.poll_every_s * longer, self._pace.poll_every_at_most_s)
        if self._sweep is not None:
            self._sweep.close()
            self._sweep = None
        self._sweep_at = time.monotonic() + pause

    def _is_polling(self) -> bool:
        return self._must_poll or not self._watcher.coverage.is_complete

    # --- what is said -----------------------------------------------------------------------------

    def _held_now(self) -> dict[str, bytes]:
        with self._lock:
            return dict(self._held)

    def _settled(self, phase: Phase) -> None:
        if self._n_changed:
            self._tidy_at = time.monotonic() + self._pace.tidy_after_s
        self._state(phase)

    def _note_coverage(self) -> None:
        coverage = self._watcher.coverage
        if coverage.reason == "limit":
            self._note(
                f"Only {coverage.n_watched} of {coverage.n_folders} folders can be watched: this "
                "system's limit (fs.inotify.max_user_watches) is reached. The others are looked at "
                "from time to time."
            )
        elif coverage.reason == "none" and not self._must_poll:
            self._note(
                "This system gives no file events (fs.inotify.max_user_instances may be reached): "
                "files are looked at from time to time."
            )

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done in (0, total) or now - self._progress_at >= self._pace.progress_every_s:
            self._progress_at = now
            self._tell(Progress(done, total))

    def _note(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._tell(Note(text))

    def _state(self, phase: Phase) -> None:
        n_changed, self._n_changed = self._n_changed, 0
        if phase != self._phase or n_changed:
            self._phase = phase
            self._tell(State(phase, n_changed))

    def _tell(self, report: Report) -> None:
        with contextlib.suppress(OSError):  # a pipe that nobody reads any more
            self._tell_user(report)
