"""The terminals that VS Code runs our commands in: what they touch, and what stays to be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

DOCTOR = ["-I", "-m", "indoors_server", "doctor"]


def words(window: Window) -> str:
    """What is on the screen of the terminals that are open."""
    rows = window.page.locator(".terminal-wrapper.active .xterm-rows")
    return "\n".join(rows.all_inner_texts()).replace("\xa0", " ")


def test_a_command_saves_no_file_and_what_it_says_stays(window: Window, script: Script) -> None:
    terminals = window.page.locator(".terminal-wrapper")
    window.open("a.py")
    window.type("x = 1")
    window.command("Indoors: Check This Installation")
    window.wait(lambda: script.ran() == [DOCTOR], "the command to run")
    window.wait(lambda: "Press Enter to close this terminal" in words(window), "its end")
    window.picture("terminal")
    assert "-I -m indoors_server doctor" in words(window), "the command itself is shown"
    assert "scripted: indoors doctor" in words(window)
    assert window.page.locator(".tab.dirty").count() == 1
    assert (window.folder / "a.py").read_text() == ""
    n_terminals = terminals.count()  # VS Code keeps those of the tests before
    # One terminal for each kind of command; Enter closes it.
    window.command("Indoors: Check This Installation")
    window.wait(lambda: len(script.ran()) == 2, "the command once more")
    window.wait(lambda: "Press Enter to close this terminal" in words(window), "its end")
    assert terminals.count() == n_terminals
    window.page.locator(".terminal-wrapper.active .xterm-screen").click()
    window.press("Enter")
    window.wait(lambda: terminals.count() == n_terminals - 1, "its terminal gone")
    assert window.page.locator(".notification-toast").count() == 0


def test_a_workspace_sets_no_variable_of_a_command(page: Any, vsix: Path, tmp_path: Path) -> None:
    told, shop = tmp_path / "told", tmp_path / "shop"
    python = scripted_python(told)
    noting = tmp_path / "python"
    noting.write_text(
        f'#!/bin/sh\n/usr/bin/env >> {told}/env\npwd >> {told}/pwd\nexec {python} "$@"\n'
    )
    noting.chmod(0o755)
    (shop / ".vscode").mkdir(parents=True)
    evil = {"PIP_INDEX_URL": "https://evil.example", "PYTHONPATH": str(shop), "PATH": "/evil"}
    settings = {"terminal.integrated.env.linux": evil, "terminal.integrated.cwd": str(shop)}
    (shop / ".vscode" / "settings.json").write_text(json.dumps(settings))
    with code_server.running(tmp_path / "home", vsix, indoors__python=str(noting)) as server:
        window = Window(page, server, shop)
        window.wait_label("ready")
        window.command("Indoors: Check This Installation")
        window.wait(lambda: Script(told).ran() == [DOCTOR], "the command to run")
        found = (told / "env").read_text()
        assert f"HOME={tmp_path / 'home'}\n" in found
        assert "evil" not in found
        assert f"PYTHONPATH={shop}" not in found
        assert set((told / "pwd").read_text().split()) == {str(tmp_path / "home")}


def test_a_setup_that_fails_says_why_and_is_tried_again(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    python = scripted_python(told)
    failing = tmp_path / "python"
    # What keeps the terminal open is run as ever.
    failing.write_text(
        f'#!/bin/sh\n[ "$4 $1 $2" = "setup -I -m" ] && [ ! -e {told}/mended ] && '
        f'{{ echo the disk is full; exit 3; }}\nexec {python} "$@"\n'
    )
    failing.chmod(0o755)
    with code_server.running(tmp_path / "home", vsix, indoors__python=str(failing)) as server:
        window = Window(page, server, tmp_path)
        window.wait_label("ready")
        window.command("Indoors: Set Up Engine and Model")
        dialog = page.locator(".monaco-dialog-box")
        dialog.get_by_role("button", name="Run in Terminal").click()
        again = page.get_by_role("button", name="Try Again…").first
        again.wait_for(timeout=60_000)
        assert "the disk is full" in words(window)
        assert "Ended with exit status 3" in words(window)
        (told / "mended").touch()
        n_before = len(Script(told).got("workspace/didChangeConfiguration"))
        again.click()
        dialog.get_by_role("button", name="Run in Terminal").click()
        window.wait(lambda: len(Script(told).ran()) == 1, "setup to run")
        # The server looks for what is there now, though nobody has closed the terminal.
        window.wait(
            lambda: len(Script(told).got("workspace/didChangeConfiguration")) > n_before,
            "the server to be told",
        )
        assert page.locator(".terminal-wrapper").count() == 1
