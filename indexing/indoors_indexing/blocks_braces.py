"""The enclosing block where braces are syntax.

Open braces are read off the path from the root to the last code before the cursor: a block node
the cursor stands in, and bare braces inside ERROR nodes, where a finished inner block is one node
and so only the unfinished ones are left bare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from indoors_indexing import lines
from indoors_indexing.blocks import Block, defined_names, name_in_header

if TYPE_CHECKING:
    from indoors_indexing.parse import Node, Parsed

# An ERROR node can have as many children as the text has tokens.
_MAX_CHILDREN = 5000
# People nest a dozen deep; a text of open braces must not cost one line read for each.
_MAX_OPEN = 200
# A brace after one of these begins a literal, not a block.
_BEFORE_LITERAL = b"=(,[:?"


class _Open(NamedTuple):
    """An open block: the byte after its brace or colon, its tree node unless the brace is bare."""

    inside: int
    node: Node | None
    parent: Node | None
    is_case: bool = False


def find(parsed: Parsed, at: int, anchor: int, right: list[Node]) -> Block:
    """The innermost block at byte `at`; `anchor` is where the string or comment there begins."""
    data = parsed.source.data
    last = _last_code(parsed, min(at, anchor))
    near = parsed.path(last) if last >= 0 else [parsed.tree.root_node]
    # The path to the last code knows more of what is open; where both know a block it counts.
    known = {block.inside: block for block in _open_blocks(parsed, right, at)}
    known |= {block.inside: block for block in _open_blocks(parsed, near, at)}
    found = [block for _, block in sorted(known.items())][-_MAX_OPEN:]
    scope = _scope(parsed, at, near, right, found)
    if not found:
        return Block(0, len(data), "", False, scope, parsed.tree.root_node, whole=True)
    inner = found[-1]
    header_indent = _header_indent(parsed, inner)
    unit = lines.indent_unit(data, parsed.record.indent_unit, at)
    fresh = header_indent.decode(errors="replace") + unit
    opens = last + 1 == inner.inside and _is_empty(parsed, header_indent, at)
    end = _end(parsed, inner, header_indent, at)
    first = _first_statement(parsed, inner)
    indent = fresh
    if first >= 0 and not opens and lines.first_of_line(data, first) == first:
        indent = lines.indent_of(data, first).decode(errors="replace")
    start = inner.inside if inner.node is None else min(inner.node.start_byte, inner.inside)
    return Block(start, max(end, at), indent, opens, scope, inner.node, whole=False)


def _last_code(parsed: Parsed, at: int) -> int:
    """The last byte before `at` that is neither white space nor comment, -1 if none."""
    for _ in range(200):
        last = lines.last_code_byte(parsed.source.data, at)
        if last < 0:
            return -1
        comment = next((n for n in parsed.path(last) if n.type in parsed.record.comments), None)
        if comment is None:
            return last
        at = comment.start_byte
    return -1


def _open_blocks(parsed: Parsed, path: list[Node], at: int) -> list[_Open]:
    record, data = parsed.record, parsed.source.data
    found: list[_Open] = []
    for index, node in enumerate(path):
        parent = path[index - 1] if index else None
        if node.type in record.blocks:
            inside = _after_brace(node)
            if 0 <= inside <= at and not _is_left(node, at):
                found.append(_Open(inside, node, parent))
        elif node.type in record.cases:
            inside = _after_colon(node, record.groups)
            if 0 <= inside <= at and _in_case(data, node, at):
                found.append(_Open(inside, node, node, is_case=True))
        elif node.type != "{" and _is_block_in_disguise(data, node, at):
            found.append(_Open(node.start_byte + 1, None, parent))
        if node.has_error:
            found.extend(_bare_braces(parsed, node, at))
    return found


def _is_block_in_disguise(data: bytes, node: Node, at: int) -> bool:
    """Whether an unclosed literal is the body of a loop or condition: `for (a of b) {`."""
    if not node.has_error or not node.start_byte < at or data[node.start_byte] != ord("{"):
        return False
    last = node.child(node.child_count - 1) if node.child_count else None
    before = lines.last_code_byte(data, node.start_byte)
    return last is not None and last.is_missing and before >= 0 and data[before] == ord(")")


def _after_brace(node: Node) -> int:
    for child in node.children:
        if child.type == "{":
            return -1 if child.is_missing else child.end_byte
    return -1


def _after_colon(node: Node, labels: frozenset[str]) -> int:
    for child in node.children[:8]:
        if child.type == ":" or child.type in labels:
            return child.end_byte
    return -1


def _is_left(node: Node, at: int) -> bool:
    """Whether the position is behind the block's closing brace."""
    last = node.child(node.child_count - 1) if node.child_count else None
    closed = last is not None and last.type == "}" and not last.is_missing
    return closed and at > node.end_byte - 1


