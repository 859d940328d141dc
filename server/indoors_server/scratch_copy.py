"""A copy of a project to try something in: what git has of it, or would take; else all of it.

No link is followed, so nothing outside of the project gets in: links stay links, and those that
lead into the project by an absolute path lead into the copy. Modes and times stay, `.git` and what
git ignores stay out, as in a fresh clone. What is neither a file nor a folder is left out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from indoors_completion.types import InputError
from indoors_indexing import ignore
from indoors_indexing.beneath import FILE, open_beneath
from indoors_indexing.reach import GIT_FILE
from indoors_indexing.reading import open_directory, open_root
from indoors_server import git_index

_MAX_DEPTH = 200
_PIECE = 1024 * 1024


class Limits(NamedTuple):
    """What a copy may hold."""

    n_files: int = 50_000
    n_bytes: int = 1_000_000_000


class Copied(NamedTuple):
    """What a copy holds, and how many files could not be read and are not in it."""

    n_files: int
    n_bytes: int
    n_left_out: int


def copy(root: Path, to: Path, also: Iterable[str] = (), limits: Limits | None = None) -> Copied:
    """Copy the project `root` into the folder `to`, which is made; `also` are files that git may
    ignore. Raises InputError if it is too large, or cannot be copied.
    """
    try:
        to.mkdir(mode=0o700)
        copying = _Copying(root, to, limits or Limits())
        copying.all([*git_index.tracked(root), *also])
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError("The project cannot be copied.", why=why) from error
    return Copied(copying.n_files, copying.n_bytes, copying.n_left_out)


def remove(folder: Path) -> bool:
    """Remove a copy, also what was made unwritable in it; whether it is gone."""

    tried: set[str] = set()

    def free(_function: object, path: str, _error: object) -> None:
        """Make writable what could not be removed, and remove it."""
        if path in tried:
            return
        tried.add(path)
        with contextlib.suppress(OSError):
            if Path(path) != folder:
                Path(path).parent.chmod(0o700)
            if not Path(path).is_symlink() and Path(path).is_dir():
                Path(path).chmod(0o700)
                shutil.rmtree(path, onerror=free)
            else:
                Path(path).unlink()

    # Whoever is just being killed in it may still make files.
    for _ in range(3):
        tried.clear()
        shutil.rmtree(folder, onerror=free)
        if not folder.exists():
            return True
    return False


class _Copying:
    def __init__(self, root: Path, to: Path, limits: Limits) -> None:
        self._root, self._to, self._limits = root, to, limits
        self._is_git = git_index.is_work_tree(root)
        self.n_files = self.n_bytes = self.n_left_out = 0

    def all(self, also: Iterable[str]) -> None:
        root = open_root(str(self._root))
        try:
            levels = ignore.base_levels(str(self._root)) if self._is_git else ()
            self._folder(root, "", levels, 0)
            for path in also:
                self._one(root, path)
        finally:
            os.close(root)

    def _folder(self, opened: int, path: str, levels: ignore.Levels, depth: int) -> None:
        if self._is_git:
            levels = ignore.enter(levels, opened, path, (GIT_FILE,))
        with os.scandir(opened) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
        for entry in entries:
            name = entry.name
            inner = f"{path}/{name}" if path else name
            is_folder = entry.is_dir(follow_symlinks=False)
            if name == ".git" or ignore.ignored(levels, inner, name, is_folder):
                continue
            if entry.is_symlink():
                self._link(opened, name, inner)
            elif is_folder and depth < _MAX_DEPTH:
                self._inner(opened, name, inner, levels, depth)
            elif entry.is_file(follow_symlinks=False):
                self._file(partial(os.open, name, FILE, dir_fd=opened), inner)

    def _inner(self, parent: int, name: str, path: str, levels: ignore.Levels, depth: int) -> None:
        try:
            opened = open_directory(name, parent)
        except OSError as error:
            self._leave_out(error)
            return
        try:
            (self._to / path).mkdir(mode=0o700)
            self._folder(opened, path, levels, depth + 1)
            (self._to / path).chmod(stat.S_IMODE(os.fstat(opened).st_mode) & 0o777 | 0o700)
        finally:
            os.close(opened)

    def _one(self, root: int, path: str) -> None:
        """A file below an ignored folder, that is tracked or wanted nevertheless."""
        if os.path.lexists(self._to / path):
            return
        try:
            os.close(open_beneath(root, path))
        except OSError as error:
            # Not there any more, or a link: git may track one, and it leads where it leads.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                self._leave_out(error)
            return
        (self._to / path).parent.mkdir(parents=True, exist_ok=True)
        self._file(partial(open_beneath, root, path), path)

    def _file(self, open_it: Callable[[], int], path: str) -> None:
        try:
            opened = open_it()
        except OSError as error:
            self._leave_out(error)
            return
        with os.fdopen(opened, "rb", buffering=0) as source:
            status = os.fstat(source.fileno())
            if not stat.S_ISREG(status.st_mode):
                return
            self._count(status.st_size)
            with (self._to / path).open("xb", buffering=0) as target:
                left = status.st_size
                while left > 0 and (piece := source.read(min(left, _PIECE))):
                    target.write(piece)
                    left -= len(piece)
                os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode) & 0o777)
        os.utime(self._to / path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _link(self, parent: int, name: str, path: str) -> None:
        leads = os.readlink(name, dir_fd=parent)
        self._count(0)
        with contextlib.suppress(OSError):  # a file system may have none
            (self._to / path).symlink_to(moved(leads, self._root, self._to))

    def _count(self, n_bytes: int) -> None:
        self.n_files += 1
        self.n_bytes += n_bytes
        if self.n_files > self._limits.n_files or self.n_bytes > self._limits.n_bytes:
            raise InputError(
                "The project is too large to be copied.",
                why=f"a copy may have {self._limits.n_files} files and "
                f"{self._limits.n_bytes // 1_000_000} MB",
                next_step="put what is no source into .gitignore, or leave out --verify-with",
            )

    def _leave_out(self, error: OSError) -> None:
        if error.errno == errno.EMFILE:
            raise error
        self.n_left_out += 1


def moved(path: str, root: Path, to: Path) -> str:
    """An absolute path that lies in the project as it is in the copy; any other as it is."""
    normal = Path(os.path.normpath(path))
    if not normal.is_absolute() or not normal.is_relative_to(root):
        return path
    return str(to / normal.relative_to(root))
