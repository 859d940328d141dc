"""Which files git tracks, read from its index without starting git.

A repository may name programs that git runs (hooks, monitors, filters), so git is not asked. The
format: gitformat-index(5). What cannot be read as that gives no paths.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from indoors_indexing.beneath import is_inside
from indoors_indexing.reading import Unreadable, read_regular

_MAX_BYTES = 128 * 1024 * 1024
_HEADER_BYTES = 12
# What stands before an object's name in an entry: times, device, inode, mode, owner, size.
_BEFORE_BYTES = 40
_EXTENDED, _LENGTH = 0x4000, 0x0FFF
_SHA1_BYTES, _SHA256_BYTES = 20, 32


def tracked(root: Path) -> list[str]:
    """The paths below `root` that are in the index of the work tree whose top it is."""
    git = _folder_of(root / ".git")
    try:
        data = read_regular(str(git / "index"), None, _MAX_BYTES).data
    except (Unreadable, ValueError):
        return []
    for hash_bytes in (_SHA1_BYTES, _SHA256_BYTES):
        try:
            names = _names(data, hash_bytes)
        except (IndexError, ValueError):
            continue
        return [path for path in map(os.fsdecode, names) if is_inside(path)]
    return []


def is_work_tree(root: Path) -> bool:
    """Whether a folder is one of a repository, or lies in one."""
    return any(os.path.lexists(folder / ".git") for folder in (root, *root.parents))


def _folder_of(marker: Path) -> Path:
    """The repository: `.git` itself, or where it leads as a file (a linked work tree)."""
    try:
        said = read_regular(str(marker), None, 4096).data
    except (Unreadable, ValueError):
        return marker
    match = re.match(rb"gitdir: ([^\r\n\0]+)", said)
    return marker.parent / os.fsdecode(match[1]) if match else marker


def _names(data: bytes, hash_bytes: int) -> list[bytes]:
    """The names of all entries. Raises ValueError or IndexError for what is no index."""
    version = int.from_bytes(data[4:8], "big")
    if data[:4] != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not an index")
    names: list[bytes] = []
    before, at = b"", _HEADER_BYTES
    for _ in range(int.from_bytes(data[8:12], "big")):
        start = at
        at += _BEFORE_BYTES + hash_bytes
        flags = int.from_bytes(data[at : at + 2], "big")
        at += 4 if flags & _EXTENDED else 2
        n_cut = 0
        if version == 4:
            n_cut, at = _number(data, at)
        end = data.index(b"\0", at)
        before = before[: len(before) - n_cut if version == 4 else 0] + data[at:end]
        if flags & _LENGTH != min(len(before), _LENGTH):
            raise ValueError("an entry is not as long as it says")
        names.append(before)
        # Up to version 3 entries are filled up to eights, with one byte at least.
        at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
    return names


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length as in packs (with offsets), and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1
