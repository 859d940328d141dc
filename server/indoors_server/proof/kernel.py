"""Attempts on other processes, on parts of the kernel that reach around a filter, and on files."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import tempfile
import termios

from indoors_server.proof import native
from indoors_server.proof.native import LONG, NULL
from indoors_server.proof.things import SECRET, Things, raised
from indoors_server.proof.verdicts import REACHED, UNTRIED

_PTRACE_SEIZE, _TIOCSTI = 0x4206, 0x5412
_USER_MODE_ONLY = 1  # UFFD_USER_MODE_ONLY: what an unprivileged process may ask for
_BPF_MAP_CREATE, _BPF_MAP_TYPE_ARRAY = 0, 2
_PROCESS_KEYRING, _KEYCTL_GET_KEYRING_ID = -2, 0


def read_memory(things: Things) -> str:
    """Copy what another process has in its memory."""
    copy = ctypes.create_string_buffer(len(SECRET))
    here = (ctypes.c_size_t * 2)(ctypes.addressof(copy), len(SECRET))
    there = (ctypes.c_size_t * 2)(ctypes.addressof(things.secret), len(SECRET))
    one = LONG(1)
    copied = native.call("process_vm_readv", LONG(things.victim), here, one, there, one, LONG(0))
    if copied < 0:
        return native.outcome_of(copied)
    return REACHED if copy.raw == SECRET else "something else was read"


def trace(things: Things) -> str:
    """Take another process over as a debugger does."""
    return native.outcome_of(
        native.call("ptrace", LONG(_PTRACE_SEIZE), LONG(things.victim), NULL, NULL)
    )


def take_descriptor(things: Things) -> str:
    """Take the internet socket of a process that has one."""
    if things.victims_socket < 0:
        return UNTRIED + "the other process got no socket"
    try:
        process = os.pidfd_open(things.victim)
    except OSError as error:
        return UNTRIED + native.errno_name(error.errno or 0)
    number = LONG(things.victims_socket)
    return native.outcome_of(native.call("pidfd_getfd", LONG(process), number, LONG(0)))


def load_bpf(_things: Things) -> str:
    """Make a map for programs that run in the kernel."""
    attributes = struct.pack("=IIII", _BPF_MAP_TYPE_ARRAY, 4, 4, 1) + bytes(56)
    size = LONG(len(attributes))
    return native.outcome_of(
        native.call("bpf", LONG(_BPF_MAP_CREATE), ctypes.c_char_p(attributes), size)
    )


def handle_faults(_things: Things) -> str:
    """userfaultfd: a favourite of exploits."""
    return native.outcome_of(native.call("userfaultfd", LONG(_USER_MODE_ONLY)))


def add_key(_things: Things) -> str:
    """Put a key into this process's key ring, which ends with it."""
    name, value = ctypes.c_char_p(b"indoors-proof"), ctypes.c_char_p(b"x")
    kind, ring = ctypes.c_char_p(b"user"), LONG(_PROCESS_KEYRING)
    return native.outcome_of(native.call("add_key", kind, name, value, LONG(1), ring))


def ask_keyring(_things: Things) -> str:
    """Make this process's key ring."""
    arguments = LONG(_KEYCTL_GET_KEYRING_ID), LONG(_PROCESS_KEYRING), LONG(1)
    return native.outcome_of(native.call("keyctl", *arguments))


def type_into_terminal(things: Things) -> str:
    """Push a character into a terminal as if somebody had typed it; the terminal is our own."""
    if things.terminal < 0:
        return UNTRIED + "there is no terminal to be had"
    try:
        os.setsid()
        fcntl.ioctl(things.terminal, termios.TIOCSCTTY, 0)
    except OSError as error:
        return UNTRIED + native.errno_name(error.errno or 0)
    return raised(lambda: fcntl.ioctl(things.terminal, _TIOCSTI, b"x"))


# --- files --------------------------------------------------------------------------------------


def read_passwd(_things: Things) -> str:
    """Open a file of the system that everybody may read."""
    return raised(lambda: os.close(os.open("/etc/passwd", os.O_RDONLY)))


def list_home(things: Things) -> str:
    """Look into the user's home."""
    return raised(lambda: os.listdir(things.errand.home))  # noqa: PTH208 - an errno, no objects


def write_home(things: Things) -> str:
    """A new file in the user's home; it has no name where the file system can do that."""

    def attempt() -> None:
        with tempfile.TemporaryFile(dir=things.errand.home):
            pass

    return raised(attempt)
