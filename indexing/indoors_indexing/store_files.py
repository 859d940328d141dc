"""Where the databases lie, who may write one, and which are thrown away.

One database per root, named by the root's real path, 0600 in a 0700 directory. A lock file beside
it says who writes: the system drops the lock when its holder ends in any way.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import sys
from pathlib import Path
from typing import NamedTuple

from indoors_indexing.mounts import is_on_network
from indoors_indexing.store_schema import Unusable, check, connect

__all__ = [
    "MAX_TOTAL_BYTES", "UNUSED_AFTER_S", "Place", "Pruned", "ask_to_rebuild", "create", "discard",
    "is_on_network", "lock", "make_directory", "place_of", "prune", "size_of", "take_wish",
]  # fmt: skip

UNUSED_AFTER_S = 30 * 24 * 3600
# All databases together; the ones that were not used for longest go first.
MAX_TOTAL_BYTES = 2 * 1024**3

_BESIDE = ("-wal", "-shm", "-journal")


class Place(NamedTuple):
    """The files of one root's index. `wish` is there while somebody wants it made anew."""

    root: bytes
    database: Path
    lock: Path
    wish: Path


def place_of(root: Path, cache: Path) -> Place:
    """Where the index of a root is, whether or not it exists."""
    real = os.fsencode(os.path.realpath(root))
    directory = cache / "index"
    key = hashlib.sha256(real).hexdigest()[:16]
    return Place(real, *(directory / f"{key}.{kind}" for kind in ("db", "lock", "wish")))


def make_directory(directory: Path) -> None:
    """Create the directory as 0700. Raises OSError."""
    for folder in reversed([directory, *directory.parents]):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)


def create(database: Path) -> None:
    """Make sure that the file exists and is 0600; SQLite gives its other files the same mode."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(database, flags, 0o600)
    try:
        if sys.platform != "win32":
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def ask_to_rebuild(place: Place) -> None:
    """Leave word for whoever writes the index that it is to be made anew. Raises OSError."""
    make_directory(place.wish.parent)
    create(place.wish)


def take_wish(place: Place) -> bool:
    """Whether somebody left word; it is answered with that. Never raises."""
    try:
        place.wish.unlink()
    except OSError:
        return False
    return True


def discard(database: Path) -> None:
    """Remove a database and what SQLite keeps beside it. Raises OSError if it stays."""
    for suffix in _BESIDE:
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    if database.is_dir() and not database.is_symlink():
        database.rmdir()
    else:
        database.unlink(missing_ok=True)


def size_of(database: Path) -> int:
    """The bytes a database takes on the disk, with what lies beside it."""
    total = 0
    for suffix in ("", *_BESIDE):
        with contextlib.suppress(OSError):
            total += Path(f"{database}{suffix}").stat().st_size
    return total


def lock(path: Path) -> int | None:
    """Take a lock file; the descriptor that holds it, None if another process does.

    Raises OSError where the file cannot be made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if not _try_lock(descriptor):
                os.close(descriptor)
                return None
            # Who removes an index removes its lock file too: a lock on a removed file locks nobody.
            named = path.stat()
            if os.path.samestat(named, os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Pruned(NamedTuple):
    """What a clean-up removed."""

    n_removed: int
    n_bytes: int


def prune(directory: Path, now: int, keep: Path | None = None) -> Pruned:
    """Remove what vanished roots, long unused roots and the disk cap leave over. Never raises.

    An index that somebody writes, and `keep`, stay whatever they are.
    """
    removed = freed = 0
    kept: list[tuple[int, Path]] = []
    try:
        databases = sorted(directory.glob("*.db"))
    except OSError:
        return Pruned(0, 0)
    for database in databases:
        last_used = now if database == keep else _last_used(database)
        if last_used is None or now - last_used > UNUSED_AFTER_S:
            size = _remove(database)
            removed, freed = removed + (size is not None), freed + (size or 0)
        else:
            kept.append((last_used, database))
    total = sum(size_of(database) for _, database in kept)
    for _, database in sorted(kept):
        if total <= MAX_TOTAL_BYTES:
            break
        if database != keep and (size := _remove(database)) is not None:
            removed, freed, total = removed + 1, freed + size, total - size
    return Pruned(removed, freed)


def _last_used(database: Path) -> int | None:
    """When an index was last used; None for one that is of no use any more."""
    try:
        at_rest = not Path(f"{database}-wal").exists()
        connection = connect(database, read_only=True, at_rest=at_rest, wait_s=0.2)
    except sqlite3.Error:
        return None
    try:
        check(connection)
        root, last_used = connection.execute("SELECT root, last_used FROM state").fetchone()
        return int(last_used) if Path(os.fsdecode(root)).is_dir() else None
    except (sqlite3.Error, Unusable, TypeError, ValueError):
        return None
    finally:
        connection.close()


def _remove(database: Path) -> int | None:
    """Remove an index that nobody writes; its size, None if it stays."""
    lock_file = database.with_suffix(".lock")
    try:
        descriptor = lock(lock_file)
        if descriptor is None:
            return None
        try:
            size = size_of(database)
            discard(database)
            lock_file.unlink(missing_ok=True)
            return size
        finally:
            os.close(descriptor)
    except OSError:
        return None
