"""The launcher's own lock-down: all of ours that what it starts can live with.

A filter and Landlock's rules pass to every child for good, so the launcher cannot have the
server's: a gateway needs a socket. It gives up everything else before it imports or reads anything,
and it does not run where the kernel cannot do that. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Sequence

from indoors_server import landlock, role_files, seccomp

_PR_SET_DUMPABLE = 4
_SO_DOMAIN, _SO_TYPE, _SOL_SOCKET, _AF_UNIX, _SOCK_STREAM = 39, 3, 1, 1, 1


class NotLocked(Exception):
    """The kernel cannot do what the launcher must not run without; the message says what."""


def apply(kept: Sequence[int]) -> None:
    """Lock this process down; only descriptors 0 to 2 and `kept` stay open. Raises NotLocked."""
    target = seccomp.machine()
    if target is None:
        raise NotLocked(f"no filter is written for {os.uname().machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    _keep_private()
    _close_others(libc, kept)
    files = role_files.files_of("launcher", [])
    try:
        if files is not None:
            # 0 on a kernel without Landlock, where the server's files are not restricted either.
            landlock.restrict(files, shut_network=False)
        program = seccomp.assemble(seccomp.launcher_rules(target), target)
        seccomp.install(program, target)
    except OSError as error:
        raise NotLocked(f"the kernel refused: {error.strerror}") from error
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise NotLocked("other processes of this user could read its memory")


def _keep_private() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)


def _close_others(libc: ctypes.CDLL, kept: Sequence[int]) -> None:
    """Close what nobody meant to give us. stderr may be the editor's stream, and no other socket:
    what we start inherits it, and could send through it.
    """
    first = 3
    for descriptor in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(first, descriptor)
        first = descriptor + 1
    if stat.S_ISSOCK(os.fstat(2).st_mode) and not _is_editors_stream(libc, 2):
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 2)
        os.close(null)


def _is_editors_stream(libc: ctypes.CDLL, descriptor: int) -> bool:
    """Whether it is a connected AF_UNIX stream: Node and Neovim start their children on such."""
    value, size = ctypes.c_int(), ctypes.c_int(4)
    for option, wanted in ((_SO_DOMAIN, _AF_UNIX), (_SO_TYPE, _SOCK_STREAM)):
        there = (ctypes.byref(value), ctypes.byref(size))
        if libc.getsockopt(descriptor, _SOL_SOCKET, option, *there) or value.value != wanted:
            return False
    address, size = ctypes.create_string_buffer(128), ctypes.c_int(128)
    return bool(libc.getpeername(descriptor, address, ctypes.byref(size)) == 0)
