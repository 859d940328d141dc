"""Code actions of a real server process with the real model: what comes parses, and says so."""

from __future__ import annotations

import ast
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.lsp_client import LspClient, running_server
from support.edit_clients import CAPABILITIES, applied, menu, place, shown, titled, without
from support.processes import children_of, is_locked, role_of, tree_of, wait_until

pytestmark = pytest.mark.model

READY_S, EDIT_S = 180.0, 400.0
# What is asked here is what comes, not how fast: a loaded machine may take its time.
PATIENT = {"completion": {"deadlineMs": 30_000}, "refactor": {"deadlineSeconds": 300}}
URI = "file:///w/geometry.py"
# A small model is asked: what it can do is what benchmarks say, here it is about the way to it.
TEXT = '''\
import math


def area(width, height):
    total = width * height
    total = round(total, 2)
    return total


def circle_area(radius):
    """The area of a circle, 0 for a negative radius."""
    raise NotImplementedError
'''
HERE = place(4, 8, 4, 8)


@contextmanager
def editing(capabilities: dict[str, Any], log: Path) -> Iterator[LspClient]:
    with running_server(log_to=log) as (client, _):
        client.initialize(settings=PATIENT | {"log": {"level": "debug"}}, capabilities=capabilities)
        client.wait_ready(READY_S)
        client.open(URI, TEXT)
        yield client
        client.shutdown()


def parsed(edits: list[dict[str, Any]]) -> str:
    """The text with the edits made to it, as a program."""
    after = applied(TEXT, edits)
    (function,) = [
        node
        for node in ast.parse(after).body
        if isinstance(node, ast.FunctionDef) and node.name == "area"
    ]
    assert ast.get_docstring(function), after
    assert after.endswith(TEXT[TEXT.index("    total = width") :]), "no code was touched"
    return after


def test_the_model_documents_a_function(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with editing(CAPABILITIES, log) as client:
        entry = titled(menu(client, URI, HERE), "Document area")
        resolved = client.request("codeAction/resolve", entry, EDIT_S)
        assert "edit" in resolved, shown(client)
        (change,) = resolved["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": URI, "version": 1}
        (note,) = resolved["edit"]["changeAnnotations"].values()
        assert note["needsConfirmation"] is True
        parsed(change["edits"])

        # The same once more, cancelled while it is written: nothing runs on, all goes on.
        said = client.notifications
        n_before = len(said("$/progress"))
        request = client.start_request("codeAction/resolve", entry)
        client.wait_for(lambda: len(said("$/progress")) > n_before + 1, EDIT_S)
        client.cancel(request)
        assert client.answer(request)["error"]["code"] == -32800

        def engine() -> dict[str, int]:
            command = {"command": "indoors.status"}
            return dict(client.request("workspace/executeCommand", command)["engine"])

        wait_until(lambda: engine()["n_cancelled"] >= 1, 60.0, "the model stopped")
        client.insert(URI, 2, 1, 0, "\nunused = math.p")
        assert client.complete(URI, 2, 15, trigger=1)
    # I10: not a word of the document at the most talkative level.
    assert "width" not in log.read_text()


def test_an_editor_without_annotations_is_sent_what_it_can_apply(tmp_path: Path) -> None:
    capabilities = without("workspace", "workspaceEdit", "changeAnnotationSupport")
    with editing(capabilities, tmp_path / "server.log") as client:
        client.results["workspace/applyEdit"] = {"applied": True}
        wish = titled(menu(client, URI, HERE), "Document area")["data"]
        params = {"command": "indoors.refactor", "arguments": [wish]}
        result = client.request("workspace/executeCommand", params, EDIT_S)
        assert result == {"applied": True, "reason": ""}
        (sent,) = client.notifications("workspace/applyEdit")
        assert "changeAnnotations" not in sent["edit"]
        (change,) = sent["edit"]["documentChanges"]
        assert all("annotationId" not in edit for edit in change["edits"])
        parsed(change["edits"])


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at through /proc")
def test_row_12_a_model_that_dies_during_an_edit_is_said_and_nothing_else_is_asked(
    tmp_path: Path,
) -> None:
    with running_server(log_to=tmp_path / "server.log") as (client, process):
        client.initialize(settings=PATIENT, capabilities=CAPABILITIES)
        client.wait_ready(READY_S)
        client.open(URI, TEXT)
        entry = titled(menu(client, URI, HERE), "Document area")
        n_before = len(client.notifications("$/progress"))
        request = client.start_request("codeAction/resolve", entry)
        client.wait_for(lambda: len(client.notifications("$/progress")) > n_before + 1, EDIT_S)
        os.kill(children_of(process.pid)["worker"], signal.SIGKILL)
        refused = client.answer(request, EDIT_S)["result"]
        assert "edit" not in refused
        assert "the model stopped" in refused["disabled"]["reason"]
        roles = {role_of(pid) for pid in tree_of(process.pid)}
        assert roles <= {"serve", "worker", "indexer", "maker", ""}, "nobody else was started"
        assert all(is_locked(pid) for pid in tree_of(process.pid))
        # The control: the same is made once the model is back.
        client.wait_ready(READY_S)

        def made() -> bool:
            return "edit" in client.request("codeAction/resolve", entry, EDIT_S)

        wait_until(made, READY_S, "an edit by the model that was loaded again")
        client.shutdown()
