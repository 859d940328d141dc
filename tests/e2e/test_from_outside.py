"""A whole session of an unprivileged user, and what others can see of it while it runs and after.

Rows 3, 24 and 25 of the threat table, for one session with the real model: a workspace is indexed,
a hundred completions are asked for, files change. The server is started with everything that could
betray it switched on: no umask, and core dumps of any size.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.altered import altered_command
from support.engines import engine_dir, model_path
from support.index_server import Editor, Workspace, editing, until
from support.lines import whole_lines
from support.needs import need
from support.other_users import ANOTHER, USER, acting_as, as_user, belongs_to, tell
from support.processes import is_locked, locks_of, role_of, tree_of
from support.real_session import READY_S, SETTINGS, complete, fill, jobs_done, storm

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc and other users, as Linux has them"),
]

ROOT = Path(__file__).resolve().parents[2]
N_COMPLETIONS = 100
ROLES = {"serve", "worker", "indexer", "maker"}
# With these the promise rests on modes that we set ourselves, and on limits that we lower.
CARELESS = ["sh", "-c", 'umask 0; ulimit -c unlimited; exec "$@"', "sh"]

# Reads what /proc shows of the processes named, as far as it may; the outcome for each file.
PROC_READER = """
import json, os, sys
def outcome(attempt):
    try: return "read" if attempt() else "empty"
    except OSError as error: return error.strerror
def memory(pid):
    for line in open(f"/proc/{pid}/maps"):
        place, rights, *_ = line.split()
        if rights.startswith("rw"):
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(int(place.split("-")[0], 16))
                return memory.read(16)
