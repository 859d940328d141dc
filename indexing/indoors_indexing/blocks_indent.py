"""The enclosing block where indentation is syntax (Python).

The block is found from the lines above the cursor, and the tree only says which of them to believe
(not the inside of a string or a bracket). A tree alone cannot do it: on a blank line the typed
indentation decides, and around half-typed code the grammar drops whole headers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from indoors_indexing import lines
from indoors_indexing.blocks import Block, name_in_header

if TYPE_CHECKING:
    from indoors_indexing.parse import Node, Parsed

_WORD = re.compile(rb"\w+")


class _Header(NamedTuple):
    """A line that opens a block: its first byte, the byte after its colon, its indentation."""

    first: int
    end: int
    indent: bytes


def find(parsed: Parsed, at: int, anchor: int) -> Block:
    """The innermost block at byte `at`; `anchor` is where the string or comment there begins."""
    data = parsed.source.data
    unit = lines.indent_unit(data, parsed.record.indent_unit, at)
    headers, opening = _enclosing(parsed, at, anchor)
    names = [name_in_header(data[h.first : h.end]) for h in headers if _defines(data, h.first)]
    scope = tuple(name for name in reversed(names) if name)
    if not headers:
        own = _own_definition(data, at, anchor)
        return Block(0, len(data), "", False, (*scope, *own), parsed.tree.root_node, whole=True)
    header = headers[0]
    fresh = header.indent.decode() + unit
    if opening:
        return Block(header.end, max(at, header.end), fresh, True, scope)
    scope = (*scope, *_own_definition(data, at, anchor))
    body = _body(parsed, header)
    if body is not None:
        start, end = min(body.start_byte, at), max(body.end_byte, at)
        return Block(
            start, end, _statement_indent(data, body.start_byte, fresh), False, scope, body
        )
    first, end = _scan_body(parsed, header)
    if first < 0:
        return Block(min(header.end, at), max(at, header.end), fresh, False, scope)
    return Block(min(first, at), max(end, at), _statement_indent(data, first, fresh), False, scope)


def _enclosing(parsed: Parsed, at: int, anchor: int) -> tuple[list[_Header], bool]:
    """The headers around the cursor, innermost first, and whether the first one awaits its body."""
    data = parsed.source.data
    line_first = lines.first_of_line(data, anchor)
    blank_line = line_first >= lines.line_end(data, anchor)
    in_margin = anchor == at and at <= line_first
    if not in_margin and not blank_line and anchor == at:
        own = _header_at(parsed, line_first)
        # The cursor stands just after a header's own colon, with nothing behind it.
        ends_here = own is not None and own.end <= at and lines.ends_line(data, at)
        if own is not None and ends_here and _awaits_body(parsed, own):
            return [own, *_outer(parsed, own.first, lines.width(own.indent))], True
    if blank_line:
        column = lines.width(data[lines.line_start(data, at) : at]) if anchor == at else 0
        above = _header_above(parsed, at)
        if above is not None and _awaits_body(parsed, above, at):
            return [above, *_outer(parsed, above.first, lines.width(above.indent))], True
        return _outer(parsed, at, column), False
    first = _logical_first(parsed, line_first)
    return _outer(parsed, first, lines.width(lines.indent_of(data, first))), False


def _outer(parsed: Parsed, at: int, column: int) -> list[_Header]:
    """The headers above the line of `at` whose bodies hold a line that is indented by `column`."""
    data = parsed.source.data
    found: list[_Header] = []
    for first in lines.lines_above(data, at):
        if column <= 0:
            break
        indent = data[lines.line_start(data, first) : first]
        reach = lines.width(indent)
        if reach >= column or data.startswith(b"#", first) or _is_inside(parsed, first):
            continue
        # A shallower line that opens nothing is a sibling: the cursor is indented too far.
        column = reach if not (header := _header_at(parsed, first)) else column
        if header:
            found.append(header)
            column = reach
    return found


def _header_above(parsed: Parsed, at: int) -> _Header | None:
    """The header that ends on the nearest code line above, if that line ends one."""
    data = parsed.source.data
    for first in lines.lines_above(data, at):
        if data.startswith(b"#", first):
            continue
        return _header_at(parsed, _logical_first(parsed, first))
    return None


def _header_at(parsed: Parsed, first: int) -> _Header | None:
    """The header whose first byte is `first`, None if that line opens no block."""
    data = parsed.source.data
    word = _WORD.match(data, first, first + 20)
    if word is None or word.group().decode(errors="replace") not in parsed.record.header_words:
        return None
    indent = data[lines.line_start(data, first) : first]
    depth = 0
    start = first
    for _ in range(200):  # a header of more lines than this is not a header
        end = lines.line_end(data, start)
        code = _without_comment(parsed, start, end)
        if len(code) > 4000:
            return None
        depth += sum(map(code.count, (b"(", b"[", b"{"))) - sum(map(code.count, (b")", b"]", b"}")))
        if depth <= 0 and not code.endswith(b"\\"):
            return _Header(first, start + len(code), indent) if code.endswith(b":") else None
        start = data.find(b"\n", end) + 1
        if start <= 0:
            return None
    return None


def _without_comment(parsed: Parsed, start: int, end: int) -> bytes:
    """A line's code without the comment at its end and without white space."""
    data = parsed.source.data
    mark = data.find(b"#", start, end)
    while mark >= 0:
        if parsed.path(mark)[-1].type in parsed.record.comments:
            return data[start:mark].rstrip()
        mark = data.find(b"#", mark + 1, end)
    return data[start:end].rstrip()


