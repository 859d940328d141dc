"""The escape battery: a process that tries the ways to a network and says how each one ended.

Run as a script: `python -I escape.py '{"mode": …}'`; prints one JSON object, way -> outcome. An
outcome is "reached", the name of an errno, or the name of a signal. Modes:

    none            no filter: the positive control
    apply           `lockdown.apply`, as our processes call it
    filter          the rules alone, installed over sockets that exist already
    without:RULE    the same with one rule taken away

Options: `port` of a listener on 127.0.0.1, `probe`, the built escape_probe.c, and `uid`, an
unprivileged user to become first.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import json
import os
import pty
import resource  # noqa: F401 - lockdown imports it when an unprivileged user may not read it
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from indoors_server import lockdown, seccomp

LIBC = ctypes.CDLL(None, use_errno=True)
LONG, NULL = ctypes.c_long, ctypes.c_void_p(None)
CALLS = json.loads(Path(__file__).with_name("escape_syscalls.json").read_text()).get(
    os.uname().machine, {}
)
LAST_FAMILY = 45  # the highest address family of today's kernels (AF_MCTP)
TIOCSTI, TIOCLINUX = 0x5412, 0x541C


class Way(NamedTuple):
    """One way out: the rule that shuts it, and how it ends under the filter."""

    rule: str
    denied: str
    attempt: Callable[[Things], str]


class Things:
    """What the attempts need: made before the filter where the mode says so.

    Under `apply` it is made after, as a process of ours would have to; then datagram sockets
    cannot be had, and stream sockets stand in.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.directory = Path(tempfile.mkdtemp(prefix="indoors-escape-"))
        self.directory.chmod(0o755)
        kind = socket.SOCK_DGRAM
        try:
            self.sender = socket.socket(socket.AF_UNIX, kind)
            self.receiver = socket.socket(socket.AF_UNIX, kind)
            self.address = str(self.directory / "datagrams")
            self.receiver.bind(self.address)
            self.receiver.setblocking(False)
        except PermissionError:
            self.sender, self.receiver = socket.socketpair()
            self.address = "/nowhere"
        self.left, self.right = socket.socketpair()
        with suppress(PermissionError):
            socket.send_fds(self.left, [b"x"], [0])
        try:
            self.internet = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        except PermissionError:
            self.internet = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def outcome_of(result: int) -> str:
    """What a call that returns -1 and sets errno came to; a descriptor it opened stays open."""
    return "reached" if result >= 0 else errno.errorcode[ctypes.get_errno()]


def call(name: str, *arguments: Any) -> str:
    """Make a system call by name, with C longs."""
    return outcome_of(LIBC.syscall(LONG(CALLS[name]), *arguments))


def native_socket(family: int, kind: int) -> str:
    """socket() from the C library: no Python in between."""
    descriptor = LIBC.socket(family, kind, 0)
    result = outcome_of(descriptor)
    if descriptor >= 0:
        os.close(descriptor)
    return result


def raised(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "reached"


def program(arguments: list[str]) -> str:
    """What a child process prints ("reached" or an errno), or the signal that ended it."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
    except (FileNotFoundError, PermissionError):
        return "not started"  # no such program, or out of reach of an unprivileged user
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    word = done.stdout.strip()
    return errno.errorcode[int(word)] if word.isdigit() else word or f"exit {done.returncode}"


def probe(way: str) -> Callable[[Things], str]:
    return lambda things: program([things.options["probe"], way])


def connect_unix(things: Things, address: str | bytes) -> str:
    """Connect to a listener of this process; making and binding one is allowed."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
    ):
        listener.bind(address)
        listener.listen()
        return raised(lambda: client.connect(address))


def send_message(things: Things) -> str:
    def attempt() -> None:
        things.sender.sendmsg([b"code"], [], 0, things.address)
        assert things.receiver.recv(8) == b"code"

    return raised(attempt)


def send_to(things: Things) -> str:
    def attempt() -> None:
        things.sender.sendto(b"code", things.address)
        assert things.receiver.recv(8) == b"code"

    return raised(attempt)


def receive_descriptor(things: Things) -> str:
    things.right.setblocking(False)
    space = socket.CMSG_SPACE(array.array("i").itemsize)
    return raised(lambda: things.right.recvmsg(1, space))


