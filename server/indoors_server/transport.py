"""The byte level of LSP: frames in from stdin, frames out to stdout, and the editor's life.

pygls' own reader loses its place after a wrong Content-Length (it then reads a body as a header),
reads a header line of any length and takes any length as given. This one keeps its place: after
anything that is not a frame it skips to the next `Content-Length: N` line. That cannot be found
inside a body, because JSON writes a line end in a string as an escape.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Protocol

_log = logging.getLogger("indoors.transport")

MAX_HEADER_BYTES = 8 * 1024
MAX_BODY_BYTES = 128 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,15})[ \t]*\r?\n", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
# The longest start of a Content-Length line that may be cut off at the end of a chunk.
_LONGEST_LENGTH_LINE = 64


class BadFrame(Exception):
    """What came is not a frame; reading goes on at the next one."""


class FrameReader:
    """Reads frames. `read(n)` gives at most n bytes, blocking, and b"" at the end."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = bytearray()
        self._lost = False  # already reported: skipping to the next Content-Length line

    def next(self) -> bytes | None:
        """The next body; None at the end. Raises BadFrame once per stretch that is no frame."""
        while True:
            length = _LENGTH.search(self._buffer)
            blank = _BLANK_LINE.search(self._buffer)
            if length is not None and (blank is None or length.start() <= blank.start()):
                return self._body(length)
            if blank is not None:
                del self._buffer[: blank.end()]
                self._bad("a header without a usable Content-Length")
            elif len(self._buffer) > MAX_HEADER_BYTES:
                del self._buffer[:-_LONGEST_LENGTH_LINE]
                self._bad("a header that is too long")
            elif not self._fill(_CHUNK_BYTES):
                return None

    def _body(self, length: re.Match[bytes]) -> bytes | None:
        n_bytes = int(length[1])
        # The line end of the Content-Length line stays: it may be the first half of the blank line.
        del self._buffer[: length.end() - 2 if length[0].endswith(b"\r\n") else length.end() - 1]
        while (blank := _BLANK_LINE.search(self._buffer)) is None:
            if len(self._buffer) > MAX_HEADER_BYTES:
                self._bad("a header that is too long")
                return self.next()
            if not self._fill(_CHUNK_BYTES):
                return None
        if blank.end() > MAX_HEADER_BYTES:
            self._bad("a header that is too long")
            return self.next()
        del self._buffer[: blank.end()]
        if n_bytes > MAX_BODY_BYTES:
            self._bad(f"a message of {n_bytes} bytes; the limit is {MAX_BODY_BYTES}")
            return self.next()
        while len(self._buffer) < n_bytes:
            if not self._fill(max(_CHUNK_BYTES, n_bytes - len(self._buffer))):
                return None
        self._lost = False
        body = bytes(self._buffer[:n_bytes])
        del self._buffer[:n_bytes]
        return body

    def _fill(self, n_bytes: int) -> bool:
        chunk = self._read(n_bytes)
        self._buffer += chunk
        return bool(chunk)

    def _bad(self, what: str) -> None:
        if not self._lost:
            self._lost = True
            raise BadFrame(what)


class FrameWriter:
    """Writes whole messages to a descriptor. A gone reader is reported once, never raised."""

    def __init__(self, descriptor: int, on_broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._broken = False

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        view = memoryview(data)
        while view and not self._broken:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                self._broken = True
                _log.info("the editor no longer reads (errno %s)", error.errno)
                self._on_broken()

    def close(self) -> None:
        """Nothing to close: the descriptor lives as long as the process."""


def take_over_stdio() -> tuple[BinaryIO, int]:
    """Keep stdin and stdout for JSON-RPC alone and return (reader, descriptor to write to).

    fd 1 then leads to stderr, so that a stray print in Python or native code damages nothing (I5),
    and fd 0 to the null device.
    """
    reader = os.fdopen(os.dup(0), "rb", buffering=0)
    writer = os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return reader, writer


class Mailbox(Protocol):
    """Where frames go; called from the reading thread."""

    def frame(self, body: bytes) -> None:
        """A message's body."""

    def bad_frame(self, what: str) -> None:
        """Bytes that were no frame."""

    def end(self) -> None:
        """The editor closed its end."""


def start_reading(stream: BinaryIO, mailbox: Mailbox) -> threading.Thread:
    """Read `stream` in a daemon thread until its end."""

    def read() -> None:
        frames = FrameReader(lambda n_bytes: stream.read(n_bytes) or b"")
        try:
            while True:
                try:
                    body = frames.next()
                except BadFrame as error:
                    mailbox.bad_frame(str(error))
                    continue
                if body is None:
                    break
                mailbox.frame(body)
        except (OSError, ValueError, MemoryError) as error:
            _log.error("reading from the editor failed: %s", type(error).__name__)
        finally:
            mailbox.end()

    thread = threading.Thread(target=read, name="indoors-stdin", daemon=True)
    thread.start()
    return thread


class ParentWatch:
    """Notices within `interval_s` that the editor is gone although our stdin did not end.

    That happens when a process between us (a wrapper script) keeps the pipe open. Two signs: our
    parent changed (POSIX), or the process that `initialize` named no longer exists. The second is
    used only if that process could be seen in the first place: an editor outside of our container
    has a number that means nothing here.
    """

    def __init__(self, on_gone: Callable[[], None], interval_s: float = 1.0) -> None:
        self._on_gone = on_gone
        self._interval_s = interval_s
        self._parent = os.getppid()
        self._editor: int | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch, in a daemon thread."""
        threading.Thread(target=self._run, name="indoors-parent", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def watch(self, process_id: int | None) -> None:
        """Watch the editor's process too."""
        if process_id is not None and process_id > 1 and _is_alive(process_id):
            self._editor = process_id

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            reparented = sys.platform != "win32" and os.getppid() != self._parent
            if reparented or (self._editor is not None and not _is_alive(self._editor)):
                self._on_gone()
                return


def _is_alive(process_id: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would end the process there; the end of stdin tells us
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def end_process_after(seconds: float, status: int) -> None:
    """End this process at the latest after `seconds`, whatever else it does."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
