"""Reading a workspace's files when the workspace is not trusted.

A name can be a FIFO that blocks, a device, or a link out of the root, and it can become one between
a look and a read. So a file is opened below the root without following any link (`beneath`), never
waiting, and what was opened is asked what it is, and whose, before a byte is read.

Whose files are read: those of the root's owner, and those of the user who reads. In a project they
are one. They differ where root reads a person's project (an editor in a container, the folder
mounted into it: what the container made is root's, the rest the person's, and both are read). A
file of anybody else was put there by another user of the machine, or is one of the system's with a
second name (a hard link, which cannot be told otherwise): it is no part of the project. This also
leaves out what a container that runs as root left behind in a person's folder, until it is given
to the person. Rules (`.gitignore`, `.indoors.json`) are heeded whoever owns them: they only leave
out or narrow, none of their text is shown, and to skip them would let more through.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from indoors_indexing.beneath import FILE, FOLDER, is_inside, open_beneath

_WHY = {
    "gone": "it is not there",
    "denied": "permission denied",
    "kind": "it is a symbolic link, or not a regular file",
    "size": "it is too large",
    "owner": "it belongs to another user",
    "failed": "the system gave an error",
}


class Unreadable(Exception):
    """A file is not read: `reason` is "gone", "denied", "kind", "size", "owner" or "failed"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def why(self) -> str:
        """The reason as people say it."""
        return _WHY.get(self.reason, self.reason)


class Content(NamedTuple):
    """A file's bytes, and its size and time of change at the moment it was read."""

    data: bytes
    mtime_ns: int


class Opened(NamedTuple):
    """A file that is open for reading, and its size and time of change then."""

    descriptor: int
    size: int
    mtime_ns: int


def open_directory(name: str, parent: int | None = None) -> int:
    """Open a directory by one name below `parent`, never through a link. Raises OSError."""
    return os.open(name, FOLDER, dir_fd=parent)


def open_root(root: str) -> int:
    """Open the root itself: the one place where a link is followed, because a person named it."""
    return os.open(root, FOLDER & ~getattr(os, "O_NOFOLLOW", 0))


def owners_of(root: int) -> tuple[int, int]:
    """The users whose files below an open root are read. Raises OSError."""
    return os.fstat(root).st_uid, os.geteuid()


def read_source(root: int, path: str, max_bytes: int, *, any_owner: bool = False) -> Content:
    """Read a file below an open root; `path` is relative and posix. Raises Unreadable.

    `any_owner` is for rules, which are heeded whoever owns them.
    """
    if not is_inside(path):
        raise Unreadable("kind")
    return _read_opened(lambda: open_beneath(root, path), max_bytes, None if any_owner else root)


def read_regular(name: str, parent: int | None, max_bytes: int) -> Content:
    """Read one regular file of any owner, by its name below `parent`. Raises Unreadable."""
    return _read_opened(lambda: os.open(name, FILE, dir_fd=parent), max_bytes, None)


def read_rules(folder: str, name: str, max_bytes: int) -> bytes:
    """Read a file of rules, of any owner, in a folder that a person named. Raises Unreadable."""
    if os.open not in os.supports_dir_fd:
        return read_regular(os.path.join(folder, name), None, max_bytes).data  # noqa: PTH118
    try:
        root = open_root(folder)
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error)) from None
    try:
        return read_source(root, name, max_bytes, any_owner=True).data
    finally:
        os.close(root)


def is_below_link(root: int, path: str) -> bool:
    """Whether a path below an open root is a link, or leads through one; it need not be there."""
    if not is_inside(path):
        return False
    folder, _, name = path.rpartition("/")
    parent = root
    try:
        if folder:
            parent = open_beneath(root, folder, FOLDER)
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        return stat.S_ISLNK(status.st_mode)
    except (OSError, ValueError) as error:
        return _reason(error) == "kind"
    finally:
        if parent != root:
            os.close(parent)


def open_source(root: int, path: str, max_bytes: int) -> Opened:
    """Open what `read_source` would read, for parts of it (`read_part`). Whoever calls closes it.
    Raises Unreadable.
    """
    if not is_inside(path):
        raise Unreadable("kind")
    return _opened(lambda: open_beneath(root, path), max_bytes, root)


def read_part(descriptor: int, start: int, end: int) -> bytes:
    """A byte range of an open file, as much of it as there is. Raises OSError."""
    if not hasattr(os, "pread"):
        os.lseek(descriptor, start, os.SEEK_SET)
        return os.read(descriptor, max(end - start, 0))
    return os.pread(descriptor, max(end - start, 0), start)


def _read_opened(open_it: Callable[[], int], max_bytes: int, root: int | None) -> Content:
    """Read what `open_it` opens; with a `root`, only if it is of whom the root's files are."""
    opened = _opened(open_it, max_bytes, root)
    try:
        return Content(_read(opened.descriptor, opened.size, max_bytes), opened.mtime_ns)
    except OSError as error:
        raise Unreadable(_reason(error)) from None
    finally:
        os.close(opened.descriptor)


def _opened(open_it: Callable[[], int], max_bytes: int, root: int | None) -> Opened:
    try:
        descriptor = open_it()
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("kind")
        if root is not None and not _is_ours(status.st_uid, root):
            raise Unreadable("owner")
        if status.st_size > max_bytes:
            raise Unreadable("size")
    except OSError as error:
        os.close(descriptor)
        raise Unreadable(_reason(error)) from None
    except Unreadable:
        os.close(descriptor)
        raise
    return Opened(descriptor, status.st_size, status.st_mtime_ns)


def _is_ours(owner: int, root: int) -> bool:
    return owner == os.geteuid() or owner in owners_of(root)


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


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return "kind"  # a name that no file system takes: a NUL, or half a character
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "gone"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "denied"
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK, errno.EXDEV):
        return "kind"  # a link, or a socket
    return "failed"
