"""The facts of a file: definitions, imports and bases, by one query over its syntax tree.

The queries are ours, one for each language under queries/, and this module knows their captures and
no node type. A pattern has one capture that says what it finds:

- a kind of definition (`@class`, `@function`, `@field`, …): the whole definition. With it go
  `@name`, `@body` (the signature ends where it begins), `@head` (or the signature's last node),
  `@typed`, `@made` (what is called to make its value; a type if it has a capital), `@from` (the
  parameter its value is taken from), `@receiver` (the type it belongs to, written outside of it),
  `@path` (a qualified name, in place of `@name`).
- `@scope`: what encloses definitions without being one (`impl`), named by `@name` or `@path`.
- `@local`: what encloses names of nobody else's (a function without a name, an initializer).
- `@import`: with `@module`, `@name`, `@alias`.
- `@base`: what `@child` (the name of a definition) inherits from.
- `@section`: a label that says who sees the members below it.
- `@attribute`: what stands before a definition and belongs to it.
- `@wrapper`: what holds `@wrapped`, a definition, and belongs to it (`export`, decorators).
- `@exports`: a name that is exported apart from its definition.

Patterns set (`#set!`): `is.CAPTURE` to the texts that a capture may have, separated by blanks,
since predicates that read text cannot be used here (`parse.run_parser` says why); `tree` to the
mark between the parts of a path where an import is read as text; `dots` where leading dots of a
module count levels; `level` and `every` (all names) for imports; `name` for definitions without
one; `of_type`, `open` and `section` as in `nesting.Found`.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import msgspec

from indoors_indexing import heads
from indoors_indexing.facts import Base, FileFacts, Import, Kind
from indoors_indexing.import_forms import import_tree
from indoors_indexing.languages import GrammarError, LanguageRecord
from indoors_indexing.lines import last_code_byte
from indoors_indexing.nesting import MAX_DEFINITIONS, Found, Nesting, Section
from indoors_indexing.parse import Matcher, SyntaxUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from indoors_indexing.parse import Match, Node

# As for a document, but for each of parsing and matching.
BUDGET_MS = 1000.0
MAX_IMPORTS = 5000
MAX_BASES = 5000
_MAX_MODULE_BYTES = 500
_MAX_WRAPPERS = 5
_QUERIES = Path(__file__).with_name("queries")
_KINDS = frozenset(get_args(Kind))
_OTHER_ROLES = (
    "scope", "local", "import", "base", "section", "attribute", "wrapper", "exports",
)  # fmt: skip
_NOTHING = FileFacts(has_errors=True)

_Captures = dict[str, "list[Node]"]


class _Pattern(msgspec.Struct, gc=False):
    """One pattern of a query: what it finds (known from its first match) and what it sets."""

    settings: dict[str, str | None]
    checks: tuple[tuple[str, frozenset[bytes]], ...]
    role: str = ""


class _Reader:
    """A language's parser and query."""

    def __init__(self, record: LanguageRecord) -> None:
        self.matcher = Matcher(record, query_text(record))
        self.patterns = [_pattern(settings) for settings in self.matcher.settings]


class _Readers(threading.local):
    """Each thread's own: a parser that two threads use at once is two threads in one parse."""

    def __init__(self) -> None:
        self.by_name: dict[str, _Reader | GrammarError] = {}


_readers = _Readers()


def query_text(record: LanguageRecord) -> str:
    """The language's query: its files under queries/, joined."""
    names = record.queries or (record.name,)
    return "\n".join((_QUERIES / f"{name}.scm").read_text("utf-8") for name in names)


def unavailable(record: LanguageRecord) -> str:
    """Why no file of this language has facts (a grammar is missing or broken), "" if they have."""
    reader = _reader(record)
    return str(reader) if isinstance(reader, GrammarError) else ""


def facts_of(record: LanguageRecord, data: bytes) -> FileFacts:
    """The facts of a file's bytes, whatever they are; never raises (I7).

    A file that is too large or stalls the parser, and any file of a language whose grammar did not
    load, has no facts and `has_errors`.
    """
    reader = _reader(record)
    if isinstance(reader, GrammarError):
        return _NOTHING
    try:
        matches, broken = reader.matcher.matches(data, BUDGET_MS)
    except SyntaxUnavailable:
        return _NOTHING
    return _Collection(record, data).facts(matches, reader.patterns, broken)


def _reader(record: LanguageRecord) -> _Reader | GrammarError:
    reader = _readers.by_name.get(record.name)
    if reader is None:
        try:
            reader = _Reader(record)
        except GrammarError as error:
            reader = error
        _readers.by_name[record.name] = reader
    return reader


