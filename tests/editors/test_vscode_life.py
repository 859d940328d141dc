"""The ends of a server in a real VS Code, and what the walkthrough takes for done; with a script
server.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]


def test_a_server_that_ends_again_and_again_is_left_to_the_person(
    window: Window, script: Script
) -> None:
    pid = window.new_server(script)
    for n_started in range(4):
        os.kill(pid, signal.SIGKILL)
        if n_started < 3:
            window.wait(lambda pid=pid: script.pids()[-1] != pid, "another server")  # type: ignore[misc]
            window.wait_label("ready")
            pid = script.pids()[-1]
    window.wait_label("the server ended 4 times; the log says why")
    toast = window.page.locator(".notification-toast", has_text="the server ended 4 times").first
    toast.get_by_role("button", name="Show Log").wait_for()
    window.picture("stopped")
    window.command("Indoors: Show Menu")  # a click would leave the tooltip above the buttons
    window.page.locator(".quick-input-list .monaco-list-row", has_text="Settings").wait_for()
    rows = window.page.locator(".quick-input-list .monaco-list-row")
    first = [text.strip() for text in rows.all_inner_texts()[:2]]
    assert first == ["Start the server again", "Log"], "what can be done now comes first"
    window.press("Escape")
    window.page.wait_for_timeout(1_000)
    assert script.pids()[-1] == pid, "nothing is started again by itself"
    toast.get_by_role("button", name="Start Again").click()
    window.wait(lambda: script.pids()[-1] != pid, "another server")
    window.wait_label("ready")
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")


def test_a_server_that_is_started_again_is_told_what_is_in_front(
    window: Window, script: Script
) -> None:
    pid = window.new_server(script)
    for name in ("a.py", "sum.py"):
        window.open(name)
        window.wait(lambda name=name: script.opened(name), "the document at the server")  # type: ignore[misc]
    window.page.get_by_role("tab", name="a.py", exact=True).click()
    window.wait(lambda: in_front(script) == "a.py", "word of what is in front")
    script.forget()
    os.kill(pid, signal.SIGKILL)
    window.wait(lambda: script.opened("a.py") and script.opened("sum.py"), "another server")
    window.wait(lambda: in_front(script) == "a.py", "word of what is in front")


def in_front(script: Script) -> str:
    """The file that the server was told is in front."""
    told = script.got("textDocument/didFocus")
    uri = str(told[-1].get("textDocument", {}).get("uri", "")) if told else ""
    return uri.rpartition("/")[2]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_server_that_hangs_is_ended_with_all_that_it_holds(
    window: Window, script: Script
) -> None:
    pid = window.new_server(script)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert window.new_server(script) != pid
        window.wait(lambda: not alive(pid), "the one that hangs to be ended")
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_ends_before_it_answers_is_started_again_without_a_word(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    python = scripted_python(told)
    fails = tmp_path / "python"
    fails.write_text(
        f"#!/bin/sh\necho start >> {told}/starts\n"
        f'[ "$(wc -l < {told}/starts)" -gt 2 ] || {{ echo boom >&2; sleep 0.2; exit 1; }}\n'
        f'exec {python} "$@"\n'
    )
    fails.chmod(0o755)
    with code_server.running(tmp_path / "home", vsix, indoors__python=str(fails)) as server:
        window = Window(page, server, tmp_path)
        window.wait_label("ready")
        page.wait_for_timeout(1_500)
        assert page.locator(".notification-toast").count() == 0
        assert len((told / "starts").read_text().split()) == 3


def test_what_does_not_answer_is_not_waited_for_when_another_is_wanted(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    python = scripted_python(tmp_path / "told")
    silent = tmp_path / "python"
    silent.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 1000\n")
    silent.chmod(0o755)

    def pids() -> list[int]:
        file = tmp_path / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    with code_server.running(tmp_path / "home", vsix, indoors__python=str(silent)) as server:
        window = Window(page, server, tmp_path)
        window.wait(lambda: len(pids()) == 1, "the program")
        window.command("Indoors: Restart the Server")
        window.wait(lambda: len(pids()) == 2, "the program once more")
        server.settings(indoors__python=str(python))
        window.wait_label("ready", 20)
        assert not any(alive(pid) for pid in pids())
        assert page.locator(".notification-toast").count() == 0


def ticked(window: Window) -> dict[str, bool]:
    """The steps of the walkthrough that is on the screen, and whether each is ticked."""
    return {
        one.get_attribute("data-step-id").split("#")[-1]: one.get_attribute("aria-checked")
        == "true"
        for one in window.page.locator("button.getting-started-step").all()
    }


def open_walkthrough(window: Window) -> None:
    window.command("Welcome: Open Walkthrough")
    row = window.page.locator(".quick-input-list .monaco-list-row", has_text="from nothing to")
    row.first.click()
    window.wait(lambda: len(ticked(window)) == 6, "the walkthrough")
    window.page.wait_for_timeout(1_000)  # it takes the focus, and the palette would close


def test_the_walkthrough_ticks_what_was_reached(window: Window) -> None:
    open_walkthrough(window)
    window.wait(lambda: ticked(window)["setup"], "the step that a ready server has done")
    window.picture("walkthrough")
    assert ticked(window)["server"]
    window.command("Indoors: Show Menu")
    window.page.locator(".quick-input-widget [placeholder*='Lock: enforced']").wait_for()
    window.press("Escape")
    window.wait(lambda: ticked(window)["look"], "the step that is read in the menu")


def test_the_lock_is_not_read_in_a_menu_that_does_not_have_it(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    with code_server.running(tmp_path / "home", vsix) as server:
        window = Window(page, server, tmp_path)
        window.wait_label("not installed on this machine")
        open_walkthrough(window)
        window.command("Indoors: Show Menu")
        page.get_by_text("Install without internet").first.wait_for()
        window.press("Escape")
        page.wait_for_timeout(1_000)
        assert not any(ticked(window).values())
