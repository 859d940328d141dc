"""Whose code runs? The table of launch forms in a workspace that imitates our package.

A language server runs with the user's workspace as working directory. The hostile workspace here
holds packages named like ours and like our dependencies, and poisons PYTHONPATH; each fake leaves
a marker file when it runs. Only `-I` keeps it out, which is why it is the one launch form.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_server import children

FAKE = "import pathlib\npathlib.Path({marker!r}).touch()\nraise SystemExit(7)\n"
FAKED = ("indoors_server", "indoors_completion", "indoors_indexing", "pygls", "msgspec", "server")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    fake = FAKE.format(marker=str(tmp_path / "marker"))
    for name in FAKED:
        package = workspace / name
        package.mkdir()
        (package / "__init__.py").write_text(fake)
        (package / "__main__.py").write_text(fake)
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "asyncio.py"):
        (workspace / name).write_text(fake)
    return workspace


def run(command: list[str], workspace: Path, **environment: str) -> bool:
    """Run `command` in the workspace; whether the workspace's code ran."""
    subprocess.run(
        command,
        cwd=workspace,
        env={"PATH": os.environ["PATH"], "HOME": str(workspace.parent), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return (workspace.parent / "marker").exists()


def console_script() -> str:
    return str(Path(sys.executable).parent / "indoors")


@pytest.mark.parametrize(
    ("form", "environment", "theirs"),
    [
        ([sys.executable, "-m", "server"], {}, True),
        ([sys.executable, "-m", "indoors_server", "--version"], {}, True),
        ([console_script(), "--version"], {"PYTHONPATH": "."}, True),
        ([sys.executable, "-P", "-m", "indoors_server", "--version"], {"PYTHONPATH": "."}, True),
        ([sys.executable, "-I", "-m", "indoors_server", "--version"], {"PYTHONPATH": "."}, False),
    ],
    ids=["plain name", "-m", "console script + PYTHONPATH", "-P + PYTHONPATH", "-I"],
)
def test_only_the_isolated_form_runs_our_code(
    hostile: Path, form: list[str], environment: dict[str, str], theirs: bool
) -> None:
    assert run(form, hostile, **environment) is theirs


@pytest.mark.parametrize("role", ["serve", "worker", "indexer", "launcher", "formatter"])
def test_every_role_starts_isolated(hostile: Path, role: str) -> None:
    command = children.command(role)
    assert Path(command[0]).is_absolute()
    assert command[1:3] == ["-I", "-m"]
    assert not run(command, hostile, PYTHONPATH=".", PYTHONSTARTUP="sitecustomize.py")
