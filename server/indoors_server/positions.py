"""Positions: between LSP's (line, character) in client units and code-point offsets.

Lines end with `\\n`, `\\r\\n` or `\\r` and with nothing else (LSP 3.18, "Text Documents"): form
feeds and U+2028, which `str.splitlines` also takes for line ends, do not end a line in an editor.
Every function clamps: a position outside the text becomes the nearest one inside, and one in the
middle of a character becomes that character's start. Nothing here raises.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_CODECS: dict[Encoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
_LINE_END = re.compile(r"\r\n|\r|\n")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def scalar_text(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD.

    JSON can carry half a surrogate pair and Python keeps it, but no codec can send it on. The
    replacement has the same length in every encoding, so positions stay right.
    """
    if text.isascii():
        return text
    return _LONE_SURROGATE.sub("\ufffd", text)


def n_units(text: str, encoding: Encoding) -> int:
    """The length of `text` in units of `encoding`."""
    if text.isascii():
        return len(text)
    codec, width = _CODECS[encoding]
    return len(text.encode(codec)) // width


def index_at(text: str, units: int, encoding: Encoding) -> int:
    """The code-point index of the character that starts at or before `units`, clamped."""
    if units <= 0:
        return 0
    if text.isascii() or encoding == "utf-32":
        return min(units, len(text))
    codec, width = _CODECS[encoding]
    # A cut in the middle of a character leaves an incomplete sequence, which "ignore" drops.
    return len(text.encode(codec)[: units * width].decode(codec, "ignore"))


class Lines:
    """The line starts of one text, for many conversions."""

    def __init__(self, text: str) -> None:
        self.text = text
        if "\r" in text:
            self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        else:
            lengths = (len(line) + 1 for line in text.split("\n")[:-1])
            self._starts = list(accumulate(lengths, initial=0))

    def __len__(self) -> int:
        return len(self._starts)

    def span(self, line: int) -> tuple[int, int]:
        """The offsets `[start, end)` of a line without its line end; `line` is clamped."""
        number = min(max(line, 0), len(self._starts) - 1)
        start = self._starts[number]
        if number + 1 == len(self._starts):
            return start, len(self.text)
        end = self._starts[number + 1] - 1
        if end > start and self.text[end] == "\n" and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def offset(self, line: int, character: int, encoding: Encoding) -> int:
        """The offset of a client position. A line past the last gives the end of the text."""
        if line >= len(self._starts):
            return len(self.text)
        if line < 0:
            return 0
        start, end = self.span(line)
        return start + index_at(self.text[start:end], character, encoding)

    def position(self, offset: int, encoding: Encoding) -> tuple[int, int]:
        """The client position (line, character) of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        start, end = self.span(line)
        return line, n_units(self.text[start : min(offset, end)], encoding)