def _awaits_body(parsed: Parsed, header: _Header, at: int | None = None) -> bool:
    """Whether nothing indented more than the header follows it (comments do not count)."""
    data = parsed.source.data
    for first in lines.lines_below(data, header.end):
        if data.startswith(b"#", first) or (at is not None and first < at):
            continue
        reach = lines.width(data[lines.line_start(data, first) : first])
        return reach <= lines.width(header.indent)
    return True


def _logical_first(parsed: Parsed, first: int) -> int:
    """The first byte of the statement that a line belongs to, if the line continues a bracket
    or a string that was opened on an earlier line.
    """
    for _ in range(20):
        opened = _opened_before(parsed, first)
        if opened is None:
            return first
        first = lines.first_of_line(parsed.source.data, opened)
    return first


def _is_inside(parsed: Parsed, byte: int) -> bool:
    return _opened_before(parsed, byte) is not None


def _opened_before(parsed: Parsed, byte: int) -> int | None:
    """Where the outermost bracket or string that `byte` continues on a later line was opened."""
    data, record = parsed.source.data, parsed.record
    line = lines.line_start(data, byte)
    for node in parsed.path(byte):
        if node.start_byte < line and node.is_named and not node.is_error:
            bracket = data[node.start_byte : node.start_byte + 1] in (b"(", b"[", b"{")
            closed = data[node.end_byte - 1 : node.end_byte] in (b")", b"]", b"}")
            if node.type in record.strings or (bracket and closed):
                return node.start_byte
    return None


def _defines(data: bytes, first: int) -> bool:
    return data[first : first + 6].startswith((b"def ", b"class ", b"async "))


def _own_definition(data: bytes, at: int, anchor: int) -> tuple[str, ...]:
    """The definition whose header line the cursor stands in (after its name began)."""
    first = lines.first_of_line(data, anchor)
    if anchor != at or at <= first or not _defines(data, first):
        return ()
    name = name_in_header(data[first : lines.line_end(data, first)])
    return (name,) if name else ()


def _body(parsed: Parsed, header: _Header) -> Node | None:
    """The tree's block under a header, if the tree has a sound one that is not empty.

    Sound means that it begins where the body does: around half-typed code the grammar hands a
    header the body of a later one.
    """
    data = parsed.source.data
    begin = lines.next_code_byte(data, header.end)
    while data.startswith(b"#", begin):
        begin = lines.next_code_byte(data, lines.line_end(data, begin))
    for node in parsed.path(header.first):
        if node.start_byte != header.first or node.is_error:
            continue
        # The first block is this header's own: later ones belong to else, except and finally.
        body = next((c for c in node.children if c.type in parsed.record.blocks), None)
        if body is not None and begin == body.start_byte < body.end_byte:
            return body
    return None


def _scan_body(parsed: Parsed, header: _Header) -> tuple[int, int]:
    """The body under a header by indentation alone: (first byte, end), (-1, -1) if empty."""
    data = parsed.source.data
    start = end = -1
    for first in lines.lines_below(data, header.end):
        reach = lines.width(data[lines.line_start(data, first) : first])
        if reach <= lines.width(header.indent) and not data.startswith(b"#", first):
            if not _is_inside(parsed, first):
                break
        elif start < 0 and not data.startswith(b"#", first):
            start = first
        if start >= 0:
            end = lines.line_end(data, first)
    return start, end


def _statement_indent(data: bytes, first: int, fresh: str) -> str:
    """The indentation of a block's first statement; `fresh` if it shares its header's line."""
    if lines.first_of_line(data, first) != first:
        return fresh
    return lines.indent_of(data, first).decode(errors="replace")
