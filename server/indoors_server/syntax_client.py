"""The server's questions to the indexer: a `Syntax` that never raises, blocks or waits long.

    site() -> text if this version was not sent -> question -> answer, or None after `deadline_ms`

A parse may be hostile. The indexer stops one itself after a second; if it is stuck for `stuck_ms`
regardless, the process is given up, and the document at fault is refused until its text changes;
after two such strikes, until it is closed and opened again by the editor (`forget`). A process that
is not up yet (a home on a slow network, a busy machine) is stuck on nothing, and no document is at
fault. Use from one event loop.
"""

from __future__ import annotations

import asyncio

import msgspec

from indoors_indexing import messages
from indoors_indexing.languages import by_language_id
from indoors_indexing.sources import encodable
from indoors_indexing.types import Document, Outline, SyntaxSite
from indoors_server.indexer_process import IndexerProcess

_STRIKES = 2
# Nobody types meanwhile: an edit is being checked.
OUTLINE_DEADLINE_S = 5.0
# A process that is not up after this long never will be; another is started.
_START_S = 60.0


class _Pending(msgspec.Struct):
    """A question on its way. `subject` names the document (or text) to blame for a stuck parse."""

    answer: asyncio.Future[messages.Answer | None]
    uri: str
    subject: tuple[str, int]
    stuck_s: float


class SyntaxClient:
    """Asks the indexer process; answers None whenever it cannot answer well or in time."""

    def __init__(
        self,
        indexer: IndexerProcess,
        *,
        deadline_ms: float = 40,
        stuck_ms: float = 2000,
    ) -> None:
        self._indexer = indexer
        self._deadline_s = deadline_ms / 1000
        self._stuck_s = stuck_ms / 1000
        self._request = 0
        self._pending: dict[int, _Pending] = {}
        # When the oldest question became the one that is being answered.
        self._working_since = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._refused: dict[str, tuple[str, int]] = {}
        self._strikes: dict[str, int] = {}
        indexer.listen(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is disabled and why, for status and `doctor`; no source text, no paths."""
        return self._indexer.notes

    @property
    def pid(self) -> int | None:
        """The indexer's process id, None while none runs."""
        child = self._indexer.child
        return child.process.pid if child is not None else None

    async def start(self) -> None:
        """Start the indexer, for who has no other use for it."""
        await self._indexer.start()

    async def close(self) -> None:
        """End the indexer, for who has no other use for it."""
        await self._indexer.close()

    async def site(self, document: Document, offset: int) -> SyntaxSite | None:
        """Describe the tree around a code-point offset, or None by the deadline."""
        version = (document.language, document.version)
        if not self._can_ask(document.language, document.text):
            return None
        if self._refused.get(document.uri, ("", -1)) in (version, ("*", 0)):
            return None
        self._indexer.tell(document)
        self._request += 1
        question = messages.Site(
            request=self._request, uri=document.uri, version=document.version, offset=offset
        )
        reply = await self._ask(question, document.uri, version)
        return reply.site if isinstance(reply, messages.SiteReply) else None

    async def error_count(self, language: str, text: str) -> int | None:
        """Count ERROR and missing nodes in a text, or None by the deadline."""
        subject = (language, hash(text))
        if not self._can_ask(language, text) or self._refused.get("") == subject:
            return None
        self._request += 1
        question = messages.ErrorCount(
            request=self._request, language=language, text=encodable(text)
        )
        reply = await self._ask(question, "", subject)
        return reply.count if isinstance(reply, messages.CountReply) else None

    async def outline(self, language: str, text: str) -> Outline | None:
        """What the whole of a text says, or None: nobody types meanwhile, so it may take longer."""
        subject = (language, hash(text))
        if not self._can_ask(language, text) or self._refused.get("") == subject:
            return None
        self._request += 1
        question = messages.OutlineOf(
            request=self._request, language=language, text=encodable(text)
        )
        reply = await self._ask(question, "", subject, OUTLINE_DEADLINE_S)
        return reply.outline if isinstance(reply, messages.OutlineReply) else None

    def forget(self, uri: str) -> None:
        """The document was closed: drop what is known about it, strikes included."""
        self._refused.pop(uri, None)
        self._strikes.pop(uri, None)
        self._indexer.forget(uri)

    def _can_ask(self, language: str, text: str) -> bool:
        return by_language_id(language) is not None and self._indexer.can_take(text)

    async def _ask(
        self,
        question: messages.Question,
        uri: str,
        subject: tuple[str, int],
        deadline_s: float | None = None,
    ) -> messages.Answer | None:
        child = self._indexer.child
        if child is None:
            return None
        loop = asyncio.get_running_loop()
        # Who may wait longer for an answer has asked for more work.
        stuck_s = max(self._stuck_s, 2 * (deadline_s or 0.0))
        pending = _Pending(loop.create_future(), uri, subject, stuck_s)
        if not self._pending:
            self._working_since = loop.time()
            self._watch = loop.call_later(stuck_s, self._check)
        self._pending[question.request] = pending
        child.send(question)
        done, _ = await asyncio.wait({pending.answer}, timeout=deadline_s or self._deadline_s)
        # A later reply is dropped on arrival; the question stays, to notice a stuck process.
        return pending.answer.result() if done else None

    # --- what the process does --------------------------------------------------------------------

    def started(self) -> None:
        """A new process is there: texts are sent as they are asked about."""

    def received(self, message: messages.FromIndexer) -> None:
        """An answer came, or something that is not for us."""
        if not isinstance(message, messages.Answer):
            return
        pending = self._pending.pop(message.request, None)
        self._working_since = asyncio.get_running_loop().time()
        if not self._pending:
            self._stop_watching()
        if pending is None:
            return
        if isinstance(message, messages.Failed):
            if message.kind == "slow":
                self._strike(pending)
            elif message.kind == "unknown":
                if (child := self._indexer.child) is not None:
                    child.sent.pop(pending.uri, None)
            elif message.kind in ("grammar", "internal"):
                self._indexer.note(message.note)
        if not pending.answer.done():
            pending.answer.set_result(message)

    def lost(self, *, blame: bool) -> None:
        """The process is gone: its questions are answered with None."""
        self._stop_watching()
        if blame and self._pending:
            # Questions are answered in order, so the oldest is the one it was lost on.
            self._strike(next(iter(self._pending.values())))
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_result(None)
        self._pending.clear()

    def _check(self) -> None:
        """Give the process up if it has worked on one question for too long, else look again."""
        self._watch = None
        child = self._indexer.child
        if not self._pending or child is None:
            return
        loop = asyncio.get_running_loop()
        # Questions are answered in order: the oldest is the one that it works on.
        oldest = next(iter(self._pending.values()))
        if child.up_at is None:
            left = child.spawned_at + _START_S - loop.time()
            again_s = min(left, oldest.stuck_s)
        else:
            again_s = left = max(self._working_since, child.up_at) + oldest.stuck_s - loop.time()
        if left <= 0:
            self._indexer.lose(blame=child.up_at is not None)
        else:
            self._watch = loop.call_later(again_s, self._check)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _strike(self, pending: _Pending) -> None:
        """Refuse a document's (or bare text's) present version; after two strikes, all of it."""
        self._refused[pending.uri] = pending.subject
        if not pending.uri:
            return
        self._strikes[pending.uri] = self._strikes.get(pending.uri, 0) + 1
        if self._strikes[pending.uri] >= _STRIKES:
            self._refused[pending.uri] = ("*", 0)
            self._indexer.note(
                "a document was too slow to parse twice: no syntax for it until reopened"
            )
