"""A network of its own for a process under test, in which every packet is counted.

    inside  indoors0 10.77.0.1 ---- 10.77.0.2 world0  outside
            default route ------------->

Two network namespaces joined by a veth pair: what is sent to any address leaves through `indoors0`
and arrives at `world0`. The machine's own network is not touched. IPv6 is switched off before the
pair is made, since a fresh pair sends its own announcements, and neighbours are static, so that
nobody asks who has an address: on a network where nothing happens, no counter moves.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.needs import need, need_programs, need_root

# Name, address and link address of the two ends.
INSIDE = ("indoors0", "10.77.0.1", "02:00:00:00:00:01")
OUTSIDE = ("world0", "10.77.0.2", "02:00:00:00:00:02")
# An address of no machine (RFC 5737): only the default route leads to it.
ELSEWHERE = "192.0.2.99"

# The namespace lives as long as this shell, and the shell until its stdin ends, also if we are
# killed. A kernel without IPv6 has nothing to switch off.
_HOLDER = """
for each in all default; do
    place=/proc/sys/net/ipv6/conf/$each/disable_ipv6
    test ! -e $place || echo 1 > $place || exit 1
done
echo ready
exec cat
"""
# One datagram, from the C library, to a port where nobody answers.
_DATAGRAM = f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"one datagram", ("{ELSEWHERE}", 9))
"""


class Network:
    """The two namespaces, by a process in each."""

    def __init__(self, inside: int, outside: int) -> None:
        self.inside = inside
        self.outside = outside

    @property
    def enter(self) -> tuple[str, ...]:
        """What stands before a command that is to run inside."""
        return ("nsenter", f"--net=/proc/{self.inside}/ns/net", "--")

    def holds(self, pid: int) -> bool:
        """Whether a process is inside."""
        return _namespace_of(pid) == _namespace_of(self.inside)

    def counters(self) -> dict[str, int]:
        """Every counter of the interfaces (lo too) and of the protocols, inside."""
        return _counters(self.inside)

    def arrived(self) -> int:
        """Packets that came to the other end of the pair."""
        return _counters(self.outside)[f"{OUTSIDE[0]} receive packets"]

    def sockets(self) -> list[str]:
        """The sockets of internet protocols and of whole packets that are open inside."""
        found = []
        for table in ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "icmp", "packet"):
            path = Path(f"/proc/{self.inside}/net/{table}")
            lines = path.read_text().splitlines()[1:] if path.exists() else []
            found += [f"{table}: {line.strip()}" for line in lines]
        return found

    def send_one(self, python: str) -> None:
        """The control: an ordinary process inside sends one datagram."""
        subprocess.run([*self.enter, python, "-I", "-c", _DATAGRAM], check=True)


def moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """The counters that changed, and by how much."""
    names = sorted(before.keys() | after.keys())
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in changes.items() if change}


def _namespace_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/ns/net").readlink()


def _counters(pid: int) -> dict[str, int]:
    net = Path(f"/proc/{pid}/net")
    return {**_of_interfaces(net / "dev"), **_of_protocols(net)}


def _of_interfaces(path: Path) -> dict[str, int]:
    heads, names, *lines = path.read_text().splitlines()
    _, receive, transmit = names.split("|")
    assert "Receive" in heads
    columns = [f"receive {name}" for name in receive.split()]
    columns += [f"transmit {name}" for name in transmit.split()]
    found = {}
    for line in lines:
        interface, _, values = line.partition(":")
        for column, value in zip(columns, values.split(), strict=True):
            found[f"{interface.strip()} {column}"] = int(value)
    return found


def _of_protocols(net: Path) -> dict[str, int]:
    found = {}
    for table in ("snmp", "netstat"):
        lines = (net / table).read_text().splitlines()
        for heads, values in zip(lines[::2], lines[1::2], strict=True):
            protocol, *names = heads.split()
            _, *numbers = values.split()
            for name, number in zip(names, numbers, strict=True):
                found[f"{protocol} {name}"] = int(number)
    version_6 = net / "snmp6"
    for line in version_6.read_text().splitlines() if version_6.exists() else ():
        name, number = line.split()
        found[name] = int(number)
    return found


@contextmanager
def network() -> Iterator[Network]:
    """A pair of its own, until the end of the block. Skips, or fails in CI, where none can be."""
    need_root()
    need_programs("unshare", "nsenter", "ip")
    with _namespace() as inside, _namespace() as outside:
        made = Network(inside, outside)
        try:
            _join(made)
        except subprocess.CalledProcessError as error:
            need(False, f"no veth pair can be made here: {error.stderr.strip()}")
        yield made


@contextmanager
def _namespace() -> Iterator[int]:
    """A new network namespace, held by the process whose id this gives."""
    command = ["unshare", "--net", "--", "sh", "-c", _HOLDER]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin
    assert holder.stdout
    try:
        need(holder.stdout.readline() == b"ready\n", "no network namespace can be made here")
        assert _namespace_of(holder.pid) != _namespace_of(os.getpid())
        yield holder.pid
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()


def _join(made: Network) -> None:
    def ip(pid: int, text: str) -> None:
        command = ["nsenter", f"--net=/proc/{pid}/ns/net", "--", "ip", *text.split()]
        subprocess.run(command, check=True, capture_output=True, text=True)

    (near, here, near_link), (far, there, far_link) = INSIDE, OUTSIDE
    ip(
        made.inside,
        f"link add {near} address {near_link} type veth"
        f" peer name {far} address {far_link} netns {made.outside}",
    )
    ends = ((made.outside, far, there, here, near_link), (made.inside, near, here, there, far_link))
    for pid, name, own, other, other_link in ends:
        ip(pid, f"address add {own}/30 dev {name}")
        ip(pid, "link set lo up")
        ip(pid, f"link set {name} up")
        ip(pid, f"neighbour replace {other} lladdr {other_link} nud permanent dev {name}")
    ip(made.inside, f"route add default via {there}")
