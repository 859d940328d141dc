"""Code actions through real JSON-RPC bytes: real outlines and checks, an engine that says what a
test wrote.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.engine import MODEL
from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_completion.refactor.types import NoSafeEdit
from indoors_completion.types import Document
from indoors_indexing.types import Snippet
from indoors_server import paths
from indoors_server.executed_files import is_executed
from indoors_server.status import Facts
from support.edit_clients import CAPABILITIES, applied, menu, place, shown, titled, without
from support.in_process import serving

URI = "file:///w/shapes.py"
TEXT = """\
import math


def area(width, height):
    total = width * height
    total = round(total, 2)
    return total


class Circle:
    def size(self, radius):
        return math.pi * radius
"""
IN_AREA = place(4, 4, 4, 4)
GOOD = '''\
def area(width, height):
    """The area of a rectangle."""
    total = width * height
    total = round(total, 2)
    return total
'''
# What of it the model writes: the rest is there.
WRITTEN = "The area of a rectangle."
BAD = "def area(width, height):\n    return nobody_defined_this(width)\n"


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def client(core: FakeCore, private_home: Path) -> Iterator[LspClient]:
    with serving(core) as client:
        yield client


def begin(client: LspClient, capabilities: dict[str, Any] = CAPABILITIES, **more: Any) -> None:
    client.initialize(capabilities=capabilities, **more)
    client.open(URI, TEXT)


def chosen(client: LspClient, title: str = "Document area") -> dict[str, Any]:
    return titled(menu(client, URI, IN_AREA), title)


def argument(action: str = "document", **more: Any) -> dict[str, Any]:
    return {"uri": URI, "range": IN_AREA, "action": action, **more}


def execute(client: LspClient, wish: dict[str, Any]) -> int:
    params = {"command": "indoors.refactor", "arguments": [wish]}
    return client.start_request("workspace/executeCommand", params)


# --- the menu -----------------------------------------------------------------------------------


def test_a_function_is_offered_what_can_be_done_to_it(client: LspClient, core: FakeCore) -> None:
    begin(client)
    entries = menu(client, URI, IN_AREA)
    titles = {entry["title"]: entry["kind"] for entry in entries}
    assert titles["Document area"] == "refactor.rewrite"
    assert titles["Simplify area"] == "refactor.rewrite"
    assert "Implement area" not in titles
    assert all(entry["tags"] == [1] for entry in entries)
    assert all("edit" not in entry and "command" not in entry for entry in entries)
    assert entries[0]["data"]["version"] == 1
    assert not core.engine.jobs, "a menu asks no model"


def test_a_selection_can_be_extracted(client: LspClient) -> None:
    begin(client)
    (entry,) = menu(client, URI, place(4, 0, 5, 0), only=["refactor.extract"])
    assert entry["kind"] == "refactor.extract.function"


GO = "package w\n\nfunc Area(w, h int) int {\n\tt := w * h\n\tt = t + 1\n\treturn t\n}\n"


@pytest.mark.parametrize("n_params", [500_000_000, 1_500_000_000])
def test_what_a_model_never_gets_right_is_shown_with_the_reason_and_not_made(
    core: FakeCore, private_home: Path, n_params: int
) -> None:
    core.engine.model = msgspec.structs.replace(MODEL, n_params=n_params)
    uri, lines = "file:///w/area.go", place(3, 0, 4, 0)
    with serving(core) as client:
        begin(client)
        client.open(uri, GO, language="go")
        (entry,) = menu(client, uri, lines, only=["refactor.extract"])
        if n_params >= 1_000_000_000:
            assert "disabled" not in entry
            return
        assert "larger model" in entry["disabled"]["reason"]
        assert "Next: indoors models list" in entry["disabled"]["reason"]
        wish = {"uri": uri, "range": lines, "action": "extract", "version": 1}
        asked = {"title": "t", "kind": "refactor", "data": wish}
        assert "larger model" in client.request("codeAction/resolve", asked)["disabled"]["reason"]
        assert not core.engine.jobs
        (python,) = menu(client, URI, place(4, 0, 5, 0), only=["refactor.extract"])
        assert "disabled" not in python, "there the model only gives a name"


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        (["refactor"], {"refactor.rewrite"}),
        (["refactor.rewrite"], {"refactor.rewrite"}),
        (["quickfix"], set()),
        (["source"], set()),
        (["refactor.rew"], set()),
        ([""], {"refactor.rewrite"}),
    ],
)
def test_only_the_kinds_that_are_asked_for(
    client: LspClient, only: list[str], kinds: set[str]
) -> None:
    begin(client)
    assert {entry["kind"] for entry in menu(client, URI, IN_AREA, only=only)} == kinds


def test_what_a_tool_reports_can_be_fixed(client: LspClient, core: FakeCore) -> None:
    begin(client)
    ours = {"range": IN_AREA, "message": "hidden characters", "source": "indoors"}
    theirs = {"range": IN_AREA, "message": "see [this](command:evil)\nnow", "source": "ruff"}
    entries = menu(client, URI, IN_AREA, diagnostics=[ours, theirs], only=["quickfix"])
    (entry,) = entries
    assert entry["title"] == "Fix: see [this] (command:evil) now"
    assert entry["diagnostics"] == [theirs]
    core.engine.say(GOOD)
    client.request("codeAction/resolve", entry)
    assert core.edits[-1].problems[0].message == "see [this] (command:evil) now"


def test_an_instruction_is_asked_for_only_by_clients_that_can(
    client: LspClient, core: FakeCore
) -> None:
    begin(client, options={"client": {"askInstruction": True}})
    entry = chosen(client, "Edit area with an instruction…")
    assert entry["command"]["command"] == "indoors.askInstruction"
    (wish,) = entry["command"]["arguments"]
    core.engine.say(GOOD)
    answer = client.answer(execute(client, wish | {"instruction": "write the docstring"}))
    assert "write the docstring" in core.engine.prompt
    assert answer["result"]["reason"] == "the editor did not apply it"
    assert "nobody said" in client.answer(execute(client, wish))["result"]["reason"]


def test_without_a_plugin_no_instruction_is_offered(client: LspClient) -> None:
    begin(client)
    assert not any("instruction" in entry["title"] for entry in menu(client, URI, IN_AREA))


def test_clients_that_cannot_resolve_get_a_command(client: LspClient) -> None:
    begin(client, without("textDocument", "codeAction", "resolveSupport"))
    command = chosen(client)["command"]
    assert command["command"] == "indoors.refactor"
    assert command["arguments"][0]["action"] == "document"


def test_clients_without_code_action_literals_get_bare_commands(client: LspClient) -> None:
    begin(client, {})
    assert chosen(client)["command"] == "indoors.refactor"


def test_clients_without_tags_get_none(client: LspClient) -> None:
    begin(client, without("textDocument", "codeAction", "tagSupport"))
    assert "tags" not in chosen(client)


@pytest.mark.parametrize(
    ("uri", "language", "settings", "phase"),
    [
        ("file:///w/notes.txt", "plaintext", {}, "ready"),
        ("git:/w/shapes.py?HEAD", "python", {}, "ready"),
        (URI, "python", {"refactor": {"enabled": False}}, "ready"),
        (URI, "python", {"completion": {"enabled": False}}, "ready"),
        (URI, "python", {"completion": {"exclude": ["*.py"]}}, "ready"),
        (URI, "python", {}, "loading"),
    ],
)
def test_where_nothing_is_edited_nothing_is_offered_or_done(
    client: LspClient,
    core: FakeCore,
    uri: str,
    language: str,
    settings: dict[str, Any],
    phase: Any,
) -> None:
    begin(client, settings=settings)
    core.facts = Facts(phase=phase)
    client.open(uri, TEXT, language)
    assert menu(client, uri, IN_AREA) == []
    answer = client.answer(execute(client, argument() | {"uri": uri}))
    assert answer["result"]["applied"] is False
    assert answer["result"]["reason"].startswith("Nothing was edited: ")
    assert not core.engine.jobs


def test_a_model_that_cannot_be_asked_is_one_entry_that_says_so(
    client: LspClient, core: FakeCore
) -> None:
    begin(client)
    assert len(menu(client, URI, IN_AREA)) > 1
    core.engine.model = msgspec.structs.replace(MODEL, instruct=False)
    (entry,) = menu(client, URI, IN_AREA)
    assert "not tuned to follow instructions" in entry["disabled"]["reason"]
    assert "data" not in entry
    assert menu(client, URI, IN_AREA, triggerKind=2) == []
    assert menu(client, URI, IN_AREA, only=["quickfix"]) == []
    answer = client.answer(execute(client, argument()))
    assert "not tuned to follow instructions" in answer["result"]["reason"]


def test_a_model_that_cannot_be_asked_is_not_named_where_it_could_not_be_disabled(
    client: LspClient, core: FakeCore
) -> None:
    begin(client, without("textDocument", "codeAction", "disabledSupport"))
    core.engine.model = msgspec.structs.replace(MODEL, instruct=False)
    assert menu(client, URI, IN_AREA) == []


def test_a_document_is_outlined_once_for_each_version(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.engine.say(GOOD)
    for _ in range(3):
        assert menu(client, URI, IN_AREA)
    client.request("codeAction/resolve", chosen(client))
    assert core.n_outlines == 1
    client.insert(URI, 2, 0, 0, "import os\n")
    assert menu(client, URI, IN_AREA)[0]["data"]["version"] == 2
    assert core.n_outlines == 2


def test_a_menu_that_opens_by_itself_waits_for_nothing(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.outline_takes_s = 0.5
    assert menu(client, URI, IN_AREA, triggerKind=2) == []
    assert menu(client, URI, IN_AREA, triggerKind=1), "whoever opened it waits for what was begun"
    assert menu(client, URI, IN_AREA, triggerKind=2)
    assert core.n_outlines == 1


def test_nobody_waits_for_a_parser_for_ever(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.outline_takes_s = 600.0
    waiting = client.start_request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": URI},
            "range": IN_AREA,
            "context": {"diagnostics": [], "triggerKind": 1},
        },
    )
    assert client.answer(waiting)["result"] == []
    assert "cannot be parsed" in client.answer(execute(client, argument()))["result"]["reason"]
    assert core.n_outlines == 1


def test_a_long_document_is_outlined_only_for_a_person(client: LspClient, core: FakeCore) -> None:
    client.initialize(capabilities=CAPABILITIES)
    client.open(URI, TEXT + "x = area(1, 2)\n" * 2500)
    assert menu(client, URI, IN_AREA, triggerKind=2) == []
    assert core.n_outlines == 0
    assert menu(client, URI, IN_AREA, triggerKind=1)
    client.open(URI, TEXT + "# too long\n" * 25_000)
    assert menu(client, URI, IN_AREA, triggerKind=1) == []
    assert "150000" in client.answer(execute(client, argument()))["result"]["reason"]
    assert core.n_outlines == 1


def test_whoever_types_is_held_up_by_no_outline(client: LspClient, core: FakeCore) -> None:
    begin(client)
    client.insert(URI, 2, 0, 0, "import os\n")
    assert menu(client, URI, IN_AREA, triggerKind=2) == []
    assert core.n_outlines == 0
    assert menu(client, URI, IN_AREA, triggerKind=1)
    assert menu(client, URI, IN_AREA, triggerKind=2), "what is known by now is shown"


# --- the edit -----------------------------------------------------------------------------------


def test_an_edit_is_of_one_version_and_to_be_confirmed(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.engine.say(GOOD)
    edit = client.request("codeAction/resolve", chosen(client))["edit"]
    (change,) = edit["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    after = applied(TEXT, change["edits"])
    assert after == TEXT.replace(TEXT[TEXT.index("def area") :].split("\n\n\n")[0] + "\n", GOOD)
    ast.parse(after)
    (only,) = change["edits"]
    assert only["range"] == place(4, 0, 4, 0), "one line is new, and nothing else is touched"
    assert only["annotationId"] == "indoors.edit"
    note = edit["changeAnnotations"]["indoors.edit"]
    assert note["needsConfirmation"] is True
    assert note["label"] == "Document area"
    assert "checks passed" in note["description"]
    assert "Nothing was run" in note["description"]
    assert not shown(client)


def test_lines_end_as_they_did(client: LspClient, core: FakeCore) -> None:
    client.initialize(capabilities=CAPABILITIES)
    text = TEXT.replace("\n", "\r\n")
    client.open(URI, text)
    core.engine.say(GOOD)
    edit = client.request("codeAction/resolve", chosen(client))["edit"]
    after = applied(text, edit["documentChanges"][0]["edits"])
    assert after.count("\r\n") == after.count("\n") == text.count("\n") + 1


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 10), ("utf-16", 8), ("utf-32", 7)])
def test_positions_count_in_the_negotiated_encoding(
    client: LspClient, core: FakeCore, encoding: str, character: int
) -> None:
    client.initialize(capabilities=CAPABILITIES, encodings=(encoding,))
    client.open(URI, "s = '😀'\n\n\n" + TEXT)
    core.engine.say(GOOD)
    where = place(0, character, 7, 4)
    (entry,) = [
        one for one in menu(client, URI, place(7, 4, 7, 4)) if one["title"] == "Document area"
    ]
    assert client.request("codeAction/resolve", entry)["edit"]
    client.answer(execute(client, argument("edit", range=where, instruction="x")))
    assert core.edits[-1].selection.start == 7


@pytest.mark.parametrize(
    ("path", "has_version"),
    [
        (("workspace", "workspaceEdit", "changeAnnotationSupport"), True),
        (("textDocument", "codeAction", "honorsChangeAnnotations"), True),
        (("workspace", "workspaceEdit"), False),
    ],
)
def test_clients_get_what_they_can_apply(
    client: LspClient, core: FakeCore, path: tuple[str, ...], has_version: bool
) -> None:
    begin(client, without(*path))
    core.engine.say(GOOD)
    edit = client.request("codeAction/resolve", chosen(client))["edit"]
    assert "changeAnnotations" not in edit
    assert ("documentChanges" in edit, "changes" in edit) == (has_version, not has_version)
    edits = edit["documentChanges"][0]["edits"] if has_version else edit["changes"][URI]
    assert all("annotationId" not in one for one in edits)
    ast.parse(applied(TEXT, edits))


def test_a_command_has_the_editor_apply_the_edit(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.engine.say(GOOD)
    client.results["workspace/applyEdit"] = {"applied": True}
    answer = client.answer(execute(client, argument(version=1)))
    assert answer["result"] == {"applied": True, "reason": ""}
    (params,) = client.notifications("workspace/applyEdit")
    assert params["label"] == "Document area"
    (change,) = params["edit"]["documentChanges"]
    assert change["textDocument"]["version"] == 1
    assert '"""The area' in applied(TEXT, change["edits"])
    client.results["workspace/applyEdit"] = {"applied": False, "failureReason": "no, thanks"}
    answer = client.answer(execute(client, argument()))
    assert answer["result"] == {"applied": False, "reason": "no, thanks"}