def _pattern(settings: dict[str, str | None]) -> _Pattern:
    checks = tuple(
        (key[3:], frozenset((value or "").encode().split()))
        for key, value in settings.items()
        if key.startswith("is.")
    )
    return _Pattern(settings, checks)


def _role(captures: _Captures) -> str:
    found = [name for name in (*_OTHER_ROLES, *_KINDS) if name in captures]
    return found[0] if found else "none"


class _Collection:
    """What the matches in one file say, gathered by what they find."""

    def __init__(self, record: LanguageRecord, data: bytes) -> None:
        self._record = record
        self._data = data
        self._finds: dict[int, Found] = {}
        self._locals: dict[int, Found] = {}
        self._sections: dict[int, Section] = {}
        self._attributes: dict[int, int] = {}
        self._wrappers: dict[int, int] = {}
        self._imports: dict[tuple[int, int], tuple[int, Import]] = {}
        self._bases: dict[tuple[int, int], tuple[Node, str]] = {}
        self._named: set[str] = set()
        self._take: dict[str, Callable[[int, _Pattern, _Captures], None]] = {
            "local": self._local,
            "import": self._import,
            "base": self._base,
            "section": self._section,
            "attribute": self._attribute,
            "wrapper": self._wrapper,
            "exports": self._export,
            "none": lambda *_: None,
        }

    def facts(self, matches: Iterator[Match], patterns: list[_Pattern], broken: bool) -> FileFacts:
        for index, captures in matches:
            pattern = patterns[index]
            if not pattern.role:
                pattern.role = _role(captures)
            if not pattern.checks or self._passes(pattern, captures):
                self._take.get(pattern.role, self._define)(index, pattern, captures)
        for _, at in self._imports:
            # `const fs = require("fs")` is an import, and no variable besides.
            self._finds.pop(at, None)
        for found in self._finds.values():
            self._extend(found)
        nesting = Nesting(self._record, self._data, frozenset(self._named))
        finds = [*self._finds.values(), *self._locals.values()]
        nesting.sweep(finds, [*self._sections.values()])
        return FileFacts(
            definitions=tuple(nesting.definitions),
            imports=tuple(self._imports[key][1] for key in sorted(self._imports)),
            bases=tuple(self._named_bases(nesting)),
            has_errors=broken,
        )

    def _passes(self, pattern: _Pattern, captures: _Captures) -> bool:
        data = self._data
        for capture, texts in pattern.checks:
            node = captures[capture][0]  # never optional in a pattern that checks it
            if data[node.start_byte : min(node.end_byte, node.start_byte + 100)] not in texts:
                return False
        return True

    def _text(self, captures: _Captures, capture: str) -> str:
        nodes = captures.get(capture)
        if not nodes:
            return ""
        return heads.name_text(self._data, nodes[0].start_byte, nodes[0].end_byte)

    def _define(self, index: int, pattern: _Pattern, captures: _Captures) -> None:
        data, settings = self._data, pattern.settings
        whole = captures[pattern.role][0]
        start, end = whole.start_byte, heads.code_end(data, whole.start_byte, whole.end_byte)
        named = captures.get("name") or captures.get("path")
        name_node = named[0] if named else None
        name_start = start if name_node is None else name_node.start_byte
        known = self._finds.get(name_start)
        if known is not None and known.pattern <= index:
            return
        if len(self._finds) >= MAX_DEFINITIONS:
            return
        name_end = start if name_node is None else name_node.end_byte
        name = settings.get("name") or heads.name_text(data, name_start, name_end)
        outer: tuple[str, ...] = ()
        if "path" in captures:
            *outside, name = heads.qualified(data, name_start, name_end)
            outer = tuple(outside)
        elif "receiver" in captures:
            node = captures["receiver"][0]
            outer = heads.qualified(data, node.start_byte, node.end_byte)
        if not name:
            return
        body, kind = captures.get("body"), pattern.role
        if "head" in captures:
            head_end = captures["head"][0].end_byte
        elif body:
            head_end = heads.head_end(data, start, body[0].start_byte)
        elif kind in ("field", "variable", "constant"):
            head_end = heads.first_line_end(data, name_start, end)
        else:
            head_end = end
        found = Found(
            "type" if kind == "scope" else cast("Kind", kind),
            start, end, name, name_start, head_end, index,
            body[0] if body else None,
        )  # fmt: skip
        if outer:
            found.outer = outer
        if "typed" in captures:
            node = captures["typed"][0]
            found.type_name = heads.type_text(data, node.start_byte, node.end_byte)
        elif "made" in captures:
            node = captures["made"][0]
            found.type_name = heads.made_text(data, node.start_byte, node.end_byte)
        elif "from" in captures:
            node = captures["from"][0]
            found.source = data[node.start_byte : min(node.end_byte, node.start_byte + 100)]
        found.emit = kind != "scope"
        if settings:
            found.of_type = "of_type" in settings
            found.open_to_all = "open" in settings
            found.section = (settings.get("section") or "").encode()
        self._finds[name_start] = found

    def _extend(self, found: Found) -> None:
        """Let a definition begin where what belongs to it begins."""
        for _ in range(_MAX_WRAPPERS):
            wrapper = self._wrappers.get(found.start)
            if wrapper is None or wrapper >= found.start:
                break
            found.start = wrapper
        while self._attributes:
            end = last_code_byte(self._data, found.start) + 1
            before = self._attributes.get(end)
            if before is None or before >= found.start:
                return
            found.start = before

    def _import(self, index: int, pattern: _Pattern, captures: _Captures) -> None:
        if len(self._imports) >= MAX_IMPORTS:
            return
        settings, whole = pattern.settings, captures["import"][0]
        start = whole.start_byte
        if mark := settings.get("tree"):
            text = self._data[start : whole.end_byte]
            for number, one in enumerate(import_tree(text, mark)):
                entry = Import(
                    module=one.module, name=one.name, alias=one.alias, level=0, start=start
                )
                self._imports[start, start + number] = (index, entry)
            return
        node = captures["module"][0]
        raw = self._data[node.start_byte : min(node.end_byte, node.start_byte + _MAX_MODULE_BYTES)]
        module = raw.strip(b"\"'`").decode(errors="replace")
        level = int(settings.get("level") or 0)
        if "dots" in settings and module.startswith("."):
            relative = module.lstrip(". ")
            level, module = module.count(".", 0, len(module) - len(relative)), relative
        name = "*" if "every" in settings else self._text(captures, "name")
        name = settings.get("name") or name
        alias = self._text(captures, "alias")
        entry = Import(
            module=module, name=name, alias="" if alias == name else alias, level=level, start=start
        )
        at = next((captures[key][0] for key in ("name", "alias") if key in captures), node)
        known = self._imports.get((start, at.start_byte))
        if known is None or index < known[0]:
            self._imports[start, at.start_byte] = (index, entry)

    def _base(self, _index: int, _pattern: _Pattern, captures: _Captures) -> None:
        if len(self._bases) >= MAX_BASES:
            return
        base, child = captures["base"][0], captures["child"][0]
        text = heads.base_text(self._data, base.start_byte, base.end_byte)
        if text:
            self._bases[base.start_byte, child.start_byte] = (child, text)

    def _named_bases(self, nesting: Nesting) -> list[Base]:
        found = []
        for (start, _), (child, base) in sorted(self._bases.items(), key=lambda item: item[0]):
            name = nesting.paths.get(child.start_byte)
            if name is None:
                name = ".".join(heads.qualified(self._data, child.start_byte, child.end_byte))
            found.append(Base(child=name, base=base, start=start))
        return found

    def _local(self, index: int, _pattern: _Pattern, captures: _Captures) -> None:
        node = captures["local"][0]
        start, end = node.start_byte, node.end_byte
        if len(self._locals) < MAX_DEFINITIONS:
            found = Found("function", start, end, "", start, start, index, emit=False)
            self._locals[start] = found

    def _section(self, _index: int, _pattern: _Pattern, captures: _Captures) -> None:
        node = captures["section"][0]
        if len(self._sections) < MAX_DEFINITIONS:
            text = self._data[node.start_byte : min(node.end_byte, node.start_byte + 100)]
            self._sections[node.start_byte] = Section(node.start_byte, node.end_byte, text)

    def _attribute(self, _index: int, _pattern: _Pattern, captures: _Captures) -> None:
        node = captures["attribute"][0]
        # The node of a Rust attribute may hold the white space behind it.
        self._attributes[last_code_byte(self._data, node.end_byte) + 1] = node.start_byte

    def _wrapper(self, _index: int, _pattern: _Pattern, captures: _Captures) -> None:
        inner, start = captures["wrapped"][0].start_byte, captures["wrapper"][0].start_byte
        self._wrappers[inner] = min(start, self._wrappers.get(inner, start))

    def _export(self, _index: int, _pattern: _Pattern, captures: _Captures) -> None:
        self._named.add(self._text(captures, "exports"))