def _in_case(data: bytes, node: Node, at: int) -> bool:
    """Behind its last statement, a case still holds the lines that are indented under it."""
    if at <= node.end_byte and lines.line_start(data, at) <= node.end_byte:
        return True
    column = lines.width(lines.indent_of(data, at))
    blank = lines.first_of_line(data, at) == lines.line_end(data, at)
    return blank and column > lines.width(lines.indent_of(data, node.start_byte))


def _bare_braces(parsed: Parsed, node: Node, at: int) -> list[_Open]:
    """Braces before `at` that stand open in an ERROR node: this one, or one among its children."""
    data = parsed.source.data
    opened: list[_Open] = []
    for child in node.children[:_MAX_CHILDREN]:
        if child.start_byte >= at:
            break
        if not node.is_error and not child.is_error:
            continue
        for token in child.children[:_MAX_CHILDREN] if child.is_error else (child,):
            if token.start_byte >= at or token.is_missing:
                continue
            if token.type == "{":
                before = lines.last_code_byte(data, token.start_byte)
                if before < 0 or data[before] not in _BEFORE_LITERAL:
                    opened.append(_Open(token.end_byte, None, node))
            elif token.type == "}" and opened:
                opened.pop()
    return opened


def _header_indent(parsed: Parsed, block: _Open) -> bytes:
    """The indentation of the line on which the statement that opens the block begins."""
    data = parsed.source.data
    brace_line = lines.indent_of(data, block.inside - 1)
    if block.node is None or block.parent is None or block.parent.is_error:
        return brace_line
    parent_line = lines.indent_of(data, block.parent.start_byte)
    # Only a line that continues the header is indented more than the header itself.
    return min(brace_line, parent_line, key=lines.width)


def _is_empty(parsed: Parsed, header_indent: bytes, at: int) -> bool:
    """Whether nothing of the block's own follows `at`, by the tree or, unclosed, by indentation."""
    data = parsed.source.data
    following = lines.next_code_byte(data, at)
    if following >= len(data) or data[following : following + 1] == b"}":
        return True
    if following < lines.line_end(data, at):
        return False
    return lines.width(lines.indent_of(data, following)) <= lines.width(header_indent)


def _end(parsed: Parsed, block: _Open, header_indent: bytes, at: int) -> int:
    if block.node is not None:
        return block.node.end_byte
    data = parsed.source.data
    limit = lines.width(header_indent)
    for first in lines.lines_below(data, at):
        if lines.width(data[lines.line_start(data, first) : first]) <= limit:
            return first
    return len(data)


def _first_statement(parsed: Parsed, block: _Open) -> int:
    """Where the block's first statement starts, -1 for none."""
    if block.node is None:
        first = lines.next_code_byte(parsed.source.data, block.inside)
        return first if first < len(parsed.source.data) else -1
    for child in block.node.children[:200]:
        if (
            child.start_byte >= block.inside
            and child.start_byte < child.end_byte
            and child.type not in parsed.record.comments
            and child.type != "}"
        ):
            return child.start_byte
    return -1


def _scope(
    parsed: Parsed, at: int, near: list[Node], right: list[Node], found: list[_Open]
) -> tuple[str, ...]:
    data = parsed.source.data
    owners = frozenset(block.parent.id for block in found if block.parent is not None)
    names = dict(defined_names(parsed, right, at))
    names |= dict(defined_names(parsed, near, at, owners))
    for block in found:
        if block.node is None or (block.parent is not None and block.parent.is_error):
            line = lines.line_start(data, block.inside - 1)
            if name := name_in_header(data[line : block.inside]):
                names.setdefault(line, name)
    return tuple(name for _, name in sorted(names.items()))
