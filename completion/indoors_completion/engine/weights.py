"""Opening a model file so that what was verified is what is loaded.

The descriptor is opened once, compared by fstat, and handed to llama.cpp as /proc/self/fd/N: a file
swapped in between cannot be parsed. The five numbers are those of the sha256 record
(device, inode, size, mtime_ns, ctime_ns).
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from indoors_completion.engine import failures

_MAGIC = b"GGUF"
_SPLIT = re.compile(r"^(.*)-(\d{5})-of-(\d{5})\.gguf$", re.DOTALL)
_FIELDS = ("device", "inode", "size", "modification time", "change time")


class Weights(msgspec.Struct, frozen=True):
    """An opened model file: the name to give llama.cpp, its size (all parts), and its identity."""

    load_as: str
    size_bytes: int
    identity: tuple[int, ...]


@contextmanager
def opened(path: str, expected: tuple[int, ...] = ()) -> Iterator[Weights]:
    """Open, check and hold a model file. Raises WorkerFailure: missing, corrupt or identity."""
    descriptor = _open(path)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise failures.missing(path, "not a regular file")
        ours = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if expected and ours != expected:
            raise failures.identity(path, _difference(expected, ours))
        if os.read(descriptor, 4) != _MAGIC:
            raise failures.corrupt(path, "it does not begin as a GGUF file does")
        parts = split_parts(path)
        size = found.st_size if len(parts) == 1 else _total(parts)
        yield Weights(_name(path, descriptor, parts), size, ours)
    finally:
        os.close(descriptor)


def split_parts(path: str) -> list[str]:
    """All parts of a split file named by its first part, else the path alone."""
    match = _SPLIT.match(path)
    if match is None or match[2] != "00001" or int(match[3]) < 2:
        return [path]
    return [f"{match[1]}-{n:05d}-of-{match[3]}.gguf" for n in range(1, int(match[3]) + 1)]


def _open(path: str) -> int:
    # A symbolic link in the last place is resolved first and its target opened with O_NOFOLLOW:
    # stores of other programs are made of links, and a link swapped in after this is refused.
    real = os.path.realpath(path)
    flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        return os.open(real, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise failures.missing(path, error.strerror or str(error)) from error


def _name(path: str, descriptor: int, parts: list[str]) -> str:
    # llama.cpp finds the other parts of a split file by the first one's name, so those are opened
    # by path; a swap between the check and the load is possible there and nowhere else.
    if sys.platform == "linux" and len(parts) == 1:
        return f"/proc/self/fd/{descriptor}"
    return path


def _total(parts: list[str]) -> int:
    total = 0
    for part in parts:
        try:
            total += os.stat(part).st_size  # noqa: PTH116 - strings all through this module
        except OSError as error:
            raise failures.missing(part, error.strerror or str(error)) from error
    return total


def _difference(expected: tuple[int, ...], found: tuple[int, ...]) -> str:
    names = [
        name
        for name, a, b in zip(_FIELDS, expected, found, strict=False)
        if a != b
    ]  # fmt: skip
    return f"another {', '.join(names)}" if names else "its identity cannot be compared"
