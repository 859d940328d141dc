"""The indexer as a process: started, spoken to, given up, started again. Knows no question.

    IndexerProcess -- frames --> indexer
        |-- told of starts, messages and losses: SyntaxClient (questions), IndexClient (indexes)
        `-- the texts that this process was sent, each version once

What it does may be hostile, so the process is expendable: whoever is stuck on it gives it up
(`lose`), and it is started again, ever more slowly while it answers nothing. Use from one event
loop, on the main thread: on Linux the kernel ends the indexer with the thread that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Iterable
from typing import BinaryIO, Protocol, cast

from indoors_indexing import messages
from indoors_indexing.frames import HEADER, FrameError, body_length, frame
from indoors_indexing.message import Message
from indoors_indexing.sources import encodable
from indoors_indexing.types import Document
from indoors_server import children

# The type only: processes are started by the `spawn` that is passed in (children.spawn).
Process = subprocess.Popen[bytes]  # noqa: TID251

# The parser's own size cap, in code points: a longer text is never sent.
MAX_TEXT = 1_000_000
# More than this unread by the indexer means it is behind; another text would only add to that.
MAX_UNSENT_BYTES = 4_000_000
FIRST_BACKOFF_MS = 100
LAST_BACKOFF_MS = 30_000
_GIVEN_UP_AFTER = 4
_MAX_NOTES = 20
_REAP_STEPS = 1000


class Listener(Protocol):
    """Who has business with the process. Called on the event loop."""

    def started(self) -> None:
        """A new process is there, and knows nothing."""
        ...

    def received(self, message: messages.FromIndexer) -> None:
        """The process said something."""
        ...

    def lost(self, *, blame: bool) -> None:
        """The process is given up; `blame`: it died or was stuck, it was not us who ended it."""
        ...


class Child:
    """One indexer process, its pipes, the folders that it may read, and the versions of documents
    that it was sent.
    """

    def __init__(self, process: Process, roots: tuple[str, ...] = ()) -> None:
        self.process = process
        self.roots = roots
        self.reading: asyncio.ReadTransport | None = None
        self.writing: asyncio.WriteTransport | None = None
        self.sent: dict[str, tuple[str, int]] = {}
        # When it was started, and when it said that it is up: until then it works on nothing.
        self.spawned_at = asyncio.get_running_loop().time()
        self.up_at: float | None = None
        self.ended = False

    def send(self, message: Message) -> None:
        """Queue a message; the loop writes it as the pipe takes it."""
        if self.writing is not None and not self.writing.is_closing():
            self.writing.write(frame(messages.encode(message)))

    def unsent_bytes(self) -> int:
        """What the pipe has not taken yet."""
        return self.writing.get_write_buffer_size() if self.writing is not None else 0


class _Frames(asyncio.Protocol):
    """Cuts the byte stream into messages."""

    def __init__(self, owner: IndexerProcess, child: Child) -> None:
        self._owner = owner
        self._child = child
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._buffer += data
        try:
            while len(self._buffer) >= HEADER.size:
                end = HEADER.size + body_length(bytes(self._buffer[: HEADER.size]))
                if len(self._buffer) < end:
                    return
                body = bytes(self._buffer[HEADER.size : end])
                del self._buffer[:end]
                self._owner._received(self._child, messages.decode_from_indexer(body))
        except FrameError:
            self._owner._lost(self._child, blame=False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process closed its stream: it is dead or dying."""
        self._owner._lost(self._child, blame=True)


