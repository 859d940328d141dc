"""A scripted language server for tests of editor plugins: our protocol, no model, no library.

    editor_server.py FOLDER -I -m indoors_server serve

It answers by fixed rules, writes every message that it gets into FOLDER/got.jsonl, and sends what a
test puts into FOLDER/say/PID.*.json. FOLDER/first.json, if there is one, is the first status; with
FOLDER/refuses it ends as under a strict policy, with that text on stderr. FOLDER/rules.json has
suggestions to be made instead (`suggestion`), FOLDER/protocol the protocol that it speaks. While
there is FOLDER/hold, edits are not answered, and then in order.
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

# How long it takes to answer for a file called late.py.
LATE_S = 1.2
FULL = "def add(a, b):\n    return a + b"
READY = {
    "phase": "ready",
    "reason": "",
    "model": "Scripted Coder 0.5B",
    "device": "CPU",
    "lock": "enforced",
    "launcher": "none",
    "next_step": "",
    "mode": "local",
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
        "commands": ["indoors.accepted", "indoors.status", "indoors.refactor", "indoors.explain"]
    },
    "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
}
EXPLAINED = {
    "refusal": "",
    "completion": {
        "id": "c1",
        "shown": True,
        "source": "model",
        "totalMs": 83.6,
        "stages": [
            {"name": "kind", "decision": "scope", "reason": "a definition begins here"},
            {"name": "context", "decision": "2 snippets", "reason": "1024 tokens may be used"},
        ],
        "filters": [{"name": "scope", "action": "changed", "reason": "the function ends"}],
    },
}


def units(text: str) -> int:
    """The length in UTF-16 units, as editors count."""
    return len(text.encode("utf-16-le")) // 2


def head(text: str, n_units: int) -> str:
    """So many UTF-16 units of a text."""
    return text.encode("utf-16-le")[: 2 * n_units].decode("utf-16-le")


def offset(text: str, position: dict[str, int]) -> int:
    """Where a position is; lines end as editors have it."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    before = "".join(lines[: position["line"]])
    behind = lines[position["line"]] if position["line"] < len(lines) else ""
    return len(before) + len(head(behind, position["character"]))


def with_changes(text: str, changes: list[dict[str, Any]]) -> str:
    """A document's text after the changes of one `didChange`."""
    for change in changes:
        if "range" not in change:
            text = change["text"]
            continue
        start, end = (offset(text, change["range"][name]) for name in ("start", "end"))
        text = text[:start] + change["text"] + text[end:]
    return text


def suggestion(rule: dict[str, Any], before: str, behind: str) -> tuple[str, str, str] | None:
    """What a rule suggests between the two parts of a line: the text, and what of either part it
    replaces; None: nothing. A rule has `text`; `least`, how many characters of it must be typed;
    and `take`, what of the rest of the line is replaced (`true`: all of it, put behind the text).
    """
    text, least, take = rule["text"], rule.get("least", 1), rule.get("take", "")
    if take is True:
        text, take = text + behind, behind
    if not behind.startswith(take):
        return None
    first = text.partition("\n")[0]
    for length in range(len(first), least - 1, -1):
        if before.endswith(first[:length]):
            return text, first[:length], take
    return None


class ScriptedServer:
    """One editor's server on stdin and stdout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.begun: set[str] = set()
        self.lock = threading.Lock()
        self.held: list[dict[str, Any]] = []
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
            log.write(json.dumps(message | {"at": time.time()}) + "\n")

    def speak(self) -> None:
        """Send what a test wants to be sent."""
        while True:
            for file in sorted((self.folder / "say").glob(f"{os.getpid()}.*.json")):
                message = json.loads(file.read_text())
                file.unlink()
                self.send(message)
            while self.held and not (self.folder / "hold").exists():
                self.send(self.held.pop(0))
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
            self.texts[uri] = with_changes(self.texts[uri], params["contentChanges"])

    def status(self, status: dict[str, Any]) -> None:
        self.send({"method": "indoors/status", "params": READY | status})

    def answer(self, number: Any, method: str, params: dict[str, Any]) -> None:
        result: Any = None
        if method == "initialize":
            result = {"capabilities": self.capabilities(params), "serverInfo": {"name": "indoors"}}
        elif method == "textDocument/inlineCompletion":
            if params["textDocument"]["uri"].endswith("/never.py"):
                return
            result = {"items": self.items(params)}
            if params["textDocument"]["uri"].endswith("/late.py"):
                # What was right when it was asked for comes when it is not any more, asked to stop
                # or not.
                late = {"id": number, "result": result}
                threading.Timer(LATE_S, self.send, [late]).start()
                return
            self.note({"answered": number})
        elif method == "textDocument/codeAction":
            result = self.actions(params)
        elif method == "codeAction/resolve":
            result = params | {"edit": self.edit(params["data"])}
            if (self.folder / "hold").exists():  # as long as it takes to make
                self.held.append({"id": number, "result": result})
                return
        elif method == "workspace/executeCommand":
            result = EXPLAINED if params["command"] == "indoors.explain" else True
        self.send({"id": number, "result": result})

    def capabilities(self, params: dict[str, Any]) -> dict[str, Any]:
        speaks = self.folder / "protocol"
        if not speaks.exists():
            return CAPABILITIES
        # What is said about it are the words of the real server.
        from indoors_server import handshake

        handshake.PROTOCOL = handshake.OLDEST_PROTOCOL = int(speaks.read_text())
        text = handshake.check(params["initializationOptions"]["client"])
        message = {"method": "window/showMessage", "params": {"type": 2, "message": text}}
        threading.Timer(0.5, self.send, [message]).start()
        return CAPABILITIES | {"experimental": {"indoors": {"protocol": handshake.PROTOCOL}}}

    # --- completion -----------------------------------------------------------------------------

    def scripted_items(
        self, rules: list[dict[str, Any]], params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """What the rules of a test suggest; the first one that fits, one after the other if some
        are marked `turn`.
        """
        position, uri = params["position"], params["textDocument"]["uri"]
        lines = re.split(r"\r\n|\r|\n", self.texts[uri])
        line = lines[position["line"]]
        before = head(line, position["character"])
        self.n += 1
        if all(rule.get("turn") for rule in rules):
            rules = [rules[self.n % len(rules)]]
        found = [suggestion(rule, before, line[len(before) :]) for rule in rules]
        selected = params["context"].get("selectedCompletionInfo")
        for text, typed, taken in (one for one in found if one is not None):
            if selected and not text.startswith(selected["text"]):
                continue
            start = position["character"] - units(typed)
            return [self.item(text, position["line"], start, position["character"] + units(taken))]
        return []

    def item(self, text: str, line: int, start: int, end: int, name: str = "") -> dict[str, Any]:
        return {
            "insertText": text,
            "range": {
                "start": {"line": line, "character": start},
                "end": {"line": line, "character": end},
            },
            "command": {
                "title": "Accepted",
                "command": "indoors.accepted",
                "arguments": [name or f"c{self.n}"],
            },
        }

    def items(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        uri, position = params["textDocument"]["uri"], params["position"]
        if (rules := self.folder / "rules.json").exists():
            return self.scripted_items(json.loads(rules.read_text()), params)
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
            self.item(text, here, start, position["character"], f"c{self.n}.{place}" * bool(place))
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
        if (self.folder / "older").exists():  # as if somebody had typed meanwhile
            about["version"] -= 1
        note = {
            "label": "Document 'add'",
            "needsConfirmation": True,
            # VS Code shows one of two notifications that say the same.
            "description": f"{9 if wish['uri'].endswith('/other.py') else 7} checks passed",
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
