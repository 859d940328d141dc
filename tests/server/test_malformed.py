"""Whatever a client sends: one answer per request, and the server lives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from support.in_process import serving

URI = "file:///w/a.py"


@pytest.fixture
def client(private_home: Path) -> Iterator[LspClient]:
    with serving(FakeCore()) as client:
        yield client


@pytest.fixture
def ready(client: LspClient) -> LspClient:
    client.initialize()
    client.open(URI, "x = \n")
    return client


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def errors(client: LspClient) -> list[tuple[Any, int]]:
    return [(m["id"], m["error"]["code"]) for m in client.messages if "error" in m]


def completes(client: LspClient) -> bool:
    return bool(client.complete(URI, 0, 4))


DEEP = b'{"jsonrpc":"2.0","method":"x","params":' + b"[" * 200_000 + b"]" * 200_000 + b"}"

# name -> (bytes, the error answers that must come)
BYTES: dict[str, tuple[bytes, list[tuple[Any, int]]]] = {
    "not JSON": (framed(b"{nonsense"), [(None, -32700)]),
    "empty body": (framed(b""), [(None, -32700)]),
    "invalid UTF-8": (framed(b'{"jsonrpc":"2.0","id":7,"method":"\xff"}'), [(None, -32700)]),
    "nested too deeply": (framed(DEEP), [(None, -32700)]),
    "a number of 5000 digits": (framed(b"1" * 5000), [(None, -32700)]),
    "a batch": (framed(b'[{"jsonrpc":"2.0","id":7,"method":"shutdown"}]'), [(None, -32600)]),
    "a string": (framed(b'"text"'), [(None, -32600)]),
    "null": (framed(b"null"), [(None, -32600)]),
    "no version": (framed(b'{"id":7,"method":"shutdown"}'), [(7, -32600)]),
    "wrong version": (framed(b'{"jsonrpc":"1.0","id":7,"method":"x"}'), [(7, -32600)]),
    "id null": (framed(b'{"jsonrpc":"2.0","id":null,"method":"shutdown"}'), [(None, -32600)]),
    "id a list": (framed(b'{"jsonrpc":"2.0","id":[],"method":"shutdown"}'), [(None, -32600)]),
    "id true": (framed(b'{"jsonrpc":"2.0","id":true,"method":"shutdown"}'), [(None, -32600)]),
    "method a number": (framed(b'{"jsonrpc":"2.0","id":7,"method":5}'), [(7, -32600)]),
    "unknown method": (framed(b'{"jsonrpc":"2.0","id":"a","method":"x/y"}'), [("a", -32601)]),
    "unknown method, odd fields": (
        framed(b'{"jsonrpc":"2.0","id":7,"method":"x","params":3,"more":[]}'),
        [(7, -32601)],
    ),
    "unknown notification": (framed(b'{"jsonrpc":"2.0","method":"x/y","params":{}}'), []),
    "unknown $/ notification": (framed(b'{"jsonrpc":"2.0","method":"$/x"}'), []),
    "an answer to nothing": (framed(b'{"jsonrpc":"2.0","id":"zz","result":null}'), []),
    "an error to nothing": (
        framed(b'{"jsonrpc":"2.0","id":"zz","error":{"code":1,"message":""}}'),
        [],
    ),
    "an object with nothing in it": (framed(b"{}"), []),
    "bad Content-Length": (b"Content-Length: x\r\n\r\n{}", [(None, -32700)]),
    "negative Content-Length": (b"Content-Length: -1\r\n\r\n{}", [(None, -32700)]),
    "gigantic Content-Length": (b"Content-Length: 99999999999\r\n\r\n{}", [(None, -32700)]),
    "no Content-Length": (b"Content-Type: x\r\n\r\n{}", [(None, -32700)]),
    "huge header": (b"X: " + b"y" * 300_000 + b"\r\n\r\n", [(None, -32700)]),
    "a second initialize": (
        framed(b'{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"capabilities":{}}}'),
        [(7, -32600)],
    ),
}


@pytest.mark.parametrize("name", BYTES)
def test_damage_is_answered_and_survived(ready: LspClient, name: str) -> None:
    data, expected = BYTES[name]
    ready.send_bytes(data)
    assert completes(ready)
    assert errors(ready) == expected


INLINE = "textDocument/inlineCompletion"
HERE = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}

# What each request is given; every one is answered with InvalidParams.
WRONG_PARAMS: list[tuple[str, Any]] = [
    (INLINE, None),
    (INLINE, []),
    (INLINE, "text"),
    (INLINE, {}),
    (INLINE, HERE),
    (INLINE, {**HERE, "context": None}),
    (INLINE, {**HERE, "context": {"triggerKind": 2}, "position": {"line": -1, "character": 0}}),
    (INLINE, {**HERE, "context": {"triggerKind": 2}, "position": {"line": "a", "character": 0}}),
    (INLINE, {**HERE, "context": {"triggerKind": 2}, "position": {"line": 2**60, "character": 0}}),
    (INLINE, {**HERE, "context": {"triggerKind": 2, "selectedCompletionInfo": {"text": 1}}}),
    ("textDocument/completion", {}),
    ("workspace/executeCommand", {}),
    ("workspace/executeCommand", {"command": "no.such.command"}),
]


@pytest.mark.parametrize(("method", "params"), WRONG_PARAMS, ids=lambda value: str(value)[:60])
def test_wrong_parameters_are_answered_once(ready: LspClient, method: str, params: Any) -> None:
    request = ready.start_request(method, params)
    assert ready.answer(request)["error"]["code"] == -32602
    assert completes(ready)
    assert len(ready.answers(request)) == 1


# What the types let pass by coercion: answered once, with nothing in it.
HARMLESS: list[tuple[str, Any]] = [
    (INLINE, {**HERE, "context": {"triggerKind": 2}, "textDocument": {"uri": 5}}),
    ("workspace/executeCommand", {"command": "indoors.accepted", "arguments": "x"}),
    ("workspace/executeCommand", {"command": "indoors.accepted", "arguments": [{"deep": []}, 2]}),
    ("workspace/executeCommand", {"command": "indoors.accepted"}),
]


@pytest.mark.parametrize(("method", "params"), HARMLESS, ids=lambda value: str(value)[:60])
def test_odd_parameters_are_answered_once(ready: LspClient, method: str, params: Any) -> None:
    request = ready.start_request(method, params)
    assert ready.answer(request)["result"] in ({"items": []}, False)
    assert completes(ready)
    assert len(ready.answers(request)) == 1


WRONG_NOTIFICATIONS: list[tuple[str, Any]] = [
    ("textDocument/didOpen", {}),
    ("textDocument/didOpen", {"textDocument": {"uri": URI}}),
    ("textDocument/didOpen", []),
    ("textDocument/didChange", {"textDocument": {"uri": URI, "version": 2}}),
    (
        "textDocument/didChange",
        {
            "textDocument": {"uri": URI, "version": 2},
            "contentChanges": [{"range": {"start": 1}, "text": "x"}],
        },
    ),
    ("textDocument/didChange", {"textDocument": {"uri": "file:///never.py", "version": 2},
                                "contentChanges": [{"text": "x"}]}),
    ("textDocument/didClose", {"textDocument": {"uri": "file:///never.py"}}),
    ("textDocument/didFocus", {"textDocument": 5}),
    ("indoors/willEdit", None),
    ("indoors/willEdit", {"uri": URI, "range": 5, "action": "edit"}),
    ("workspace/didChangeConfiguration", {}),
    ("workspace/didChangeConfiguration", {"settings": {"indoors": [1, 2]}}),
    ("workspace/didChangeWorkspaceFolders", {"event": {"added": None, "removed": None}}),
    ("notebookDocument/didChange", {"notebookDocument": {"uri": "x", "version": 1}, "change": {}}),
    ("$/cancelRequest", {}),
    ("$/setTrace", {"value": "loud"}),
    ("$/progress", {"token": 1, "value": None}),
    ("window/workDoneProgress/cancel", {"token": "none"}),
    ("initialized", {}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "params"), WRONG_NOTIFICATIONS, ids=lambda v: str(v)[:60])
def test_wrong_notifications_are_ignored(ready: LspClient, method: str, params: Any) -> None:
    ready.notify(method, params)
    assert completes(ready)
    assert errors(ready) == []


def test_changes_outside_the_text_are_clamped(ready: LspClient) -> None:
    far = {"line": 2**31 - 1, "character": 2**31 - 1}
    start = {"line": 0, "character": 0}
    for version, (one, two) in enumerate([(far, far), (far, start), (start, far)], start=2):
        change = {"range": {"start": one, "end": two}, "text": "y = \n"}
        document = {"uri": URI, "version": version}
        ready.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )
        assert completes(ready)


def test_before_initialize_requests_are_refused_and_notifications_dropped(
    client: LspClient,
) -> None:
    client.open(URI, "x = \n")
    early = client.start_completion(URI, 0, 0)
    assert client.answer(early)["error"]["code"] == -32002
    client.initialize()
    assert client.complete(URI, 0, 4) == []


def test_an_initialize_with_wrong_parameters_can_be_repeated(client: LspClient) -> None:
    wrong = client.start_request("initialize", {"capabilities": 5})
    assert client.answer(wrong)["error"]["code"] == -32602
    assert client.initialize()["serverInfo"]


@pytest.mark.parametrize("line_end", ["", "\r\n"])
def test_five_megabytes_in_one_line(ready: LspClient, line_end: str) -> None:
    uri = "file:///w/big.js"
    text = "é😀ab" * 1_250_000 + line_end
    ready.open(uri, text, language="javascript")
    assert ready.complete(uri, 0, 6_250_000)
    ready.insert(uri, 2, 0, 6_250_000, "x")
    assert ready.complete(uri, 0, 6_250_001)


def test_half_a_surrogate_pair_in_a_document(ready: LspClient) -> None:
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "method": "textDocument/didOpen",
            "params": {
                "textDocument": {"uri": URI, "languageId": "x", "version": 1, "text": "\ud83d"}
            },
        }
    )
    ready.send_bytes(framed(body.encode()))
    (item,) = ready.complete(URI, 0, 1)
    assert item["range"]["end"]["character"] == 1
