"""The server object inside this process, with a fake core, through real JSON-RPC bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_completion.types import CompletionRequest, Stage
from indoors_server.status import Facts
from support.in_process import serving

URI = "file:///w/a.py"


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def client(core: FakeCore, private_home: Path) -> Iterator[LspClient]:
    with serving(core) as client:
        yield client


def status(client: LspClient) -> dict[str, Any]:
    found = client.request("workspace/executeCommand", {"command": "indoors.status"})
    assert isinstance(found, dict)
    return found


def is_alive(client: LspClient) -> bool:
    return status(client)["phase"] in ("ready", "busy", "loading", "inactive")


# --- initialize ---------------------------------------------------------------------------------


def test_initialize_names_us_and_what_we_offer(client: LspClient) -> None:
    result = client.initialize(encodings=("utf-8", "utf-16"))
    assert result["serverInfo"]["name"] == "indoors"
    assert result["serverInfo"]["version"]
    capabilities = result["capabilities"]
    assert capabilities["positionEncoding"] == "utf-8"
    assert capabilities["inlineCompletionProvider"] == {}
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["textDocumentSync"]["openClose"] is True
    assert "completionProvider" not in capabilities
    assert set(capabilities["executeCommandProvider"]["commands"]) == {
        "indoors.accepted",
        "indoors.explain",
        "indoors.refactor",
        "indoors.status",
    }
    assert capabilities["experimental"]["indoors"]["lock"]["state"]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("utf-16",), "utf-16"),
        (("utf-8", "utf-16"), "utf-8"),
        (("utf-32",), "utf-32"),
        (("utf-7",), "utf-16"),
        ((), "utf-16"),
    ],
)
def test_the_clients_first_choice_of_encoding_counts(
    client: LspClient, offered: tuple[str, ...], chosen: str
) -> None:
    result = client.initialize(encodings=offered)
    assert result["capabilities"]["positionEncoding"] == chosen


def test_the_classic_list_is_offered_only_if_asked_for(client: LspClient) -> None:
    result = client.initialize(settings={"completion": {"popup": True}})
    assert result["capabilities"]["completionProvider"] == {"resolveProvider": False}, "not empty"
    client.open(URI, "value = gre\n")
    params = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 11}}
    (item,) = client.request("textDocument/completion", params)["items"]
    assert item["textEdit"]["newText"] == "grehello"
    assert item["textEdit"]["range"]["start"]["character"] == 8
    assert item["filterText"] == "grehello"


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        ({"name": "Indoors for VS Code", "version": "9.0", "protocol": 99}, "update the server"),
        ({"name": "Indoors for VS Code", "version": "0.0", "protocol": 0}, "update the plugin"),
        ({"name": "Indoors for VS Code", "version": "0.1", "protocol": 1}, ""),
        ({"name": "somebody else's"}, ""),
        ("not an object", ""),
    ],
)
def test_a_plugin_that_is_too_far_apart_is_named(client: LspClient, plugin: Any, says: str) -> None:
    client.initialize(options={"client": plugin})
    assert is_alive(client)
    texts = [shown["message"] for shown in client.notifications("window/showMessage")]
    assert bool(texts) == bool(says)
    assert all(says in text and "Indoors for VS Code" in text for text in texts)


# --- completion ---------------------------------------------------------------------------------


def test_a_completion_comes_back_with_range_and_command(client: LspClient) -> None:
    client.initialize()
    client.open(URI, "x = \n")
    (item,) = client.complete(URI, 0, 4)
    here = {"line": 0, "character": 4}
    assert item["insertText"] == "hello"
    assert item["range"] == {"start": here, "end": here}
    assert item["command"]["command"] == "indoors.accepted"


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 8), ("utf-16", 6), ("utf-32", 5)])
def test_positions_count_in_the_negotiated_encoding(
    client: LspClient, core: FakeCore, encoding: str, character: int
) -> None:
    client.initialize(encodings=(encoding,))
    client.open(URI, "s = 😀\n")
    (item,) = client.complete(URI, 0, character)
    assert core.requests[-1].offset == 5
    assert item["range"]["end"] == {"line": 0, "character": character}


@pytest.mark.parametrize(
    ("line", "character", "offset"), [(0, 999, 3), (99, 0, 8), (2**31 - 1, 2**31 - 1, 8)]
)
def test_positions_out_of_range_are_clamped(
    client: LspClient, core: FakeCore, line: int, character: int, offset: int
) -> None:
    client.initialize()
    client.open(URI, "abc\ndefg")
    assert client.complete(URI, line, character)
    assert core.requests[-1].offset == offset


def test_triggers_selection_and_limits_reach_the_pipeline(
    client: LspClient, core: FakeCore
) -> None:
    client.initialize(settings={"completion": {"maxLines": 3, "deadlineMs": 400}})
    client.open(URI, "os.pa\n")
    selected = {
        "text": "path",
        "range": {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 5}},
    }
    client.complete(URI, 0, 5, trigger=1, selectedCompletionInfo=selected)
    client.complete(URI, 0, 5, trigger=2)
    client.complete(URI, 0, 5, trigger=0)
    explicit, automatic, languageclient_9 = core.requests
    assert (explicit.trigger, automatic.trigger) == ("explicit", "automatic")
    assert languageclient_9.trigger == "explicit"
    assert explicit.selected
    assert explicit.selected.text == "path"
    assert (explicit.selected.span.start, explicit.selected.span.end) == (3, 5)
    assert (explicit.max_lines, explicit.deadline_ms) == (3, 400.0)
    assert automatic.selected is None


def test_fields_that_copilots_clients_add_are_accepted(client: LspClient) -> None:
    client.initialize()
    client.open(URI, "x = \n", version=7)
    params = {
        "textDocument": {"uri": URI, "version": 7},
        "position": {"line": 0, "character": 4},
        "context": {"triggerKind": 2},
        "formattingOptions": {"tabSize": 4, "insertSpaces": True},
    }
    assert client.request("textDocument/inlineCompletion", params)["items"]


@pytest.mark.parametrize(
    ("uri", "completes"),
    [
        ("untitled:Untitled-1", True),
        ("vscode-notebook-cell:/w/plot.ipynb#W0sZmlsZQ%3D%3D", True),
        ("file:///w/a.py", True),
        ("git:/w/a.py?%7B%22ref%22%3A%22%22%7D", False),
        ("output:extension-output", False),
    ],
)
def test_which_kinds_of_document_complete(client: LspClient, uri: str, completes: bool) -> None:
    client.initialize()
    client.open(uri, "x = \n")
    assert bool(client.complete(uri, 0, 4)) is completes


def test_a_document_never_opened_completes_to_nothing(client: LspClient) -> None:
    client.initialize()
    assert client.complete("file:///w/never.py", 0, 0) == []


def test_incremental_changes_arrive(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    client.open(URI, "a\nb\n")
    client.insert(URI, 2, 1, 1, "é😀")
    client.insert(URI, 3, 1, 4, "!")
    client.complete(URI, 1, 5)
    document = core.requests[-1].document
    assert (document.text, document.version) == ("a\nbé😀!\n", 3)


# --- one answer per request ---------------------------------------------------------------------


async def never(request: CompletionRequest) -> str:
    await asyncio.Event().wait()
    return ""


def test_a_superseded_request_is_answered_empty(client: LspClient, core: FakeCore) -> None:
    core.rule = never
    client.initialize()
    client.open(URI, "x\n")
    first = client.start_completion(URI, 0, 1)
    client.wait_for(lambda: len(core.requests) == 1 or (is_alive(client) and core.requests))
    second = client.start_completion(URI, 0, 1)
    assert client.answer(first)["result"] == {"items": []}
    client.cancel(second)
    assert client.answer(second)["error"]["code"] == -32800
    assert is_alive(client)
    assert core.n_cancelled == 2
    assert [len(client.answers(request)) for request in (first, second)] == [1, 1]


def test_a_cancel_for_an_unknown_request_is_ignored(client: LspClient) -> None:
    client.initialize()
    client.cancel(12345)
    client.notify("$/cancelRequest", {"id": "text"})
    assert is_alive(client)


def test_a_fault_in_the_core_is_an_empty_answer(client: LspClient, core: FakeCore) -> None:
    """I9."""

    async def fail(request: CompletionRequest) -> str:
        raise RuntimeError("boom")

    core.rule = fail
    client.initialize()
    client.open(URI, "x\n")
    assert client.complete(URI, 0, 1) == []
    assert is_alive(client)


# --- what became of an item ---------------------------------------------------------------------


def test_shown_and_accepted_are_counted(client: LspClient, core: FakeCore) -> None:
    async def smile(request: CompletionRequest) -> str:
        return "😀 = 1"

    core.rule = smile
    client.initialize()
    client.open(URI, "x\n")
    (item,) = client.complete(URI, 0, 1)
    client.notify("textDocument/didShowCompletion", {"item": item})
    for length in (2, 2, 3, 999):
        params = {"item": item, "acceptedLength": length}
        client.notify("textDocument/didPartiallyAcceptCompletion", params)
    command = {"command": item["command"]["command"], "arguments": item["command"]["arguments"]}
    assert client.request("workspace/executeCommand", command) is True
    assert client.request("workspace/executeCommand", command) is False
    counters = status(client)["counters"]
    assert counters["shown"] == 1
    assert counters["accepted"] == 1
    assert counters["partially_accepted"] == 1
    assert counters["accepted_units"] == 6


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"item": None},
        {"item": {"insertText": 5}},
        {"item": {"insertText": "x"}, "acceptedLength": "many"},
        {"item": {"insertText": "x", "command": {"title": "t", "command": "other"}}},
        {"item": {"insertText": "x"}, "acceptedLength": -5},
        [],
    ],
)
def test_items_that_are_not_ours_count_nothing(client: LspClient, params: Any) -> None:
    client.initialize()
    client.notify("textDocument/didShowCompletion", params)
    client.notify("textDocument/didPartiallyAcceptCompletion", params)
    counters = status(client)["counters"]
    assert (counters["shown"], counters["partially_accepted"]) == (0, 0)


# --- status, settings, messages -----------------------------------------------------------------


def test_status_and_progress_follow_a_load(client: LspClient, core: FakeCore) -> None:
    core.facts = Facts(phase="loading", progress=0.0)
    client.initialize(capabilities={"window": {"workDoneProgress": True}})
    client.wait_for(lambda: client.phase() == "loading")
    client.open(URI, "x\n")
    assert client.complete(URI, 0, 1) == []
    assert core.n_rechecks == 1
    client.wait_for(lambda: client.notifications("$/progress"))
    for facts in (Facts(phase="loading", progress=0.5), Facts(phase="ready", model="m")):
        n_seen = len(client.notifications("$/progress"))
        core.facts = facts
        client.notify("textDocument/didFocus", {"textDocument": {"uri": URI}})
        client.wait_for(lambda n=n_seen: len(client.notifications("$/progress")) > n)
    client.wait_for(lambda: client.phase() == "ready")
    kinds = [report["value"]["kind"] for report in client.notifications("$/progress")]
    assert kinds == ["begin", "report", "end"]
    assert client.notifications("indoors/status")[-1]["model"] == "m"


def test_without_the_capability_no_progress_is_asked_for(client: LspClient, core: FakeCore) -> None:
    core.facts = Facts(phase="loading", progress=0.0)
    client.initialize()
    client.wait_for(lambda: client.phase() == "loading")
    assert not client.notifications("window/workDoneProgress/create")


def test_an_error_is_shown_once_with_the_next_step(client: LspClient, core: FakeCore) -> None:
    core.facts = Facts(
        phase="error", reason="There is no model.", next_step="indoors models pull x"
    )
    client.initialize()
    client.wait_for(lambda: client.phase() == "error")
    client.notify("textDocument/didFocus", {})
    core.facts = Facts(phase="ready", model="m")
    client.notify("textDocument/didFocus", {})
    client.wait_for(lambda: client.phase() == "ready")
    (shown,) = client.notifications("window/showMessage")
    assert shown["type"] == 1
    assert "indoors models pull x" in shown["message"]


def test_an_error_has_its_next_step_beside_the_reason(client: LspClient, core: FakeCore) -> None:
    core.facts = Facts(
        phase="error", reason="There is no model.", next_step="indoors models pull x"
    )
    client.initialize()
    client.wait_for(lambda: client.phase() == "error")
    status = client.notifications("indoors/status")[-1]
    assert status["reason"] == "There is no model."
    assert status["next_step"] == "indoors models pull x"
    assert status["mode"] == "local"


def test_a_suggestion_is_explained(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    client.open(URI, "x = ")
    command = {"command": "indoors.explain", "arguments": [URI]}
    nothing = client.request("workspace/executeCommand", command)
    assert nothing == {"refusal": "", "completion": None}
    core.stages = (Stage("gate", "admitted", "a reason"),)
    assert client.complete(URI, 0, 4)
    explained = client.request("workspace/executeCommand", command)
    assert explained["completion"]["shown"] is True
    assert explained["completion"]["stages"] == [
        {"name": "gate", "decision": "admitted", "reason": "a reason"}
    ]
    other = {"command": "indoors.explain", "arguments": ["file:///nowhere.py"]}
    assert client.request("workspace/executeCommand", other)["refusal"]
    wrong = {"command": "indoors.explain", "arguments": [7]}
    assert "error" in client.answer(client.start_request("workspace/executeCommand", wrong))


def test_the_focused_document_decides_about_inactive(client: LspClient) -> None:
    client.initialize(settings={"completion": {"languages": {"off": ["markdown"]}}})
    client.open("file:///w/a.md", "x", language="markdown")
    client.wait_for(lambda: client.phase() == "inactive")
    assert "markdown" in client.notifications("indoors/status")[-1]["reason"]
    client.open(URI, "x")
    client.wait_for(lambda: client.phase() == "ready")


def test_configuration_changes_count_at_once(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    client.open(URI, "x\n")
    sent = {"settings": {"indoors": {"completion": {"automatic": False, "maxLines": "x"}}}}
    client.notify("workspace/didChangeConfiguration", sent)
    assert client.complete(URI, 0, 1, trigger=2) == []
    assert client.complete(URI, 0, 1, trigger=1)
    (shown,) = client.notifications("window/showMessage")
    assert "completion.maxLines" in shown["message"]
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    assert client.complete(URI, 0, 1, trigger=2) == []


def test_a_workspace_file_narrows_its_own_folder_only(client: LspClient, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (one / ".indoors.json").write_text(json.dumps({"completion": {"enabled": False}}))
    client.initialize(folders=(one, two))
    for folder in (one, two):
        client.open((folder / "a.py").as_uri(), "x\n")
    assert client.complete((one / "a.py").as_uri(), 0, 1) == []
    assert client.complete((two / "a.py").as_uri(), 0, 1)
    (one / ".indoors.json").unlink()
    document = {"uri": (one / ".indoors.json").as_uri()}
    client.notify("textDocument/didSave", {"textDocument": document})
    assert client.complete((one / "a.py").as_uri(), 0, 1)


def test_a_folder_that_comes_later_counts_for_its_own_files(
    client: LspClient, tmp_path: Path
) -> None:
    """As Neovim adds it: before a file in it is opened, beside files in no folder."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    denied = {"deny_paths": ["secret.py"]}
    (two / ".indoors.json").write_text(json.dumps({"policy": denied}))
    client.initialize()
    client.open((one / "secret.py").as_uri(), "x\n")
    assert client.complete((one / "secret.py").as_uri(), 0, 1)
    event = {"added": [{"uri": two.as_uri(), "name": "two"}], "removed": []}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    for folder in (one, two):
        client.open((folder / "secret.py").as_uri(), "x\n")
    assert client.complete((one / "secret.py").as_uri(), 0, 1)
    assert client.complete((two / "secret.py").as_uri(), 0, 1) == []


