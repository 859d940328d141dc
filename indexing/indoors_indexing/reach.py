"""What the index of a root needs of the disk, so that the kernel can refuse the indexer the rest.

    the root ---------------- everything below it
    above it, up to .git ---- the .gitignore of each folder
    the repository ---------- .git/info/exclude; for a linked worktree where its .git file leads to

A rule of the kernel's is about a file, not about its name: where one of these is replaced by
another file of the same name, a process that was started before may not open it. `Reach` notices,
and the process asks to be replaced. Standard library only: the lock-down reads this before anything
heavy is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from indoors_indexing.reading import Unreadable, read_regular

GIT_FILE = ".gitignore"
EXCLUDE = "info/exclude"

# Device and inode; None for what is not there.
Identity = tuple[int, int] | None


def rule_files_above(root: str) -> list[str]:
    """The files outside of a root that git's rules for it come from, there or not.

    Only links are left out: one could lead anywhere.
    """
    folder = Path(os.path.realpath(root))
    found: list[Path] = []
    is_above = False
    while True:
        found += [folder / GIT_FILE] if is_above else []
        marker = folder / ".git"
        if os.path.lexists(marker):
            found += [marker] if is_above and marker.is_file() else []
            found += exclude_files(marker)
            return [str(path) for path in found if not path.is_symlink()]
        if folder.parent == folder:
            return []  # no repository: what lies above the root is none of our business
        folder, is_above = folder.parent, True


def exclude_files(marker: Path) -> list[Path]:
    """Where the exclude file of a repository may be, and what says so; `marker` is its `.git`.

    In a linked worktree `.git` is a file that leads to a folder, which leads to the common one.
    """
    found = [marker / EXCLUDE]
    try:
        said = read_regular(str(marker), None, 4096).data
        if said.startswith(b"gitdir: "):
            git = marker.parent / os.fsdecode(said[8:].rstrip(b"\r\n"))
            found += [git / EXCLUDE, git / "commondir"]
            place = read_regular(str(git / "commondir"), None, 4096).data
            found.append(git / os.fsdecode(place.rstrip(b"\r\n")) / EXCLUDE)
    except (Unreadable, ValueError):
        pass
    return found


class Reach:
    """What was there for each root when this process was started."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._known = {root: _identities(root) for root in roots}

    def has(self, root: str) -> bool:
        """Whether a root, spelled as it was, and what its rules need are still the same files."""
        return self._known.get(root) == _identities(root)


def _identities(root: str) -> list[tuple[str, Identity]]:
    return [(path, _identity(path)) for path in (root, *rule_files_above(root))]


def _identity(path: str) -> Identity:
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
