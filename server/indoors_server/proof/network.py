"""Attempts to open, connect and use sockets."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from indoors_server.proof import native
from indoors_server.proof.native import LONG, NULL
from indoors_server.proof.things import SPACE_FOR_ONE, OlderSockets, Things, raised
from indoors_server.proof.verdicts import REACHED, UNTRIED

_CHILD_SECONDS = 20
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
# The rest of 0 to 45, the highest of today's kernels (AF_MCTP), after AF_UNIX and the internet.
OTHER_FAMILIES = tuple(n for n in range(46) if n not in (1, 2, 10))
# Families that are in the kernel already, by their names in /proc/net/protocols. Opening one of the
# others without the lock-down would make the kernel load a module, which no check should do.
_ALWAYS = (16, 17)  # netlink and packet
_LOADED = {
    "AF_VSOCK": 40, "ALG": 38, "HCI": 31, "CAN_RAW": 29, "XDP": 44, "TIPC": 30, "SMC": 43,
    "KCM": 41, "QIPCRTR": 42, "MCTP": 45,
}  # fmt: skip


def family(number: int, things: Things) -> str:
    """A socket of a family, of any type."""
    if not things.errand.role and number not in _families_at_hand():
        return UNTRIED + "the kernel would load a module for it"
    outcomes = {native.open_socket(number, kind) for kind in _KINDS}
    return REACHED if REACHED in outcomes else "/".join(sorted(outcomes))


def _families_at_hand() -> set[int]:
    try:
        text = Path("/proc/net/protocols").read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    names = {line.split(None, 1)[0] for line in text.splitlines() if line.strip()}
    return {*_ALWAYS, *(number for name, number in _LOADED.items() if name in names)}


def pair_of_datagrams(_things: Things) -> str:
    """A pair that could send to any address."""

    def attempt() -> None:
        for one in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
            one.close()

    return raised(attempt)


# --- connecting -------------------------------------------------------------------------------


def connect_internet(things: Things) -> str:
    """A new socket to the command's listener on 127.0.0.1."""
    errand = things.errand
    if not errand.tcp_port:
        return UNTRIED + "there is no listener on 127.0.0.1"

    def attempt() -> None:
        with socket.create_connection(("127.0.0.1", errand.tcp_port), 5) as client:
            client.sendall(errand.token("connect, 127.0.0.1"))

    return raised(attempt)


def connect_older_internet(things: Things, sockets: OlderSockets) -> str:
    """The same with a socket that was there before."""
    errand = things.errand
    if not errand.tcp_port:
        return UNTRIED + "there is no listener on 127.0.0.1"

    def attempt() -> None:
        sockets.internet.connect(("127.0.0.1", errand.tcp_port))
        sockets.internet.sendall(errand.token("connect, older socket"))

    return raised(attempt)


def connect_path(things: Things) -> str:
    """A local socket with a name in the file system, as docker.sock has."""
    return _connect_local(things, things.errand.path, "connect, path")


def connect_abstract(things: Things) -> str:
    """A local socket with a name of its own, as D-Bus may have."""
    return _connect_local(things, things.errand.abstract, "connect, abstract")


def _connect_local(things: Things, address: str, way: str) -> str:
    if not address:
        return UNTRIED + "there is no listener"

    def attempt() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(address)
            client.sendall(things.errand.token(way))

    return raised(attempt)


# --- messages ---------------------------------------------------------------------------------


def sendto_pair(_things: Things) -> str:
    """sendto() with an address, on a pair that may be made under the lock-down."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        return raised(lambda: left.sendto(b"x", "/nowhere"))


def sendmsg_pair(_things: Things) -> str:
    """sendmsg() likewise."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        return raised(lambda: left.sendmsg([b"x"], [], 0, "/nowhere"))


def recvmsg_pair(_things: Things) -> str:
    """recvmsg() with room for a descriptor."""
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        return raised(lambda: right.recvmsg(1, SPACE_FOR_ONE))


def sendto_older(things: Things, sockets: OlderSockets) -> str:
    """A datagram to the command's socket, without a connection."""
    errand = things.errand
    token = errand.token("sendto, older socket")
    return raised(lambda: sockets.datagrams.sendto(token, errand.datagrams))


def sendmsg_older(things: Things, sockets: OlderSockets) -> str:
    """The same by sendmsg()."""
    errand = things.errand
    token = errand.token("sendmsg, older socket")
    return raised(lambda: sockets.datagrams.sendmsg([token], [], 0, errand.datagrams))