def read_memory(things: Things) -> str:
    """Copy through process_vm_readv, from this process as from any other."""
    source, target = ctypes.create_string_buffer(b"code"), ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(target), 4)
    there = (ctypes.c_size_t * 2)(ctypes.addressof(source), 4)
    one = LONG(1)
    return call("process_vm_readv", LONG(os.getpid()), here, one, there, one, LONG(0))


def take_descriptor(things: Things) -> str:
    return call("pidfd_getfd", LONG(os.pidfd_open(os.getpid())), LONG(2), LONG(0))


def type_into_terminal(things: Things) -> str:
    leader, follower = pty.openpty()
    result = raised(lambda: fcntl.ioctl(follower, TIOCSTI, b"x"))
    os.close(leader)
    os.close(follower)
    return result


def console(things: Things) -> str:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    result = raised(lambda: fcntl.ioctl(descriptor, TIOCLINUX, b"\x02"))
    os.close(descriptor)
    return result


def ring(things: Things) -> str:
    return call("io_uring_setup", LONG(4), ctypes.create_string_buffer(120))


def python_child(things: Things) -> str:
    code = (
        "import socket\n"
        f"try: socket.create_connection(('127.0.0.1', {things.options['port']})).close()\n"
        "except OSError as error: print(error.errno)\n"
        "else: print('reached')"
    )
    return program([sys.executable, "-I", "-c", code])


def shell_child(things: Things) -> str:
    script = f"exec 3<>/dev/tcp/127.0.0.1/{things.options['port']} && echo reached"
    return program(["bash", "-c", script])


SEVERAL = "several rules"  # removing one of them is not enough
_NEW_USER_AND_FILES = 0x10000000 | 0x200  # refused as EINVAL by a kernel that reads the flags
_BAD, _ZERO, _SOME = LONG(-1), LONG(0), ctypes.create_string_buffer(64)

