"""The policy where it counts: in a server's answers, its status and its snippets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_core import FakeCore
from indoors_server import paths
from indoors_server.asks import Ask
from indoors_server.policies import Policies
from indoors_server.service import Service
from indoors_server.settings import user_layer


@pytest.fixture
def work(private_home: Path) -> Path:
    folder = private_home / "work"
    (folder / "secrets").mkdir(parents=True)
    for name in ("main.py", ".env", "secrets/a.py"):
        (folder / name).write_text("x = \n")
    (folder / "harmless.py").symlink_to(".env")
    return folder


def user_policy(**keys: Any) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    file = paths.config_dir() / "policy.json"
    file.write_text(json.dumps(keys))
    file.chmod(0o600)


class Heard:
    """An outbox that keeps the messages for the person."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, _kind: str, text: str) -> None:
        self.texts.append(text)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Bench:
    """A service with one workspace folder, over a core that completes everything."""

    def __init__(self, work: Path, editor: object = None) -> None:
        self.work, self.heard = work, Heard()
        self.service = Service(FakeCore(), self.heard, lambda: 10.0)
        self.service.session.add_folder(work.as_uri())
        self.service.set_editor_settings(editor)
        self.service.apply_settings()
        self.service.start()

    def reason(self) -> str:
        return self.service.status().reason


@pytest.mark.parametrize("name", [".env", "secrets/a.py", "harmless.py"])
def test_row_15_a_denied_file_is_not_completed_and_the_reason_is_shown(
    work: Path, name: str
) -> None:
    policies = Policies()
    policies.read([str(work)], None)
    assert policies.refusal(str(work), "main.py") == ""
    reason = policies.refusal(str(work), name)
    assert "deny_paths" in reason


@pytest.mark.parametrize(
    ("folder", "name", "pattern"),
    [("secrets", "a.py", "secrets/"), (".docker", "config.json", "**/.docker/config.json"),
     (".aws/sub", "x.py", ".aws/"), ("work", "a.py", ""), (".docker", "other.json", "")],
)  # fmt: skip
def test_row_15_a_folder_that_is_opened_by_itself_stays_what_it_is(
    private_home: Path, folder: str, name: str, pattern: str
) -> None:
    opened = private_home / folder
    opened.mkdir(parents=True)
    (opened / name).write_text("x = 1\n")
    policies = Policies()
    policies.read([str(opened)], None)
    verdict = policies.verdict(str(opened), name)
    assert (verdict.allowed, verdict.rule) == (not pattern, pattern)
    is_folder = pattern.endswith("/")
    assert policies.may_index(str(opened)).allowed is not is_folder
    # A layer's own patterns are about paths in the workspace.
    user_policy(deny_paths=[f"{private_home.name}/"])
    policies.read([str(opened)], None)
    assert policies.verdict(str(opened), name).rule == pattern


def test_row_15_a_denied_file_is_shown_by_no_snippet_and_the_status_says_why(work: Path) -> None:
    async def scenario() -> None:
        bench = Bench(work)
        uri = (work / ".env").as_uri()
        bench.service.opened(uri, "plaintext", 1, "KEY=1\n")
        ask = Ask(uri=uri, line=0, character=4, trigger="explicit")
        assert await bench.service.complete(ask) is None
        assert bench.service.status().phase == "inactive"
        assert "'.env' is denied" in bench.reason()
        assert bench.service._is_refused(str(work), ".env")
        assert not bench.service._is_refused(str(work), "main.py")
        control = (work / "main.py").as_uri()
        bench.service.opened(control, "python", 1, "x = \n")
        ask = Ask(uri=control, line=0, character=4, trigger="explicit")
        assert await bench.service.complete(ask) is not None
        assert bench.service.status().phase == "ready"

    asyncio.run(scenario())


def test_what_gets_narrower_counts_at_once_and_what_gets_wider_needs_a_restart(work: Path) -> None:
    async def scenario() -> None:
        bench = Bench(work)
        assert bench.service.policies.refusal(str(work), "main.py") == ""
        user_policy(complete=False)
        bench.service.apply_settings()
        assert "complete" in bench.service.policies.refusal(str(work), "main.py")
        assert any("narrower now: complete" in text for text in bench.heard.texts)
        user_policy(complete=True)
        bench.service.apply_settings()
        assert bench.service.policies.refusal(str(work), "main.py")
        assert any("Restart the server" in text for text in bench.heard.texts)
        assert Bench(work).service.policies.refusal(str(work), "main.py") == ""

    asyncio.run(scenario())


@pytest.mark.parametrize("whose", ["the workspace's", "the person's"])
def test_what_somebody_else_writes_counts_for_the_next_request(work: Path, whose: str) -> None:
    """A pull, another editor, an admin: nothing is saved here and no setting changes."""

    async def scenario() -> None:
        bench = Bench(work)
        uri = (work / "main.py").as_uri()
        bench.service.opened(uri, "python", 1, "x = \n")
        ask = Ask(uri=uri, line=0, character=4, trigger="explicit")
        assert await bench.service.complete(ask) is not None
        if whose == "the person's":
            user_policy(deny_paths=["main.py"])
        else:
            (work / ".indoors.json").write_text('{"policy": {"deny_paths": ["main.py"]}}')
        assert await bench.service.complete(ask) is None
        assert bench.service.status().phase == "inactive"
        assert any("narrower now: deny_paths" in text for text in bench.heard.texts)

    asyncio.run(scenario())


def test_a_workspace_and_an_editor_only_narrow(work: Path) -> None:
    async def scenario() -> None:
        user_policy(deny_paths=["main.py"])
        (work / ".indoors.json").write_text(
            json.dumps({"policy": {"mode": "closed", "deny_paths": ["other.py"]}})
        )
        bench = Bench(work, {"policy": {"mode": "closed", "index": False}})
        found = bench.service.policies.of(str(work))
        assert found.mode == "local"
        assert bench.service.policies.refusal(str(work), "main.py")
        assert bench.service.policies.refusal(str(work), "other.py")
        assert not bench.service.policies.may_index(str(work))
        assert any("mode" in text for text in bench.heard.texts)
        assert user_layer().problems == ()

    asyncio.run(scenario())


def test_a_policy_that_is_off_keeps_no_index(work: Path) -> None:
    async def scenario() -> None:
        user_policy(mode="off")
        bench = Bench(work)
        assert not bench.service._settings_in(str(work)).index_enabled
        assert "mode is off" in bench.service.policies.refusal(str(work), "main.py")

    asyncio.run(scenario())
