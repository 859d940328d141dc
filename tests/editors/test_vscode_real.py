"""A real VS Code with the real server and the real model, where something is in the way: a policy,
a server that is killed, a second window, and a model that is not there yet.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indoors_server import paths
from support import code_server
from support.code_server import CodeServer
from support.engines import model_path
from support.processes import servers_of
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.model, pytest.mark.loopback]

SHAPES = '''\
import math


def circle_area(radius: float) -> float:
    """Area of a circle."""
    return math.pi * radius**2


def rectangle_area(width: float, height: float) -> float:
    """Area of a rectangle."""
'''
PATIENT = {"indoors__completion__deadlineMs": 20_000}  # asked is what comes, not how fast


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"indoors__python": sys.executable, "indoors__model": str(model_path()), **PATIENT}


@pytest.fixture(scope="module")
def server(vsix: Path, home: Path, settings: dict[str, Any]) -> Iterator[CodeServer]:
    """VS Code for a person whose policy keeps everyone out of one folder."""
    policy = home / ".config" / "indoors" / "policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"deny_paths": ["contracts/"]}')
    policy.chmod(0o600)
    cache = str(paths.cache_dir().parent)
    with code_server.running(home, vsix, cache=cache, **settings) as started:
        yield started


@pytest.fixture(scope="module")
def window(chromium: Any, server: CodeServer, home: Path) -> Iterator[Window]:
    shop = home / "shop"
    (shop / "contracts").mkdir(parents=True)
    (shop / "contracts" / "terms.py").write_text("")
    context = chromium.new_context(viewport={"width": 1000, "height": 560})
    made = Window(context.new_page(), server, shop)
    made.wait_label("Indoors: ready", 120)
    yield made
    context.close()


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins with the files as they were, and nothing open."""
    made = request.getfixturevalue("window") if "window" in request.fixturenames else None
    if made is not None:
        for name in ("shapes.py", "more.py"):
            (made.folder / name).write_text(SHAPES)
    yield
    if made is not None:
        made.tidy()


def completes(window: Window, name: str) -> None:
    """Type in a file until the model completes the line, and take what it says."""
    window.open(name)
    window.type("    return wid")
    window.wait(lambda: window.ghost_text().startswith("th * height"), "ghost text", 120)
    window.press("Tab")
    window.wait(lambda: "width * height" in window.text(), "the accepted text")


def test_a_policy_that_refuses_a_folder_is_named(window: Window) -> None:
    completes(window, "shapes.py")
    window.page.get_by_role("treeitem", name="contracts", exact=True).click()
    window.open("terms.py")
    window.wait_label("contracts/")
    assert "not completed here" in window.label()
    window.type("def area(width, height):")
    window.page.wait_for_timeout(2_000)
    assert window.ghost.count() == 0
    window.command("Indoors: Why This Suggestion")
    page = window.page.locator(".editor-instance .view-lines").first
    window.wait(lambda: "contracts/" in page.inner_text().replace("\xa0", " "), "the reason")


def test_a_language_that_is_switched_off_is_not_completed_until_it_is_on(window: Window) -> None:
    completes(window, "shapes.py")
    window.command("Indoors: Turn Off or On in This Language")
    window.wait_label("completion.languages")
    window.open("more.py")
    window.type("    return wid")
    window.page.wait_for_timeout(2_000)
    assert window.ghost.count() == 0
    window.tidy()
    (window.folder / "more.py").write_text(SHAPES)
    window.open("more.py")
    window.command("Indoors: Turn Off or On in This Language")
    window.wait_label("Indoors: ready")
    window.focus()
    window.press("Control+End")
    window.type("    return wid")
    window.wait(lambda: window.ghost_text().startswith("th * height"), "ghost text", 120)


def test_a_killed_server_comes_back_and_completes(window: Window, home: Path) -> None:
    window.open("shapes.py")
    contracts = window.page.get_by_role("treeitem", name="contracts", exact=True)
    if not window.page.get_by_role("treeitem", name="terms.py", exact=True).count():
        contracts.click()
    window.open("terms.py")
    window.wait_label("contracts/")
    before = servers_of(HOME=str(home))
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    window.wait(
        lambda: servers_of(HOME=str(home)) and not set(servers_of(HOME=str(home))) & set(before),
        "another server",
    )
    # It is told of both documents, and that the one which the policy refuses is in front.
    window.wait_label("contracts/", 120)
    window.page.get_by_role("tab", name="shapes.py", exact=True).click()
    window.wait_label("Indoors: ready")
    completes(window, "shapes.py")


def test_two_windows_on_one_folder_complete_each_for_itself(window: Window, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": 1000, "height": 560})
    try:
        other = Window(context.new_page(), window.server, window.folder)
        other.wait_label("Indoors: ready", 120)
        completes(other, "more.py")
        completes(window, "shapes.py")
        assert "width * height" in other.saved("more.py")
        other.tidy()
    finally:
        context.close()


def test_a_model_that_arrives_is_used_by_the_server_that_runs(
    page: Any, vsix: Path, tmp_path: Path
) -> None:
    """A machine without a model. What its setup does here is an import of a file, the way without
    a network; what it would pull is not there in tests. All else is real.
    """
    cache = tmp_path / "cache" / "indoors"
    cache.mkdir(parents=True)
    (cache / "engines").symlink_to(paths.engines_dir())
    python = tmp_path / "python"
    module = "-I -m indoors_server"
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$*" = "{module} setup --no-editor-lines" ]; then'
        f" set -- {module} models import {model_path()}; fi\n"
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "shapes.py").write_text(SHAPES)
    home, own = tmp_path / "home", {"indoors__python": str(python), **PATIENT}
    with code_server.running(home, vsix, cache=str(cache.parent), **own) as server:
        window = Window(page, server, shop)
        window.wait_label("Next: indoors models pull")
        (pid,) = servers_of(HOME=str(home))
        window.command("Indoors: Set Up Engine and Model")
        dialog = page.locator(".monaco-dialog-box")
        dialog.wait_for()
        dialog.get_by_role("button", name="Run in Terminal").click()
        # The end of setup is enough: nobody types, and nothing is started again.
        window.wait_label("Indoors: ready", 240)
        assert servers_of(HOME=str(home)) == [pid], "the same server"
        window.press("Control+j")  # the terminal
        completes(window, "shapes.py")
