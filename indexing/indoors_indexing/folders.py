"""Which folders a walk enters, told before each is listed.

The watcher needs exactly the folders that the scan enters, no more (an ignored folder costs
no watch) and no fewer. It is told of a folder before the folder is listed: what comes into it after
that is heard of, and what was there before is on the list.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from indoors_indexing import ignore, sift
from indoors_indexing.reading import open_directory, open_root
from indoors_indexing.scan import MAX_DEPTH, Scan, entries_of, kind_of
from indoors_indexing.selection import EVERYTHING, Selection


class Folder(NamedTuple):
    """A folder after it was listed.

    `files` are the paths in it that may be worth indexing. A folder that is not `kept` turned out
    to be a virtual environment or a cache: nothing in it or below counts.
    """

    path: str
    files: tuple[str, ...] = ()
    kept: bool = True


def folders(
    root: str,
    below: str,
    enter: Callable[[str], None],
    selection: Selection = EVERYTHING,
    *,
    with_files: bool = False,
) -> Iterator[Folder]:
    """The folders at and below `below` ("" is the root) that a walk over the root would enter.

    `enter` is called with the path of each before it is listed. Files are named only
    `with_files`. Never raises on anything that is or is not there.
    """
    opened: list[int] = []
    try:
        opened.append(open_root(root))
        levels = ignore.base_levels(root)
        parts = below.split("/") if below else []
        for depth, name in enumerate(parts):
            path = "/".join(parts[:depth])
            levels = ignore.enter(levels, opened[-1], path)
            if not _is_entered(levels, path, name, selection):
                return
            if path and _has_marker(opened[-1]):
                return
            opened.append(open_directory(name, opened[-1]))
        walk = _Walk(enter, selection, with_files)
        yield from walk.folder(opened[-1], below, levels, len(parts))
    except OSError:
        return
    finally:
        for descriptor in opened:
            os.close(descriptor)


class _Walk:
    def __init__(
        self, enter: Callable[[str], None], selection: Selection, with_files: bool
    ) -> None:
        self._enter = enter
        self._selection = selection
        self._with_files = with_files
        self._scan = Scan()

    def folder(
        self, descriptor: int, path: str, levels: ignore.Levels, depth: int
    ) -> Iterator[Folder]:
        self._enter(path)
        entries = entries_of(descriptor, self._scan)
        if path and any(entry.name in sift.MARKER_FILES for entry in entries):
            yield Folder(path, kept=False)
            return
        levels = ignore.enter(levels, descriptor, path)
        before = path + "/" if path else ""
        inner: list[str] = []
        files: list[str] = []
        for entry in entries:
            kind = kind_of(entry, before + entry.name, self._scan)
            if kind == "folder" and _is_entered(levels, path, entry.name, self._selection):
                inner.append(entry.name)
            elif (
                kind == "file"
                and self._with_files
                and self._selection.entry_reason(before + entry.name) is None
                and not ignore.ignored(levels, before + entry.name, entry.name, False)
            ):
                files.append(before + entry.name)
        yield Folder(path, tuple(files))
        if depth >= MAX_DEPTH:
            return
        for name in inner:
            try:
                opened = open_directory(name, descriptor)
            except OSError:
                continue
            try:
                yield from self.folder(opened, before + name, levels, depth + 1)
            finally:
                os.close(opened)


def _is_entered(levels: ignore.Levels, path: str, name: str, selection: Selection) -> bool:
    inside = f"{path}/{name}" if path else name
    return selection.folder_reason(inside) is None and not ignore.ignored(
        levels, inside, name, True
    )


def _has_marker(descriptor: int) -> bool:
    for name in sift.MARKER_FILES:
        try:
            os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            continue
        return True
    return False
