"""What the index knows of a file: its definitions, imports and bases, as values.

Offsets are byte offsets into the file as it lies on the disk, whatever its bytes are; nothing is
decoded to find them. Names and types are decoded for people, with U+FFFD for bytes that are not
UTF-8.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "class", "interface", "enum", "type", "function", "method", "constructor", "field", "variable",
    "constant", "module", "macro",
]  # fmt: skip


class Definition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One named thing that a file defines.

    `scope` names the enclosing definitions, outermost first; for a method that is written outside
    its type (Go, C++, Lua, Rust's `impl`) that is the type. `start` to `end` is the whole
    definition, with decorators, annotations, attributes and modifiers. `head_end` is where its
    signature ends, before the body; for a field or variable its end, on its first line. `doc_start`
    to `doc_end` is its doc comment or docstring, empty if it has none. `exported` says whether the
    language lets other files use the name (a leading underscore, a capital, `pub`, `export`,
    `private`, `static`). `type_name` is the type as written: of a field, variable or constant the
    annotated or constructed one, of a function what it returns, "" if none is written.
    """

    name: str
    kind: Kind
    scope: tuple[str, ...]
    start: int
    end: int
    head_end: int
    doc_start: int
    doc_end: int
    name_start: int
    exported: bool
    type_name: str


class Import(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One imported name.

    `module` is written as the language writes it, without quotes; an include in angle brackets
    keeps them. `name` is what is taken from it: "" is the module itself, "*" everything. `alias` is
    the name it gets here if that is another. `level` counts the dots of a relative import: 0 is
    absolute, 1 the importing file's own folder.
    """

    module: str
    name: str
    alias: str
    level: int
    start: int


class Base(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One inheritance or implementation: `child` is the full dotted name path of a definition.

    `base` is the name as written, without type arguments.
    """

    child: str
    base: str
    start: int


class FileFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All of one file, in the order of the file. `has_errors` says its tree is not sound."""

    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    bases: tuple[Base, ...] = ()
    has_errors: bool = False
