"""Tells the editor where an open document has characters that nobody sees, as diagnostics.

The model is not shown them (`indoors_completion.hidden`), and a person should know that they are
there: a review of such a text is not a review of the program. A document of ASCII costs nothing;
any other is looked through when it is opened, and in a pause after it was changed.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections import Counter
from collections.abc import Callable

from indoors_completion import hidden
from indoors_server.ports import Mark, Outbox
from indoors_server.session import READ_ONLY_SCHEMES, Session, Snapshot, scheme_of

_QUIET_S = 0.4
# More are as good as these many; and a text of this length takes some ten milliseconds.
_MAX_MARKS, _MAX_CHARACTERS = 100, 1_000_000
_NAMED = 3


class HiddenMarks:
    """Those of one editor. `is_wanted` says whether a document's are shown."""

    def __init__(
        self, session: Session, outbox: Outbox, is_wanted: Callable[[Snapshot], bool]
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._is_wanted = is_wanted
        self._shown: dict[str, list[Mark]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def look(self, uri: str) -> None:
        """A document was opened, or the settings changed: say what there is now."""
        self._stop(uri)
        snapshot = self._session.snapshot(uri)
        if snapshot is None:
            return
        marks: list[Mark] = []
        if scheme_of(uri) not in READ_ONLY_SCHEMES and self._is_wanted(snapshot):
            marks = self._marks(snapshot)
        self._show(uri, snapshot.document.version, marks)

    def changed(self, uri: str) -> None:
        """A document changed: its marks follow in a pause."""
        snapshot = self._session.snapshot(uri)
        if snapshot is not None and (uri in self._shown or not snapshot.document.text.isascii()):
            self._stop(uri)
            self._timers[uri] = asyncio.get_running_loop().call_later(_QUIET_S, self.look, uri)

    def closed(self, uri: str) -> None:
        """A document is about to be closed."""
        self._stop(uri)
        self._show(uri, None, [])

    def close(self) -> None:
        """Nothing more is shown."""
        for uri in list(self._timers):
            self._stop(uri)

    def _stop(self, uri: str) -> None:
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()

    def _show(self, uri: str, version: int | None, marks: list[Mark]) -> None:
        if marks != self._shown.get(uri, []):
            self._outbox.marks(uri, version, marks)
        if marks:
            self._shown[uri] = marks
        else:
            self._shown.pop(uri, None)

    def _marks(self, snapshot: Snapshot) -> list[Mark]:
        text, lines = snapshot.document.text, snapshot.lines
        found = []
        for start, end in hidden.runs(text[:_MAX_CHARACTERS], _MAX_MARKS):
            characters = text[start:end]
            found.append(
                Mark(
                    start=lines.position(start, self._session.encoding),
                    end=lines.position(end, self._session.encoding),
                    severity="warning" if hidden.deceives(characters) else "info",
                    message=describe(characters),
                )
            )
        return found


def describe(characters: str) -> str:
    """What a person reads of hidden characters in a row."""
    counts = Counter(characters)
    named = [_name(character, count) for character, count in counts.most_common(_NAMED)]
    if len(counts) > _NAMED:
        named.append("…")
    what = "a hidden character" if len(characters) == 1 else f"{len(characters)} hidden characters"
    return f"{what} ({', '.join(named)}): the model is not shown what you cannot see"


def _name(character: str, count: int) -> str:
    name = f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()
    return name if count == 1 else f"{count} times {name}"
