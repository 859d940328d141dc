"""Whoever is killed, nothing of ours remains: the editor, the server, at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.lsp_client import LspClient, running_server, server_command
from support.processes import children_of, in_session, is_alive, wait_until

pytestmark = pytest.mark.model

READY_S = 60.0
GONE_S = 5.0
URI = "file:///w/a.py"
# Long enough that evaluating the prompt takes a while, also on a fast machine.
LONG = "".join(f"def function_{n}(x):\n    return x * {n} + {n % 7}\n\n\n" for n in range(400))

# An "editor" that starts the server on its own stdin and stdout and then waits. The test holds the
# other ends, as a wrapper would: so the server's stdin does not end when the editor dies.
EDITOR = """\
import subprocess, sys
server = subprocess.Popen(sys.argv[2:], stdin=0, stdout=1)
open(sys.argv[1], "w").write(str(server.pid))
server.wait()
"""


@contextmanager
def edited(tmp_path: Path) -> Iterator[tuple[LspClient, int, int]]:
    """(client, editor's pid, server's pid); everything is in one session of its own."""
    pid_file = tmp_path / "server.pid"
    editor = subprocess.Popen(
        [sys.executable, "-c", EDITOR, str(pid_file), *server_command()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert editor.stdin
    assert editor.stdout
    client = LspClient(editor.stdin, editor.stdout)
    try:
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), 20, "the editor started")
        yield client, editor.pid, int(pid_file.read_text())
    finally:
        for pid in in_session(editor.pid):
            os.kill(pid, signal.SIGKILL)
        editor.wait()
        client.close()


def bring_to(client: LspClient, server: int, moment: str) -> None:
    """Bring the server to a moment: its model loading, a prompt being evaluated, or idle."""
    client.initialize()
    if moment == "load":
        wait_until(lambda: "worker" in children_of(server), 20, "a worker")
        return
    client.wait_ready(READY_S)
    if moment == "prefill":
        client.open(URI, LONG)
        client.start_completion(URI, LONG.count("\n"), 0, trigger=1)
        client.wait_for(lambda: client.phase() == "busy", 20)


@pytest.mark.parametrize("moment", ["load", "prefill", "idle"])
@pytest.mark.parametrize("victim", ["editor", "server"])
def test_after_a_kill_nothing_remains(tmp_path: Path, victim: str, moment: str) -> None:
    with edited(tmp_path) as (client, editor, server):
        bring_to(client, server, moment)
        ours = {server, *children_of(server).values()}
        assert len(ours) >= 2
        os.kill(editor if victim == "editor" else server, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, ours)), GONE_S, f"{victim} killed in {moment}")
        wait_until(lambda: not set(in_session(editor)) - {editor}, GONE_S, "no stray process")


@pytest.mark.parametrize("moment", ["load", "prefill", "idle"])
def test_the_end_of_stdin_ends_everything(moment: str) -> None:
    with running_server() as (client, process):
        bring_to(client, process.pid, moment)
        children = list(children_of(process.pid).values())
        assert children
        assert process.stdin
        process.stdin.close()
        assert process.wait(GONE_S) == 1
        wait_until(lambda: not any(map(is_alive, children)), GONE_S, f"end in {moment}")


@pytest.mark.parametrize("moment", ["prefill", "idle"])
def test_shutdown_and_exit_end_the_children_first(tmp_path: Path, moment: str) -> None:
    with edited(tmp_path) as (client, _, server):
        bring_to(client, server, moment)
        children = list(children_of(server).values())
        assert len(children) == 2
        client.request("shutdown", timeout_s=GONE_S)
        assert not any(map(is_alive, children))
        client.notify("exit")
        wait_until(lambda: not is_alive(server), GONE_S, "the server left")


def test_the_server_leaves_when_the_process_named_at_initialize_ends(tmp_path: Path) -> None:
    """`processId`: its stdin stays open and its parent lives."""
    with edited(tmp_path) as (client, _, server):
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        client.initialize(process_id=other.pid)
        client.wait_for(lambda: client.phase(), READY_S)
        other.kill()
        other.communicate()
        wait_until(lambda: not is_alive(server), GONE_S, "the server left")
