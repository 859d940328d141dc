"""What the index keeps about one file, on its way from the parser to the store.

These values cross from one process of ours to another, hence the compact form.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from indoors_indexing.facts import FileFacts


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A byte range of a file that is found and shown as one, and the words it is found by.

    The text itself is not kept: whoever shows a chunk reads the file.
    """

    start: int
    end: int
    words: str


class FileRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One file. `skipped` says why a file was looked at and not indexed, "" for one that was.

    `mtime_ns` is -1 where the file changed so recently that the next change could carry the same
    time: it is then read again.
    """

    path: str
    language: str
    size: int
    mtime_ns: int
    hash: bytes
    n_lines: int = 0
    skipped: str = ""
    facts: FileFacts | None = None
    chunks: tuple[Chunk, ...] = ()


class Known(NamedTuple):
    """What the store remembers of a file's state on disk."""

    size: int
    mtime_ns: int
    hash: bytes


def digest(data: bytes) -> bytes:
    """What tells whether a file's bytes are the ones that were indexed."""
    return hashlib.blake2b(data, digest_size=16).digest()
