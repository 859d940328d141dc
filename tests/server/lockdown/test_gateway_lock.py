"""What the kernel refuses to the gateway and its resolver, beside what the launcher's lock leaves.

A process takes on the launcher's lock, tries everything, takes on its own and tries again: the
first list is the control for the second.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_server import landlock
from support.launchers import NO_ROOT, PR_SET_SECUREBITS, USERS
from support.needs import need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only")

SCRIPT = """
import asyncio, ctypes, errno, json, os, select, socket, subprocess, sys, threading
from indoors_server import landlock, launcher_lock
from indoors_server.gateway import lock
settings = json.loads(sys.argv[1])
launcher_lock.apply([])
libc = ctypes.CDLL(None, use_errno=True)
loop = asyncio.new_event_loop()

def of(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "reached"

def opened(*kind): return of(lambda: socket.socket(*kind).close())

def read(path): os.close(os.open(path, os.O_RDONLY))

def wrote(path): os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

def forked():
    child = os.fork()
    if child == 0: os._exit(0)
    os.waitpid(child, 0)

def connected(port, host="127.0.0.1"):
    with socket.socket() as one:
        one.connect((host, port))

def listening():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()

def only_listening():
    with socket.socket() as one: one.listen()

def unix_connected():
    with socket.socket(socket.AF_UNIX) as one: one.connect(settings["unix"])

def fast_open():
    with socket.socket() as one:
        one.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", settings["other"]))

def thread():
    one = threading.Thread(target=lambda: None)
    one.start()
    one.join()

def tries():
    return {
        "tcp": opened(2, 1), "tcp6": opened(10, 1), "udp": opened(2, 2), "udp6": opened(10, 2),
        "unix": opened(1, 1), "unix datagrams": opened(1, 2), "vsock": opened(40, 1),
        "netlink": opened(16, 3), "packet": opened(17, 2), "raw": opened(2, 3, 1),
        "sctp": opened(2, 1, 132), "mptcp": opened(2, 1, 262),
        "pair": of(lambda: [one.close() for one in socket.socketpair()]),
        "unix connection": of(unix_connected), "fast open": of(fast_open),
        "connection": of(lambda: connected(settings["port"])),
        "other port": of(lambda: connected(settings["other"])),
        "name server's port": of(lambda: connected(53)),
        "bind and listen": of(listening), "listen": of(only_listening),
        "program": of(lambda: subprocess.run([sys.executable, "-I", "-c", ""], check=True)),
        "fork": of(forked), "thread": of(thread),
        "files": {path: of(lambda: read(path)) for path in settings["files"]},
        "write": {path: of(lambda: wrote(path)) for path in settings["writes"]},
    }

before = tries()
if settings["role"] == "gateway":
    state = lock.apply_gateway([settings["port"]])
else:
    state = lock.apply_resolver()
after = tries()
lines = open("/proc/self/status").read().splitlines() if settings["role"] == "gateway" else []
status = dict(line.split(":", 1) for line in lines)
print(json.dumps({
    "before": before, "after": after, "state": state, "abi": landlock.version(),
    "dumpable": libc.prctl(3, 0, 0, 0, 0), "seccomp": status.get("Seccomp", "").strip(),
}))
loop.close()
"""


def found(home: Path, role: str, user: str) -> dict:
    unix = str(home / "socket")
    for name in (".config/indoors/engines.json", ".local/state/indoors/log", "project/main.py"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (home / ".cache/indoors").mkdir(parents=True)
    files = [str(home / ".config/indoors/engines.json"), "/etc/hosts", "/etc/passwd"]
    writes = [str(home / ".local/state/indoors/new"), str(home / ".cache/indoors/new")]
    import ctypes

    libc = ctypes.CDLL(None)
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(unix)
        listener.listen(5)
        settings = {
            "role": role, "port": one.getsockname()[1], "other": other.getsockname()[1],
            "unix": unix, "files": [*files, str(home / "project/main.py")], "writes": writes,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-I", "-c", SCRIPT, json.dumps(settings)],
            capture_output=True,
            text=True,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
            check=False,
            preexec_fn=None
            if user == "as it is"
            else lambda: libc.prctl(PR_SET_SECUREBITS, NO_ROOT),
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


SHUT = ("unix", "unix datagrams", "vsock", "netlink", "packet", "raw", "sctp", "mptcp", "pair",
        "unix connection", "listen", "program")  # fmt: skip
# What the launcher's filter leaves, so that this filter is what shuts it.
LEFT = ("unix", "pair", "unix connection", "udp", "udp6", "fork", "program", "listen",
        "bind and listen", "connection", "other port", "tcp", "tcp6", "thread")  # fmt: skip


@pytest.mark.parametrize("user", USERS)
def test_row_3_the_gateway_connects_by_tcp_to_its_ports_and_has_nothing_else(home, user):
    seen = found(home, "gateway", user)
    before, after = seen["before"], seen["after"]
    assert {name: before[name] for name in LEFT} == dict.fromkeys(LEFT, "reached")
    shut = (*SHUT, "udp", "udp6", "fork", "bind and listen", "fast open")
    assert {name: after[name] for name in shut} == dict.fromkeys(shut, "EPERM")
    kept = ("tcp", "tcp6", "connection", "thread")
    assert {name: after[name] for name in kept} == dict.fromkeys(kept, "reached")
    assert before["fast open"] != "EPERM"
    assert (seen["dumpable"], seen["seccomp"]) == (0, "2")


@pytest.mark.parametrize("user", USERS)
def test_row_3_the_resolver_asks_name_servers_and_has_nothing_else(home, user):
    seen = found(home, "resolver", user)
    after = seen["after"]
    assert {name: after[name] for name in SHUT} == dict.fromkeys(SHUT, "EPERM")
    kept = ("tcp", "tcp6", "udp", "udp6", "fork", "thread")
    assert {name: after[name] for name in kept} == dict.fromkeys(kept, "reached")
    assert seen["dumpable"] == 0


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("role", ["gateway", "resolver"])
def test_row_17_files_and_ports_are_narrowed_by_landlock(home, role, user):
    need(landlock.version() >= 4, "this kernel's Landlock knows no ports")
    seen = found(home, role, user)
    config, hosts, passwd, project = seen["before"]["files"]
    state_file, cache_file = seen["before"]["write"]
    assert set(seen["before"]["files"].values()) == {"reached", "EACCES"}
    assert seen["before"]["files"][project] == "EACCES"
    assert set(seen["before"]["write"].values()) == {"reached"}
    is_gateway = role == "gateway"
    assert seen["after"]["files"] == {
        config: "reached" if is_gateway else "EACCES",
        hosts: "EACCES" if is_gateway else "reached",
        passwd: "EACCES",
        project: "EACCES",
    }
    assert seen["after"]["write"] == {
        state_file: "reached" if is_gateway else "EACCES",
        cache_file: "EACCES",
    }
    assert seen["before"]["other port"] == "reached"
    assert seen["after"]["other port"] == "EACCES"
    # Nobody listens there: the kernel lets the resolver find out.
    assert seen["after"]["name server's port"] == ("EACCES" if is_gateway else "ECONNREFUSED")
    assert seen["state"][0] == "enforced"


def test_row_8_without_the_launchers_lock_there_is_no_gateway(home):
    command = [sys.executable, "-I", "-m", "indoors_server", "gateway"]
    for arguments in ([], ["--resolver"], ["--policy=3"]):
        done = subprocess.run(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"HOME": str(home)},
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr == b"indoors gateway: is started by the launcher only\n"
