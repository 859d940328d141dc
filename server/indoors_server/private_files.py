"""Files that only their owner may read, written whole or not at all, and locks between processes.

A full disk is an error that a person can act on, so every writer here turns it into a message.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from indoors_completion.types import ModelError
from indoors_server.paths import make_private

# EFBIG is how a file-size limit (RLIMIT_FSIZE, FAT32) shows itself.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class NoRoom(ModelError):
    """The disk is full, or would be: no other source can help."""


def is_full(error: OSError) -> bool:
    """Whether `error` says that there is no room left: on the disk, in a quota, within a limit."""
    return error.errno in _FULL


def show(path: Path) -> str:
    """A path as messages print it, with the home directory as `~`."""
    home = str(Path.home())
    text = str(path)
    return "~" + text[len(home) :] if text.startswith(home + os.sep) else text


def make_tree(directory: Path) -> None:
    """Create `directory`, and every missing parent of it, as 0700."""
    for folder in reversed([directory, *directory.parents]):
        if not folder.is_dir():
            make_private(folder)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by a 0600 file with `data`; after a crash the old or the new one is there."""
    make_tree(path.parent)
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # 0600 by itself
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def open_partial(path: Path, *, keep: int) -> BinaryIO:
    """Open a partial file for writing at `keep`, with whatever lay beyond cut off. 0600."""
    make_tree(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    stream = os.fdopen(descriptor, "r+b")
    stream.truncate(keep)
    stream.seek(keep)
    return stream


def publish(partial: Path, target: Path) -> None:
    """Give a complete partial file its name: on disk first, then visible in one step."""
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    partial.replace(target)
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename in `directory` durable, where the system can (Windows cannot)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def explain_full_disk(directory: Path, again: str) -> Iterator[None]:
    """Turn "no space left" into a message; `again` is the command that goes on afterwards."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise NoRoom(
            "The disk is full: nothing was installed.",
            why=f"{show(directory)}: {error.strerror}. What arrived is kept, "
            "and is not used as a model.",
            next_step=f"free some space, then: {again}   (goes on where it stopped)",
        ) from error


@contextlib.contextmanager
def exclusive(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`. If another process has it, call `on_wait` once and wait.

    The system drops the lock when its holder ends in any way, so a killed process blocks nobody.
    """
    make_tree(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if not try_lock(descriptor):
            on_wait()
            while not try_lock(descriptor):
                time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file for as long as it stays open; False if another has it."""
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
