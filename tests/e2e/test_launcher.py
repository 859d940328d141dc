"""A real server and its launcher: there is one only where a policy lets code go further."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.lsp_client import LspClient, running_server
from support.launchers import status_of, write_policy
from support.processes import is_alive, pids, stat_fields, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only")

GONE_S = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_STATE_HOME": str(home / ".local/state"),
    }


def tree_of(pid: int) -> set[int]:
    """A process and all below it."""
    parents = {one: int(fields[1]) for one in pids() if (fields := stat_fields(one))}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def launchers_of(pid: int) -> list[int]:
    """The launchers in the tree of a server."""
    found = []
    for one in tree_of(pid):
        if is_alive(one):
            arguments = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
            found += [one] if b"launcher" in arguments else []
    return found


def launcher_state(client: LspClient) -> str:
    reports = client.notifications("indoors/status")
    return str(reports[-1]["launcher"]) if reports else ""


def told(client: LspClient) -> list[str]:
    """What the server said to the person."""
    return [one["message"] for one in client.notifications("window/showMessage")]


@pytest.mark.parametrize("mode", ["", "off", "local"])
def test_row_12_by_default_no_process_is_without_the_filter(home: Path, mode: str) -> None:
    if mode:
        write_policy(home, mode=mode)
    with running_server(environment(home)) as (client, process):
        client.initialize()
        client.wait_for(lambda: launcher_state(client) == "none")
        tree = tree_of(process.pid)
        assert launchers_of(process.pid) == []
        # Every process of the tree, as soon as its interpreter has come to the lock-down.
        wait_until(lambda: filters_of(tree) == {"2"}, GONE_S, "all are under the filter")
        client.shutdown()


def filters_of(pids: set[int]) -> set[str]:
    return {status_of(pid)["Seccomp"] for pid in pids if is_alive(pid)}


@pytest.mark.parametrize("mode", ["onprem", "closed"])
def test_a_wider_policy_brings_a_launcher_and_loosens_nobody(home: Path, mode: str) -> None:
    write_policy(home, mode=mode)
    with running_server(environment(home)) as (client, process):
        client.initialize()
        client.wait_for(lambda: launcher_state(client) == "waiting")
        (pid,) = launchers_of(process.pid)
        for one in (process.pid, pid):
            status = status_of(one)
            assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        # Two filters and not one are the server's if it is looser: they would be inherited.
        assert status_of(process.pid)["Seccomp_filters"] == "1"
        client.shutdown()
        process.wait(GONE_S)
    assert not is_alive(pid)
    assert list((home / ".local/state/indoors/launcher").iterdir()) == []


def test_row_12_a_server_that_loses_its_launcher_says_so_and_goes_on(home: Path) -> None:
    write_policy(home, mode="onprem")
    with running_server(environment(home)) as (client, process):
        client.initialize()
        client.wait_for(lambda: launcher_state(client) == "waiting")
        (pid,) = launchers_of(process.pid)
        os.kill(pid, signal.SIGKILL)
        client.wait_for(lambda: launcher_state(client) == "gone")
        client.wait_for(lambda: any("Next: restart the server" in text for text in told(client)))
        answer = client.request("workspace/executeCommand", {"command": "indoors.status"})
        assert answer["launcher"] == "gone"
        assert launchers_of(process.pid) == []
        client.shutdown()


def test_after_a_kill_no_launcher_remains(home: Path) -> None:
    write_policy(home, mode="onprem")
    with running_server(environment(home)) as (client, process):
        client.initialize()
        client.wait_for(lambda: launcher_state(client) == "waiting")
        (pid,) = launchers_of(process.pid)
        process.kill()
        wait_until(lambda: not is_alive(pid), GONE_S, "it ended with the server")


SIMPLIFY = ("refactor", "area.py:1", "--action", "simplify", "--with", "theirs")


@pytest.mark.parametrize("command", [("engines",), ("complete", "area.py:9:9"), SIMPLIFY])
def test_a_command_leaves_no_folder_of_a_launcher(home: Path, command: tuple[str, ...]) -> None:
    """Whether it used its launcher or not; and it has only one."""
    write_policy(home, mode="closed")
    (home / "area.py").write_text("def area(a):\n    return a\n")
    subprocess.run(
        [sys.executable, "-I", "-m", "indoors_server", *command],
        cwd=home, env=os.environ | environment(home), check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    folders = home / ".local/state/indoors/launcher"
    assert folders.is_dir(), "there was one"
    assert list(folders.iterdir()) == []
