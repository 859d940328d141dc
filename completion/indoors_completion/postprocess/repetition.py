"""Filters against repetition: loops, and copies of the lines around the cursor.

Published thresholds are in field.md. Two of them are tightened on purpose. Lines that are only
*similar* (within 10 %) are not taken for repeated, because ordinary tests and tables look like that
(`assert f(1) == 2`, `assert f(2) == 3`; the false drops of twinny issue 471). And a loop must be
cut off, not ended by the model itself, before a short one counts.
"""

from __future__ import annotations

import re

from indoors_completion.postprocess.context import Context, changed, dropped, kept
from indoors_completion.types import FilterStep

_LOOPS = (re.compile(r"(.{3,}?)\1{4,}.{0,2}$"), re.compile(r"(.{10,}?)\1{2,}.{0,9}$"))
# A loop is looked for in this much of the last line: the patterns are quadratic.
_LOOP_WINDOW = 400
_SHORT = 120
_MIN_LINE = 5
_MIN_RUN = 3
_MAX_BLOCK = 8


def loops(text: str, context: Context) -> FilterStep:
    """Drop an answer whose last line runs in a circle (`a, b, a, b, a, b, …`)."""
    name = "loops"
    end = text.rstrip()[-_LOOP_WINDOW:].rpartition("\n")[2]
    if context.ended and len(end) < _SHORT:
        return kept(name, text)
    for pattern in _LOOPS:
        found = pattern.search(end)
        # Rulers, indentation and rows of numbers repeat by nature.
        if found and any(character.isalpha() for character in found.group(1)):
            return dropped(name, "the line repeats itself")
    return kept(name, text)


def repeated_lines(text: str, context: Context) -> FilterStep:  # noqa: ARG001 - all filters have one form
    """Cut where the same line comes a third time in a row, or the same block a second time."""
    name = "repeated lines"
    lines = text.split("\n")
    found = (
        (_run(lines), "the same line again and again"),
        (_block(lines), "the same block again"),
    )
    cut, reason = min(((at, why) for at, why in found if at is not None), default=(None, ""))
    return kept(name, text) if cut is None else changed(name, "\n".join(lines[:cut]), reason)


def _run(lines: list[str]) -> int | None:
    for index in range(len(lines) - _MIN_RUN + 1):
        line = lines[index].rstrip()
        if _says_something(line) and all(
            other.rstrip() == line for other in lines[index : index + _MIN_RUN]
        ):
            return index + 1
    return None


def _block(lines: list[str]) -> int | None:
    """Where a block of 2 to 8 lines that says something starts again, directly after itself."""
    for index in range(len(lines)):
        for size in range(2, min(_MAX_BLOCK, (len(lines) - index) // 2) + 1):
            block = [line.rstrip() for line in lines[index : index + size]]
            again = [line.rstrip() for line in lines[index + size : index + 2 * size]]
            if block == again and sum(map(_says_something, block)) >= 2:
                return index + size
    return None


def copies_neighbour(text: str, context: Context) -> FilterStep:
    """Drop one line that makes the cursor's line a copy of the next or the previous line."""
    name = "copies a neighbour"
    if context.tail.strip() or "\n" in text.strip("\n"):
        return kept(name, text)
    # After a leading line break the answer is a line of its own.
    line = text.strip() if text.startswith("\n") else (context.shown_before + text).strip()
    if not _says_something(line):
        return kept(name, text)
    for where, lines in (("below", context.below), ("above", context.above)):
        if lines and line == lines[0].strip():
            return dropped(name, f"the line {where} says the same")
    return kept(name, text)


def _says_something(line: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= _MIN_LINE and any(character.isalnum() for character in stripped)
