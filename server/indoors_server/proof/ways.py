"""The table of ways out: what each is, the line of the screen it stands on, how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from indoors_server.proof import kernel, lines, native, network
from indoors_server.proof.lines import Claim
from indoors_server.proof.things import OlderSockets, Things


class Way(NamedTuple):
    """One way out, tried after the lock-down.

    `refused` are the outcomes that the lock-down gives. `claim` is what must be promised for a role
    before this way has to be shut. `apart`: in a process of its own, because the kernel may end it
    or leave it changed.
    """

    name: str
    line: str
    refused: tuple[str, ...]
    attempt: Callable[[Things], str]
    apart: bool = False
    claim: Claim = "network"


class OlderWay(NamedTuple):
    """One that a thread tries that is older than the lock-down, with sockets that are older too."""

    name: str
    line: str
    attempt: Callable[[Things, OlderSockets], str]
    refused: tuple[str, ...] = ("EPERM",)
    claim: Claim = "network"


_DENIED, _ABSENT, _KILLED = ("EPERM",), ("ENOSYS",), ("SIGSYS",)
# A number that was closed may have been given to a file since.
_CLOSED, _NO_FILE = ("EBADF", "ENOTSOCK"), ("EACCES",)
_STREAM, _DGRAM, _RAW = 1, 2, 3


def _socket(family: int, kind: int) -> Callable[[Things], str]:
    return lambda _things: native.open_socket(family, kind)


def _native(attempt: Callable[[], str]) -> Callable[[Things], str]:
    return lambda _things: attempt()


WAYS: tuple[Way, ...] = (
    Way("socket, IPv4 TCP", lines.INTERNET, _DENIED, _socket(2, _STREAM)),
    Way("socket, IPv4 UDP", lines.INTERNET, _DENIED, _socket(2, _DGRAM)),
    Way("socket, IPv6 TCP", lines.INTERNET, _DENIED, _socket(10, _STREAM)),
    Way("socket, IPv6 UDP", lines.INTERNET, _DENIED, _socket(10, _DGRAM)),
    *(
        Way(f"socket, family {number}", lines.FAMILIES, _DENIED, partial(network.family, number))
        for number in network.OTHER_FAMILIES
    ),
    Way("socket, local datagrams", lines.DATAGRAMS, _DENIED, _socket(1, _DGRAM)),
    Way(
        "socket, local datagrams with flags",
        lines.DATAGRAMS,
        _DENIED,
        _socket(1, 0o2004000 | _DGRAM),
    ),
    Way("socket, local raw", lines.DATAGRAMS, _DENIED, _socket(1, _RAW)),
    Way("socketpair, datagrams", lines.DATAGRAMS, _DENIED, network.pair_of_datagrams),
    Way("connect, 127.0.0.1", lines.LOOPBACK, _DENIED, network.connect_internet),
    Way("connect, path", lines.LOCAL_PATH, _DENIED, network.connect_path),
    Way("connect, abstract", lines.LOCAL_ABSTRACT, _DENIED, network.connect_abstract),
    Way("sendto, new pair", lines.MESSAGES, _DENIED, network.sendto_pair),
    Way("sendmsg, new pair", lines.MESSAGES, _DENIED, network.sendmsg_pair),
    Way("recvmsg, new pair", lines.HANDED, _DENIED, network.recvmsg_pair),
    Way("inherited, connected", lines.INHERITED, _CLOSED, network.inherited_connected),
    Way("inherited, not connected", lines.INHERITED, _CLOSED, network.inherited_unconnected),
    Way("machine code", lines.MACHINE_CODE, _DENIED, _native(native.socket_by_machine_code), True),
    Way("child, Python", lines.CHILDREN, _DENIED, network.python_child),
    Way("child, shell", lines.CHILDREN, _DENIED, network.shell_child),
    Way("io_uring", lines.RING, _ABSENT, _native(native.socket_by_ring), True),
    Way("32-bit call", lines.BITS_32, _KILLED, _native(native.socket_by_32_bit_call), True),
    Way("x32 call", lines.X32, _ABSENT, _native(native.socket_by_x32_call), True),
    Way("process_vm_readv", lines.OTHERS, _DENIED, kernel.read_memory),
    Way("pidfd_getfd", lines.OTHERS, _DENIED, kernel.take_descriptor),
    Way("ptrace", lines.OTHERS, _DENIED, kernel.trace),
    Way("unshare", lines.NAMESPACES, _DENIED, _native(native.unshare_network), True),
    Way("clone", lines.NAMESPACES, _DENIED, _native(native.clone_into_network), True),
    Way("clone3", lines.NAMESPACES, _ABSENT, _native(native.clone3_into_network), True),
    Way("bpf", lines.HOOKS, _DENIED, kernel.load_bpf, True),
    Way("userfaultfd", lines.HOOKS, _DENIED, kernel.handle_faults, True),
    Way("add_key", lines.KEYS, _DENIED, kernel.add_key, True),
    Way("keyctl", lines.KEYS, _DENIED, kernel.ask_keyring, True),
    Way("TIOCSTI", lines.TERMINAL, _DENIED, kernel.type_into_terminal, True),
    Way("read /etc/passwd", lines.READING, _NO_FILE, kernel.read_passwd, claim="read"),
    Way("list the home", lines.READING, _NO_FILE, kernel.list_home, claim="read"),
    Way("write in the home", lines.WRITING, _NO_FILE, kernel.write_home, claim="write"),
)

OLDER_WAYS: tuple[OlderWay, ...] = (
    OlderWay("connect, older socket", lines.LOOPBACK, network.connect_older_internet),
    OlderWay("sendto, older socket", lines.MESSAGES, network.sendto_older),
    OlderWay("sendmsg, older socket", lines.MESSAGES, network.sendmsg_older),
    OlderWay("sendmmsg, older socket", lines.MESSAGES, network.sendmmsg_older),
    OlderWay("recvmsg, older socket", lines.HANDED, network.recvmsg_older),
    OlderWay("recvmmsg, older socket", lines.HANDED, network.recvmmsg_older),
)
THREAD = Way("older thread", lines.OLDER_THREAD, _DENIED, _socket(2, _STREAM))

ALL: tuple[Way | OlderWay, ...] = (*WAYS, THREAD, *OLDER_WAYS)
