"""Reading an index: by name, by file, and by words. Never writes, never raises, never waits long.

A reader may be opened before the index exists and kept while the writer replaces the file: it looks
at which file the name means before each question.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from indoors_indexing import store_files
from indoors_indexing.facts import Base, Definition, Import, Kind
from indoors_indexing.store_schema import Unusable, check, connect, trouble_of
from indoors_indexing.words import query_words

# Stored by number: only ever add at the end of `Kind`.
KINDS: tuple[Kind, ...] = get_args(Kind)
SCOPE_SEPARATOR = "\x1f"
# A bit of a file's flags.
HAS_ERRORS = 1

# A word in more chunks than this tells nothing about any of them, and ranking costs by the chunk.
_COMMON = 2000
# What one search ranks at most: the rarest words come first, the rest is left out.
_MAX_RANKED = 3000
# Counting a word costs some ten microseconds; ranking by a word costs a little for every chunk.
_MAX_COUNTED_WORDS = 200
_MAX_RANKED_WORDS = 32
_MAX_BOUND = 500
_DEFINITION_COLUMNS = """d.name, d.kind, d.scope, d.start, d.end, d.head_end, d.doc_start,
    d.doc_end, d.name_start, d.exported, d.type_name"""


class FileRow(NamedTuple):
    """A file of the index."""

    path: str
    language: str
    size: int
    mtime_ns: int
    hash: bytes
    n_lines: int
    has_errors: bool


class Defined(NamedTuple):
    """A definition and the file it is in."""

    path: str
    definition: Definition


class Importer(NamedTuple):
    """An import and the file that it stands in."""

    path: str
    imported: Import


class Derived(NamedTuple):
    """A base, as a child names it, and the file that it stands in."""

    path: str
    base: Base


class Hit(NamedTuple):
    """A piece of a file that a search found: a byte range, and a score where higher is better."""

    path: str
    start: int
    end: int
    score: float


class Counts(NamedTuple):
    """What an index holds."""

    n_files: int
    n_skipped: int
    n_lines: int
    n_definitions: int
    n_chunks: int
    is_complete: bool


class Reader:
    """Answers questions from one root's index. For one thread at a time."""

    def __init__(self, database: Path | None, connection: sqlite3.Connection | None = None) -> None:
        self._database = database
        self._connection = connection
        self._identity: tuple[int, int] | None = None
        self._frequency: dict[str, int] = {}
        self._frequency_version = -1

    @classmethod
    def open(cls, root: Path, cache: Path) -> Reader:
        """A reader of the index of `root`, which need not exist yet."""
        return cls(store_files.place_of(root, cache).database)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. A later question opens it again."""
        # A database in memory belongs to its writer.
        if self._connection is not None and self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._identity = None

    # --- by name and by file ----------------------------------------------------------------------

    def definitions_named(self, names: Sequence[str], limit: int = 200) -> list[Defined]:
        """Definitions that have one of these names, in any file."""
        rows = self._rows_in(
            f"""SELECT f.path, {_DEFINITION_COLUMNS} FROM definitions d JOIN files f
            ON f.id = d.file_id WHERE d.name IN (%s) ORDER BY f.path, d.n LIMIT ?""",
            names,
            limit,
        )
        return [Defined(row[0], _definition(row[1:])) for row in rows]

    def definitions_in(self, path: str) -> list[Definition]:
        """A file's definitions, in the order in which the parser gave them."""
        rows = self._rows(
            f"""SELECT {_DEFINITION_COLUMNS} FROM definitions d
            WHERE d.file_id = (SELECT id FROM files WHERE path = ?) ORDER BY d.n""",
            (path,),
        )
        return [_definition(row) for row in rows]

    def imports_of(self, path: str) -> list[Import]:
        """What a file imports."""
        rows = self._rows(
            """SELECT module, name, alias, level, start FROM imports
            WHERE file_id = (SELECT id FROM files WHERE path = ?) ORDER BY n""",
            (path,),
        )
        return [_import(row) for row in rows]

    def importers_of(self, modules: Sequence[str], limit: int = 200) -> list[Importer]:
        """Who imports from one of these modules, as the importing files write their names."""
        rows = self._rows_in(
            """SELECT f.path, i.module, i.name, i.alias, i.level, i.start FROM imports i
            JOIN files f ON f.id = i.file_id WHERE i.module IN (%s) ORDER BY f.path, i.n LIMIT ?""",
            modules,
            limit,
        )
        return [Importer(row[0], _import(row[1:])) for row in rows]

    def bases_in(self, path: str) -> list[Base]:
        """Who derives from what in a file."""
        rows = self._rows(
            """SELECT child, base, start FROM bases
            WHERE file_id = (SELECT id FROM files WHERE path = ?) ORDER BY n""",
            (path,),
        )
        return [_base(row) for row in rows]

    def derived_from(self, names: Sequence[str], limit: int = 200) -> list[Derived]:
        """Who derives from a base whose last name is one of these."""
        rows = self._rows_in(
            """SELECT f.path, b.child, b.base, b.start FROM bases b JOIN files f
            ON f.id = b.file_id WHERE b.base_name IN (%s) ORDER BY f.path, b.n LIMIT ?""",
            names,
            limit,
        )
        return [Derived(row[0], _base(row[1:])) for row in rows]

    def files(self) -> list[FileRow]:
        """Every indexed file, in the order of paths."""
        rows = self._rows(
            """SELECT path, language, size, mtime_ns, hash, n_lines, flags FROM files
            WHERE skipped = '' ORDER BY path""",
            (),
        )
        return [_file_row(row) for row in rows]

    def file(self, path: str) -> FileRow | None:
        """One indexed file, None if it is not indexed."""
        rows = self._rows(
            """SELECT path, language, size, mtime_ns, hash, n_lines, flags FROM files
            WHERE path = ? AND skipped = ''""",
            (path,),
        )
        return _file_row(rows[0]) if rows else None

    def chunks_in(self, path: str) -> list[tuple[int, int]]:
        """The byte ranges that a file is cut into."""
        rows = self._rows(
            """SELECT start, end FROM chunks
            WHERE file_id = (SELECT id FROM files WHERE path = ?) ORDER BY start""",
            (path,),
        )
        return [(start, end) for start, end in rows]

    def is_there(self) -> bool:
        """Whether there is an index that can be read, be it an empty one."""
        return bool(self._rows("SELECT 1 FROM state", ()))

    def version(self) -> tuple[int, ...]:
        """Another value whenever something was written since; () while there is no index."""
        version = self._data_version()
        return (*(self._identity or ()), version) if version >= 0 else ()

    def _data_version(self) -> int:
        """SQLite's count of what others wrote; -1 while there is no index."""
        rows = self._rows("PRAGMA data_version", ())
        return int(rows[0][0]) if rows else -1

    def counts(self) -> Counts:
        """How much the index holds; all zero while there is none."""
        rows = self._rows(
            """SELECT (SELECT count(*) FROM files WHERE skipped = ''),
            (SELECT count(*) FROM files WHERE skipped <> ''),
            (SELECT coalesce(sum(n_lines), 0) FROM files),
            (SELECT count(*) FROM definitions), (SELECT count(*) FROM chunks),
            (SELECT is_complete FROM state)""",
            (),
        )
        if not rows:
            return Counts(0, 0, 0, 0, 0, False)
        n_files, n_skipped, n_lines, n_definitions, n_chunks, done = rows[0]
        return Counts(n_files, n_skipped, n_lines, n_definitions, n_chunks, bool(done))

    # --- by words ---------------------------------------------------------------------------------

    def search(self, words: Sequence[str], limit: int = 20) -> list[Hit]:
        """The chunks that fit these words best, by BM25; each word counts whole and by its parts.

        Words that stand nearly everywhere are left out as long as there are others.
        """
        chosen = self._worth_asking(query_words(list(words))[:_MAX_COUNTED_WORDS])
        if not chosen or limit <= 0:
            return []
        rows = self._rows(
            """SELECT f.path, c.start, c.end, -w.score FROM
            (SELECT rowid AS id, bm25(chunk_words) AS score FROM chunk_words
             WHERE chunk_words MATCH ? LIMIT ?) w
            CROSS JOIN chunks c ON c.id = w.id CROSS JOIN files f ON f.id = c.file_id
            ORDER BY w.score, c.id LIMIT ?""",
            (" OR ".join(f'"{word}"' for word in chosen), _MAX_RANKED + _COMMON, limit),
        )
        return [Hit(*row) for row in rows]

    def containing(self, identifier: str, limit: int = 200) -> list[Hit]:
        """The chunks in which an identifier occurs (in any case), in no order: where it is used."""
        word = identifier.lower()
        if word not in query_words([identifier]):
            return []
        rows = self._rows(
            """SELECT f.path, c.start, c.end FROM
            (SELECT rowid AS id FROM chunk_words WHERE chunk_words MATCH ?) w
            CROSS JOIN chunks c ON c.id = w.id CROSS JOIN files f ON f.id = c.file_id LIMIT ?""",
            (f'"{word}"', limit),
        )
        return [Hit(path, start, end, 0.0) for path, start, end in rows]

    def _worth_asking(self, words: list[str]) -> list[str]:
        version = self._data_version()
        if version != self._frequency_version:
            self._frequency_version = version
            self._frequency = {
                word: count for word, count in self._frequency.items() if count > _COMMON
            }
        counted = sorted((self._n_chunks(word), at, word) for at, word in enumerate(words))
        counted = [entry for entry in counted if entry[0]]
        chosen: list[str] = []
        ranked = 0
        for count, _, word in counted[:_MAX_RANKED_WORDS]:
            ranked += count
            if chosen and (count > _COMMON or ranked > _MAX_RANKED):
                break
            chosen.append(word)
        return chosen

    def _n_chunks(self, word: str) -> int:
        """In how many chunks a word stands, counted up to what makes it a common one."""
        known = self._frequency.get(word)
        if known is None:
            rows = self._rows(
                """SELECT count(*) FROM (SELECT rowid FROM chunk_words
                WHERE chunk_words MATCH ? LIMIT ?)""",
                (f'"{word}"', _COMMON + 1),
            )
            known = int(rows[0][0]) if rows else 0
            # What is common stays common; what is rare is counted again once something changed.
            # A connection that is its writer's own does not see that it wrote.
            keep = known > _COMMON or self._database is not None
            if keep and len(self._frequency) < 10_000:
                self._frequency[word] = known
        return known

    # --- the connection ---------------------------------------------------------------------------

    def _rows_in(self, query: str, values: Sequence[str], limit: int) -> list[tuple[Any, ...]]:
        wanted = list(dict.fromkeys(values))[:_MAX_BOUND]
        if not wanted:
            return []
        return self._rows(query % ",".join("?" * len(wanted)), (*wanted, limit))

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """The rows of a query; none while there is no index that can be read."""
        connection = self._live()
        if connection is None:
            return []
        try:
            return connection.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            # The writer is who mends a damaged file; a full or locked one is read next time.
            if isinstance(error, sqlite3.Error) and trouble_of(error) == "damaged":
                self.close()
            return []

    def _live(self) -> sqlite3.Connection | None:
        if self._database is None:
            return self._connection
        try:
            status = self._database.stat()
        except OSError:
            self.close()
            return None
        identity = (status.st_dev, status.st_ino)
        if self._connection is not None and identity == self._identity:
            return self._connection
        self.close()
        self._frequency.clear()
        try:
            connection = connect(self._database, read_only=True, wait_s=0.1)
        except sqlite3.Error:
            return None
        try:
            check(connection)
        except (sqlite3.Error, Unusable):
            connection.close()
            return None
        self._connection, self._identity = connection, identity
        return connection


def _file_row(row: tuple[Any, ...]) -> FileRow:
    path, language, size, mtime_ns, digest, n_lines, flags = row
    return FileRow(path, language, size, mtime_ns, digest, n_lines, bool(flags & HAS_ERRORS))


def _definition(row: tuple[Any, ...]) -> Definition:
    name, kind, scope, start, end, head_end, doc_start, doc_end, name_start, exported, type_name = (
        row
    )
    return Definition(
        name=name,
        kind=KINDS[kind],
        scope=tuple(scope.split(SCOPE_SEPARATOR)) if scope else (),
        start=start,
        end=end,
        head_end=head_end,
        doc_start=doc_start,
        doc_end=doc_end,
        name_start=name_start,
        exported=bool(exported),
        type_name=type_name,
    )


def _import(row: tuple[Any, ...]) -> Import:
    module, name, alias, level, start = row
    return Import(module=module, name=name, alias=alias, level=level, start=start)


def _base(row: tuple[Any, ...]) -> Base:
    child, base, start = row
    return Base(child=child, base=base, start=start)
