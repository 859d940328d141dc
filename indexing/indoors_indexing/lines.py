"""Facts about lines of UTF-8 text: where they begin, how far they are indented. Pure and bounded.

A line ends at a newline; a carriage return before it is white space. A tab goes to the next
multiple of 8, as in Python's own rule for indentation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

BLANK = b" \t\r\f\v\n"
# A hostile file can be a million lines; a scan that long would hold up every other document.
MAX_SCANNED_LINES = 20_000
_SAMPLE_BYTES = 64 * 1024


def line_start(data: bytes, at: int) -> int:
    """Where the line that holds `at` begins."""
    return data.rfind(b"\n", 0, at) + 1


def line_end(data: bytes, at: int) -> int:
    """Where the line that holds `at` ends, before its line break."""
    end = data.find(b"\n", at)
    end = len(data) if end < 0 else end
    return end - 1 if end > at and data[end - 1 : end] == b"\r" else end


def first_of_line(data: bytes, at: int) -> int:
    """The first byte on the line of `at` that is not white space (the line's end if none)."""
    start, end = line_start(data, at), line_end(data, at)
    return end - len(data[start:end].lstrip(b" \t\r\f\v"))


def ends_line(data: bytes, at: int) -> bool:
    """Whether only white space follows `at` on its line."""
    return not data[at : line_end(data, at)].strip()


def indent_of(data: bytes, at: int) -> bytes:
    """The leading blanks and tabs of the line that holds `at`."""
    line = data[line_start(data, at) : first_of_line(data, at)]
    # Form feeds and vertical tabs are white space too, but nobody indents the next line with them.
    return line[: len(line) - len(line.lstrip(b" \t"))]


def width(indent: bytes) -> int:
    """The column that leading white space reaches."""
    return len(indent.expandtabs(8)) if b"\t" in indent else len(indent)


def last_code_byte(data: bytes, at: int) -> int:
    """The position of the last byte before `at` that is not white space, -1 if none."""
    while at > 0:
        # In slices from the right: one copy of a megabyte for each question would be felt.
        begin = max(0, at - 4096)
        kept = data[begin:at].rstrip(BLANK)
        if kept:
            return begin + len(kept) - 1
        at = begin
    return -1


def next_code_byte(data: bytes, at: int) -> int:
    """The position of the first byte from `at` on that is not white space, len(data) if none."""
    while at < len(data):
        piece = data[at : at + 4096]
        kept = piece.lstrip(BLANK)
        if kept:
            return at + len(piece) - len(kept)
        at += len(piece)
    return len(data)


def lines_above(data: bytes, at: int) -> Iterator[int]:
    """The first code byte of each line above the line of `at`, nearest first; blank lines left out.

    Gives up after MAX_SCANNED_LINES.
    """
    position = line_start(data, at)
    for _ in range(MAX_SCANNED_LINES):
        last = last_code_byte(data, position)
        if last < 0:
            return
        yield first_of_line(data, last)
        position = line_start(data, last)


def lines_below(data: bytes, at: int) -> Iterator[int]:
    """The first code byte of each line below the line of `at`; as `lines_above`."""
    position = data.find(b"\n", at) + 1
    for _ in range(MAX_SCANNED_LINES):
        if position <= 0:
            return
        first = next_code_byte(data, position)
        if first >= len(data):
            return
        yield first
        position = data.find(b"\n", first) + 1


def indent_unit(data: bytes, default: str, near: int = 0) -> str:
    """What this file indents by: a tab, or the commonest step between two lines (2 to 8 blanks)."""
    begin = line_start(data, max(0, near - _SAMPLE_BYTES // 2))
    steps: Counter[str] = Counter()
    previous = 0
    for line in data[begin : begin + _SAMPLE_BYTES].split(b"\n"):
        body = line.lstrip(b" \t")
        if not body.strip():
            continue
        lead = line[: len(line) - len(body)]
        reach = width(lead)
        if reach > previous:
            if lead.endswith(b"\t"):
                steps["\t"] += 1
            elif 2 <= reach - previous <= 8:
                steps[" " * (reach - previous)] += 1
        previous = reach
    return steps.most_common(1)[0][0] if steps else default
