"""Reading the layers' files, and whether a machine's file can be trusted.

A machine's policy counts only if nobody but its owner (root) could have written it: every folder
from the top down to the file belongs to the owner, only the owner can write it, and none is a
link. Each step opens the next name inside the folder that was just checked and looks at what was
opened, so nothing can be exchanged between the check and the reading.

Windows has neither owners by number nor that way of opening: there files are read, not checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from indoors_indexing import reading
from indoors_server import paths
from indoors_server.policy import layers
from indoors_server.policy.layers import MAX_BYTES, Layer

FILE = "policy.json"
FOLDER = "policy.d"
WORKSPACE_FILE = ".indoors.json"
MAX_FILES = 100

_CHECKED = sys.platform != "win32"
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A pipe must not block us; a link must not lead elsewhere.
_READ_FILE = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_READ_FOLDER = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
# To look at and to go through: the launcher may not list `/`.
_PASS_FOLDER = _READ_FOLDER | getattr(os, "O_PATH", 0)
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class MachinePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a machine's policy lies, and the user id that must own it and all above it up to `top`.

    Tests have places of their own; no setting or environment variable can name one.
    """

    directory: Path
    owner: int = 0
    top: Path = Path("/")


class Tampered(Exception):
    """Somebody other than the owner may have written it; the message completes "file: ..."."""


def machine_place() -> MachinePlace:
    """This system's place."""
    if sys.platform == "win32":
        return MachinePlace(directory=_program_data() / "Indoors")
    if sys.platform == "darwin":
        return MachinePlace(directory=Path("/Library/Application Support/Indoors"))
    return MachinePlace(directory=Path("/etc/indoors"))


def user_file() -> Path:
    """The person's own policy."""
    return paths.config_dir() / FILE


def machine_layers(place: MachinePlace | None = None) -> tuple[Layer, ...]:
    """One layer for `policy.json` and one for each `policy.d/*.json`, in the order of names.

    A file or folder that is not there is no layer. Never raises: what cannot be read or trusted is
    a layer that is held to `local` and strict.
    """
    place = place or machine_place()
    found: list[Layer] = []
    try:
        # Where nobody made a policy it does not matter who owns `/` (in some sandboxes, nobody).
        place.directory.lstat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (_bad(place.directory, error),)
    with _machine_folder(place, found) as folder:
        if folder is None:
            return tuple(found)
        found += _machine_file(place, folder, place.directory / FILE)
        listed = place.directory / FOLDER
        with _descend(place, folder, listed, found, _READ_FOLDER) as extra:
            if extra is not None:
                found += _machine_files(place, extra, place.directory / FOLDER)
    return tuple(found)


def user_layer(file: Path | None = None) -> Layer:
    """The layer of the person's own file; without one, an empty layer. Never raises."""
    file = file or user_file()
    name = str(file)
    try:
        # People keep such files under version control, and a link to where that is.
        stream, status = _open(file.resolve())
        with stream:
            if _CHECKED and status.st_mode & stat.S_IWOTH:
                step = f"look at what it says, then: chmod o-w {name}"
                return layers.invalid("user", name, "can be written by everybody", next_step=step)
            if _CHECKED and status.st_uid not in (0, os.geteuid()):
                return layers.invalid("user", name, "belongs to another user")
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Layer(name="user", file=name)
    except (OSError, RuntimeError, Tampered) as error:
        return layers.invalid("user", name, _why(error))
    return layers.from_bytes("user", name, raw)


class Unusable(Exception):
    """A file that is there and does not count; the message completes "file: ..."."""


def read_machine(name: str, place: MachinePlace | None = None) -> bytes | None:
    """Another file beside the machine's policy, checked as that is; None if it is not there.

    Raises Unusable.
    """
    place = place or machine_place()
    if not place.directory.exists():
        return None
    found: list[Layer] = []
    try:
        with _machine_folder(place, found) as folder:
            if folder is None:
                if found:
                    raise Unusable(found[0].problems[0].what)
                return None
            path = place.directory / name
            stream, status = _open(name, folder) if _CHECKED else _open(path)
            with stream:
                if _CHECKED:
                    _check_owner(status, place)
                return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, Tampered) as error:
        prefix = "TAMPERED: " if isinstance(error, Tampered) or _is_link(error) else ""
        raise Unusable(prefix + _why(error)) from error


def read_user(file: Path) -> bytes | None:
    """Another file beside the person's policy, with what is asked of that; None if not there.

    Raises Unusable.
    """
    try:
        stream, status = _open(file.resolve())
        with stream:
            if _CHECKED and status.st_mode & stat.S_IWOTH:
                raise Unusable("can be written by everybody")
            if _CHECKED and status.st_uid not in (0, os.geteuid()):
                raise Unusable("belongs to another user")
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, Tampered) as error:
        raise Unusable(_why(error)) from error