class IndexerProcess:
    """Keeps one indexer running from `start` to `close`. Nothing here raises or waits long.

    `spawn` starts one; it is given the options that say which folders it may read. `lock` is the
    lock-down's state in the process that runs, "" before that is known.
    """

    def __init__(self, spawn: Callable[..., Process]) -> None:
        self._spawn = spawn
        self._roots: tuple[str, ...] = ()
        self.lock = ""
        self._listeners: list[Listener] = []
        self._child: Child | None = None
        self._closed = False
        self._starting = asyncio.Lock()
        self._failures = 0
        self._restart: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._notes: list[str] = []

    def listen(self, listener: Listener) -> None:
        """Tell somebody from now on."""
        self._listeners.append(listener)

    @property
    def child(self) -> Child | None:
        """The process that can be spoken to now."""
        child = self._child
        if child is None or child.ended or child.reading is None or child.writing is None:
            return None
        return child

    @property
    def notes(self) -> tuple[str, ...]:
        """What is disabled and why, for status and `doctor`; no source text, no paths."""
        return tuple(self._notes)

    def note(self, text: str) -> None:
        """Note that something is disabled; each text once."""
        if text and text not in self._notes and len(self._notes) < _MAX_NOTES:
            self._notes.append(text)

    def confine(self, roots: Iterable[str]) -> None:
        """From now on these folders are read, and no others.

        What the kernel forbids a process stays forbidden, so other folders mean another process; it
        is started once for all changes of one turn of the event loop.
        """
        self._roots = tuple(sorted(roots))
        if self._child is not None and self._child.roots != self._roots:
            asyncio.get_running_loop().call_soon(self._refit)

    def _refit(self) -> None:
        if self._child is not None and self._child.roots != self._roots:
            self.lose(blame=False)

    async def start(self) -> None:
        """Start the indexer. A failure is noted and tried again later, never raised."""
        async with self._starting:
            if not self._closed and self._child is None:
                await self._start()

    async def _start(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        try:
            roots = self._roots
            child = Child(self._spawn(*children.root_options(roots)), roots)
        except (OSError, subprocess.SubprocessError) as error:
            self.note(f"the indexer did not start ({type(error).__name__}): no syntax for now")
            self._start_later()
            return
        loop = asyncio.get_running_loop()
        process = child.process
        child.reading, _ = await loop.connect_read_pipe(
            lambda: _Frames(self, child), cast(BinaryIO, process.stdout)
        )
        child.writing, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, cast(BinaryIO, process.stdin)
        )
        if child.ended:
            # It died while the pipes were being taken over, and was given up meanwhile.
            if not child.writing.is_closing():
                child.writing.abort()
        else:
            self._child = child
            self.confine(self._roots)
            for listener in self._listeners:
                listener.started()

    def can_take(self, text: str) -> bool:
        """Whether a text can be sent now: neither too long, nor to a process that is behind."""
        child = self.child
        return (
            child is not None and len(text) <= MAX_TEXT and child.unsent_bytes() <= MAX_UNSENT_BYTES
        )

    def tell(self, document: Document, *, again: bool = False) -> None:
        """Send a document's text, if this version was not sent yet, or all the same."""
        child, version = self.child, (document.language, document.version)
        if child is None or (child.sent.get(document.uri) == version and not again):
            return
        child.sent[document.uri] = version
        child.send(
            messages.Update(
                uri=document.uri,
                language=document.language,
                version=document.version,
                text=encodable(document.text),
            )
        )

    def forget(self, uri: str) -> None:
        """A document was closed."""
        child = self.child
        if child is not None and child.sent.pop(uri, None) is not None:
            child.send(messages.Forget(uri=uri))

    def lose(self, *, blame: bool) -> None:
        """Give the process up and start another."""
        if self._child is not None:
            self._lost(self._child, blame=blame)

    async def close(self) -> None:
        """End the process and release the pipes; waits for both."""
        self._closed = True
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        async with self._starting:
            self.lose(blame=False)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _received(self, child: Child, message: messages.FromIndexer) -> None:
        if child.ended:
            return
        if isinstance(message, messages.Started):
            self.lock = message.lock  # it has answered nothing yet
            child.up_at = asyncio.get_running_loop().time()
            return
        self._failures = 0
        for listener in self._listeners:
            listener.received(message)

    def _lost(self, child: Child, *, blame: bool) -> None:
        """Give a process up: tell everybody, end it, start another."""
        if child.ended:
            return
        child.ended = True
        was_started = self._child is child
        if was_started:
            self._child = None
        if was_started:
            for listener in self._listeners:
                listener.lost(blame=blame)
        task = asyncio.get_running_loop().create_task(_end(child))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self._closed:
            self._start_later()

    def _start_later(self) -> None:
        delay_ms = min(FIRST_BACKOFF_MS * 2**self._failures, LAST_BACKOFF_MS)
        # A process that has answered is replaced at once, one that never did ever more slowly.
        delay_s = delay_ms / 1000 if self._failures else 0.0
        self._failures = min(self._failures + 1, 20)
        if self._failures == _GIVEN_UP_AFTER:
            self.note("the indexer keeps ending before it answers: no syntax for now")

        def begin() -> None:
            self._restart = None
            task = asyncio.get_running_loop().create_task(self.start())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._restart = asyncio.get_running_loop().call_later(delay_s, begin)


async def _end(child: Child) -> None:
    """Kill the process, close the pipes and reap it."""
    with contextlib.suppress(OSError):
        child.process.kill()
    # A transport that noticed the death itself is closing already, and would not be aborted twice.
    if child.writing is not None and not child.writing.is_closing():
        child.writing.abort()
    if child.reading is not None:
        child.reading.close()
    for _ in range(_REAP_STEPS):
        if child.process.poll() is not None:
            return
        await asyncio.sleep(0.005)
