"""Opening a file below an open folder so that nothing on the way can lead anywhere else.

openat2(2) does it in one call and in the kernel: no link is followed, be it the last name or a
folder on the way, no magic link of /proc, and `..` does not get above the folder. Where there is no
such call (Linux before 5.6, other systems, a sandbox that refuses it) each folder on the way is
opened by itself without following links, which gives the same answers for more calls.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
import sys
from collections.abc import Callable

_SYSTEM_CALL = 437  # on x86-64 and on aarch64: new calls have one number on all machines
_MACHINES = frozenset({"x86_64", "aarch64"})
# linux/openat2.h
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_RESOLVE = _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH

# What Windows lacks is nothing there; it has no way of opening below a folder in any case.
_NOFOLLOW, _DIRECTORY = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_DIRECTORY", 0)
FOLDER = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | _NOFOLLOW | _DIRECTORY
# A pipe must not block us, and a terminal must not become ours.
FILE = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | _NOFOLLOW
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)

# Opens a path below a folder with flags.
Open = Callable[[int, str, int], int]


class _How(ctypes.Structure):
    """`struct open_how`."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def is_inside(path: str) -> bool:
    """Whether a relative posix path is spelled in the one way that we take: names, each a real one.

    Everything else is refused before the kernel is asked, so that both ways of opening agree.
    """
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def open_beneath(folder: int, path: str, flags: int = FILE) -> int:
    """Open `path` (relative, posix, `is_inside`) below an open folder. Raises OSError.

    ELOOP stands for a link anywhere on the way.
    """
    return _the_way()(folder, path, flags)


def open_stepwise(folder: int, path: str, flags: int = FILE) -> int:
    """The same, one folder after the other."""
    *folders, name = path.split("/")
    at, opened = folder, list[int]()
    try:
        for each in folders:
            at = _open_folder(each, at)
            opened.append(at)
        return _open_folder(name, at) if flags & _DIRECTORY else os.open(name, flags, dir_fd=at)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _open_folder(name: str, parent: int) -> int:
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except NotADirectoryError:
        # A link and a file are refused alike here; openat2 tells one from the other.
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise


@functools.cache
def _the_way() -> Open:
    """Decided once: what a kernel or a sandbox refuses now, it refuses later."""
    return openat2() or open_stepwise


def openat2() -> Open | None:
    """The system call as a function, None where this process cannot use it."""
    if sys.platform != "linux" or os.uname().machine not in _MACHINES or sys.maxsize < 2**32:
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):
        return None
    call.restype = ctypes.c_long
    call.argtypes = (
        ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t,
    )  # fmt: skip

    def attempt(folder: int, path: bytes, flags: int) -> int:
        # Without O_NOFOLLOW, which answers ENOTDIR for a link to a folder: `_NO_SYMLINKS` says it.
        how = _How(flags & ~_NOFOLLOW, 0, _RESOLVE)
        while True:
            found = call(_SYSTEM_CALL, folder, path, ctypes.byref(how), ctypes.sizeof(how))
            if found >= 0:
                return int(found)
            if (number := ctypes.get_errno()) != errno.EINTR:
                raise OSError(number, os.strerror(number))

    def open_at_once(folder: int, path: str, flags: int) -> int:
        try:
            return attempt(folder, os.fsencode(path), flags)
        except OSError as error:
            # Longer than one call takes, though no name on the way is; a file of more than 2 GiB,
            # which needs a flag that Python does not know; or a tree that changed under the call.
            if error.errno in (errno.ENAMETOOLONG, errno.EOVERFLOW, errno.EAGAIN):
                return open_stepwise(folder, path, flags)
            raise

    try:
        top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.close(attempt(top, b".", os.O_PATH | os.O_CLOEXEC))
    except OSError:
        return None  # ENOSYS from an old kernel, EPERM from a sandbox
    finally:
        os.close(top)
    return open_at_once
