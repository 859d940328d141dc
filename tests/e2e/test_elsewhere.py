"""Engines elsewhere through a real server, a real launcher and a real gateway, by the real LSP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.lsp_client import LspClient, running_server
from fakes.model_server import ModelServer
from support.gateways import write_engines
from support.launchers import write_policy
from support.model_servers import running

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
]
TEXT = "def area(width, height):\n    return \n"
SETTINGS = {"completion": {"deadlineMs": 20_000}}


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_STATE_HOME": str(home / ".local/state"),
    }


class Setup:
    """A home in which a policy, engines and rules lead to servers."""

    def __init__(self, folder: Path, *servers: ModelServer, mode: str = "onprem") -> None:
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        urls = [f"http://127.0.0.1:{server.port}" for server in servers]
        if mode:
            write_policy(self.home, mode=mode, onprem_hosts=urls)
        write_engines(
            self.home,
            **{s.name: {"url": url, "api": s.api} for s, url in zip(servers, urls, strict=True)},
        )
        for server in servers:
            server.say = ["width", " * height", "\n"]
        self.rules({"use": [server.name for server in servers]})

    def rules(self, *rules: dict[str, Any]) -> None:
        file = self.home / ".config/indoors/config.json"
        file.write_text(json.dumps({"engines": {"rules": list(rules)}} | SETTINGS))

    @contextmanager
    def editor(self) -> Iterator[LspClient]:
        with running_server(environment(self.home)) as (client, _):
            client.initialize(folders=(self.work,))
            yield client

    def uri(self, name: str = "a.py") -> str:
        return (self.work / name).as_uri()


def completed(client: LspClient, uri: str, line: int = 1, character: int = 11) -> str:
    items = client.complete(uri, line, character)
    return items[0]["insertText"] if items else ""


def ready(client: LspClient) -> None:
    """There is no model on this machine: that is an error until an engine elsewhere answers."""
    client.wait_for(lambda: client.phase() in ("ready", "busy"))


def engines_of(client: LspClient) -> dict[str, str]:
    reports = client.notifications("indoors/status")
    return {one["name"]: one["state"] for one in reports[-1]["engines"]} if reports else {}


def test_a_completion_comes_from_an_engine_elsewhere_without_any_model_here(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            ready(client)
            assert "width * height" in completed(client, setup.uri())
            assert engines_of(client) == {"gpu": "up"}
            # Nothing of it was sent before somebody asked, and nothing more than was asked for.
            assert len(server.bodies) == 1


def test_row_12_in_local_mode_rules_lead_nowhere(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server, mode="local")
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            client.wait_for(lambda: engines_of(client) == {"gpu": "refused"})
            assert completed(client, setup.uri()) == ""
        assert not server.paths


def test_row_12_what_fails_here_is_not_asked_elsewhere(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        setup.rules({"use": "local", "kinds": ["completion"]}, {"use": "gpu"})
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            client.wait_for(lambda: engines_of(client) == {"local": "wrong", "gpu": "up"})
            assert completed(client, setup.uri()) == ""  # there is no model here
        assert not server.bodies


def test_what_this_machine_would_answer_is_said_to_be_missing(tmp_path: Path) -> None:
    """No rule names it, and completions are its own all the same."""
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        setup.rules({"use": "gpu", "kinds": ["refactor"]})
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            client.wait_for(lambda: engines_of(client) == {"local": "wrong", "gpu": "up"})
            assert completed(client, setup.uri()) == ""


def test_nothing_is_sent_while_a_person_writes_what_to_do(tmp_path: Path) -> None:
    """A model here reads the code meanwhile; one elsewhere is sent it with the words."""
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            client.wait_for(lambda: engines_of(client) == {"gpu": "up"})
            here = {"line": 1, "character": 4}
            wish = {"uri": setup.uri(), "range": {"start": here, "end": here}, "action": "edit"}
            client.notify("indoors/willEdit", wish)
            time.sleep(1.0)
            assert not server.bodies
            params = {"command": "indoors.refactor", "arguments": [wish | {"instruction": "x"}]}
            client.answer(client.start_request("workspace/executeCommand", params), 120)
            assert server.bodies  # the control


def test_row_15_a_file_of_no_open_folder_is_not_sent(tmp_path: Path) -> None:
    """Its path within a folder is not known, so that no pattern of a policy says anything of it;
    neither is what a link leads to outside.
    """
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        other = tmp_path / "other"
        for name in ("home/.aws/credentials.py", "other/secrets/prod.py", "other/b.py"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(TEXT)
        (setup.work / "link.py").symlink_to(other / "b.py")
        with setup.editor() as client:
            uris = [
                (setup.home / ".aws/credentials.py").as_uri(),
                (other / "secrets/prod.py").as_uri(),
                (other / "b.py").as_uri(),
                setup.uri("link.py"),
                "untitled:Untitled-1",
                f"untitled:{setup.work}/new.py",
            ]
            for uri in uris:
                client.open(uri, TEXT)
            client.wait_for(lambda: engines_of(client) == {"gpu": "up"})
            assert [completed(client, uri) for uri in uris] == [""] * len(uris)
            assert not server.bodies
            client.open(setup.uri(), TEXT)
            assert "width * height" in completed(client, setup.uri())  # the control


def test_row_15_a_denied_file_is_not_sent(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        (setup.work / ".indoors.json").write_text(json.dumps({"policy": {"deny_paths": ["b.py"]}}))
        with setup.editor() as client:
            client.wait_for(lambda: engines_of(client) == {"gpu": "up"})
            for name in ("b.py", "a.py"):
                client.open(setup.uri(name), TEXT)
                said = completed(client, setup.uri(name))
                assert bool(said) == (name == "a.py")
        assert len(server.bodies) == 1


@pytest.mark.parametrize("narrow", [{"deny_paths": ["a.py"]}, {"mode": "local"}])
def test_row_15_what_a_pull_denies_is_not_sent_any_more(
    tmp_path: Path, narrow: dict[str, Any]
) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            ready(client)
            assert completed(client, setup.uri())
            (setup.work / ".indoors.json").write_text(json.dumps({"policy": narrow}))
            client.insert(setup.uri(), 2, 0, 0, "#\n")
            assert completed(client, setup.uri(), 2) == ""
        assert len(server.bodies) == 1


def test_an_entry_that_is_edited_counts_for_the_next_request(tmp_path: Path) -> None:
    """In another editor or by hand: nothing is saved here, and no setting changes."""
    before, after = ModelServer("openai", "gpu"), ModelServer("openai", "gpu")
    with running(before, after):
        setup = Setup(tmp_path, before)
        urls = [f"http://127.0.0.1:{server.port}" for server in (before, after)]
        write_policy(setup.home, mode="onprem", onprem_hosts=urls)
        after.say = ["elsewhere", "\n"]
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            ready(client)
            assert "width * height" in completed(client, setup.uri())
            write_engines(setup.home, gpu={"url": urls[1], "api": "openai"})
            version = iter(range(3, 1000))

            def is_other() -> bool:
                client.insert(setup.uri(), next(version), 0, 0, "#")
                return "elsewhere" in completed(client, setup.uri())

            client.wait_for(is_other, 20)
        assert len(before.bodies) == 1


def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server) as control:
        setup = Setup(tmp_path, server)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            ready(client)
            assert completed(client, setup.uri())
            control.stop(server)
            client.insert(setup.uri(), 2, 0, 0, "#\n")
            assert completed(client, setup.uri(), 2) == ""
            control.start(server)
            version = iter(range(3, 1000))

            def works() -> bool:
                client.insert(setup.uri(), next(version), 0, 1, "x")
                return bool(completed(client, setup.uri(), 2))

            client.wait_for(works)


def test_a_server_that_is_silent_from_the_start_holds_up_no_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Shorter than what a probe waits for.
    monkeypatch.setitem(SETTINGS["completion"], "deadlineMs", 3000)
    silent, good = ModelServer("openai", "gpu-a"), ModelServer("openai", "gpu-b")
    silent.silent = True
    with running(silent, good):
        setup = Setup(tmp_path, silent, good)
        with setup.editor() as client:
            client.open(setup.uri(), TEXT)
            ready(client)
            for name in (f"{number}.py" for number in range(8)):
                client.open(setup.uri(name), TEXT)
                assert "width * height" in completed(client, setup.uri(name))
            assert len(good.bodies) == 8


def test_a_server_says_what_it_is_and_no_code_is_sent_for_it(tmp_path: Path) -> None:
    server = ModelServer("llama-server", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        command = [sys.executable, "-I", "-m", "indoors_server", "engines"]

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([*command, *arguments], env=environment(setup.home), check=False,
                                  capture_output=True, text=True)  # fmt: skip

        listed = json.loads(run("list", "--json").stdout)
        assert [(one["name"], one["allowed"]) for one in listed["engines"]] == [("gpu", True)]
        checked = run("check", "gpu", "--json")
        about = json.loads(checked.stdout)
        assert (checked.returncode, about["family"]) == (0, "qwen2.5-coder")
        assert about["context_tokens"] == 4096
        assert not server.bodies
        write_policy(setup.home, mode="local")
        refused = run("check", "gpu")
        assert refused.returncode == 1
        assert "policy" in refused.stdout
        assert "names no other" in run("check", "other").stderr


def test_the_command_line_says_which_engine_answered_and_why(tmp_path: Path) -> None:
    server = ModelServer("openai", "gpu")
    with running(server):
        setup = Setup(tmp_path, server)
        file = setup.work / "a.py"
        file.write_text(TEXT)
        command = [sys.executable, "-I", "-m", "indoors_server", "complete", f"{file}:2:12"]
        done = subprocess.run([*command, "--explain"], env=environment(setup.home), check=False,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "route     gpu  rule 1" in done.stdout
        assert "width * height" in done.stdout