def workspace_layer(folder: Path) -> Layer:
    """The layer of a workspace folder's `.indoors.json`; without one, an empty layer.

    It arrives with a repository, so it may be anything; what cannot be read may have been meant to
    forbid, and is held to `local`. Never raises or blocks.
    """
    name = str(folder / WORKSPACE_FILE)
    try:
        raw = reading.read_rules(str(folder), WORKSPACE_FILE, MAX_BYTES)
    except reading.Unreadable as error:
        if error.reason == "gone":
            return Layer(name="workspace", file=name)
        size = f"is larger than {MAX_BYTES} bytes"
        what = size if error.reason == "size" else f"cannot be read ({error.why})"
        return layers.invalid("workspace", name, what)
    return layers.from_section("workspace", name, raw)


def editor_layer(settings: object) -> Layer:
    """The layer of an editor's settings, as they came. Never raises."""
    return layers.from_settings("editor", "", settings)


# --- a machine's files --------------------------------------------------------------------------


@contextlib.contextmanager
def _machine_folder(place: MachinePlace, found: list[Layer]) -> Iterator[int | None]:
    """The open, checked folder; None if it is not there, or bad, which `found` then says."""
    with contextlib.ExitStack() as stack:
        at: int | None = stack.enter_context(_descend(place, None, place.top, found))
        path = place.top
        for name in place.directory.relative_to(place.top).parts if _CHECKED else ():
            path /= name
            at = at if at is None else stack.enter_context(_descend(place, at, path, found))
        if not _CHECKED and at is not None:
            at = 0 if place.directory.is_dir() else None
        yield at


@contextlib.contextmanager
def _descend(
    place: MachinePlace,
    parent: int | None,
    path: Path,
    found: list[Layer],
    flags: int = _PASS_FOLDER,
) -> Iterator[int | None]:
    """The folder `path`, by its name in the open folder `parent` (None: by its path)."""
    if not _CHECKED:
        yield 0 if path.is_dir() else None
        return
    descriptor: int | None = None
    try:
        name = str(path) if parent is None else path.name
        descriptor = os.open(name, flags, dir_fd=parent)
        _check_owner(os.fstat(descriptor), place)
    except FileNotFoundError:
        pass  # no folder, no layer
    except (OSError, Tampered) as error:
        found.append(_bad(path, error))
        if descriptor is not None:
            os.close(descriptor)
        descriptor = None
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _machine_files(place: MachinePlace, folder: int, path: Path) -> list[Layer]:
    try:
        # By descriptor: the folder that was checked, whatever the path leads to by now.
        listed = os.listdir(folder if _CHECKED else path)  # noqa: PTH208
    except OSError as error:
        return [_bad(path, error)]
    # Editors and package managers leave copies behind, hidden or with another ending.
    names = sorted(name for name in listed if name.endswith(".json") and name[0] != ".")
    if len(names) > MAX_FILES:
        return [layers.invalid("machine", str(path), f"has more than {MAX_FILES} files")]
    return [layer for name in names for layer in _machine_file(place, folder, path / name)]


def _machine_file(place: MachinePlace, folder: int, path: Path) -> list[Layer]:
    try:
        stream, status = _open(path.name, folder) if _CHECKED else _open(path)
        with stream:
            if _CHECKED:
                _check_owner(status, place)
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except (OSError, Tampered) as error:
        return [_bad(path, error)]
    return [layers.from_bytes("machine", str(path), raw)]


def _check_owner(status: os.stat_result, place: MachinePlace) -> None:
    if status.st_uid != place.owner:
        who = "root" if place.owner == 0 else f"user {place.owner}"
        raise Tampered(f"belongs to user {status.st_uid}, not to {who}")
    if status.st_mode & _WRITABLE_BY_OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise Tampered(f"can be written by others than its owner (mode {mode:o})")


def _open(path: str | Path, folder: int | None = None) -> tuple[BinaryIO, os.stat_result]:
    """A regular file, never through a link, and what it is. Raises OSError and Tampered."""
    descriptor = os.open(path, _READ_FILE, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Tampered("is not a regular file")
        return os.fdopen(descriptor, "rb"), status
    except BaseException:
        os.close(descriptor)
        raise


def _bad(path: Path, error: Exception) -> Layer:
    prefix = "TAMPERED: " if isinstance(error, Tampered) or _is_link(error) else ""
    step = (
        "ask who looks after this machine to put it right "
        f"(owner root, no link, chmod go-w,a+r), then: indoors policy check {path}"
    )
    return layers.invalid("machine", str(path), prefix + _why(error), next_step=step)


def _is_link(error: Exception) -> bool:
    # O_NOFOLLOW answers ELOOP; with O_DIRECTORY a link, or a file, is ENOTDIR.
    return isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.ENOTDIR)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        if error.errno == errno.ELOOP:
            return "is a symbolic link"
        if error.errno == errno.ENOTDIR:
            return "is a symbolic link, or no folder where one must be"
        return f"cannot be read ({error.strerror})"
    return str(error)


def _program_data() -> Path:
    """Windows' folder for all users, from the registry: a user can change the variable's value."""
    fallback = Path("C:\\ProgramData")
    if sys.platform != "win32":
        return fallback
    import winreg

    name = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\Shell Folders"
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, name) as key:
            return Path(winreg.QueryValueEx(key, "Common AppData")[0])
    except OSError:
        return fallback
