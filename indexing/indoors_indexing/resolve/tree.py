"""The files that an import may mean: what a resolver may ask, and paths as strings.

Paths are relative to the root, with `/`, whatever the machine. Nothing here touches a disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

from indoors_indexing.resolve.project import Project

# An answer is a list to look into, not a directory listing.
MAX_PATHS = 40
# What is looked through to find it: a name like `index.ts` may be in thousands of folders.
_MAX_NAMED = 500
_MAX_PARTS = 64


class FileIndex(Protocol):
    """The files of a root, and what its project files say."""

    @property
    def project(self) -> Project:
        """What the project files say."""
        ...

    def has(self, path: str) -> bool:
        """Whether this very file exists."""
        ...

    def named(self, basename: str) -> tuple[str, ...]:
        """The files that have this name, in any folder."""
        ...

    def named_in(self, folder_name: str, basename: str) -> tuple[str, ...]:
        """The files that have this name, in any folder that has that one."""
        ...

    def has_folder(self, name: str) -> bool:
        """Whether any folder with files in it has this name."""
        ...

    def within(self, folder: str) -> tuple[str, ...]:
        """The files that lie directly in a folder, in the order of their names; "" is the root."""
        ...


class MemoryFiles:
    """A `FileIndex` over a list of paths."""

    def __init__(self, paths: Iterable[str], project: Project | None = None) -> None:
        self._paths = frozenset(paths)
        self._project = project or Project()
        names: dict[str, list[str]] = defaultdict(list)
        folders: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            folder, _, name = path.rpartition("/")
            names[name].append(path)
            folders[folder].append(path)
        self._names = {name: tuple(found) for name, found in names.items()}
        self._folders = {folder: tuple(found) for folder, found in folders.items()}
        self._folder_names = frozenset(folder.rpartition("/")[2] for folder in folders)
        # Of each name that was asked for, by the names of the folders.
        self._named_in: dict[str, dict[str, list[str]]] = {}

    @property
    def project(self) -> Project:
        """What the project files say."""
        return self._project

    def has(self, path: str) -> bool:
        """Whether this very file exists."""
        return path in self._paths

    def named(self, basename: str) -> tuple[str, ...]:
        """The files that have this name, in any folder."""
        return self._names.get(basename, ())

    def named_in(self, folder_name: str, basename: str) -> tuple[str, ...]:
        """The files that have this name, in any folder that has that one."""
        known = self._named_in.get(basename)
        if known is None:
            known = self._named_in[basename] = {}
            for path in self.named(basename):
                known.setdefault(folder_of(path).rpartition("/")[2], []).append(path)
        return tuple(known.get(folder_name, ()))

    def has_folder(self, name: str) -> bool:
        """Whether any folder with files in it has this name."""
        return name in self._folder_names

    def within(self, folder: str) -> tuple[str, ...]:
        """The files that lie directly in a folder."""
        return self._folders.get(folder, ())


def folder_of(path: str) -> str:
    """The folder that holds a file, or another folder; "" for the root and what lies in it."""
    return path.rpartition("/")[0]


def stem_of(path: str) -> str:
    """A file's name up to its last dot."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def join(folder: str, relative: str) -> str | None:
    """`relative` seen from `folder`, without `.` and `..`; None if that leaves the root."""
    parts: list[str] = []
    for part in [*folder.split("/"), *relative.split("/")]:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return None if len(parts) > _MAX_PARTS else "/".join(parts)


def ancestors(folder: str) -> list[str]:
    """A folder and those around it, innermost first, the root ("") last."""
    found = [folder]
    while folder and len(found) < _MAX_PARTS:
        folder = folder_of(folder)
        found.append(folder)
    return found


def holds(folder: str, path: str) -> bool:
    """Whether a path lies in a folder, at any depth."""
    return not folder or path.startswith(f"{folder}/")


def nearest(paths: Iterable[str], to: str) -> list[str]:
    """Paths that share the most leading folders with `to` first; then the shorter ones."""
    own = to.split("/")[:-1]

    def far(path: str) -> tuple[int, int, str]:
        shared = 0
        for mine, theirs in zip(own, path.split("/")[:-1], strict=False):
            if mine != theirs:
                break
            shared += 1
        return -shared, path.count("/"), path

    return sorted(paths, key=far)


def ending_with(files: FileIndex, suffix: str, to: str) -> list[str]:
    """The files whose path ends with all of `suffix`, those nearest to `to` first."""
    folder, _, name = suffix.rpartition("/")
    named = files.named_in(folder.rpartition("/")[2], name) if folder else files.named(name)
    named = named[:_MAX_NAMED]
    return nearest((path for path in named if f"/{path}".endswith(f"/{suffix}")), to)


def existing(files: FileIndex, candidates: Iterable[str | None]) -> list[str]:
    """Those of the candidates that are files, in their order."""
    return [path for path in dict.fromkeys(candidates) if path and files.has(path)]
