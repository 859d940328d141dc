"""Several makers at work on one list of files, and what happens when a file kills one.

The pool starts processes by the function it is given (the server's one spawn function), because
multiprocessing needs shared memory that the lock-down refuses. One thread talks to all of them; it
lasts as long as they do, so that they end with it. A file that kills or stalls its maker twice, the
second time alone, is given up.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import IO, BinaryIO, Protocol, cast

from indoors_indexing.frames import HEADER, FrameError, body_length, write_frame
from indoors_indexing.maker import PROTOCOL_VERSION, Made, Make, Result, Task, decode_made, encode
from indoors_indexing.records import FileRecord

# A request must fit into a pipe that nobody reads for the moment, together with the one before.
_MAX_TASKS = 48
_MAX_REQUEST_BYTES = 24_000
# One request is worked on, one waits: a maker is never idle while the pool writes the database.
_AHEAD = 2
_STALLED_AFTER_S = 30.0
# Answers that nobody has taken yet; makers wait when it is full, and memory stays bounded.
_MAX_WAITING = 12
_MAX_LOSSES = 20
_LOOK_S = 0.1


class Child(Protocol):
    """A process with pipes, as the spawn function gives it."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None

    def kill(self) -> None:
        """End it at once."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        ...


Spawn = Callable[[], Child]


class PoolBroken(Exception):
    """Makers die whatever they are given: make the rest of the records in this process."""


def n_makers() -> int:
    """How many makers this machine should have: they share it with an editor and an engine."""
    try:
        n_cpus = len(os.sched_getaffinity(0))
    except AttributeError:
        n_cpus = os.cpu_count() or 1
    return max(1, min(4, n_cpus))


class _Maker:
    """One process, and the tasks it has not answered yet, a list for each request."""

    def __init__(self, child: Child) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self.child = child
        self.stdin = cast("BinaryIO", child.stdin)
        self.stdout = cast("BinaryIO", child.stdout)
        self.asked: deque[deque[Task]] = deque()
        self.is_up = False
        self.heard_at = time.monotonic()

    def close(self) -> None:
        self.child.kill()
        for stream in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        with contextlib.suppress(Exception):
            self.child.wait(5)


class Pool:
    """Makes the records of a list of files in several processes. One use."""

    def __init__(self, spawn: Spawn, n: int, *, stalled_after_s: float = _STALLED_AFTER_S) -> None:
        self._spawn = spawn
        self._n = n
        self._stalled_after_s = stalled_after_s
        self._requests: deque[list[Task]] = deque()
        self._suspects: set[str] = set()
        self._makers: list[_Maker] = []
        self._out: queue.Queue[list[Result] | None] = queue.Queue(_MAX_WAITING)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._n_losses = 0
        self._root = b""

    def make(self, root: bytes, tasks: Iterable[Task]) -> Iterator[list[Result]]:
        """The results, in lists, in no particular order. Raises PoolBroken.

        Closing the iterator ends all processes.
        """
        self._root = root
        self._requests.extend(_requests(tasks))
        pump = threading.Thread(target=self._pump, name="makers", daemon=True)
        pump.start()
        try:
            while (results := self._out.get()) is not None:
                yield results
        finally:
            self._stop.set()
            pump.join()
        if self._failure is not None:
            raise PoolBroken(type(self._failure).__name__) from self._failure

    # --- the thread -------------------------------------------------------------------------------

    def _pump(self) -> None:
        try:
            while not self._stop.is_set() and (self._requests or self._is_busy()):
                self._fill()
                self._listen()
        except Exception as error:  # noqa: BLE001 - told to the thread that waits for results
            self._failure = error
        finally:
            for maker in self._makers:
                maker.close()
            self._give(None)

    def _is_busy(self) -> bool:
        return any(maker.asked for maker in self._makers)

    def _fill(self) -> None:
        """Start makers up to the number wanted, and give each what it may have."""
        while len(self._makers) < min(self._n, len(self._makers) + len(self._requests)):
            self._makers.append(_Maker(self._spawn()))
        # One each first: the last requests are shared out, not taken by who is asked first.
        for depth in range(_AHEAD):
            for maker in self._makers:
                if self._requests and len(maker.asked) <= depth:
                    self._ask(maker, self._requests.popleft())

    def _ask(self, maker: _Maker, tasks: list[Task]) -> None:
        if not maker.asked:
            maker.heard_at = time.monotonic()
        maker.asked.append(deque(tasks))
        # A maker that is gone is found when it is listened to.
        with contextlib.suppress(OSError):
            body = encode(Make(PROTOCOL_VERSION, self._root, tasks))
            write_frame(maker.stdin, body)

    def _listen(self) -> None:
        poller = select.poll()
        by_descriptor = {maker.stdout.fileno(): maker for maker in self._makers if maker.asked}
        for descriptor in by_descriptor:
            poller.register(descriptor, select.POLLIN)
        for descriptor, _ in poller.poll(_LOOK_S * 1000):
            maker = by_descriptor[descriptor]
            try:
                self._take(maker, decode_made(_read(descriptor)))
            except (OSError, FrameError) as error:
                self._lost(maker, error)
        now = time.monotonic()
        for maker in by_descriptor.values():
            patience_s = self._stalled_after_s if maker.is_up else _STALLED_AFTER_S
            if maker in self._makers and now - maker.heard_at > patience_s:
                self._lost(maker, TimeoutError("a maker stalled"))

    def _take(self, maker: _Maker, made: Made) -> None:
        maker.heard_at = time.monotonic()
        if not maker.is_up:
            maker.is_up = True  # the first frame says no more than that
            return
        asked = maker.asked[0] if maker.asked else deque[Task]()
        for result in made.results:
            if not asked or asked.popleft().path != result.path:
                raise FrameError("an answer to what was not asked")
        if made.is_last:
            if asked:
                raise FrameError("an answer that leaves something out")
            maker.asked.popleft()
        if made.results:
            self._give(made.results)

    def _lost(self, maker: _Maker, error: Exception) -> None:
        """A maker is gone: what it had is asked again, one file at a time where it mattered."""
        self._makers.remove(maker)
        maker.close()
        self._n_losses += 1 if maker.is_up else _MAX_LOSSES // 3
        if self._n_losses > _MAX_LOSSES:
            raise error
        for number, tasks in enumerate(maker.asked):
            if number or not maker.is_up:
                # No file of these was ever looked at.
                self._requests.append(list(tasks))
            elif len(tasks) == 1 and tasks[0].path in self._suspects:
                self._give([Result(tasks[0].path, _given_up(tasks[0].path))])
            else:
                self._suspects.update(task.path for task in tasks)
                self._requests.extend([task] for task in tasks)

    def _give(self, results: list[Result] | None) -> None:
        while not self._stop.is_set():
            try:
                self._out.put(results, timeout=_LOOK_S)
                return
            except queue.Full:
                # Nobody can be blamed for the time in which we do not listen.
                now = time.monotonic()
                for maker in self._makers:
                    maker.heard_at = now


def _given_up(path: str) -> FileRecord:
    # The size and time are filled in by who knows what the scan saw.
    return FileRecord(path=path, language="", size=-1, mtime_ns=-1, hash=b"", skipped="crash")


def _requests(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    request: list[Task] = []
    n_bytes = 0
    for task in tasks:
        size = len(task.path.encode()) + 32
        if request and (len(request) >= _MAX_TASKS or n_bytes + size > _MAX_REQUEST_BYTES):
            yield request
            request, n_bytes = [], 0
        request.append(task)
        n_bytes += size
    if request:
        yield request


def _read(descriptor: int) -> bytes:
    return _exactly(descriptor, body_length(_exactly(descriptor, HEADER.size)))


def _exactly(descriptor: int, n: int) -> bytes:
    parts: list[bytes] = []
    while n:
        part = os.read(descriptor, n)
        if not part:
            raise FrameError("the maker is gone")
        parts.append(part)
        n -= len(part)
    return b"".join(parts)
