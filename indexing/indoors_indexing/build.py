"""Brings an index up to date with the files: all of them in a pass, or the ones that changed.

    walk -> size and time differ -> read, hash differs -> parse, cut -> applied in batches
                                              `-> only the time is noted
    what the walk did not meet is removed, once the walk has seen everything

A pass can be stopped at any time and goes on where it was: what is applied counts as known.
"""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from indoors_indexing import ignore, sift
from indoors_indexing.beneath import is_inside
from indoors_indexing.maker import Result, Task, make
from indoors_indexing.pool import Pool, PoolBroken, Spawn, n_makers
from indoors_indexing.reading import Unreadable, is_below_link, open_root
from indoors_indexing.records import FileRecord, Known
from indoors_indexing.scan import Found, Scan, never, walk
from indoors_indexing.selection import EVERYTHING, Selection
from indoors_indexing.store import StoreReset, Writer

Progress = Callable[[int, int], None]
# Makes one record, given the open root: in this process, or somewhere else.
MakeOne = Callable[[int, Task], Result]
# Texts of files that are open in an editor, by path: they count, and the disk does not.
NOTHING_HELD: Mapping[str, bytes] = MappingProxyType({})

# Words of text that go into one transaction: what a killed process loses, and what the full-text
# engine sorts in memory before it writes.
_BATCH_BYTES = 8_000_000
_BATCH_S = 3.0
# Below this a pass takes less time than starting processes.
_POOL_FROM_FILES = 150
_POOL_FROM_BYTES = 3_000_000
_ATTEMPTS = 3


class Outcome(NamedTuple):
    """What a pass did. `skipped` counts by reason what is not indexed."""

    n_files: int
    n_changed: int
    n_same: int
    n_removed: int
    skipped: Counter[str]
    is_complete: bool
    notes: tuple[str, ...] = ()


class Update(NamedTuple):
    """What an update of single paths did.

    `needs_pass` says that a path is about more than itself: a folder, or rules of what is ignored.
    """

    n_changed: int
    n_removed: int
    needs_pass: bool


def bring_up_to_date(
    writer: Writer,
    root: str,
    *,
    spawn: Spawn | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = never,
    selection: Selection = EVERYTHING,
    held: Mapping[str, bytes] = NOTHING_HELD,
    make_one: MakeOne | None = None,
) -> Outcome:
    """One pass over the tree below `root`. Never raises on anything in it but what `make_one` does.

    With `spawn` a large pass uses several processes, a small one `make_one`. `progress` gets (files
    done, files to do). What is `held` stays as it is: somebody has it open, and `update` is told
    its text. An index that knows what the selection denies by now is made anew.
    """
    for _ in range(_ATTEMPTS):
        try:
            return _Pass(writer, root, spawn, progress, cancelled, selection, held, make_one).run()
        except StoreReset:
            # The database is a new one: everything counts as changed in the next attempt.
            continue
    return Outcome(0, 0, 0, 0, Counter(), is_complete=False, notes=tuple(writer.notes))


