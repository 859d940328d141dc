"""The gateway's and its resolver's own lock-down, on top of what they inherit from the launcher.

The launcher's filter leaves room for both. Each gives up what it does not need itself before it
reads anything of others, then tries it: a state other than "unproven" says that the kernel was seen
to refuse.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from indoors_server import landlock, role_files, seccomp
from indoors_server.landlock import Files
from indoors_server.lockdown import LockState

_PR_SET_DUMPABLE = 4
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _AF_PACKET, _AF_VSOCK = 1, 2, 10, 16, 17, 40
_STREAM, _DGRAM, _RAW = 1, 2, 3
_SCTP = 132
_DNS_PORT = 53


def is_inherited() -> bool:
    """Whether a launcher's filter is on this process already, and nobody types at it."""
    if sys.platform != "linux" or os.isatty(0) or os.isatty(1):
        return False
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return (fields.get("Seccomp"), fields.get("NoNewPrivs")) == ("2", "1")


def refuse_to_run() -> int:
    """Say on stderr that this process is for the launcher alone; its exit status."""
    print("indoors gateway: is started by the launcher only", file=sys.stderr)  # noqa: T201
    return 2


def keep_private() -> None:
    """No core, and no look into our memory from another process of this user: it will hold keys."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(errno.EPERM, "other processes of this user could read our memory")


def apply_gateway(ports: Sequence[int]) -> LockState:
    """Lock the gateway, which will connect to `ports` only (where Landlock can tell them).

    The event loop and all that is read at the beginning must be there. Never raises.
    """
    return _apply("gateway", seccomp.gateway_rules, ports, _GATEWAY_SHUT)


def apply_resolver() -> LockState:
    """Lock the resolver. Never raises."""
    return _apply("resolver", seccomp.resolver_rules, (_DNS_PORT,), _RESOLVER_SHUT)


def _apply(
    role: str,
    rules: Callable[[seccomp.Machine], tuple[seccomp.Rule, ...]],
    ports: Sequence[int],
    shut: Sequence[tuple[int, int, int]],
) -> LockState:
    target = seccomp.machine()
    if target is None:
        return LockState("unproven", "none", f"no filter is written for {os.uname().machine}")
    if (n_threads := threading.active_count()) != 1:
        # Landlock's rules would leave the others outside.
        return LockState("unproven", "none", f"{n_threads} threads exist already")
    files = role_files.files_of(role, []) or Files(None, ())
    try:
        keep_private()
        abi = landlock.restrict(files, ports=tuple(sorted({*ports})))
        seccomp.install(seccomp.assemble(rules(target), target), target)
    except OSError as error:
        return LockState("unproven", "none", f"the kernel refused: {error.strerror}")
    mechanism = f"seccomp-bpf on {target.name}, all threads, no_new_privs"
    mechanism += f", Landlock {abi}" if abi else ""
    if failure := _self_test(shut) or (_file_test() if abi else ""):
        return LockState("unproven", mechanism, failure)
    if abi:
        return LockState("enforced", mechanism, "")
    return LockState("network enforced, files not", mechanism, "this kernel has no Landlock")


_SHUT = (
    (_AF_UNIX, _STREAM, 0), (_AF_UNIX, _DGRAM, 0), (_AF_NETLINK, _RAW, 0), (_AF_PACKET, _DGRAM, 0),
    (_AF_VSOCK, _STREAM, 0), (_AF_INET, _RAW, 1), (_AF_INET, _STREAM, _SCTP),
)  # fmt: skip
_GATEWAY_SHUT = (*_SHUT, (_AF_INET, _DGRAM, 0), (_AF_INET6, _DGRAM, 0))
_RESOLVER_SHUT = _SHUT


def _self_test(shut: Sequence[tuple[int, int, int]]) -> str:
    """Try what is shut; "" when each is refused as the filter refuses it."""
    libc = ctypes.CDLL(None, use_errno=True)
    for family, kind, protocol in shut:
        descriptor = libc.socket(family, kind, protocol)
        if descriptor >= 0:
            os.close(descriptor)
        if descriptor >= 0 or ctypes.get_errno() != errno.EPERM:
            return f"the filter was accepted, and yet a socket of family {family} was not refused"
    # What is no program is refused by the filter before it is looked at.
    if libc.execve(b"/", None, None) == 0 or ctypes.get_errno() != errno.EPERM:
        return "the filter was accepted, and yet a program could be executed"
    return ""


def _file_test() -> str:
    """Everybody may read this, and neither of the two needs to."""
    try:
        descriptor = os.open("/etc/passwd", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    os.close(descriptor)
    return "the rules about files were accepted, and yet /etc/passwd could be opened"
