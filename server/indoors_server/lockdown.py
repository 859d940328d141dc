"""The kernel lock-down of our processes: what makes "no code leaves this machine" enforced.

`apply` runs first in every process that sees code, before anything heavy is imported and before a
thread exists. On Linux it installs the filter of `seccomp` (inherited by every child, never to be
taken off) and Landlock's rules about files (`role_files`), closes sockets that came with the
process, and then tries the ways out itself: the state it returns says what the kernel was seen to
refuse, not what was asked of it. Where the rules about files do not hold, the state says so.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Literal, NamedTuple

from indoors_server import landlock, role_files, seccomp
from indoors_server.landlock import Files

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Iterable, Sequence


class LockState(NamedTuple):
    """How far the kernel enforces "no code leaves this machine" for this process."""

    state: Literal["enforced", "network enforced, files not", "unproven"]
    mechanism: str
    reason: str


_SERVER_READS = "the server reads what you can; the engine and the indexer do not"
# The exit status of a process that a strict policy keeps from running (EX_CONFIG of sysexits.h).
UNPROVEN_STATUS = 78
_STRENGTH = {"unproven": 0, "network enforced, files not": 1, "enforced": 2}
_state = LockState("unproven", "none", "not applied yet")
_applied = False

_AF_UNIX, _SOCK_STREAM, _SOCK_DGRAM, _AF_INET = 1, 1, 2, 2
_PR_SET_DUMPABLE = 4


def apply(role: str, arguments: Sequence[str] = ()) -> LockState:
    """Lock this process down for `role` and return the state reached; never raises.

    `role` is "serve", "worker", "indexer" or "cli", started with `arguments`, which say what the
    files are that it needs. All get the same filter. A second call changes nothing: what was
    applied cannot be taken off.
    """
    global _state, _applied
    if not _applied:
        _applied = True
        try:
            _state = _lock(role, list(arguments))
        except Exception as error:  # noqa: BLE001 - the editor is told the state; it must start
            _state = LockState("unproven", "none", f"the lock-down failed: {error}")
    return _state


def refuse_to_run() -> int:
    """Say on stderr why this process ends under a strict policy; its exit status."""
    text = (
        "indoors: the policy is strict, and the lock-down is not proven here "
        f"({_state.reason or _state.mechanism}). Nothing was started. Next: indoors doctor"
    )
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - an editor shows stderr in its log
    return UNPROVEN_STATUS


def state() -> LockState:
    """The state that `apply` reached in this process."""
    return _state


def least(states: Iterable[str]) -> str:
    """The weakest of some states, which is what holds for all of them together.

    "" stands for a process that has not said yet, and counts for nothing; with no state at all
    nothing is proven.
    """
    said = [one for one in states if one]
    return min(said, key=lambda one: _STRENGTH.get(one, 0), default="unproven")


def _lock(role: str, arguments: list[str]) -> LockState:
    if sys.platform == "linux":
        return _lock_linux(role, arguments)
    if sys.platform == "darwin":
        return _lock_macos()
    return LockState("unproven", "none", "not enforced by this system; use WSL2 on Windows")


def _lock_linux(role: str, arguments: list[str]) -> LockState:
    import ctypes

    target = seccomp.machine()
    if target is None:
        return LockState("unproven", "none", f"no filter is written for {os.uname().machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    _keep_private()
    files = role_files.files_of(role, arguments)
    abi, notes = _restrict_files(role, files)
    # The server reads what its user opens, wherever that is; it writes in our folders only.
    are_held = bool(abi and files is not None and (files.read is not None or role == "serve"))
    # Not dumpable: no core reaches a crash handler, and no other process of this user can read
    # our memory. A process may still open its own /proc/self/fd/N (a test shows it).
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        notes.append("other processes of this user can read this one's memory")
    if count := _shed_inherited(libc):
        notes.append(f"{count} inherited socket{'s' if count > 1 else ''} closed")
    program = seccomp.assemble(seccomp.rules(target), target)
    try:
        seccomp.install(program, target)
    except OSError as error:
        return LockState("unproven", "none", f"the kernel refused the filter: {error.strerror}")
    mechanism = f"seccomp-bpf on {target.name}, all threads, no_new_privs"
    mechanism += f", Landlock {abi}" if abi else ""
    if failure := _self_test(libc, target) or (_file_test(files) if files and abi else ""):
        return LockState("unproven", mechanism, failure)
    if are_held:
        return LockState("enforced", mechanism, "; ".join(notes))
    return LockState("network enforced, files not", mechanism, "; ".join(notes))


def _restrict_files(role: str, files: Files | None) -> tuple[int, list[str]]:
    """Apply Landlock; its version (0: not applied) and what stays open."""
    if files is None:
        return 0, ["reading and writing files is not restricted"]
    try:
        abi = landlock.restrict(files)
    except OSError as error:
        return 0, [f"reading and writing files is not restricted ({error.strerror})"]
    if abi == 0:
        return 0, ["reading and writing files is not restricted: this kernel has no Landlock"]
    if files.read is not None:
        return abi, []
    return abi, [_SERVER_READS if role == "serve" else "reading files is not restricted"]


def _file_test(files: Files) -> str:
    """Try what is not allowed; "" when the kernel refuses it. Everybody may open both otherwise."""
    attempts = [("/dev/full", os.O_WRONLY)]
    attempts += [("/etc/passwd", os.O_RDONLY)] if files.read is not None else []
    for path, flags in attempts:
        # Who works on /etc may read it.
        if any(f"{path}/".startswith(f"{one.rstrip('/')}/") for one in files.read or ()):
            continue
        try:
            descriptor = os.open(path, flags | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except PermissionError:
            continue
        os.close(descriptor)
        return f"the rules about files were accepted, and yet {path} could be opened"
    return ""


def _keep_private() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)


def _shed_inherited(libc: ctypes.CDLL) -> int:
    """Close what we were started with and could send through; the number closed.

    Editors start servers on pipes or (Node, Neovim) on connected AF_UNIX stream pairs as
    descriptors 0 to 2: those stay. Any other socket is an open door that no filter on socket() or
    connect() shuts. It is closed and not refused, because descriptors leak into children by
    accident, from terminals and test runners, and a server that will not start helps nobody.
    """
    closed = 0
    for descriptor in _open_descriptors():
        try:
            if not _is_exit(descriptor) or (
                descriptor <= 2 and _is_connected_stream(libc, descriptor)
            ):
                continue
        except OSError:
            continue  # the descriptor of the directory that was listed
        if descriptor > 2:
            os.close(descriptor)
        else:
            # The number stays taken, or the next file opened would become stdin or stdout.
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, descriptor)
            os.close(null)
        closed += 1
    return closed


def _open_descriptors() -> list[int]:
    try:
        # os and not pathlib here: nothing more is imported before the filter than it needs.
        return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    except OSError:
        # No /proc: ask for each number that can be open.
        limit = os.sysconf("SC_OPEN_MAX")
        return list(range(limit if 0 < limit < 1 << 20 else 1 << 20))


def _is_exit(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return True
    if stat.S_IFMT(mode) != 0:
        return False
    # An anonymous inode: a ring that a kernel thread polls works without any call of ours.
    return "io_uring" in os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115


def _is_connected_stream(libc: ctypes.CDLL, descriptor: int) -> bool:
    import ctypes

    so_type, so_domain = 3, 39  # asm-generic/socket.h; SOL_SOCKET is 1
    value, size = ctypes.c_int(), ctypes.c_int(4)
    for option, wanted in ((so_domain, _AF_UNIX), (so_type, _SOCK_STREAM)):
        if libc.getsockopt(descriptor, 1, option, ctypes.byref(value), ctypes.byref(size)) != 0:
            return False
        if value.value != wanted:
            return False
    address, size = ctypes.create_string_buffer(128), ctypes.c_int(128)
    return bool(libc.getpeername(descriptor, address, ctypes.byref(size)) == 0)


def _self_test(libc: ctypes.CDLL, target: seccomp.Machine) -> str:
    """Try the ways out; "" when each is refused as the filter refuses it, else what is wrong.

    A descriptor of -1 makes the calls harmless, and without the filter the error is another one.
    """
    import ctypes

    long, null = ctypes.c_long, ctypes.c_void_p(None)
    some = ctypes.create_string_buffer(16)
    ring = long(target.numbers["io_uring_setup"])
    attempts: tuple[tuple[str, int, Callable[[], int]], ...] = (
        ("an internet socket", errno.EPERM, lambda: libc.socket(_AF_INET, _SOCK_STREAM, 0)),
        ("a datagram socket", errno.EPERM, lambda: libc.socket(_AF_UNIX, _SOCK_DGRAM, 0)),
        ("connect", errno.EPERM, lambda: libc.connect(-1, some, 16)),
        ("sendto", errno.EPERM, lambda: libc.sendto(-1, some, long(0), 0, some, 16)),
        ("sendmsg", errno.EPERM, lambda: libc.sendmsg(-1, null, 0)),
        ("recvmsg", errno.EPERM, lambda: libc.recvmsg(-1, null, 0)),
        ("io_uring", errno.ENOSYS, lambda: libc.syscall(ring, long(0), null)),
    )
    for what, expected, attempt in attempts:
        result = attempt()
        if result >= 0 or ctypes.get_errno() != expected:
            if result > 2:
                os.close(result)
            return f"the filter was accepted, and yet the kernel did not refuse {what}"
    pair = (ctypes.c_int * 2)()
    if libc.socketpair(_AF_UNIX, _SOCK_STREAM, 0, pair) != 0:
        return "the filter refuses the socket pair that the event loop needs"
    os.close(pair[0])
    os.close(pair[1])
    return ""


def _lock_macos() -> LockState:
    """Seatbelt: `sandbox_init` with a profile string, deprecated by Apple and still in use.

    Nobody has run this on a Mac for us, so the state stays "unproven" whatever the call returns.
    """
    import ctypes

    _keep_private()
    system = ctypes.CDLL("/usr/lib/libSystem.B.dylib", use_errno=True)
    profile, message = b"(version 1)(allow default)(deny network*)", ctypes.c_char_p()
    if system.sandbox_init(profile, ctypes.c_uint64(0), ctypes.byref(message)) != 0:
        text = (message.value or b"no reason given").decode(errors="replace")
        return LockState("unproven", "none", f"Seatbelt refused the profile: {text}")
    return LockState("unproven", "Seatbelt, deny network*", "untested on this system")
