"""The server's side of the indexer process: a `Syntax` that never raises, blocks or waits long.

    site() -> text if this version was not sent -> question -> answer, or None after `deadline_ms`

A parse may be hostile, so the process behind it is expendable. It stops a parse itself after a
second; if it is stuck for `stuck_ms` regardless it is killed and started again, and the document at
fault is refused until its text changes; after two such strikes, until it is closed and opened again
by the editor (`forget`). Use from one event loop, on the main thread: on Linux the kernel ends the
indexer with the thread that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable
from typing import BinaryIO, cast

import msgspec

from indoors_indexing import messages
from indoors_indexing.frames import HEADER, FrameError, body_length, frame
from indoors_indexing.languages import by_language_id
from indoors_indexing.sources import encodable
from indoors_indexing.types import Document, SyntaxSite

# The type only: processes are started by the `spawn` that is passed in (children.spawn).
Process = subprocess.Popen[bytes]  # noqa: TID251

# The parser's own size cap, in code points: a longer text is never sent.
MAX_TEXT = 1_000_000
# More than this unread by the indexer means it is behind; another text would only add to that.
MAX_UNSENT_BYTES = 4_000_000
FIRST_BACKOFF_MS = 100
LAST_BACKOFF_MS = 30_000
_STRIKES = 2
_GIVEN_UP_AFTER = 4
_MAX_NOTES = 20
_REAP_STEPS = 1000


class _Pending(msgspec.Struct):
    """A question on its way. `subject` names the document (or text) to blame for a stuck parse."""

    answer: asyncio.Future[messages.FromIndexer | None]
    uri: str
    subject: tuple[str, int]


class _Child:
    """One indexer process: its pipes, what it knows, and what it still owes."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.reading: asyncio.ReadTransport | None = None
        self.writing: asyncio.WriteTransport | None = None
        self.sent: dict[str, tuple[str, int]] = {}
        self.pending: dict[int, _Pending] = {}
        # When the oldest question became the one that is being answered.
        self.working_since = 0.0
        self.watch: asyncio.TimerHandle | None = None
        self.ended = False

    def send(self, message: messages.Message) -> None:
        """Queue a message; the loop writes it as the pipe takes it."""
        if self.writing is not None and not self.writing.is_closing():
            self.writing.write(frame(messages.encode(message)))

    def unsent_bytes(self) -> int:
        """What the pipe has not taken yet."""
        return self.writing.get_write_buffer_size() if self.writing is not None else 0


