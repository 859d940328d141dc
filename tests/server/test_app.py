"""The server object inside this process, with a fake core, through real JSON-RPC bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from support.in_process import serving

URI = "file:///w/a.py"


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def client(core: FakeCore, private_home: object) -> Iterator[LspClient]:
    with serving(core) as client:
        yield client


def test_initialize_names_us_and_what_we_offer(client: LspClient) -> None:
    result = client.initialize(encodings=("utf-8", "utf-16"))
    assert result["serverInfo"]["name"] == "indoors"
    assert result["serverInfo"]["version"]
    capabilities = result["capabilities"]
    assert capabilities["positionEncoding"] == "utf-8"
    assert capabilities["inlineCompletionProvider"] == {}
    assert capabilities["textDocumentSync"]["change"] == 2
    assert "completionProvider" not in capabilities
    assert capabilities["experimental"]["indoors"]["lock"]["state"]


def test_a_completion_comes_back_with_range_and_command(client: LspClient) -> None:
    client.initialize()
    client.open(URI, "x = \n")
    (item,) = client.complete(URI, 0, 4)
    assert item["insertText"] == "hello"
    assert item["range"] == {
        "start": {"line": 0, "character": 4},
        "end": {"line": 0, "character": 4},
    }
    assert item["command"]["command"] == "indoors.accepted"
    params = {"command": "indoors.accepted", "arguments": item["command"]["arguments"]}
    assert client.request("workspace/executeCommand", params) is True
    status = client.request("workspace/executeCommand", {"command": "indoors.status"})
    assert status["counters"]["accepted"] == 1
