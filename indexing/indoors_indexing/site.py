"""Describes one offset of a parsed text: the region, the block, the statement, the scope.

Trees are broken exactly where people type, so no answer rests on the tree alone. `blocks_indent`,
`blocks_braces` and `blocks_lines` find the enclosing block for the three block styles, each from
what the tree still knows and from the indentation that the typist gave.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from indoors_indexing import blocks_braces, blocks_indent, blocks_lines
from indoors_indexing.lines import first_of_line, last_code_byte, line_end, line_start
from indoors_indexing.types import Span, SyntaxSite

if TYPE_CHECKING:
    from indoors_indexing.blocks import Block
    from indoors_indexing.parse import Node, Parsed

Region = Literal["code", "comment", "string"]


def describe(parsed: Parsed, offset: int) -> SyntaxSite:
    """Describe the tree around a code-point offset (clamped to the text)."""
    source = parsed.source
    at = source.to_byte(offset)
    left = parsed.path(at - 1) if at else [parsed.tree.root_node]
    right = parsed.path(at)
    region, anchor = region_of(parsed, at, left)
    if parsed.record.block_style == "indent":
        block = blocks_indent.find(parsed, at, anchor)
    elif parsed.record.block_style == "lines":
        block = blocks_lines.find(parsed, at, anchor, right)
    else:
        block = blocks_braces.find(parsed, at, anchor, right)
    statement = _statement(parsed, at, block, region, left, right)
    return SyntaxSite(
        language=parsed.record.name,
        region=region,
        block=Span(source.to_offset(block.start), source.to_offset(block.end)),
        block_indent=block.indent,
        opens_block=block.opens and region == "code",
        statement=statement
        and Span(source.to_offset(statement[0]), source.to_offset(statement[1])),
        scope=block.scope,
        has_error=_has_error(parsed, block),
    )


def region_of(parsed: Parsed, at: int, left: list[Node]) -> tuple[Region, int]:
    """Where the byte position stands, and the start of the comment or string it stands in.

    In code the second value is `at` itself.
    """
    record, data = parsed.record, parsed.source.data
    for node in reversed(left):
        if node.type in record.interpolations and at < node.end_byte:
            return "code", at
        if node.type in record.comments:
            block_comment = data.startswith(b"/*", node.start_byte)
            closed = data[node.start_byte : node.end_byte].endswith(b"*/")
            if at < node.end_byte or not (block_comment and closed):
                return "comment", node.start_byte
        if node.type in record.strings and at < node.end_byte:
            return "string", node.start_byte
    return _region_of_broken_line(parsed, at, left)


def _region_of_broken_line(parsed: Parsed, at: int, left: list[Node]) -> tuple[Region, int]:
    """Read the line up to the cursor where the tree has given up (a string not closed yet)."""
    record, data = parsed.record, parsed.source.data
    if not any(node.has_error for node in left[-4:]) and not left[0].has_error:
        return "code", at
    start = line_start(data, at)
    mark = record.line_comment.encode()
    quotes = record.quotes.encode()
    position, quote, opened = start, b"", at
    # A line of a megabyte is not read: half-typed strings are short.
    if at - start > 2000:
        return "code", at
    while position < at:
        here = data[position : position + 1]
        if quote:
            if here == b"\\":
                position += 1
            elif here == quote:
                quote = b""
        elif here in quotes:
            if data[position : position + 3] == here * 3:
                position += 2
            quote, opened = here, position
        elif data.startswith(mark, position):
            return "comment", position
        position += 1
    return ("string", opened) if quote else ("code", at)


def _statement(
    parsed: Parsed, at: int, block: Block, region: Region, left: list[Node], right: list[Node]
) -> tuple[int, int] | None:
    """The innermost statement inside the block that contains or touches the position."""
    if block.opens:
        return None
    statements = parsed.record.statements
    for path in (left, right):
        for outer, node in reversed(list(pairwise(path))):
            if (
                (node.type in statements or _is_direct(parsed, block, outer, node))
                and node.start_byte <= at <= node.end_byte
                and block.holds(node.start_byte)
            ):
                return node.start_byte, node.end_byte
    return None if region == "comment" else _unfinished(parsed, at, block)


def _is_direct(parsed: Parsed, block: Block, outer: Node, node: Node) -> bool:
    """Whether a node stands in a block as a statement does (Rust's last expression)."""
    record = parsed.record
    return (
        outer == block.node
        and outer.type in record.blocks
        and node.is_named
        and not node.is_error
        and node.type not in record.comments | record.cases | record.groups
    )


def _unfinished(parsed: Parsed, at: int, block: Block) -> tuple[int, int] | None:
    """The statement that the code before the position, on its line, still belongs to.

    That is one which white space alone separates from the position (`return |`), or, where the tree
    has no sound statement, the line itself (`x = |`).
    """
    data = parsed.source.data
    first, end = first_of_line(data, at), line_end(data, at)
    last = last_code_byte(data, at)
    if last < first:
        return None
    broken = False
    for node in reversed(parsed.path(last)):
        broken = broken or node.is_error
        if node.type in parsed.record.comments:
            return None
        if node.type in parsed.record.statements and block.holds(node.start_byte):
            broken = broken or (node.has_error and node.start_byte >= first)
            if not broken and data[last] not in b";{}" and node.end_byte == last + 1:
                return node.start_byte, at
            break
    return (first, max(at, first + len(data[first:end].rstrip()))) if broken else None


def _has_error(parsed: Parsed, block: Block) -> bool:
    root = parsed.tree.root_node
    if not root.has_error:
        return False
    node = block.node
    if node is None:
        node = root.descendant_for_byte_range(block.start, block.end) or root
    return node.has_error
