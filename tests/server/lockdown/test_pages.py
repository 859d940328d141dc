"""docs/privacy.md and SECURITY.md: their commands do what they say, and their tests exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indoors_server import children

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the pages' commands are Linux")

ROOT = Path(__file__).parents[3]
PRIVACY = (ROOT / "docs/privacy.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)\n```", PRIVACY, re.DOTALL)
DEADLINE_S = 30


def command(needle: str) -> str:
    """The one command of the page that has `needle` in it, for this interpreter."""
    (found,) = [text for text in COMMANDS if needle in text]
    return found.replace(".venv/bin/python", sys.executable)


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_kernel_refuses_the_reader_a_socket():
    done = run(command('socket.socket()"'))
    assert "enforced" in done.stdout
    assert done.stderr.splitlines()[-1] == "PermissionError: [Errno 1] Operation not permitted"


def test_proc_shows_the_filter_of_a_running_process():
    if shutil.which("pgrep") is None:
        pytest.skip("pgrep is not installed here")
    with children.spawn("indexer") as process:
        assert process.stdin is not None
        try:
            # Our own process only: others may be running on this machine.
            text = re.sub(r"\$\(pgrep -f '[^']*'\)", str(process.pid), command("pgrep"))
            assert text != command("pgrep")
            lines = wait_for_filter(text)
            pattern = re.search(r"pgrep -f '(.*?)'", command("pgrep"))
            assert pattern is not None
            arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            assert re.search(pattern[1], b" ".join(arguments).decode())
        finally:
            process.kill()
    assert {line.split(":", 1)[1] for line in lines} == {"NoNewPrivs:\t1", "Seccomp:\t2"}


def wait_for_filter(text: str) -> list[str]:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        lines = run(text).stdout.splitlines()
        if any(line.endswith("Seccomp:\t2") for line in lines):
            return lines
    raise AssertionError("no filter within the deadline")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed here")
def test_strace_shows_the_self_test_and_nothing_else():
    """Row 2 of the threat table, for the indexer: no attempt that merely failed either."""
    done = run(command("io_uring_setup"))
    assert done.returncode == 0, done.stderr
    calls = [line for line in done.stderr.splitlines() if "(" in line and "= " in line]
    refused = [line for line in calls if "= -1 EPERM" in line or "= -1 ENOSYS" in line]
    assert len(refused) == 7
    (allowed,) = set(calls) - set(refused)
    assert re.match(r"socketpair\(AF_UNIX, SOCK_STREAM, 0, .*\) += 0$", allowed)
    control = run(command("connect_ex")).stderr
    assert "socket(AF_INET" in control
    assert "connect(3, {sa_family=AF_INET" in control


@pytest.mark.parametrize("page", ["docs/privacy.md", "SECURITY.md"])
def test_the_tests_that_a_page_names_exist(page):
    named = set(re.findall(r"tests/[\w/.]+\w", (ROOT / page).read_text()))
    assert named
    assert {path for path in named if not (ROOT / path).exists()} == set()
