"""Where people open code in a real VS Code: notebooks, several folders, two windows; and a server
that is older or newer than the extension, and VS Code's own AI features beside ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import code_server
from support.code_server import CodeServer
from support.vscode_script import Script, scripted_python
from support.vscode_window import Window

pytestmark = [pytest.mark.editor, pytest.mark.loopback]

RUN = ["-I", "-m", "indoors_server"]
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


def test_a_notebook_is_switched_off_with_all_its_cells(window: Window, script: Script) -> None:
    (window.folder / "off.ipynb").write_text(notebook("x = 1\n", "y = 2\n"))
    cells = open_notebook(window, "off.ipynb")
    cells.nth(0).click()
    window.wait(lambda: len(cells_of(script, "didOpen")) == 2, "the cells at the server")
    window.command("Indoors: Turn Off or On in This File")
    window.wait_label("you switched this file off")
    window.wait(lambda: len(cells_of(script, "didClose")) == 2, "both cells to be closed")
    cells.nth(1).click()
    window.wait_label("you switched this file off")
    window.type("def a")
    window.page.wait_for_timeout(500)
    assert window.ghost.count() == 0
    assert not cells_of(script, "didChange")
    window.command("Indoors: Turn Off or On in This File")
    window.wait(lambda: len(cells_of(script, "didOpen")) == 4, "both cells at the server again")
    window.wait_label("ready")


def cells_of(script: Script, about: str) -> list[Any]:
    """What the server was told of cells."""
    found = [one["textDocument"]["uri"] for one in script.got(f"textDocument/{about}")]
    return [uri for uri in found if uri.startswith("vscode-notebook-cell:")]


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
    try:
        front = second.get_by_role("treeitem", name="front", exact=True)
        several.wait(lambda: front.count() > 0, "the folders on the screen", 10)
    except code_server.Waited:
        # Once in some times VS Code reads none of them, and says itself that there is none.
        several = Window(second, window.server, both)
    several.wait_label("ready")

    def told() -> list[str]:
        # Where VS Code opens the workspace late, there is none at first, and they are added.
        # Where it does that very late, a server that knew of them already may be started anew.
        found: list[Any] = []
        for one in script.all():
            if one.get("method") == "initialize":
                found = list(one["params"]["workspaceFolders"] or [])
            elif one.get("method") == "workspace/didChangeWorkspaceFolders":
                found += one["params"]["event"]["added"]
        return [one["name"] for one in found]

    several.wait(lambda: told() == ["front", "back"], "both folders at the server")
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
    several.command("Indoors: Show What the Policy Says")
    asked = [*RUN, "policy", "show", "--folder", str(roots[1])]
    several.wait(lambda: script.ran() == [asked], "the policy of the folder of the file in front")
    several.focus()
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


# --- VS Code's own AI features ------------------------------------------------------------------

# VS Code loads GitHub's extension only for somebody who has an account there; another one that
# suggests stands for all.
THEIRS = """
const vscode = require("vscode");
exports.activate = (context) => context.subscriptions.push(
  vscode.languages.registerInlineCompletionItemProvider({ scheme: "file" }, {
    provideInlineCompletionItems: (document, position, context) => {
      const { text } = document.lineAt(position);
      // As Copilot does where it is off: nothing by itself, and an answer to a key.
      const isAsked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
      return text === "theirs" || (text === "by_key" && isAsked)
        ? [{ insertText: `${text}_too()` }]
        : [];
    },
  }),
);
"""


@pytest.fixture(scope="module")
def with_ai(tmp_path_factory: pytest.TempPathFactory, vsix: Path) -> Iterator[CodeServer]:
    home = tmp_path_factory.mktemp("ai")
    python = scripted_python(home / "script")
    on: dict[str, Any] = {"chat__disableAIFeatures": False}
    other = {
        "name": "codeium",
        "publisher": "Codeium",
        "main": "./main.js",
        "activationEvents": ["onStartupFinished"],
    }
    with code_server.running(home, vsix, indoors__python=str(python), **on) as server:
        server.install(code_server.packed(home / "other.vsix", other, THEIRS))
        yield server


def test_where_there_is_no_other_extension_that_is_said(window: Window) -> None:
    window.command("Indoors: Other Extensions That Suggest Code")
    said = window.page.locator(".notification-toast", has_text="No other extension").first
    said.wait_for()
    assert "Next: look through the Extensions view" in said.inner_text()
    assert "on your own side of this remote window are not seen" in window.label()


def ask_by_key(window: Window, script: Script) -> None:
    """Ask by our key where the other one answers every key that asks it."""

    def by_key() -> int:
        asked = script.got("textDocument/inlineCompletion")
        return sum(one["context"]["triggerKind"] == 1 for one in asked)

    window.press("Control+a")
    window.type("by_key")
    n_before = by_key()
    window.press("Alt+\\")
    window.wait(lambda: by_key() > n_before, "ours to be asked by key")
    window.page.wait_for_timeout(500)
    assert window.ghost.count() == 0, "the other is not asked"
    window.command("Indoors: Pause for 10 Minutes")
    window.wait_label("paused until")
    window.focus()
    window.press("Alt+\\")
    said = window.page.locator(".notification-toast", has_text="Indoors is paused until").first
    said.wait_for()
    assert "Next: Indoors: Resume, then ask again" in said.inner_text()
    window.page.wait_for_timeout(500)
    assert window.ghost.count() == 0, "where ours is off, the other is not asked either"
    window.command("Notifications: Clear All Notifications")
    window.command("Indoors: Resume")
    window.wait_label("ready")
    window.focus()
    window.command("Trigger Inline Suggestion")
    window.wait(lambda: "_too()" in window.ghost_text(), "the other's answer to VS Code's own key")
    window.press("Escape")


def test_beside_another_and_the_ai_features_of_vs_code(
    page: Any, with_ai: CodeServer, tmp_path: Path
) -> None:
    script = Script(with_ai.home / "script")
    (tmp_path / "a.py").write_text("")
    window = Window(page, with_ai, tmp_path)
    window.wait_label("Indoors is indoors; Codeium is also on")
    window.wait_label("ready")
    page.locator("[id='status.chat'], [id*='chat.statusBarEntry']").first.wait_for()
    tooltip = window.tooltip("Codeium is also on")
    assert tooltip.get_by_role("link", name="turn off").count() == 1
    page.wait_for_timeout(500)  # it fades in
    window.picture("others")
    window.open("a.py")
    window.type("theirs")
    window.wait(lambda: "_too()" in window.ghost_text(), "ghost text of the other")
    window.press("Control+a")
    window.type("def a")
    window.wait(lambda: "return a + b" in window.ghost_text(), "ghost text of ours")
    window.press("Tab")
    window.wait(lambda: script.commands("indoors.accepted"), "a note of the accept")
    assert window.saved("a.py") == FULL
    ask_by_key(window, script)
    window.command("Indoors: Other Extensions That Suggest Code")
    page.get_by_text("Hide suggestions of Codeium").first.click()
    window.wait(lambda: "Codeium" not in window.label(), "the name to go")
    setting = "editor.inlineSuggest.experimental.suppressInlineSuggestions"
    assert json.loads(with_ai.settings_file.read_text())[setting] == "codeium.codeium"
    window.focus()
    window.press("Control+a")
    n_asked = len(script.got("textDocument/inlineCompletion"))
    window.type("theirs")
    window.wait(
        lambda: len(script.got("textDocument/inlineCompletion")) > n_asked, "ours to be asked"
    )
    page.wait_for_timeout(500)
    assert window.ghost.count() == 0, "nothing of the other is shown"


def test_a_workspace_that_keeps_another_on_is_named(
    page: Any, with_ai: CodeServer, tmp_path: Path
) -> None:
    setting = "editor.inlineSuggest.experimental.suppressInlineSuggestions"
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "settings.json").write_text(json.dumps({setting: "some.other"}))
    with with_ai.set(**{setting.replace(".", "__"): "a.b"}):
        window = Window(page, with_ai, tmp_path)
        window.wait_label("Indoors is indoors; Codeium is also on")
        window.command("Indoors: Other Extensions That Suggest Code")
        page.get_by_text("Hide suggestions of Codeium").first.click()
        text = "This workspace's settings keep Codeium on. Next: set"
        page.locator(".notification-toast", has_text=text).first.wait_for()
        assert "Codeium is also on" in window.label()
        own = json.loads(with_ai.settings_file.read_text())[setting]
        assert own == "a.b,codeium.codeium", "what the workspace lists is none of the person's"
