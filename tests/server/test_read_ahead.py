"""The code of an edit is read while a person writes the instruction, and by nobody else's leave."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.engine import prompt_of
from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_completion.chat import Message
from indoors_completion.refactor import asking, prompts
from indoors_completion.refactor.actions import BY_NAME
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import Edit, EditRequest
from indoors_completion.types import Document, Finish, Job, Prefill, Span
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Snippet
from indoors_server.edits import Edits
from indoors_server.retrieval import IndexRetrieval
from support.edit_clients import CAPABILITIES, place
from support.engines import running_engine
from support.in_process import serving

URI = "file:///w/shapes.py"
TEXT = """\
def area(width, height):
    total = width * height
    total = round(total, 2)
    return total


def size(radius):
    return 3.14 * radius
"""
WISH = {"uri": URI, "range": place(1, 4, 1, 4), "action": "edit", "version": 1}


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def client(core: FakeCore, private_home: Path) -> Iterator[LspClient]:
    with serving(core) as client:
        client.initialize(capabilities=CAPABILITIES)
        client.open(URI, TEXT)
        yield client


def until(is_so: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end_s, what
        time.sleep(0.01)


def make(client: LspClient, **more: Any) -> int:
    params = {"command": "indoors.refactor", "arguments": [WISH | more]}
    return client.start_request("workspace/executeCommand", params)


def test_the_code_is_read_as_background_work_and_nothing_is_written(
    client: LspClient, core: FakeCore
) -> None:
    client.notify("indoors/willEdit", WISH)
    until(lambda: core.engine.jobs, "the reading")
    (job,) = core.engine.jobs
    assert job.background
    assert job.max_tokens == 0
    assert "def area" in prompt_of(job)
    assert "def size" not in prompt_of(job), "only what will be edited"
    assert job.slot == asking.SLOT
    assert not core.edits


def test_the_edit_stops_it_and_begins_with_the_same_prompt(
    client: LspClient, core: FakeCore
) -> None:
    core.engine.hold_at = 0
    client.notify("indoors/willEdit", WISH)
    until(lambda: core.engine.open, "the reading")
    asked = make(client, instruction="Say what it gives.")
    until(lambda: len(core.engine.jobs) > 1, "the edit")
    read, written = core.engine.jobs[:2]
    assert core.engine.cancelled == 1, "the reading was not stopped"
    shown = prompt_of(read).split("```\n\n")[0]
    assert prompt_of(written).startswith(shown)
    client.notify("$/cancelRequest", {"id": asked})


@pytest.mark.parametrize("what", ["changed", "closed", "another"])
def test_what_is_no_longer_wanted_is_read_no_further(
    client: LspClient, core: FakeCore, what: str
) -> None:
    core.engine.hold_at = 0
    client.notify("indoors/willEdit", WISH)
    until(lambda: core.engine.open, "the reading")
    if what == "changed":
        client.insert(URI, 2, 0, 0, "import os\n")
    elif what == "closed":
        client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    else:
        client.notify("indoors/willEdit", WISH | {"range": place(7, 4, 7, 4)})
    until(lambda: core.engine.cancelled, "the end of the reading")
    if what == "another":
        until(lambda: len(core.engine.jobs) == 2, "the next reading")
        assert "def size" in prompt_of(core.engine.jobs[-1])


@pytest.mark.parametrize(
    "wish",
    [
        WISH | {"uri": "file:///w/other.py"},
        WISH | {"version": 7},
        WISH | {"action": "nothing"},
        WISH | {"endpoint": "a closed API"},
        WISH | {"action": "tests"},
    ],
    ids=["not open", "old", "unknown", "closed", "another file"],
)
def test_what_will_not_be_edited_here_is_not_read(
    client: LspClient, core: FakeCore, wish: dict[str, Any]
) -> None:
    client.notify("indoors/willEdit", wish)
    nothing_comes(core)
    client.notify("indoors/willEdit", WISH)
    until(lambda: core.engine.jobs, "the reading of the right one")


def nothing_comes(core: FakeCore) -> None:
    time.sleep(0.4)
    assert not core.engine.jobs


def test_a_file_that_may_not_be_edited_is_not_read(client: LspClient, core: FakeCore) -> None:
    client.open("git:///w/shapes.py", TEXT)
    client.notify("indoors/willEdit", WISH | {"uri": "git:///w/shapes.py"})
    nothing_comes(core)
    assert not core.read_ahead


def test_a_file_that_the_policy_denies_is_not_read(core: FakeCore, private_home: Path) -> None:
    work = private_home / "work"
    work.mkdir()
    (work / ".indoors.json").write_text('{"policy": {"deny_paths": ["vault/"]}}')
    with serving(core) as client:
        client.initialize(capabilities=CAPABILITIES, folders=(work,))
        for name in ("vault/keys.py", "open.py"):
            client.open((work / name).as_uri(), TEXT)
        client.notify("indoors/willEdit", WISH | {"uri": (work / "vault/keys.py").as_uri()})
        nothing_comes(core)
        client.notify("indoors/willEdit", WISH | {"uri": (work / "open.py").as_uri()})
        until(lambda: core.engine.jobs, "the reading of what nobody denies")


def test_where_nothing_is_done_in_the_background_nothing_is_read_ahead(
    client: LspClient, core: FakeCore
) -> None:
    off = {"settings": {"indoors": {"completion": {"background": "off"}}}}
    client.notify("workspace/didChangeConfiguration", off)
    client.notify("indoors/willEdit", WISH)
    nothing_comes(core)


def test_the_snippets_that_were_read_are_those_that_are_shown(
    client: LspClient, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand before the code: with others all of it would be read again."""
    asked: list[int] = []

    async def snippets(*_: Any) -> tuple[Snippet, ...]:
        asked.append(1)
        return (Snippet(path="b.py", text=f"def other{len(asked)}(): ...", reason="t"),)

    monkeypatch.setattr(IndexRetrieval, "snippets", snippets)
    client.notify("indoors/willEdit", WISH)
    until(lambda: core.engine.jobs, "the reading")
    make(client, instruction="Say what it gives.")
    until(lambda: len(core.engine.jobs) > 1, "the edit")
    assert all("def other1()" in prompt_of(job) for job in core.engine.jobs)
    assert len(asked) == 1
    # Another place is another question.
    make(client, range=place(7, 4, 7, 4), instruction="Say what it gives.")
    until(lambda: "def other2()" in prompt_of(core.engine.jobs[-1]), "the next edit")


