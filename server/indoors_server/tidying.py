"""An edit that passed every check, put into the form of the person's formatter.

Whatever goes wrong with a formatter costs the formatting and nothing else: the edit as it was is
shown, and the person is told why, once for each reason.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

from indoors_completion.refactor import changes
from indoors_completion.refactor.formatted import Unfit, with_format
from indoors_completion.refactor.types import Edit, EditRequest
from indoors_indexing.types import Document, Outline
from indoors_server import formatter
from indoors_server.edit_values import plain
from indoors_server.settings import Settings

# What a person waits for the parser.
PATIENCE_S = 2.0


class Tidying:
    """`outline` gives that of a document, `tell` shows a person a message, and no program is run
    that lies in one of `folders` (by name, as a session has them).
    """

    def __init__(
        self,
        outline: Callable[[Document, float], Awaitable[Outline | None]],
        tell: Callable[[Literal["info"], str], None],
        folders: Mapping[str, str],
    ) -> None:
        self._outline, self._tell, self._folders = outline, tell, folders
        self._told: set[str] = set()

    def takes_s(self, settings: Settings) -> float:
        """How much longer an edit may take."""
        return formatter.TIMEOUT_S + PATIENCE_S if settings.formatters else 0.0

    async def tidied(
        self, request: EditRequest, edit: Edit, settings: Settings
    ) -> tuple[Edit, str]:
        """The edit in the formatter's form, or as it was and a sentence that says why; "" where no
        formatter is named. Raises only CancelledError, and then the formatter is told to end.
        """
        command = settings.formatter(request.document.language)
        if not command or not edit.changes:
            return edit, ""
        text = changes.applied(request.document.text, edit.changes)
        try:
            answer = await self._formatted(command, text)
            return await with_format(request, edit, answer, self._outline_of), ""
        except Unfit as error:
            why = plain(f"Not formatted by {Path(command[0]).name}: {error}.")
        if why not in self._told:
            self._told.add(why)
            self._tell("info", f"Indoors: {why}")
        return edit, why

    async def _formatted(self, command: list[str], text: str) -> str:
        stopped = threading.Event()
        roots = [folder for folder in self._folders.values() if folder]
        try:
            return await asyncio.to_thread(formatter.formatted, command, text, roots, stopped)
        except asyncio.CancelledError:
            stopped.set()
            raise

    async def _outline_of(self, document: Document) -> Outline | None:
        return await self._outline(document, PATIENCE_S)
