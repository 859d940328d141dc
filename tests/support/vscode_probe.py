"""An extension for tests that says what is in the editor in front, in order with what is typed.

A key runs a command of the extension, which is told of every change before it: the same way, one
after the other. It writes text and selections to a file. Another key has it make an edit that lies
in a file, as one step to undo.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.code_server import packed
from support.vscode_window import Window

NOTE, EDIT = "Control+F9", "Control+F10"
COMMIT, WORD, HIDE, NEXT = "Control+F6", "Control+F7", "Control+F8", "Control+F4"
KEYS = {
    NOTE: "probe.note",
    EDIT: "probe.edit",
    COMMIT: "editor.action.inlineSuggest.commit",
    WORD: "editor.action.inlineSuggest.acceptNextWord",
    HIDE: "editor.action.inlineSuggest.hide",
    NEXT: "editor.action.inlineSuggest.showNext",
}
# Keys that mean something else while there is ghost text mean here what they mean without.
PLAIN = [
    {"key": key, "command": f"-editor.action.inlineSuggest.{name}"}
    for key, name in (
        ("tab", "commit"),
        ("escape", "hide"),
        ("ctrl+right", "acceptNextWord"),
    )
]
MAIN = """
const vscode = require("vscode"), fs = require("node:fs");
const folder = FOLDER;
let n = 0;
const write = () => {
  const editor = vscode.window.activeTextEditor;
  const at = (place) => [place.line, place.character];
  n += 1;
  const state = {
    n,
    text: editor.document.getText(),
    selections: editor.selections.map((one) => [at(one.anchor), at(one.active)]),
  };
  fs.writeFileSync(`${folder}/state.new`, JSON.stringify(state));
  fs.renameSync(`${folder}/state.new`, `${folder}/state.json`);
};
exports.activate = (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("probe.note", write),
    vscode.commands.registerCommand("probe.edit", async () => {
      const wanted = JSON.parse(fs.readFileSync(`${folder}/edit.json`, "utf8"));
      const editor = vscode.window.activeTextEditor;
      const place = ([line, character]) => new vscode.Position(line, character);
      const at = (offset) => editor.document.positionAt(offset);
      await editor.edit((made) => {
        for (const [start, end, text] of wanted.edits) {
          made.replace(new vscode.Range(at(start), at(end)), text);
        }
      });
      editor.selections = wanted.selections.map(
        ([anchor, active]) => new vscode.Selection(place(anchor), place(active)),
      );
      write();
    }),
  );
};
"""


def extension(folder: Path) -> Path:
    """The extension, which writes into `folder`."""
    keys = [{"key": key.lower().replace("control", "ctrl"), "command": command}
            for key, command in KEYS.items()]  # fmt: skip
    commands = [{"command": name, "title": name} for name in ("probe.note", "probe.edit")]
    manifest = {
        "name": "probe",
        "publisher": "probe",
        "main": "./main.js",
        "activationEvents": ["onStartupFinished"],
        "contributes": {"commands": commands, "keybindings": keys},
    }
    main = MAIN.replace("FOLDER", json.dumps(str(folder)))
    return packed(folder / "probe.vsix", manifest, main)


class Probe:
    """Text and selections of the editor in front of a window."""

    def __init__(self, window: Window, folder: Path) -> None:
        self._window, self._folder = window, folder
        self._n = 0

    def state(self) -> dict[str, Any]:
        """What is there, after all keys so far."""
        return self._after(NOTE)

    def edit(self, edits: list[tuple[int, int, str]], selections: list[Any]) -> dict[str, Any]:
        """Make an edit, at UTF-16 offsets, and set the selections."""
        wanted = {"edits": edits, "selections": selections}
        (self._folder / "edit.json").write_text(json.dumps(wanted))
        return self._after(EDIT)

    def _after(self, key: str) -> dict[str, Any]:
        self._window.press(key)
        file = self._folder / "state.json"

        def look() -> dict[str, Any] | None:
            found = dict(json.loads(file.read_text())) if file.exists() else {}
            return found if found.get("n", 0) > self._n else None

        found = self._window.wait(look, "the probe's word")
        self._n = found.pop("n")
        return dict(found)
