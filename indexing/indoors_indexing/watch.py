"""The one owner of watchdog: the kernel's inotify, one watch for each folder we ask for.

Of watchdog 7 only `InotifyFD` is used, which is the queue of the kernel, its books and its thread.
What it builds on top does not do for us, as its source says and a test holds:

- A recursive watch takes every folder (`os.walk`), ignored and vendored ones too, and the number of
  watches that a user may have is limited.
- A watch that fails below the root is passed over in silence (`InotifyWatchGroup._add_callback`),
  and one that is refused (EACCES) is kept as number -1.
- When the queue overflows, what was lost is logged and told to nobody.
- A file that is renamed is held back for half a second, to find the other half of the move. This is
  how editors save.

So a folder is one watch, failures reach the caller, and an overflow is an event like others.
"""

from __future__ import annotations

import errno
import itertools
import os
import sys
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from typing_extensions import override

What = Literal[
    "come", "written", "gone", "left", "self-gone", "self-left", "dropped", "overflow", "ended"
]


class Event(NamedTuple):
    """What the kernel says about an entry of a watched folder, or of the folder itself.

    "come", "written", "gone" (deleted) and "left" (moved, with all that is in it) are about the
    entry `name`; "self-gone" and "self-left" are the watched folder, "dropped" is its watch.
    "overflow" (events were lost) and "ended" (there will be no more) are about all.
    """

    watch: int
    what: What
    name: str = ""
    is_folder: bool = False


class Watches(Protocol):
    """A source of events about single folders."""

    def watch(self, path: str) -> int:
        """Watch one folder, never through a link; the number of the watch. Raises OSError."""
        ...

    def unwatch(self, watch: int) -> None:
        """Watch it no more. A number that is not known is no error."""
        ...

    def close(self) -> None:
        """Watch nothing more. Returns before the thread has ended; events may still come."""
        ...


Heard = Callable[[Event], None]
# Gives a source that calls back from a thread of its own. Raises OSError where there is none.
OpenWatches = Callable[[Heard], Watches]

if sys.platform == "linux":
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyConstants,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchDescriptor,
    )

    _C = InotifyConstants
    # Not IN_MODIFY: a file is read when its writer has closed it, and the many writes before would
    # fill the queue. Who never closes a file, and a mode that changed, are left to the sweep.
    _MASK = Mask(
        _C.IN_CREATE | _C.IN_CLOSE_WRITE | _C.IN_MOVE | _C.IN_DELETE | _C.IN_DELETE_SELF
        | _C.IN_MOVE_SELF | _C.IN_ONLYDIR | _C.IN_DONT_FOLLOW | _C.IN_EXCL_UNLINK
    )  # fmt: skip
    _KINDS: tuple[tuple[int, What], ...] = (
        (_C.IN_Q_OVERFLOW, "overflow"),
        (_C.IN_IGNORED, "dropped"),
        (_C.IN_DELETE_SELF, "self-gone"),
        (_C.IN_MOVE_SELF | _C.IN_UNMOUNT, "self-left"),
        (_C.IN_DELETE, "gone"),
        (_C.IN_MOVED_FROM, "left"),
        (_C.IN_MOVED_TO | _C.IN_CREATE, "come"),
        (_C.IN_CLOSE_WRITE, "written"),
    )

    class _Nobody:
        """Stands in watchdog's books for who is called back: we hear of events before that."""

        def on_event(self, event: InotifyEvent) -> None:
            """Nothing."""

        def on_watch_deleted(self, wd: WatchDescriptor) -> None:
            """Nothing."""

        def on_queue_overflow(self) -> None:
            """Nothing."""

    class Inotify(InotifyFD):
        """One queue of the kernel and the thread that reads it."""

        def __init__(self, heard: Heard) -> None:
            super().__init__()
            self._heard = heard
            self._numbers = itertools.count(1)
            self._ids: dict[int, list[CallbackId]] = {}
            self.name = "inotify"

        def watch(self, path: str) -> int:
            """Watch one folder, never through a link; the number of the watch. Raises OSError."""
            # A folder that is watched already, under an older name, gives the same number again;
            # the books want another id each time.
            number = CallbackId(next(self._numbers))
            watch = self.add_callback(os.fsencode(path), _MASK, _Nobody(), number)
            if watch < 0:
                self.remove_callbacks([(watch, number)])
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            self._ids.setdefault(watch, []).append(number)
            return watch

        def unwatch(self, watch: int) -> None:
            """Watch it no more. A number that is not known is no error."""
            descriptor = WatchDescriptor(watch)
            ids = self._ids.pop(watch, [])
            self.remove_callbacks([(descriptor, number) for number in ids])

        @override
        def close(self) -> None:
            """Watch nothing more. Returns before the thread has ended; events may still come."""
            self.stopped_event.set()
            super().close()

        @override
        def handle_event(self, event: InotifyEvent) -> None:
            for mask, what in _KINDS:
                if event.mask & mask:
                    if what == "dropped":
                        super().handle_event(event)  # watchdog's books
                    is_folder = bool(event.mask & _C.IN_ISDIR)
                    self._heard(Event(event.wd, what, os.fsdecode(event.name), is_folder))
                    return

        @override
        def run(self) -> None:
            try:
                super().run()
            finally:
                self._heard(Event(-1, "ended"))

    def open_watches(heard: Heard) -> Watches:
        """Watches of the kernel. Raises OSError where it has none (left) for us."""
        inotify = Inotify(heard)
        inotify.start()
        return inotify

else:

    def open_watches(heard: Heard) -> Watches:
        """There are no watches that we know how to use on this system."""
        del heard
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
