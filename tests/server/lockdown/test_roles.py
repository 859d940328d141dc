"""The processes themselves, as `children.spawn` starts them: locked before anything heavy."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from indoors_server import children

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Linux lock-down")

DEADLINE_S = 30


def status_of(task: Path) -> dict[str, str]:
    lines = (task / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def tasks_once_locked(process: subprocess.Popen[bytes]) -> list[dict[str, str]]:
    """The status of every task of `process`, as soon as the first is under a filter."""
    deadline = time.monotonic() + DEADLINE_S
    tasks = Path(f"/proc/{process.pid}/task")
    while time.monotonic() < deadline:
        assert process.poll() is None, f"it ended with {process.returncode}"
        found = [status_of(task) for task in tasks.iterdir()]
        if found and found[0]["Seccomp"] != "0":
            return found
        time.sleep(0.005)
    raise AssertionError("no filter within the deadline")


@pytest.mark.parametrize("role", ["worker", "indexer", "serve"])
def test_every_task_of_a_role_is_locked(role):
    with children.spawn(role, stderr=subprocess.DEVNULL) as process:
        try:
            for status in tasks_once_locked(process):
                assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        finally:
            process.kill()


def test_a_command_for_people_is_not_locked_by_the_entry_point():
    """`models pull` and `setup` download, because a person asked: the filter would stop them."""
    code = (
        "import sys; from indoors_server import __main__ as entry, lockdown\n"
        "entry.main(['--version']); print(lockdown.state().reason)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "not applied yet"


def test_nothing_heavy_is_imported_before_the_lock():
    code = (
        "import sys; from indoors_server import __main__\n"
        "heavy = {'pygls', 'lsprotocol', 'msgspec', 'asyncio', 'socket', 'threading', 'ssl',"
        " 'http', 'urllib.request', 'tree_sitter', 'llama_cpp', 'subprocess'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
