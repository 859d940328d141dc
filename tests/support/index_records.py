"""Records and databases for tests of the index."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from indoors_indexing.chunks import chunks_of
from indoors_indexing.extract import digest
from indoors_indexing.facts import Base, Definition, FileFacts, Import
from indoors_indexing.records import FileRecord
from indoors_indexing.store_files import place_of


def definition(name: str, *, start: int = 0, kind: str = "function", **more) -> Definition:
    """A definition; what is not given is plain."""
    values = {
        "scope": (), "end": start + 10, "head_end": start + 5, "doc_start": start, "doc_end": start,
        "name_start": start + 4, "exported": True, "type_name": "",
    }  # fmt: skip
    return Definition(name=name, kind=kind, start=start, **(values | more))  # type: ignore[arg-type]


def record(path: str, text: str = "alpha beta\n", **more) -> FileRecord:
    """The record of a file with this text, with the facts that are given."""
    data = text.encode()
    facts = FileFacts(
        definitions=tuple(more.pop("definitions", ())),
        imports=tuple(more.pop("imports", ())),
        bases=tuple(more.pop("bases", ())),
        has_errors=more.pop("has_errors", False),
    )
    values = {
        "language": "python", "size": len(data), "mtime_ns": 1, "hash": digest(data),
        "n_lines": data.count(b"\n"), "facts": facts, "chunks": chunks_of(data, facts),
    }  # fmt: skip
    return FileRecord(path=path, **(values | more))


def full_record(path: str = "pkg/a.py") -> FileRecord:
    """One of everything."""
    return record(
        path,
        "class Reader(Base):\n    def read_line(self): ...\n",
        definitions=[
            definition("Reader", kind="class", end=50),
            definition("read_line", kind="method", start=20, scope=("Reader",), type_name="str"),
        ],
        imports=[Import(module="a.b", name="c", alias="d", level=1, start=3)],
        bases=[Base(child="Reader", base="io.Base[int]", start=13)],
        has_errors=True,
    )


def content(root: Path, cache: Path) -> dict[str, list[tuple]]:
    """All that a database says, without the numbers that depend on the order of events."""
    connection = sqlite3.connect(place_of(root, cache).database)
    try:
        return {
            "files": connection.execute(
                "SELECT path, language, size, mtime_ns, hash, n_lines, flags, skipped FROM files"
                " ORDER BY path"
            ).fetchall(),
            "definitions": connection.execute(
                "SELECT f.path, d.* FROM definitions d JOIN files f ON f.id = d.file_id"
                " ORDER BY f.path, d.n"
            ).fetchall(),
            "imports": connection.execute(
                "SELECT f.path, i.* FROM imports i JOIN files f ON f.id = i.file_id"
            ).fetchall(),
            "bases": connection.execute(
                "SELECT f.path, b.* FROM bases b JOIN files f ON f.id = b.file_id"
            ).fetchall(),
            "chunks": connection.execute(
                "SELECT f.path, c.start, c.end FROM chunks c JOIN files f ON f.id = c.file_id"
                " ORDER BY 1, 2"
            ).fetchall(),
            "words": connection.execute(
                "SELECT f.path, c.start, t.term, count(*) FROM chunk_terms t"
                " JOIN chunks c ON c.id = t.doc JOIN files f ON f.id = c.file_id"
                " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
            ).fetchall(),
        }
    finally:
        connection.close()


def without_ids(found: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
    """The same without the ids of files."""
    of_files = ("definitions", "imports", "bases")
    return found | {name: sorted((row[0], *row[2:]) for row in found[name]) for name in of_files}
