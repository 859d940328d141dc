"""From what a query found to definitions: what encloses what, which names are local or exported.

One sweep over the finds in the order of the file, with a stack of what is open. Work is
proportional to the number of finds; deep nesting shares its scope tuples.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from indoors_indexing import heads
from indoors_indexing.facts import Definition, Kind

if TYPE_CHECKING:
    from indoors_indexing.language import LanguageRecord
    from indoors_indexing.parse import Node

MAX_DEFINITIONS = 20_000
# Deeper scopes than this are not written by people; their tuples would cost its square.
_MAX_SCOPE = 20

_FUNCTIONS = frozenset(("function", "method", "constructor"))
_TYPES = frozenset(("class", "interface", "enum", "type"))
_VALUES = frozenset(("variable", "constant", "field"))
# Their members are seen by whoever sees them.
_SHARING = frozenset(("interface", "enum", "constant"))
_DOCSTRING = re.compile(rb"[rRuUbB]{0,2}[\"']")


class Found(msgspec.Struct, gc=False):
    """One find of a query: a definition, or what only encloses some (`emit` is then false, and
    without a name it is a function of nobody's).

    `outer` are the names that the definition itself writes before its own (`A::f`, a receiver).
    `of_type` puts it into the enclosing type, wherever it stands (`self.x = …`). `section` are the
    modifiers that hold for its members until one says otherwise, `modifiers` its own that do not
    stand before its name. `source` is the parameter it takes its value from.
    """

    kind: Kind
    start: int
    end: int
    name: str
    name_start: int
    head_end: int
    pattern: int
    body: Node | None = None
    type_name: str = ""
    outer: tuple[str, ...] = ()
    emit: bool = True
    of_type: bool = False
    open_to_all: bool = False
    section: bytes = b""
    source: bytes = b""


class Section(msgspec.Struct, gc=False):
    """A label that says how visible the members below it are (`private:`)."""

    start: int
    end: int
    text: bytes


class _Open(msgspec.Struct, gc=False):
    """An enclosing definition; `path` are the names from the outermost to its own."""

    found: Found
    kind: str
    path: tuple[str, ...]
    exported: bool
    in_function: bool
    section: bytes


class Nesting:
    """The sweep. `definitions` and `paths` (full dotted name by name position) are its result."""

    def __init__(self, record: LanguageRecord, data: bytes, named: frozenset[str]) -> None:
        self._record = record
        self._data = data
        self._named = named
        self._hiding = _pattern(record.exports.hidden), _pattern(record.exports.member_hidden)
        self._showing = _pattern(record.exports.shown), _pattern(record.exports.member_shown)
        self._marks = record.line_comment.encode(), *(m.encode() for m in record.block_comment)
        self._fields: dict[tuple[tuple[str, ...], str], int] = {}
        self._stack: list[_Open] = []
        self.definitions: list[Definition] = []
        self.paths: dict[int, str] = {}

    def sweep(self, finds: list[Found], sections: list[Section]) -> None:
        """Nest all finds."""
        stack = self._stack
        ordered: list[Found | Section] = [*finds, *sections]
        ordered.sort(key=lambda item: (item.start, -item.end))
        for item in ordered:
            while stack and not _holds(stack[-1].found, item):
                stack.pop()
            if isinstance(item, Section):
                if stack:
                    stack[-1].section = item.text
            else:
                self._place(item)

    def _place(self, found: Found) -> None:
        stack = self._stack
        parent = stack[-1] if stack else None
        kind: Kind = found.kind
        path: tuple[str, ...] = ()
        in_function = False
        if parent is not None:
            path = parent.path
            in_function = parent.in_function or parent.kind in _FUNCTIONS
        if found.of_type:
            owner = next((outer for outer in reversed(stack) if outer.kind in _TYPES), None)
            if owner is None:
                return
            self._field_from_body(found, owner)
            return
        if in_function and kind in _VALUES:
            return
        if found.outer:
            path = (path + found.outer)[:_MAX_SCOPE]
        in_type = bool(found.outer) or (parent is not None and parent.kind in _TYPES)
        if kind == "function" and in_type and found.name:
            name = "*" if path[-1:] == (found.name,) else found.name
            kind = "constructor" if name in self._record.constructors else "method"
        elif kind == "variable":
            if in_type:
                kind = "field"
            elif found.name.isupper():
                kind = "constant"
        exported = not in_function and self._exported(found, parent, in_type)
        if found.emit:
            self._emit(found, kind, path, exported)
        inner = (*path, found.name) if found.name and len(path) < _MAX_SCOPE else path
        if kind in _TYPES:
            self.paths[found.name_start] = ".".join(inner)
        stack.append(_Open(found, kind, inner, exported, in_function, found.section))

    def _emit(self, found: Found, kind: Kind, path: tuple[str, ...], exported: bool) -> None:
        if len(self.definitions) >= MAX_DEFINITIONS:
            return
        if kind == "field":
            if (path, found.name) in self._fields:
                return
            self._fields[path, found.name] = len(self.definitions)
        doc_start, doc_end = self._doc(found)
        self.definitions.append(
            Definition(
                name=found.name,
                kind=kind,
                scope=path,
                start=found.start,
                end=found.end,
                head_end=found.head_end,
                doc_start=doc_start,
                doc_end=doc_end,
                name_start=found.name_start,
                exported=exported,
                type_name=found.type_name,
            )
        )

    def _field_from_body(self, found: Found, owner: _Open) -> None:
        """A field that a method sets: kept once for each type, with the first type it is given."""
        if found.source and not found.type_name:
            named = (one.found for one in reversed(self._stack) if one.kind in _FUNCTIONS)
            head = next((one for one in named if one.name), None)
            if head is not None:
                found.type_name = heads.parameter_type(
                    self._data, head.name_start, head.head_end, found.source
                )
        known = self._fields.get((owner.path, found.name))
        if known is None:
            exported = owner.exported and self._exported(found, owner, True)
            self._emit(found, "field", owner.path, exported)
        elif found.type_name and not self.definitions[known].type_name:
            self.definitions[known] = msgspec.structs.replace(
                self.definitions[known], type_name=found.type_name
            )

    def _doc(self, found: Found) -> tuple[int, int]:
        data = self._data
        if self._record.docstrings and found.body is not None:
            begin = found.body.start_byte
            if _DOCSTRING.match(data, begin):
                literal = _first(_first(found.body))
                if literal is not None and literal.type in self._record.strings:
                    return literal.start_byte, literal.end_byte
        return heads.comment_above(data, found.start, *self._marks)

    def _exported(self, found: Found, parent: _Open | None, in_type: bool) -> bool:
        rule = self._record.exports
        name = found.name
        if found.open_to_all:
            return True
        if rule.names == "underscore":
            return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))
        if rule.names == "capital":
            return name[:1].isupper()
        if name.startswith(("#", "@")):
            return False
        if parent is not None and parent.kind in _SHARING:
            return parent.exported
        if parent is not None and parent.found.open_to_all and not parent.found.emit:
            return True
        hiding, showing = self._hiding[in_type], self._showing[in_type]
        if hiding is None and showing is None:
            return True
        before = heads.modifiers(self._data, found.start, found.name_start)
        if parent is not None and in_type and parent.section:
            own = hiding is not None and _ANY_ACCESS.search(before)
            before = before if own else parent.section
        if hiding is not None and hiding.search(before):
            return False
        if showing is None or showing.search(before):
            return True
        return not in_type and name in self._named


_ANY_ACCESS = re.compile(rb"\b(?:public|protected|private)\b")


def _first(node: Node | None) -> Node | None:
    return node.named_child(0) if node is not None and node.named_child_count else None


def _holds(outer: Found, inner: Found | Section) -> bool:
    """Whether `inner` lies within `outer` and is not the same stretch of text."""
    return inner.start < outer.end and (inner.start, inner.end) != (outer.start, outer.end)


def _pattern(modifiers: frozenset[str]) -> re.Pattern[bytes] | None:
    if not modifiers:
        return None
    return re.compile(rb"\b(?:" + "|".join(sorted(modifiers)).encode() + rb")\b")