WAYS: dict[str, Way] = {
    "i386 socket": Way("architecture", "SIGSYS", probe("i386 socket")),
    "i386 socketcall": Way("architecture", "SIGSYS", probe("i386 socketcall")),
    "x32 socket": Way("x32", "ENOSYS", probe("x32 socket")),
    "io_uring socket": Way("io_uring", "ENOSYS", probe("io_uring socket")),
    "io_uring_setup": Way("io_uring", "ENOSYS", ring),
    "io_uring_enter": Way(
        "io_uring", "ENOSYS", lambda _: call("io_uring_enter", _BAD, _ZERO, _ZERO, _ZERO, NULL)
    ),
    "io_uring_register": Way(
        "io_uring", "ENOSYS", lambda _: call("io_uring_register", _BAD, _ZERO, NULL, _ZERO)
    ),
    "internet socket": Way("socket family", "EPERM", lambda _: native_socket(2, 1)),
    "internet6 socket": Way("socket family", "EPERM", lambda _: native_socket(10, 1)),
    "vsock": Way("socket family", "EPERM", lambda _: native_socket(40, 1)),
    "internet datagrams": Way(SEVERAL, "EPERM", lambda _: native_socket(2, 2)),
    "netlink": Way(SEVERAL, "EPERM", lambda _: native_socket(16, 3)),
    "datagram socket": Way("socket type", "EPERM", lambda _: native_socket(1, 2)),
    "datagram socket, flags": Way("socket type", "EPERM", lambda _: native_socket(1, 0o2004002)),
    "datagram pair": Way(
        "socket type", "EPERM", lambda _: raised(lambda: socket.socketpair(type=socket.SOCK_DGRAM))
    ),
    "connect, path": Way(
        "connect", "EPERM", lambda things: connect_unix(things, str(things.directory / "listener"))
    ),
    "connect, abstract": Way(
        "connect", "EPERM", lambda things: connect_unix(things, f"\0indoors-{os.getpid()}".encode())
    ),
    "connect, internet": Way(
        "connect",
        "EPERM",
        lambda things: raised(
            lambda: (
                things.internet.connect(("127.0.0.1", things.options["port"]))
                if things.internet.family == socket.AF_INET
                else things.internet.connect("/nowhere")
            )
        ),
    ),
    "sendto": Way("sendto", "EPERM", send_to),
    "sendmsg": Way("messages", "EPERM", send_message),
    "recvmsg": Way("messages", "EPERM", receive_descriptor),
    "sendmmsg": Way("messages", "EPERM", lambda _: call("sendmmsg", _BAD, _SOME, LONG(1), _ZERO)),
    "recvmmsg": Way(
        "messages", "EPERM", lambda _: call("recvmmsg", _BAD, _SOME, LONG(1), _ZERO, NULL)
    ),
    "ptrace": Way(
        "other processes", "EPERM", lambda _: call("ptrace", LONG(16), LONG(0x7FFFFFFF), NULL, NULL)
    ),
    "process_vm_readv": Way("other processes", "EPERM", read_memory),
    "process_vm_writev": Way(
        "other processes",
        "EPERM",
        lambda _: call("process_vm_writev", LONG(os.getpid()), NULL, _ZERO, NULL, _ZERO, _ZERO),
    ),
    "pidfd_getfd": Way("other processes", "EPERM", take_descriptor),
    "bpf": Way("kernel hooks", "EPERM", lambda _: call("bpf", LONG(4096), NULL, _ZERO)),
    "userfaultfd": Way("kernel hooks", "EPERM", lambda _: call("userfaultfd", LONG(1))),
    "unshare": Way("namespaces", "EPERM", lambda _: call("unshare", _ZERO)),
    "setns": Way("namespaces", "EPERM", lambda _: call("setns", _BAD, _ZERO)),
    "clone": Way(
        "clone into namespaces",
        "EPERM",
        lambda _: call("clone", LONG(_NEW_USER_AND_FILES), NULL, NULL, NULL, NULL),
    ),
    "clone3": Way("clone3", "ENOSYS", lambda _: call("clone3", NULL, _ZERO)),
    "add_key": Way(
        "keyrings",
        "EPERM",
        lambda _: call("add_key", b"user", b"indoors-test", b"x", LONG(1), LONG(-2)),
    ),
    "request_key": Way(
        "keyrings", "EPERM", lambda _: call("request_key", b"user", b"none", NULL, _ZERO)
    ),
    "keyctl": Way("keyrings", "EPERM", lambda _: call("keyctl", _ZERO, LONG(-2), _ZERO)),
    "TIOCSTI": Way("terminal input", "EPERM", type_into_terminal),
    "TIOCLINUX": Way("terminal input", "EPERM", console),
    "python child": Way(SEVERAL, "EPERM", python_child),
    "shell child": Way(SEVERAL, "exit 1", shell_child),
}


def older_thread() -> Callable[[], str]:
    """A thread that exists before the filter; call the result for what it could do after."""
    go, results = threading.Event(), []

    def run() -> None:
        go.wait()
        results.append(native_socket(2, 1))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def finish() -> str:
        go.set()
        thread.join()
        return str(results[0])

    return finish


def lock(mode: str) -> None:
    if mode == "apply":
        state = lockdown.apply("cli")  # the filter is the same for all roles
        assert state.state == "network enforced, files not", state
    elif mode != "none":
        target = seccomp.machine()
        assert target is not None
        table = seccomp.rules(target)
        left = [rule for rule in table if rule.name != mode.removeprefix("without:")]
        assert len(left) == len(table) - mode.startswith("without:")
        seccomp.install(seccomp.assemble(left, target), target)


def main() -> None:
    options = json.loads(sys.argv[1])
    if "uid" in options:
        os.setgroups([])
        os.setresgid(options["uid"], options["uid"], options["uid"])
        os.setresuid(options["uid"], options["uid"], options["uid"])
    mode = options["mode"]
    thread = older_thread()
    things = Things(options) if mode != "apply" else None
    lock(mode)
    things = things or Things(options)
    outcomes: dict[str, Any] = {name: way.attempt(things) for name, way in WAYS.items()}
    outcomes["older thread"] = thread()
    outcomes["families"] = [native_socket(family, 1) for family in range(LAST_FAMILY + 1)]
    outcomes["types"] = [native_socket(1, kind) for kind in range(1, 11)]
    print(json.dumps(outcomes))
    sys.stdout.flush()
    for name in ("datagrams", "listener"):
        (things.directory / name).unlink(missing_ok=True)
    things.directory.rmdir()


if __name__ == "__main__":
    main()
