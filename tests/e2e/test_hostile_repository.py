"""Row 19: nothing that a repository brings is run, whatever it is called and wherever it is found.

The real server and the real commands work in the repository of `support.traps`, with it as their
working directory and with an environment that leads into it. `test_launch` has the table of forms.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.lsp_client import running_server
from indoors_server import paths
from support.index_server import Editor, Workspace, until
from support.needs import need_programs
from support.traps import GIT, Traps

RECORDING = [sys.executable, "-I", str(Path(__file__).parents[1] / "support/recording_server.py")]
SOURCE = '"""A file."""\n\n\ndef zquux_total(month: int) -> float:\n    return month * 2.0\n'
PATIENT = {"completion": {"deadlineMs": 20_000}}


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def traps(work: Workspace, tmp_path: Path) -> Traps:
    need_programs(GIT, "/usr/bin/make")
    traps = Traps(tmp_path)
    work.put("ledger.py", SOURCE)
    # Making the repository ran its own git, and may have sprung what is configured in it.
    for marker in traps.markers.iterdir():
        marker.unlink()
    return traps


def edit(work: Workspace, traps: Traps, command: list[str] | None) -> list[Any]:
    """What an editor does in a folder; the answers to its completions."""
    environment = work.environment() | traps.poison()
    answers = []
    with running_server(environment, command=command, cwd=work.root) as (client, process):
        client.initialize(folders=(work.root,), settings=PATIENT)
        if command is not None:
            client.wait_ready(60)
        editor = Editor(client, process.pid)
        editor.phase(work.root, "ready")
        work.finds("zquux_total", "ledger.py")
        for name in ("ledger.py", "tracked.py", "Makefile", "pyproject.toml", ".envrc"):
            uri = (work.root / name).as_uri()
            client.open(uri, (work.root / name).read_text())
            answers += client.complete(uri, 0, 0, trigger=1)
        uri = (work.root / "new.py").as_uri()
        client.open(uri, SOURCE + "\nzquux_total(")
        answers += client.complete(uri, 6, 12, trigger=1)
        client.insert(uri, 2, 6, 12, "3")
        answers += client.complete(uri, 6, 13, trigger=1)
        for name in ("ledger.py", ".indoors.json"):
            saved = {"textDocument": {"uri": (work.root / name).as_uri()}}
            client.notify("textDocument/didSave", saved)
        client.request("workspace/executeCommand", {"command": "indoors.status"})
        client.shutdown()
        until(lambda: client.ended)
    return answers


def run(work: Workspace, traps: Traps, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "indoors_server", *arguments], cwd=work.root, check=False,
        env=os.environ | work.environment() | traps.poison(), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip


def test_row_19_the_server_runs_nothing_of_a_repository(work: Workspace, traps: Traps) -> None:
    edit(work, traps, None)
    assert traps.sprung() == []


def test_row_19_nor_does_it_where_it_completes(work: Workspace, traps: Traps) -> None:
    assert edit(work, traps, RECORDING), "the control: there were completions"
    assert traps.sprung() == []


@pytest.mark.model
def test_row_19_nor_does_it_with_the_real_model(work: Workspace, traps: Traps) -> None:
    work.cache.mkdir(parents=True)
    for place in (paths.models_dir(), paths.engines_dir()):
        (work.cache / place.name).symlink_to(place)
    command = [sys.executable, "-I", "-m", "indoors_server", "serve"]
    assert edit(work, traps, command), "the control: there were completions"
    assert traps.sprung() == []
    assert run(work, traps, "complete", "ledger.py:5:12").returncode == 0
    assert traps.sprung() == []


def test_row_19_commands_run_nothing_of_a_repository(work: Workspace, traps: Traps) -> None:
    rebuilt = run(work, traps, "index", "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    found = run(work, traps, "search", "zquux_total")
    assert "ledger.py:4" in found.stdout, found.stderr
    assert run(work, traps, "index", "status").returncode == 0
    assert "index" in run(work, traps, "doctor").stdout
    for arguments in (
        ["status"], ["policy", "show"], ["models", "list"], ["complete", "ledger.py:5:12"],
        ["audit", "verify"], ["--version"],
    ):  # fmt: skip
        run(work, traps, *arguments)
    assert traps.sprung() == []


def test_row_19_every_trap_works_when_it_is_sprung(traps: Traps) -> None:
    """The control: whoever runs what the repository brings leaves the marker."""
    for name, spring in traps.springs.items():
        for marker in traps.markers.iterdir():
            marker.unlink()
        spring()
        assert name in traps.sprung(), name
