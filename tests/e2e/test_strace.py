"""Row 2 of the threat table: nobody even tries, in a session that strace looks at from outside.

A packet counter does not see an attempt that the kernel refused. strace does: every network call of
every task of the server, the worker, the indexer and its makers is read, and none may lead out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fakes.lsp_client import server_command
from support.altered import altered_command
from support.index_server import Editor, Workspace, editing, until
from support.needs import need_programs
from support.processes import role_of, tree_of
from support.real_session import (
    READY_S,
    SETTINGS,
    complete,
    edit,
    fill,
    jobs_done,
    storm,
    use_the_models_of_this_machine,
)
from support.tracing import attempts, calls_of, has_tested_itself, traced

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    need_programs("strace")
    work = Workspace(tmp_path)
    fill(work)
    return work


def roles(editor: Editor) -> dict[int, str]:
    """The processes of a server that runs under a tracer, by id."""
    return {pid: role_of(pid) for pid in tree_of(editor.pid) if pid != editor.pid}


def assert_nobody_tried(into: Path, seen: dict[int, str]) -> None:
    calls = calls_of(into)
    assert {pid: found for pid, some in calls.items() if (found := attempts(some))} == {}
    for pid, role in seen.items():
        assert has_tested_itself(calls[pid]), f"strace did not follow the {role}"


def test_row_2_no_attempt_while_a_workspace_is_indexed(work: Workspace, tmp_path: Path) -> None:
    into = tmp_path / "trace"
    with editing(work, command=traced(into, *server_command())) as editor:
        editor.phase(work.root, "ready")
        editor.client.open((work.root / "new.py").as_uri(), "value = 1\n")
        editor.client.complete((work.root / "new.py").as_uri(), 0, 5, trigger=1)
        storm(work, 100)
        until(lambda: {"serve", "indexer", "maker"} <= set(roles(editor).values()))
        seen = roles(editor)
        editor.client.shutdown()
    assert_nobody_tried(into, seen)


@pytest.mark.model
def test_row_2_no_attempt_while_the_model_completes(work: Workspace, tmp_path: Path) -> None:
    use_the_models_of_this_machine(work)
    into = tmp_path / "trace"
    command = traced(into, *server_command())
    with editing(work, command=command, settings=SETTINGS) as editor:
        editor.client.wait_ready(READY_S)
        editor.phase(work.root, "ready")
        assert complete(editor.client, work, 10) >= 5
        assert jobs_done(editor.client) >= 10
        edit(editor, work)
        seen = roles(editor)
        editor.client.shutdown()
    assert {"serve", "worker", "indexer"} <= set(seen.values())
    assert_nobody_tried(into, seen)


def test_row_2_a_library_that_asks_for_a_page_is_seen(work: Workspace, tmp_path: Path) -> None:
    """The control: the same check fails, though the kernel refused and not a packet was sent."""
    into = tmp_path / "trace"
    command = traced(into, *altered_command("request", "serve"))
    with editing(work, command=command, log_to=tmp_path / "log") as editor:
        editor.phase(work.root, "ready")
        seen = roles(editor)
        editor.client.shutdown()
    tried = [one for one in (tmp_path / "log").read_text().splitlines() if "ATTEMPT" in one]
    assert tried
    assert all("Operation not permitted" in one for one in tried)
    indexer = next(pid for pid, role in seen.items() if role == "indexer")
    assert any(call.startswith("socket(AF_INET,") for call in attempts(calls_of(into)[indexer]))
    with pytest.raises(AssertionError):
        assert_nobody_tried(into, seen)
