"""What there is to reach: listeners that the command holds, on this machine only.

Whatever arrives is counted here. So a way is "reached" also where the child that tried it says
otherwise: two independent witnesses.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType

_BACKLOG = 64
_MAX_TOKEN_BYTES = 200
# struct sockaddr_un holds 107 bytes and a zero.
_MAX_ADDRESS_BYTES = 107


class Targets:
    """Listeners on 127.0.0.1 and on local sockets, and sockets to hand to a child.

    A context manager. What this system does not give is missing: a port of 0, an address of "".
    """

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="indoors-proof-"))
        self._open: list[socket.socket] = []
        self._listeners: list[socket.socket] = []
        self._receivers: list[socket.socket] = []
        self.tcp_port = self._internet(socket.SOCK_STREAM)
        self.udp_port = self._internet(socket.SOCK_DGRAM)
        self.path = self._local(socket.SOCK_STREAM, str(self._directory / "s"))
        self.abstract = self._local(socket.SOCK_STREAM, f"\0indoors-proof-{secrets.token_hex(8)}")
        self.datagrams = self._local(socket.SOCK_DGRAM, str(self._directory / "d"))
        self.inherited = self._inherited()

    def __enter__(self) -> Targets:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self._open:
            one.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def folder(self) -> str:
        """A folder that goes away with the targets."""
        return str(self._directory)

    def arrived(self) -> set[str]:
        """The tokens of all that arrived since the last call; "?" for what brought none."""
        found = set()
        for listener in self._listeners:
            while (connection := _accepted(listener)) is not None:
                with connection:
                    connection.settimeout(1)
                    found.add(_token(connection))
        for receiver in self._receivers:
            while (token := _datagram(receiver)) is not None:
                found.add(token)
        return found

    def _internet(self, kind: socket.SocketKind) -> int:
        try:
            target = self._keep(socket.socket(socket.AF_INET, kind))
            target.bind(("127.0.0.1", 0))
            self._receive(target, kind)
        except OSError:
            return 0
        return int(target.getsockname()[1])

    def _local(self, kind: socket.SocketKind, address: str) -> str:
        if len(address.encode(errors="surrogateescape")) > _MAX_ADDRESS_BYTES:
            return ""
        try:
            target = self._keep(socket.socket(socket.AF_UNIX, kind))
            target.bind(address)
            self._receive(target, kind)
        except OSError:
            return ""
        return address

    def _receive(self, target: socket.socket, kind: socket.SocketKind) -> None:
        target.setblocking(False)
        if kind == socket.SOCK_STREAM:
            target.listen(_BACKLOG)
            self._listeners.append(target)
        else:
            self._receivers.append(target)

    def _inherited(self) -> tuple[int, ...]:
        """Two internet sockets that a child is started with: one connected, one not."""
        if not self.udp_port:
            return ()
        connected = self._keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        connected.connect(("127.0.0.1", self.udp_port))
        other = self._keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        return connected.fileno(), other.fileno()

    def _keep(self, one: socket.socket) -> socket.socket:
        self._open.append(one)
        return one


def _accepted(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except OSError:
        return None


def _token(connection: socket.socket) -> str:
    try:
        return connection.recv(_MAX_TOKEN_BYTES).decode(errors="replace").strip() or "?"
    except OSError:
        return "?"


def _datagram(receiver: socket.socket) -> str | None:
    try:
        return receiver.recv(_MAX_TOKEN_BYTES).decode(errors="replace").strip()
    except OSError:
        return None
