"""Searching an index: definitions by name, then pieces of files by words, with the text of each.

The index holds places and no text, so the text is read from the files. A file may have changed
since it was indexed; what is found in it is then marked, and never taken for what was indexed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indoors_indexing.reading import Unreadable, open_root, read_source
from indoors_indexing.records import digest
from indoors_indexing.selection import EVERYTHING, Selection
from indoors_indexing.sift import MAX_SOURCE_BYTES
from indoors_indexing.words import query_words

if TYPE_CHECKING:
    from indoors_indexing.store_read import Defined, Hit, Reader

# Names such as `__init__` are defined everywhere; which of them are shown is decided among these.
_MAX_DEFINITIONS = 2000
_MAX_TEXT = 300
_MAX_SIGNATURE_BYTES = 2000
# A whole identifier of the query tells more about a line than a part of one.
_WHOLE = 4
_MINOR_KINDS = frozenset({"field", "variable", "constant"})
_QUALIFIED = re.compile(r"[^\W\d]\w*(?:(?:\.|::|#|->)[^\W\d]\w*)*")


class FoundDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that has the name asked for. `text` is its signature, on one line.

    `is_stale` says that the file changed since it was indexed: the line may be another one.
    """

    name: str
    kind: str
    scope: tuple[str, ...]
    path: str
    line: int
    text: str
    is_stale: bool = False


class FoundChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a file that fits the words; `line` is the one in it that fits best."""

    path: str
    first_line: int
    last_line: int
    line: int
    text: str
    score: float
    is_stale: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found; `n_definitions` also counts those beyond the limit."""

    definitions: tuple[FoundDefinition, ...]
    n_definitions: int
    chunks: tuple[FoundChunk, ...]


class _Name(NamedTuple):
    """A name that is asked for, and the names that it was qualified with."""

    name: str
    scope: tuple[str, ...]


class _Text(NamedTuple):
    data: bytes
    is_stale: bool


def search(
    root: Path, reader: Reader, query: str, limit: int, selection: Selection = EVERYTHING
) -> Answer:
    """At most `limit` results, definitions before pieces of files. Raises OSError without a root.

    Whoever writes the index may not know yet of what the selection denies: that is not shown.

    A query of several words asks for definitions only by those that look like names in code.
    """
    descriptor = open_root(str(root))
    try:
        files = _Files(descriptor, reader, selection)
        hits = reader.search([query], 2 * limit)
        defined = _defined(reader, names_in(query), hits)
        definitions: list[FoundDefinition] = []
        for entry in defined:
            if len(definitions) >= limit:
                break
            if found := _definition(files, entry):
                definitions.append(found)
        chunks = _chunks(files, hits, query, definitions, limit - len(definitions))
        return Answer(
            definitions=tuple(definitions),
            n_definitions=len(defined) if len(definitions) >= limit else len(definitions),
            chunks=tuple(chunks),
        )
    finally:
        os.close(descriptor)


def names_in(query: str) -> list[_Name]:
    """The names that a query may mean: `Writer.open` is the `open` of a `Writer`."""
    terms = [term.removesuffix("()") for term in query.split()]
    found = [term for term in terms if _QUALIFIED.fullmatch(term)]
    if len(terms) > 1:
        found = [term for term in found if not (term.isalpha() and term.islower())]
    names = []
    for term in found:
        *scope, name = re.findall(r"\w+", term)
        names.append(_Name(name, tuple(scope)))
    return names


def _defined(reader: Reader, names: list[_Name], hits: list[Hit]) -> list[Defined]:
    """The definitions that are meant, the ones a person most likely looks for first."""
    found = [
        entry
        for entry in reader.definitions_named([name.name for name in names], _MAX_DEFINITIONS)
        if any(_is_meant(entry, name) for name in names)
    ]
    if not found and names:
        found = _in_any_case(reader, names, hits)
    return sorted(found, key=_order)


def _is_meant(entry: Defined, name: _Name) -> bool:
    if entry.definition.name != name.name:
        return False
    if not name.scope:
        return True
    # A name may be qualified with its module, and a module is called as its file is.
    around = (*entry.path.rpartition(".")[0].split("/"), *entry.definition.scope)
    return around[-len(name.scope) :] == name.scope


