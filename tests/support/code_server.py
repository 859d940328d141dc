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
import time
import urllib.request
import zipfile
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
# "Dark 2026" for pictures of that.
THEME = os.environ.get("INDOORS_THEME", "Light 2026")
# What most tests have off, for a run of all of them with it on: `INDOORS_VSCODE=accessible`.
LEGS: dict[str, dict[str, Any]] = {
    "": {},
    "accessible": {"editor.accessibilitySupport": "on"},
    "ai": {"chat.disableAIFeatures": False},
    "indent": {"editor.autoIndent": "full"},
}
LEG = os.environ.get("INDOORS_VSCODE", "")
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
    "terminal.integrated.gpuAcceleration": "off",  # what is printed can be read in the page then
    "workbench.colorTheme": THEME,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
} | LEGS[LEG]


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


class Waited(AssertionError):
    """Something did not come in time."""


def until(probe: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Poll until `probe` gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := probe():
            return value
        time.sleep(0.05)
    raise Waited(f"waited {seconds:.0f} s for {what}")


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
        self.machine_file.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(1 if self._process is None else 2):
            self._write(self.settings_file, json.dumps(QUIET | named, indent=1))
            self._write(self.machine_file, json.dumps(of_machine, indent=1))
            if self._process is not None:
                time.sleep(1)  # VS Code misses a change that comes soon after another

    @contextlib.contextmanager
    def set(self, **values: Any) -> Iterator[None]:
        """Settings of the person's that differ for a while."""
        before = self.settings_file.read_text()
        named = {name.replace("__", "."): value for name, value in values.items()}
        self._write(self.settings_file, json.dumps(json.loads(before) | named, indent=1))
        try:
            yield
        finally:
            self._write(self.settings_file, before)

    def _write(self, file: Path, text: str) -> None:
        """Write a file in one step, as editors do."""
        new = file.with_suffix(".new")
        new.write_text(text)
        new.replace(file)

    def keys(self, bindings: list[dict[str, Any]]) -> None:
        """The person's own keys."""
        (self.user / "keybindings.json").write_text(json.dumps(bindings))

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


def packed(path: Path, manifest: dict[str, Any], main: str = "", **more: str) -> Path:
    """A small extension as a vsix: its program, and what else is in it, as JSON by name."""
    about = {"version": "1.0.0", "engines": {"vscode": "^1.91.0"}} | manifest
    xml = (
        '<PackageManifest Version="2.0.0" '
        'xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011"><Metadata>'
        f'<Identity Language="en-US" Id="{about["name"]}" Version="1.0.0" '
        f'Publisher="{about["publisher"]}"/>'
        "<DisplayName>Other</DisplayName></Metadata><Installation>"
        '<InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation><Assets>'
        '<Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json"/>'
        "</Assets></PackageManifest>"
    )
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("extension.vsixmanifest", xml)
        made.writestr("extension/package.json", json.dumps(about))
        if main:
            made.writestr("extension/main.js", main)
        for name, text in more.items():
            made.writestr(f"extension/{name}.json", text)
    return path