class _Replies(asyncio.Protocol):
    """Cuts the byte stream into replies."""

    def __init__(self, client: SyntaxClient, child: _Child) -> None:
        self._client = client
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
                self._client._received(self._child, messages.decode_from_indexer(body))
        except FrameError:
            self._client._lost(self._child, blame=False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process closed its stream: it is dead or dying."""
        self._client._lost(self._child, blame=True)


class SyntaxClient:
    """Asks the indexer process; answers None whenever it cannot answer well or in time."""

    def __init__(
        self,
        spawn: Callable[[], Process],
        *,
        deadline_ms: float = 40,
        stuck_ms: float = 2000,
    ) -> None:
        self._spawn = spawn
        self._deadline_s = deadline_ms / 1000
        self._stuck_s = stuck_ms / 1000
        self._child: _Child | None = None
        self._closed = False
        self._starting = asyncio.Lock()
        self._request = 0
        self._failures = 0
        self._restart: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: dict[str, tuple[str, int]] = {}
        self._strikes: dict[str, int] = {}
        self._notes: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What is disabled and why, for status and `doctor`; no source text, no paths."""
        return tuple(self._notes)

    @property
    def pid(self) -> int | None:
        """The indexer's process id, None while none runs."""
        return self._child.process.pid if self._child else None

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
            child = _Child(self._spawn())
        except (OSError, subprocess.SubprocessError) as error:
            self._note(f"the indexer did not start ({type(error).__name__}): no syntax for now")
            self._start_later()
            return
        loop = asyncio.get_running_loop()
        process = child.process
        child.reading, _ = await loop.connect_read_pipe(
            lambda: _Replies(self, child), cast(BinaryIO, process.stdout)
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

    async def site(self, document: Document, offset: int) -> SyntaxSite | None:
        """Describe the tree around a code-point offset, or None by the deadline."""
        child = self._ready(document.language, document.text)
        version = (document.language, document.version)
        if child is None or self._refused.get(document.uri, ("", -1)) in (version, ("*", 0)):
            return None
        if child.sent.get(document.uri) != version:
            child.sent[document.uri] = version
            child.send(
                messages.Update(
                    uri=document.uri,
                    language=document.language,
                    version=document.version,
                    text=encodable(document.text),
                )
            )
        self._request += 1
        question = messages.Site(
            request=self._request, uri=document.uri, version=document.version, offset=offset
        )
        reply = await self._ask(child, question, document.uri, version)
        return reply.site if isinstance(reply, messages.SiteReply) else None

    async def error_count(self, language: str, text: str) -> int | None:
        """Count ERROR and missing nodes in a text, or None by the deadline."""
        child = self._ready(language, text)
        subject = (language, hash(text))
        if child is None or self._refused.get("") == subject:
            return None
        self._request += 1
        question = messages.ErrorCount(
            request=self._request, language=language, text=encodable(text)
        )
        reply = await self._ask(child, question, "", subject)
        return reply.count if isinstance(reply, messages.CountReply) else None

    def forget(self, uri: str) -> None:
        """The document was closed: drop what is known about it, strikes included."""
        self._refused.pop(uri, None)
        self._strikes.pop(uri, None)
        if self._child is not None and self._child.sent.pop(uri, None) is not None:
            self._child.send(messages.Forget(uri=uri))

    async def close(self) -> None:
        """End the process and release the pipes; waits for both."""
        self._closed = True
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        async with self._starting:
            if self._child is not None:
                self._lost(self._child, blame=False)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ready(self, language: str, text: str) -> _Child | None:
        """The process, if it can be asked about this text now."""
        child = self._child
        if child is None or child.ended or child.reading is None or child.writing is None:
            return None
        if by_language_id(language) is None or len(text) > MAX_TEXT:
            return None
        return child if child.unsent_bytes() <= MAX_UNSENT_BYTES else None

    async def _ask(
        self,
        child: _Child,
        question: messages.Site | messages.ErrorCount,
        uri: str,
        subject: tuple[str, int],
    ) -> messages.FromIndexer | None:
        loop = asyncio.get_running_loop()
        pending = _Pending(loop.create_future(), uri, subject)
        if not child.pending:
            child.working_since = loop.time()
            child.watch = loop.call_later(self._stuck_s, self._check, child)
        child.pending[question.request] = pending
        child.send(question)
        done, _ = await asyncio.wait({pending.answer}, timeout=self._deadline_s)
        # A later reply is dropped on arrival; the question stays, to notice a stuck process.
        return pending.answer.result() if done else None

    def _received(self, child: _Child, reply: messages.FromIndexer) -> None:
        if child.ended:
            return
        pending = child.pending.pop(reply.request, None)
        self._failures = 0
        child.working_since = asyncio.get_running_loop().time()
        if not child.pending and child.watch is not None:
            child.watch.cancel()
            child.watch = None
        if pending is None:
            return
        if isinstance(reply, messages.Failed):
            if reply.kind == "slow":
                self._strike(pending)
            elif reply.kind == "unknown":
                child.sent.pop(pending.uri, None)
            elif reply.kind in ("grammar", "internal"):
                self._note(reply.note)
        if not pending.answer.done():
            pending.answer.set_result(reply)

    def _check(self, child: _Child) -> None:
        """Kill the process if it has worked on one question for too long, else look again."""
        child.watch = None
        if child.ended or not child.pending:
            return
        loop = asyncio.get_running_loop()
        left = child.working_since + self._stuck_s - loop.time()
        if left <= 0:
            self._lost(child, blame=True)
        else:
            child.watch = loop.call_later(left, self._check, child)

    def _lost(self, child: _Child, *, blame: bool) -> None:
        """Give a process up: answer its questions with None, end it, start another."""
        if child.ended:
            return
        child.ended = True
        if child.watch is not None:
            child.watch.cancel()
        if blame and child.pending:
            # Questions are answered in order, so the oldest is the one it was lost on.
            self._strike(next(iter(child.pending.values())))
        for pending in child.pending.values():
            if not pending.answer.done():
                pending.answer.set_result(None)
        child.pending.clear()
        if self._child is child:
            self._child = None
        task = asyncio.get_running_loop().create_task(_end(child))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self._closed:
            self._start_later()

    def _strike(self, pending: _Pending) -> None:
        """Refuse a document's (or bare text's) present version; after two strikes, all of it."""
        self._refused[pending.uri] = pending.subject
        if not pending.uri:
            return
        self._strikes[pending.uri] = self._strikes.get(pending.uri, 0) + 1
        if self._strikes[pending.uri] >= _STRIKES:
            self._refused[pending.uri] = ("*", 0)
            self._note("a document was too slow to parse twice: no syntax for it until reopened")

    def _start_later(self) -> None:
        delay_ms = min(FIRST_BACKOFF_MS * 2**self._failures, LAST_BACKOFF_MS)
        # A process that has answered is replaced at once, one that never did ever more slowly.
        delay_s = delay_ms / 1000 if self._failures else 0.0
        self._failures = min(self._failures + 1, 20)
        if self._failures == _GIVEN_UP_AFTER:
            self._note("the indexer keeps ending before it answers: no syntax for now")

        def begin() -> None:
            self._restart = None
            task = asyncio.get_running_loop().create_task(self.start())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._restart = asyncio.get_running_loop().call_later(delay_s, begin)

    def _note(self, note: str) -> None:
        if note and note not in self._notes and len(self._notes) < _MAX_NOTES:
            self._notes.append(note)


async def _end(child: _Child) -> None:
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