def _in_any_case(reader: Reader, names: list[_Name], hits: list[Hit]) -> list[Defined]:
    """Where no definition is called so, those that differ in capitals, in the files of the hits."""
    from indoors_indexing.store_read import Defined

    wanted = {name.name.lower() for name in names if not name.scope}
    return [
        Defined(path, definition)
        for path in dict.fromkeys(hit.path for hit in hits)
        for definition in reader.definitions_in(path)
        if definition.name.lower() in wanted
    ]


def _order(entry: Defined) -> tuple[bool, bool, bool, str, int]:
    definition = entry.definition
    return (
        definition.kind in _MINOR_KINDS,
        "test" in entry.path.lower(),
        not definition.exported,
        entry.path,
        definition.start,
    )


def _definition(files: _Files, entry: Defined) -> FoundDefinition | None:
    definition = entry.definition
    text = files.text(entry.path)
    if text is None:
        return None
    data, name_start = text.data, definition.name_start
    shown = ""
    if not text.is_stale:
        begin = data.rfind(b"\n", 0, name_start) + 1
        end = data.find(b"\n", name_start)
        # A signature may go over several lines; what has none is shown with its first line.
        end = max(definition.head_end, name_start) if definition.head_end > begin else end
        shown = _one_line(data[begin : end if end >= 0 else len(data)][:_MAX_SIGNATURE_BYTES])
    return FoundDefinition(
        name=definition.name,
        kind=definition.kind,
        scope=definition.scope,
        path=entry.path,
        line=_line_of(data, name_start),
        text=shown,
        is_stale=text.is_stale,
    )


def _chunks(
    files: _Files, hits: list[Hit], query: str, definitions: list[FoundDefinition], limit: int
) -> list[FoundChunk]:
    shown = {(found.path, found.line) for found in definitions}
    chunks: list[FoundChunk] = []
    for hit in hits:
        if len(chunks) >= limit:
            break
        chunk = _chunk(files, hit, query)
        # A definition's own piece that has nothing better than its first line says nothing new.
        if chunk is not None and (chunk.path, chunk.line) not in shown:
            chunks.append(chunk)
    return chunks


def _chunk(files: _Files, hit: Hit, query: str) -> FoundChunk | None:
    text = files.text(hit.path)
    if text is None or hit.start >= len(text.data):
        return None
    data, end = text.data, min(hit.end, len(text.data))
    first = _line_of(data, hit.start)
    at, line = _best_line(data[hit.start : end], query)
    return FoundChunk(
        path=hit.path,
        first_line=first,
        last_line=max(first, _line_of(data, end - 1)),
        line=first + at,
        text=line,
        score=round(hit.score, 3),
        is_stale=text.is_stale,
    )


def _best_line(piece: bytes, query: str) -> tuple[int, str]:
    """The line that has most of the words, the first of equal ones: its number from 0, its text."""
    whole = {word.lower() for word in re.findall(r"\w+", query)}
    value = {word: _WHOLE if word in whole else 1 for word in query_words([query])}
    best, best_value, chosen = 0, -1, b""
    for number, line in enumerate(piece.split(b"\n")):
        words = query_words([line.decode("utf-8", "replace")])
        line_value = sum(value.get(word, 0) for word in words)
        if line_value > best_value:
            best, best_value, chosen = number, line_value, line
    return best, _one_line(chosen)


def _line_of(data: bytes, offset: int) -> int:
    """The number of a line, from 1."""
    return data.count(b"\n", 0, max(0, offset)) + 1


def _one_line(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())[:_MAX_TEXT]


class _Files:
    """The files of a root, each read once. One that is gone has no text."""

    def __init__(self, root: int, reader: Reader, selection: Selection) -> None:
        self._selection = selection
        self._root = root
        self._reader = reader
        self._texts: dict[str, _Text | None] = {}

    def text(self, path: str) -> _Text | None:
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> _Text | None:
        if self._selection.denies(path):
            return None
        try:
            data = read_source(self._root, path, MAX_SOURCE_BYTES).data
        except Unreadable:
            return None
        row = self._reader.file(path)
        return _Text(data, is_stale=row is None or row.hash != digest(data))
