"""Frames to and from a child process, for the event loop: two threads per child, nothing left over.

Threads and plain blocking pipes work on every system. They are daemons: a server that ends does not
wait for them, and the closed pipe ends the child.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import queue
import subprocess
import threading
from collections.abc import Callable
from typing import BinaryIO, cast

from indoors_completion.engine import wire

_EXIT_GRACE_S = 2.0  # how long a child that closed its output may take to exit


class Channel:
    """Owns a child and its pipes. Make it on the event loop's thread; callbacks run there.

    `on_message` gets each frame. `on_end` is called once, after the child was reaped and every
    descriptor closed, with its return code (negative: the signal) and what was wrong ("" if its
    output just ended).
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],  # noqa: TID251 - a type; nothing is started here
        on_message: Callable[[wire.FromWorker], None],
        on_end: Callable[[int, str], None],
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin = process.stdin
        # A raw pipe gives short reads; frames are read whole.
        self._stdout = cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, process.stdout)))
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_end = on_end
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="engine-write", daemon=True)
        self._reader = threading.Thread(target=self._read, name="engine-read", daemon=True)
        self._writer.start()
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, message: wire.Message) -> None:
        """Queue a frame; never blocks. Raises ProtocolError if it is too large."""
        self._outbox.put(wire.encode(message))

    def close_input(self) -> None:
        """Close the child's input after what is queued: it ends itself then."""
        self._outbox.put(None)

    def kill(self) -> None:
        """End the child now."""
        self._process.kill()

    def _write(self) -> None:
        # OSError: the child has gone; the reader finds out and says so.
        with contextlib.suppress(OSError, ValueError):
            while (data := self._outbox.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[self._stdin.write(view) or 0 :]
        with contextlib.suppress(OSError):
            self._stdin.close()

    def _read(self) -> None:
        problem = ""
        try:
            while (body := wire.read_body(self._stdout)) is not None:
                self._call(self._on_message, wire.decode_from_worker(body))
        except wire.ProtocolError as error:
            problem = str(error)
            self._process.kill()
        except (OSError, ValueError) as error:
            problem = str(error)
        status = self._reap()
        self._outbox.put(None)
        self._writer.join()
        with contextlib.suppress(OSError):
            self._stdout.close()
        self._call(self._on_end, status, problem)

    def _reap(self) -> int:
        try:
            return self._process.wait(_EXIT_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        # RuntimeError: the loop was closed; nobody is left to be told.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)