def sendmmsg_older(things: Things, sockets: OlderSockets) -> str:
    """The same by sendmmsg(), which sends several at once."""
    token = things.errand.token("sendmmsg, older socket")
    address = b"\1\0" + things.errand.datagrams.encode() + b"\0"  # struct sockaddr_un
    message = _Messages(token, address)
    descriptor = LONG(sockets.datagrams.fileno())
    return native.outcome_of(
        native.call("sendmmsg", descriptor, ctypes.byref(message), LONG(1), LONG(0))
    )


def recvmsg_older(_things: Things, sockets: OlderSockets) -> str:
    """A descriptor that another process handed over."""

    def attempt() -> None:
        _, ancillary, _, _ = sockets.queues[0].recvmsg(1, SPACE_FOR_ONE)
        assert ancillary

    return raised(attempt)


def recvmmsg_older(_things: Things, sockets: OlderSockets) -> str:
    """The same by recvmmsg()."""
    message = _Messages(bytes(8), b"", bytes(64))
    descriptor = LONG(sockets.queues[1].fileno())
    one, flags = LONG(1), LONG(0)
    return native.outcome_of(
        native.call("recvmmsg", descriptor, ctypes.byref(message), one, flags, NULL)
    )


class _Messages(ctypes.Structure):
    """One struct mmsghdr: a struct msghdr, and the number of bytes that were sent."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("n_name", ctypes.c_uint),
        ("vector", ctypes.c_void_p), ("n_vector", ctypes.c_size_t),
        ("control", ctypes.c_char_p), ("n_control", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("n_sent", ctypes.c_uint), ("padding", ctypes.c_uint),
    )  # fmt: skip

    def __init__(self, data: bytes, name: bytes, control: bytes = b"") -> None:
        self.data = ctypes.create_string_buffer(data, len(data))
        self.iovec = (ctypes.c_size_t * 2)(ctypes.addressof(self.data), len(data))
        super().__init__(
            name or None, len(name), ctypes.addressof(self.iovec), 1,
            control or None, len(control), 0, 0, 0,
        )  # fmt: skip


# --- what the process was started with --------------------------------------------------------


def inherited_connected(things: Things) -> str:
    """send() on a connected socket that the process was started with."""
    return _inherited(things, 0, "inherited, connected")


def inherited_unconnected(things: Things) -> str:
    """sendto() on one that is not connected."""
    return _inherited(things, 1, "inherited, not connected")


def _inherited(things: Things, position: int, way: str) -> str:
    errand = things.errand
    if not errand.inherited:
        return UNTRIED + "there is no socket to inherit"
    try:
        sender = socket.socket(fileno=os.dup(errand.inherited[position]))
    except OSError as error:
        return native.errno_name(error.errno or 0)
    token = errand.token(way)
    with sender:
        if position == 0:
            return raised(lambda: sender.send(token))
        return raised(lambda: sender.sendto(token, ("127.0.0.1", errand.udp_port)))


# --- children ---------------------------------------------------------------------------------

_CHILD = """
import socket, sys
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) as client:
        client.sendall(sys.argv[2].encode())
except OSError as error:
    print(error.errno)
else:
    print("reached")
"""
_SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash")


def python_child(things: Things) -> str:
    """Another Python, which knows nothing of any lock-down, connects."""
    token = things.errand.token("child, Python").decode()
    said = _program(things, [sys.executable, "-I", "-c", _CHILD, "PORT", token])
    return native.errno_name(int(said)) if said.isdigit() else said


def shell_child(things: Things) -> str:
    """A shell connects by itself."""
    shell = next((path for path in _SHELLS if Path(path).exists()), "")
    if not shell:
        return UNTRIED + "there is no bash here"
    token = things.errand.token("child, shell").decode()
    script = 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf %s "$1" >&3 && echo reached'
    said = _program(things, [shell, "-c", script, "PORT", token])
    return "EPERM" if "Operation not permitted" in said else said


def _program(things: Things, arguments: list[str]) -> str:
    """What a program prints, or how it ended."""
    port = things.errand.tcp_port
    if not port:
        return UNTRIED + "there is no listener on 127.0.0.1"
    arguments = [str(port) if one == "PORT" else one for one in arguments]
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CHILD_SECONDS,
            check=False, env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "no answer"
    except OSError as error:
        return f"not started ({native.errno_name(error.errno or 0)})"
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    return (done.stdout or done.stderr).decode(errors="replace").strip() or "no answer"
