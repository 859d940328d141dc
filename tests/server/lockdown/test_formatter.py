"""What a formatter can do that is started by a locked server, or by a command: on the real kernel.

The positive control is the same program, started as a person starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_server import landlock, lockdown, seccomp
from support.needs import need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the lock-down is Linux")

# A formatter that tries to get out, and writes down what it could do. It takes addresses that no
# machine has (RFC 5737), and sends to none of them.
PROBE = """
import ctypes, json, os, socket, subprocess, sys
text, place = sys.stdin.read(), sys.argv[1]
def tried(attempt):
    try: attempt()
    except OSError as error: return error.strerror
    return "opened"
def write(path): return lambda: os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
def child():
    code = "import socket; socket.socket()"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True)
    if done.returncode: raise PermissionError(1, "Operation not permitted")
found = dict(
    internet=tried(socket.socket),
    datagram=tried(lambda: socket.socket(type=socket.SOCK_DGRAM)),
    service=tried(lambda: socket.socket(socket.AF_UNIX).connect(f"{place}/service")),
    child=tried(child),
    workspace=tried(write(f"{place}/project/new.py")),
    changed=tried(lambda: os.close(os.open(f"{place}/project/main.py", os.O_WRONLY))),
    home=tried(write(f"{place}/.profile")),
    cache=tried(write(f"{place}/cache/indoors/new")),
    state=tried(write(f"{place}/state/indoors/new")),
    temporary=tried(write(f"{place}/new")),
    own_folder=tried(write("new")),
    read=tried(lambda: os.close(os.open(f"{place}/project/main.py", os.O_RDONLY))),
    seccomp=open("/proc/self/status").read().partition("Seccomp:")[2].split()[0],
    folder=os.getcwd(), names=sorted(os.environ),
)
print("#", json.dumps(found))
"""
STARTER = """
import json, os, sys
from indoors_server import formatter, lockdown
how, place, probe = sys.argv[1:4]
if how == "server":
    print(json.dumps(lockdown.apply("serve")))
else:
    print(json.dumps(["not locked"]))
try:
    command = [sys.executable, "-I", probe, place]
    print(formatter.formatted(command, "x = 1\\n", [f"{place}/project"]))
except formatter.Unfit as error:
    print("unfit", error)
"""
NETWORK = ("internet", "datagram", "service", "child")
FILES = ("workspace", "changed", "home", "cache", "state", "temporary")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home that anybody may write in, with a project, a probe, and a service that listens."""
    for name in ("cache/indoors/x", "state/indoors/x", "project/main.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "probe.py").write_text(PROBE)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    for folder in tmp_path.parents[:3]:
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o755)
    return tmp_path


@pytest.fixture(autouse=True)
def _service(place: Path):
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "service"))
        (place / "service").chmod(0o777)
        listener.listen()
        yield


def environment(place: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "XDG_CACHE_HOME": str(place / "cache"),
        "XDG_STATE_HOME": str(place / "state"),
        "SECRET_TOKEN": "x",
    }


def run_plainly(place: Path) -> dict[str, str]:
    (place / "own").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-I", str(place / "probe.py"), str(place)],
        input=b"x = 1\n",
        capture_output=True,
        cwd=place / "own",
        env=environment(place),
        check=True,
        timeout=60,
    )
    for name in ("project/new.py", ".profile", "cache/indoors/new", "state/indoors/new", "new"):
        (place / name).unlink()
    return json.loads(done.stdout.decode().removeprefix("#"))


def run_as(how: str, place: Path) -> tuple[list[str], dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", STARTER, how, str(place), str(place / "probe.py")],
        capture_output=True,
        env=environment(place),
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    lock, said = done.stdout.decode().split("\n", 1)
    assert said.startswith("#"), said
    return json.loads(lock), json.loads(said.removeprefix("#"))


@pytest.mark.parametrize("how", ["server", "command"])
def test_row_3_a_formatter_has_no_network_whoever_starts_it(place: Path, how: str) -> None:
    need(seccomp.machine(), "no filter is written for this machine")
    control = run_plainly(place)
    assert {name: control[name] for name in NETWORK} == dict.fromkeys(NETWORK, "opened")
    lock, found = run_as(how, place)
    assert ("enforced" in lock[0]) == (how == "server")
    assert {name: found[name] for name in NETWORK} == dict.fromkeys(
        NETWORK, "Operation not permitted"
    )
    assert found["seccomp"] == "2"


@pytest.mark.parametrize("how", ["server", "command"])
def test_row_17_a_formatter_writes_in_its_empty_folder_only(place: Path, how: str) -> None:
    """Not even in our own cache and state, where the server itself may write."""
    need(landlock.version(), "this kernel has no Landlock")
    control = run_plainly(place)
    assert {name: control[name] for name in FILES} == dict.fromkeys(FILES, "opened")
    _, found = run_as(how, place)
    assert {name: found[name] for name in FILES} == dict.fromkeys(FILES, "Permission denied")
    assert (found["own_folder"], found["read"]) == ("opened", "opened")
    folder = Path(found["folder"])
    assert folder.is_relative_to(place / "cache/indoors")
    assert not folder.exists(), "it is removed with what was written in it"


def test_row_24_a_formatter_is_told_little_of_the_environment(place: Path) -> None:
    assert "SECRET_TOKEN" in run_plainly(place)["names"]
    _, found = run_as("server", place)
    known = {"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "LANG", "LC_ALL", "LC_CTYPE"}
    assert set(found["names"]) <= known


def test_row_8_a_formatter_is_not_run_where_the_lock_down_is_not_proven(place: Path) -> None:
    """The role itself refuses, whatever its starter is: seen with a lock-down that does nothing."""
    code = (
        "import sys\n"
        "from indoors_server import __main__ as entry, lockdown\n"
        "if sys.argv[1] == 'unproven': lockdown.apply = lambda *_: lockdown.state()\n"
        "sys.exit(entry.main(['formatter', *sys.argv[2:]]))\n"
    )
    (place / "own").mkdir()
    run = json.dumps(["/bin/sh", "-c", "echo > ran"])
    arguments = [f"--folder={place / 'own'}", "--path=/usr/bin:/bin", f"--run={run}"]
    for how, status in (("unproven", lockdown.UNPROVEN_STATUS), ("proven", 0)):
        done = subprocess.run(
            [sys.executable, "-I", "-c", code, how, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment(place),
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stderr.decode()
        assert (place / "own/ran").exists() == (how == "proven")


def test_an_argument_of_a_formatter_cannot_ask_for_our_help(place: Path) -> None:
    """`-h` anywhere keeps a role from being locked, as it only prints: not a formatter's `-h`."""
    code = (
        "import sys; from indoors_server import formatter\n"
        "command = [sys.executable, '-I', sys.argv[1], sys.argv[2], '-h', '--help']\n"
        "print(formatter.formatted(command, 'x', []))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(place / "probe.py"), str(place)],
        capture_output=True,
        env=environment(place),
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout.decode().removeprefix("#"))["internet"] != "opened"