def test_folders_come_and_go(client: LspClient, core: FakeCore, tmp_path: Path) -> None:
    client.initialize()
    uri = (tmp_path / "src/a.py").as_uri()
    client.open(uri, "x\n")
    client.complete(uri, 0, 1)
    folder = {"uri": tmp_path.as_uri(), "name": "w"}
    for added, removed in (([folder], []), ([], [folder])):
        event = {"added": added, "removed": removed}
        client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
        client.complete(uri, 0, 1)
    assert [r.document.path for r in core.requests] == ["a.py", "src/a.py", "a.py"]


def test_tracing_tells_numbers_and_no_text(client: LspClient) -> None:
    client.initialize()
    client.open(URI, "canary_in_source = \n")
    client.notify("$/setTrace", {"value": "messages"})
    client.complete(URI, 0, 19)
    (trace,) = client.notifications("$/logTrace")
    assert "ms" in trace["message"]
    assert "hello" not in trace["message"]
    client.notify("$/setTrace", {"value": "off"})
    client.complete(URI, 0, 19)
    assert len(client.notifications("$/logTrace")) == 1


def test_shutdown_closes_the_core_and_refuses_what_follows(
    client: LspClient, core: FakeCore
) -> None:
    client.initialize()
    assert client.request("shutdown") is None
    assert core.closed
    late = client.start_completion(URI, 0, 0)
    assert client.answer(late)["error"]["code"] == -32600
    client.notify("exit")
    client.wait_for(lambda: client.ended or True)


