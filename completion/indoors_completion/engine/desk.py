"""What the worker's two threads share: the frames in and out, and which job may run.

The reading thread puts work in order (background jobs last), raises cancel flags, says of which
answer there is enough, stops a background job as soon as any other job arrives, and answers
`GetStats` at once.
"""

from __future__ import annotations

import itertools
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, Protocol

from indoors_completion.engine import wire

_EXIT_PROTOCOL = 2
Work = wire.Load | wire.Inspect | wire.Generate | wire.Forget | wire.Unload


class Abortable(Protocol):
    """A running evaluation that can be stopped."""

    def abort(self, wanted: bool) -> None:
        """Ask it to stop, or take that back."""
        ...


class Desk:
    """One per worker. `read` belongs to the reading thread, all else to any."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, lock: str) -> None:
        self._reader = reader
        self._writer = writer
        self._write_lock = threading.Lock()
        self.lock = lock
        self._state_lock = threading.Lock()
        self._waiting: dict[tuple[str, int], bool] = {}  # accepted jobs; True if cancelled
        self._current: tuple[wire.Generate, Abortable] | None = None
        self._preempted = False
        self._n_enough = 0  # answers of the job that runs of which no more is wanted
        self._n_urgent = 0  # jobs that wait and are not background work
        self._arrivals = itertools.count()
        self.work: queue.PriorityQueue[tuple[bool, int, Work, float]] = queue.PriorityQueue()
        # For `Stats`; each is written by one thread only.
        self.state = "empty"
        self.n_threads = 0
        self.n_cells_used = 0
        self.devices: tuple[str, ...] = ()
        self.n_jobs = 0
        self.n_background_jobs = 0
        self.n_cancelled = 0
        self.n_tokens_evaluated = 0
        self.n_tokens_generated = 0

    def read(self) -> None:
        """The reading thread: never returns, and takes the process with it when it ends."""
        status = 1
        try:
            status = self._read_all()
        except wire.ProtocolError as error:
            status = _EXIT_PROTOCOL
            sys.stderr.write(f"indoors worker: {error}\n")
        finally:
            os._exit(status)

    def _read_all(self) -> int:
        while (body := wire.read_body(self._reader)) is not None:
            message = wire.decode_to_worker(body)
            if isinstance(message, wire.Cancel):
                self._cancel((message.client, message.request))
            elif isinstance(message, wire.Enough):
                self._enough(message)
            elif isinstance(message, wire.GetStats):
                self.send(self._stats(message))
            else:
                if isinstance(message, wire.Generate):
                    self._expect(message)
                last = isinstance(message, wire.Generate) and message.job.background
                self.work.put((last, next(self._arrivals), message, time.perf_counter()))
        return 0

    def _expect(self, message: wire.Generate) -> None:
        """A job arrived: background work that runs now gives way to it."""
        with self._state_lock:
            self._waiting[message.client, message.request] = False
            if message.job.background:
                return
            self._n_urgent += 1
            if self._current is not None and self._current[0].job.background:
                self._preempted = True
                self._current[1].abort(True)

    def send(self, message: wire.Message) -> None:
        """Write a frame; a server that no longer reads ends this process."""
        data = memoryview(wire.encode(message))
        try:
            with self._write_lock:
                while data:
                    data = data[self._writer.write(data) or 0 :]
        except (BrokenPipeError, ValueError):
            os._exit(0)

    def begin(self, message: wire.Generate, target: Abortable) -> bool:
        """A job starts: cancels now reach `target`. False if it was cancelled while it waited."""
        with self._state_lock:
            self._n_urgent -= not message.job.background
            target.abort(False)
            if self._waiting.pop(_key(message), False):
                return False
            self._current = (message, target)
            self._n_enough = 0
            self._preempted = message.job.background and self._n_urgent > 0
            target.abort(self._preempted)
        return True

    def end(self, message: wire.Generate) -> bool:
        """A job is over: later cancels of it change nothing. Whether it was told to give way."""
        with self._state_lock:
            self._waiting.pop(_key(message), None)
            self._current = None
            return self._preempted and message.job.background

    def is_enough(self, alternative: int) -> bool:
        """Whether no more of this answer of the job that runs is wanted."""
        return alternative < self._n_enough

    def _enough(self, message: wire.Enough) -> None:
        with self._state_lock:
            if self._current is not None and _key(self._current[0]) == _key(message):
                self._n_enough = max(self._n_enough, message.alternative + 1)

    def _cancel(self, key: tuple[str, int]) -> None:
        with self._state_lock:
            if self._current is not None and _key(self._current[0]) == key:
                self._current[1].abort(True)
            elif key in self._waiting:
                self._waiting[key] = True

    def _stats(self, asked: wire.GetStats) -> wire.Stats:
        return wire.Stats(
            client=asked.client,
            request=asked.request,
            state=self.state,
            rss_bytes=_rss_bytes(),
            n_threads=self.n_threads,
            n_cells_used=self.n_cells_used,
            n_jobs=self.n_jobs,
            n_background_jobs=self.n_background_jobs,
            n_cancelled=self.n_cancelled,
            n_tokens_evaluated=self.n_tokens_evaluated,
            n_tokens_generated=self.n_tokens_generated,
            devices=self.devices,
            lock=self.lock,
        )


def _key(message: wire.Message) -> tuple[str, int]:
    return message.client, message.request


def _rss_bytes() -> int:
    """This process's resident memory, mapped weights included."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        if sys.platform == "win32":
            return 0
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else kB
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
