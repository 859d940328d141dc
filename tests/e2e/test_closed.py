"""Rows 12 to 15 with everything real: a locked server or command, its launcher and gateway, and an
API with TLS and a CA of its own on this machine.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from editors.conftest import opened
from fakes.lsp_client import LspClient, running_server
from indoors_server import audit_check
from support import planted, real_session
from support.certificates import Authority
from support.closed_apis import APIS, streamed
from support.edit_clients import CAPABILITIES, place
from support.fake_engine_server import Fake, serving
from support.index_server import Workspace
from support.nvim import Nvim

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
    pytest.mark.loopback,
]

TEXT = """\
import os


def area(width, height):
    total = width * height
    total = round(total, 2)
    return total
"""
GOOD = "def area(width, height):\n    return round(width * height, 2)\n"


class Person:
    """A home in which closed mode is open for one workspace."""

    def __init__(self, folder: Path, fake: Fake, ca: Path, api: str) -> None:
        self.home = folder / "home"
        self.config = self.home / ".config/indoors"
        self.state = self.home / ".local/state/indoors"
        self.file = self.home / "project/src/shapes.py"
        self.file.parent.mkdir(parents=True)
        (self.home / "project/.git").mkdir()
        self.file.write_text(TEXT)
        self.config.mkdir(parents=True)
        (self.config / "ca.pem").write_bytes(ca.read_bytes())
        key = self.config / "their.key"
        key.write_text("the-key\n")
        key.chmod(0o600)
        self.write("policy.json", {"mode": "closed", "closed_hosts": [fake.url]})
        theirs = {
            "url": fake.url, "api": api, "model": "big-1", "key": f"file:{key}",
            "ca_file": str(self.config / "ca.pem"), "addresses": ["127.0.0.0/8", "::1/128"],
            "price_input": 3.0, "price_output": 15.0, "currency": "EUR",
        }  # fmt: skip
        self.write("engines.json", {"theirs": theirs})
        self.environment = {"HOME": str(self.home)}
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            self.environment[name] = ""

    def write(self, name: str, value: object) -> None:
        (self.config / name).write_text(json.dumps(value))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-m", "indoors_server", *arguments],
            cwd=self.file.parent, env=os.environ | self.environment,
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def agree(self) -> None:
        folder = str(self.home / "project")
        done = self.run("closed", "allow", "theirs", "--yes", "--workspace", folder)
        assert done.returncode == 0, done.stderr
        assert "localhost" in done.stdout

    def in_a_terminal(self, answer: str, *arguments: str) -> tuple[int, str]:
        """Run a command on a terminal of its own; its status and all that it wrote."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(self.environment)
            os.chdir(self.file.parent)
            os.execv(sys.executable, [sys.executable, "-I", "-m", "indoors_server", *arguments])
        data = b""
        answered = False
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            data += piece
            if not piece:
                break
            if not answered and b"[y/N]" in data:
                os.write(terminal, answer.encode())
                answered = True
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), data.decode().replace("\r\n", "\n")

    def records(self) -> list[Any]:
        return [one for one in audit_check.read(self.state) if one.event != "session"]


@pytest.fixture
def api(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "anthropic-api")


@pytest.fixture
def fake(tmp_path: Path, api: str) -> Iterator[Fake]:
    authority = Authority(tmp_path)
    with serving(authority.sign("localhost")) as found:
        found.reply = streamed(api, f"```python\n{GOOD}```\n")
        yield found


@pytest.fixture
def person(tmp_path: Path, fake: Fake, api: str) -> Person:
    return Person(tmp_path, fake, tmp_path / "ca.pem", api)


def begun(client: LspClient, person: Person, *, accept: bool = True) -> str:
    client.results["indoors/previewSend"] = {"accepted": accept}
    client.results["workspace/applyEdit"] = {"applied": True}
    capabilities = {**CAPABILITIES, "experimental": {"indoorsPreviewSend": True}}
    client.initialize(folders=(person.home / "project",), capabilities=capabilities)
    uri = person.file.as_uri()
    client.open(uri, person.file.read_text())
    return uri


def ask(client: LspClient, uri: str, **more: Any) -> dict[str, Any]:
    wish = {"uri": uri, "range": place(4, 4, 4, 4), "action": "simplify", "endpoint": "theirs"}
    params = {"command": "indoors.refactor", "arguments": [wish | more]}
    return dict(client.request("workspace/executeCommand", params, timeout_s=60))


