"""The system-call filter: a table of rules, and its assembly into a seccomp program.

A filter that looks at `socket()` alone proves nothing: io_uring, the 32-bit system calls, and
messages that carry an address each reach a socket without it. So the table names every way out,
and one rule can be taken away at a time: tests/server/lockdown removes each in turn and shows
what then gets through.

The program is classic BPF over the kernel's `struct seccomp_data` (linux/seccomp.h): the number of
the call, the architecture, and the six arguments as pairs of 32-bit words. It cannot follow a
pointer, so what hides behind one (an address, an io_uring entry, the flags of clone3) is refused
whole. This module is standard library only and imports on every system.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

# Actions (linux/seccomp.h). An errno goes into the low 16 bits of RET_ERRNO.
_RET_KILL_PROCESS = 0x80000000
_RET_ERRNO = 0x00050000
_RET_ALLOW = 0x7FFF0000
DENY = _RET_ERRNO | errno.EPERM
ABSENT = _RET_ERRNO | errno.ENOSYS  # libraries then take the path of a kernel without the call
KILL = _RET_KILL_PROCESS

# Offsets into struct seccomp_data, in bytes. Both machines below are little-endian.
_NUMBER, _ARCHITECTURE = 0, 4


def _low(argument: int) -> int:
    return 16 + 8 * argument


def _high(argument: int) -> int:
    return 20 + 8 * argument


class Word(NamedTuple):
    """A test of one 32-bit word: (word & mask) is among `values`, or is not.

    Where the kernel takes an `int`, only the low word may be looked at: it ignores the high one,
    and a filter that compares both can be walked around by setting a bit that nobody reads.
    """

    offset: int
    values: tuple[int, ...]
    matches_listed: bool
    mask: int = 0xFFFFFFFF


class Rule(NamedTuple):
    """Calls that get `action` when any word in `any_of` matches; an empty `any_of` is always.

    An empty `calls` means every call.
    """

    name: str
    calls: tuple[str, ...]
    action: int
    any_of: tuple[Word, ...] = ()


class Machine(NamedTuple):
    """An architecture: its AUDIT_ARCH value (linux/audit.h) and its call numbers."""

    name: str
    audit: int
    numbers: dict[str, int]


# Numbers from the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h); a test compares them with the C headers.
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "clone3": 435, "pidfd_getfd": 438,
}  # fmt: skip
X86_64 = Machine("x86_64", 0xC000003E, _COMMON | {
    "ioctl": 16, "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46,
    "recvmsg": 47, "bind": 49, "listen": 50, "socketpair": 53, "clone": 56, "fork": 57,
    "vfork": 58, "execve": 59, "ptrace": 101, "add_key": 248, "request_key": 249,
    "keyctl": 250, "unshare": 272, "accept4": 288, "recvmmsg": 299, "sendmmsg": 307, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "seccomp": 317, "bpf": 321,
    "execveat": 322, "userfaultfd": 323,
})  # fmt: skip
AARCH64 = Machine("aarch64", 0xC00000B7, _COMMON | {
    "ioctl": 29, "unshare": 97, "ptrace": 117, "socket": 198, "socketpair": 199, "bind": 200,
    "listen": 201, "accept": 202, "connect": 203, "sendto": 206, "sendmsg": 211, "recvmsg": 212,
    "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "accept4": 242,
    "recvmmsg": 243, "setns": 268, "sendmmsg": 269, "process_vm_readv": 270,
    "process_vm_writev": 271, "seccomp": 277, "bpf": 280, "execveat": 281, "userfaultfd": 282,
})  # fmt: skip

_AF_UNIX, _SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 1, 5, 0xF
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
_CLONE_NEW_NAMESPACE = 0x7E020000
_X32_BIT = 0x40000000


def machine() -> Machine | None:
    """The architecture of this process, or None where no filter is written for it."""
    if struct.calcsize("P") != 8:
        return None  # a 32-bit interpreter makes the calls of another table
    names = {"x86_64": X86_64, "amd64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}
    return names.get(os.uname().machine.lower())


def rules(target: Machine) -> tuple[Rule, ...]:
    """The filter for `target`, in the order in which the kernel tries it."""
    sockets = ("socket", "socketpair")
    table = [
        # int 0x80 and 32-bit programs count calls differently: nothing below would mean them.
        Rule("architecture", (), KILL, (Word(_ARCHITECTURE, (target.audit,), False),)),
        Rule("x32", (), ABSENT, (Word(_NUMBER, (0,), False, _X32_BIT),)),
        # io_uring opens and connects sockets without any of the calls below.
        Rule("io_uring", ("io_uring_setup", "io_uring_enter", "io_uring_register"), ABSENT),
        # AF_UNIX only: not inet, and neither vsock, netlink, packet nor bluetooth.
        Rule("socket family", sockets, DENY, (Word(_low(0), (_AF_UNIX,), False),)),
        # A datagram socket can send to an address without connecting.
        Rule("socket type", sockets, DENY,
             (Word(_low(1), (_SOCK_STREAM, _SOCK_SEQPACKET), False, _SOCK_TYPE_MASK),)),
        # Every connect: docker.sock and D-Bus are exits as well.
        Rule("connect", ("connect",), DENY),
        # send() is sendto() without an address, and stays.
        Rule("sendto", ("sendto",), DENY,
             (Word(_low(4), (0,), False), Word(_high(4), (0,), False))),
        # An address behind a pointer going out, a descriptor (SCM_RIGHTS) coming in.
        Rule("messages", ("sendmsg", "sendmmsg", "recvmsg", "recvmmsg"), DENY),
        # The memory and the descriptors of a process that has a network.
        Rule("other processes",
             ("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"), DENY),
        Rule("kernel hooks", ("bpf", "userfaultfd"), DENY),
        Rule("namespaces", ("setns", "unshare"), DENY),
        Rule("clone into namespaces", ("clone",), DENY,
             (Word(_low(0), (0,), False, _CLONE_NEW_NAMESPACE),)),
        # Its flags lie behind a pointer; the C library then uses clone.
        Rule("clone3", ("clone3",), ABSENT),
        # request_key can make the kernel start a program that asks a name server.
        Rule("keyrings", ("add_key", "request_key", "keyctl"), DENY),
        # Typing into the user's terminal.
        Rule("terminal input", ("ioctl",), DENY, (Word(_low(1), (_TIOCSTI, _TIOCLINUX), True),)),
    ]  # fmt: skip
    if target is not X86_64:
        table = [rule for rule in table if rule.name != "x32"]
    return tuple(table)


# The launcher's children may need the internet; and who sends there sends messages.
_NETWORK_RULES = ("socket family", "socket type", "connect", "sendto", "messages")
_AF_INET, _AF_INET6, _SOCK_DGRAM = 2, 10, 2


def launcher_rules(target: Machine) -> tuple[Rule, ...]:
    """The filter of the launcher and all that it starts: `rules` with room for a gateway.

    A gateway puts `rules` on what it parses with, and cannot take these off. Open are internet
    sockets, streams and datagrams, and nothing else of what `rules` shuts: no vsock, no packet,
    no raw socket, no other process's memory, no namespace.
    """
    sockets = ("socket", "socketpair")
    types = (_SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET)
    return (
        *(rule for rule in rules(target) if rule.name not in _NETWORK_RULES),
        Rule("launcher socket family", sockets, DENY,
             (Word(_low(0), (_AF_UNIX, _AF_INET, _AF_INET6), False),)),
        Rule("launcher socket type", sockets, DENY,
             (Word(_low(1), types, False, _SOCK_TYPE_MASK),)),
    )  # fmt: skip


_TCP, _UDP, _MSG_FASTOPEN, _CLONE_THREAD = 6, 17, 0x20000000, 0x10000
_SERVING = ("listen", "accept", "accept4")
_NO_PROGRAM = Rule("programs", ("execve", "execveat"), DENY)


def gateway_rules(target: Machine) -> tuple[Rule, ...]:
    """The filter of the gateway, on top of the launcher's: it connects by TCP, and no more.

    No datagrams, so that it asks no name server itself; no AF_UNIX, where everything else of this
    machine listens; nobody can connect to it; no other program and no other process, only threads.
    Its event loop's own pair of sockets and its child that resolves names exist before.
    """
    return (
        *(rule for rule in rules(target) if rule.name not in {*_NETWORK_RULES} - {"sendto"}),
        Rule("gateway socket family", ("socket",), DENY,
             (Word(_low(0), (_AF_INET, _AF_INET6), False),)),
        Rule("gateway socket type", ("socket",), DENY,
             (Word(_low(1), (_SOCK_STREAM,), False, _SOCK_TYPE_MASK),)),
        # Streams of SCTP and the like leave by other doors than the ones that are watched.
        Rule("gateway protocol", ("socket",), DENY, (Word(_low(2), (0, _TCP), False),)),
        Rule("gateway pairs", ("socketpair",), DENY),
        # The event loop sends several pieces at once so, without an address. With this flag a
        # message would connect, past Landlock's list of ports.
        Rule("gateway fast open", ("sendmsg",), DENY,
             (Word(_low(2), (0,), False, _MSG_FASTOPEN),)),
        Rule("gateway messages", ("sendmmsg", "recvmsg", "recvmmsg"), DENY),
        Rule("gateway serving", ("bind", *_SERVING), DENY),
        _NO_PROGRAM,
        *([Rule("new process", ("fork", "vfork"), DENY)] if "fork" in target.numbers else []),
        Rule("clone without a thread", ("clone",), DENY,
             (Word(_low(0), (0,), True, _CLONE_THREAD),)),
    )  # fmt: skip


def resolver_rules(target: Machine) -> tuple[Rule, ...]:
    """The filter of what turns names into addresses: UDP and TCP of the internet, and forks.

    No AF_UNIX: a resolver's helpers (nscd, systemd) would be a way to another process.
    """
    return (
        *(rule for rule in rules(target) if rule.name not in _NETWORK_RULES),
        Rule("resolver socket family", ("socket",), DENY,
             (Word(_low(0), (_AF_INET, _AF_INET6), False),)),
        Rule("resolver socket type", ("socket",), DENY,
             (Word(_low(1), (_SOCK_STREAM, _SOCK_DGRAM), False, _SOCK_TYPE_MASK),)),
        Rule("resolver protocol", ("socket",), DENY, (Word(_low(2), (0, _TCP, _UDP), False),)),
        Rule("resolver pairs", ("socketpair",), DENY),
        Rule("resolver serving", _SERVING, DENY),
        _NO_PROGRAM,
    )  # fmt: skip


# Instruction codes (linux/bpf_common.h): load a word, and with a constant, jumps, return.
_LOAD, _AND, _JUMP_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter


def assemble(table: Sequence[Rule], target: Machine) -> bytes:
    """The seccomp program for `table` on `target`: struct sock_filter, 8 bytes each.

    Between rules the accumulator holds the number of the call. What no rule stops is allowed.
    Raises ValueError when a rule is too long for an 8-bit jump.
    """
    code: list[tuple[int, str, str, int]] = [(_LOAD, "", "", _NUMBER)]
    labels: dict[str, int] = {}

    def place(label: str) -> None:
        labels[label] = len(code)

    for index, rule in enumerate(table):
        deny, restore, end = f"{index}.deny", f"{index}.restore", f"{index}.end"
        for call in rule.calls:
            other = end if call == rule.calls[-1] else ""
            code.append((_JUMP_EQUAL, f"{index}.0", other, target.numbers[call]))
        place(f"{index}.0")
        for position, word in enumerate(rule.any_of):
            place(f"{index}.{position}")
            after = restore if position + 1 == len(rule.any_of) else f"{index}.{position + 1}"
            code.append((_LOAD, "", "", word.offset))
            if word.mask != 0xFFFFFFFF:
                code.append((_AND, "", "", word.mask))
            listed, unlisted = (deny, after) if word.matches_listed else (after, deny)
            for value in word.values:
                other = unlisted if value == word.values[-1] else ""
                code.append((_JUMP_EQUAL, listed, other, value))
        place(deny)
        code.append((_RETURN, "", "", rule.action))
        place(restore)
        if rule.any_of:
            code.append((_LOAD, "", "", _NUMBER))
        place(end)
    code.append((_RETURN, "", "", _RET_ALLOW))

    def distance(here: int, label: str) -> int:
        length = labels[label] - here - 1 if label else 0
        if not 0 <= length <= 255:
            raise ValueError(f"a jump of {length} instructions to {label}")
        return length

    return b"".join(
        _INSTRUCTION.pack(op, distance(here, then), distance(here, other), value)
        for here, (op, then, other, value) in enumerate(code)
    )


_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_SET_MODE_FILTER, _FLAG_TSYNC, _FLAG_SPEC_ALLOW = 1, 1, 4


def install(program: bytes, target: Machine) -> None:
    """Put `program` on every thread of this process, for good; children inherit it.

    Raises OSError when the kernel refuses, or when a thread would stay outside. Sets
    no_new_privs, without which an unprivileged process may not install a filter.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    long, pointer = ctypes.c_long, ctypes.c_void_p

    def refused(what: str) -> OSError:
        number = ctypes.get_errno()
        return OSError(number, f"{what}: {os.strerror(number)}")

    if libc.prctl(_PR_SET_NO_NEW_PRIVS, long(1), long(0), long(0), long(0)) != 0:
        raise refused("prctl(PR_SET_NO_NEW_PRIVS)")
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: an unsigned short and, aligned, a pointer.
    fprog = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // _INSTRUCTION.size, ctypes.addressof(instructions))
    )
    address = pointer(ctypes.addressof(fprog))
    # SPEC_ALLOW: kernels before 5.16 otherwise switch on a Spectre mitigation meant for
    # hostile code beside secrets in one process, and it slows all computing down.
    for flags in (_FLAG_TSYNC | _FLAG_SPEC_ALLOW, _FLAG_TSYNC):
        done = libc.syscall(
            long(target.numbers["seccomp"]), long(_SET_MODE_FILTER), long(flags), address
        )
        if done == 0:
            return
        if done > 0:
            raise OSError(errno.EAGAIN, f"thread {done} could not be brought under the filter")
        if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
            raise refused("seccomp")
    # A kernel without seccomp(2) has the prctl, which covers the calling thread only.
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - no pathlib before the filter
        raise refused("seccomp with TSYNC, needed because threads exist")
    if libc.prctl(_PR_SET_SECCOMP, long(_MODE_FILTER), address, long(0), long(0)) != 0:
        raise refused("prctl(PR_SET_SECCOMP)")
