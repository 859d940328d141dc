"""Filters against text that is already there, below the cursor or after it on its line."""

from __future__ import annotations

from indoors_completion.brackets import closers_left
from indoors_completion.postprocess.context import Context, changed, dropped, kept
from indoors_completion.types import FilterStep

_COMPARED = 3
_MIN_SIMILAR = 20
_MIN_OVERLAP = 3
_CLOSERS = frozenset(")]}\"'`;,: ")


def lines_below(text: str, context: Context) -> FilterStep:
    """Cut the answer's last lines where they are the lines that follow the cursor.

    At most three lines are compared, indentation included. A single line must be equal; of two or
    three one must be, and the others may differ by max(1, 5 %) characters: rows of a table are all
    alike and all different. Lines of brackets alone count only if they close a block that the
    answer did not open.
    """
    name = "lines below"
    lines = text.split("\n")
    first = (context.shown_tail.rstrip(),) if _speaks(context.tail) else ()
    below = (*first, *context.below)[:_COMPARED]
    for start in range(1, len(lines)):
        rest = [line.rstrip() for line in lines[start:] if line.strip()]
        if not rest or not lines[start].strip() or len(rest) > len(below):
            continue
        if _same(rest, below[: len(rest)]) and _stands_alone(lines, start, context):
            cut = "\n".join(lines[:start])
            # It may repeat what follows more than once.
            cut = lines_below(cut, context).text
            return changed(name, cut, "repeats what follows") if cut.strip() else _nothing(name)
    return kept(name, text)


def rest_of_line(text: str, context: Context) -> FilterStep:
    """Cut the answer's end where it repeats the text after the cursor.

    Closers alone are left to `fit`, which replaces them.
    """
    name = "rest of the line"
    tail = context.shown_tail.strip()
    if text.strip() == tail and (_speaks(tail) or _CLOSERS.issuperset(tail)):
        # A lone operator is not meant: `/|/` completes a comment.
        return _nothing(name)
    if not _speaks(tail) or "\n" in text:
        return kept(name, text)
    for size in range(min(len(text), len(tail)), 0, -1):
        if size < _MIN_OVERLAP and size < len(tail):
            break
        if not text.endswith(tail[:size]) or _splits_word(tail, size):
            continue
        if not _splits_word(text, len(text) - size):
            cut = text[: len(text) - size]
            # A space that stood between the two is already in the document.
            if context.tail[:1].isspace():
                cut = cut.rstrip()
            return changed(name, cut, "repeats what follows") if cut.strip() else _nothing(name)
    return kept(name, text)


def _nothing(name: str) -> FilterStep:
    return dropped(name, "says only what follows")


def _splits_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _is_word(text[at - 1]) and _is_word(text[at])


def _speaks(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()


def _same(left: list[str], right: tuple[str, ...]) -> bool:
    pairs = list(zip(left, right, strict=True))
    if all(a == b for a, b in pairs):
        return True
    if sum(len(b.strip()) for _, b in pairs) < _MIN_SIMILAR:
        return False
    return any(a == b and _speaks(a) for a, b in pairs) and all(
        _indent(a) == _indent(b) and within(a.strip(), b.strip(), max(1, len(b.strip()) // 20))
        for a, b in pairs
    )


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _stands_alone(lines: list[str], start: int, context: Context) -> bool:
    """Whether cutting at `start` leaves no bracket of the answer open."""
    kept_lines, cut_lines = "\n".join(lines[:start]) + "\n", "\n".join(lines[start:])
    if _speaks(cut_lines):
        return True
    before = closers_left(kept_lines, context.language)
    return len(closers_left(kept_lines + cut_lines, context.language)) > len(before)


def within(left: str, right: str, limit: int) -> bool:
    """Whether the edit distance of two short lines is at most `limit`."""
    if abs(len(left) - len(right)) > limit:
        return False
    row = list(range(len(right) + 1))
    for index, a in enumerate(left, 1):
        corner, row[0] = row[0], index
        for column, b in enumerate(right, 1):
            corner, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, corner + (a != b)),
            )
        if min(row) > limit:
            return False
    return row[-1] <= limit
