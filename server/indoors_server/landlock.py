"""Which files a process may open, by Landlock: what the kernel then refuses to the whole process.

A rule set names the kinds of access that are handled, then the folders and files below which some
of them stay allowed (linux/landlock.h). All that is handled and not allowed is refused, also to
children, and nothing can be given back: a domain cannot be widened. It holds for the thread that
asks and those it starts later, so it is asked for before there are threads. Like `seccomp` this
module is standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Sequence
from typing import NamedTuple

# The same on every architecture (include/uapi/asm-generic/unistd.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

# LANDLOCK_ACCESS_FS_*, by the version of the interface that brought them.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST = (1 << 13) - 1
_READING = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
# LANDLOCK_ACCESS_NET_BIND_TCP and _CONNECT_TCP (version 4): a second lock on a door that the filter
# shuts. LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (version 6) likewise.
_NETWORK, _SCOPED = 0b11, 0b01
_NET_PORT, _CONNECT_TCP = 2, 0b10


class Files(NamedTuple):
    """What stays allowed: paths of folders (with all below them) and of files.

    `read` None allows to read everything. What does not exist is left out.
    """

    read: Sequence[str] | None
    write: Sequence[str]


def version() -> int:
    """The version of the kernel's Landlock; 0 where there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(0, int(found))


def restrict(files: Files, *, shut_network: bool = True, ports: Sequence[int] = ()) -> int:
    """Refuse this thread and its children all other files, for good; the version used.

    With `shut_network` TCP is refused as well, where the version can, but connecting to `ports`. 0
    means that this kernel has no Landlock and nothing is refused. Raises OSError when the kernel
    has it and refuses. Sets no_new_privs.
    """
    abi = version()
    if abi == 0:
        return 0
    handled = _FIRST
    handled |= _REFER if abi >= 2 else 0
    handled |= _TRUNCATE if abi >= 3 else 0
    handled |= _IOCTL_DEV if abi >= 5 else 0
    network, scoped = (_NETWORK, _SCOPED) if shut_network else (0, 0)
    attributes = struct.pack("=QQQ", handled, network * (abi >= 4), scoped * (abi >= 6))
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    libc = ctypes.CDLL(None, use_errno=True)
    rules = _call(libc, "landlock_create_ruleset", _CREATE_RULESET, attributes, size, 0)
    try:
        for path in ("/",) if files.read is None else files.read:
            _allow(libc, rules, path, _READING & handled)
        for path in files.write:
            _allow(libc, rules, path, handled)
        for port in ports if shut_network and abi >= 4 else ():
            there = struct.pack("=QQ", _CONNECT_TCP, port)
            _call(libc, "landlock_add_rule", _ADD_RULE, rules, _NET_PORT, there, 0)
        _call(libc, "prctl(PR_SET_NO_NEW_PRIVS)", None, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call(libc, "landlock_restrict_self", _RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return abi


def _allow(libc: ctypes.CDLL, rules: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP):
            return
        raise
    try:
        # The kernel takes no rights of folders for a file.
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _OF_FILES
        beneath = struct.pack("=Qi", access, descriptor)
        _call(libc, "landlock_add_rule", _ADD_RULE, rules, _PATH_BENEATH, beneath, 0)
    finally:
        os.close(descriptor)


def _call(libc: ctypes.CDLL, what: str, number: int | None, *arguments: int | bytes) -> int:
    """A system call by its number, or prctl for None. Raises OSError."""
    values = [
        ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_long(value)
        for value in arguments
    ]
    if number is None:
        result = int(libc.prctl(*values))
    else:
        result = int(libc.syscall(ctypes.c_long(number), *values))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
