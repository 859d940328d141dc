"""Waiting for what a watcher says, and watches that fail when they are told to."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
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


TREE_DEEDS = ["move tree", "delete tree", "new tree"]
FOLDERS = ("", "a", "a/b", "a/b/c", "d", "d/e", "build")


def storm(root: Path, chance: random.Random, n: int) -> Iterator[str]:
    """Do `n` things to a tree that people and tools do, some of which fail; yields after each."""
    names = [f"{name}.py" for name in "xyz"]
    for number in range(n):
        folder, other = root / chance.choice(FOLDERS), root / chance.choice(FOLDERS)
        path, text = folder / chance.choice(names), f"word{number} = {'1' * (number + 1)}\n"
        deed = chance.choice(["write", "write", "write", "save", "delete", "move", *TREE_DEEDS])
        with contextlib.suppress(OSError):
            if deed == "write":
                path.write_text(text)
            elif deed == "save":
                path.with_suffix(".tmp").write_text(text)
                path.with_suffix(".tmp").replace(path)
            elif deed == "delete":
                path.unlink()
            elif deed == "move":
                path.rename(other / chance.choice(names))
            elif deed == "move tree" and folder != root:
                folder.rename(other / folder.name)
            elif deed == "delete tree" and folder != root:
                shutil.rmtree(folder)
            elif deed == "new tree":
                folder.mkdir(parents=True)
                (folder / "x.py").write_text(text)
        yield deed


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

    def for_a_moment(self) -> None:
        """Listen once, for what may be due."""
        self._listen(0.05)

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
