"""A real server process with the real model, over stdio."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.lsp_client import LspClient, running_server
from indoors_server import paths
from support.processes import children_of, is_alive, resources, wait_until

pytestmark = pytest.mark.model

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
# What is asked here is what comes, not how fast: a loaded machine may take its time.
PATIENT = {"completion": {"deadlineMs": 20_000}}
URI = "file:///w/geometry.py"
HEAD = '''\
"""Plane geometry."""

import math


def circle_area(radius: float) -> float:
    """The area of a circle."""
    return math.pi * radius ** 2


def circle_circumference(radius: float) -> float:
    """The circumference of a circle."""
    return 2 * '''
TAIL = "\n\n\ndef square_area(side: float) -> float:\n    return side * side\n"
LINE = HEAD.count("\n")
CHARACTER = len(HEAD.rpartition("\n")[2])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


@pytest.fixture
def server(log: Path) -> Iterator[tuple[LspClient, int]]:
    """A server that is ready, and its process id."""
    with running_server(log_to=log) as (client, process):
        client.initialize(settings=PATIENT | {"log": {"level": "debug"}})
        client.wait_ready(READY_S)
        yield client, process.pid


def test_the_model_completes_a_line(server: tuple[LspClient, int], log: Path) -> None:
    client, _ = server
    client.open(URI, HEAD + TAIL)
    item, *_ = client.complete(URI, LINE, CHARACTER, trigger=1)
    assert item["insertText"].strip().startswith("math.pi * ")
    assert item["range"]["start"]["line"] == item["range"]["end"]["line"] == LINE
    again, *_ = client.complete(URI, LINE, CHARACTER, trigger=1)
    assert again["insertText"] == item["insertText"]
    typed = item["insertText"].strip()[:4]
    client.insert(URI, 2, LINE, CHARACTER, typed)
    (rest,) = client.complete(URI, LINE, CHARACTER + len(typed))
    assert item["insertText"].strip().endswith(rest["insertText"].strip())
    status = client.request("workspace/executeCommand", {"command": "indoors.status"})
    assert status["counters"]["from_cache"] >= 1
    assert status["model"]
    client.shutdown()
    client.wait_for(lambda: client.ended or True)
    # I10: not a word of the document at the most talkative level.
    assert "circumference" not in log.read_text()
    assert "math.pi" not in log.read_text()


def test_no_answer_before_the_model_is_loaded_and_none_late() -> None:
    with running_server() as (client, _):
        client.initialize(settings=PATIENT, capabilities={"window": {"workDoneProgress": True}})
        client.open(URI, HEAD + TAIL)
        early = client.start_completion(URI, LINE, CHARACTER, trigger=1)
        assert client.answer(early, 5.0)["result"] == {"items": []}
        client.wait_ready(READY_S)
        assert client.complete(URI, LINE, CHARACTER, trigger=1)
        assert len(client.answers(early)) == 1
        phases = [report["phase"] for report in client.notifications("indoors/status")]
        assert phases[0] == "loading"


def typed_file() -> str:
    """A real file of this repository, to be typed again."""
    return (ROOT / "server/indoors_server/paths.py").read_text()


def test_two_hundred_requests_with_cancels_leave_nothing_behind(
    server: tuple[LspClient, int],
) -> None:
    """Typed through a real file, every second request cancelled: one answer each, no leak."""
    client, pid = server
    text = typed_file()
    at = text.index("def make_private")
    uri = "file:///w/paths.py"
    client.open(uri, text[:at])
    line, character = text[:at].count("\n"), 0
    requests: list[int] = []
    cancelled: list[int] = []
    before = None
    for version, typed in enumerate(text[at : at + 200], start=2):
        client.insert(uri, version, line, character, typed)
        line, character = (line + 1, 0) if typed == "\n" else (line, character + 1)
        requests.append(client.start_completion(uri, line, character))
        if version % 2:
            client.cancel(requests[-1])
            cancelled.append(requests[-1])
        elif version % 10 == 0:
            client.answer(requests[-1])
        if version == 60:
            before = {role: resources(child) for role, child in children_of(pid).items()}
            before["server"] = resources(pid)
    for request in requests:
        client.answer(request)
    assert [len(client.answers(request)) for request in requests] == [1] * 200
    for request in requests:
        answer = client.answers(request)[0]
        if "error" in answer:
            assert request in cancelled
            assert answer["error"]["code"] == -32800
        else:
            assert isinstance(answer["result"]["items"], list)
    assert before
    after = {role: resources(child) for role, child in children_of(pid).items()}
    after["server"] = resources(pid)
    assert after.keys() == before.keys() == {"server", "worker", "indexer"}
    for role, held in after.items():
        assert held.n_threads <= before[role].n_threads, role
        assert held.n_fds <= before[role].n_fds + 1, role
        assert held.rss_mb <= before[role].rss_mb * 1.1 + 16, role


def test_a_worker_killed_while_it_generates_costs_one_empty_answer(
    server: tuple[LspClient, int],
) -> None:
    client, pid = server
    text = typed_file() * 3
    client.open("file:///w/paths.py", text)
    worker = children_of(pid)["worker"]
    line = text.count("\n") - 3
    in_flight = client.start_completion("file:///w/paths.py", line, 0, trigger=1)
    client.wait_for(lambda: client.phase() == "busy", 20)
    assert not client.answers(in_flight)
    os.kill(worker, signal.SIGKILL)
    assert client.answer(in_flight)["result"] == {"items": []}
    wait_until(lambda: not is_alive(worker), 5, "the worker is dead")
    wait_until(lambda: children_of(pid).get("worker", worker) != worker, 30, "a new worker")
    client.wait_for(lambda: client.phase() == "ready", READY_S)
    client.open(URI, HEAD + TAIL)
    item, *_ = client.complete(URI, LINE, CHARACTER, trigger=1)
    assert "math.pi" in item["insertText"]


def test_a_model_that_comes_later_is_used_without_a_restart(tmp_path: Path) -> None:
    """An empty cache: one message with the next step, empty answers; then the cache is filled."""
    cache = tmp_path / "cache"
    cache.mkdir()
    with running_server({"XDG_CACHE_HOME": str(cache)}) as (client, _):
        client.initialize(settings=PATIENT)
        client.wait_for(lambda: client.phase() == "error", READY_S)
        client.open(URI, HEAD + TAIL)
        assert client.complete(URI, LINE, CHARACTER) == []
        (shown,) = client.notifications("window/showMessage")
        assert "Next: indoors" in shown["message"]
        for name in ("models", "engines"):
            (cache / "indoors" / name).symlink_to(paths.cache_dir() / name)

        def asked_again() -> bool:
            client.start_completion(URI, LINE, CHARACTER)
            return client.phase() == "ready"

        wait_until(asked_again, READY_S, "the model was found")
        assert client.complete(URI, LINE, CHARACTER, trigger=1)
        assert len(client.notifications("window/showMessage")) == 1