def test_closing_a_document_forgets_it(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    client.open(URI, "x\n")
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert client.complete(URI, 0, 1) == []
    assert core.forgotten == [URI]


# --- what goes on in the background -------------------------------------------------------------


def test_an_explicit_request_may_get_several_items(client: LspClient, core: FakeCore) -> None:
    core.alternatives = ("hallo", "hola")
    client.initialize()
    client.open(URI, "x\n")
    items = client.complete(URI, 0, 1, trigger=1)
    assert [item["insertText"] for item in items] == ["hello", "hallo", "hola"]
    arguments = [item["command"]["arguments"][0] for item in items]
    assert len(set(arguments)) == 3
    command = {"command": "indoors.accepted", "arguments": [arguments[2]]}
    assert client.request("workspace/executeCommand", command) is True
    assert client.request("workspace/executeCommand", command) is False
    assert status(client)["counters"]["accepted"] == 1


def test_the_request_after_an_accept_continues_it(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    client.open(URI, "x = \n")
    client.complete(URI, 0, 4)
    client.insert(URI, 2, 0, 4, "hello")
    client.complete(URI, 0, 9)
    client.insert(URI, 3, 0, 9, "!")
    client.complete(URI, 0, 10)
    assert [request.continues for request in core.requests] == [False, True, False]


def test_an_accept_that_only_the_command_tells_continues_too(
    client: LspClient, core: FakeCore
) -> None:
    client.initialize()
    client.open(URI, "x = \n")
    (item,) = client.complete(URI, 0, 4)
    # The editor inserts the text together with an import above.
    changed = {"uri": URI, "version": 2}
    change = {"textDocument": changed, "contentChanges": [{"text": "import a\nx = hello\n"}]}
    client.notify("textDocument/didChange", change)
    command = {"command": "indoors.accepted", "arguments": item["command"]["arguments"]}
    client.request("workspace/executeCommand", command)
    client.complete(URI, 1, 9)
    client.complete(URI, 1, 5)
    assert [request.continues for request in core.requests] == [False, True, False]


def test_typing_a_suggestion_to_its_end_is_not_accepting_it(
    client: LspClient, core: FakeCore
) -> None:
    async def wave(request: CompletionRequest) -> str:
        return "hey"

    core.rule = wave
    client.initialize()
    client.open(URI, "x = \n")
    for number, letter in enumerate("hey"):
        client.complete(URI, 0, 4 + number)
        client.insert(URI, 2 + number, 0, 4 + number, letter)
    client.complete(URI, 0, 7)
    assert not any(request.continues for request in core.requests)


def test_changes_and_cursors_reach_the_core(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    client.open(URI, "a\nb\n")
    client.insert(URI, 2, 1, 1, "xy")
    whole = {"textDocument": {"uri": URI, "version": 3}, "contentChanges": [{"text": "new"}]}
    client.notify("textDocument/didChange", whole)
    assert is_alive(client)
    assert core.changes == [("a\nbxy\n", 5, True), ("new", None, True)]


def test_the_focused_document_is_prepared_where_its_cursor_is(
    client: LspClient, core: FakeCore
) -> None:
    client.initialize()
    client.open(URI, "a\nb\n")
    client.insert(URI, 2, 1, 1, "x")
    focus = {"textDocument": {"uri": URI}}
    client.notify("textDocument/didFocus", focus)
    client.notify("textDocument/didFocus", focus | {"position": {"line": 0, "character": 1}})
    client.complete(URI, 1, 0)
    client.notify("textDocument/didFocus", focus)
    client.notify("textDocument/didFocus", {})
    assert is_alive(client)
    assert core.warmed == [(URI, None), (URI, 4), (URI, 1), (URI, 2)]


def test_what_is_opened_behind_the_document_in_front_has_no_focus(
    client: LspClient, core: FakeCore
) -> None:
    """Peeking at a definition or renaming across files opens documents that nobody is shown."""
    off = {"completion": {"languages": {"off": ["plaintext"]}}}
    client.initialize(settings=off)
    client.open(URI, "x = \n")
    client.notify("textDocument/didFocus", {"textDocument": {"uri": URI}})
    client.open("file:///w/peeked.txt", "y\n", language="plaintext")
    client.open("file:///w/peeked.py", "z\n")
    assert is_alive(client)
    assert client.phase() == "ready", "the status is about what is in front"
    assert {uri for uri, _ in core.warmed} == {URI}
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.open(URI, "x = \n")
    client.notify("textDocument/didFocus", {"textDocument": {"uri": "file:///w/peeked.txt"}})
    client.wait_for(lambda: client.phase() == "inactive")


def test_an_editor_that_names_no_focus_shows_what_it_opens(
    client: LspClient, core: FakeCore
) -> None:
    off = {"completion": {"languages": {"off": ["plaintext"]}}}
    client.initialize(settings=off)
    client.open(URI, "x = \n")
    client.open("file:///w/read.txt", "y\n", language="plaintext")
    client.wait_for(lambda: client.phase() == "inactive")
    client.open("file:///w/b.py", "z\n")
    client.wait_for(lambda: client.phase() == "ready")
    assert [uri for uri, _ in core.warmed] == [URI, "file:///w/b.py"]


def test_a_model_that_comes_late_begins_with_what_is_on_the_screen(
    client: LspClient, core: FakeCore
) -> None:
    core.facts = Facts(phase="loading", progress=0.0)
    client.initialize()
    client.open(URI, "a\n")
    client.wait_for(lambda: client.phase() == "loading")
    assert is_alive(client)
    assert core.warmed == []
    core.become(Facts(phase="ready", model="m"))
    assert core.warmed == [(URI, None)]
    core.become(Facts(phase="ready", model="m", reason="the card is not used"))
    assert core.warmed == [(URI, None)]


@pytest.mark.parametrize(
    ("settings", "language"),
    [
        ({"background": "off"}, "python"),
        ({"enabled": False}, "python"),
        ({"languages": {"off": ["markdown"]}}, "markdown"),
    ],
)
def test_nothing_is_prepared_where_nothing_is_completed_or_wanted(
    client: LspClient, core: FakeCore, settings: dict[str, Any], language: str
) -> None:
    client.initialize(settings={"completion": settings})
    client.open(URI, "a\n", language=language)
    client.insert(URI, 2, 0, 1, "x")
    client.complete(URI, 0, 2)
    assert is_alive(client)
    assert core.warmed == []
    assert [background for _, _, background in core.changes] == [False]
    assert not any(request.background for request in core.requests)


def test_more_is_told_to_who_can_ask_again_and_only_if_nothing_changed(
    client: LspClient, core: FakeCore
) -> None:
    client.initialize(options={"client": {"name": "ours", "refresh": True}})
    client.open(URI, "x\n", version=4)
    client.complete(URI, 0, 1)
    assert core.requests[0].target_ms
    core.on_more(URI, 4)
    client.wait_for(lambda: client.notifications("indoors/completionReady"))
    client.insert(URI, 5, 0, 1, "y")
    assert is_alive(client)
    core.on_more(URI, 4)
    core.on_more("file:///w/other.py", 4)
    assert is_alive(client)
    told = client.notifications("indoors/completionReady")
    assert told == [{"textDocument": {"uri": URI, "version": 4}}]


def test_nobody_else_is_told_more_or_answered_early(client: LspClient, core: FakeCore) -> None:
    client.initialize(options={"client": {"name": "ours", "refresh": "yes"}})
    client.open(URI, "x\n", version=4)
    client.complete(URI, 0, 1)
    core.on_more(URI, 4)
    assert is_alive(client)
    assert core.requests[0].target_ms is None
    assert not client.notifications("indoors/completionReady")


def test_the_status_tells_what_was_done(client: LspClient, core: FakeCore) -> None:
    client.initialize()
    found = status(client)
    assert found["engine"] == {
        "n_jobs": 7,
        "n_background_jobs": 0,
        "n_cancelled": 0,
        "n_tokens_evaluated": 90,
        "n_tokens_generated": 0,
    }
    assert found["work"]["speculated"] == 2
    assert found["work"]["ahead_hits"] == 1
    assert found["counters"]["superseded"] == 0


def test_a_trace_says_what_was_moved(client: LspClient) -> None:
    client.initialize()
    client.open(URI, "x\n")
    client.notify("$/setTrace", {"value": "messages"})
    client.complete(URI, 0, 1)
    (trace,) = client.notifications("$/logTrace")
    assert "moved 20, stale 3," in trace["message"]
