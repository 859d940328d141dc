"""A real VS Code with the real server and the real model: ghost text, an edit with preview."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indoors_server import paths
from support import code_server
from support.engines import model_path
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
CODE = """\
def area(width, height):
    result = 0
    for _ in range(height):
        result = result + width
    return result
"""


@pytest.fixture(scope="module")
def window(chromium: Any, vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    home = tmp_path_factory.mktemp("vscode")
    shop = home / "shop"
    shop.mkdir()
    (shop / "shapes.py").write_text(SHAPES)
    (shop / "shop.py").write_text(CODE)
    settings = {
        "indoors__python": sys.executable,
        "indoors__model": str(model_path()),
        "indoors__completion__deadlineMs": 20_000,  # asked is what comes, not how fast
    }
    cache = str(paths.cache_dir().parent)
    context = chromium.new_context(viewport={"width": 1000, "height": 560})
    with code_server.running(home, vsix, cache=cache, **settings) as server:
        made = Window(context.new_page(), server, shop)
        made.wait_label("Indoors: ready", 120)
        yield made
    context.close()


def test_the_real_model_completes_in_vscode(window: Window) -> None:
    assert "tokens/s" in window.label()
    assert "Lock: " in window.label()
    window.tooltip("Lock: ")
    window.picture("tooltip")
    window.page.mouse.move(500, 200)
    window.item.click()
    window.page.get_by_text("Why this suggestion").first.wait_for()
    window.picture("menu")
    window.press("Escape")
    window.open("shapes.py")
    window.type("    return wid")
    window.wait(lambda: window.ghost_text().startswith("th * height"), "ghost text", 60)
    window.picture("ghost")
    assert (window.folder / "shapes.py").read_text() == SHAPES
    window.press("Tab")
    window.wait(lambda: window.ghost_text().startswith("th") is False, "the accept")
    assert "    return width * height" in window.saved("shapes.py")


def test_the_real_model_edits_after_a_preview(window: Window) -> None:
    window.open("shop.py")
    window.press("Control+Home")
    window.press("Control+Period")
    entry = window.page.locator(".action-widget").get_by_text("Document").first
    entry.wait_for(timeout=30_000)
    window.picture("actions")
    entry.click()
    diff = window.page.locator(".monaco-diff-editor .editor.modified .view-lines")
    window.wait(lambda: diff.count() > 0 and '"""' in diff.inner_text(), "the diff", 240)
    window.page.wait_for_timeout(500)
    window.picture("preview")
    assert (window.folder / "shop.py").read_text() == CODE
    assert "checks passed" in window.page.locator(".notification-toast").first.inner_text()
    window.press("Control+Enter")
    window.wait(lambda: window.page.locator(".monaco-diff-editor").count() == 0, "the diff's end")
    lines = window.page.locator(".editor-instance .view-lines").first
    window.wait(lambda: '"""' in lines.inner_text(), "the edit")
    assert '"""' in window.saved("shop.py")
    window.press("Control+z")
    assert window.saved("shop.py") == CODE, "one step to undo"