@pytest.mark.parametrize("api", APIS, indirect=True)
def test_row_14_one_accepted_edit_is_one_request_with_the_bytes_of_its_preview(
    person: Person, fake: Fake, api: str
) -> None:
    person.agree()
    with running_server(person.environment) as (client, _):
        uri = begun(client, person)
        for number in range(200):
            client.complete(uri, 4, number % 5)
        assert fake.n_connections == 0
        answer = ask(client, uri)
        assert answer == {"applied": True, "reason": ""}
        (shown,) = client.notifications("indoors/previewSend")
        client.shutdown()
    (sent,) = fake.requests
    assert sent.body == shown["body"].encode()
    assert sha256(sent.body).hexdigest() == shown["sha256"]
    key = {"anthropic-api": "x-api-key", "google-api": "x-goog-api-key"}.get(api, "authorization")
    assert sent.headers[key].endswith("the-key")
    (record,) = person.records()
    assert (record.event, record.decision, record.kind) == ("sent", "allow", "refactor")
    assert (record.body_sha256, record.size) == (shown["sha256"], len(sent.body))
    assert record.host == fake.url
    usage = json.loads((person.state / "closed-usage.json").read_text())
    assert [one["requests"] for one in usage.values()] == [1]


@pytest.mark.model
@pytest.mark.parametrize("n_completions", [20, pytest.param(200, marks=pytest.mark.soak)])
def test_row_14_completions_of_a_real_model_and_an_index_ask_no_api(
    person: Person, fake: Fake, n_completions: int
) -> None:
    """All of it on: the policy, the consent, and a rule that names the API first."""
    person.agree()
    rules = {"rules": [{"use": "theirs"}, {"use": "local"}]}
    person.write("config.json", {"engines": rules} | real_session.SETTINGS)
    work = Workspace.of(person.home / "project", person.home)
    real_session.use_the_models_of_this_machine(work)
    real_session.fill(work)
    with running_server(person.environment) as (client, _):
        begun(client, person)
        client.wait_for(lambda: is_indexed(client), real_session.READY_S)
        n_answered = real_session.complete(client, work, n_completions)
        client.shutdown()
    assert n_answered > n_completions / 2, "the model here answers"
    assert fake.n_connections == 0


def is_indexed(client: LspClient) -> bool:
    """Whether model and index are ready."""
    reports = client.notifications("indoors/status")
    states = [one["phase"] for one in reports[-1]["index"]] if reports else []
    return states == ["ready"] and client.phase() == "ready"


@pytest.mark.parametrize("why", ["declined", "no consent", "secret", "mode", "month"])
def test_row_15_what_is_refused_reaches_no_network(person: Person, fake: Fake, why: str) -> None:
    policy: dict[str, Any] = {"mode": "closed", "closed_hosts": [fake.url]}
    if why == "month":
        policy["closed_monthly_requests"] = 0
        person.write("policy.json", policy)
    if why != "no consent":
        person.agree()
    if why == "secret":
        key = dict(planted.keys())["github"]
        person.file.write_text(TEXT.replace("    total =", f"    f('{key}')\n    total =", 1))
    if why == "mode":
        person.write("policy.json", policy | {"mode": "onprem"})
    with running_server(person.environment) as (client, _):
        uri = begun(client, person, accept=why != "declined")
        said = ask(client, uri)
        assert said["applied"] is False
        assert why != "secret" or "secret" in said["reason"], said
        client.shutdown()
    assert fake.n_connections == 0
    if why != "mode":
        (record,) = person.records()
        assert (record.event, record.decision) == ("refused", "deny")


def test_row_14_the_terminal_shows_the_bytes_and_asks(person: Person, fake: Fake) -> None:
    person.agree()
    command = ("refactor", f"{person.file}:5", "--action", "simplify", "--with", "theirs")
    status, said = person.in_a_terminal("n\n", *command)
    assert status != 0
    assert "was not accepted" in said
    assert fake.n_connections == 0
    status, said = person.in_a_terminal("y\n", *command, "--write")
    assert status == 0, said
    (sent,) = fake.requests
    assert sent.body.decode() in said
    assert f"sha256     {sha256(sent.body).hexdigest()}" in said
    assert "EUR" in said
    assert person.file.read_text().endswith(GOOD)
    assert [one.event for one in person.records()] == ["refused", "sent"]


EDIT = """
    local wish = ...
    wish.uri, wish.version = vim.uri_from_bufnr(0), vim.lsp.util.buf_versions[vim.fn.bufnr()]
    require('indoors.edits').make(vim.lsp.get_clients({ name = 'indoors' })[1], wish)
"""
WINDOW = """
    local config = vim.api.nvim_win_get_config(0)
    return config.relative ~= '' and vim.api.nvim_buf_get_lines(0, 0, -1, false) or nil
"""


def preview(nvim: Nvim, wish: dict[str, Any]) -> list[str]:
    """Wish for an edit; the lines of the window that shows what would be sent."""
    nvim.wait(lambda: not nvim.lua(WINDOW), "the last window to be closed")
    nvim.lua(EDIT, wish)
    return list(nvim.wait(lambda: nvim.lua(WINDOW), "what would be sent"))


