"""The code of an edit is read while a person still writes what to do with it.

    the editor asks a person -> indoors/willEdit -> outline, request -> Editing.read_ahead

A prompt has the code before the wish. Reading it takes as long as writing a short edit does (0.5B
on two cores: 1.6 s of 3), and somebody who writes a sentence takes longer than both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from indoors_completion.refactor import actions
from indoors_completion.refactor.types import EditRequest, NoSafeEdit
from indoors_completion.types import Document
from indoors_indexing.types import Outline
from indoors_server.edit_values import Wish
from indoors_server.ports import Core
from indoors_server.session import Snapshot

_log = logging.getLogger("indoors.edits")


class ReadAhead:
    """Reads for one wish at a time. All methods run on the event loop's thread."""

    def __init__(
        self,
        core: Core,
        outline_of: Callable[[Document], Awaitable[Outline | None]],
        request_of: Callable[[Snapshot, Wish, Outline], Awaitable[EditRequest]],
    ) -> None:
        self._core, self._outline_of, self._request_of = core, outline_of, request_of
        self._uri = ""
        self._task: asyncio.Future[None] | None = None
        self._read: EditRequest | None = None

    def begin(self, snapshot: Snapshot, wish: Wish) -> None:
        """Read for this wish, and no longer for another."""
        self.stop()
        self._read = None
        is_current = wish.version in (None, snapshot.document.version)
        # What a closed API will be asked, no model here has to know.
        if is_current and wish.action in actions.BY_NAME and not wish.endpoint:
            self._uri = wish.uri
            self._task = asyncio.ensure_future(self._run(snapshot, wish))

    def stop(self, uri: str = "") -> None:
        """Read no further, if it is about this document, which has changed or is closed. What the
        engine has read so far is kept.
        """
        if uri and uri == self._uri:
            self._read = None
        if self._task is not None and uri in ("", self._uri):
            self._task.cancel()
            self._task = None

    def told(self, request: EditRequest) -> EditRequest:
        """A request as it was read: with the snippets that stand before the code in its prompt, for
        others would have to be read anew, and the code with them.
        """
        read = self._read
        if read is None or request != msgspec.structs.replace(
            read, instruction=request.instruction, snippets=(), indent_unit=request.indent_unit
        ):
            return request
        return msgspec.structs.replace(read, instruction=request.instruction)

    async def _run(self, snapshot: Snapshot, wish: Wish) -> None:
        try:
            await self._ahead(snapshot, wish)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs some time of one edit (I9)
            _log.exception("reading ahead failed: %s", type(error).__name__)

    async def _ahead(self, snapshot: Snapshot, wish: Wish) -> None:
        editing = self._core.editing(snapshot.document)
        outline = await self._outline_of(snapshot.document)
        if outline is not None and not isinstance(editing, NoSafeEdit):
            self._read = await self._request_of(snapshot, wish, outline)
            await editing.read_ahead(self._read)
