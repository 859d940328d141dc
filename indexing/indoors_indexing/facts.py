"""What one file defines, imports and derives from: values only.

Offsets are byte offsets into the file as it is on disk; nothing is decoded to find them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "class", "interface", "enum", "type", "function", "method", "constructor", "field",
    "variable", "constant", "module", "macro",
]  # fmt: skip


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One definition.

    `scope` names the enclosing definitions, outermost first. `start` to `end` is the whole
    definition with its decorators, annotations and attributes; `head_end` is where its signature
    ends (for a field or variable its own end, at most one line). `doc_start` and `doc_end` hold the
    doc comment or docstring and are equal where there is none. `exported` follows the language's
    own rule. `type_name` is the written type of a field, variable or parameter, or the return type
    of a function, "" where none is written.
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


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One imported name: `import a.b as c` is module "a.b", name "", alias "c".

    `level` counts the dots of a relative import, 0 for an absolute one.
    """

    module: str
    name: str
    alias: str
    level: int
    start: int


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """Inheritance or implementation: the child's full name path, and the base as it is written."""

    child: str
    base: str
    start: int


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that one file says about itself."""

    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    bases: tuple[Base, ...]
    has_errors: bool
