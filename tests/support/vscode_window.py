"""A window of a real VS Code: what a person does in it, and what is on the screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.code_server import PICTURES, CodeServer, Waited, until
from support.vscode_script import Script

# Counts in `window.gone` how often ghost text goes from the screen.
FLICKER = """() => {
  window.gone = 0;
  let was = false;
  const look = () => {
    const is = document.querySelector(".ghost-text, .ghost-text-decoration") !== null;
    window.gone += was && !is ? 1 : 0;
    was = is;
    requestAnimationFrame(look);
  };
  look();
}"""
# Collects in `window.seen` all ghost text that is ever on the screen.
SEEN = """() => {
  window.seen = [];
  const look = () => {
    for (const one of document.querySelectorAll(".ghost-text, .ghost-text-decoration")) {
      if (one.innerText && !window.seen.includes(one.innerText)) window.seen.push(one.innerText);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


class Window:
    """A window of VS Code with a folder open."""

    def __init__(self, page: Any, server: CodeServer, folder: Path | None) -> None:
        self.page = page
        self.server = server
        self.folder = folder or Path()
        if folder is None:
            opened = "ew=true"  # an empty window
        else:
            kind = "workspace" if folder.suffix == ".code-workspace" else "folder"
            opened = f"{kind}={folder}"
        page.goto(f"{server.url}/?{opened}", wait_until="domcontentloaded")
        first = ".part.statusbar" if folder is None else ".explorer-viewlet, .explorer-folders-view"
        page.locator(first).first.wait_for(timeout=90_000)

    @classmethod
    def with_settings(
        cls, page: Any, server: CodeServer, folder: Path, settings: dict[str, Any]
    ) -> Window:
        """A window where VS Code has other settings: those of its workspace, which it reads when it
        opens one. That the person's own file was changed, VS Code may not see in a browser.
        """
        (folder / ".vscode").mkdir(parents=True)
        (folder / ".vscode" / "settings.json").write_text(json.dumps(settings))
        (folder / "a.py").write_text("")
        window = cls(page, server, folder)
        window.wait_label("Indoors: ")
        return window

    def open(self, name: str) -> None:
        """Open a file from the explorer, with the cursor at its end."""
        self.page.get_by_role("treeitem", name=name, exact=True).dblclick(timeout=60_000)
        self.page.locator(".tab.active", has_text=name).first.wait_for()
        self.focus()
        self.page.keyboard.press("Control+End")
        self._up_to_date(name)

    def _up_to_date(self, name: str) -> None:
        """Wait for the file's last words to be on the screen: VS Code keeps what it read of a file
        for a while after it was closed, and notices a change of the file in its own time.
        """
        try:
            words = (self.folder / name).read_text().split()[-1:]
        except (OSError, UnicodeDecodeError):
            return  # it is in another folder, or is not text
        if words and not self._shows(words[0][-40:]):
            self.command("File: Revert File")
            self.page.keyboard.press("Control+End")
            self.wait(lambda: words[0][-40:] in self.text(), f"{name} as it is on the disk")

    def _shows(self, words: str, seconds: float = 5.0) -> bool:
        try:
            return bool(until(lambda: words in self.text(), words, seconds))
        except Waited:
            return False

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

    def text(self) -> str:
        """What of the document in front is on the screen."""
        lines = self.page.locator(".editor-instance .view-lines").first
        return str(lines.inner_text()).replace("\xa0", " ") if lines.count() else ""

    def new_server(self, script: Script) -> int:
        """Start the server again, so that those which other tests ended count no more; its pid."""
        n_before = len(script.got("initialized"))
        self.command("Indoors: Restart the Server")
        self.wait(lambda: len(script.got("initialized")) > n_before, "another server")
        self.wait_label("ready")
        return script.pids()[-1]

    def edits_menu(self, name: str, title: str) -> Any:
        """Open the menu of edits at the start of a file, and give the entry with this title.

        Its first entry is waited for, which has the focus when the menu takes keys. The titles
        alone say nothing: a notification about an earlier edit has the same words while it fades.
        """
        self.open(name)
        self.press("Control+Home")
        self.press("Control+Period")
        self.page.locator(".action-widget .monaco-list-row.focused").first.wait_for()
        return self.page.locator(".action-widget .monaco-list-row", has_text=title).first

    def diff(self, text: str = "") -> bool:
        """Whether a diff that adds a text is on the screen."""
        changed = self.page.locator(".monaco-diff-editor .editor.modified .view-lines")
        # Lines that are gone may be drawn in it too.
        return any(text in one.replace("\xa0", " ") for one in changed.all_inner_texts())

    def wait_preview_keys(self) -> None:
        """Wait for the diff to take keys: its buttons come with them."""
        self.page.locator(".editor-actions [aria-label^='Apply This Edit']").first.wait_for()

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
        except Waited as error:
            self.picture("failed")
            raise Waited(f"{error}; it says {self.label()!r}") from None

    def _has(self, text: str) -> bool:
        self.page.wait_for_timeout(20)  # lets the driver read the browser's events
        return self.item.count() > 0 and text in self.label()

    def tooltip(self, text: str) -> Any:
        """The item's tooltip, once it is on the screen with a text in it."""
        found = self.page.locator(".monaco-hover", has_text=text).first

        def hovered() -> bool:
            # A tooltip goes when the item is drawn anew, and comes when the pointer comes again.
            self.page.mouse.move(500, 200)
            self.item.hover()
            self.page.wait_for_timeout(1_000)
            return bool(found.is_visible())

        self.wait(hovered, f"the tooltip with {text!r}")
        return found

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
        except Waited:
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

    def choose(self, file: Path) -> None:
        """Choose a file in the picker. Until that has read its first folder, it writes over what
        is typed; so its rows are waited for, and it is confirmed when it has what was typed.
        """
        box = self.page.locator(".quick-input-widget input").first
        row = self.page.locator(".quick-input-list .monaco-list-row", has_text=file.name).first
        box.wait_for(timeout=60_000)

        def look() -> bool:
            if not box.is_visible():
                return True
            if box.input_value() != str(file):
                box.fill(str(file))
            elif row.is_visible():
                self.press("Enter")
                # It closes, or it had something to write over yet.
                self.wait(
                    lambda: not box.is_visible() or box.input_value() != str(file), "the picker"
                )
            return not box.is_visible()

        self.wait(look, "the file to be chosen", 90)

    def saved(self, name: str) -> str:
        """Save, and give the file as it is on the disk."""
        self.press("Control+s")
        self.wait(lambda: self.page.locator(".tab.dirty").count() == 0, "the file to be saved")
        # A file that was clean is written again as well, and is empty while it is.
        return str(self.wait((self.folder / name).read_text, "the text on the disk"))

    def picture(self, name: str) -> None:
        """Keep a picture where INDOORS_PICTURES says."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))
