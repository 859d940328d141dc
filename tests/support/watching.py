"""Waiting for what a watcher says, and watches that fail when they are told to."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from indoors_indexing.coalesce import Reason
from indoors_indexing.tree_watch import TreeWatcher
from indoors_indexing.watch import Event, Heard, Watches, open_watches

# Generous: a machine may be busy, and nothing here says how fast anything is.
PATIENCE_S = 60.0


def make(root: Path, *paths: str, text: str = "x = 1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


class Said:
    """What a watcher has said so far."""

    def __init__(self, watcher: TreeWatcher) -> None:
        self._watcher = watcher
        self.paths: set[str] = set()
        self.reasons: set[Reason] = set()
        self.n_batches = 0

    def until(self, is_enough: Callable[[Said], bool]) -> Said:
        """Listen until it is enough."""
        end = time.monotonic() + PATIENCE_S
        while not is_enough(self):
            assert time.monotonic() < end, (self.paths, self.reasons)
            self._listen(0.5)
        return self

    def for_good(self) -> Said:
        """Listen until nothing more comes of what has happened."""
        while self._listen(1.0):
            pass
        return self

    def _listen(self, timeout_s: float) -> bool:
        changes = self._watcher.take(timeout_s)
        if changes is None:
            return False
        self.n_batches += 1
        self.paths.update(changes.paths)
        self.reasons.update(changes.reconcile)
        return True

    def paths_of(self, *paths: str) -> Said:
        """Listen until all of these were named."""
        return self.until(lambda said: set(paths) <= said.paths)

    def reason(self, reason: Reason) -> Said:
        """Listen until this was given as a reason to compare everything."""
        return self.until(lambda said: reason in said.reasons)


class Limited:
    """Watches of the kernel, of which there are only so many; events can be made up."""

    def __init__(self, heard: Heard, limit: list[int]) -> None:
        self.heard = heard
        self._limit = limit
        self._inner: Watches = open_watches(heard)
        self._watched: set[int] = set()
        self.names: list[str] = []

    def watch(self, path: str) -> int:
        if len(self._watched) >= self._limit[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        watch = self._inner.watch(path)
        self._watched.add(watch)
        self.names.append(path)
        return watch

    def unwatch(self, watch: int) -> None:
        self._watched.discard(watch)
        self._inner.unwatch(watch)

    def close(self) -> None:
        self._inner.close()


class Opener:
    """Opens watches with a limit, keeps what it opened, and can refuse."""

    def __init__(self, limit: int = 10**6) -> None:
        self.limit = [limit]
        self.opened: list[Limited] = []
        self.refuses = False

    def __call__(self, heard: Heard) -> Watches:
        if self.refuses:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self.opened.append(Limited(heard, self.limit))
        return self.opened[-1]

    def say(self, event: Event) -> None:
        """Have the newest watches say something."""
        self.opened[-1].heard(event)
