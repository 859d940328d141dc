"""A small scanner for brackets, strings and comments: enough to know what a text leaves open.

It is not a parser. It exists because an answer must be judged while it streams, character by
character, and because half an answer has no syntax tree.
"""

from __future__ import annotations

from collections.abc import Iterator

from indoors_completion.langfacts import LanguageFacts

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(CLOSER_OF.values())
# Ends of comments, in which a backslash means nothing.
_RAW_ENDS = ("\n", "*/", "-->", "-}")


class Scanner:
    """Reads text piece by piece.

    `open` holds the closers that are owed, innermost last. `unmatched` holds (closer, offset) of
    each closer that closes something opened before the text began. `inside` is the delimiter that
    ends the string or comment the scanner stands in, "" in code; give it if the text starts there.
    """

    def __init__(self, facts: LanguageFacts, inside: str = "") -> None:
        self._facts = facts
        self._skip = 0
        self._given = bool(inside)
        self.inside = inside
        self.open: list[str] = []
        self.unmatched: list[tuple[str, int]] = []
        self.offset = 0

    @property
    def in_code(self) -> bool:
        """Whether the scanner stands in code, not in a string or a comment."""
        return self.inside == ""

    def feed(self, text: str) -> None:
        """Read `text`, which continues what was read before.

        A delimiter of several characters that is split between two calls is missed, so feed
        whole lines where that matters.
        """
        start = self.offset
        for index, character in enumerate(text):
            self.offset = start + index
            if self._skip:
                self._skip -= 1
            elif self.inside:
                self._in_string(text, index)
            else:
                self._in_code(text, index, character)
        self.offset = start + len(text)

    def _in_string(self, text: str, index: int) -> None:
        if text[index] == "\\" and self.inside not in _RAW_ENDS:
            self._skip = 1
        elif text.startswith(self.inside, index):
            self._skip = len(self.inside) - 1
            if self._given:
                self.unmatched.append((self.inside, self.offset))
            self._leave()
        elif text[index] == "\n" and self.inside in ("'", '"'):
            # An ordinary string ends with its line at the latest, so that one apostrophe that was
            # none (in a comment, say) cannot hide the rest of the text.
            self._leave()

    def _leave(self) -> None:
        self.inside = ""
        self._given = False

    def _in_code(self, text: str, index: int, character: str) -> None:
        facts = self._facts
        for quote in facts.long_quotes:
            if text.startswith(quote, index):
                self.inside, self._skip = quote, len(quote) - 1
                return
        if facts.line_comment and text.startswith(facts.line_comment, index):
            self.inside = "\n"
        elif facts.block_comment[0] and text.startswith(facts.block_comment[0], index):
            self.inside, self._skip = facts.block_comment[1], len(facts.block_comment[0]) - 1
        elif character in facts.quotes:
            self.inside = character
        elif character in CLOSER_OF:
            self.open.append(CLOSER_OF[character])
        elif character in CLOSERS:
            if self.open and self.open[-1] == character:
                self.open.pop()
            else:
                self.unmatched.append((character, self.offset))


def unmatched_closers(text: str, facts: LanguageFacts) -> Iterator[tuple[str, int]]:
    """The closers in `text` that close something before it, with their offsets, lazily by line."""
    scanner = Scanner(facts)
    seen = 0
    for line in text.splitlines(keepends=True):
        scanner.feed(line)
        yield from scanner.unmatched[seen:]
        seen = len(scanner.unmatched)
