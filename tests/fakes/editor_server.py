"""A scripted language server for tests of editor plugins: our protocol, no model, no library.

    editor_server.py FOLDER -I -m indoors_server serve

It answers by fixed rules, writes every message that it gets into FOLDER/got.jsonl, and sends what a
test puts into FOLDER/say/*.json. FOLDER/first.json, if there is one, is the first status; with
FOLDER/refuses it ends as under a strict policy, with that text on stderr.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

FULL = "def add(a, b):\n    return a + b"
READY = {
    "phase": "ready",
    "reason": "",
    "model": "Scripted Coder 0.5B",
    "device": "CPU",
    "lock": "enforced",
    "launcher": "none",
    "progress": None,
    "tokens_per_s": 38.4,
    "index": [],
}
CAPABILITIES = {
    "positionEncoding": "utf-16",
    "textDocumentSync": {"openClose": True, "change": 2, "save": True},
    "inlineCompletionProvider": {},
    "codeActionProvider": {
        "codeActionKinds": ["quickfix", "refactor.rewrite"],
        "resolveProvider": True,
    },
    "executeCommandProvider": {
        "commands": ["indoors.accepted", "indoors.status", "indoors.refactor"]
    },
    "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
}


class ScriptedServer:
    """One editor's server on stdin and stdout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.begun: set[str] = set()
        self.lock = threading.Lock()
        self.n = 0

    # --- bytes ----------------------------------------------------------------------------------

    def read(self) -> dict[str, Any] | None:
        length = 0
        while True:
            line = sys.stdin.buffer.readline()
            if not line:
                return None
            if line == b"\r\n":
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return dict(json.loads(sys.stdin.buffer.read(length)))

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self.lock:
            sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            sys.stdout.buffer.flush()

    def note(self, message: dict[str, Any]) -> None:
        with (self.folder / "got.jsonl").open("a") as log:
            log.write(json.dumps(message) + "\n")

    def speak(self) -> None:
        """Send what a test wants to be sent."""
        while True:
            for file in sorted((self.folder / "say").glob("*.json")):
                message = json.loads(file.read_text())
                file.unlink()
                self.send(message)
            time.sleep(0.05)

    def serve(self) -> None:
        (self.folder / "say").mkdir(parents=True, exist_ok=True)
        with (self.folder / "pids").open("a") as pids:
            pids.write(f"{os.getpid()}\n")
        threading.Thread(target=self.speak, daemon=True).start()
        while (message := self.read()) is not None:
            self.note(message)
            method = message.get("method")
            if method == "exit":
                break
            if method is None:
                continue  # an answer of the editor's
            if "id" in message:
                self.answer(message["id"], method, message.get("params") or {})
            else:
                self.told(method, message.get("params") or {})

    # --- messages -------------------------------------------------------------------------------

    def told(self, method: str, params: dict[str, Any]) -> None:
        document = params.get("textDocument") or {}
        uri = document.get("uri", "")
        if method == "initialized":
            first = self.folder / "first.json"
            self.status(json.loads(first.read_text()) if first.exists() else READY)
        elif method == "textDocument/didOpen":
            self.texts[uri], self.versions[uri] = document["text"], document["version"]
        elif method == "textDocument/didChange":
            self.versions[uri] = document["version"]
            for change in params["contentChanges"]:
                self.change(uri, change)

    def change(self, uri: str, change: dict[str, Any]) -> None:
        text = self.texts[uri]
        if "range" not in change:
            self.texts[uri] = change["text"]
            return
        start = self.offset(text, change["range"]["start"])
        end = self.offset(text, change["range"]["end"])
        self.texts[uri] = text[:start] + change["text"] + text[end:]

    def offset(self, text: str, position: dict[str, int]) -> int:
        lines = re.split(r"(?<=\n)", text)
        return sum(map(len, lines[: position["line"]])) + position["character"]

    def status(self, status: dict[str, Any]) -> None:
        self.send({"method": "indoors/status", "params": READY | status})

    def answer(self, number: Any, method: str, params: dict[str, Any]) -> None:
        result: Any = None
        if method == "initialize":
            result = {"capabilities": CAPABILITIES, "serverInfo": {"name": "indoors"}}
        elif method == "textDocument/inlineCompletion":
            if params["textDocument"]["uri"].endswith("/never.py"):
                return
            result = {"items": self.items(params)}
        elif method == "textDocument/codeAction":
            result = self.actions(params)
        elif method == "codeAction/resolve":
            result = params | {"edit": self.edit(params["data"])}
        elif method == "workspace/executeCommand":
            result = True
        self.send({"id": number, "result": result})

    # --- completion -----------------------------------------------------------------------------

    def items(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        uri, position = params["textDocument"]["uri"], params["position"]
        line = self.texts[uri].split("\n")[position["line"]][: position["character"]]
        start = len(line) - len(line.lstrip())
        typed = line.lstrip()
        if not typed or not FULL.startswith(typed):
            return []
        whole = FULL
        key = f"{uri} {self.versions[uri]}"
        if uri.endswith("slow.py") and key not in self.begun:
            # The first line now, and the rest when it is asked for again.
            whole = FULL.partition("\n")[0]
            self.begun.add(key)
            about = {"uri": uri, "version": self.versions[uri]}
            ready = {"method": "indoors/completionReady", "params": {"textDocument": about}}
            threading.Timer(0.5, self.send, [ready]).start()
        self.n += 1
        here = position["line"]
        texts = [whole]
        if params["context"]["triggerKind"] == 1:
            texts.append("def add(first, second):\n    return first + second")
        return [
            {
                "insertText": text,
                "range": {
                    "start": {"line": here, "character": start},
                    "end": {"line": here, "character": position["character"]},
                },
                "command": {
                    "title": "Accepted",
                    "command": "indoors.accepted",
                    "arguments": [f"c{self.n}.{place}" if place else f"c{self.n}"],
                },
            }
            for place, text in enumerate(texts)
            if text.startswith(typed)
        ]

    # --- edits ----------------------------------------------------------------------------------

    def actions(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        uri = params["textDocument"]["uri"]
        wish = {"uri": uri, "range": params["range"], "version": self.versions.get(uri)}
        return [
            {
                "title": title,
                "kind": "refactor.rewrite",
                "command": {
                    "title": title,
                    "command": command,
                    "arguments": [wish | {"action": action}],
                },
            }
            for title, command, action in (
                ("Document 'add'", "indoors.preview", "document"),
                ("Edit with an instruction…", "indoors.askInstruction", "edit"),
            )
        ]

    def edit(self, wish: dict[str, Any]) -> dict[str, Any]:
        words = wish.get("instruction") or "Add two numbers."
        here = {"line": 1, "character": 0}
        one = {
            "range": {"start": here, "end": here},
            "newText": f'    """{words}"""\n',
            "annotationId": "indoors.edit",
        }
        about = {"uri": wish["uri"], "version": wish.get("version")}
        note = {
            "label": "Document 'add'",
            "needsConfirmation": True,
            "description": "7 checks passed",
        }
        return {
            "documentChanges": [{"textDocument": about, "edits": [one]}],
            "changeAnnotations": {"indoors.edit": note},
        }


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    words = arguments[4:]  # behind -I -m indoors_server
    if words != ["serve"]:
        with (folder / "ran.jsonl").open("a") as log:
            log.write(json.dumps(arguments[1:]) + "\n")
        if words == ["models", "list", "--json"]:
            for name, installed in (("small-coder", True), ("large-coder", False)):
                model = {"name": name, "bytes": 491_400_064, "licence": "Apache-2.0"}
                more = {"licence_reason": "", "completes": True, "installed": installed}
                print(json.dumps(model | more))
        else:
            print(f"scripted: indoors {' '.join(words)}", flush=True)
        return 0
    if (refusal := folder / "refuses").exists():
        sys.stderr.write(refusal.read_text())
        return 78
    ScriptedServer(folder).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
