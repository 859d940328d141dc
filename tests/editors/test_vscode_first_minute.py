"""VS Code before there is a server, before a workspace is trusted, and beside other extensions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "a.py").write_text("")
    return folder


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_from_nothing_to_the_first_suggestion(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    home, told = tmp_path / "home", tmp_path / "told"
    python = scripted_python(told)
    scripted = Script(told)
    wheel = home / "indoors-0.1.0-py3-none-any.whl"
    place = home / ".local" / "share" / "uv" / "tools" / "indoors" / "bin"
    # A uv that fails once, notes what it was asked for, and puts an interpreter where the real one
    # does.
    uv = home / ".local" / "bin" / "uv"
    program(
        uv,
        f'#!/bin/sh\necho "$*" >> {told}/uv\n'
        f"[ -e {told}/failed ] || {{ touch {told}/failed; echo the index says no >&2; exit 2; }}\n"
        f"mkdir -p {place}\ncp {python} {place}/python\n",
    )
    wheel.write_text("")
    with code_server.running(home, vsix) as server:
        window = Window(page, server, shop)
        window.wait_label("not installed on this machine")
        page.get_by_role("button", name="Install From Wheel…").first.wait_for()
        assert page.get_by_role("button", name="Without Internet…").count() == 1
        window.picture("missing-server")
        page.get_by_role("button", name="Install From Wheel…").first.click()
        window.choose(wheel)
        dialog = page.locator(".monaco-dialog-box")
        dialog.wait_for(timeout=60_000)
        assert f"{uv} tool install --force {wheel}" in dialog.inner_text()
        window.picture("consent-install")
        assert not (told / "uv").exists(), "nothing runs before somebody agreed"
        dialog.get_by_role("button", name="Run in Terminal").click()
        again = page.get_by_role("button", name="Try Again…").first
        again.wait_for(timeout=60_000)
        window.picture("failed-install")
        assert len((told / "uv").read_text().splitlines()) == 1
        terminal = page.locator(".terminal-wrapper.active .xterm-rows")
        # A long path goes over the end of a line.
        said = "".join(terminal.inner_text().replace("\xa0", " ").splitlines())
        assert f"{uv} tool install --force" in said
        assert "the index says no" in said
        assert "Ended with exit status 2. Press Enter to close this terminal." in said
        again.click()
        dialog.get_by_role("button", name="Run in Terminal").click()
        window.wait_label("ready")
        assert scripted.pids(), "it was found and started without a reload"
        window.wait(lambda: "indoors_server setup" in dialog.inner_text(), "the next step")
        dialog.get_by_role("button", name="Run in Terminal").click()
        wanted = ["-I", "-m", "indoors_server", "setup", "--no-editor-lines"]
        window.wait(lambda: scripted.ran() == [wanted], "setup to run")
        window.open("a.py")
        window.type("def a")
        window.wait(lambda: window.ghost.count() > 0, "the first suggestion")


def test_an_installation_takes_the_place_of_a_python_that_was_chosen(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    home, told = tmp_path / "home", tmp_path / "told"
    python = scripted_python(told)
    wheel = home / "indoors-0.1.0-py3-none-any.whl"
    place = home / ".local" / "share" / "uv" / "tools" / "indoors" / "bin"
    program(
        home / ".local" / "bin" / "uv",
        f"#!/bin/sh\nmkdir -p {place}\ncp {python} {place}/python\n",
    )
    wheel.write_text("")
    gone = tmp_path / "gone" / "python"
    with code_server.running(home, vsix, indoors__python=str(gone)) as server:
        window = Window(page, server, shop)
        window.wait_label(f"indoors.python is {gone}, and no program is there")
        page.get_by_role("button", name="Install From Wheel…").first.click()
        window.choose(wheel)
        dialog = page.locator(".monaco-dialog-box")
        dialog.wait_for(timeout=60_000)
        assert f"your setting indoors.python ({gone}) is removed" in dialog.inner_text()
        assert str(gone) in server.machine_file.read_text(), "not before the installation"
        dialog.get_by_role("button", name="Run in Terminal").click()
        window.wait_label("ready")
        window.wait(lambda: "indoors_server setup" in dialog.inner_text(), "the next step")
        assert f"{place}/python" in dialog.inner_text()
        dialog.get_by_role("button", name="Cancel").click()
        assert str(gone) not in server.machine_file.read_text()
        window.wait_label("ready")


def test_the_way_without_internet_is_described(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    with code_server.running(tmp_path / "home", vsix) as server:
        window = Window(page, server, shop)
        window.wait_label("not installed on this machine")
        window.item.click()
        page.get_by_text("Install without internet").first.wait_for()
        window.picture("menu-missing")
        window.press("Escape")
        page.get_by_role("button", name="Without Internet…").first.click()
        window.wait(lambda: "indoors models import" in everything(page), "the page")
        window.picture("offline")


def everything(page: Any) -> str:
    """The text of all frames: a preview lies in frames of its own."""
    texts = []
    for frame in page.frames:
        try:
            texts.append(frame.locator("body").inner_text(timeout=500))
        except Exception:  # noqa: BLE001 - a frame that is being replaced has no text yet
            continue
    return "\n".join(texts)


def test_a_python_that_is_no_absolute_path_is_not_started(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    # The workspace has one of that name, which a search by name would find.
    program(shop / "python3", f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (shop / ".vscode").mkdir()
    evil = {"indoors.python": str(shop / "python3"), "indoors.alsoComplete": ["plaintext"]}
    (shop / ".vscode" / "settings.json").write_text(json.dumps(evil))
    with code_server.running(tmp_path / "home", vsix, indoors__python="./python3") as server:
        window = Window(page, server, shop)
        window.wait_label("must be an absolute path")
        server.settings()
        window.wait_label("not installed on this machine")
        assert not (tmp_path / "started").exists()


def test_a_server_that_cannot_run_is_named_with_its_reason(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    empty = tmp_path / "venv" / "python"
    program(empty, '#!/bin/sh\necho "/x/python: No module named indoors_server" >&2\nexit 1\n')
    told = tmp_path / "told"
    python = scripted_python(told)
    (told / "refuses").write_text("The policy is strict, and files are not confined here.\n")
    with code_server.running(tmp_path / "home", vsix, indoors__python=str(empty)) as server:
        window = Window(page, server, shop)
        window.wait_label(f"Indoors is not installed in {empty}")
        toasts = page.locator(".notification-toast")
        window.wait(lambda: toasts.count() == 1, "one message")
        assert "Install From Wheel…" in toasts.inner_text()
        server.settings(indoors__python=str(python))
        window.wait_label("The policy is strict, and files are not confined here")
        window.wait(lambda: toasts.count() == 2, "one message more")
        window.picture("strict")
        (told / "refuses").unlink()
        window.command("Indoors: Restart the Server")
        window.wait_label("ready")


@pytest.mark.soak
def test_a_program_that_never_answers_is_ended_and_named(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    silent = tmp_path / "venv" / "python"
    program(silent, f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 1000\n")
    python = scripted_python(tmp_path / "told")
    with code_server.running(tmp_path / "home", vsix, indoors__python=str(silent)) as server:
        window = Window(page, server, shop)
        window.wait_label(f"{silent} does not answer", 120)
        (pid,) = (tmp_path / "pids").read_text().split()
        window.wait(lambda: not Path(f"/proc/{pid}").exists(), "the program to be ended")
        server.settings(indoors__python=str(python))
        window.wait_label("ready")


def test_without_a_server_a_command_says_what_is_missing_and_how_to_get_it(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    with code_server.running(tmp_path / "home", vsix) as server:
        window = Window(page, server, shop)
        window.wait_label("not installed on this machine")
        window.command("Notifications: Clear All Notifications")
        toast = page.locator(".notification-toast", has_text="not installed on this machine")
        window.wait(lambda: toast.count() == 0, "the first message to go")
        window.command("Indoors: Set Up Engine and Model")
        toast.first.wait_for()
        assert toast.get_by_role("button", name="Install From Wheel…").count() == 1


def come_back(window: Window) -> None:
    """The person was in another window, and comes back to this one."""
    for event, has_focus in (("blur", "false"), ("focus", "true")):
        window.page.evaluate(
            f"document.hasFocus = () => {has_focus}; window.dispatchEvent(new Event('{event}'))"
        )
        window.page.wait_for_timeout(500)


def test_a_server_that_is_installed_by_hand_is_found(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    home, told = tmp_path / "home", tmp_path / "told"
    python = scripted_python(told)
    scripted = Script(told)
    place = home / ".indoors" / "bin" / "python"
    with code_server.running(home, vsix) as server:
        window = Window(page, server, shop)
        window.wait_label("not installed on this machine")
        # What `python3 -m venv` leaves, before pip has been there.
        program(place, f"#!/bin/sh\necho $* >> {told}/asked\nexit 1\n")
        come_back(window)
        window.wait(lambda: (told / "asked").exists(), "it to be asked for the server")
        page.wait_for_timeout(500)
        assert (told / "asked").read_text() == "-I -m indoors_server --version\n"
        assert "not installed on this machine" in window.label()
        place.unlink()
        place.symlink_to(python)
        come_back(window)
        window.wait_label("ready")
        window.open("a.py")
        window.type("def a")
        window.wait(lambda: window.ghost.count() > 0, "the first suggestion")
        # Without a look from outside, a command finds what is there by now.
        other = tmp_path / "other" / "python"
        server.settings(indoors__python=str(other))
        window.wait_label("no program is there")
        other.parent.mkdir()
        other.symlink_to(python)
        window.command("Indoors: Set Up Engine and Model")
        dialog = page.locator(".monaco-dialog-box")
        dialog.wait_for()
        assert f"{other} -I -m indoors_server setup" in dialog.inner_text()
        dialog.get_by_role("button", name="Cancel").click()
        window.wait_label("ready")
        assert not [words for words in scripted.ran() if "setup" in words]


def test_a_window_without_a_folder(page: Any, vsix: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    python = scripted_python(told)
    scripted = Script(told)
    with code_server.running(tmp_path / "home", vsix, indoors__python=str(python)) as server:
        window = Window(page, server, None)
        window.wait_label("ready")
        assert not scripted.got("initialize")[-1]["workspaceFolders"]
        window.command("Indoors: Prove That Nothing Gets Out")
        proof = ["-I", "-m", "indoors_server", "doctor", "--prove"]
        window.wait(lambda: scripted.ran() == [proof], "a command to run")


def test_an_untrusted_workspace_is_told_nothing_until_it_is_trusted(
    page: Any, vsix: Path, tmp_path: Path, shop: Path
) -> None:
    told = tmp_path / "told"
    python = scripted_python(told)
    scripted = Script(told)
    home = tmp_path / "home"
    with code_server.running(home, vsix, trusted=False, indoors__python=str(python)) as server:
        window = Window(page, server, shop)
        window.wait_label("this workspace is not trusted")
        window.picture("untrusted")
        window.open("a.py")
        window.type("def a")
        page.wait_for_timeout(1000)
        assert scripted.pids() == []
        assert scripted.all() == []
        window.command("Workspaces: Manage Workspace Trust")
        page.get_by_role("button", name="Trust", exact=True).first.click()
        window.wait_label("ready")
        assert scripted.pids()
