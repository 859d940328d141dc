"""Real Neovims with the plugin and a workspace to open in them; a real VS Code and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.again import (  # noqa: F401 - hooks of pytest
    pytest_runtest_makereport,
    pytest_runtest_protocol,
    pytest_terminal_summary,
)
from support.code_server import CodeServer
from support.needs import need
from support.nvim import NEWEST, PLUGIN, Nvim
from support.nvim_script import Scripted
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

# Who draws ghost text in which Neovim: the whole matrix.
DISPLAYS = {"0.11": ("0.11", "own"), "0.12": ("0.12", "own"), "0.12-builtin": ("0.12", "builtin")}
UNTITLED_SECRET = {"scheme": "untitled", "path": "/nowhere/.env"}
SUM = "def add(a, b):\n    return a + b\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a browser come last: its driver runs an event loop in this thread until all tests
    are done, and no other loop can run beside it.
    """
    items.sort(key=lambda item: "chromium" in getattr(item, "fixturenames", ()))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / ".git").mkdir(parents=True)
    (folder / "shapes.py").write_text(
        "import math\n\n\ndef circle_area(radius: float) -> float:\n"
        '    """Area of a circle."""\n    return math.pi * radius**2\n\n\n'
        "def rectangle_area(width: float, height: float) -> float:\n"
        '    """Area of a rectangle."""\n'
    )
    return folder


@contextmanager
def opened(home: Path, release: str = NEWEST, **variables: str) -> Iterator[Nvim]:
    """A Neovim whose configuration, data, state and log are in `home`."""
    environment = {name: value for name, value in os.environ.items() if name != "NVIM"}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        environment[name] = str(home / name.lower())
    environment.update(variables)
    arguments = ("--cmd", f"set runtimepath^={PLUGIN}")
    with Nvim(*arguments, environment=environment, release=release) as editor:
        yield editor


@pytest.fixture
def nvim(tmp_path: Path) -> Iterator[Nvim]:
    with opened(tmp_path) as editor:
        yield editor


# Two of the three meet every line of the plugin; the third waits for `make soak`.
PARAMETERS = [
    pytest.param(drawn, id=name, marks=[pytest.mark.soak] if name == "0.12" else [])
    for name, drawn in DISPLAYS.items()
]


@pytest.fixture(params=PARAMETERS)
def scripted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scripted]:
    """Each Neovim, with each of those who can draw in it."""
    release, display = request.param
    with opened(tmp_path, release) as editor:
        yield Scripted(editor, display)


@pytest.fixture(params=["0.11", "0.12"])
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scripted]:
    """Each Neovim, where it does not matter who draws."""
    with opened(tmp_path, request.param) as editor:
        yield Scripted(editor)


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The extension, as `make vsix` built it."""
    code_server.need_code_server()
    need(code_server.VSIX.is_file(), "no vsix here: make vsix builds it")
    return code_server.VSIX


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests; it resolves no name."""
    code_server.need_code_server()
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=code_server.CHROMIUM, args=code_server.FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A browser's page of its own."""
    context = chromium.new_context(viewport={"width": 1200, "height": 760})
    yield context.new_page()
    context.close()


@pytest.fixture
def second(chromium: Any) -> Iterator[Any]:
    """The page of another window."""
    context = chromium.new_context(viewport={"width": 1200, "height": 760})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def vscode(tmp_path_factory: pytest.TempPathFactory, vsix: Path) -> Iterator[CodeServer]:
    """One VS Code with the scripted server for all tests that can do with the same settings."""
    home = tmp_path_factory.mktemp("vscode")
    python = scripted_python(home / "script")
    words = {"editor__wordBasedSuggestions": "currentDocument"}  # in a list that one asks for
    with code_server.running(home, vsix, indoors__python=str(python), **words) as server:
        # VS Code has no key of its own for it.
        keys: list[dict[str, Any]] = [
            {"key": "ctrl+f5", "command": "editor.action.inlineSuggest.acceptNextLine"},
            # What `code .env` opens where there is no such file yet.
            {"key": "ctrl+f6", "command": "vscode.open", "args": UNTITLED_SECRET},
            {"key": "ctrl+f7", "command": "workbench.action.files.newUntitledFile"},
        ]
        server.keys(keys)
        yield server


@pytest.fixture(scope="session")
def only_window(
    chromium: Any, vscode: CodeServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    place = tmp_path_factory.mktemp("shop")
    context = chromium.new_context(viewport={"width": 1200, "height": 760})
    made = Window(context.new_page(), vscode, place)
    made.wait_label("ready")
    yield made
    context.close()


@pytest.fixture
def script(vscode: CodeServer) -> Script:
    """The scripted server of `vscode`, which has heard nothing and has no rules."""
    made = Script(vscode.home / "script")
    made.forget()
    return made


@pytest.fixture
def window(only_window: Window, script: Script) -> Iterator[Window]:
    """The window as it was at first, with files that are as they were."""
    for name in ("a.py", "slow.py", "never.py", "notes.txt", ".env", "COMMIT_EDITMSG"):
        (only_window.folder / name).write_text("")
    (only_window.folder / "sum.py").write_text(SUM)
    yield only_window
    script.forget()
    script.status()
    only_window.tidy()
    only_window.wait_label("ready")