def test_a_client_that_takes_no_edits_is_sent_none(client: LspClient, core: FakeCore) -> None:
    begin(client, without("workspace", "applyEdit"))
    core.engine.say(GOOD)
    answer = client.answer(execute(client, argument()))
    assert "does not take edits" in answer["result"]["reason"]
    assert not client.notifications("workspace/applyEdit")


@pytest.mark.parametrize(
    "arguments",
    [[], [None], ["document"], [{"uri": URI}], [argument() | {"version": "1"}],
     [argument() | {"range": place(-1, 0, 0, 0)}], [argument() | {"instruction": "x" * 5000}]],
)  # fmt: skip
def test_wrong_arguments_get_one_error(client: LspClient, arguments: list[Any]) -> None:
    begin(client)
    params = {"command": "indoors.refactor", "arguments": arguments}
    request = client.start_request("workspace/executeCommand", params)
    assert client.answer(request)["error"]["code"] == -32602
    bare = {"title": "x", "data": arguments[0] if arguments else None}
    resolve = client.start_request("codeAction/resolve", bare)
    assert client.answer(resolve)["error"]["code"] == -32602
    assert chosen(client)


def test_an_unknown_command_gets_one_error(client: LspClient) -> None:
    begin(client)
    request = client.start_request("workspace/executeCommand", {"command": "indoors.launch"})
    assert client.answer(request)["error"]["code"] == -32602
    assert len(client.answers(request)) == 1