class _Pass:
    def __init__(
        self,
        writer: Writer,
        root: str,
        spawn: Spawn | None,
        progress: Progress | None,
        cancelled: Callable[[], bool],
        selection: Selection,
        held: Mapping[str, bytes],
        make_one: MakeOne | None,
    ) -> None:
        self._writer = writer
        self._root = root
        self._spawn = spawn
        self._progress = progress
        self._cancelled = cancelled
        self._selection = selection
        self._held = held
        self._make_one = make_one or make
        self._notes: list[str] = []
        self._states: dict[str, Found] = {}
        self._records: list[FileRecord] = []
        self._touched: list[tuple[str, int, int]] = []
        self._gone: list[str] = []
        self._n_bytes = 0
        self._applied_at = time.monotonic()
        self._n_changed = self._n_same = self._n_removed = 0
        self._is_full = False

    def run(self) -> Outcome:
        known = self._writer.known()
        scan = Scan(self._cancelled)
        tasks = self._changed(known, scan)
        if tasks is None:
            return self._outcome(scan, is_complete=False)
        if any(map(self._selection.denies, known)):
            # SQLite keeps the bytes of deleted rows until it needs their place, and the full-text
            # index its words: only a new database has nothing of what is denied by now.
            self._writer.rebuild()
            raise StoreReset("it knew of files that are denied")
        done, total = 0, len(tasks)
        self._report(0, total)
        for results in self._results(tasks):
            for result in results:
                self._take(result)
            done += len(results)
            if self._is_due():
                self._apply()
            self._report(done, total)
            if self._cancelled() or self._is_full:
                break
        self._apply()
        if scan.is_complete:
            # What is left in `known` was not met on the walk.
            self._n_removed += self._writer.remove(known.keys() - self._held.keys())
        is_complete = scan.is_complete and done == total
        if is_complete:
            self._writer.complete()
            self._writer.clean_up()
        self._writer.tidy()
        return self._outcome(scan, is_complete=is_complete)

    def _changed(self, known: dict[str, Known], scan: Scan) -> list[Task] | None:
        """What has to be read; takes out of `known` what was met. None if there is no root."""
        tasks: list[Task] = []
        try:
            for found in walk(self._root, scan, self._selection):
                before = known.pop(found.path, None)
                if found.path in self._held:
                    continue
                if before is None or before[:2] != (found.size, found.mtime_ns):
                    tasks.append(Task(found.path, before.hash if before else b""))
                    self._states[found.path] = found
        except Unreadable:
            self._notes.append("The folder cannot be read: its index stays as it is.")
            return None
        return tasks

    def _results(self, tasks: list[Task]) -> Iterator[list[Result]]:
        left = {task.path: task for task in tasks}
        n_bytes = sum(found.size for found in self._states.values())
        if self._spawn is not None and (
            len(tasks) >= _POOL_FROM_FILES or n_bytes >= _POOL_FROM_BYTES
        ):
            try:
                for results in Pool(self._spawn, n_makers()).make(os.fsencode(self._root), tasks):
                    for result in results:
                        left.pop(result.path, None)
                    yield results
                return
            except PoolBroken:
                self._notes.append("Indexing uses one process: others could not be started.")
        try:
            root = open_root(self._root)
        except OSError:
            return
        try:
            for task in left.values():
                yield [self._make_one(root, task)]
        finally:
            os.close(root)

    def _take(self, result: Result) -> None:
        record = result.record
        found = self._states.pop(result.path)
        if record is None:
            # Gone since the walk met it, or not a file any more.
            self._gone.append(result.path)
        elif result.is_same:
            self._touched.append((record.path, record.size, record.mtime_ns))
        else:
            if record.skipped == "crash":
                # Not to be tried again before it changes.
                record = msgspec.structs.replace(record, size=found.size, mtime_ns=found.mtime_ns)
            self._records.append(record)
            self._n_bytes += sum(len(chunk.words) for chunk in record.chunks) + 200

    def _is_due(self) -> bool:
        return self._n_bytes > _BATCH_BYTES or time.monotonic() - self._applied_at > _BATCH_S

    def _apply(self) -> None:
        self._writer.apply(self._records)
        self._writer.touch(self._touched)
        self._n_removed += self._writer.remove(self._gone)
        self._n_changed += len(self._records)
        self._n_same += len(self._touched)
        self._records, self._touched, self._gone = [], [], []
        self._n_bytes, self._applied_at = 0, time.monotonic()
        if not self._is_full and self._writer.is_full():
            self._is_full = True
            self._notes.append("The index has reached its limit in size: some files are left out.")

    def _report(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)

    def _outcome(self, scan: Scan, *, is_complete: bool) -> Outcome:
        return Outcome(
            scan.n_found,
            self._n_changed,
            self._n_same,
            self._n_removed,
            scan.skipped,
            is_complete,
            (*self._writer.notes, *self._notes),
        )


def update(
    writer: Writer,
    root: str,
    paths: Sequence[str],
    selection: Selection = EVERYTHING,
    held: Mapping[str, bytes] = NOTHING_HELD,
    make_one: MakeOne | None = None,
) -> Update:
    """Look at single paths (relative, posix) that something happened to. Raises StoreReset.

    Raises nothing else but what `make_one` does. Of a path that is `held` the text counts and not
    the disk.
    """
    try:
        descriptor = open_root(root)
    except OSError:
        return Update(0, 0, needs_pass=True)
    try:
        levels = ignore.base_levels(root)
        records: list[FileRecord] = []
        gone: list[str] = []
        touched: list[tuple[str, int, int]] = []
        needs_pass = False
        for path in dict.fromkeys(path for path in paths if _is_text(path)):
            kind = _kind(descriptor, path)
            if path.rpartition("/")[2] in ignore.RULE_FILES or kind == "folder":
                needs_pass = True
                continue
            result = None
            text = held.get(path) if is_inside(path) else None
            if text is not None and is_below_link(descriptor, path):
                text = None  # its text is another file's, which counts under its own name or not
            is_there = kind == "file" or text is not None
            if is_there and _is_kept(descriptor, levels, path, selection):
                result = (make_one or make)(descriptor, Task(path, writer.hash_of(path), text))
            if result is None or result.record is None:
                gone += [path, *writer.paths_below(path)]
            elif result.is_same:
                touched.append((path, result.record.size, result.record.mtime_ns))
            else:
                records.append(result.record)
        n_removed = writer.remove(gone)
        writer.touch(touched)
        writer.apply(records)
        return Update(len(records), n_removed, needs_pass)
    finally:
        os.close(descriptor)


def _is_text(path: str) -> bool:
    """Whether a name can be stored at all; the walk leaves out the others too."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(root: int, path: str) -> str:
    """ "file", "folder", or "" for what is not there or not ours to look at."""
    if not is_inside(path):
        return ""
    try:
        mode = os.stat(path, dir_fd=root, follow_symlinks=False).st_mode
    except (OSError, ValueError):
        return ""
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else ""


def _is_kept(root: int, levels: ignore.Levels, path: str, selection: Selection) -> bool:
    folders = path.split("/")[:-1]
    if selection.file_reason(path, 0) is not None:
        return False
    for depth, folder in enumerate(folders, 1):
        inside = "/".join(folders[:depth])
        if sift.folder_reason(folder, selection.wanted) is not None:
            return False
        if any(_kind(root, f"{inside}/{marker}") for marker in sift.MARKER_FILES):
            return False
    return not ignore.is_ignored(levels, root, path)
