"""A real VS Code (code-server) in a real browser, with the extension from a vsix.

`make test-editors` puts Node, code-server and Chromium's driver where `EDITORS` says. Nothing is
reached but this machine: the browser resolves no name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from support.needs import need

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "editors" / "vscode"
EDITORS = Path(os.environ.get("INDOORS_EDITORS") or ROOT / ".venv" / "editors")
NODE = EDITORS / "node" / "bin" / "node"
ENTRY = EDITORS / "cs" / "node_modules" / "code-server" / "out" / "node" / "entry.js"
VSIX = ROOT / "dist" / "indoors.vsix"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip
MACHINE = ("indoors.python", "indoors.model", "indoors.engine", "indoors.log")
PICTURES = os.environ.get("INDOORS_PICTURES", "")
# What VS Code does by itself and would be in the picture, or in the way of a test.
QUIET: dict[str, Any] = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "git.enabled": False,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off"},
    "editor.wordBasedSuggestions": "off",
    "editor.accessibilitySupport": "off",
    "editor.autoIndent": "none",
    "files.autoSave": "off",
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
}


def need_code_server() -> None:
    """VS Code, its Node, and a browser."""
    need(NODE.exists() and ENTRY.exists(), "no VS Code here: make test-editors puts it there")
    need(shutil.which(CHROMIUM), "no Chromium here: apt install chromium")


def environment(home: Path, cache: str = "") -> dict[str, str]:
    """A home of its own, and no gallery of extensions. `cache` is where engine and model lie."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    if cache:
        kept["XDG_CACHE_HOME"] = cache
    return kept | {
        "HOME": str(home),
        "EXTENSIONS_GALLERY": json.dumps({"serviceUrl": ""}),
        "PATH": f"{NODE.parent}:{os.environ['PATH']}",
    }


def until(probe: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Poll until `probe` gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := probe():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


class CodeServer:
    """One running code-server. `home` is its user's, `settings` are the person's."""

    def __init__(self, home: Path, trusted: bool = True, cache: str = "") -> None:
        self.home = home
        self._environment = environment(home, cache)
        self.user = home / "ud" / "User"
        self.user.mkdir(parents=True, exist_ok=True)
        self.log = home / "code-server.log"
        self.url = ""
        self._trusted = trusted
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings_file(self) -> Path:
        return self.user / "settings.json"

    def settings(self, **values: Any) -> None:
        """What the person has set; names with `__` for `.`. code-server is a remote window: what is
        of the scope `machine` counts from the settings of the remote machine alone.
        """
        named = {name.replace("__", "."): value for name, value in values.items()}
        of_machine = {name: value for name, value in named.items() if name.startswith(MACHINE)}
        self.settings_file.write_text(json.dumps(QUIET | named, indent=1))
        self.machine_file.parent.mkdir(parents=True, exist_ok=True)
        self.machine_file.write_text(json.dumps(of_machine, indent=1))

    @property
    def machine_file(self) -> Path:
        return self.home / "ud" / "Machine" / "settings.json"

    @property
    def _command(self) -> list[str]:
        places = ["--user-data-dir", self.home / "ud", "--extensions-dir", self.home / "xd"]
        return [str(part) for part in (NODE, ENTRY, *places)]

    def install(self, vsix: Path) -> None:
        """Install an extension."""
        subprocess.run(
            [*self._command, "--install-extension", str(vsix)],
            env=self._environment,
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--bind-addr", f"127.0.0.1:{port}", "--auth", "none", "--disable-telemetry"]
        options += ["--disable-update-check", "--disable-getting-started-override"]
        options += ["--disable-proxy"]
        if self._trusted:
            options.append("--disable-workspace-trust")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, *options],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.url = f"http://127.0.0.1:{port}"
        until(self._is_up, "code-server")

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it and all that it started."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def running(
    home: Path, vsix: Path, *, trusted: bool = True, cache: str = "", **settings: Any
) -> Iterator[CodeServer]:
    """A code-server with the extension."""
    server = CodeServer(home, trusted, cache)
    server.settings(**settings)
    server.install(vsix)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def scripted_python(folder: Path) -> Path:
    """A program that is started like an interpreter, and is the scripted server."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "say").mkdir(exist_ok=True)
    fake = ROOT / "tests" / "fakes" / "editor_server.py"
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "{folder}" "$@"\n')
    program.chmod(0o755)
    return program


class Scripted:
    """What the scripted server was told, and what it is to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._n = 0

    def got(self, method: str) -> list[dict[str, Any]]:
        """Parameters of all messages of a method so far."""
        return [one.get("params") or {} for one in self.all() if one.get("method") == method]

    def all(self) -> list[dict[str, Any]]:
        log = self.folder / "got.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def commands(self, name: str) -> list[Any]:
        """Arguments of all executions of a command so far."""
        found = self.got("workspace/executeCommand")
        return [one.get("arguments") for one in found if one["command"] == name]

    def ran(self) -> list[list[str]]:
        """Commands of ours that were run beside the server."""
        log = self.folder / "ran.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def pids(self) -> list[int]:
        """The processes that served, in order."""
        file = self.folder / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def say(self, method: str, **params: Any) -> None:
        """Have the server send a notification."""
        self._n += 1
        new = self.folder / f"new{self._n}"
        new.write_text(json.dumps({"method": method, "params": params}))
        new.rename(self.folder / "say" / f"{self._n:04}.json")

    def status(self, **status: Any) -> None:
        """Have the server send a status."""
        ready = {"phase": "ready", "reason": "", "model": "Scripted Coder 0.5B", "device": "CPU"}
        more = {"lock": "enforced", "launcher": "none", "progress": None, "tokens_per_s": 38.4}
        self.say("indoors/status", **(ready | more | status))


