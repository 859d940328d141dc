"""Hidden characters in open documents are marked in the editor, and the marks go when they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from support.in_process import serving

URI = "file:///w/a.py"
SHOWS = {"textDocument": {"publishDiagnostics": {}}}
METHOD = "textDocument/publishDiagnostics"
TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "hi")
TEXT = f"# 😀 ok\nif admin\u202e:  # \u2066x\u2069\n    a\u200bb = 1{TAGS}\n"


@pytest.fixture
def client(private_home: Path) -> Iterator[LspClient]:
    assert private_home
    with serving(FakeCore()) as client:
        yield client


def marks(client: LspClient) -> list[dict[str, Any]]:
    """The last marks that were published, once all that was sent has been handled."""
    client.request("workspace/executeCommand", {"command": "indoors.status"})
    published = client.notifications(METHOD)
    return list(published[-1]["diagnostics"]) if published else []


def test_row_21_each_is_marked_where_it_is(client: LspClient) -> None:
    client.initialize(capabilities=SHOWS)
    client.open(URI, TEXT, version=7)
    found = marks(client)
    (published,) = client.notifications(METHOD)
    assert (published["uri"], published["version"]) == (URI, 7)
    places = [(m["range"]["start"], m["range"]["end"]["character"]) for m in found]
    assert places == [
        ({"line": 1, "character": 8}, 9),
        ({"line": 1, "character": 14}, 15),
        ({"line": 1, "character": 16}, 17),
        ({"line": 2, "character": 5}, 6),
        ({"line": 2, "character": 11}, 15),  # two tags, each two units of UTF-16
    ]
    assert {mark["source"] for mark in found} == {"indoors"}
    assert {mark["code"] for mark in found} == {"hidden-characters"}
    assert [mark["severity"] for mark in found] == [2, 2, 2, 3, 2]
    assert found[0]["message"].startswith("a hidden character (U+202E RIGHT-TO-LEFT OVERRIDE)")
    assert found[4]["message"].startswith("2 hidden characters (U+E0068 TAG LATIN SMALL LETTER H,")
    assert "the model is not shown" in found[0]["message"]


@pytest.mark.parametrize(
    "text",
    ["x = 1\n", "\ufeffx = 1\n", "# été 👩\u200d🚀 ❤\ufe0f می\u200cخواهم\n", "\x1b[0m\x0c\n", ""],
)
def test_an_honest_text_is_not_marked(client: LspClient, text: str) -> None:
    client.initialize(capabilities=SHOWS)
    client.open(URI, text)
    assert marks(client) == []
    assert client.notifications(METHOD) == []


def test_row_21_the_marks_follow_the_text(client: LspClient) -> None:
    client.initialize(capabilities=SHOWS)
    client.open(URI, "x = 1\n")
    client.insert(URI, 2, 0, 1, "\u202e")
    client.wait_for(lambda: marks(client))
    here = {"start": {"line": 0, "character": 1}, "end": {"line": 0, "character": 2}}
    change = {"range": here, "text": ""}
    client.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": URI, "version": 3}, "contentChanges": [change]},
    )
    client.wait_for(lambda: not marks(client))
    assert [len(p["diagnostics"]) for p in client.notifications(METHOD)] == [1, 0]


def test_they_go_when_the_document_is_closed(client: LspClient) -> None:
    client.initialize(capabilities=SHOWS)
    client.open(URI, TEXT)
    assert marks(client)
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert marks(client) == []
    assert len(client.notifications(METHOD)) == 2


def test_a_person_can_switch_them_off_and_a_repository_cannot(
    client: LspClient, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / ".indoors.json").write_text('{"diagnostics": {"hiddenCharacters": false}}')
    client.initialize(folders=(work,), capabilities=SHOWS)
    client.open((work / "a.py").as_uri(), TEXT)
    assert marks(client)
    settings = {"indoors": {"diagnostics": {"hiddenCharacters": False}}}
    client.notify("workspace/didChangeConfiguration", {"settings": settings})
    assert marks(client) == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"indoors": {}}})
    assert marks(client)


def test_a_client_without_diagnostics_is_sent_none(client: LspClient) -> None:
    client.initialize()
    client.open(URI, TEXT)
    assert marks(client) == []


def test_a_text_full_of_them_is_marked_in_part(client: LspClient) -> None:
    client.initialize(capabilities=SHOWS)
    client.open(URI, "a\u200b" * 5000)
    assert len(marks(client)) == 100


def test_an_old_version_in_a_read_only_view_is_not_marked(client: LspClient) -> None:
    client.initialize(capabilities=SHOWS)
    client.open("git:/w/a.py", TEXT)
    assert marks(client) == []
