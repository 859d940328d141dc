"""Rows 12 to 15 and 20 through the editor: what a person chose, saw and accepted, and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.engine import MODEL
from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Document, Snippet, Span
from indoors_server import audit_check, endpoint_files, paths, policy
from indoors_server.closed import consent, editor, sending
from indoors_server.gateway import wire
from indoors_server.policies import Policies
from indoors_server.status import Facts
from support import planted
from support.closed_apis import APIS, HOST, FakeDoor, streamed, told
from support.edit_clients import CAPABILITIES, applied, menu, place, shown

TEXT = "import os\n\n\ndef area(width, height):\n    total = width * height\n    return total\n"
GOOD = "def area(width, height):\n    return width * height\n"
IN_AREA = place(4, 4, 4, 4)
PREVIEW = "indoors/previewSend"
TITLE = "Edit with theirs (closed API)…"


class Home:
    """A person who opened closed mode for a workspace."""

    def __init__(self, home: Path, api: str = "anthropic-api") -> None:
        self.workspace = home / "project"
        (self.workspace / "src").mkdir(parents=True)
        self.config = home / ".config/indoors"
        self.config.mkdir(parents=True)
        self.write_policy(mode="closed", closed_hosts=[HOST])
        key = self.config / "their.key"
        key.write_text("k")
        key.chmod(0o600)
        self.theirs = {"url": HOST, "api": api, "model": "big-1", "key": f"file:{key}"}
        self.api = api
        self.write_entry()

    def write_entry(self, **more: int) -> None:
        (self.config / "engines.json").write_text(json.dumps({"theirs": self.theirs | more}))
        self.agree()

    def write_policy(self, **values: Any) -> None:
        (self.config / "policy.json").write_text(json.dumps(values))

    def agree(self) -> None:
        one = endpoint_files.load().endpoints["theirs"]
        consent.allow(str(self.workspace), one, policy.load().hash, 0 + _now())

    @property
    def uri(self) -> str:
        return (self.workspace / "src/shapes.py").as_uri()

    @contextmanager
    def editor(
        self,
        door: FakeDoor,
        core: FakeCore | None = None,
        accept: Any = True,
        text: str = TEXT,
        uri: str = "",
        experimental: Any = True,
        **options: bool,
    ) -> Iterator[LspClient]:
        from support.in_process import serving

        with serving(core or FakeCore(), door=door) as client:
            client.results[PREVIEW] = {"accepted": accept}
            client.results["workspace/applyEdit"] = {"applied": True}
            capabilities = {**CAPABILITIES, "experimental": {"indoorsPreviewSend": experimental}}
            client.initialize(
                folders=(self.workspace,),
                capabilities=capabilities,
                options={"client": {"askInstruction": True} | options},
            )
            client.open(uri or self.uri, text)
            yield client


def _now() -> float:
    import time

    return time.time()


def ask(client: LspClient, uri: str, **more: Any) -> dict[str, Any]:
    wish = {"uri": uri, "range": IN_AREA, "action": "edit", "endpoint": "theirs"}
    wish |= {"instruction": "make it one line"} | more
    params = {"command": "indoors.refactor", "arguments": [wish]}
    return dict(client.request("workspace/executeCommand", params))


def previews(client: LspClient) -> list[dict[str, Any]]:
    return client.notifications(PREVIEW)


def records() -> list[tuple[str, str, str, str]]:
    found = audit_check.read(paths.state_dir())
    return [(one.event, one.decision, one.reason, one.body_sha256) for one in found]


def door_of(api: str, code: str = GOOD) -> FakeDoor:
    return FakeDoor(lambda _ask: streamed(api, f"Here you are:\n\n```python\n{code}```\n\nDone!"))


@pytest.fixture
def home(private_home: Path) -> Home:
    return Home(private_home)


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


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ({}, 8192, 10_000),
        ({"answer_tokens": 4096}, 4096, 4096),
        ({"context_tokens": 4096}, 2000, 4090),
        ({"context_tokens": 4096, "answer_tokens": 2000}, 2000, 2000),
    ],
    ids=json.dumps,
)
def test_no_longer_answer_is_asked_for_than_the_model_can_give(
    home: Home, said: dict[str, int], least: int, most: int
) -> None:
    """An API refuses a request that asks for more, after a person has accepted it."""
    home.write_entry(**said)
    door = door_of(home.api)
    with home.editor(door) as client:
        assert ask(client, home.uri)["applied"] is True
    (sent,) = door.asks
    assert least <= told(sent.body)["max_tokens"] <= most


def test_an_answer_that_is_sure_to_be_cut_is_not_asked_for(home: Home) -> None:
    home.write_entry(answer_tokens=500)
    door = door_of(home.api)
    with home.editor(door) as client:
        answer = ask(client, home.uri)
        assert previews(client) == []
    assert "theirs writes 500 tokens at most (answer_tokens)" in answer["reason"]
    assert door.asks == []


@pytest.mark.parametrize(
    ("said", "is_it"),
    [
        ("max_tokens: 9216 > 8192, which is the maximum", True),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", False),
        ("messages: roles must alternate", False),
    ],
)
def test_an_api_that_is_asked_for_too_long_an_answer_leads_to_the_setting(
    home: Home, said: str, is_it: bool
) -> None:
    refused = json.dumps({"error": {"message": said}}).encode()
    door = FakeDoor(lambda _ask: refused, status=400)
    with home.editor(door) as client:
        answer = ask(client, home.uri)
    assert ("Next: set answer_tokens of it in engines.json" in answer["reason"]) == is_it


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


# --- completion, failures, answers --------------------------------------------------------------


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


def test_row_12_a_failure_there_asks_nobody_else(home: Home) -> None:
    door, core = door_of(home.api), FakeCore()
    door.refusal = wire.Refused(kind="connect", what="Nobody answers at theirs.", next_step="wait")
    with home.editor(door, core) as client:
        assert "Nobody answers at theirs. Next: wait" in ask(client, home.uri)["reason"]
    assert len(door.asks) == 1
    assert core.engine.jobs == []


@pytest.mark.parametrize(
    ("status", "word"), [(401, "key"), (404, "model"), (429, "now"), (503, "failed")]
)
def test_an_error_of_the_api_is_told_in_plain_words(home: Home, status: int, word: str) -> None:
    said = b'{"error": {"message": "see [this](https://evil.example) sk-12345"}}'
    door = FakeDoor(lambda _ask: said, status)
    with home.editor(door) as client:
        reason = ask(client, home.uri)["reason"]
        assert word in reason
        assert "](" not in reason
        assert (status == 401) == ("sk-12345" not in reason)
    assert len(door.asks) == 1


def test_how_long_an_api_wants_to_be_left_alone_is_told(home: Home) -> None:
    door = FakeDoor(lambda _ask: b"{}", 429)
    door.retry_after_s = 20.0
    with home.editor(door) as client:
        assert "Next: ask again in 20 s" in ask(client, home.uri)["reason"]


@pytest.mark.parametrize(
    "code",
    [
        "def area(width, height):\n    return nobody_defined_this(width)\n",
        "def area(width):\n    return width * width\n",
        "def area(width, height):\n    # … rest of the code\n    pass\n",
        "def area(width, height):\n    return width * (height\n",
    ],
)
def test_row_20_an_answer_that_fails_a_check_is_no_edit_and_is_not_asked_again(
    home: Home, code: str
) -> None:
    door = door_of(home.api, code)
    with home.editor(door) as client:
        answer = ask(client, home.uri)
        assert answer["applied"] is False
        assert answer["reason"].startswith("No safe edit found")
        assert client.notifications("workspace/applyEdit") == []
    assert len(door.asks) == 1


def test_row_20_hidden_characters_and_links_of_an_answer_change_nothing(home: Home) -> None:
    code = "def area(width, height):\n    return width * height  # \u202e ok\n"
    door = door_of(home.api, code)
    with home.editor(door) as client:
        answer = ask(client, home.uri)
        edits = json.dumps(client.notifications("workspace/applyEdit"), ensure_ascii=False)
        assert "\u202e" not in edits
        assert "\u202e" not in json.dumps(answer, ensure_ascii=False)
        assert client.notifications("window/showDocument") == []


def test_row_20_a_file_that_tools_execute_says_so_before_it_is_changed(home: Home) -> None:
    file = home.workspace / "conftest.py"
    file.write_text(TEXT)
    with home.editor(door_of(home.api), uri=file.as_uri()) as client:
        ask(client, file.as_uri())
        (edit,) = client.notifications("workspace/applyEdit")
        (note,) = edit["edit"]["changeAnnotations"].values()
        assert "executed by tools" in note["description"]


def test_names_are_replaced_on_the_way_out_and_back_on_the_way_in(home: Home) -> None:
    where = str(Path.home() / "data.csv")
    text = TEXT.replace("    total =", f"    open({where!r})\n    total =", 1)

    def answer(asked: wire.Ask) -> bytes:
        assert str(Path.home()).encode() not in asked.body
        assert b"INDOORS_HOME_1/data.csv" in asked.body
        code = GOOD.replace("    return", "    open('INDOORS_HOME_1/data.csv')\n    return")
        return streamed(home.api, f"```python\n{code}```\n")

    with home.editor(FakeDoor(answer), text=text) as client:
        assert ask(client, home.uri)["applied"] is True
        (params,) = previews(client)
        assert any("INDOORS_HOME_1" in one for one in params["redactions"])
        (edit,) = client.notifications("workspace/applyEdit")
        (change,) = edit["edit"]["documentChanges"]
        assert f"open({where!r})" in applied(text, change["edits"])


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
