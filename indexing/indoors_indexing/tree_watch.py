"""Watches the tree below one root and says what changed in it, in batches.

    kernel --event--> watches of single folders --path--> Coalescer --Changes--> who asks (`take`)
                         |                                    ^
                         `- new folder: watched, then listed -'

Events are worked off in the thread that reads them: while it is busy the kernel's own queue fills,
which is bounded, and when that overflows we are told. Whatever cannot be expressed as paths becomes
a reason to compare the whole tree, and the watches are made to fit the tree before the reason is
given away: what happens during the comparison is heard of.

Each folder is watched by its name, so a link that takes the place of a folder on the way could have
another folder watched. That costs a wrong path, which whoever looks at it does not follow.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from indoors_indexing import ignore, sift
from indoors_indexing.coalesce import Changes, Coalescer, Reason
from indoors_indexing.folders import folders
from indoors_indexing.selection import EVERYTHING, Selection
from indoors_indexing.watch import Event, OpenWatches, Watches, open_watches

# The root can vanish and come back without an event: with a folder above it, or with its disk.
_LOOK_AT_ROOT_S = 2.0
# These say that a folder went away while we were at it, which its parent's events say too.
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
# After these, what is heard is about other folders than the books say, or there is no more to hear.
_NEEDS_NEW_WATCHES: frozenset[Reason] = frozenset({"overflow", "root"})
_RULES = frozenset((*ignore.RULE_FILES, *sift.MARKER_FILES))


class Coverage(NamedTuple):
    """How much of the tree the kernel watches for us.

    `reason` says why some of it is not watched: "limit" (the user's limit of watches), "refused",
    "none" (this system, or its limit of instances, gives us no watches at all), or "".
    """

    n_folders: int
    n_watched: int
    reason: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether events can be relied on, so that a sweep finds next to nothing."""
        return not self.reason and self.n_watched == self.n_folders


class TreeWatcher:
    """Watches one root until it is closed. `take` and the rest may be called by any thread.

    With `is_watching` off there are no events but those that are handed in (`add`), and the tree is
    compared when it is asked for.
    """

    def __init__(
        self,
        root: str,
        selection: Selection = EVERYTHING,
        *,
        is_watching: bool = True,
        open_watches: OpenWatches = open_watches,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._selection = selection
        self._is_watching = is_watching
        self._open = open_watches
        self._clock = clock
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._coalescer = Coalescer()
        self._watches: Watches | None = None
        # Events of watches that were replaced carry an older number than this.
        self._generation = 0
        self._by_path: dict[str, int] = {}
        self._by_watch: dict[int, str] = {}
        self._unwatched: dict[str, str] = {}
        self._no_watches = False
        self._root_is: tuple[int, int] | None = None
        self._looked_at_root = float("-inf")
        self._is_woken = self._is_closed = False

    # --- for who listens --------------------------------------------------------------------------

    def start(self) -> None:
        """Watch all there is. What is scanned after this cannot change unheard."""
        with self._lock:
            self._root_is = self._root_now()
            self._looked_at_root = self._clock()
            self._refresh(anew=True)

    def take(self, timeout_s: float) -> Changes | None:
        """Wait for changes that are due; None after `timeout_s`, or when woken or closed.

        Where there is a reason to compare the tree, the watches have been made to fit it already.
        """
        with self._news:
            end = self._clock() + timeout_s
            while not self._is_closed and not self._is_woken:
                self._look_at_root()
                now, due = self._clock(), self._coalescer.due()
                if due is not None and due <= now:
                    return self._taken(now)
                if now >= end:
                    break
                until = min(end, self._looked_at_root + _LOOK_AT_ROOT_S)
                self._news.wait(max((until if due is None else min(until, due)) - now, 0))
            self._is_woken = False
            return None

    def add(self, path: str) -> None:
        """Something happened to a path, as somebody else says."""
        with self._news:
            self._coalescer.add(path, self._clock())
            self._news.notify_all()

    def put_back(self, changes: Changes) -> None:
        """Report again, later, what could not be dealt with."""
        with self._news:
            self._coalescer.put_back(changes, self._clock())
            self._news.notify_all()

    def select(self, selection: Selection) -> None:
        """From now on something else counts: the tree has to be compared."""
        with self._news:
            self._selection = selection
            self._reconcile("rules")
            self._news.notify_all()

    def wake(self) -> None:
        """Have who waits in `take`, or will next, return at once."""
        with self._news:
            self._is_woken = True
            self._news.notify_all()

    def refresh(self) -> None:
        """Try again to watch what could not be watched, and what was not heard of."""
        with self._lock:
            self._refresh(anew=self._watches is None)

    def close(self) -> None:
        """Watch nothing more; whoever waits is told."""
        with self._news:
            self._is_closed = True
            self._drop_all()
            self._news.notify_all()

    @property
    def coverage(self) -> Coverage:
        """How much of the tree is watched at the moment."""
        with self._lock:
            n_watched = len(self._by_path)
            reason = "none" if self._no_watches else next(iter(self._unwatched.values()), "")
            return Coverage(n_watched + len(self._unwatched), n_watched, reason)

    @property
    def root_is_there(self) -> bool:
        """Whether there is a root, and it is the one that is watched."""
        with self._lock:
            return self._root_is is not None and self._root_now() is not None

    # --- what is heard ----------------------------------------------------------------------------

    def _hear(self, generation: int, event: Event) -> None:
        with self._news:
            if generation != self._generation or self._is_closed:
                return
            try:
                self._handle(event)
            except Exception:  # noqa: BLE001 - the thread that reads must live; a comparison finds it
                self._reconcile("overflow")
            self._news.notify_all()

    def _handle(self, event: Event) -> None:
        if event.what in ("overflow", "ended"):
            self._reconcile("overflow")
            return
        folder = self._by_watch.get(event.watch)
        if folder is None:
            return  # of a watch that was given up while this was on its way
        if event.what == "dropped":
            self._forget(folder)
        elif event.what in ("self-gone", "self-left"):
            if event.what == "self-left" and folder and self._is_still_there(folder, event.watch):
                return
            self._folder_gone(folder, is_empty=event.what == "self-gone")
            if folder == "":
                # A root that is made again at once may get the old one's number.
                self._root_is = None
                self._looked_at_root = float("-inf")
                self._reconcile("root")
        elif _is_text(event.name):
            path = f"{folder}/{event.name}" if folder else event.name
            if event.is_folder:
                self._folder_event(event, path)
            elif event.name in _RULES:
                self._reconcile("rules")
            elif sift.file_reason(event.name, 0) is None:
                self._coalescer.add(path, self._clock())

    def _is_still_there(self, path: str, watch: int) -> bool:
        """Whether a watch is the folder's that has this name now.

        The kernel tells the folders on both ends of a move before it tells what was moved. We can
        have watched it under its new name by then, and hear of the move that brought it there.
        """
        try:
            return (
                self._watches is not None and self._watches.watch(f"{self._root}/{path}") == watch
            )
        except OSError:
            return False

    def _folder_event(self, event: Event, path: str) -> None:
        if event.what == "come":
            self._visit(path)
        # One that was not watched held nothing of ours, unless watches are missing.
        elif self._is_watched(path) or not self.coverage.is_complete:
            self._folder_gone(path, is_empty=event.what == "gone")

    def _folder_gone(self, path: str, *, is_empty: bool) -> None:
        self._forget(path)
        if not is_empty:
            # Only for these: a tree is deleted folder by folder, and each would look at all others.
            below = path + "/" if path else ""
            for watched in [*self._by_path, *self._unwatched]:
                if watched.startswith(below):
                    self._forget(watched)
        if path:
            self._coalescer.add(path, self._clock())

    def _reconcile(self, reason: Reason) -> None:
        self._coalescer.reconcile(reason, self._clock())

    def _taken(self, now: float) -> Changes:
        changes = self._coalescer.take(now)
        if changes.reconcile:
            self._refresh(anew=not _NEEDS_NEW_WATCHES.isdisjoint(changes.reconcile))
        return changes

    # --- the root ---------------------------------------------------------------------------------

    def _look_at_root(self) -> None:
        now = self._clock()
        if now - self._looked_at_root < _LOOK_AT_ROOT_S:
            return
        self._looked_at_root = now
        found = self._root_now()
        if found != self._root_is:
            self._root_is = found
            if found is None:
                self._drop_all()
            self._reconcile("root")

    def _root_now(self) -> tuple[int, int] | None:
        try:
            status = Path(self._root).stat()
        except (OSError, ValueError):
            return None
        return status.st_dev, status.st_ino

    # --- watches ----------------------------------------------------------------------------------

    def _refresh(self, *, anew: bool) -> None:
        """Make the watches fit the folders that a scan would enter now."""
        if self._is_closed or not self._is_watching:
            return
        if anew:
            self._drop_all()
            self._open_watches()
        if self._watches is None:
            return
        before = set(self._by_path)
        self._unwatched.clear()
        seen: set[str] = set()

        def enter(path: str) -> None:
            seen.add(path)
            if path not in before:
                self._watch(path)

        for folder in folders(self._root, "", enter, self._selection):
            if not folder.kept:
                self._forget(folder.path)
        for path in before - seen:
            self._forget(path)

    def _open_watches(self) -> None:
        self._generation += 1
        generation = self._generation
        try:
            self._watches = self._open(lambda event: self._hear(generation, event))
            self._no_watches = False
        except OSError:
            self._no_watches = True

    def _visit(self, path: str) -> None:
        """Watch a new folder and all below it, and report the files that are in it by now."""
        n_before = len(self._unwatched)
        for folder in folders(self._root, path, self._watch, self._selection, with_files=True):
            if not folder.kept:
                self._forget(folder.path)
            for file in folder.files:
                self._coalescer.add(file, self._clock())
        if not n_before and self._unwatched:
            # From here on events are missing: what they would have said is found by comparing.
            self._reconcile("watches")

    def _watch(self, path: str) -> None:
        if self._watches is None:
            return
        if path not in self._by_path and "limit" in self._unwatched.values():
            self._unwatched[path] = "limit"
            return
        try:
            # The root may be reached through a link, because a person named it: "." is no link.
            watch = self._watches.watch(f"{self._root}/{path or '.'}")
        except OSError as error:
            self._forget(path)
            if error.errno not in _VANISHED:
                self._unwatched[path] = "refused" if error.errno == errno.EACCES else "limit"
            return
        if self._by_path.get(path, watch) != watch:
            self._forget(path)  # another folder had this name
        old = self._by_watch.get(watch, path)
        if old != path:
            # It was moved here, and we have not heard of that yet: when we do, the old name means
            # nothing any more.
            self._by_path.pop(old, None)
            self._coalescer.add(old, self._clock())
        self._by_path[path] = watch
        self._by_watch[watch] = path

    def _is_watched(self, path: str) -> bool:
        return path in self._by_path or path in self._unwatched

    def _forget(self, path: str) -> None:
        self._unwatched.pop(path, None)
        watch = self._by_path.pop(path, None)
        if watch is None:
            return
        self._by_watch.pop(watch, None)
        if self._watches is not None:
            with contextlib.suppress(OSError):
                self._watches.unwatch(watch)

    def _drop_all(self) -> None:
        self._generation += 1
        watches, self._watches = self._watches, None
        self._by_path.clear()
        self._by_watch.clear()
        self._unwatched.clear()
        if watches is not None:
            with contextlib.suppress(OSError):
                watches.close()


def _is_text(name: str) -> bool:
    """Whether a name can be stored at all; the walk leaves out the others too."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
