"""A person's formatter, as real processes: what it can spoil, and which programs are refused."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fakes.engine import FakeEngine
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.formatted import Unfit
from indoors_completion.refactor.types import Edit, EditRequest
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Document, Outline, Span
from indoors_server import formatter, paths
from indoors_server.settings import decode, resolve
from indoors_server.tidying import Tidying
from support import formatters
from support.processes import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it runs under the lock-down only")

TEXT = """\
def area(width, height):
    total = width * height
    return total


LAST = 1
"""
WRITTEN = TEXT.replace("    total = width", "    total=2 * width")
FORMED = TEXT.replace("    total = width", "    total = 2 * width")


@pytest.fixture(autouse=True)
def _home(private_home: Path) -> None:
    """Of the test's own."""


async def edited(text: str = TEXT) -> tuple[EditRequest, Edit]:
    """An edit that passed every check, badly formatted."""
    document = Document(
        uri="file:///w/shapes.py", path="shapes.py", language="python", version=1, text=text
    )
    outline = await DirectSyntax().outline("python", text)
    assert outline is not None
    start = text.index("total")
    request = EditRequest(
        document=document, selection=Span(start, start), action="edit", outline=outline,
        instruction="twice as much",
    )  # fmt: skip
    engine = FakeEngine(WRITTEN[: WRITTEN.index("\n\n\n")])
    found = await Editing(engine, DirectSyntax()).edit(request)
    assert isinstance(found, Edit), found
    return request, found


async def outline_of(document: Document, _patience_s: float) -> Outline | None:
    return await DirectSyntax().outline(document.language, document.text)


def after(request: EditRequest, edit: Edit) -> str:
    from indoors_completion.refactor import changes

    return changes.applied(request.document.text, edit.changes)


def tidied(command: list[str], text: str = TEXT, times: int = 1) -> tuple[str, str, list[str]]:
    """The file's text then, the reason why it was not formatted, and what the person was told."""
    told: list[str] = []
    settings = resolve(decode("config.json", {"refactor": {"formatter": {"python": command}}}))

    async def run() -> tuple[str, str]:
        request, edit = await edited(text=text)
        tidying = Tidying(outline_of, lambda _kind, said: told.append(said), {"w": "/w"})
        for _ in range(times):
            found, why = await tidying.tidied(request, edit, settings)
        assert found.before == edit.before
        assert found.after in after(request, found)
        return after(request, found), why

    return *asyncio.run(run()), told


# --- what it gives ------------------------------------------------------------------------------


def test_an_edit_is_shown_in_the_formatters_form(tmp_path: Path) -> None:
    assert tidied(formatters.write(tmp_path, "blanks")) == (FORMED, "", [])


def test_what_it_changes_elsewhere_is_dropped(tmp_path: Path) -> None:
    text, why, _ = tidied(formatters.write(tmp_path, "last_line"), TEXT + "OTHER = 1\n")
    assert (text, why) == (FORMED + "OTHER = 1\n", "")


def test_line_ends_of_the_file_stay(tmp_path: Path) -> None:
    text, why, _ = tidied(formatters.write(tmp_path, "line_feeds"), TEXT.replace("\n", "\r\n"))
    assert (text, why) == (FORMED.replace("\n", "\r\n"), "")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("nothing", "it gave nothing"),
        ("fails", "exit status 2"),
        ("crashes", "signal 11"),
        ("floods", "writes without end"),
        ("bytes", "not text in UTF-8"),
        ("zero", "zero bytes"),
        ("hidden", "does not pass the checks"),
        ("breaks", "does not pass the checks"),
        ("renames", "does not pass the checks"),
        ("unfinished", "its end cannot be told"),
        ("next_line", "its end cannot be told"),
        ("everything", "its end cannot be told"),
    ],
)
def test_what_goes_wrong_with_it_costs_the_form_only(
    tmp_path: Path, kind: str, reason: str
) -> None:
    text, why, told = tidied(formatters.write(tmp_path, kind), times=2)
    assert text == WRITTEN
    assert reason in why
    assert told == [f"Indoors: {why}"], "a person is told once"


def test_one_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatter, "TIMEOUT_S", 1.5)
    text, why, _ = tidied(formatters.write(tmp_path, "hangs"))
    assert text == WRITTEN
    assert "did not end within" in why
    wait_until(lambda: not formatters.started(), 20, "what it started has ended")


def test_one_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    """A document changes, and the edit is stopped while its formatter runs."""
    settings = {"refactor": {"formatter": {"python": formatters.write(tmp_path, "hangs")}}}

    async def run() -> None:
        request, edit = await edited()
        tidying = Tidying(outline_of, lambda *_: None, {})
        resolved = resolve(decode("config.json", settings))
        task = asyncio.ensure_future(tidying.tidied(request, edit, resolved))
        while len(formatters.started()) < 2:
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    wait_until(lambda: not formatters.started(), 20, "what it started has ended")


