"""The enclosing block where words or optional braces delimit blocks (Ruby, Lua, shell, Scala).

It is read from the indentation: such a block ends in a word that grammars cannot place while it is
missing, and it is missing wherever people type. The tree says which lines not to believe, those
inside of strings and comments. `opener` and `closer` of the record say what a line that opens a
block ends with, and what the line behind a block begins with.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from indoors_indexing import lines
from indoors_indexing.blocks import Block, defined_names, name_in_header

if TYPE_CHECKING:
    from indoors_indexing.parse import Node, Parsed

# Longer lines are data.
_MAX_LINE = 1000


def find(parsed: Parsed, at: int, anchor: int, right: list[Node]) -> Block:
    """The innermost block at byte `at`; `anchor` is where the string or comment there begins."""
    data = parsed.source.data
    unit = lines.indent_unit(data, parsed.record.indent_unit, at)
    scope = _scope(parsed, at, right)
    header, opening = _place(parsed, at, anchor)
    if header < 0:
        return Block(0, len(data), "", False, scope, parsed.tree.root_node, whole=True)
    inside = lines.line_end(data, header)
    fresh = lines.indent_of(data, header).decode(errors="replace") + unit
    if opening:
        end = _after(parsed, at)
        return Block(min(inside, at), max(at, end), fresh, True, scope)
    first, end = _body(parsed, header)
    if first < 0:
        return Block(min(inside, at), max(at, inside), fresh, False, scope)
    indent = lines.indent_of(data, first).decode(errors="replace")
    return Block(min(first, at), max(end, at), indent, False, scope)


def _place(parsed: Parsed, at: int, anchor: int) -> tuple[int, bool]:
    """The header of the cursor's block (-1: none), and whether that block is fresh.

    A header is the nearest line above that is indented less; a fresh block has nothing in it yet.
    """
    data = parsed.source.data
    first = lines.first_of_line(data, anchor)
    blank = first >= lines.line_end(data, anchor)
    ends = not blank and anchor == at > first and lines.ends_line(data, at)
    # The cursor stands behind a line that opens a block.
    if ends and _opens(parsed, first, at) and _is_empty(parsed, first, at):
        return first, True
    column = lines.width(data[lines.line_start(data, at) : at] if blank else _indent(data, first))
    if blank and anchor == at:
        above = next((one for one in lines.lines_above(data, at) if _is_code(parsed, one)), -1)
        if above >= 0:
            end = lines.line_end(data, above)
            if _opens(parsed, above, end) and _is_empty(parsed, above, at):
                return above, True
    for line in lines.lines_above(data, first if not blank else at):
        if column <= 0:
            break
        reach = lines.width(_indent(data, line))
        if reach >= column or not _is_code(parsed, line) or _closes(parsed, line):
            continue
        if _opens(parsed, line, lines.line_end(data, line)):
            return line, False
        # A line that is indented less and opens nothing is a sibling, or continues one.
        column = reach
    return -1, False


def _body(parsed: Parsed, header: int) -> tuple[int, int]:
    """The statements under a header: (first byte, end), (-1, -1) if there is none."""
    data = parsed.source.data
    limit = lines.width(_indent(data, header))
    first = end = -1
    for line in lines.lines_below(data, header):
        if lines.width(_indent(data, line)) <= limit and _is_code(parsed, line):
            break
        if first < 0:
            first = line
        end = lines.line_end(data, line)
    return first, end


def _after(parsed: Parsed, at: int) -> int:
    """Where what is behind an empty block begins."""
    data = parsed.source.data
    following = lines.next_code_byte(data, at)
    if following >= len(data):
        return len(data)
    return lines.line_start(data, following) if following > lines.line_end(data, at) else following


def _is_empty(parsed: Parsed, header: int, at: int) -> bool:
    """Whether nothing behind `at` is indented more than the header."""
    data = parsed.source.data
    following = lines.next_code_byte(data, at)
    if following >= len(data):
        return True
    return lines.width(_indent(data, following)) <= lines.width(_indent(data, header))


def _opens(parsed: Parsed, first: int, end: int) -> bool:
    data = parsed.source.data
    if end - first > _MAX_LINE:
        return False
    line = data[first:end].rstrip()
    mark = line.find(parsed.record.line_comment.encode())
    if mark >= 0 and parsed.path(first + mark)[-1].type in parsed.record.comments:
        line = line[:mark].rstrip()
    return _pattern(parsed.record.opener).search(line.decode(errors="replace")) is not None


def _closes(parsed: Parsed, first: int) -> bool:
    line = parsed.source.data[first : first + 40].decode(errors="replace")
    ends = _pattern(parsed.record.closer).match(line)
    # `} else {` and `else` close one block and open another.
    return ends is not None and not _opens(parsed, first, lines.line_end(parsed.source.data, first))


def _is_code(parsed: Parsed, byte: int) -> bool:
    """Whether a line's first byte is not inside of a string or comment that began before it."""
    record = parsed.record
    return not any(
        node.type in record.comments or (node.type in record.strings and node.start_byte < byte)
        for node in parsed.path(byte)
    )


def _indent(data: bytes, first: int) -> bytes:
    return data[lines.line_start(data, first) : first]


def _scope(parsed: Parsed, at: int, right: list[Node]) -> tuple[str, ...]:
    """The definitions around `at`, from the tree and, where it is broken, from the indentation."""
    data = parsed.source.data
    last = lines.last_code_byte(data, at)
    left = parsed.path(last) if last >= 0 else []
    names = dict(defined_names(parsed, right, at)) | dict(defined_names(parsed, left, at))
    if any(node.has_error for node in (*right, *left)):
        first = lines.first_of_line(data, at)
        blank = first >= lines.line_end(data, at)
        column = lines.width(
            data[lines.line_start(data, at) : at] if blank else _indent(data, first)
        )
        for line in lines.lines_above(data, at):
            reach = lines.width(_indent(data, line))
            if column <= 0:
                break
            if reach >= column or not _is_code(parsed, line):
                continue
            column = reach
            end = min(lines.line_end(data, line), line + _MAX_LINE)
            name = name_in_header(data[line:end])
            if name and name not in names.values():
                names[line] = name
    return tuple(name for _, name in sorted(names.items()))


@lru_cache(maxsize=64)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
