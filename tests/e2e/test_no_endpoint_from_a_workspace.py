"""Row 9: no file of a workspace and no setting of an editor names an engine or lets code out."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.test_elsewhere import TEXT, Setup, completed, engines_of
from fakes.lsp_client import running_server
from fakes.model_server import ModelServer
from indoors_server import endpoint_files, policy
from indoors_server.policy.decision import widened
from support.fake_engine_server import Fake, serving
from support.gateways import gateway, write_engines
from support.launchers import write_policy
from support.model_servers import running

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
    pytest.mark.loopback,
]

N_TRIES = 200


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setenv("HOME", str(found))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return found


def wishes(fake: Fake, dice: random.Random) -> dict[str, Any]:
    """Settings that ask for more, in the spellings that there are and in some that are not."""
    url = fake.url
    engine = {"url": url, "api": "openai", "model": "m"}
    pieces: list[dict[str, Any]] = [
        {"policy": {"mode": dice.choice(["onprem", "closed"])}},
        {"policy": {"onprem_hosts": [url], "closed_hosts": [url]}},
        {"policy.mode": "closed", "policy.onprem_hosts": [url]},
        {"engines": {"team": engine, "evil": engine}},
        {"engines.rules": [{"use": "evil"}, {"use": url}]},
        {"team": engine},
        {"endpoints": [engine | {"name": "team"}]},
        {"completion": {"url": url, "endpoint": "evil"}},
        {"indoors": {"policy": {"mode": "closed"}, "engines": {"team": engine}}},
        {"proxy": url, "http.proxy": url, "key": "file:/etc/passwd"},
    ]
    found: dict[str, Any] = {}
    for piece in dice.sample(pieces, dice.randint(1, len(pieces))):
        found |= piece
    return found


def write_all(folder: Path, settings: dict[str, Any], fake: Fake) -> None:
    text = json.dumps(settings)
    files = {
        ".indoors.json": text,
        ".vscode/settings.json": text,
        "engines.json": text,
        "policy.json": text,
        ".config/indoors/engines.json": text,
        ".env": f"HTTPS_PROXY={fake.url}\nHTTP_PROXY={fake.url}\nXDG_CONFIG_HOME=.config\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def test_row_9_no_document_of_a_workspace_or_editor_widens_or_redirects(home, tmp_path):
    """Whatever they say: the policy is no wider, and the engines are the person's own."""
    dice = random.Random(9)
    folder = tmp_path / "project"
    with serving() as own, serving() as evil:
        write_policy(home, mode="onprem", onprem_hosts=[own.url])
        write_engines(home, team={"url": own.url, "api": "openai"})
        before, engines = policy.load(), endpoint_files.load()
        assert engines.endpoints["team"].url == own.url
        for _ in range(N_TRIES):
            settings = wishes(evil, dice)
            write_all(folder, settings, evil)
            assert widened(policy.load(folder, settings), before) == ()
            assert endpoint_files.load() == engines


def test_row_9_nothing_reaches_what_a_workspace_names(home, tmp_path):
    """Through the gateway: the person's engine is asked, the other server sees no connection."""
    dice = random.Random(99)
    folder = tmp_path / "project"
    with serving() as own, serving() as evil:
        write_engines(home, team={"url": own.url, "api": "openai"})
        with gateway(home, onprem_hosts=[own.url]) as locked:
            for _ in range(10):
                write_all(folder, wishes(evil, dice), evil)
                found = locked.run(f"""
                    os.environ.update(HTTPS_PROXY={evil.url!r}, HTTP_PROXY={evil.url!r})
                    names = ("team", "evil", {evil.url!r}, "../project/engines.json")
                    say(all=[(await asked(endpoint=name, workspace={str(folder)!r}, body={{}}))[-1]
                        for name in names])
                """)["all"]
                assert [one.get("kind", one["t"]) for one in found] == ["End", *["unknown"] * 3]
            locked.run("client.renew(); await asked(body={}); say(ok=True)")
        assert len(own.requests) == 11
        assert evil.n_connections == 0


def test_row_9_a_real_server_with_such_settings_connects_to_nobody(home, tmp_path):
    dice = random.Random(999)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("def add(a, b):\n    ")
    with serving() as evil:
        settings = wishes(evil, dice)
        for _ in range(20):
            settings |= wishes(evil, dice)
        write_all(folder, settings, evil)
        names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
        variables = {"HOME": str(home), **dict.fromkeys(names, evil.url)}
        with running_server(variables) as (client, process):
            client.initialize(folders=(folder,), settings=settings, options=settings)
            client.notify("workspace/didChangeConfiguration", {"settings": {"indoors": settings}})
            client.request("workspace/executeCommand", {"command": "indoors.status"})
            client.shutdown()
            process.wait(20)
        assert evil.n_connections == 0


def test_row_9_a_hundred_such_settings_in_one_session_change_no_engine(tmp_path):
    """Files, saves and settings one after the other, where code may go to the person's own server:
    some narrow the policy, because nobody can say what they mean, and none does more.
    """
    dice = random.Random(9999)
    own = ModelServer("openai", "gpu")
    with running(own), serving() as evil:
        setup = Setup(tmp_path, own)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            client.wait_for(lambda: engines_of(client) == {"gpu": "up"})
            for number in range(N_TRIES // 2):
                settings = wishes(evil, dice)
                write_all(setup.work, settings, evil)
                saved = {"textDocument": {"uri": setup.uri(".indoors.json")}}
                client.notify("textDocument/didSave", saved)
                sent = {"settings": {"indoors": settings}}
                client.notify("workspace/didChangeConfiguration", sent)
                if number % 10 == 0:
                    client.insert(setup.uri(), 2 + number, 0, 0, "#\n")
                    completed(client, setup.uri(), 2 + number // 10, 11)
                told = client.request("workspace/executeCommand", {"command": "indoors.status"})
                assert told["mode"] in ("onprem", "local", "off")
                assert {one["name"] for one in told["engines"]} <= {"gpu"}
            assert told["mode"] == "local", "what narrows once stays until the server is restarted"
        # The control: without such files the next session goes on as before.
        write_all(setup.work, {}, evil)
        n_before = len(own.bodies)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            client.wait_for(lambda: completed(client, setup.uri()))
        assert len(own.bodies) > n_before
        assert evil.n_connections == 0
