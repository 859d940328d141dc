"""The outlines of the documents that somebody edits with a model: one for each version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from indoors_indexing.types import Document, Outline


class _Outlined(msgspec.Struct):
    document: Document
    task: asyncio.Future[Outline | None]


class KeptOutlines:
    """`make` makes the outline of a document, with so many seconds of patience."""

    def __init__(self, make: Callable[[Document, float], Awaitable[Outline | None]]) -> None:
        self._make = make
        self._known: dict[str, _Outlined] = {}

    def has(self, document: Document) -> bool:
        """Whether it is known, or being made."""
        known = self._known.get(document.uri)
        return known is not None and known.document == document

    async def of(self, document: Document, within_s: float) -> Outline | None:
        """The outline of a document, made once for each version; None if it is not there by then
        (the next question may find it), or there is none.
        """
        if not self.has(document):
            self.forget(document.uri)
            asked = asyncio.ensure_future(self._make(document, within_s))
            self._known[document.uri] = _Outlined(document, asked)
        task = self._known[document.uri].task
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            return None
        failed = task.cancelled() or task.exception() is not None
        outline = None if failed else task.result()
        if outline is None:  # a parser that was busy, or just started, may have it the next time
            self._known.pop(document.uri, None)
        return outline

    def forget(self, uri: str) -> None:
        """A document was closed, or has changed."""
        if (outlined := self._known.pop(uri, None)) is not None:
            outlined.task.cancel()

    def close(self) -> None:
        """Nothing more is wanted."""
        for outlined in self._known.values():
            outlined.task.cancel()
