"""The form of a language's record. The records themselves are in the `languages_*` modules."""

from __future__ import annotations

from typing import Literal

import msgspec


class Exports(msgspec.Struct, frozen=True, kw_only=True):
    """How a language says which names other files may use.

    `names` reads the name itself: a leading underscore hides it, or only a capital shows it. The
    rest are modifiers before the name: where `shown` ones are given a name needs one of them, and a
    `hidden` one hides it, at the top of a file and for a `member` of a type.
    """

    names: Literal["any", "underscore", "capital"] = "any"
    shown: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    member_shown: frozenset[str] = frozenset()
    member_hidden: frozenset[str] = frozenset()


class LanguageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the parser needs to know about one language.

    Node types are the grammar's own. `blocks` hold statements between braces (or, in the "indent"
    style, under a header); `cases` are the labelled sections of a switch, whose statements follow a
    colon; `groups` only group what belongs to those two. `definitions` maps a node type to the
    field that holds its name; `bound_functions` are anonymous functions that take their name from
    the declaration they stand in. `interpolations` are code inside a string; `quotes` are the
    characters that begin one. `header_words` begin the lines that open a block in the "indent"
    style. In the "lines" style `opener` is a pattern that a line which opens a block matches, up to
    its end, and `closer` one that begins a line behind a block. `indent_unit` is used where the
    file itself shows none.

    The rest is for the index. `queries` are the files under queries/ whose patterns find the facts
    of a file, joined in this order ((): the file of the language's own name); what is found twice
    is taken from the earlier pattern. `docstrings` says that a body begins with its documentation.
    `constructors` are the names that make a method one ("*": its type's own name). `annotations`
    only say a type, and the code does the same without them.
    """

    name: str
    language_ids: tuple[str, ...]
    extensions: tuple[str, ...]
    module: str
    function: str = "language"
    block_style: Literal["indent", "braces", "lines"] = "braces"
    blocks: frozenset[str]
    cases: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    definitions: dict[str, str]
    bound_functions: frozenset[str] = frozenset()
    statements: frozenset[str]
    comments: frozenset[str]
    strings: frozenset[str]
    interpolations: frozenset[str] = frozenset()
    quotes: str
    line_comment: str
    block_comment: tuple[str, str] = ("/*", "*/")
    header_words: frozenset[str] = frozenset()
    opener: str = ""
    closer: str = ""
    indent_unit: str
    queries: tuple[str, ...] = ()
    docstrings: bool = False
    constructors: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()
    exports: Exports = Exports()

    def node_types(self) -> frozenset[str]:
        """Every node type the record names."""
        return frozenset().union(
            self.blocks, self.cases, self.groups, self.definitions, self.bound_functions,
            self.statements, self.comments, self.strings, self.interpolations, self.annotations,
        )  # fmt: skip


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set: how the records list node types."""
    return frozenset(text.split())
