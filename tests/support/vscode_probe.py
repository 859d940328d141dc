"""An extension for tests that says what is in the editor in front, in order with what is typed.

A key runs a command of the extension, which is told of every change before it: the same way, one
after the other, so that nothing has to be waited for. It adds text and selections to a file.
Another key has it make an edit that lies in a file, as one step to undo.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.code_server import packed
from support.lines import whole_lines
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
# A language with Python's pairs and indentation, but without a grammar. VS Code closes a bracket
# only where it already knows the tokens of all lines before it, so that with a grammar the same
# keys do not always do the same, with or without suggestions.
LANGUAGE = "probed"
CONFIGURATION = {
    "comments": {"lineComment": "#"},
    "brackets": [["{", "}"], ["[", "]"], ["(", ")"]],
    "autoClosingPairs": [
        {"open": first, "close": last} for first, last in ("{}", "[]", "()", "''", '""')
    ],
    "surroundingPairs": [["{", "}"], ["[", "]"], ["(", ")"], ["'", "'"], ['"', '"']],
    "onEnterRules": [{"beforeText": "^\\s*def .*:\\s*$", "action": {"indent": "indent"}}],
}
MAIN = """
const vscode = require("vscode"), fs = require("node:fs");
const folder = FOLDER;
const write = () => {
  const editor = vscode.window.activeTextEditor;
  const at = (place) => [place.line, place.character];
  const state = {
    text: editor.document.getText(),
    selections: editor.selections.map((one) => [at(one.anchor), at(one.active)]),
  };
  fs.appendFileSync(`${folder}/states.jsonl`, `${JSON.stringify(state)}\\n`);
};
exports.activate = (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("probe.note", write),
    vscode.commands.registerCommand("probe.edit", async () => {
      const wanted = JSON.parse(fs.readFileSync(`${folder}/edit.json`, "utf8"));
      const editor = vscode.window.activeTextEditor;
      const place = ([line, character]) => new vscode.Position(line, character);
      const at = (offset) => editor.document.positionAt(offset);
      if (wanted.edits.length > 0) {
        await editor.edit((made) => {
          for (const [start, end, text] of wanted.edits) {
            made.replace(new vscode.Range(at(start), at(end)), text);
          }
        });
      }
      editor.selections = wanted.selections.map(
        ([anchor, active]) => new vscode.Selection(place(anchor), place(active)),
      );
      // It has arrived when something that was asked for behind it is done.
      await vscode.commands.executeCommand("setContext", "probe.edited", true);
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
        "contributes": {
            "commands": commands,
            "keybindings": keys,
            "languages": [
                {
                    "id": LANGUAGE,
                    "extensions": [f".{LANGUAGE}"],
                    "configuration": "./pairs.json",
                }
            ],
        },
    }
    main = MAIN.replace("FOLDER", json.dumps(str(folder)))
    return packed(folder / "probe.vsix", manifest, main, pairs=json.dumps(CONFIGURATION))


class Probe:
    """Text and selections of the editor in front of a window."""

    def __init__(self, window: Window, folder: Path) -> None:
        self._window, self._folder = window, folder
        self._n = 0
        self._file.unlink(missing_ok=True)  # of another window

    @property
    def _file(self) -> Path:
        return self._folder / "states.jsonl"

    def note(self) -> None:
        """Have it noted what is there after all keys so far."""
        self._window.press(NOTE)
        self._n += 1

    def states(self) -> list[dict[str, Any]]:
        """All that was noted."""

        def lines() -> list[str]:
            every = whole_lines(self._file)
            return every if len(every) >= self._n else []

        return [json.loads(line) for line in self._window.wait(lines, "the probe's word", 120)]

    def edit(self, edits: list[tuple[int, int, str]], selections: list[Any]) -> None:
        """Make an edit, if any, at UTF-16 offsets, set the selections, and have it noted."""
        wanted = {"edits": edits, "selections": selections}
        (self._folder / "edit.json").write_text(json.dumps(wanted))
        self._window.press(EDIT)
        self._n += 1
        self.states()  # an edit comes from the side, and is not in order with keys
