"""A small scanner for brackets, strings and comments: enough to know what a text leaves open.

It is not a parser. It exists because an answer must be judged while it streams, character by
character, and because half an answer has no syntax tree.
"""

from __future__ import annotations

from indoors_completion.langfacts import LanguageFacts

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(CLOSER_OF.values())
# What `Scanner.inside` is in a comment; a backslash means nothing there.
COMMENT_ENDS = ("\n", "*/", "-->", "-}")


class Scanner:
    """Reads text piece by piece; a delimiter of several characters must lie within one piece.

    `open` holds the closers that are owed, innermost last. `left` holds (closer, offset) of each
    closer of something that was open at the last `mark` (or before the text, without one).
    `inside` is the delimiter that ends the string or comment the scanner stands in, "" in code;
    give it if the text starts in a string.
    """

    def __init__(self, facts: LanguageFacts, inside: str = "") -> None:
        self._facts = facts
        self._skip = 0
        self._given = bool(inside)
        self._base = 0
        self.inside = inside
        self.open: list[str] = []
        self.left: list[tuple[str, int]] = []
        self.offset = 0

    @property
    def at_level(self) -> bool:
        """Whether nothing is open that was not open at the mark."""
        return self.inside == "" and len(self.open) <= self._base

    def mark(self, *, base: bool = True) -> None:
        """Start counting offsets and `left` here; with `base`, what is open now counts as level."""
        self._base = len(self.open) if base else 0
        self.left.clear()
        self.offset = 0

    def feed(self, text: str) -> None:
        """Read `text`, which continues what was read before."""
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
        if text[index] == "\\" and self.inside not in COMMENT_ENDS:
            self._skip = 1
        elif text.startswith(self.inside, index):
            self._skip = len(self.inside) - 1
            if self._given:
                self.left.append((self.inside, self.offset))
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
            self._close(character)

    def _close(self, character: str) -> None:
        if not self.open or self.open[-1] != character:
            self.left.append((character, self.offset))
            return
        self.open.pop()
        if len(self.open) < self._base:
            self._base -= 1
            self.left.append((character, self.offset))


def closers_left(text: str, facts: LanguageFacts, inside: str = "") -> str:
    """The closers in `text` of things that were opened before it, in order."""
    scanner = Scanner(facts, inside)
    scanner.feed(text)
    return "".join(closer for closer, _ in scanner.left)
