"""Calls that Python has no name for: system calls by number, machine code, an io_uring ring."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import struct

from indoors_server import seccomp
from indoors_server.proof.verdicts import REACHED, UNTRIED

LIBC = ctypes.CDLL(None, use_errno=True)
LONG, NULL = ctypes.c_long, ctypes.c_void_p(None)

AF_INET, SOCK_STREAM = 2, 1
_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000  # CLONE_NEWUSER and CLONE_NEWNET
_X32_BIT = 0x40000000
_MAP_32BIT = 0x40
_OP_SOCKET = 45  # IORING_OP_SOCKET, Linux 5.19

# long f(long number, long a, long b, long c), for x86-64: the calls themselves, no library between.
_SYSCALL = bytes.fromhex(
    "4889f8"  # mov rax, rdi
    "4889f7"  # mov rdi, rsi
    "4889d6"  # mov rsi, rdx
    "4889ca"  # mov rdx, rcx
    "0f05"  # syscall
    "c3"  # ret
)
_INT_80 = bytes.fromhex(
    "53"  # push rbx
    "89f8"  # mov eax, edi
    "89f3"  # mov ebx, esi
    "87ca"  # xchg edx, ecx
    "cd80"  # int 0x80
    "5b"  # pop rbx
    "4898"  # cdqe
    "c3"  # ret
)
_I386_SOCKETCALL, _I386_SYS_SOCKET = 102, 1


def outcome_of(result: int) -> str:
    """What a call came to that returns -1 and sets errno: "reached" or the errno's name."""
    return REACHED if result >= 0 else errno_name(ctypes.get_errno())


def errno_name(number: int) -> str:
    """The name of an errno, as in EPERM."""
    return errno.errorcode.get(number, f"errno {number}")


def call(name: str, *arguments: object) -> int:
    """Make a system call that the filter knows by name; its result, errno in ctypes."""
    target = seccomp.machine()
    assert target is not None  # the battery runs where there is a filter
    return int(LIBC.syscall(LONG(target.numbers[name]), *arguments))


def open_socket(family: int, kind: int) -> str:
    """socket() of the C library, closed at once."""
    descriptor = LIBC.socket(family, kind, 0)
    outcome = outcome_of(descriptor)
    if descriptor >= 0:
        os.close(descriptor)
    return outcome


def socket_by_machine_code() -> str:
    """socket() by an instruction of our own, written into memory at run time."""
    if seccomp.machine() is not seccomp.X86_64:
        return UNTRIED + "no machine code is written for this processor"
    number = seccomp.X86_64.numbers["socket"]
    return _run(_SYSCALL, 0, number, AF_INET, SOCK_STREAM, 0)


def socket_by_32_bit_call() -> str:
    """The socketcall of 32-bit programs, which a 64-bit process may make as well."""
    if seccomp.machine() is not seccomp.X86_64:
        return UNTRIED + "this processor's 32-bit calls need a 32-bit process"
    arguments = struct.pack("=III", AF_INET, SOCK_STREAM, 0)
    return _run(_INT_80, _MAP_32BIT, _I386_SOCKETCALL, _I386_SYS_SOCKET, arguments, 0)


def socket_by_x32_call() -> str:
    """The numbering of x32, which few kernels are built with."""
    if seccomp.machine() is not seccomp.X86_64:
        return UNTRIED + "this processor has no x32 calls"
    number = _X32_BIT | seccomp.X86_64.numbers["socket"]
    return outcome_of(LIBC.syscall(LONG(number), LONG(AF_INET), LONG(SOCK_STREAM), LONG(0)))


def _run(code: bytes, flags: int, *arguments: int | bytes) -> str:
    """Run machine code that returns a result or -errno; bytes are passed by their address.

    Code and bytes lie in one page, which `flags` can have below 4 GiB for 32-bit pointers.
    """
    page = _executable_page(flags)
    if page is None:
        return UNTRIED + f"memory with code is refused ({errno_name(ctypes.get_errno())})"
    ctypes.memmove(page, code, len(code))
    values, free = [], page + 512
    for argument in arguments:
        if isinstance(argument, bytes):
            ctypes.memmove(free, argument, len(argument))
            values.append(free)
            free += len(argument)
        else:
            values.append(argument)
    function = ctypes.CFUNCTYPE(LONG, LONG, LONG, LONG, LONG)(page)
    result = int(function(*values))
    return REACHED if result >= 0 else errno_name(-result)


def _executable_page(flags: int) -> int | None:
    LIBC.mmap.restype = ctypes.c_void_p
    protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    flags |= mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = LIBC.mmap(NULL, ctypes.c_size_t(mmap.PAGESIZE), protection, flags, -1, LONG(0))
    failed = ctypes.c_void_p(-1).value
    return None if page in (None, failed) else int(page)


def socket_by_ring() -> str:
    """An internet socket that an io_uring ring opens, without a socket() call."""
    parameters = ctypes.create_string_buffer(120)  # struct io_uring_params
    ring = call("io_uring_setup", LONG(4), parameters)
    if ring < 0:
        return outcome_of(ring)
    n_entries, n_done = struct.unpack_from("=II", parameters, 0)
    # struct io_sqring_offsets at 40: tail is the second word, array the seventh.
    tail, array = (struct.unpack_from("=I", parameters, 40 + 4 * word)[0] for word in (1, 6))
    # struct io_cqring_offsets at 80: cqes is the sixth word.
    (done_at,) = struct.unpack_from("=I", parameters, 80 + 4 * 5)
    try:
        submit = mmap.mmap(ring, array + 4 * n_entries, offset=0)
        done = mmap.mmap(ring, done_at + 16 * n_done, offset=0x8000000)
        entries = mmap.mmap(ring, 64 * n_entries, offset=0x10000000)
    except OSError as error:
        return errno_name(error.errno or 0)
    # struct io_uring_sqe: opcode, fd (the family), off (the type).
    struct.pack_into("=BBHiQ", entries, 0, _OP_SOCKET, 0, 0, AF_INET, SOCK_STREAM)
    struct.pack_into("=I", submit, array, 0)
    struct.pack_into("=I", submit, tail, 1)
    one = LONG(1)
    entered = call("io_uring_enter", LONG(ring), one, one, one, NULL, LONG(0))
    if entered < 0:
        return outcome_of(entered)
    (result,) = struct.unpack_from("=i", done, done_at + 8)
    return REACHED if result >= 0 else errno_name(-result)


def unshare_network() -> str:
    """A network namespace of one's own, where an unprivileged process is root."""
    return outcome_of(LIBC.unshare(_NEW_USER_AND_NETWORK))


def clone_into_network() -> str:
    """The same by clone(), which starts a process in it."""
    flags = LONG(_NEW_USER_AND_NETWORK | signal.SIGCHLD)
    return _of_fork(call("clone", flags, NULL, NULL, NULL, NULL))


def clone3_into_network() -> str:
    """The same by clone3(), whose flags lie behind a pointer."""
    arguments = struct.pack("=QQQQQQQQ", _NEW_USER_AND_NETWORK, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    return _of_fork(call("clone3", ctypes.c_char_p(arguments), LONG(len(arguments))))


def _of_fork(pid: int) -> str:
    if pid == 0:
        os._exit(0)
    outcome = outcome_of(pid)
    if pid > 0:
        os.waitpid(pid, 0)
    return outcome
