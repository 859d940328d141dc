"""Reading a workspace's files when the workspace is not trusted.

A name can be a FIFO that blocks, a device, or a link out of the root, and it can become one between
a look and a read. So every directory on the way and the file itself are opened without following
links, never waiting, and what was opened is asked what it is before a byte is read.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple

_DIRECTORY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class Unreadable(Exception):
    """A file is not read: `reason` is "gone", "denied", "kind", "size" or "failed"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Content(NamedTuple):
    """A file's bytes, and its size and time of change at the moment it was read."""

    data: bytes
    mtime_ns: int


def open_directory(name: str, parent: int | None = None) -> int:
    """Open a directory by one name below `parent`, never through a link. Raises OSError."""
    return os.open(name, _DIRECTORY, dir_fd=parent)


def open_root(root: str) -> int:
    """Open the root itself: the one place where a link is followed, because a person named it."""
    return os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)


def read_source(root: int, path: str, max_bytes: int) -> Content:
    """Read a file below an open root; `path` is relative and posix. Raises Unreadable."""
    *folders, name = path.split("/")
    if not all(folder not in ("", ".", "..") for folder in (*folders, name)):
        raise Unreadable("kind")
    opened: list[int] = []
    try:
        parent = root
        for folder in folders:
            parent = open_directory(folder, parent)
            opened.append(parent)
        return read_regular(name, parent, max_bytes)
    except OSError as error:
        raise Unreadable(_reason(error)) from None
    finally:
        for descriptor in opened:
            os.close(descriptor)


def read_regular(name: str, parent: int | None, max_bytes: int) -> Content:
    """Read one regular file, by its name below `parent`. Raises Unreadable."""
    try:
        descriptor = os.open(name, _FILE, dir_fd=parent)
    except OSError as error:
        raise Unreadable(_reason(error)) from None
    except ValueError:
        raise Unreadable("kind") from None  # a NUL in the name
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("kind")
        if status.st_size > max_bytes:
            raise Unreadable("size")
        return Content(_read(descriptor, status.st_size, max_bytes), status.st_mtime_ns)
    except OSError as error:
        raise Unreadable(_reason(error)) from None
    finally:
        os.close(descriptor)


def _read(descriptor: int, expected: int, max_bytes: int) -> bytes:
    # One read is enough for a file at rest; the second one sees that it has ended. A file that
    # grows meanwhile, or one of /proc that says it is empty, is read up to the limit.
    parts, total = [], 0
    while part := os.read(descriptor, max(expected - total, 0) + 4096):
        parts.append(part)
        total += len(part)
        if total > max_bytes:
            raise Unreadable("size")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "gone"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "denied"
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
        return "kind"  # a link, or a socket
    return "failed"
