"""An edit by an API of others in a real VS Code, with the real server, launcher and gateway: asked
for in the menu, read, sent, shown as a diff, applied.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from e2e.test_closed import GOOD, TEXT, Person
from indoors_server import paths
from support import code_server
from support.certificates import Authority
from support.closed_apis import streamed
from support.code_server import CodeServer
from support.engines import model_path
from support.fake_engine_server import Fake, serving
from support.vscode_window import Window

pytestmark = [
    pytest.mark.editor,
    pytest.mark.model,
    pytest.mark.loopback,
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
]
API = "anthropic-api"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    with serving(Authority(tmp_path).sign("localhost")) as found:
        found.reply = streamed(API, f"```python\n{GOOD}```\n")
        yield found


@pytest.fixture
def person(tmp_path: Path, fake: Fake) -> Person:
    found = Person(tmp_path, fake, tmp_path / "ca.pem", API)
    (found.home / "project/shapes.py").write_text(TEXT)
    found.agree()
    return found


@pytest.fixture
def server(vsix: Path, person: Person) -> Iterator[CodeServer]:
    cache = str(paths.cache_dir().parent)
    settings = {"indoors__python": sys.executable, "indoors__model": str(model_path())}
    with code_server.running(person.home, vsix, cache=cache, **settings) as started:
        yield started


@pytest.fixture
def window(chromium: Any, server: CodeServer, person: Person) -> Iterator[Window]:
    context = chromium.new_context(viewport={"width": 1100, "height": 640})
    made = Window(context.new_page(), server, person.home / "project")
    made.wait_label("Indoors: ready", 120)
    yield made
    context.close()


def ask(window: Window) -> None:
    """Wish for an edit by the API."""
    window.open("shapes.py")
    window.press("ArrowUp")
    window.press("Control+Period")
    window.page.locator(".action-widget .monaco-list-row.focused").first.wait_for()
    title = "Edit with theirs (closed API)"
    window.page.locator(".action-widget .monaco-list-row", has_text=title).first.click()
    box = window.page.locator(".quick-input-widget input").first
    box.wait_for()
    box.fill("Say it in one line.")
    window.press("Enter")


def toast(window: Window) -> Any:
    found = window.page.locator(".notification-toast", has_text="bytes to https://localhost").first
    window.wait(found.is_visible, "the question", 60)
    return found


def test_row_14_what_is_read_in_vscode_is_what_is_sent(
    window: Window, person: Person, fake: Fake
) -> None:
    ask(window)
    asked = toast(window)
    window.wait(lambda: '"model"' in window.text(), "what would be sent")
    window.picture("closed-send")
    asked.get_by_role("button", name="Do Not Send").click()
    window.wait(lambda: [one.event for one in person.records()] == ["refused"], "the refusal")
    assert fake.n_connections == 0, "nothing is sent before somebody says so"

    ask(window)
    toast(window).get_by_role("button", name="Send…").click()
    dialog = window.page.locator(".monaco-dialog-box")
    dialog.wait_for()
    told = dialog.inner_text()
    assert fake.n_connections == 0
    dialog.get_by_role("button", name="Send These Bytes").click()
    window.wait(lambda: window.diff("return round(width * height, 2)"), "the diff", 60)
    window.picture("closed-diff")
    (sent,) = fake.requests
    assert f"SHA-256: {sha256(sent.body).hexdigest()}" in told
    assert f"Send these {len(sent.body)} bytes" in told
    window.page.get_by_role("button", name="Apply", exact=True).first.click()
    window.wait(lambda: "return round(width * height, 2)" in window.text(), "the edit")
    assert window.saved("shapes.py") == TEXT[: TEXT.index("def area")] + GOOD
    assert [one.event for one in person.records()] == ["refused", "sent"]
