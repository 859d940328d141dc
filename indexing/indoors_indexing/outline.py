"""The outline of a whole text: its tokens by kind, its names, its definitions.

For comparing a text with an edited one: what only changed in its comments, or in its annotations,
has the same code leaves; what is used and was never given a meaning shows among the names.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from indoors_indexing import bindings
from indoors_indexing.scopes import Scopes
from indoors_indexing.symbols import facts_of
from indoors_indexing.types import Defined, Leaf, LeafKind, Outline, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from indoors_indexing.facts import Definition
    from indoors_indexing.language import LanguageRecord
    from indoors_indexing.parse import Node, Parsed

# What is larger was not written by people, and is not compared.
MAX_LEAVES = 100_000
# The compiler takes 50 times a text, and a larger one has more than the walk admits anyway.
_MAX_COMPILED_BYTES = 400_000


def outline_of(parsed: Parsed) -> Outline:
    """The outline of a parsed text. A text of more than MAX_LEAVES tokens has an outline that ends
    there; nobody may take that for the whole (`n_errors` is one more than it would be). The same
    goes for a Python text that the grammar allows and Python does not.
    """
    walk = _Walk(parsed)
    is_whole = walk.run()
    offset = _offsets(parsed)
    facts = facts_of(parsed.record, parsed.source.data)
    return Outline(
        language=parsed.record.name,
        n_errors=parsed.error_count() + (not is_whole) + _is_refused(parsed),
        definitions=tuple(_defined(one, offset) for one in facts.definitions),
        leaves=tuple(
            Leaf(kind, offset(start), offset(end), depth, begins)
            for kind, start, end, depth, begins in walk.leaves
        ),
        names=None if walk.scopes is None else walk.scopes.names(offset),
    )


def _is_refused(parsed: Parsed) -> bool:
    """Whether the language's own compiler takes a text for broken that its grammar does not: the
    grammar of Python allows an empty block, any indentation and `print x`. Nothing is run.
    """
    data = parsed.source.data
    if parsed.record.name != "python" or len(data) > _MAX_COMPILED_BYTES:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            return True
    return False


def _offsets(parsed: Parsed) -> Callable[[int], int]:
    """Code-point offsets of bytes, in one pass over a text that is not all ASCII."""
    data = parsed.source.data
    if data.isascii():
        return lambda byte: byte
    table = [0] * (len(data) + 1)
    count = 0
    for byte, value in enumerate(data):
        table[byte] = count
        count += value & 0xC0 != 0x80
        if value & 0xC0 == 0x80:
            table[byte] = count - 1
    table[len(data)] = count
    return table.__getitem__


def _defined(one: Definition, offset: Callable[[int], int]) -> Defined:
    return Defined(
        name=one.name,
        kind=one.kind,
        span=Span(offset(one.start), offset(one.end)),
        head=Span(offset(one.start), offset(one.head_end)),
        doc=Span(offset(one.doc_start), offset(one.doc_end)),
        scope=one.scope,
        exported=one.exported,
    )


class _Walk:
    """One walk over all nodes; a node type decides what becomes of those below it."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._record: LanguageRecord = parsed.record
        self._data = parsed.source.data
        self._binders = bindings.BINDERS.get(parsed.record.name)
        self._nodes: list[Node] = []
        self._types: list[str] = []
        self._fields: list[str] = []
        self.leaves: list[tuple[LeafKind, int, int, int, bool]] = []
        self.scopes = None if self._binders is None else Scopes(self._binders)

    def run(self) -> bool:
        """Fill `leaves` and `scopes`; whether all of the text is in them."""
        cursor = self._parsed.tree.walk()
        record, binders, scopes = self._record, self._binders, self.scopes
        nodes, types, fields, leaves = self._nodes, self._types, self._fields, self.leaves
        own_scopes = binders.scopes if binders is not None else frozenset()
        identifiers = binders.identifiers if binders is not None else frozenset()
        blocks, statements = record.blocks, record.statements
        # Most nodes say nothing about the kind of what is below them.
        telling = record.comments | record.interpolations | record.strings | record.annotations
        telling |= {":", "->"}
        # The kind of what is below a node, for each level above the cursor.
        kinds: list[LeafKind] = []
        depth, begins_at = 0, -1
        while True:
            node = cursor.node
            if node is None or len(leaves) > MAX_LEAVES:
                return node is None
            type_ = node.type
            nodes.append(node)
            types.append(type_)
            fields.append(cursor.field_name or "")
            kind, is_leaf = (kinds[-1] if kinds else "code"), False
            if type_ in telling:
                kind, is_leaf = self._judge(node, type_, kind)
            if type_ in statements and not is_leaf:
                begins_at = node.start_byte
            if not is_leaf and cursor.goto_first_child():
                kinds.append(kind)
                depth += type_ in blocks
                if type_ in own_scopes and scopes is not None:
                    scopes.enter(type_)
                continue
            start, end = node.start_byte, node.end_byte
            if end > start:
                leaves.append((kind, start, end, depth, start == begins_at))
                if type_ in identifiers and kind != "comment" and kind != "string":
                    self._name(start, end, kind)
            nodes.pop()
            types.pop()
            fields.pop()
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return True
                kinds.pop()
                nodes.pop()
                fields.pop()
                left = types.pop()
                depth -= left in blocks
                if left in own_scopes and scopes is not None:
                    scopes.leave()

    def _judge(self, node: Node, kind: str, above: LeafKind) -> tuple[LeafKind, bool]:
        """The kind of a node, and whether it is one leaf whatever is below it."""
        record = self._record
        if kind in record.comments:
            return "comment", True
        if kind in record.interpolations:
            return "code", False
        if kind in record.strings and node.is_named:
            holds_code = any(child.type in record.interpolations for child in node.children)
            if record.docstrings and not holds_code and _is_docstring(node):
                return "comment", True
            return "string", not holds_code
        if kind in record.annotations:
            return "annotation", False
        if kind in (":", "->") and record.annotations:
            following = node.next_sibling
            if following is not None and following.type in record.annotations:
                return "annotation", True
        return above, False

    def _name(self, start: int, end: int, kind: LeafKind) -> None:
        binders, scopes = self._binders, self.scopes
        assert binders is not None
        assert scopes is not None
        name = self._data[start:end].decode("utf-8", "replace")
        judged = bindings.role(binders, self._nodes, self._types, self._fields, name)
        role = judged.role
        if role == "none":
            return
        types, level = self._types, judged.level
        if role == "bound":
            binder = types[level]
            is_late = binder in binders.late
            scopes.bind(
                name,
                start,
                self._nodes[level].end_byte if is_late else start,
                outside=binder in binders.outside and level == len(types) - 2,
                walrus=binder == "named_expression",
            )
        elif role == "outer":
            scopes.borrow(name, start)
        else:
            scopes.use(
                name,
                start,
                in_head=self._is_in_head(),
                is_type=kind == "annotation",
                needs_own=role == "updated" and binders.ordered,
            )

    def _is_in_head(self) -> bool:
        """Whether a name stands in a head of the innermost scope: its default values and types."""
        binders, types = self._binders, self._types
        assert binders is not None
        if not binders.heads:
            return False
        for at in range(len(types) - 1, 0, -1):
            if types[at] in binders.heads and types[at - 1] in binders.scopes:
                return True
            if types[at] in binders.scopes:
                return False
        return False


def _is_docstring(node: Node) -> bool:
    """A string that stands alone as the first statement of a block or a file."""
    statement = node.parent
    if statement is None or statement.type != "expression_statement":
        return False
    if statement.child_count != 1 or statement.parent is None:
        return False
    for sibling in statement.parent.children:
        if sibling.type != "comment":
            return sibling == statement
    return False
