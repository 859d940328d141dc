"""A program that is not ours, held to a time and to an amount of output; its group ends with it.

It may hang, write without end, close its streams, or leave processes behind. None of that holds up
the caller for longer than was given, and none of it takes more memory.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

Process = subprocess.Popen[bytes]  # noqa: TID251 - a type; nothing is started here
# For a stream that nobody reads.
NOTHING = subprocess.DEVNULL

_PIECE = 64 * 1024
# How long nothing happens before it is looked whether the process is still there.
_LOOK_S = 0.1
# How long a stream is read that somebody else holds when the process itself has ended.
_DRAIN_S = 1.0
# A child that was killed is gone at once, unless the kernel holds it.
_REAP_S = 5.0


class Ended(NamedTuple):
    """How it ended. `status` is None where it was killed: late, not wanted, or writing too much.

    `output` is what it wrote to stdout: the first bytes of it, or the last.
    """

    status: int | None
    output: bytes
    seconds: float
    is_flooded: bool = False


def converse(
    process: Process,
    said: bytes,
    *,
    timeout_s: float,
    most_bytes: int,
    keeps: Literal["first", "last"],
    is_wanted: Callable[[], bool] = lambda: True,
) -> Ended:
    """Write `said` to a process' stdin, read its stdout, wait for its end, and end its group.

    The process leads a group of its own, or soon does. One of whose output the first bytes are kept
    is killed when it writes more; of one whose last bytes are kept the others are forgotten.
    """
    begun_s = time.monotonic()
    end_s = begun_s + timeout_s
    output, status = bytearray(), None
    is_flooded = has_ended = False

    def take(wait_s: float) -> None:
        nonlocal is_flooded
        output.extend(streams.turn(wait_s))
        if keeps == "last":
            del output[:-most_bytes]
        is_flooded = keeps == "first" and len(output) > most_bytes

    try:
        with _Streams(process, said) as streams:
            while not (is_flooded or (has_ended := _has_ended(process))):
                if (left_s := end_s - time.monotonic()) <= 0 or not is_wanted():
                    break
                if streams.are_open:
                    take(min(left_s, _LOOK_S))
                else:
                    time.sleep(min(left_s, _LOOK_S / 10))
            if not is_flooded and has_ended:
                # Whoever it left behind holds the stream as well, and may write for ever.
                _kill_group(process)
                end_s = time.monotonic() + _DRAIN_S
                while streams.are_open and not is_flooded and time.monotonic() < end_s:
                    take(_LOOK_S)
                status = None if is_flooded else process.wait()
    finally:
        end(process)
    return Ended(status, bytes(output[:most_bytes]), time.monotonic() - begun_s, is_flooded)


def end(process: Process) -> None:
    """Kill a process and its group; it may have ended, and it may not lead one yet."""
    if process.returncode is None:
        _kill_group(process)
        with contextlib.suppress(OSError):
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_REAP_S)


def _has_ended(process: Process) -> bool:
    """Whether a process has ended. It is not waited for: until then its number stays its own, also
    as the number of its group.
    """
    if os.name != "posix":
        return process.poll() is not None
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, how) is not None


def _kill_group(process: Process) -> None:
    if os.name == "posix":
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


class _Streams:
    """The two pipes of a process, none of which is waited for alone."""

    def __init__(self, process: Process, said: bytes) -> None:
        self._process, self._said = process, memoryview(said)
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> _Streams:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdout is not None:
            os.set_blocking(stdout.fileno(), False)
            self._selector.register(stdout, selectors.EVENT_READ)
        if stdin is not None:
            os.set_blocking(stdin.fileno(), False)
            self._selector.register(stdin, selectors.EVENT_WRITE)
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    @property
    def are_open(self) -> bool:
        """Whether the process can still be heard."""
        stdout = self._process.stdout
        return stdout is not None and stdout in self._selector.get_map()

    def turn(self, wait_s: float) -> bytes:
        """Write what fits and read what is there."""
        found = bytearray()
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._process.stdout:
                found += self._read(key.fd)
            else:
                self._write(key.fd)
        return bytes(found)

    def _read(self, descriptor: int) -> bytes:
        try:
            data = os.read(descriptor, _PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            assert self._process.stdout is not None
            self._selector.unregister(self._process.stdout)
        return data

    def _write(self, descriptor: int) -> None:
        try:
            self._said = self._said[os.write(descriptor, self._said[:_PIECE]) :]
        except BlockingIOError:
            return
        except OSError:
            self._said = self._said[:0]  # it does not read to the end
        if not self._said:
            assert self._process.stdin is not None
            self._selector.unregister(self._process.stdin)
            with contextlib.suppress(OSError):
                self._process.stdin.close()
