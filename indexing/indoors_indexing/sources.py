"""Text as the parser sees it: UTF-8 bytes, with code-point offsets at the border.

The parser counts bytes; everyone else counts code points. UTF-8 was chosen over UTF-16 because the
two parse equally fast while UTF-8 needs no second copy for ASCII text and half the memory.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")
_CHUNK = 4096


def encodable(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD: valid UTF-8, the same length."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text


class Source:
    """One text and its bytes. Offsets are code points, `byte` arguments are UTF-8 positions."""

    def __init__(self, text: str) -> None:
        self.text = encodable(text)
        self.data = self.text.encode()
        self._ascii = len(self.data) == len(self.text)

    def to_byte(self, offset: int) -> int:
        """The byte position of a code-point offset, clamped to the text."""
        offset = max(0, min(offset, len(self.text)))
        return offset if self._ascii else len(self.text[:offset].encode())

    def to_offset(self, byte: int) -> int:
        """The code-point offset of a byte position; inside a character, that of its start."""
        byte = max(0, min(byte, len(self.data)))
        return byte if self._ascii else len(self.data[:byte].decode(errors="ignore"))

    def point(self, byte: int) -> tuple[int, int]:
        """The (row, column in bytes) of a byte position, as the parser counts them."""
        row = self.data.count(b"\n", 0, byte)
        return row, byte - (self.data.rfind(b"\n", 0, byte) + 1)


def changed_range(old: bytes, new: bytes) -> tuple[int, int, int]:
    """The one replacement that turns `old` into `new`: (start, old end, new end), in bytes.

    The borders lie between characters, never inside one.
    """
    limit = min(len(old), len(new))
    start = _common_prefix(old, new, limit)
    while start and _continues(new, start):
        start -= 1
    tail = _common_suffix(old, new, limit - start)
    while tail and _continues(new, len(new) - tail):
        tail -= 1
    return start, len(old) - tail, len(new) - tail


def _continues(data: bytes, position: int) -> bool:
    return position < len(data) and data[position] & 0xC0 == 0x80


def _common_prefix(old: bytes, new: bytes, limit: int) -> int:
    at = 0
    while at < limit and old[at : at + _CHUNK] == new[at : at + _CHUNK]:
        at += _CHUNK
    at = min(at, limit)
    while at < limit and old[at] == new[at]:
        at += 1
    return at


def _common_suffix(old: bytes, new: bytes, limit: int) -> int:
    n, m, at = len(old), len(new), 0
    while at + _CHUNK <= limit and old[n - at - _CHUNK : n - at] == new[m - at - _CHUNK : m - at]:
        at += _CHUNK
    while at < limit and old[n - at - 1] == new[m - at - 1]:
        at += 1
    return at
