"""The only writer of an index: applies what files say to the database of their root.

Nothing here is fatal. A database that is damaged, half made, held or owned by somebody else is
thrown away and made again, because all of it can be; where nothing can be written, a database in
memory takes its place. Each is said once, in a note.

                    open ---------------------------------> file
    damaged, foreign, held: discard, note, once again ----> file      (StoreReset: apply all again)
    disk full, not writable: note, copy what there is ----> memory
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from indoors_indexing import store_files, store_rows
from indoors_indexing.records import FileRecord, Known
from indoors_indexing.store_read import Counts, Hit, Reader
from indoors_indexing.store_schema import (
    Trouble,
    Unusable,
    connect,
    journal,
    prepare,
    transaction,
    trouble_of,
)

__all__ = ["Counts", "Hit", "Reader", "StoreReset", "StoreUnavailable", "Writer", "WriterBusy"]

# An index beyond this serves nobody: the rest of the files are left out, with a note.
MAX_DATABASE_BYTES = 1024**3
_MAX_MEMORY_BYTES = 256 * 1024**2
_CLEAN_UP_EVERY_S = 24 * 3600
# Dead rows cost a search little; removing them costs a pass over all words.
_MIN_DEAD = 2000
_DEAD_SHARE = 0.3
# Chunks written from which on the full-text index is merged at the end of a pass.
_MERGE_FROM = 2000

_T = TypeVar("_T")

_REASONS: dict[Trouble, str] = {
    "damaged": "it was damaged",
    "locked": "another program holds it",
    "full": "the disk is full",
    "unwritable": "it cannot be written",
}


class WriterBusy(Exception):
    """Another process writes this root's index: read it, and try again when that one has ended."""


class StoreUnavailable(Exception):
    """SQLite itself cannot do this here (it has no full-text search): there is no index."""


class StoreReset(Exception):
    """The database was replaced by an empty one: all files have to be applied again."""


