"""A walk over a workspace: which files there are to index.

Folders that are ignored, vendored or internal are not entered, so that the walk costs what is kept
and not what lies there. Links are never followed: what they name inside the root is met under its
own name, and what lies outside is not ours. Nothing but folders is opened.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from indoors_indexing import ignore, sift
from indoors_indexing.reading import (
    Content,
    Unreadable,
    open_directory,
    open_root,
    owners_of,
    read_source,
)
from indoors_indexing.selection import EVERYTHING, Selection

__all__ = [
    "MAX_DEPTH", "Content", "Found", "Scan", "Unreadable", "entries_of", "kind_of", "never",
    "read_source", "walk",
]  # fmt: skip

# Every folder on the way down is open while its inside is walked. People nest some thirty deep;
# what lies deeper is counted and not entered.
MAX_DEPTH = 80
# Far above any workspace that an index of this kind can serve.
MAX_FILES = 500_000


class Found(NamedTuple):
    """A file to index: its path below the root, and what tells whether it changed."""

    path: str
    size: int
    mtime_ns: int


def never() -> bool:
    """A `cancelled` for who does not cancel."""
    return False


class Scan:
    """What a walk has seen so far. `skipped` counts by reason what was left out."""

    def __init__(self, cancelled: Callable[[], bool] = never) -> None:
        self.skipped: Counter[str] = Counter()
        self.n_found = 0
        self.n_folders = 0
        # False until the walk has seen everything: only then is what it did not find gone.
        self.is_complete = False
        self.cancelled = cancelled
        # The users whose files count; None before the root was seen.
        self.owners: tuple[int, int] | None = None

    @property
    def is_full(self) -> bool:
        """Whether the limit on files was reached."""
        return self.n_found >= MAX_FILES


def walk(root: str, scan: Scan, selection: Selection = EVERYTHING) -> Generator[Found, None, None]:
    """Walk `root` and give its files in the order of their names, folder by folder.

    Raises Unreadable if the root itself cannot be opened; nothing else raises.
    """
    try:
        descriptor = open_root(root)
    except OSError:
        raise Unreadable("gone") from None
    try:
        scan.owners = owners_of(descriptor)
        yield from _folder(descriptor, "", ignore.base_levels(root), scan, selection, 0)
        scan.is_complete = not scan.cancelled() and not scan.is_full
    finally:
        os.close(descriptor)


def _folder(
    descriptor: int,
    path: str,
    levels: ignore.Levels,
    scan: Scan,
    selection: Selection,
    depth: int,
) -> Iterator[Found]:
    entries = entries_of(descriptor, scan)
    if path and any(entry.name in sift.MARKER_FILES for entry in entries):
        scan.skipped["vendored"] += 1
        return
    scan.n_folders += 1
    levels = ignore.enter(levels, descriptor, path)
    before = path + "/" if path else ""
    folders: list[str] = []
    for entry in entries:
        name = entry.name
        kind = kind_of(entry, before + name, scan)
        if kind is None:
            continue
        if kind == "folder":
            reason = selection.folder_reason(before + name)
            if reason is None and not ignore.ignored(levels, before + name, name, True):
                folders.append(name)
            else:
                scan.skipped[reason or "ignored"] += 1
            continue
        found = _file(entry, before + name, levels, scan, selection)
        if found is not None:
            if scan.is_full:
                return
            scan.n_found += 1
            yield found
    for name in folders:
        if scan.cancelled() or scan.is_full:
            return
        if depth >= MAX_DEPTH:
            scan.skipped["deep"] += 1
            continue
        try:
            inner = open_directory(name, descriptor)
        except OSError:
            scan.skipped["unreadable"] += 1
            continue
        try:
            yield from _folder(inner, before + name, levels, scan, selection, depth + 1)
        finally:
            os.close(inner)


def entries_of(descriptor: int, scan: Scan) -> list[os.DirEntry[str]]:
    """What an open folder holds, by name; nothing, counted, for one that cannot be listed."""
    try:
        with os.scandir(descriptor) as listed:
            return sorted(listed, key=lambda entry: entry.name)
    except OSError:
        scan.skipped["unreadable"] += 1
        return []


def kind_of(entry: os.DirEntry[str], path: str, scan: Scan) -> str | None:
    """ "folder" or "file"; None, counted, for anything else."""
    try:
        if entry.is_symlink():
            scan.skipped["link"] += 1
            return None
        # A name that is not text cannot be stored, shown, or asked for.
        path.encode()
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        if entry.is_file(follow_symlinks=False):
            return "file"
        scan.skipped["special"] += 1
    except UnicodeEncodeError:
        scan.skipped["name"] += 1
    except OSError:
        scan.skipped["unreadable"] += 1
    return None


def _file(
    entry: os.DirEntry[str], path: str, levels: ignore.Levels, scan: Scan, selection: Selection
) -> Found | None:
    # The name alone refuses most of what is refused, and costs neither a stat nor a match.
    reason = selection.entry_reason(path)
    if reason is None and ignore.ignored(levels, path, entry.name, False):
        scan.skipped["ignored"] += 1
        return None
    if reason is None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            scan.skipped["unreadable"] += 1
            return None
        if not stat.S_ISREG(status.st_mode):
            scan.skipped["special"] += 1
            return None
        if scan.owners is not None and status.st_uid not in scan.owners:
            scan.skipped["owner"] += 1
            return None
        reason = sift.file_reason(path, status.st_size)
        if reason is None:
            return Found(path, status.st_size, status.st_mtime_ns)
    scan.skipped[reason] += 1
    return None
