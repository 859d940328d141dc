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

LONG = "def numbers():\n" + "".join(
    f"    number_{one} = {one} * len('{'x' * (one % 7)}')\n" for one in range(60)
) + "    return number_1\n"  # fmt: skip


@pytest.fixture(scope="module")
def window(chromium: Any, vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    home = tmp_path_factory.mktemp("vscode")
    shop = home / "shop"
    shop.mkdir()
    (shop / "shapes.py").write_text(SHAPES)
    (shop / "shop.py").write_text(CODE)
    (shop / "long.py").write_text(LONG)
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
    window.wait(lambda: window.diff('"""'), "the diff", 240)
    window.wait_preview_keys()
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


def test_an_edit_under_way_is_cancelled_by_the_person(window: Window) -> None:
    window.edits_menu("long.py", "with an instruction").click()
    box = window.page.locator(".quick-input-widget input").first
    box.wait_for()
    box.fill("Write a comment above each line that says what it does.")
    window.press("Enter")
    # In the status bar first; a click on it has the whole of it, with a button.
    window.page.locator(".statusbar-item", has_text="Indoors: editing").first.click()
    window.picture("editing")
    window.page.get_by_role("button", name="Cancel").first.click()
    window.page.get_by_text("Nothing was edited: you stopped it").first.wait_for()
    window.wait_label("Indoors: ready")
    assert not window.diff()
    assert window.page.locator(".tab.dirty").count() == 0
    assert (window.folder / "long.py").read_text() == LONG
