"""Which folder's index a command means, and what there is to say about that index.

SQLite is loaded by the functions here and not by the module, so that what imports it stays light.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from indoors_completion.types import IndoorsError, InputError
from indoors_server import paths, private_files

if TYPE_CHECKING:
    from indoors_indexing.selection import Selection
    from indoors_indexing.store_files import Place

# What begins a project when no index says where one begins.
_MARKERS = (".git", ".hg", ".jj")
# What a first pass gets through in a second on two cores that others use too.
_BYTES_PER_S = 2_500_000
# A tree of this size takes a few seconds: nobody has to be asked before it is indexed.
SMALL_BYTES = 10_000_000
_SMALL_FILES = 3000
# Enough to say "that takes minutes"; counting more would keep a person waiting for a number.
_MAX_COUNTED = 50_000


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """What a root's index holds. `age_s` is how long ago it was last brought up to date.

    `state` is "none", "unreadable" (damaged, or of another version: the next pass makes it anew),
    "incomplete" (no pass has ended yet) or "complete". `in_use` says that another process writes it
    now. `skipped` counts the files that were opened and then left out.
    """

    root: str
    state: Literal["none", "unreadable", "incomplete", "complete"]
    files: int = 0
    skipped: int = 0
    lines: int = 0
    definitions: int = 0
    bytes: int = 0
    age_s: float = 0.0
    in_use: bool = False


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to index below a root; `is_all` is False if counting was stopped."""

    files: int
    bytes: int
    is_all: bool

    @property
    def is_small(self) -> bool:
        """Whether indexing all of it takes no longer than a person waits without a question."""
        return self.is_all and self.files <= _SMALL_FILES and self.bytes <= SMALL_BYTES

    def duration(self) -> str:
        """How long a first pass takes, in words."""
        seconds = max(1, round(self.bytes / _BYTES_PER_S))
        amount = f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} minutes"
        return f"about {amount}" if self.is_all else f"more than {amount}"


def root_of(named: str) -> Path:
    """The folder that was named, else the project around the working directory.

    Raises InputError, and IndoorsError if there can be no index here.
    """
    try:
        if not named:
            return project_around(Path.cwd())
        folder = Path(named).expanduser()
        if folder.is_dir():
            return folder.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{named or 'The working directory'} cannot be used.",
            why=str(error),
            next_step="name the folder of a project",
        ) from error
    raise InputError(f"{named} is not a folder.", next_step="name the folder of a project")


def project_around(here: Path) -> Path:
    """The nearest folder, from `here` upwards, that has an index or begins a project, else `here`.

    The home directory and the top of the file system only count where a person stands in them: a
    repository of dot files must not make everything at home one project.
    """
    cache = paths.cache_dir()
    for folder in (here, *here.parents):
        if folder != here and folder in (Path.home(), Path(folder.anchor)):
            break
        if _place(folder, cache).database.is_file():
            return folder
        if _begins_project(folder):
            return folder
    return here


def _begins_project(folder: Path) -> bool:
    try:
        return any((folder / marker).exists() for marker in _MARKERS)
    except OSError:
        return False  # a folder above that may not be looked into


def look(root: Path) -> IndexState:
    """What the index of `root` holds; nothing is changed.

    Raises IndoorsError if there can be no index here.
    """
    place = _place(root, paths.cache_dir())
    from indoors_indexing import store_files
    from indoors_indexing.store_read import Reader

    shown = private_files.show(root)
    try:
        if not place.database.is_file():
            return IndexState(root=shown, state="none")
        age_s = max(0.0, time.time() - _changed_s(place))
    except OSError:
        return IndexState(root=shown, state="unreadable")
    in_use = _in_use(place)
    size = store_files.size_of(place.database)
    with Reader(place.database) as reader:
        if not reader.is_there():
            return IndexState(root=shown, state="unreadable", bytes=size, in_use=in_use)
        counts = reader.counts()
    return IndexState(
        root=shown,
        state="complete" if counts.is_complete else "incomplete",
        files=counts.n_files,
        skipped=counts.n_skipped,
        lines=counts.n_lines,
        definitions=counts.n_definitions,
        bytes=size,
        age_s=age_s,
        in_use=in_use,
    )