def press(nvim: Nvim, key: str) -> None:
    """Press a key as somebody does who has read: not right behind another one."""
    time.sleep(0.6)
    nvim.type(key)


@pytest.mark.editor
@pytest.mark.parametrize("release", ["0.11", "0.12"])
def test_row_14_neovim_shows_the_bytes_and_sends_what_was_accepted(
    person: Person, fake: Fake, tmp_path: Path, release: str
) -> None:
    person.agree()
    wish = {"range": place(4, 4, 4, 4), "action": "simplify", "endpoint": "theirs"}
    # Where they are without these: Neovim would take an empty one for the current folder.
    places = {"CONFIG": ".config", "STATE": ".local/state", "CACHE": ".cache"}
    variables = {f"XDG_{name}_HOME": str(person.home / place) for name, place in places.items()}
    home = str(person.home)
    with opened(tmp_path / "nvim", release, HOME=home, **variables) as nvim:
        begin = "vim.g.indoors = { python = ... }; vim.lsp.enable('indoors')"
        nvim.lua(begin, sys.executable)
        nvim.lua("vim.cmd.edit(...)", str(person.file))
        status = "return require('indoors.status').get() ~= nil"
        nvim.wait(lambda: nvim.lua(status), "the server")
        preview(nvim, wish)
        assert fake.n_connections == 0, "nothing is sent before somebody decides"
        press(nvim, "q")
        nvim.wait(lambda: person.records(), "the refusal in the audit log")
        assert fake.n_connections == 0
        shown = preview(nvim, wish)
        press(nvim, "y")
        wanted = "+    return round(width * height, 2)"
        nvim.wait(lambda: wanted in (nvim.lua(WINDOW) or ()), "the diff")
        (sent,) = fake.requests
        first = shown.index("Sent is exactly this:") + 1
        last = shown.index("To be read, without JSON's escapes:") - 1
        assert "\n".join(shown[first:last]) == sent.body.decode()
        assert f"sha256     {sha256(sent.body).hexdigest()}" in shown
        press(nvim, "y")
        nvim.wait(lambda: "\n".join(nvim.lines()).endswith(GOOD.rstrip()), "the edit")
    assert [one.event for one in person.records()] == ["refused", "sent"]


def test_without_a_terminal_the_command_sends_nothing(person: Person, fake: Fake) -> None:
    person.agree()
    done = person.run("refactor", f"{person.file}:5", "--action", "simplify", "--with", "theirs")
    assert done.returncode != 0
    assert "no terminal" in done.stderr
    assert fake.n_connections == 0


def test_a_consent_can_be_seen_and_taken_back(person: Person, fake: Fake) -> None:
    assert "Nobody agreed" in person.run("closed", "list").stdout
    person.agree()
    assert time.strftime("%Y") in person.run("closed", "list").stdout
    folder = ("--workspace", str(person.home / "project"))
    assert "taken back: theirs" in person.run("closed", "revoke", "theirs", *folder).stdout
    assert "Nobody agreed" in person.run("closed", "list").stdout
    assert person.run("closed", "allow", "theirs").returncode != 0, "it asks, and nobody answers"
    assert "Nobody agreed" in person.run("closed", "list").stdout


def test_the_gateway_does_not_believe_the_server(
    person: Person, fake: Fake, tmp_path: Path
) -> None:
    """Asked past all that the server checks, it refuses by itself: its own locks, its own scan."""
    from support.gateways import gateway

    person.agree()
    key = dict(planted.keys())["github"]
    with gateway(person.home) as locked:
        found = locked.run(f"""
            import hashlib
            def closed(body, sha=None, **more):
                sha = hashlib.sha256(body).hexdigest() if sha is None else sha
                values = dict(endpoint="theirs", kind="refactor", call="/v1/messages", body=body,
                    workspace={str(person.home / "project")!r}, sources=("src/shapes.py",),
                    accepted_sha256=sha)
                return asked(**(values | more))
            good = b'{{"messages": []}}'
            all = [await one for one in (
                closed(good, sha=""), closed(good, sha="0" * 64), closed(b'{{"a": "{key}"}}'),
                closed(good, workspace="/"), closed(good, workspace=""),
                closed(good, kind="completion"), closed(good, sources=(".env",)),
                closed(good, call="/v1/files"), closed(b"not json"),
                closed(b'{{"a": "{key}", "a": ""}}'), closed(b'{{"a": "{key}", "\\u0061": 1}}'),
                closed(good))]
            say(ends=[one[-1].get("kind", one[-1]["t"]) for one in all])
        """)
    assert found["ends"] == [
        "preview", "preview", "secret", "consent", "policy", "policy", "policy", "unknown",
        "policy", "policy", "policy", "End",
    ]  # fmt: skip
    assert len(fake.requests) == 1
