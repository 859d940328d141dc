"""Reading an index: by name, by file, and by words. Never writes, never raises, never waits long.

A reader may be opened before the index exists and kept while the writer replaces the file: it looks
at which file the name means before each question.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from indoors_indexing import store_files
from indoors_indexing.facts import Base, Definition, Import, Kind
from indoors_indexing.store_schema import Unusable, check, connect, trouble_of
from indoors_indexing.store_words import Words
from indoors_indexing.words import is_kept, query_words

# Stored by number: only ever add at the end of `Kind`.
KINDS: tuple[Kind, ...] = get_args(Kind)
SCOPE_SEPARATOR = "\x1f"
# A bit of a file's flags.
HAS_ERRORS = 1

_MAX_BOUND = 500
# Of a very common name this many times what is wanted is put in order, not thousands.
_LOOKED_AT = 5
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
        self._n_opened = 0
        self._held: int | None = None
        self._words = Words(self._rows)

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
        # Keys are put in order first, which the index of names gives without reading the rows.
        rows = self._rows_in(
            f"""SELECT s.path, {_DEFINITION_COLUMNS} FROM
            (SELECT f.path AS path, k.file_id AS file_id, k.n AS n FROM
             (SELECT file_id, n FROM definitions WHERE name IN (%s) LIMIT ?) k
             CROSS JOIN files f ON f.id = k.file_id ORDER BY f.path, k.n LIMIT ?) s
            CROSS JOIN definitions d ON d.file_id = s.file_id AND d.n = s.n
            ORDER BY s.path, s.n""",
            names,
            _LOOKED_AT * limit,
            limit,
        )
        found = _definitions([row[1:] for row in rows])
        return [Defined(row[0], one) for row, one in zip(rows, found, strict=True)]

    def definitions_of(self, path: str, name: str) -> list[Definition]:
        """A file's definitions of one name, in order."""
        rows = self._rows(
            f"""SELECT {_DEFINITION_COLUMNS} FROM definitions d
            WHERE d.file_id = (SELECT id FROM files WHERE path = ?) AND d.name = ? ORDER BY d.n""",
            (path, name),
        )
        return _definitions(rows)

    def definitions_in(self, path: str) -> list[Definition]:
        """A file's definitions, in the order in which the parser gave them."""
        rows = self._rows(
            f"""SELECT {_DEFINITION_COLUMNS} FROM definitions d
            WHERE d.file_id = (SELECT id FROM files WHERE path = ?) ORDER BY d.n""",
            (path,),
        )
        return _definitions(rows)

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
            """SELECT s.path, b.child, b.base, b.start FROM
            (SELECT f.path AS path, k.file_id AS file_id, k.n AS n FROM
             (SELECT file_id, n FROM bases WHERE base_name IN (%s) LIMIT ?) k
             CROSS JOIN files f ON f.id = k.file_id ORDER BY f.path, k.n LIMIT ?) s
            CROSS JOIN bases b ON b.file_id = s.file_id AND b.n = s.n ORDER BY s.path, s.n""",
            names,
            _LOOKED_AT * limit,
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

    def paths(self) -> list[str]:
        """The paths of the indexed files, in order."""
        rows = self._rows("SELECT path FROM files WHERE skipped = '' ORDER BY path", ())
        return [path for (path,) in rows]

    def file(self, path: str) -> FileRow | None:
        """One indexed file, None if it is not indexed."""
        rows = self._rows(
            """SELECT path, language, size, mtime_ns, hash, n_lines, flags FROM files
            WHERE path = ? AND skipped = ''""",
            (path,),
        )
        return _file_row(rows[0]) if rows else None

    def files_at(self, paths: Sequence[str]) -> list[FileRow]:
        """Those of some files that are indexed."""
        rows = self._rows_in(
            """SELECT path, language, size, mtime_ns, hash, n_lines, flags FROM files
            WHERE path IN (%s) AND skipped = ''""",
            paths,
        )
        return [_file_row(row) for row in rows]

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
        # A connection counts from anew.
        return (*(self._identity or ()), self._n_opened, version) if version >= 0 else ()

    def _data_version(self) -> int:
        """SQLite's count of what others wrote; -1 while there is no index."""
        if self._held is not None and self._connection is not None:
            return self._held
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
        """The chunks that fit these words best; each word counts whole and by its parts.

        Words that stand nearly everywhere are left out as long as there are others.
        """
        self._words.at(None)
        found, _ = self._words.best(dict.fromkeys(query_words(list(words)), 1.0), limit)
        return [Hit(*one) for one in found]

    def alike(
        self, weights: Mapping[str, float], limit: int = 20
    ) -> tuple[list[Hit], dict[str, float]]:
        """The chunks that fit weighted words (in lower case, whole) best; and how rare the words
        are: BM25's weights, 0 for words that are not indexed at all.
        """
        words = {word: weight for word, weight in weights.items() if is_kept(word)}
        self._words.at(self.version() if self._held is not None else None)
        found, rarities = self._words.best(words, limit)
        return [Hit(*one) for one in found], rarities

    def containing(self, identifier: str, limit: int = 200) -> list[Hit]:
        """The chunks in which an identifier occurs (in any case), in no order: where it is used."""
        word = identifier.lower()
        if word not in query_words([identifier]):
            return []
        return [Hit(*one, 0.0) for one in self._words.containing(word, limit)]

    # --- the connection ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Answer from one moment of one file meanwhile: each question for itself would look which
        file the name means, and take and give back a lock.
        """
        version = self._data_version()
        connection = self._connection
        if connection is None or self._database is None or self._held is not None:
            yield
            return
        with contextlib.suppress(sqlite3.Error):
            connection.execute("BEGIN")
        self._held = version
        try:
            yield
        finally:
            self._held = None
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def _rows_in(self, query: str, values: Sequence[str], *limits: int) -> list[tuple[Any, ...]]:
        wanted = list(dict.fromkeys(values))[:_MAX_BOUND]
        if not wanted:
            return []
        # In few lengths: each is another statement, which takes longer to prepare than to run.
        wanted += wanted[-1:] * ((1 << (len(wanted) - 1).bit_length()) - len(wanted))
        return self._rows(query % ",".join("?" * len(wanted)), (*wanted, *limits))

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
        if self._database is None or (self._held is not None and self._connection is not None):
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
        self._words.forget()
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
        self._n_opened += 1
        return connection


def _file_row(row: tuple[Any, ...]) -> FileRow:
    path, language, size, mtime_ns, digest, n_lines, flags = row
    return FileRow(path, language, size, mtime_ns, digest, n_lines, bool(flags & HAS_ERRORS))


def _definitions(rows: list[tuple[Any, ...]]) -> list[Definition]:
    """Rows as values: some hundreds for a question, so their scopes are split once."""
    scopes: dict[str, tuple[str, ...]] = {"": ()}
    found = []
    for name, kind, scope, start, end, head, doc_start, doc_end, name_start, shown, kept in rows:
        inside = scopes.get(scope)
        if inside is None:
            inside = scopes[scope] = tuple(scope.split(SCOPE_SEPARATOR))
        found.append(
            Definition(
                name=name, kind=KINDS[kind], scope=inside, start=start, end=end, head_end=head,
                doc_start=doc_start, doc_end=doc_end, name_start=name_start,
                exported=shown == 1, type_name=kept,
            )
        )  # fmt: skip
    return found


def _import(row: tuple[Any, ...]) -> Import:
    module, name, alias, level, start = row
    return Import(module=module, name=name, alias=alias, level=level, start=start)


def _base(row: tuple[Any, ...]) -> Base:
    child, base, start = row
    return Base(child=child, base=base, start=start)