def test_snippets_that_a_policy_keeps_since_are_not_shown(
    client: LspClient, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def snippets(*_: Any) -> tuple[Snippet, ...]:
        return (Snippet(path="b.py", text="def other(): ...", reason="t"),)

    async def none(*_: Any) -> tuple[Snippet, ...]:
        return ()

    monkeypatch.setattr(IndexRetrieval, "snippets", snippets)
    client.notify("indoors/willEdit", WISH)
    until(lambda: core.engine.jobs, "the reading")
    monkeypatch.setattr(IndexRetrieval, "snippets", none)
    refused = [one for one in gc.get_objects() if isinstance(one, Edits)]
    for one in refused:
        monkeypatch.setattr(one, "_refuses", lambda *_: True)
    make(client, instruction="Say what it gives.")
    until(lambda: len(core.engine.jobs) > 1, "the edit")
    assert "def other" in prompt_of(core.engine.jobs[0])
    assert "def other" not in prompt_of(core.engine.jobs[-1])


def test_a_fault_in_reading_ahead_costs_nothing(
    client: LspClient, core: FakeCore, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async def fails(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(IndexRetrieval, "snippets", fails)
    client.notify("indoors/willEdit", WISH)
    until(lambda: "reading ahead failed" in caplog.text, "the note")
    monkeypatch.undo()
    make(client, instruction="Say what it gives.")
    until(lambda: core.engine.jobs, "the edit")


def request_for(instruction: str) -> tuple[EditRequest, DirectSyntax]:
    syntax = DirectSyntax()
    outline = asyncio.run(syntax.outline("python", TEXT))
    assert outline is not None
    document = Document(uri=URI, path="shapes.py", language="python", version=1, text=TEXT)
    request = EditRequest(
        document=document, selection=Span(30, 30), action="edit", outline=outline,
        instruction=instruction, seed=1,
    )  # fmt: skip
    return request, syntax


@pytest.mark.model
def test_after_reading_only_the_wish_is_left_and_the_edit_is_the_same() -> None:
    """With the real model: what is saved, and that nothing else changes."""
    request, syntax = request_for("Add a docstring.")
    silent, _ = request_for("")

    async def made(*, ahead: bool) -> tuple[str, Prefill]:
        async with running_engine() as engine:
            if ahead:
                await Editing(engine, syntax).read_ahead(silent)
            action, model = BY_NAME["edit"], engine.model
            target = asking.target_of(action, request)
            assert model is not None
            assert target is not None
            turns: list[Message] = prompts.messages(action, request, target)
            form = asking.shape_for(action, request, target)
            first: Job = asking.job_for(action, request, target, model, turns, form)
            prefill = None
            async for item in engine.generate(first):
                prefill = item if isinstance(item, Prefill) else prefill
                assert not isinstance(item, Finish) or item.stop_reason in ("eos", "stop")
            found = await Editing(engine, syntax).edit(request)
            assert isinstance(found, Edit)
            assert prefill is not None
            return "".join(change.text for change in found.changes), prefill

    text, cold = asyncio.run(made(ahead=False))
    same, warm = asyncio.run(made(ahead=True))
    assert text == same
    assert cold.n_reused == 0
    assert warm.n_prompt == cold.n_prompt
    assert warm.n_evaluated < cold.n_evaluated / 2
