"""What attempts need, made before the lock-down: the errand, a victim process, older sockets."""

from __future__ import annotations

import array
import ctypes
import os
import pty
import signal
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

from indoors_server.proof import native
from indoors_server.proof.native import LIBC
from indoors_server.proof.verdicts import REACHED

SECRET = b"what another process knows"
_PR_SET_PDEATHSIG, _CLONE_FILES = 1, 0x400


class Errand(NamedTuple):
    """What a child is asked to do. `role` "" is the control: nothing is locked.

    `inherited` are descriptors that the child was started with: a connected internet socket for
    datagrams, and one that is not connected. `home` is the user's.
    """

    role: str
    arguments: Sequence[str]
    tcp_port: int
    udp_port: int
    path: str
    abstract: str
    datagrams: str
    inherited: Sequence[int]
    home: str

    def token(self, way: str) -> bytes:
        """What an attempt sends, so that the listener can say who got through."""
        return f"{self.role or 'control'}:{way}".encode()


class Things:
    """Of the child that tries most ways: a process that is not locked, and a terminal."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.secret = ctypes.create_string_buffer(SECRET)
        self.victim, self.victims_socket = self._fork_victim()
        try:
            self.terminal = pty.openpty()[1]
        except OSError:
            self.terminal = -1

    def close(self) -> None:
        """End the victim."""
        os.kill(self.victim, signal.SIGKILL)
        os.waitpid(self.victim, 0)

    def _fork_victim(self) -> tuple[int, int]:
        """A child that stays outside the lock-down, with an internet socket of its own.

        A child and not any other process: the kernel's own limits (Yama) let a process look into
        its descendants, so the control succeeds in more places.
        """
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.close(1)  # who reads the child's answers does not wait for this process
            descriptor = LIBC.socket(native.AF_INET, native.SOCK_STREAM, 0)
            os.write(writer, str(descriptor).encode())
            while True:
                signal.pause()
        descriptor = int(os.read(reader, 20))
        os.close(reader)
        os.close(writer)
        return pid, descriptor


class OlderSockets:
    """Sockets of a thread that has descriptors of its own, so that the lock-down closes none.

    Only the filter is left to refuse what they could do. Made in the thread that uses them, before
    the lock-down. Raises OSError where this system gives no such sockets.
    """

    def __init__(self) -> None:
        if LIBC.unshare(_CLONE_FILES) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self.internet = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A descriptor waits in each queue: two ways to take it out.
        self.queues = (self._queue(), self._queue())

    @staticmethod
    def _queue() -> socket.socket:
        sender, receiver = socket.socketpair()
        socket.send_fds(sender, [b"x"], [0])
        receiver.setblocking(False)
        sender.detach()
        return receiver


SPACE_FOR_ONE = socket.CMSG_SPACE(array.array("i").itemsize)


def raised(attempt: Callable[[], object]) -> str:
    """How a call of Python's ended: "reached" or the name of the errno."""
    try:
        attempt()
    except OSError as error:
        return native.errno_name(error.errno or 0)
    return REACHED