class Window:
    """A window of VS Code with a folder open."""

    def __init__(self, page: Any, server: CodeServer, folder: Path) -> None:
        self.page = page
        self._server = server
        self.folder = folder
        page.goto(f"{server.url}/?folder={folder}", wait_until="domcontentloaded")
        page.locator(".explorer-viewlet, .explorer-folders-view").first.wait_for(timeout=90_000)

    def open(self, name: str) -> None:
        """Open a file from the explorer, with the cursor at its end."""
        self.page.get_by_role("treeitem", name=name, exact=True).dblclick(timeout=60_000)
        self.page.locator(".tab.active", has_text=name).first.wait_for()
        self.focus()
        self.page.keyboard.press("Control+End")

    def focus(self) -> None:
        """Click into the editor."""
        self.page.locator(".editor-instance .monaco-editor .view-lines").first.click()

    def tidy(self) -> None:
        """Close what is open, and forget what was told."""
        self.press("Escape")
        self.command("Notifications: Clear All Notifications")
        self.command("File: Save All Files")
        self.command("View: Close All Editors")
        self.wait(lambda: self.page.locator(".tab").count() == 0, "all editors to be closed")
        if self.page.locator(".part.panel:visible").count():
            self.press("Control+j")

    @property
    def item(self) -> Any:
        """The item in the status bar."""
        return self.page.locator("[id$='indoors.status']").first

    def label(self) -> str:
        """What a screen reader says about the item."""
        found = self.item.locator("[aria-label]")
        return str((found if found.count() else self.item).first.get_attribute("aria-label") or "")

    def wait_label(self, text: str, seconds: float = 60.0) -> None:
        try:
            until(lambda: self._has(text), f"{text!r} in the status bar", seconds)
        except AssertionError as error:
            self.picture("failed")
            raise AssertionError(f"{error}; it says {self.label()!r}") from None

    def _has(self, text: str) -> bool:
        self.page.wait_for_timeout(20)  # lets the driver read the browser's events
        return self.item.count() > 0 and text in self.label()

    @property
    def ghost(self) -> Any:
        """Ghost text: on the cursor's line, and on the lines behind it."""
        return self.page.locator(".ghost-text, .ghost-text-decoration")

    def ghost_text(self) -> str:
        """Ghost text on the screen: on the cursor's line, then on lines of its own."""
        here = "".join(self.page.locator(".ghost-text-decoration").all_inner_texts())
        behind = "".join(self.page.locator(".ghost-text").all_inner_texts())
        return f"{here}\n{behind}".replace("\xa0", " ")

    def wait(self, probe: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
        """Poll until `probe` gives something true; a picture is kept where it does not."""

        def look() -> Any:
            self.page.wait_for_timeout(20)
            return probe()

        try:
            return until(look, what, seconds)
        except AssertionError:
            self.picture("failed")
            raise

    def type(self, text: str) -> None:
        """Type key by key."""
        self.page.keyboard.type(text, delay=40)

    def press(self, keys: str) -> None:
        self.page.keyboard.press(keys)

    def command(self, title: str) -> None:
        """Run a command from the palette, as a person does."""
        self.press("F1")
        box = self.page.locator(".quick-input-widget input").first
        box.wait_for()
        box.fill(f">{title}")
        self.page.locator(".quick-input-list .monaco-list-row").first.wait_for()
        self.page.wait_for_timeout(150)
        self.press("Enter")

    def saved(self, name: str) -> str:
        """Save, and give the file as it is on the disk."""
        self.press("Control+s")
        self.wait(lambda: self.page.locator(".tab.dirty").count() == 0, "the file to be saved")
        return (self.folder / name).read_text()

    def picture(self, name: str) -> None:
        """Keep a picture where INDOORS_PICTURES says."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))
