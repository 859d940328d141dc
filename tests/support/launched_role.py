"""What the launcher of a test starts as a role: answers each line with what it can do, as JSON.

FILE …    which of the files it may read        POLICY   what the launcher gave it
PORT …    whether it can connect there          anything else   echoed
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from pathlib import Path


def opened(family: int, kind: int, protocol: int = 0) -> str:
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "reached"


def connected(port: int) -> str:
    """By name, as a gateway would: the resolver, then a connection."""
    try:
        socket.create_connection(("localhost", port), 10).close()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "reached"


def read(path: str) -> str:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "opened"


def policy() -> dict[str, object]:
    (option,) = [one for one in sys.argv if one.startswith("--policy=")]
    descriptor = int(option.partition("=")[2])
    os.lseek(descriptor, 0, os.SEEK_SET)
    found: dict[str, object] = json.loads(os.read(descriptor, 1 << 20))
    return found


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def answer(line: str) -> dict[str, object]:
    lines = Path("/proc/self/status").read_text().splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    word, _, rest = line.rstrip("\n").partition(" ")
    return {
        "echo": line.rstrip("\n"),
        "pid": os.getpid(),
        "parent": os.getppid(),
        "internet": opened(socket.AF_INET, socket.SOCK_STREAM),
        "datagram": opened(socket.AF_INET6, socket.SOCK_DGRAM),
        "vsock": opened(socket.AF_VSOCK, socket.SOCK_STREAM),
        "netlink": opened(socket.AF_NETLINK, socket.SOCK_DGRAM),
        "packet": opened(socket.AF_PACKET, socket.SOCK_DGRAM),
        "raw": opened(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "seccomp": status["Seccomp"],
        "no_new_privs": status["NoNewPrivs"],
        "descriptors": [number for number in range(64) if is_open(number)],
        "directory": str(Path.cwd()),
        "variables": sorted(os.environ),
        "reads": {path: read(path) for path in rest.split("\t")} if word == "FILE" else {},
        "policy": policy() if word == "POLICY" else {},
        "connected": connected(int(rest)) if word == "PORT" else "",
    }


for each in sys.stdin:
    sys.stdout.write(json.dumps(answer(each)) + "\n")
    sys.stdout.flush()
