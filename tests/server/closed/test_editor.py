"""Rows 12 to 15 and 20 through the editor: what a person chose, saw and accepted, and no more."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.engine import MODEL
from fakes.fake_core import FakeCore
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Document, Snippet, Span
from indoors_server import paths
from indoors_server.closed import consent, editor, sending
from indoors_server.policies import Policies
from indoors_server.status import Facts
from support import planted
from support.closed_apis import APIS, HOST
from support.closed_home import (
    GOOD,
    IN_AREA,
    PREVIEW,
    TEXT,
    TITLE,
    Home,
    ask,
    door_of,
    previews,
    records,
)
from support.edit_clients import applied, menu, shown

# --- the way through ----------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_row_14_what_is_sent_is_what_was_shown_and_the_edit_is_checked(
    private_home: Path, api: str
) -> None:
    home = Home(private_home, api)
    door = door_of(api)
    with home.editor(door) as client:
        assert ask(client, home.uri) == {"applied": True, "reason": ""}
        (params,) = previews(client)
        (sent,) = door.asks
        assert sent.body == params["body"].encode()
        assert params["sha256"] == sent.accepted_sha256 == sha256(sent.body).hexdigest()
        assert params["bytes"] == len(sent.body)
        assert params["host"] == HOST
        assert sent.sources == ("src/shapes.py",)
        assert sent.kind == "refactor"
        assert "def area(width, height):" in params["text"]
        assert "import os" not in params["body"], "only the lines that may change are sent"
        (edit,) = client.notifications("workspace/applyEdit")
        (change,) = edit["edit"]["documentChanges"]
        assert applied(TEXT, change["edits"]).endswith(GOOD)
        (note,) = edit["edit"]["changeAnnotations"].values()
        assert note["needsConfirmation"] is True
        assert note["description"].startswith("Written by theirs.")


def test_the_menu_offers_it_where_every_lock_but_the_preview_holds(home: Home) -> None:
    with home.editor(door_of(home.api)) as client:
        (entry,) = [one for one in menu(client, home.uri, IN_AREA) if one["title"] == TITLE]
        assert entry["command"]["command"] == "indoors.askInstruction"
        (wish,) = entry["command"]["arguments"]
        assert (wish["action"], wish["endpoint"]) == ("edit", "theirs")
    consent.revoke("theirs")
    with home.editor(door_of(home.api)) as client:
        assert TITLE not in [one["title"] for one in menu(client, home.uri, IN_AREA)]


def test_an_entry_that_is_only_resolved_sends_nothing(home: Home) -> None:
    door = door_of(home.api)
    with home.editor(door) as client:
        wish = {"uri": home.uri, "range": IN_AREA, "action": "document", "endpoint": "theirs"}
        entry = {"title": "x", "data": wish}
        resolved = client.request("codeAction/resolve", entry)
        assert resolved["disabled"]["reason"] == "this is done by its command"
        assert previews(client) == []
    assert door.asks == []


def test_a_client_that_shows_the_edit_itself_resolves_what_was_chosen(home: Home) -> None:
    """As the plugins do: the instruction, then the bytes, then the diff."""
    door = door_of(home.api)
    with home.editor(door, previewEdits=True) as client:
        (entry,) = [one for one in menu(client, home.uri, IN_AREA) if one["title"] == TITLE]
        assert "data" not in entry, "nothing of it is resolved before it is chosen"
        assert entry["command"]["command"] == "indoors.askInstruction"
        wish = entry["command"]["arguments"][0] | {"instruction": "make it one line"}
        resolved = client.request("codeAction/resolve", {"title": "x", "data": wish})
        assert "disabled" not in resolved
        (params,) = previews(client)
    (sent,) = door.asks
    assert sent.body == params["body"].encode()
    (change,) = resolved["edit"]["documentChanges"]
    assert "return width * height" in change["edits"][0]["newText"]


def test_row_15_nothing_of_other_files_is_sent(home: Home) -> None:
    """What the index shows a model here stays here: the control is that the request had it."""
    document = Document(uri=home.uri, path="src/shapes.py", language="python", version=1, text=TEXT)
    door, syntax = door_of(home.api), DirectSyntax()

    async def edit() -> Edit | NoSafeEdit:
        outline = await syntax.outline("python", TEXT)
        assert outline is not None
        request = EditRequest(
            document=document,
            selection=Span(TEXT.index("total"), TEXT.index("total")),
            action="edit",
            outline=outline,
            instruction="shorter",
            snippets=(
                Snippet(path="other.py", text="def canary_of_another_file(): ...", reason=""),
            ),
        )
        closed = sending.Closed(
            msgspec.structs.replace(
                editor.surroundings(door, policies, lambda *_: None),  # type: ignore[arg-type, return-value]
                outlines=syntax,
            )
        )
        return await closed.edit(request, "theirs", str(home.workspace), accept)

    async def accept(_preview: object) -> bool:
        return True

    policies = Policies()
    policies.read([str(home.workspace)], None)
    assert isinstance(asyncio.run(edit()), Edit)
    (sent,) = door.asks
    assert b"canary" not in sent.body
    assert b"def area" in sent.body


# --- what stops it ------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [False, None, "true", 1, {}])
def test_row_14_without_a_clear_yes_nothing_is_sent(home: Home, accept: Any) -> None:
    door = door_of(home.api)
    with home.editor(door, accept=accept) as client:
        answer = ask(client, home.uri)
        assert answer["applied"] is False
        assert "not accepted" in answer["reason"]
        (params,) = previews(client)
    assert door.asks == []
    (found,) = records()
    assert found == ("refused", "deny", "a person did not accept it", params["sha256"])


def test_a_client_that_cannot_show_it_is_told_what_can(home: Home) -> None:
    door = door_of(home.api)
    with home.editor(door, experimental=False) as client:
        answer = ask(client, home.uri)
        assert "indoors refactor --with theirs" in answer["reason"]
        assert previews(client) == []
        (entry,) = [one for one in menu(client, home.uri, IN_AREA) if TITLE in one["title"]]
        assert "indoors refactor --with theirs" in entry["disabled"]["reason"]
    assert door.asks == []


@pytest.mark.parametrize("name", ["github", "aws", "jwt"])
@pytest.mark.parametrize("where", ["target", "instruction", "diagnostic"])
def test_row_15_a_secret_by_any_route_is_refused_and_recorded(
    home: Home, name: str, where: str
) -> None:
    key = dict(planted.keys())[name]
    door, text, more = door_of(home.api), TEXT, {}
    if where == "target":
        text = TEXT.replace("    total =", f"    call('{key}')\n    total =", 1)
    elif where == "instruction":
        more = {"instruction": f"use {key} here"}
    else:
        more = {"action": "fix", "problem": {"message": f"bad: {key}", "range": IN_AREA}}
    with home.editor(door, text=text) as client:
        answer = ask(client, home.uri, **more)
        assert answer["applied"] is False
        assert "secret" in answer["reason"]
        assert key not in json.dumps(client.messages)
        assert previews(client) == []
    assert door.asks == []
    (found,) = records()
    assert found[:3] == ("refused", "deny", "it holds something secret")
    log = (paths.state_dir() / "audit.jsonl").read_text()
    assert key not in log


def test_row_15_text_elsewhere_in_the_file_does_not_leave(home: Home) -> None:
    """The control for the one above: a secret that is in the file and not in the target."""
    key = dict(planted.keys())["github"]
    door = door_of(home.api)
    with home.editor(door, text=f"{TEXT}\n\nKEY = '{key}'\n") as client:
        assert ask(client, home.uri)["applied"] is True
    (sent,) = door.asks
    assert key.encode() not in sent.body


@pytest.mark.parametrize("name", [".env", "secrets/a.py", "link.py"])
def test_row_15_a_denied_file_is_not_sent(home: Home, name: str) -> None:
    file = home.workspace / name
    file.parent.mkdir(exist_ok=True)
    if name == "link.py":
        (home.workspace / "secrets").mkdir()
        (home.workspace / "secrets/real.py").write_text(TEXT)
        file.symlink_to(home.workspace / "secrets/real.py")
    else:
        file.write_text(TEXT)
    door = door_of(home.api)
    with home.editor(door, uri=file.as_uri()) as client:
        assert ask(client, file.as_uri())["applied"] is False
    assert door.asks == []


def test_row_15_a_file_outside_of_the_workspace_is_not_sent(home: Home) -> None:
    outside = home.workspace.parent / "other.py"
    outside.write_text(TEXT)
    link = home.workspace / "src/inside.py"
    link.symlink_to(outside)
    door = door_of(home.api)
    for uri in (outside.as_uri(), link.as_uri(), "untitled:Untitled-1"):
        with home.editor(door, uri=uri) as client:
            assert ask(client, uri)["applied"] is False
    assert door.asks == []


@pytest.mark.parametrize(
    "narrow",
    [
        {"mode": "local"}, {"mode": "onprem"}, {"closed_hosts": []}, {"deny_paths": ["src/"]},
        {"closed_monthly_requests": 0}, {"closed_monthly_bytes": 10}, {"nonsense": 1},
    ],
)  # fmt: skip
def test_row_9_a_workspace_can_still_forbid_it(home: Home, narrow: dict[str, Any]) -> None:
    (home.workspace / ".indoors.json").write_text(json.dumps({"policy": narrow}))
    door = door_of(home.api)
    with home.editor(door) as client:
        assert ask(client, home.uri)["applied"] is False
        assert previews(client) == []
    assert door.asks == []


@pytest.mark.parametrize("narrow", [{"mode": "local"}, {"deny_paths": ["src/"]}])
def test_row_9_what_a_pull_forbids_counts_at_once(home: Home, narrow: dict[str, Any]) -> None:
    """Nobody saves the file in this editor, and no setting changes."""
    door = door_of(home.api)
    with home.editor(door) as client:
        assert ask(client, home.uri)["applied"] is True  # the control
        (home.workspace / ".indoors.json").write_text(json.dumps({"policy": narrow}))
        assert ask(client, home.uri)["applied"] is False
        assert TITLE not in [one["title"] for one in menu(client, home.uri, IN_AREA)]
        assert len(previews(client)) == 1
    assert len(door.asks) == 1


def test_row_9_what_is_forbidden_while_somebody_reads_the_preview_is_not_sent(home: Home) -> None:
    door = door_of(home.api)

    def forbid(_params: object) -> dict[str, bool]:
        (home.workspace / ".indoors.json").write_text('{"policy": {"deny_paths": ["src/"]}}')
        return {"accepted": True}

    with home.editor(door) as client:
        client.results[PREVIEW] = forbid
        assert ask(client, home.uri)["applied"] is False
        assert len(previews(client)) == 1
    assert door.asks == []


def test_the_menu_needs_no_model_of_ones_own(home: Home) -> None:
    """Here a closed API edits, so that it matters little what runs on this machine."""
    cores = [FakeCore(), FakeCore()]
    cores[0].facts = Facts(phase="error", reason="There is no model.")
    cores[1].engine.model = msgspec.structs.replace(MODEL, instruct=False)
    for core in cores:
        with home.editor(door_of(home.api), core) as client:
            found = [one["title"] for one in menu(client, home.uri, IN_AREA)]
            assert TITLE in found
            assert "Document this" not in found


def test_a_policy_that_changed_since_ends_the_consent(home: Home) -> None:
    home.write_policy(mode="closed", closed_hosts=[HOST], deny_paths=["x/"])
    door = door_of(home.api)
    with home.editor(door) as client:
        assert "the policy has changed since" in ask(client, home.uri)["reason"]
    assert door.asks == []
    home.agree()
    with home.editor(door) as client:
        assert ask(client, home.uri)["applied"] is True


def test_what_was_agreed_to_under_a_wider_policy_waits_for_a_restart(home: Home) -> None:
    """The gateway goes on with the policy of the start: a preview would be accepted in vain."""
    door = door_of(home.api)
    with home.editor(door) as client:
        assert ask(client, home.uri)["applied"] is True
        home.write_policy(mode="closed", closed_hosts=[HOST], closed_monthly_requests=2_000)
        assert ask(client, home.uri)["applied"] is True, "the consent is for what is in force"
        home.agree()
        n_shown = len(previews(client))
        answer = ask(client, home.uri)
        assert answer["applied"] is False
        assert "closed_monthly_requests" in answer["reason"]
        assert "Next: restart the server" in answer["reason"]
        assert len(previews(client)) == n_shown
    assert len(door.asks) == 2
    with home.editor(door) as client:
        assert ask(client, home.uri)["applied"] is True


# --- completion, failures here --------------------------------------------------------------


def test_row_13_two_hundred_completions_send_nothing_and_one_edit_is_one_request(
    home: Home,
) -> None:
    door, core = door_of(home.api), FakeCore()
    with home.editor(door, core) as client:
        for number in range(200):
            assert client.complete(home.uri, 4, number % 5)
            menu(client, home.uri, IN_AREA) if number % 50 == 0 else None
        assert door.asks == []
        ask(client, home.uri)
    assert len(core.requests) == 200
    assert len(door.asks) == 1


def test_row_12_a_failure_here_asks_nobody_elsewhere(home: Home) -> None:
    door, core = door_of(home.api), FakeCore()
    core.engine.say("", "unavailable")
    with home.editor(door, core) as client:
        answer = ask(client, home.uri, action="simplify", endpoint="")
        assert answer["applied"] is False
    assert door.asks == []


def test_a_document_that_changes_meanwhile_ends_it(home: Home) -> None:
    door = door_of(home.api)
    with home.editor(door) as client:
        client.results.pop(PREVIEW)
        client.results[PREVIEW] = {"accepted": False}
        wish = {"uri": home.uri, "range": IN_AREA, "action": "edit", "endpoint": "theirs"}
        wish |= {"instruction": "x", "version": 7}
        params = {"command": "indoors.refactor", "arguments": [wish]}
        answer = client.request("workspace/executeCommand", params)
        assert "changed" in answer["reason"]
        assert previews(client) == []
        assert shown(client)
    assert door.asks == []
