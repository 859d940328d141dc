"""A language server that does as it is told: our protocol, no model, answers from a script.

    python -I scripted_server.py [--encoding utf-8|utf-16|utf-32] [--protocol N] [--items LINE …]
                                 [--hang-once FILE]

A test tells it what to do with the notification `fake/script` (any of the keys of `Script`), sent
through the editor like any other message, and asks with the request `fake/log` what it was sent.
`fake/ask` has it send a request (`id`, `method`, `params`), whose answer then stands in the log.
`fake/hang` has it read nothing any more; `--hang-once`: the first server does so from the start.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
CODEC = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


class Script:
    """What is answered.

    `items` are whole lines: one is suggested while the line before the cursor is its beginning.
    With `always` they are suggested at every cursor. `take_line`: the range begins with the line,
    else at the cursor. `take_behind`: it takes in what stands behind the cursor. `hold`: no answer
    before `release`. `n_automatic`: how many items an automatic request gets. `explained`: what
    `indoors.explain` answers.
    """

    def __init__(self) -> None:
        self.items: list[str] = []
        self.always = False
        self.take_line = False
        self.take_behind = False
        self.hold = False
        self.n_automatic = 1
        self.explained: dict[str, Any] = {"refusal": "", "completion": None}


def hang() -> None:
    """Read nothing any more, for as long as the editor is there."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(0)


class Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self.encoding, self.protocol = options.encoding, options.protocol
        self.script = Script()
        self.log: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.documents: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.held: list[tuple[Any, Any]] = []
        self.n_answers = 0
        self.has_popup = False
        self.write_lock = threading.Lock()

    # --- frames -------------------------------------------------------------------------------

    def read(self) -> dict[str, Any] | None:
        length = 0
        while True:
            line = sys.stdin.buffer.readline()
            if not line:
                return None
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if not line.strip():
                break
        message: dict[str, Any] = json.loads(sys.stdin.buffer.read(length))
        return message

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        with self.write_lock:
            sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            sys.stdout.buffer.flush()

    def notify(self, method: str, params: Any) -> None:
        self.send({"method": method, "params": params})

    # --- text ---------------------------------------------------------------------------------

    def index(self, line: str, units: int) -> int:
        size = UNIT_BYTES[self.encoding]
        return len(line.encode(CODEC[self.encoding])[: units * size].decode(CODEC[self.encoding]))

    def units(self, text: str) -> int:
        return len(text.encode(CODEC[self.encoding])) // UNIT_BYTES[self.encoding]

    def offset(self, text: str, position: dict[str, int]) -> int:
        lines = text.split("\n")
        line = position["line"]
        if line >= len(lines):
            return len(text)
        before = sum(len(one) + 1 for one in lines[:line])
        return before + self.index(lines[line], position["character"])

    def change(self, params: dict[str, Any]) -> None:
        document = params["textDocument"]
        text = self.documents[document["uri"]]
        for one in params["contentChanges"]:
            if "range" not in one:
                text = one["text"]
                continue
            start, end = (self.offset(text, one["range"][name]) for name in ("start", "end"))
            text = text[:start] + one["text"] + text[end:]
        self.documents[document["uri"]] = text
        self.versions[document["uri"]] = document["version"]

    def answer(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """The items for a place, as the document is now."""
        script, position = self.script, params["position"]
        explicit = params["context"]["triggerKind"] == 1
        text = self.documents[params["textDocument"]["uri"]]
        line = text.split("\n")[position["line"]].rstrip("\r")
        at = self.index(line, position["character"])
        before = line[:at]
        found = []
        for item in script.items:
            if script.always:
                found.append(before + item if script.take_line else item)
            elif item.startswith(before) and item != before and before.strip():
                found.append(item if script.take_line else item[len(before) :])
        end = self.units(line) if script.take_behind else position["character"]
        start = 0 if script.take_line else position["character"]
        self.n_answers += 1
        limit = 3 if explicit else script.n_automatic
        return [
            {
                "insertText": one,
                "range": {
                    "start": {"line": position["line"], "character": start},
                    "end": {"line": position["line"], "character": end},
                },
                "command": {
                    "title": "Accepted",
                    "command": "indoors.accepted",
                    "arguments": [f"{self.n_answers}.{number}"],
                },
            }
            for number, one in enumerate(found[:limit])
        ]

    # --- messages -----------------------------------------------------------------------------

    def popup(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """The same as entries of an ordinary list, which take in the word before the cursor."""
        position = params["position"]
        line = self.documents[params["textDocument"]["uri"]].split("\n")[position["line"]]
        before = line[: self.index(line, position["character"])]
        word = re.search(r"\w*$", before)
        assert word is not None
        entries = []
        for item in self.answer({**params, "context": {"triggerKind": 2}}):
            text = word[0] + item["insertText"]
            start = {"line": position["line"], "character": self.units(before[: word.start()])}
            entries.append(
                {
                    "label": text.partition("\n")[0],
                    "detail": "Indoors",
                    "kind": 15,
                    "filterText": text.partition("\n")[0],
                    "documentation": text,
                    "insertTextFormat": 1,
                    "textEdit": {"range": {"start": start, "end": position}, "newText": text},
                    "command": item["command"],
                }
            )
        return entries

    def handle(self, message: dict[str, Any]) -> None:
        method, params, identity = message.get("method"), message.get("params"), message.get("id")
        if method is None:
            self.answers.append(message)
            return
        if not str(method).startswith("fake/"):
            self.log.append({"method": method, "params": params, "id": identity})
        if method == "initialize":
            settings = (params.get("initializationOptions") or {}).get("settings") or {}
            self.has_popup = settings.get("completion", {}).get("popup", False)
            self.result(identity, self.capabilities())
        elif method == "initialized":
            self.status()
        elif method == "textDocument/didOpen":
            document = params["textDocument"]
            self.documents[document["uri"]] = document["text"]
            self.versions[document["uri"]] = document["version"]
        elif method == "textDocument/didChange":
            self.change(params)
        elif method == "textDocument/inlineCompletion":
            items = self.answer(params)
            if self.script.hold:
                self.held.append((identity, {"items": items}))
            else:
                self.result(identity, {"items": items})
        elif method == "textDocument/completion":
            self.result(identity, {"isIncomplete": True, "items": self.popup(params)})
        elif method == "$/cancelRequest":
            held = [one for one in self.held if one[0] == params["id"]]
            self.held = [one for one in self.held if one not in held]
            for one, _ in held:
                self.send({"id": one, "error": {"code": -32800, "message": "cancelled"}})
        elif method == "workspace/executeCommand":
            self.result(identity, self.executed(params))
        elif method == "textDocument/codeAction":
            self.result(identity, self.actions(params))
        elif method == "codeAction/resolve":
            self.result(identity, self.resolved(params))
        elif method == "fake/script":
            for name, value in params.items():
                setattr(self.script, name, value)
        elif method == "fake/release":
            held, self.held, self.script.hold = self.held, [], False
            for one, result in held:
                self.result(one, result)
        elif method == "fake/send":
            self.notify(params["method"], params["params"])
        elif method == "fake/ask":
            self.send(params)
        elif method == "fake/log":
            heard = {"log": self.log, "answers": self.answers, "documents": self.documents}
            self.result(identity, heard)
        elif method == "fake/hang":
            hang()
        elif method == "fake/crash":
            os._exit(params.get("code", 9))
        elif method == "shutdown":
            self.result(identity, None)
        elif method == "exit":
            sys.exit(0)
        elif identity is not None:
            self.send({"id": identity, "error": {"code": -32601, "message": "unknown method"}})

    def executed(self, params: dict[str, Any]) -> Any:
        """What a command answers."""
        answers = {"indoors.status": self.status_body(), "indoors.explain": self.script.explained}
        return answers.get(params["command"], True)

    def result(self, identity: Any, result: Any) -> None:
        self.send({"id": identity, "result": result})

    def capabilities(self) -> dict[str, Any]:
        return {
            "serverInfo": {"name": "indoors", "version": "9.9.9"},
            "capabilities": {
                "positionEncoding": self.encoding,
                "textDocumentSync": {"openClose": True, "change": 2, "save": True},
                "inlineCompletionProvider": {},
                **({"completionProvider": {"resolveProvider": False}} if self.has_popup else {}),
                "codeActionProvider": {"resolveProvider": True},
                "executeCommandProvider": {
                    "commands": [
                        "indoors.accepted",
                        "indoors.status",
                        "indoors.refactor",
                        "indoors.explain",
                    ]
                },
                "experimental": {
                    "indoors": {
                        "protocol": self.protocol,
                        "lock": {"state": "enforced", "mechanism": "seccomp", "reason": ""},
                    }
                },
            },
        }

    def status_body(self) -> dict[str, Any]:
        return {
            "phase": "ready",
            "reason": "",
            "next_step": "",
            "mode": "local",
            "model": "Scripted Coder 7B Instruct",
            "device": "CPU",
            "tokens_per_s": 40.0,
            "lock": "enforced",
            "launcher": "none",
            "progress": None,
            "index": [],
        }

    def status(self) -> None:
        self.notify("indoors/status", self.status_body())

    def actions(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        document = params["textDocument"]["uri"]
        made = []
        for action in ("document", "edit"):
            wish = {
                "uri": document,
                "range": params["range"],
                "action": action,
                "version": self.versions[document],
            }
            name = "indoors.askInstruction" if action == "edit" else "indoors.preview"
            made.append(
                {
                    "title": f"Indoors: {action}",
                    "kind": "refactor.rewrite",
                    "command": {"title": action, "command": name, "arguments": [wish]},
                }
            )
        return made

    def resolved(self, action: dict[str, Any]) -> dict[str, Any]:
        wish = action["data"]
        start = {"line": 0, "character": 0}
        said = wish.get("instruction", wish["action"])
        edit = {
            "range": {"start": start, "end": start},
            "newText": f"# {said}\n",
            "annotationId": "indoors.edit",
        }
        document = {"uri": wish["uri"], "version": wish["version"]}
        return {
            **action,
            "edit": {
                "documentChanges": [{"textDocument": document, "edits": [edit]}],
                "changeAnnotations": {
                    "indoors.edit": {
                        "label": "Document",
                        "needsConfirmation": True,
                        "description": "All checks passed.",
                    }
                },
            },
        }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoding", default="utf-16")
    parser.add_argument("--protocol", type=int, default=1)
    parser.add_argument("--items", nargs="*", default=[])
    parser.add_argument("--hang-once", type=Path)
    options = parser.parse_args()
    if options.hang_once and not options.hang_once.exists():
        options.hang_once.write_text("hangs")
        hang()
    server = Server(options)
    server.script.items = options.items
    while (message := server.read()) is not None:
        server.handle(message)
    return 0


if __name__ == "__main__":
    sys.exit(main())