def describe(state: IndexState) -> str:
    """An index on one line."""
    if state.state == "none":
        return "none for this folder yet"
    if state.state == "unreadable":
        if state.in_use:
            return "cannot be read while another process writes it"
        return "cannot be read: it is made anew with the next search"
    size = f"{state.bytes / 1e6:.1f} MB"
    text = f"{state.files:,} files, {state.lines:,} lines, {size}, {age(state.age_s)}"
    if state.state == "incomplete":
        text += ", being built" if state.in_use else ", not complete"
    return text


def age(seconds: float) -> str:
    """How long ago something was, as people say it."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def check_readable(root: Path) -> None:
    """Raise InputError if the folder cannot be opened."""
    from indoors_indexing.reading import open_root

    try:
        os.close(open_root(str(root)))
    except OSError as error:
        raise InputError(
            f"{private_files.show(root)} cannot be read.",
            why=error.strerror or "",
            next_step="name a folder that you may read",
        ) from error


def count(root: Path, selection: Selection) -> Census:
    """Count what there is to index below `root`. Raises InputError if it cannot be read."""
    from indoors_indexing.scan import Scan, Unreadable, walk

    check_readable(root)
    scan = Scan()
    n_files = n_bytes = 0
    with contextlib.suppress(Unreadable):  # gone since
        for found in walk(str(root), scan, selection):
            n_files += 1
            n_bytes += found.size
            if n_files >= _MAX_COUNTED:
                break
    return Census(files=n_files, bytes=n_bytes, is_all=scan.is_complete)


def have_rebuilt(root: Path, within_s: float) -> bool:
    """Ask whoever writes the index of `root` to make it anew; whether that was heard in time."""
    from indoors_indexing import store_files

    place = _place(root, paths.cache_dir())
    try:
        store_files.ask_to_rebuild(place)
        end = time.monotonic() + within_s
        while place.wish.exists():
            if time.monotonic() >= end:
                # Not heard: what is left here would be a surprise for a later server. If it is gone
                # by now, it was heard at the last moment.
                return not store_files.take_wish(place)
            time.sleep(0.05)
    except OSError:
        return False
    return True


def check_store() -> None:
    """Make an index in a place of its own. Raises IndoorsError if that does not work."""
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            _place(place, place)
            from indoors_indexing.store import StoreUnavailable, Writer

            try:
                with Writer.open(place, place) as writer:
                    writer.complete()
            except StoreUnavailable as error:
                raise no_index(f"SQLite has no full-text search: {error}") from error
    except OSError as error:
        raise IndoorsError(
            "Whether an index can be kept here could not be tried.",
            why=f"no temporary folder can be made: {error.strerror}",
            next_step="free some space",
        ) from error


def no_index(why: str) -> IndoorsError:
    """What is said where this Python cannot keep an index at all."""
    return IndoorsError(
        "There can be no index with this Python.",
        why=why,
        next_step="install Indoors with another Python (python.org's, uv's or the distribution's)",
    )


def _place(root: Path, cache: Path) -> Place:
    try:
        from indoors_indexing import store_files
    except ImportError as error:
        # Python can be built without SQLite.
        raise no_index(str(error)) from error
    return store_files.place_of(root, cache)


def _changed_s(place: Place) -> float:
    """When the database was last written: a change may still lie in the log beside it."""
    times = [place.database.stat().st_mtime]
    log = Path(f"{place.database}-wal")
    if log.exists():
        times.append(log.stat().st_mtime)
    return max(times)


def _in_use(place: Place) -> bool:
    """Whether another process holds the writer's lock."""
    from indoors_indexing import store_files

    try:
        if not place.lock.is_file():
            return False
        held = store_files.lock(place.lock)
    except OSError:
        return False
    if held is None:
        return True
    os.close(held)
    return False
