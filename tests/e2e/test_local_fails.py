"""Row 12: what fails on this machine is asked nowhere else, though a server is there and allowed.

The model is a tiny one, the worker, the lock-down, the gateway and the server are real. Code would
leave by the second rule, which is for what nobody asks here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.test_elsewhere import TEXT, Setup, completed, engines_of, environment
from fakes.lsp_client import LspClient, running_server
from fakes.model_server import ModelServer
from indoors_server import paths
from support.edit_clients import CAPABILITIES
from support.model_servers import running
from support.processes import role_of, tree_of, wait_until
from support.tiny_model import write_tiny

pytestmark = [
    pytest.mark.model,
    pytest.mark.loopback,
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
]
READY_S = 120.0
KINDS = ["completion", "refactor"]


class Beside(Setup):
    """A home with a model of its own, and beside it a server that is allowed."""

    def __init__(self, folder: Path, server: ModelServer, *, deadline_ms: int = 20_000) -> None:
        super().__init__(folder, server)
        self.model = write_tiny(self.home / "tiny.gguf")
        rules = [{"use": "local", "kinds": KINDS}, {"use": server.name}]
        settings = {
            "model": str(self.model),
            "completion": {"deadlineMs": deadline_ms},
            "engines": {"rules": rules},
        }
        (self.home / ".config/indoors/config.json").write_text(json.dumps(settings))

    @contextmanager
    def whole(self) -> Iterator[tuple[LspClient, subprocess.Popen[bytes]]]:
        """An editor, with the engine that is installed for this person."""
        variables = environment(self.home) | {"XDG_CACHE_HOME": str(paths.cache_dir().parent)}
        with running_server(variables) as (client, process):
            client.initialize(folders=(self.work,), capabilities=CAPABILITIES)
            client.open(self.uri(), TEXT)
            client.wait_for(lambda: engines_of(client).get("gpu") == "up", READY_S)
            yield client, process


def worker_of(process: subprocess.Popen[bytes]) -> int:
    """The process with the model; the launcher is between it and its editor."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [pid for pid in tree_of(process.pid) if role_of(pid) == "worker"]
        return bool(found)

    wait_until(is_there, READY_S, "a worker")
    return found[0]


def asks_for_everything(client: LspClient, uri: str) -> None:
    """A completion and an edit, whatever comes of them."""
    completed(client, uri)
    here = {"line": 1, "character": 4}
    wish = {"uri": uri, "range": {"start": here, "end": here}, "action": "document"}
    params = {"command": "indoors.refactor", "arguments": [wish]}
    client.answer(client.start_request("workspace/executeCommand", params), 120)


def test_row_12_a_worker_that_is_killed(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Beside(tmp_path, server)
        with setup.whole() as (client, process):
            client.wait_ready(READY_S)
            for _ in range(5):
                worker = worker_of(process)
                asked = client.start_completion(setup.uri(), 1, 11)
                os.kill(worker, signal.SIGKILL)
                client.answer(asked, 120)
                asks_for_everything(client, setup.uri())
            client.wait_for(lambda: client.phase() in ("ready", "error"), READY_S)
        assert not server.bodies


def test_row_12_a_model_that_is_corrupt(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Beside(tmp_path, server)
        setup.model.write_bytes(setup.model.read_bytes()[:3000])
        with setup.whole() as (client, _):
            client.wait_for(lambda: engines_of(client).get("local") == "wrong", READY_S)
            asks_for_everything(client, setup.uri())
            # What was asked for by no rule would be answered: the person is told what is not.
            status = client.notifications("indoors/status")[-1]
            assert [one["name"] for one in status["engines"]] == ["local", "gpu"]
            assert "tiny.gguf" in status["engines"][0]["reason"]
            shown = client.notifications("window/showMessage")
            assert any("tiny.gguf" in one["message"] for one in shown)
        assert not server.bodies


def test_row_12_an_answer_that_does_not_come_in_time(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Beside(tmp_path, server, deadline_ms=300)
        with setup.whole() as (client, process):
            client.wait_ready(READY_S)
            worker = worker_of(process)
            os.kill(worker, signal.SIGSTOP)
            try:
                for version in range(2, 12):
                    client.insert(setup.uri(), version, 0, 0, "#\n")
                    assert completed(client, setup.uri(), version, 11) == ""
                time.sleep(0.5)
            finally:
                os.kill(worker, signal.SIGCONT)
        assert not server.bodies


def test_the_control_what_the_second_rule_is_for_is_sent(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Beside(tmp_path, server)
        file = setup.home / ".config/indoors/config.json"
        settings = json.loads(file.read_text())
        settings["engines"]["rules"][0]["kinds"] = ["refactor"]
        file.write_text(json.dumps(settings))
        with setup.whole() as (client, _):
            assert "width" in completed(client, setup.uri())
        assert len(server.bodies) == 1
