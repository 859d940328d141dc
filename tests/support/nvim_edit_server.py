"""The scripted server, but an edit is being made until the script says that it is done.

    python -I nvim_edit_server.py

`fake/done` answers all of them, or, once the script has a `failure`, with that. One that is
cancelled is answered as such, or, once the script has `late`, with the edit: it was on its way
already.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

# With `-I` nothing of the tests is found by its name.
_FILE = Path(__file__).resolve().parents[1] / "fakes" / "scripted_server.py"
_spec = importlib.util.spec_from_file_location("scripted_server", _FILE)
assert _spec is not None
assert _spec.loader is not None
scripted_server: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scripted_server)


class EditServer(scripted_server.Server):
    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self.script.late = False
        self.script.failure = ""
        self.making: dict[Any, Any] = {}

    def handle(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params")
        if method == "textDocument/codeAction" and self.script.failure:
            self.fail(message["id"])
            return
        if method == "codeAction/resolve":
            self.log.append(message)
            self.making[message["id"]] = params
            return
        super().handle(message)
        if method == "fake/done":
            for identity in list(self.making):
                wish = self.making.pop(identity)
                if self.script.failure:
                    self.fail(identity)
                else:
                    self.result(identity, self.resolved(wish))
        elif method == "$/cancelRequest" and params["id"] in self.making:
            wish = self.making.pop(params["id"])
            if self.script.late:
                self.result(params["id"], self.resolved(wish))
            else:
                error = {"code": -32800, "message": "cancelled"}
                self.send({"id": params["id"], "error": error})

    def fail(self, identity: Any) -> None:
        self.send({"id": identity, "error": {"code": -32603, "message": self.script.failure}})


def main() -> int:
    server = EditServer(argparse.Namespace(encoding="utf-16", protocol=1))
    while (message := server.read()) is not None:
        server.handle(message)
    return 0


if __name__ == "__main__":
    sys.exit(main())
