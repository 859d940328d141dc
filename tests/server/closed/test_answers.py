"""What a closed API is asked for, and what becomes of its answer or of its refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes.fake_core import FakeCore
from indoors_server.gateway import wire
from support.closed_apis import FakeDoor, streamed, told
from support.closed_home import (
    GOOD,
    TEXT,
    Home,
    ask,
    door_of,
    previews,
)
from support.edit_clients import applied


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
