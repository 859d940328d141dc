"""What would be sent to an API of others, in a real VS Code: shown byte for byte, then a yes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from support import sent
from support.code_server import CodeServer
from support.vscode_script import Script
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

METHOD = "indoors/previewSend"
CODE = "def größe(a):\n    return a\n" * 12
BODY = json.dumps({"model": "big-1", "content": CODE}, ensure_ascii=False, indent=2)
NUMBERS = count(1)
TAB = "What would be sent"


def params(body: str = BODY, **more: Any) -> dict[str, Any]:
    """As the server's `Preview.as_json` gives it."""
    return sent.params(body, CODE, **more)


@pytest.fixture
def asked(window: Window, script: Script) -> Iterator[str]:
    """The number of a request that was made, and whose document is on the screen."""
    number = f"s{next(NUMBERS)}"
    script.ask(number, METHOD, **params())
    window.wait(lambda: '"model": "big-1"' in window.text(), "the document")
    toast(window).wait_for()
    yield number
    assert len(script.answers(number)) == 1
    window.wait(lambda: tabs(window) == 0, "the document to be closed")


def tabs(window: Window) -> int:
    return int(window.page.locator(".tab", has_text=TAB).count())


def toast(window: Window) -> Any:
    """The notification that asks."""
    return window.page.locator(".notification-toast", has_text=f"bytes to {sent.HOST}?").first


def dialog(window: Window) -> Any:
    """The dialog that asks for the last time."""
    toast(window).get_by_role("button", name="Send…").click()
    found = window.page.locator(".monaco-dialog-box")
    found.wait_for()
    return found


def answer(window: Window, script: Script, number: str) -> dict[str, Any]:
    window.wait(lambda: script.answers(number), "an answer")
    return script.answers(number)[0]


def test_the_document_is_the_body_and_only_the_last_button_sends(
    window: Window, script: Script, asked: str
) -> None:
    window.picture("send")
    # A line of the body is wrapped; its rows are above the first line that is empty.

    def rows() -> str:
        found = window.page.locator(".editor-instance .view-line").all()
        placed = sorted((one.bounding_box()["y"], one.inner_text()) for one in found)
        lines = [text.replace("\xa0", " ").rstrip("\n") for _, text in placed]
        return "".join(lines[: lines.index("")])

    whole = BODY.replace("\n", "")
    window.wait(lambda: rows() == whole, "the body")
    assert "Sent is exactly what stands above this line" in window.text()
    window.type("x")
    assert rows() == whole, "it is read, not written"
    assert script.answers(asked) == []
    last = dialog(window)
    text = last.inner_text()
    window.picture("send-dialog")
    data = BODY.encode()
    for shown in (
        f"Send these {len(data)} bytes to {sent.HOST}?",
        f"To: {sent.HOST}, model big-1",
        f"Operator: whoever runs {sent.HOST} (not known here)",
        f"SHA-256: {sha256(data).hexdigest()}",
        "Replaced: /home/me is sent as HOME_1 (a home folder, 2×)",
    ):
        assert shown in text
    assert script.answers(asked) == []
    last.get_by_role("button", name="Send These Bytes").click()
    assert answer(window, script, asked)["result"] == {"accepted": True}


def close_tab(window: Window) -> None:
    window.focus()
    window.command("View: Close Editor")


REFUSALS: dict[str, Callable[[Window], object]] = {
    "the notification's button": lambda window: (
        toast(window).get_by_role("button", name="Do Not Send").click()
    ),
    "the notification is closed": lambda window: window.command(
        "Notifications: Clear All Notifications"
    ),
    "the document is closed": close_tab,
    "the dialog's button": lambda window: (
        dialog(window).get_by_role("button", name="Do Not Send").click()
    ),
    "Cancel": lambda window: dialog(window).get_by_role("button", name="Cancel").click(),
    "Escape": lambda window: (dialog(window), window.press("Escape")),
    "Enter, which nobody chose": lambda window: (dialog(window), window.press("Enter")),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_everything_else_refuses(window: Window, script: Script, asked: str, how: str) -> None:
    REFUSALS[how](window)
    assert answer(window, script, asked)["result"] == {"accepted": False}


def test_the_document_goes_with_the_edit_that_was_cancelled(
    window: Window, script: Script, asked: str
) -> None:
    script.say("$/cancelRequest", id=asked)
    window.wait(lambda: script.answers(asked), "an answer")
    window.wait(lambda: tabs(window) == 0, "the document to be closed")


def test_a_question_that_outlives_its_document_says_so(
    window: Window, script: Script, asked: str
) -> None:
    close_tab(window)
    assert answer(window, script, asked)["result"] == {"accepted": False}
    toast(window).get_by_role("button", name="Send…").click()
    said = window.page.locator(".notification-toast", has_text="its document was closed").first
    said.wait_for()
    assert "Nothing is sent" in said.inner_text()
    assert "Next: ask for the edit again" in said.inner_text()
    assert window.page.locator(".monaco-dialog-box").count() == 0


def test_one_at_a_time(window: Window, script: Script, asked: str) -> None:
    other = f"s{next(NUMBERS)}"
    script.ask(other, METHOD, **params("{}"))
    assert answer(window, script, other)["error"]["code"] == -32803
    assert script.answers(asked) == []
    toast(window).get_by_role("button", name="Do Not Send").click()
    assert answer(window, script, asked)["result"] == {"accepted": False}


def test_what_is_not_what_would_be_sent_is_not_shown(window: Window, script: Script) -> None:
    for wrong in ({"sha256": "0" * 64}, {"bytes": 1}, {"body": "{}"}):
        number = f"s{next(NUMBERS)}"
        script.ask(number, METHOD, **(params() | wrong))
        assert answer(window, script, number)["error"]["code"] == -32803
        assert tabs(window) == 0


def test_the_server_is_told_that_this_client_shows_what_would_be_sent(
    window: Window, script: Script, vscode: CodeServer
) -> None:
    window.command("Indoors: Restart the Server")
    window.wait(lambda: script.got("initialize"), "another server")
    (told,) = script.got("initialize")
    assert told["capabilities"]["experimental"]["indoorsPreviewSend"] is True
    window.wait_label("ready")
