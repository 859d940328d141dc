"""The database's shape, how it came about, and what an error of SQLite means for it.

The number of migrations applied is the file's `user_version`; each runs in one transaction together
with its number, so a file is always at a whole one. What cannot be brought to the newest is not
mended: everything in it can be made again from the files.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

# "Indr", in the header of each of our files.
APPLICATION_ID = 0x496E6472

# The words are kept for finding only ("contentless"): no text of the workspace is in the database.
# Its rows cannot be deleted one by one before SQLite 3.43, so a row whose chunk is gone is dead
# until `Writer.tidy` removes the dead ones together.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE state (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            root BLOB NOT NULL,
            last_used INTEGER NOT NULL,
            next_chunk INTEGER NOT NULL DEFAULT 1,
            n_dead INTEGER NOT NULL DEFAULT 0,
            is_complete INTEGER NOT NULL DEFAULT 0
        )""",
        """CREATE TABLE files (
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            language TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            hash BLOB NOT NULL,
            n_lines INTEGER NOT NULL,
            flags INTEGER NOT NULL,
            skipped TEXT NOT NULL
        )""",
        """CREATE TABLE definitions (
            file_id INTEGER NOT NULL,
            n INTEGER NOT NULL,
            name TEXT NOT NULL,
            kind INTEGER NOT NULL,
            scope TEXT NOT NULL,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            head_end INTEGER NOT NULL,
            doc_start INTEGER NOT NULL,
            doc_end INTEGER NOT NULL,
            name_start INTEGER NOT NULL,
            exported INTEGER NOT NULL,
            type_name TEXT NOT NULL,
            PRIMARY KEY (file_id, n)
        ) WITHOUT ROWID""",
        "CREATE INDEX definitions_by_name ON definitions (name)",
        """CREATE TABLE imports (
            file_id INTEGER NOT NULL,
            n INTEGER NOT NULL,
            module TEXT NOT NULL,
            name TEXT NOT NULL,
            alias TEXT NOT NULL,
            level INTEGER NOT NULL,
            start INTEGER NOT NULL,
            PRIMARY KEY (file_id, n)
        ) WITHOUT ROWID""",
        "CREATE INDEX imports_by_module ON imports (module)",
        """CREATE TABLE bases (
            file_id INTEGER NOT NULL,
            n INTEGER NOT NULL,
            child TEXT NOT NULL,
            base TEXT NOT NULL,
            base_name TEXT NOT NULL,
            start INTEGER NOT NULL,
            PRIMARY KEY (file_id, n)
        ) WITHOUT ROWID""",
        "CREATE INDEX bases_by_name ON bases (base_name)",
        """CREATE TABLE chunks (
            id INTEGER PRIMARY KEY,
            file_id INTEGER NOT NULL,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL
        )""",
        "CREATE INDEX chunks_by_file ON chunks (file_id)",
        """CREATE VIRTUAL TABLE chunk_words
            USING fts5 (words, content = '', tokenize = "ascii tokenchars '_'")""",
        # One row per occurrence of a word: what a dead row holds can be read back from it.
        "CREATE VIRTUAL TABLE chunk_terms USING fts5vocab (chunk_words, instance)",
        # Words are collected in memory before they become a segment of the index. The default of
        # 1 MB makes hundreds of segments in a first run, each merged several times.
        "INSERT INTO chunk_words (chunk_words, rank) VALUES ('hashsize', 16777216)",
    ),
)
_TABLES = frozenset(
    {"state", "files", "definitions", "imports", "bases", "chunks", "chunk_words", "chunk_terms"}
)

Trouble = Literal["damaged", "full", "locked", "unwritable"]

_PRIMARY_CODES: dict[int, Trouble] = {
    sqlite3.SQLITE_FULL: "full",
    # A write that failed, also by a limit on the size of files; failed reads are told apart below.
    sqlite3.SQLITE_IOERR: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
    sqlite3.SQLITE_CANTOPEN: "unwritable",
    sqlite3.SQLITE_READONLY: "unwritable",
    sqlite3.SQLITE_PERM: "unwritable",
    sqlite3.SQLITE_AUTH: "unwritable",
}

# The end of the file came too early, or the disk does not give back what it took.
_FAILED_READS = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})


class Unusable(Exception):
    """A database that is not ours, or not whole; str() says what it is."""


def trouble_of(error: sqlite3.Error) -> Trouble:
    """What to do about an error: anything that is not about the place is about the content."""
    if getattr(error, "sqlite_errorcode", 0) in _FAILED_READS:
        return "damaged"
    return _PRIMARY_CODES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "damaged")


def connect(
    path: Path | None, *, read_only: bool = False, at_rest: bool = False, wait_s: float = 2.0
) -> sqlite3.Connection:
    """Open an existing file, or a database in memory (None). Raises sqlite3.Error.

    `at_rest` is for a file that nobody has open: it is read without locks and without a trace.
    """
    if path is None:
        where = "file::memory:"
    else:
        where = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        where += "&immutable=1" if at_rest else ""
    connection = sqlite3.connect(
        where, uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in ("trusted_schema = OFF", "temp_store = MEMORY", "cache_size = -16000"):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def journal(connection: sqlite3.Connection, *, wal: bool) -> bool:
    """Choose the journal; whether it is the write-ahead log. Raises sqlite3.Error.

    The log shares memory between processes and so needs a local file system; the other journal
    lets readers wait for a writer, and works where locks do.
    """
    mode = "WAL" if wal else "TRUNCATE"
    reached = str(connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0]).lower()
    # A killed process loses nothing with either; a power cut may lose the last commits, not more.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    return reached == "wal"


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing of it. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def prepare(
    connection: sqlite3.Connection,
    root: bytes,
    now: int,
    migrations: tuple[tuple[str, ...], ...] = MIGRATIONS,
) -> None:
    """Bring a database to the newest shape. Raises Unusable or sqlite3.Error."""
    version = _pragma(connection, "user_version")
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not is_empty and _pragma(connection, "application_id") != APPLICATION_ID:
        raise Unusable("it belongs to another program")
    if version > len(migrations):
        raise Unusable("a newer version of Indoors made it")
    if is_empty != (version == 0):
        raise Unusable("it was left half made")
    for number, statements in enumerate(migrations[version:], version + 1):
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
            if number == 1:
                connection.execute(
                    "INSERT INTO state (only, root, last_used) VALUES (1, ?, ?)", (root, now)
                )
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
    check(connection)
    if connection.execute("SELECT root FROM state").fetchone() != (root,):
        raise Unusable("it is about another folder")


def check(connection: sqlite3.Connection) -> None:
    """Look at what can be seen without reading the file. Raises Unusable or sqlite3.Error."""
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise Unusable("it belongs to another program")
    if _pragma(connection, "user_version") != len(MIGRATIONS):
        raise Unusable("another version of Indoors made it")
    names = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master")}
    if not names >= _TABLES:
        raise Unusable("a part of it is missing")
    for table in sorted(_TABLES - {"chunk_words", "chunk_terms"}):
        connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
    connection.execute("SELECT 1 FROM chunk_words WHERE chunk_words MATCH 'a' LIMIT 1").fetchone()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
