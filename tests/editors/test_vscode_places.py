"""Where people open code in a real VS Code: notebooks, several folders, two windows; and a server
that is older or newer than the extension.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.vscode_script import Script
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

FULL = "def add(a, b):\n    return a + b"


def notebook(*cells: str) -> str:
    """A notebook in Python."""
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    made = [empty | {"source": [cell]} for cell in cells]
    about = {"language_info": {"name": "python"}}
    return json.dumps({"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 5})


def open_notebook(window: Window, name: str) -> Any:
    """Open a notebook; its cells' editors."""
    window.page.get_by_role("treeitem", name=name, exact=True).dblclick()
    cells = window.page.locator(".notebookOverlay .cell.code .monaco-editor .view-lines")
    cells.nth(1).wait_for()
    return cells


def test_each_cell_of_a_notebook_is_completed(window: Window, script: Script) -> None:
    (window.folder / "n.ipynb").write_text(notebook("x = 1\n", "y = 2\n"))
    cells = open_notebook(window, "n.ipynb")
    for number in range(2):
        cells.nth(number).click()
        window.press("Control+End")
        window.type("def a")
        window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text in the cell")
        if number == 1:
            window.picture("notebook")
        window.press("Tab")
        window.wait(
            lambda number=number: len(script.commands("indoors.accepted")) == number + 1,  # type: ignore[misc]
            "a note of the accept",
        )
    saved = json.loads(window.saved("n.ipynb"))
    texts = ["".join(cell["source"]) for cell in saved["cells"]]
    assert texts == [f"x = 1\n{FULL}", f"y = 2\n{FULL}"]
    asked = {one["textDocument"]["uri"] for one in script.got("textDocument/inlineCompletion")}
    assert len(asked) == 2, "each cell is a document"
    assert all(uri.startswith("vscode-notebook-cell:") for uri in asked)


def test_a_notebook_that_holds_secrets_is_never_sent(window: Window, script: Script) -> None:
    (window.folder / "secrets").mkdir(exist_ok=True)
    (window.folder / "secrets" / "keys.ipynb").write_text(notebook("x = 1\n", "y = 'SECRET'\n"))
    window.page.get_by_role("treeitem", name="secrets", exact=True).click()
    cells = open_notebook(window, "keys.ipynb")
    cells.nth(1).click()
    window.wait_label("files like this hold secrets")
    window.press("Control+End")
    window.type("def a")
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: window.ghost.count() > 0, "ghost text where it is wanted")
    everything = (script.folder / "got.jsonl").read_text()
    assert "SECRET" not in everything
    assert "keys.ipynb" not in everything
    window.page.get_by_role("treeitem", name="secrets", exact=True).click()


@pytest.fixture
def second(chromium: Any) -> Iterator[Any]:
    """The page of another window."""
    context = chromium.new_context(viewport={"width": 1200, "height": 760})
    yield context.new_page()
    context.close()


def test_two_windows_on_one_folder(window: Window, script: Script, second: Any) -> None:
    n_before = len(script.pids())
    other = Window(second, window.server, window.folder)
    other.wait_label("ready")
    assert len(script.pids()) == n_before + 1, "a server for each window"
    window.open("a.py")
    other.open("a.py")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text")
    assert other.ghost.count() == 0, "nobody types there"
    window.press("Tab")
    assert window.saved("a.py") == FULL
    other.wait(lambda: "return a + b" in other.text(), "what was saved in the other window")
    other.press("Control+End")
    other.press("Enter")
    other.press("Home")
    other.press("Control+Shift+k")
    other.press("Control+End")
    other.press("Enter")
    other.press("Home")
    other.type("def a")
    other.wait(lambda: other.ghost.count() > 0, "ghost text in the other window")


def test_several_folders_in_one_window(window: Window, script: Script, second: Any) -> None:
    place = window.folder.parent
    roots = [place / "front", place / "back"]
    for root in roots:
        root.mkdir(exist_ok=True)
        (root / f"{root.name}.py").write_text("")
    both = place / "both.code-workspace"
    both.write_text(json.dumps({"folders": [{"path": root.name} for root in roots]}))
    several = Window(second, window.server, both)
    several.wait_label("ready")
    sent = script.got("initialize")[-1]["workspaceFolders"]
    assert [one["name"] for one in sent] == ["front", "back"]
    for root in roots:
        second.get_by_role("treeitem", name=root.name, exact=True).first.wait_for()
        if not second.get_by_role("treeitem", name=f"{root.name}.py", exact=True).count():
            second.get_by_role("treeitem", name=root.name, exact=True).first.click()
        several.open(f"{root.name}.py")
        several.type("def a")
        several.wait(lambda: "return a + b" in several.ghost_text(), "ghost text")
        several.press("Tab")
        several.press("Control+s")
        several.wait(lambda root=root: (root / f"{root.name}.py").read_text() == FULL, "it saved")  # type: ignore[misc]
    index = [{"root": str(root), "phase": "ready"} for root in roots]
    index[1]["phase"] = "gone"
    script.status(index=index)
    several.wait_label(
        "Index of front: up to date. Index of back: the folder is not there any more"
    )


@pytest.mark.parametrize(
    ("protocol", "message", "spoken"),
    [
        (9, "Next: update the plugin in your editor", "Next: update the extension"),
        (0, "Next: update the server", "Next: update the server"),
    ],
    ids=["newer", "older"],
)
def test_of_two_that_do_not_belong_together_one_is_named(
    window: Window, script: Script, protocol: int, message: str, spoken: str
) -> None:
    (script.folder / "protocol").write_text(str(protocol))
    window.command("Indoors: Restart the Server")
    window.wait_label(f"protocol 1, the server {protocol}")
    assert spoken in window.label()
    window.page.locator(".notification-toast", has_text=message).first.wait_for()
    window.picture(f"protocol-{protocol}")
    window.open("a.py")
    window.type("def a")
    window.wait(lambda: window.ghost.count() > 0, "ghost text, as far as it goes")
    (script.folder / "protocol").unlink()
    window.command("Indoors: Restart the Server")
    window.wait(lambda: "protocol" not in window.label(), "all to be well")
