"""A formatter where edits are made: in an editor (real JSON-RPC bytes), and who may name one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_server import paths
from support import formatters
from support.edit_clients import CAPABILITIES, applied, menu, place, shown, titled
from support.in_process import serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it runs under the lock-down only")

TEXT = """\
def area(width, height):
    total = width * height
    total = round(total, 2)
    return total


LAST = 1
"""
WRITTEN = TEXT.replace("    total = width", "    total=2 * width")
FORMED = WRITTEN.replace("total=", "total = ")
IN_AREA = place(1, 4, 1, 4)


@pytest.fixture
def core() -> FakeCore:
    made = FakeCore()
    # An answer goes on where it was begun for it.
    whole = WRITTEN[: WRITTEN.index("\n\n\n")]
    begun = "```python\n"
    made.engine.script = lambda job: whole.removeprefix(job.parts[-1].text.partition(begun)[2])
    return made


def name_formatter(command: list[str]) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    named = {"refactor": {"formatter": {"python": command}}}
    (paths.config_dir() / "config.json").write_text(json.dumps(named))


def documented(client: LspClient, workspace: Path, **more: Any) -> dict[str, Any]:
    """The edit of an editor that was started with settings."""
    uri = (workspace / "shapes.py").as_uri()
    client.initialize(capabilities=CAPABILITIES, folders=(workspace,), **more)
    client.open(uri, TEXT)
    entry = titled(menu(client, uri, IN_AREA), "Simplify area")
    resolved = client.request("codeAction/resolve", entry)
    assert "edit" in resolved, resolved
    return dict(resolved["edit"])


def text_after(edit: dict[str, Any]) -> str:
    (change,) = edit["documentChanges"]
    return applied(TEXT, change["edits"])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


# The settings of the person are read at the start: by then they must be there.
@pytest.fixture
def starting(core: FakeCore, private_home: Path) -> Any:
    return lambda: serving(core)


def test_an_editor_is_given_the_formatters_form(
    starting: Any, private_home: Path, workspace: Path
) -> None:
    name_formatter(formatters.write(private_home, "blanks"))
    with starting() as client:
        edit = documented(client, workspace)
        assert text_after(edit) == FORMED
        (note,) = edit["changeAnnotations"].values()
        assert "ormatted" not in note["description"]
        assert not shown(client)


@pytest.mark.parametrize("kind", ["hidden", "fails", "next_line"])
def test_an_editor_is_given_the_edit_as_it_was_and_the_reason_once(
    starting: Any, private_home: Path, workspace: Path, kind: str
) -> None:
    name_formatter(formatters.write(private_home, kind))
    with starting() as client:
        edit = documented(client, workspace)
        assert text_after(edit) == WRITTEN
        (note,) = edit["changeAnnotations"].values()
        assert f"Not formatted by {Path(sys.executable).name}: " in note["description"]
        uri = (workspace / "shapes.py").as_uri()
        entry = titled(menu(client, uri, IN_AREA), "Simplify area")
        client.request("codeAction/resolve", entry)
        (said,) = shown(client)
        assert said.startswith("Indoors: Not formatted by ")


def test_row_19_only_the_persons_own_file_names_a_formatter(
    starting: Any, private_home: Path, workspace: Path
) -> None:
    """Neither a workspace's file nor the editor's settings, which a repository may hold."""
    probe = formatters.write(private_home, "blanks")
    settings = {"refactor": {"formatter": {"python": probe}}}
    (workspace / ".indoors.json").write_text(json.dumps(settings))
    with starting() as client:
        edit = documented(client, workspace, settings=settings)
        assert text_after(edit) == WRITTEN
        told = "\n".join(one["message"] for one in client.notifications("window/showMessage"))
        assert told.count("refactor.formatter can be set in your own config.json only") == 1
        assert told.count("refactor.formatter cannot be set by a workspace file") == 1
        sent = {"settings": {"indoors": settings}}
        client.notify("workspace/didChangeConfiguration", sent)
        uri = (workspace / "shapes.py").as_uri()
        entry = titled(menu(client, uri, IN_AREA), "Simplify area")
        resolved = client.request("codeAction/resolve", entry)
        assert text_after(resolved["edit"]) == WRITTEN
    name_formatter(probe)
    (workspace / ".indoors.json").unlink()
    with starting() as client:
        assert text_after(documented(client, workspace)) == FORMED, "the control"


def test_row_19_a_formatter_in_an_open_folder_is_not_run(
    starting: Any, private_home: Path, workspace: Path
) -> None:
    inside = workspace / "tidy"
    inside.write_text("#!/bin/sh\nsed 's/total=/total = /'\n")
    inside.chmod(0o755)
    name_formatter([str(inside)])
    with starting() as client:
        edit = documented(client, workspace)
        assert text_after(edit) == WRITTEN
        assert f"{inside} lies in the workspace" in shown(client)[0]
    outside = inside.rename(private_home / "tidy")
    name_formatter([str(outside)])
    with starting() as client:
        assert text_after(documented(client, workspace)) == FORMED, "the control"