def test_what_it_leaves_behind_holds_nothing_up(tmp_path: Path) -> None:
    """A process in the background has the stream, and is ended."""
    assert tidied(formatters.write(tmp_path, "leaves"))[0] == FORMED
    wait_until(lambda: not formatters.started(), 20, "what it started has ended")


def test_only_the_language_that_it_is_named_for(tmp_path: Path) -> None:
    command = formatters.write(tmp_path, "blanks")
    settings = resolve(decode("config.json", {"refactor": {"formatter": {"go": command}}}))

    async def run() -> tuple[Edit, str]:
        request, edit = await edited()
        return await Tidying(outline_of, lambda *_: None, {}).tidied(request, edit, settings)

    found, why = asyncio.run(run())
    assert "total=2" in found.after
    assert why == ""


def test_nothing_of_it_stays(tmp_path: Path) -> None:
    for kind in ("blanks", "crashes"):
        tidied(formatters.write(tmp_path, kind))
    assert not list(paths.cache_dir().glob("formatter-*"))


# --- which program ------------------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "bin").mkdir(parents=True)
    return folder


def program(path: Path, text: str = "#!/bin/cat\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def refusal(name: str, workspace: Path, path: str) -> str:
    try:
        return f"found {formatter.find(name, [str(workspace)], path)}"
    except Unfit as error:
        return str(error)


def test_row_19_no_program_of_a_workspace_is_run(workspace: Path, tmp_path: Path) -> None:
    inside = program(workspace / "bin/tidy")
    outside = program(tmp_path / "tools/tidy")
    tools = str(outside.parent)
    assert refusal("tidy", workspace, tools) == f"found {outside}", "the control"
    assert refusal(str(outside), workspace, "") == f"found {outside}", "the control"
    said = f"{inside} lies in the workspace"
    assert said in refusal(str(inside), workspace, tools)
    assert said in refusal("tidy", workspace, f"{inside.parent}:{tools}")
    assert "lies in the workspace" in refusal(f"{tools}/../workspace/bin/tidy", workspace, tools)
    (tmp_path / "tools/linked").symlink_to(inside)
    assert "lies in the workspace" in refusal("linked", workspace, tools)
    (tmp_path / "other").symlink_to(workspace)
    assert "lies in the workspace" in refusal(str(tmp_path / "other/bin/tidy"), workspace, "")
    (workspace / "bin/leads_out").symlink_to(outside)
    assert "lies in the workspace" in refusal(str(workspace / "bin/leads_out"), workspace, "")
    script = program(tmp_path / "tools/script", f"#!{inside} -x\n")
    assert "lies in the workspace" in refusal(str(script), workspace, "")


def test_row_19_the_working_directory_names_no_program(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(workspace / "tidy")
    monkeypatch.chdir(workspace)
    for path in ("", ".", ":", "bin:.", f":{os.defpath}"):
        assert refusal("tidy", Path("/nowhere"), path) == "there is no such program"
    assert "relative path" in refusal("./tidy", Path("/nowhere"), "/bin")
    assert "relative path" in refusal("bin/tidy", Path("/nowhere"), "/bin")


def test_row_19_no_script_of_a_workspace_is_given_to_a_program(workspace: Path) -> None:
    script = workspace / "tidy.py"
    script.write_text("import sys; print(sys.stdin.read() * 2)")
    with pytest.raises(Unfit, match="lies in the workspace"):
        formatter.formatted([sys.executable, str(script)], "x", [str(workspace)])
    assert formatter.formatted([sys.executable, str(script)], "x", []) == "xx\n", "the control"


def test_row_19_its_path_has_no_folder_of_a_workspace(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`#!/usr/bin/env python` in a formatter must not find the workspace's."""
    monkeypatch.setenv("PATH", f"{workspace}/bin:.:{os.environ['PATH']}")
    show = [sys.executable, "-c", "import os; print(os.environ['PATH'])"]
    found = formatter.formatted(show, "", [str(workspace)]).strip()
    assert found == os.environ["PATH"].removeprefix(f"{workspace}/bin:.:")
    assert str(workspace) in formatter.formatted(show, "", []), "the control"


def test_it_does_not_block_the_event_loop(tmp_path: Path) -> None:
    command = formatters.write(tmp_path, "waits")
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    async def run() -> None:
        counting = asyncio.ensure_future(count())
        request, edit = await edited()
        settings = resolve(decode("c", {"refactor": {"formatter": {"python": command}}}))
        before = turns
        await Tidying(outline_of, lambda *_: None, {}).tidied(request, edit, settings)
        assert turns - before > 3
        counting.cancel()

    asyncio.run(run())
