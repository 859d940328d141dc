"""One maker for the files that change one at a time, kept for a while between them.

A file is never parsed in the indexer's own process: a parse holds the interpreter lock, and beside
a busy machine a site question then took 45 ms at the median instead of one. Nor does a file that
kills a parser kill more than its maker. Where no process can be started the work is done here.
"""

from __future__ import annotations

import os
import select
import stat
import subprocess
import time
from collections.abc import Callable
from typing import BinaryIO, cast

import msgspec

from indoors_indexing import maker
from indoors_indexing.frames import HEADER, FrameError, body_length, write_frame
from indoors_indexing.maker import PROTOCOL_VERSION, Made, Make, Result, Task, decode_made, encode
from indoors_indexing.pool import Child, Spawn
from indoors_indexing.records import FileRecord

_STALLED_AFTER_S = 30.0
_IDLE_AFTER_S = 30.0
_LOOK_S = 0.1
# A file gets a second maker, because the first one may have died of something else.
_ATTEMPTS = 2
_MAX_FAILED_STARTS = 3


class Stopped(Exception):
    """The work was given up because nobody wants its result any more."""


class _NotStarted(Exception):
    """A maker did not come up: no file is to blame."""


class _Lost(Exception):
    """The maker died, stalled or babbled."""


class LoneMaker:
    """Makes records one at a time, for one thread, which lasts as long as it is used.

    `cancelled` is asked while a maker works.
    """

    def __init__(
        self,
        root: str,
        spawn: Spawn | None,
        cancelled: Callable[[], bool],
        *,
        stalled_after_s: float = _STALLED_AFTER_S,
        idle_after_s: float = _IDLE_AFTER_S,
    ) -> None:
        self._root = os.fsencode(root)
        self._spawn = spawn
        self._cancelled = cancelled
        self._stalled_after_s = stalled_after_s
        self._idle_after_s = idle_after_s
        self._child: Child | None = None
        self._used_at = 0.0
        self._n_failed_starts = 0

    def make(self, root: int, task: Task) -> Result:
        """Do one task; `root` is the open root. Raises Stopped, and nothing else on any file."""
        n_losses = 0
        while n_losses < _ATTEMPTS:
            if self._spawn is None or self._n_failed_starts >= _MAX_FAILED_STARTS:
                return maker.make(root, task)
            try:
                return self._ask(task)
            except _NotStarted:
                self.close()
            except (_Lost, OSError, FrameError):
                self.close()
                n_losses += 1
        return _given_up(root, task)

    def rest(self) -> None:
        """End the maker if it was not used for a while."""
        if self._child is not None and time.monotonic() - self._used_at > self._idle_after_s:
            self.close()

    def close(self) -> None:
        """End the maker; a later task starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue
        try:
            child.wait(5)
        except subprocess.SubprocessError:
            return

    def _ask(self, task: Task) -> Result:
        child = self._child or self._start()
        assert child.stdin is not None
        body = encode(Make(PROTOCOL_VERSION, self._root, [task]))
        write_frame(cast("BinaryIO", child.stdin), body)
        results: list[Result] = []
        while True:
            made = self._read(child, self._stalled_after_s)
            results += made.results
            if made.is_last:
                break
        self._used_at = time.monotonic()
        if len(results) != 1 or results[0].path != task.path:
            raise _Lost
        return results[0]

    def _start(self) -> Child:
        assert self._spawn is not None
        try:
            child = self._child = self._spawn()
            self._read(child, _STALLED_AFTER_S)  # the first frame says that it is up
        except (OSError, subprocess.SubprocessError, _Lost, FrameError):
            self._n_failed_starts += 1
            raise _NotStarted from None
        self._n_failed_starts = 0
        return child

    def _read(self, child: Child, patience_s: float) -> Made:
        assert child.stdout is not None
        descriptor = child.stdout.fileno()
        give_up_at = time.monotonic() + patience_s
        header = self._exactly(descriptor, HEADER.size, give_up_at)
        return decode_made(self._exactly(descriptor, body_length(header), give_up_at))

    def _exactly(self, descriptor: int, n: int, give_up_at: float) -> bytes:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        parts: list[bytes] = []
        while n:
            if not poller.poll(_LOOK_S * 1000):
                if self._cancelled():
                    self.close()
                    raise Stopped
                if time.monotonic() > give_up_at:
                    raise _Lost
                continue
            part = os.read(descriptor, n)
            if not part:
                raise _Lost
            parts.append(part)
            n -= len(part)
        return b"".join(parts)


def _given_up(root: int, task: Task) -> Result:
    """What is noted of a file that its makers did not survive, so that it is left alone."""
    record = FileRecord(
        path=task.path, language="", size=-1, mtime_ns=-1, hash=b"", skipped="crash"
    )
    try:
        status = os.stat(task.path, dir_fd=root, follow_symlinks=False)
    except (OSError, ValueError):
        return Result(task.path, record)
    if task.text is None and stat.S_ISREG(status.st_mode):
        record = msgspec.structs.replace(record, size=status.st_size, mtime_ns=status.st_mtime_ns)
    return Result(task.path, record)