# --- no edit ------------------------------------------------------------------------------------


def test_no_safe_edit_is_said_once_in_plain_text(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.engine.say(BAD)
    entry = client.request("codeAction/resolve", chosen(client, "Simplify area"))
    assert "edit" not in entry
    (text,) = shown(client)
    assert text.startswith("No safe edit found: ")
    assert "nobody_defined_this" in text
    assert entry["disabled"]["reason"] == text
    assert not client.notifications("workspace/applyEdit")


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\U000e0041", "\u2066"])
def test_row_21_what_nobody_sees_is_in_no_edit(
    client: LspClient, core: FakeCore, character: str
) -> None:
    begin(client)
    core.engine.say(GOOD.replace("The area", f"The {character}area"))
    entry = client.request("codeAction/resolve", chosen(client))
    assert character not in json.dumps(entry, ensure_ascii=False)
    core.engine.say(GOOD.replace("The area", "The ärea"))
    assert "ärea" in json.dumps(
        client.request("codeAction/resolve", chosen(client)), ensure_ascii=False
    )


def test_row_20_a_message_is_plain_text_whatever_the_model_wrote(
    client: LspClient, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Editors make links of `[text](address)` in messages, and a click opens what it says."""
    begin(client)
    evil = "[fix](command:run) ![](https://evil.example/x.png)\n\u202eabc"
    monkeypatch.setattr(core, "editing", lambda _document: NoSafeEdit(reason=evil))
    client.request("codeAction/resolve", chosen(client))
    (text,) = shown(client)
    assert "fix" in text
    assert "](" not in text
    assert "\n" not in text
    assert "\u202e" not in text


def test_an_old_version_is_refused(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.engine.say(GOOD)
    entry = chosen(client)
    client.insert(URI, 2, 0, 0, "import os\n")
    assert "edit" not in client.request("codeAction/resolve", entry)
    assert shown(client) == ["Nothing was edited: the document has changed."]
    assert not core.engine.jobs
    assert "edit" in client.request("codeAction/resolve", chosen(client)), "the new one is edited"


def poll(condition: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_change_while_it_is_written_stops_the_model(client: LspClient, core: FakeCore) -> None:
    begin(client)
    entry = chosen(client)
    core.engine.say(GOOD)
    core.engine.hold_at = 5
    request = client.start_request("codeAction/resolve", entry)
    poll(lambda: core.engine.open == 1)
    client.insert(URI, 2, 0, 0, "import os\n")
    assert "edit" not in client.answer(request)["result"]
    assert shown(client) == ["Nothing was edited: the document has changed."]
    poll(lambda: core.engine.open == 0)


def test_a_closed_document_stops_the_model(client: LspClient, core: FakeCore) -> None:
    begin(client)
    entry = chosen(client)
    core.engine.say(GOOD)
    core.engine.hold_at = 5
    request = client.start_request("codeAction/resolve", entry)
    poll(lambda: core.engine.open == 1)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert "edit" not in client.answer(request)["result"]
    poll(lambda: core.engine.open == 0)


def test_a_newer_edit_of_a_document_ends_the_one_before(client: LspClient, core: FakeCore) -> None:
    begin(client)
    entry = chosen(client)
    core.engine.say(GOOD)
    core.engine.hold_at = 5
    first = client.start_request("codeAction/resolve", entry)
    poll(lambda: core.engine.open == 1)
    core.engine.hold_at = None
    assert "edit" in client.request("codeAction/resolve", entry)
    assert "another edit" in client.answer(first)["result"]["disabled"]["reason"]
    poll(lambda: core.engine.open == 0)


@pytest.mark.parametrize("how", ["resolve", "command"])
@pytest.mark.parametrize("at", [0, 1, 2, 20, len(WRITTEN)])
def test_cancelled_at_any_token_nothing_runs_on(
    client: LspClient, core: FakeCore, how: str, at: int
) -> None:
    begin(client)
    entry = chosen(client)
    core.engine.say(GOOD)
    core.engine.hold_at = at
    request = (
        client.start_request("codeAction/resolve", entry)
        if how == "resolve"
        else execute(client, argument())
    )
    poll(lambda: core.engine.open == 1)
    assert not client.answers(request)
    client.cancel(request)
    assert client.answer(request)["error"]["code"] == -32800
    poll(lambda: core.engine.open == 0)
    assert core.engine.cancelled == 1
    core.engine.hold_at = None
    assert "edit" in client.request("codeAction/resolve", chosen(client)), "the next one is made"
    assert len(client.answers(request)) == 1
    assert not client.notifications("workspace/applyEdit")


def test_progress_counts_and_can_be_cancelled(client: LspClient, core: FakeCore) -> None:
    begin(client)
    entry = chosen(client, "Simplify area")
    core.engine.say(TEXT[TEXT.index("def area") : TEXT.index("\n\n\nclass")])
    core.engine.hold_at = len("\n    total = width * height\n    total")
    request = client.start_request("codeAction/resolve", entry)
    values = lambda: [one["value"] for one in client.notifications("$/progress")]  # noqa: E731
    client.wait_for(lambda: any(one.get("message") == "3 lines" for one in values()))
    first = values()[0]
    assert (first["kind"], first["cancellable"]) == ("begin", True)
    assert "width" not in json.dumps(values()), "what is written is not shown before it is checked"
    (token,) = {one["token"] for one in client.notifications("$/progress")}
    client.notify("window/workDoneProgress/cancel", {"token": token})
    assert "you stopped it" in client.answer(request)["result"]["disabled"]["reason"]
    client.wait_for(lambda: values()[-1]["kind"] == "end")
    poll(lambda: core.engine.open == 0)


def test_the_deadline_ends_it(client: LspClient, core: FakeCore) -> None:
    begin(client, settings={"refactor": {"deadlineSeconds": 1}})
    core.engine.say(GOOD)
    core.engine.hold_at = 3
    reason = client.answer(execute(client, argument()))["result"]["reason"]
    assert "longer than 1 seconds (refactor.deadlineSeconds)" in reason
    poll(lambda: core.engine.open == 0)


def test_the_end_of_the_server_ends_it(client: LspClient, core: FakeCore) -> None:
    begin(client)
    core.engine.say(GOOD)
    core.engine.hold_at = 3
    request = execute(client, argument())
    poll(lambda: core.engine.open == 1)
    client.shutdown()
    assert client.answer(request)["result"]["applied"] is False
    assert core.engine.open == 0


def test_a_fault_of_ours_costs_one_edit(
    client: LspClient, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(client)

    def fails(_document: Document) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(core, "editing", fails)
        assert "edit" not in client.request("codeAction/resolve", chosen(client))
    core.engine.say(GOOD)
    assert "edit" in client.request("codeAction/resolve", chosen(client))


# --- policies and dangerous files ---------------------------------------------------------------


@pytest.fixture
def work(private_home: Path) -> Path:
    folder = private_home / "work"
    (folder / "secrets").mkdir(parents=True)
    for name in ("shapes.py", "secrets/shapes.py"):
        (folder / name).write_text(TEXT)
    (folder / "harmless.py").symlink_to("secrets/shapes.py")
    return folder


def user_policy(**keys: Any) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    file = paths.config_dir() / "policy.json"
    file.write_text(json.dumps(keys))
    file.chmod(0o600)


@pytest.mark.parametrize(
    ("name", "policy", "why"),
    [
        ("secrets/shapes.py", {}, "deny_paths"),
        ("harmless.py", {}, "deny_paths"),
        ("shapes.py", {"deny_paths": ["shapes.py"]}, "deny_paths"),
        ("shapes.py", {"mode": "off"}, "mode is off"),
        ("shapes.py", {"complete": False}, "complete"),
        ("shapes.py", {}, ""),
    ],
)
def test_row_15_what_a_policy_denies_is_neither_offered_nor_edited(
    core: FakeCore, work: Path, name: str, policy: dict[str, Any], why: str
) -> None:
    user_policy(**policy)
    core.engine.say(GOOD)
    with serving(core) as client:
        client.initialize(capabilities=CAPABILITIES, folders=(work,))
        uri = (work / name).as_uri()
        client.open(uri, TEXT)
        entries = menu(client, uri, IN_AREA)
        answer = client.answer(execute(client, argument() | {"uri": uri}))
        if not why:  # the control: what no policy denies
            assert entries
            assert core.engine.jobs
            return
        assert entries == []
        assert why in answer["result"]["reason"]
        assert why in shown(client)[0]
        assert not core.engine.jobs


@pytest.mark.parametrize(
    "path",
    [".vscode/tasks.json", ".github/workflows/test.yml", ".gitlab-ci.yml", "a/b/Makefile",
     "web/package.json", ".git/hooks/pre-commit", ".husky/pre-push", "poetry.lock",
     "package-lock.json", "pyproject.toml", "Dockerfile.dev", "src/conftest.py", "BUILD.bazel",
     "C:\\w\\.github\\workflows\\x.py", "app/vite.config.ts", "requirements-dev.txt", "x/build.rs"],
)  # fmt: skip
def test_row_20_what_tools_execute_is_known(path: str) -> None:
    assert is_executed(path)
    assert is_executed(path.upper())
    assert is_executed("src/a.py", path)


@pytest.mark.parametrize(
    "path",
    ["src/a.py", "github/workflows.py", "make.py", "lock.go", "packages/json.ts", "builder.rs"],
)
def test_row_20_other_files_are_not(path: str) -> None:
    assert not is_executed(path)


@pytest.mark.parametrize("name", ["conftest.py", "harmless.py"])
def test_row_20_an_edit_of_what_tools_execute_says_so_and_is_confirmed(
    core: FakeCore, private_home: Path, name: str
) -> None:
    work = private_home / "work"
    work.mkdir()
    (work / "conftest.py").write_text(TEXT)
    (work / "harmless.py").symlink_to("conftest.py")
    uri = (work / name).as_uri()
    with serving(core) as client:
        client.initialize(capabilities=CAPABILITIES, folders=(work,))
        client.open(uri, TEXT)
        core.engine.say(GOOD)
        entry = titled(menu(client, uri, IN_AREA), "Document area")
        edit = client.request("codeAction/resolve", entry)["edit"]
        (note,) = edit["changeAnnotations"].values()
        assert note["needsConfirmation"] is True
        assert note["description"].startswith("This file is executed by tools.")
        assert edit["documentChanges"][0]["edits"][0]["annotationId"] == "indoors.executed"


def test_row_20_without_a_question_what_tools_execute_is_not_edited(
    client: LspClient, core: FakeCore
) -> None:
    begin(client, without("workspace", "workspaceEdit", "changeAnnotationSupport"))
    core.engine.say(GOOD)
    uri = "file:///w/conftest.py"
    client.open(uri, TEXT)
    assert menu(client, uri, IN_AREA) == []
    answer = client.answer(execute(client, argument() | {"uri": uri}))
    assert "executed by tools" in answer["result"]["reason"]
    assert not core.engine.jobs
    assert chosen(client), "the control: another file is offered edits"


# --- what an edit is made with ------------------------------------------------------------------


@pytest.mark.parametrize("n_params", [500_000_000, 1_500_000_000])
def test_the_request_has_the_indentation_and_the_snippets(
    core: FakeCore, private_home: Path, monkeypatch: pytest.MonkeyPatch, n_params: int
) -> None:
    from indoors_server.retrieval import IndexRetrieval

    asked: list[tuple[int, int]] = []

    async def snippets(
        _self: Any, document: Any, offset: int, shown: Any, budget: int
    ) -> tuple[Snippet, ...]:
        asked.append((offset, budget))
        return (Snippet(path="lib.py", text="def helper(): ...", reason="used"),)

    monkeypatch.setattr(IndexRetrieval, "snippets", snippets)
    core.engine.model = msgspec.structs.replace(MODEL, prefill_tps=200.0, n_params=n_params)
    core.engine.say(GOOD)
    with serving(core) as client:
        client.initialize(capabilities=CAPABILITIES)
        client.open(URI, TEXT.replace("    ", "  "))
        client.request("codeAction/resolve", chosen(client))
    (request,) = core.edits
    assert request.indent_unit == "  "
    if n_params < 1_000_000_000:
        assert (request.snippets, asked) == ((), []), "a small model would edit them"
        return
    assert request.snippets[0].path == "lib.py"
    assert "def helper(): ..." in core.engine.prompt
    ((offset, budget),) = asked
    assert budget == 500, "what a slow machine reads in two and a half seconds"
    assert request.document.text[:offset].endswith("return total")


def test_an_entry_that_has_a_command_is_resolved_as_it_is(
    client: LspClient, core: FakeCore
) -> None:
    """VS Code resolves every entry that has no edit yet, whatever it has instead."""
    begin(client, options={"client": {"askInstruction": True, "previewEdits": True}})
    for entry in menu(client, URI, IN_AREA):
        assert entry["command"]["command"] in ("indoors.askInstruction", "indoors.preview")
        answer = client.request("codeAction/resolve", entry)
        assert answer["command"] == entry["command"]
        assert "edit" not in answer
    assert not core.engine.jobs
