"""What the block styles share: the value they answer with, and names read from header lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from indoors_indexing.parse import Node, Parsed

_MAX_NAME = 200
# A definition's name in a header line that the tree could not read.
_NAMED = re.compile(
    rb"\b(?:class|def|enum|fn|fun|func|function|impl|interface|mod|module|namespace|object|record|"
    rb"struct|trait|type)\s+"
    rb"(?:\([^()]{0,200}\)\s*)?([A-Za-z_$][\w$]{0,200})"
)


# The same for a method, which has no keyword: a name, its parameters, perhaps a type behind them.
_METHOD = re.compile(rb"([A-Za-z_$][\w$]{0,200})\s*\([^(){};]{0,500}\)[^(){};=]{0,200}\{$")
_NO_METHOD = {b"if", b"for", b"while", b"switch", b"catch", b"with", b"match", b"synchronized"}


class Block(NamedTuple):
    """The innermost enclosing block, in bytes; `node` is its tree node if it has a sound one."""

    start: int
    end: int
    indent: str
    opens: bool
    scope: tuple[str, ...]
    node: Node | None = None
    whole: bool = False

    def holds(self, start: int) -> bool:
        """Whether a statement that starts there is one of this block's."""
        return self.whole or self.start <= start


def defined_names(
    parsed: Parsed, path: list[Node], at: int, owners: frozenset[int] = frozenset()
) -> list[tuple[int, str]]:
    """The definitions on a path that contain `at`, as (start, name), outermost first.

    `owners` are ids of nodes that count as if they did: their block is still open at `at`.
    """
    record, data = parsed.record, parsed.source.data
    names: list[tuple[int, str]] = []
    for index, node in enumerate(path):
        if not node.start_byte <= at <= node.end_byte and node.id not in owners:
            continue
        field = record.definitions.get(node.type)
        name = node.child_by_field_name(field) if field else None
        if name is not None and field == "declarator":
            name = _declared(name, data)
        if name is None and node.type in record.bound_functions and index:
            outer = path[index - 1]
            name = (
                outer.child_by_field_name("name")
                or outer.child_by_field_name("property")
                or outer.child_by_field_name("key")
            )
        if name is not None and 0 < name.end_byte - name.start_byte <= _MAX_NAME:
            text = data[name.start_byte : name.end_byte].decode(errors="replace")
            names.append((node.start_byte, text))
    return names


def _declared(node: Node, data: bytes) -> Node:
    """The name within the declarators of C: of `*f(int)` that is `f`."""
    for _ in range(5):
        inner = node.child_by_field_name("declarator")
        if inner is None and data.startswith(b"&", node.start_byte) and node.named_child_count:
            inner = node.named_child(0)
        if inner is None:
            break
        node = inner
    return node


def name_in_header(line: bytes) -> str:
    """The name that a header line defines, "" if it defines none."""
    found = _NAMED.search(line[:2000])
    # In C a function's type may come first: `struct node *make(int size) {`.
    if found is None or found.group().startswith((b"struct", b"enum")):
        found = _METHOD.search(line[:2000].rstrip()) or found
    if found is None or found.group(1) in _NO_METHOD:
        return ""
    return found.group(1).decode(errors="replace")
