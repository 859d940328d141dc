"""Row 7 of the threat table, for the server as an editor starts it: what it was handed at birth.

`test_apply.py` shows what the lock-down does to single descriptors. Here the whole server is
started with sockets open, and asked what it still holds and whether it serves.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fakes.lsp_client import LspClient, server_command
from support.altered import altered_command
from support.needs import need_root

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the Linux lock-down"),
    pytest.mark.loopback,
    pytest.mark.usefixtures("private_home"),
]

BODY = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"capabilities":{}}}'
)
INITIALIZE = b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@contextmanager
def started(*, locked: bool = True, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A server with these streams and descriptors; ended afterwards."""
    command = server_command() if locked else altered_command("unlocked", "serve")
    streams = {"stderr": subprocess.DEVNULL, **options}
    process = subprocess.Popen(command, **streams)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def holds(pid: int, sock: socket.socket) -> bool:
    """Whether a process has the socket open."""
    wanted = f"socket:[{os.fstat(sock.fileno()).st_ino}]"
    held = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed since: the server is at work
            held.add(str(link.readlink()))
    return wanted in held


def udp_pair() -> tuple[socket.socket, socket.socket]:
    """A receiver on the loopback address, and a sender that is not connected to it."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setblocking(False)
    return receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "not connected"])
def test_row_7_a_server_does_not_keep_a_socket_that_it_was_started_with(connected: bool) -> None:
    need_root()  # only root sees what a locked server holds
    receiver, sender = udp_pair()
    with receiver, sender:
        if connected:
            sender.connect(receiver.getsockname())
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        kept = {}
        for locked in (False, True):
            with started(locked=locked, pass_fds=[sender.fileno()], **pipes) as process:
                assert serves(process)
                kept[locked] = holds(process.pid, sender)
        assert kept == {False: True, True: False}


def serves(process: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers `initialize` on its pipes, and says that it is locked."""
    assert process.stdin
    assert process.stdout
    answer = LspClient(process.stdin, process.stdout).initialize()
    return "capabilities" in answer


def test_row_7_a_server_on_a_socket_pair_serves() -> None:
    """Node and Neovim start their servers so."""
    ours, theirs = socket.socketpair()
    with ours, theirs, started(stdin=theirs, stdout=theirs) as process:
        theirs.close()
        client = LspClient(ours.makefile("wb"), ours.makefile("rb"))
        assert "capabilities" in client.initialize()
        client.shutdown()
        assert process.wait(60) == 0
        client.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def test_row_7_a_server_does_not_speak_on_an_internet_socket(kind: socket.SocketKind) -> None:
    """Not even as stdin and stdout: the locked server finds its input at its end, and leaves."""
    for locked in (False, True):
        ours, theirs = internet_pair(kind)
        with ours, theirs, started(locked=locked, stdin=theirs, stdout=theirs) as process:
            theirs.close()
            ours.sendall(INITIALIZE)
            if locked:
                process.wait(60)
                ours.setblocking(False)
                assert received(ours) == b""
            else:
                ours.settimeout(60)
                assert b"Content-Length: " in received(ours)


def internet_pair(kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
    """Two sockets on the loopback address, connected to each other."""
    ours, theirs = (socket.socket(socket.AF_INET, kind) for _ in range(2))
    ours.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        ours.listen()
        theirs.connect(ours.getsockname())
        listener, (ours, _) = ours, ours.accept()
        listener.close()
    else:
        theirs.bind(("127.0.0.1", 0))
        theirs.connect(ours.getsockname())
        ours.connect(theirs.getsockname())
    return ours, theirs


def received(ours: socket.socket) -> bytes:
    """What came, "" if nothing did or the other end is closed."""
    try:
        return ours.recv(65536)
    except (BlockingIOError, ConnectionError):
        return b""