class Writer:
    """The writer of one root's index. Not for several threads at once.

    `notes` holds what a person should be told, each kind once.
    """

    def __init__(
        self, place: store_files.Place, lock: int | None, clock: Callable[[], float]
    ) -> None:
        self.notes: list[str] = []
        self.in_memory = False
        self._place = place
        self._lock = lock
        self._clock = clock
        self._said: set[str] = set()
        self._connection: sqlite3.Connection | None = None
        self._wait_s = 2.0
        self._n_unmerged = 0
        self._cleaned_up_at = float("-inf")

    @classmethod
    def open(
        cls,
        root: Path,
        cache: Path,
        *,
        clock: Callable[[], float] = time.time,
        wait_s: float = 2.0,
    ) -> Writer:
        """Open the index of `root`, made anew if need be.

        Raises WriterBusy, or StoreUnavailable, and nothing else.
        """
        place = store_files.place_of(root, cache)
        held: int | None = None
        failure: OSError | None = None
        try:
            store_files.make_directory(place.database.parent)
            held = store_files.lock(place.lock)
            if held is None:
                raise WriterBusy(str(place.database.name))
        except OSError as error:
            failure = error
        writer = cls(place, held, clock)
        writer._wait_s = wait_s
        if failure is not None:
            writer._serve_from_memory("unwritable")
        else:
            writer._open_file()
        return writer

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write back what is in the journal, and let go of the lock."""
        if self._connection is not None:
            self._drop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # --- what is known ----------------------------------------------------------------------------

    def known(self) -> dict[str, Known]:
        """What every file looked like when it was indexed. Raises StoreReset."""
        rows = self._ask("SELECT path, size, mtime_ns, hash FROM files")
        return {row[0]: Known(*row[1:]) for row in rows}

    def hash_of(self, path: str) -> bytes:
        """The hash of one file, b"" for one that is not known. Raises StoreReset."""
        rows = self._ask("SELECT hash FROM files WHERE path = ?", (path,))
        return bytes(rows[0][0]) if rows else b""

    def paths_below(self, folder: str) -> list[str]:
        """The known files below a folder. Raises StoreReset."""
        # "0" follows "/" among the characters: between them lies what begins with the folder.
        rows = self._ask(
            "SELECT path FROM files WHERE path > ? AND path < ?", (folder + "/", folder + "0")
        )
        return [row[0] for row in rows]

    def reader(self) -> Reader:
        """A reader of the same index: for one in memory the only way in."""
        if self.in_memory:
            return Reader(None, self._connection)
        return Reader(self._place.database)

    @property
    def is_complete(self) -> bool:
        """Whether a pass over the whole tree has ended since the database was made."""
        return bool(self._ask("SELECT is_complete FROM state")[0][0])

    def is_full(self) -> bool:
        """Whether the database has reached the size at which files are left out."""
        pages, page = self._ask("PRAGMA page_count"), self._ask("PRAGMA page_size")
        limit = _MAX_MEMORY_BYTES if self.in_memory else MAX_DATABASE_BYTES
        return int(pages[0][0] * page[0][0]) > limit

    # --- changes ----------------------------------------------------------------------------------

    def apply(self, records: Sequence[FileRecord]) -> None:
        """Replace what is known about these files, all in one step. Raises StoreReset."""
        if not records:
            return
        # A path that comes twice counts as it came last.
        batch = list({record.path: record for record in records}.values())
        self._change(lambda connection: store_rows.apply(connection, batch))
        self._n_unmerged += sum(len(record.chunks) for record in batch)

    def touch(self, states: Iterable[tuple[str, int, int]]) -> None:
        """Note new sizes and times of files whose content is the same. Raises StoreReset."""
        rows = [(size, mtime_ns, path) for path, size, mtime_ns in states]
        if rows:
            statement = "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ?"
            self._change(lambda connection: connection.executemany(statement, rows))

    def remove(self, paths: Iterable[str]) -> int:
        """Forget files; how many of them were known. Raises StoreReset."""
        gone = list(paths)
        if not gone:
            return 0
        return self._change(lambda connection: store_rows.remove(connection, gone))

    def complete(self) -> None:
        """Note that a pass over the whole tree has ended. Raises StoreReset."""
        now = int(self._clock())
        statement = "UPDATE state SET is_complete = 1, last_used = ?"
        self._change(lambda connection: connection.execute(statement, (now,)))

    def tidy(self) -> None:
        """Do what is due after many changes, so that no small one pays for it. Raises StoreReset.

        Dead rows are removed if they are many. The full-text index is merged into one piece: left
        to itself it would do that in the middle of some later change, and hold that up for long.
        The journal is written back.
        """
        dead, live = self._ask("SELECT n_dead, (SELECT count(*) FROM chunks) FROM state")[0]
        if dead > max(_MIN_DEAD, live * _DEAD_SHARE):
            while self._change(store_rows.remove_dead):
                pass
            self._n_unmerged += dead
        if self._n_unmerged > _MERGE_FROM:
            self._change(store_rows.merge_words)
            self._n_unmerged = 0
            self._ask("PRAGMA wal_checkpoint(PASSIVE)")

    def clean_up(self) -> None:
        """Remove the indexes that nobody needs any more, at most once a day. Never raises."""
        now = self._clock()
        if now - self._cleaned_up_at >= _CLEAN_UP_EVERY_S:
            self._cleaned_up_at = now
            database = self._place.database
            store_files.prune(database.parent, int(now), keep=database)

    def is_asked_to_rebuild(self) -> bool:
        """Whether another process left word that it wants the index made anew; told once."""
        return store_files.take_wish(self._place)

    def rebuild(self) -> None:
        """Start again with an empty database, because a person asked for it."""
        self._drop()
        if self.in_memory:
            self._serve_from_memory("unwritable")
        else:
            self._start_over()

    # --- trouble ----------------------------------------------------------------------------------

    def _change(self, change: Callable[[sqlite3.Connection], _T]) -> _T:
        """Make a change in one transaction; on a full disk make it in memory."""
        for _ in range(2):
            connection = self._live()
            try:
                with transaction(connection):
                    return change(connection)
            except sqlite3.Error as error:
                self._recover(error)
        raise StoreReset("no database takes the change")

    def _ask(self, query: str, values: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Raises StoreReset."""
        for _ in range(2):
            try:
                return self._live().execute(query, values).fetchall()
            except sqlite3.Error as error:
                self._recover(error)
        raise StoreReset("no database answers")

    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            self._open_file()
        assert self._connection is not None
        return self._connection

    def _recover(self, error: sqlite3.Error) -> None:
        """Have a database again after an error. Raises StoreReset if it is an empty one."""
        trouble = trouble_of(error)
        if trouble in ("full", "unwritable") and not self.in_memory:
            if not self._serve_from_memory(trouble):
                raise StoreReset(trouble) from error
            return
        self._drop()
        if self.in_memory:
            self._serve_from_memory(trouble)
        else:
            self._say("reset", _REASONS[trouble])
            self._start_over()
        raise StoreReset(trouble) from error

    def _open_file(self) -> None:
        """Open the file; what cannot be used is thrown away. Never raises sqlite3.Error."""
        try:
            self._connect()
            return
        except Unusable as error:
            self._say("reset", str(error))
        except sqlite3.Error as error:
            trouble = trouble_of(error)
            if trouble == "full":
                self._serve_from_memory(trouble)
                return
            self._say("reset", _REASONS[trouble])
        except OSError:
            pass  # told below, if it happens again
        self._start_over()

    def _start_over(self) -> None:
        """Throw the file away and make a new one, or serve from memory."""
        self._drop()
        try:
            store_files.discard(self._place.database)
            self._connect()
        except (sqlite3.Error, Unusable) as error:
            trouble = trouble_of(error) if isinstance(error, sqlite3.Error) else "unwritable"
            self._serve_from_memory(trouble)
        except OSError:
            self._serve_from_memory("unwritable")

    def _connect(self) -> None:
        self._drop()
        store_files.create(self._place.database)
        on_network = store_files.is_on_network(self._place.database)
        connection = connect(self._place.database, wait_s=self._wait_s)
        try:
            now = int(self._clock())
            # The journal comes first: to read a file at all, what an earlier process left in its
            # log is needed. A file of another program keeps its own, and is refused just below.
            if not journal(connection, wal=not on_network):
                self._say("journal", "")
            prepare(connection, self._place.root, now)
            with transaction(connection):
                connection.execute("UPDATE state SET last_used = ?", (now,))
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _serve_from_memory(self, trouble: Trouble) -> bool:
        """Go on in memory; whether what was known could be taken along."""
        before, self._connection = self._connection, None
        self._say("memory", _REASONS[trouble])
        connection = connect(None)
        kept = False
        if before is not None:
            try:
                before.backup(connection)
                connection.execute("SELECT only FROM state").fetchone()
                kept = True
            except sqlite3.Error:
                connection.close()
                connection = connect(None)
            with contextlib.suppress(sqlite3.Error):
                before.close()
        if not kept:
            try:
                prepare(connection, self._place.root, int(self._clock()))
            except (sqlite3.Error, Unusable) as error:
                connection.close()
                self.close()
                raise StoreUnavailable(str(error)) from error
        self._connection = connection
        self.in_memory = True
        return kept

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _say(self, kind: str, reason: str) -> None:
        if kind in self._said:
            return
        self._said.add(kind)
        self.notes.append(
            {
                "reset": f"The index of this folder is made anew: {reason}.",
                "memory": f"The index of this folder is kept in memory: {reason}.",
                "journal": "The index lies on a network file system: it is kept without a "
                "write-ahead log, and reading waits for writing.",
            }[kind]
        )