def look(pid):
    found = {name: outcome(lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
             for name in ("environ", "maps", "auxv")}
    found["mem, opened"] = outcome(lambda: os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    found["mem"] = outcome(lambda: memory(pid))
    found["fd"] = outcome(lambda: os.listdir(f"/proc/{pid}/fd"))
    found["cwd"] = outcome(lambda: os.readlink(f"/proc/{pid}/cwd"))
    return found
print(json.dumps({pid: look(pid) for pid in sys.argv[1:]}))
"""
# Opens every place that it is given; what the kernel said to each.
OPENER = """
import json, os, sys
def opened(path):
    try: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error: return error.strerror
    return "opened"
print(json.dumps({path: opened(path) for path in json.loads(sys.argv[1])}))
"""
DENIED = "Permission denied"

# Nothing of ours may have any of these in memory: modules that open connections for a purpose.
CLIENTS = {
    "http.client", "http.server", "urllib.request", "ftplib", "smtplib", "imaplib", "poplib",
    "nntplib", "telnetlib", "xmlrpc.client", "socketserver", "webbrowser", "requests", "urllib3",
    "httpx", "httpcore", "aiohttp", "websockets", "huggingface_hub", "grpc", "jinja2", "numpy",
    "indoors_server.fetch", "indoors_server.downloader",
}  # fmt: skip
# The server's event loop brings these along, and speaks through pipes alone.
EVENT_LOOP = {"socket", "ssl", "asyncio", "pygls"}


class Seen(NamedTuple):
    """What was seen of the session."""

    roles: dict[int, str]
    locks: dict[int, list[tuple[str, str]]]
    core_limits: dict[int, str]
    looks: dict[str, dict[str, str]]
    modules: dict[str, set[str]]
    made: list[Path]
    project: Path


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    folder = Path(tempfile.mkdtemp(prefix="indoors-outside-"))
    folder.chmod(0o755)
    try:
        yield session(folder)
    finally:
        shutil.rmtree(folder)


def session(folder: Path) -> Seen:
    """Have a whole session, as an unprivileged user, and note what could be seen of it."""
    work, log = Workspace(folder), folder / "stderr"
    fill(work)
    copy_the_model(work)
    config = work.home / ".config" / "indoors" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"log": {"level": "debug", "file": True}}))
    before = set(work.home.rglob("*"))
    belongs_to(USER, work.root, work.home)
    command = [*CARELESS, *as_user(USER, *altered_command("modules", "serve"))]
    with editing(work, command=command, log_to=log, settings=SETTINGS) as editor:
        editor.client.wait_ready(READY_S)
        editor.phase(work.root, "ready")
        assert complete(editor.client, work, N_COMPLETIONS) >= N_COMPLETIONS / 2
        assert jobs_done(editor.client) >= N_COMPLETIONS
        with acting_as(USER):
            storm(work, 50)
        # None of them is in its first milliseconds, when it is not locked and cannot be asked.
        until(lambda: with_a_maker(editor, work) and is_locked(editor.pid))
        roles = living(editor)
        found = {
            "locks": {pid: locks_of(pid) for pid in roles},
            "core_limits": {pid: core_limit(pid) for pid in roles},
            "looks": tell(USER, PROC_READER, *map(str, roles)),
            "modules": told_modules(log, roles),
        }
        editor.client.shutdown()
    made = sorted(set(work.home.rglob("*")) - before)
    return Seen(roles=roles, made=made, project=work.root / "pkg" / "module_1.py", **found)


def copy_the_model(work: Workspace) -> None:
    """Model and engine, for a user who cannot read those of this machine."""
    model, engine = model_path(), engine_dir()
    (work.cache / "models").mkdir(parents=True)
    shutil.copy(model, work.cache / "models")
    shutil.copytree(engine.parent, work.cache / "engines", symlinks=True)


def living(editor: Editor) -> dict[int, str]:
    """The processes of the session, by id."""
    return {pid: role_of(pid) for pid in tree_of(editor.pid)}


def with_a_maker(editor: Editor, work: Workspace) -> bool:
    """Whether all kinds of processes are there: a saved file brings a maker for a while."""
    if set(living(editor).values()) == ROLES:
        return True
    with acting_as(USER):
        work.put("pkg/saved.py", f"saved_at = {time.monotonic_ns()}\n")
    time.sleep(0.3)
    return False


def core_limit(pid: int) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(" ".join(line.split()[4:6]) for line in lines if line.startswith("Max core"))


def told_modules(log: Path, roles: dict[int, str]) -> dict[str, set[str]]:
    """What each process has imported, as it says itself when it is asked to."""

    def told() -> list[dict[str, Any]]:
        lines = [line.partition("MODULES ")[2] for line in whole_lines(log)]
        return [json.loads(line) for line in lines if line]

    for pid in roles:
        os.kill(pid, signal.SIGUSR1)
    until(lambda: {one["pid"] for one in told()} >= set(roles))
    return {roles[one["pid"]]: set(one["modules"]) for one in told()}


def test_row_3_every_task_of_every_process_is_locked(seen: Seen) -> None:
    assert set(seen.roles.values()) == ROLES
    assert all(len(locks) > 1 for pid, locks in seen.locks.items() if seen.roles[pid] == "worker")
    assert {lock for locks in seen.locks.values() for lock in locks} == {("2", "1")}


def test_row_3_an_unlocked_process_shows_it() -> None:
    """The control: the same process without the lock-down has no more than we have here."""
    with idle(altered_command("unlocked", "indexer")) as process:
        until(lambda: len(locks_of(process.pid)) > 1)
        ours = locks_of(os.getpid())[0]
        assert set(locks_of(process.pid)) == {ours} != {("2", "1")}


def test_row_24_what_a_session_leaves_is_its_users_alone(seen: Seen) -> None:
    names = {path.name for path in seen.made}
    assert {"index", "cuda", "server.log", "audit.jsonl", "audit.key"} <= names
    assert any(name.endswith(".db") for name in names)
    wanted = {path: (USER, 0o700 if path.is_dir() else 0o600) for path in seen.made}
    states = {path: path.lstat() for path in seen.made}
    assert {
        path: (state.st_uid, stat.S_IMODE(state.st_mode)) for path, state in states.items()
    } == wanted


def test_row_24_another_user_opens_none_of_it(seen: Seen) -> None:
    made = [str(path) for path in seen.made]
    asked = tell(ANOTHER, OPENER, json.dumps([*made, str(seen.project)]))
    # The control: a file of the project, in the same folder, which everybody may read.
    assert asked.pop(str(seen.project)) == "opened"
    assert asked == dict.fromkeys(made, DENIED)
    assert set(tell(USER, OPENER, json.dumps(made)).values()) == {"opened"}


def test_row_24_another_process_of_the_same_user_cannot_look_inside(seen: Seen) -> None:
    for pid, role in seen.roles.items():
        look = seen.looks[str(pid)]
        assert look == dict.fromkeys(look, DENIED), role


def test_row_24_an_ordinary_process_can_be_looked_into() -> None:
    """The control: what the same user sees of a process that does not protect itself."""
    yama = Path("/proc/sys/kernel/yama/ptrace_scope")
    need(not yama.exists() or yama.read_text().strip() == "0", "Yama protects every process here")
    with idle(as_user(USER, sys.executable, "-I", "-c", "input()")) as process:
        until(lambda: b"input()" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
        until(lambda: Path(f"/proc/{process.pid}").stat().st_uid == USER)
        (look,) = tell(USER, PROC_READER, str(process.pid)).values()
        assert look == dict.fromkeys(look, "read")


def test_row_24_no_process_may_write_a_core(seen: Seen) -> None:
    """The server was started with no limit, which its children would have inherited."""
    assert set(seen.core_limits.values()) == {"0 0"}


@pytest.mark.parametrize("role", ["serve", "worker", "indexer"])
def test_row_24_an_aborted_process_leaves_no_core(role: str, tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    need(pattern.startswith("core"), f"cores do not go into the working directory here: {pattern}")
    assert cores_of(altered_command("none", role), tmp_path / "locked") == (False, [])
    dumped, left = cores_of(altered_command("unlocked", role), tmp_path / "control")
    assert dumped
    assert len(left) == 1


def cores_of(command: list[str], folder: Path) -> tuple[bool, list[str]]:
    """Abort a process with no limit on cores; whether the kernel dumped it, and what it left."""
    folder.mkdir()
    with idle([*CARELESS, *command], folder) as process:
        until(lambda: "SigIgn" in Path(f"/proc/{process.pid}/status").read_text())
        until(lambda: len(locks_of(process.pid)) > 1)
        process.send_signal(signal.SIGABRT)
        status = os.waitpid(process.pid, 0)[1]
        process.returncode = -os.WTERMSIG(status)
    return os.WCOREDUMP(status), [path.name for path in folder.iterdir()]


@contextmanager
def idle(command: list[str], folder: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its stdin; ended afterwards."""
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


def test_row_25_no_process_has_imported_what_speaks_to_a_network(seen: Seen) -> None:
    assert set(seen.modules) == ROLES
    for role, modules in seen.modules.items():
        assert modules & CLIENTS == set(), role
        if role != "serve":
            assert modules & EVENT_LOOP == set(), role
    # The control: what was told is what a process of that kind has.
    assert {"pygls", "asyncio", "socket"} <= seen.modules["serve"]
    assert "llama_cpp" in seen.modules["worker"]
    assert "tree_sitter" in seen.modules["maker"]
