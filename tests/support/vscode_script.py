"""The scripted server as an editor's tests see it: what it was told, and what it is to say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fakes.editor_server import with_changes
from support.code_server import ROOT
from support.lines import whole_lines


def scripted_python(folder: Path) -> Path:
    """A program that is started like an interpreter, and is the scripted server."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "say").mkdir(exist_ok=True)
    fake = ROOT / "tests" / "fakes" / "editor_server.py"
    program = folder / "python"
    # What keeps a terminal open is no command of ours, and is run by a real interpreter.
    program.write_text(
        f'#!/bin/sh\ncase "$2" in */hold.py) exec "{sys.executable}" "$@";; esac\n'
        f'exec "{sys.executable}" "{fake}" "{folder}" "$@"\n'
    )
    program.chmod(0o755)
    return program


class Script:
    """What the scripted server was told, and what it is to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._n = 0

    def forget(self) -> None:
        """Nothing was told so far, and the suggestions are the fixed ones."""
        for name in ("got.jsonl", "ran.jsonl", "rules.json", "protocol", "hold"):
            (self.folder / name).unlink(missing_ok=True)

    def rules(self, *rules: dict[str, Any]) -> None:
        """Suggest by these rules (`suggestion` in editor_server.py)."""
        new = self.folder / "rules.new"
        new.write_text(json.dumps(rules))
        new.rename(self.folder / "rules.json")

    def text(self, name: str) -> str:
        """The text of a document, as it follows from all that was told of it."""
        text = ""
        for one in self.all():
            params = one.get("params") or {}
            document = params.get("textDocument") or {}
            if document.get("uri", "").endswith(f"/{name}"):
                if one.get("method") == "textDocument/didOpen":
                    text = document["text"]
                elif one.get("method") == "textDocument/didChange":
                    text = with_changes(text, params["contentChanges"])
        return text

    def got(self, method: str) -> list[dict[str, Any]]:
        """Parameters of all messages of a method so far."""
        return [one.get("params") or {} for one in self.all() if one.get("method") == method]

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in whole_lines(self.folder / "got.jsonl")]

    def commands(self, name: str) -> list[Any]:
        """Arguments of all executions of a command so far."""
        found = self.got("workspace/executeCommand")
        return [one.get("arguments") for one in found if one["command"] == name]

    def opened(self, name: str) -> list[dict[str, Any]]:
        """Each opening of a document, as it was told."""
        found = [one["textDocument"] for one in self.got("textDocument/didOpen")]
        return [one for one in found if one["uri"].endswith(f"/{name}")]

    def changes(self, name: str) -> list[dict[str, Any]]:
        """The changes of a document, as they were told."""
        found = self.got("textDocument/didChange")
        return [one for one in found if one["textDocument"]["uri"].endswith(f"/{name}")]

    def shown(self) -> list[str]:
        """The suggestions that are said to have been on the screen, by their numbers."""
        found = self.got("textDocument/didShowCompletion")
        return [one["item"]["command"]["arguments"][0] for one in found]

    def ran(self) -> list[list[str]]:
        """Commands of ours that were run beside the server."""
        return [json.loads(line) for line in whole_lines(self.folder / "ran.jsonl")]

    def pids(self) -> list[int]:
        """The processes that served, in order."""
        file = self.folder / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def say(self, method: str, **params: Any) -> None:
        """Have the server send a notification; each one, where there are several windows."""
        self._send({"method": method, "params": params})

    def ask(self, number: str, method: str, **params: Any) -> None:
        """Have the server send a request."""
        self._send({"id": number, "method": method, "params": params})

    def answers(self, number: str) -> list[dict[str, Any]]:
        """What was answered to a request of the server's."""
        return [one for one in self.all() if "method" not in one and one.get("id") == number]

    def _send(self, message: dict[str, Any]) -> None:
        self._n += 1
        for pid in self.pids():
            new = self.folder / f"new{self._n}"
            new.write_text(json.dumps(message))
            new.rename(self.folder / "say" / f"{pid}.{self._n:04}.json")

    def status(self, **status: Any) -> None:
        """Have the server send a status."""
        ready = {"phase": "ready", "reason": "", "model": "Scripted Coder 0.5B", "device": "CPU"}
        more = {"lock": "enforced", "launcher": "none", "progress": None, "tokens_per_s": 38.4}
        more |= {"mode": "local", "next_step": ""}
        self.say("indoors/status", **(ready | more | status))
