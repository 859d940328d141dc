"""The rows that a file becomes. Called inside a transaction; raises sqlite3.Error."""

from __future__ import annotations

import re
import sqlite3

from indoors_indexing.records import FileRecord
from indoors_indexing.store_read import HAS_ERRORS, KINDS, SCOPE_SEPARATOR

_IDENTIFIER = re.compile(r"\w+")

_INSERT_FILE = """INSERT INTO files
    (path, language, size, mtime_ns, hash, n_lines, flags, skipped) VALUES (?,?,?,?,?,?,?,?)"""
_UPDATE_FILE = """UPDATE files SET language = ?, size = ?, mtime_ns = ?, hash = ?, n_lines = ?,
    flags = ?, skipped = ? WHERE id = ?"""
_INSERT_DEFINITION = "INSERT INTO definitions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_IMPORT = "INSERT INTO imports VALUES (?,?,?,?,?,?,?)"
_INSERT_BASE = "INSERT INTO bases VALUES (?,?,?,?,?,?)"
_INSERT_CHUNK = "INSERT INTO chunks (id, file_id, start, end) VALUES (?,?,?,?)"
_INSERT_WORDS = "INSERT INTO chunk_words (rowid, words) VALUES (?,?)"
_DEAD = """SELECT rowid FROM chunk_words WHERE rowid NOT IN (SELECT id FROM chunks)
    ORDER BY rowid LIMIT ?"""
_REMOVE_DEAD = """INSERT INTO chunk_words (chunk_words, rowid, words)
    SELECT 'delete', doc, group_concat(term, ' ') FROM chunk_terms
    WHERE doc BETWEEN ? AND ? AND doc NOT IN (SELECT id FROM chunks) GROUP BY doc"""
# Dead rows that are removed together: their words are sorted in memory.
_REMOVED_AT_ONCE = 20_000


def apply(connection: sqlite3.Connection, records: list[FileRecord]) -> None:
    """Replace what is known about these files."""
    next_chunk = int(connection.execute("SELECT next_chunk FROM state").fetchone()[0])
    definitions: list[tuple[object, ...]] = []
    imports: list[tuple[object, ...]] = []
    bases: list[tuple[object, ...]] = []
    chunks: list[tuple[int, int, int, int]] = []
    words: list[tuple[int, str]] = []
    n_dead = 0
    for record in records:
        file_id, dead = _file(connection, record)
        n_dead += dead
        facts = record.facts
        if facts is not None:
            definitions += [
                (
                    file_id, n, item.name, KINDS.index(item.kind), SCOPE_SEPARATOR.join(item.scope),
                    item.start, item.end, item.head_end, item.doc_start, item.doc_end,
                    item.name_start, item.exported, item.type_name,
                )
                for n, item in enumerate(facts.definitions)
            ]  # fmt: skip
            imports += [
                (file_id, n, item.module, item.name, item.alias, item.level, item.start)
                for n, item in enumerate(facts.imports)
            ]
            bases += [
                (file_id, n, item.child, item.base, base_name(item.base), item.start)
                for n, item in enumerate(facts.bases)
            ]
        for chunk in record.chunks:
            chunks.append((next_chunk, file_id, chunk.start, chunk.end))
            words.append((next_chunk, chunk.words))
            next_chunk += 1
    connection.executemany(_INSERT_DEFINITION, definitions)
    connection.executemany(_INSERT_IMPORT, imports)
    connection.executemany(_INSERT_BASE, bases)
    connection.executemany(_INSERT_CHUNK, chunks)
    connection.executemany(_INSERT_WORDS, words)
    connection.execute("UPDATE state SET next_chunk = ?, n_dead = n_dead + ?", (next_chunk, n_dead))


def _file(connection: sqlite3.Connection, record: FileRecord) -> tuple[int, int]:
    """Write a file's own row; its id, and how many chunks of it died."""
    flags = HAS_ERRORS if record.facts is not None and record.facts.has_errors else 0
    row = (
        record.language, record.size, record.mtime_ns, record.hash, record.n_lines, flags,
        record.skipped,
    )  # fmt: skip
    known = connection.execute("SELECT id FROM files WHERE path = ?", (record.path,)).fetchone()
    if known is None:
        added = connection.execute(_INSERT_FILE, (record.path, *row)).lastrowid
        assert added is not None
        return added, 0
    dead = _empty(connection, known[0])
    connection.execute(_UPDATE_FILE, (*row, known[0]))
    return int(known[0]), dead


def _empty(connection: sqlite3.Connection, file_id: int) -> int:
    for table in ("definitions", "imports", "bases"):
        connection.execute(f"DELETE FROM {table} WHERE file_id = ?", (file_id,))
    return connection.execute("DELETE FROM chunks WHERE file_id = ?", (file_id,)).rowcount


def remove(connection: sqlite3.Connection, paths: list[str]) -> int:
    """Forget these files; how many of them were known."""
    n_removed = n_dead = 0
    for path in paths:
        known = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        if known is not None:
            n_removed += 1
            n_dead += _empty(connection, known[0])
            connection.execute("DELETE FROM files WHERE id = ?", known)
    if n_dead:
        connection.execute("UPDATE state SET n_dead = n_dead + ?", (n_dead,))
    return n_removed


def remove_dead(connection: sqlite3.Connection) -> int:
    """Take the words of some dead chunks out of the full-text index; how many chunks these were."""
    dead = [int(row[0]) for row in connection.execute(_DEAD, (_REMOVED_AT_ONCE,))]
    if dead:
        connection.execute(_REMOVE_DEAD, (dead[0], dead[-1]))
    left = "n_dead - ?" if len(dead) == _REMOVED_AT_ONCE else "0 * ?"
    connection.execute(f"UPDATE state SET n_dead = max(0, {left})", (len(dead),))
    return len(dead)


def merge_words(connection: sqlite3.Connection) -> None:
    """Merge the full-text index into one piece."""
    connection.execute("INSERT INTO chunk_words (chunk_words) VALUES ('optimize')")


def base_name(base: str) -> str:
    """The last name of a base as it is written: `models.Model[T]` is found as `Model`."""
    names = _IDENTIFIER.findall(re.split(r"[\[<({]", base, maxsplit=1)[0])
    return names[-1] if names else ""
