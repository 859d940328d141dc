"""A person who opened closed mode for a workspace, and an editor of theirs, without processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_server import audit_check, endpoint_files, paths, policy
from indoors_server.closed import consent
from support.closed_apis import HOST, FakeDoor, streamed
from support.edit_clients import CAPABILITIES, place

TEXT = "import os\n\n\ndef area(width, height):\n    total = width * height\n    return total\n"
GOOD = "def area(width, height):\n    return width * height\n"
IN_AREA = place(4, 4, 4, 4)
PREVIEW = "indoors/previewSend"
TITLE = "Edit with theirs (closed API)…"


class Home:
    """A person who opened closed mode for a workspace."""

    def __init__(self, home: Path, api: str = "anthropic-api") -> None:
        self.workspace = home / "project"
        (self.workspace / "src").mkdir(parents=True)
        self.config = home / ".config/indoors"
        self.config.mkdir(parents=True)
        self.write_policy(mode="closed", closed_hosts=[HOST])
        key = self.config / "their.key"
        key.write_text("k")
        key.chmod(0o600)
        self.theirs = {"url": HOST, "api": api, "model": "big-1", "key": f"file:{key}"}
        self.api = api
        self.write_entry()

    def write_entry(self, **more: int) -> None:
        (self.config / "engines.json").write_text(json.dumps({"theirs": self.theirs | more}))
        self.agree()

    def write_policy(self, **values: Any) -> None:
        (self.config / "policy.json").write_text(json.dumps(values))

    def agree(self) -> None:
        one = endpoint_files.load().endpoints["theirs"]
        consent.allow(str(self.workspace), one, policy.load().hash, 0 + _now())

    @property
    def uri(self) -> str:
        return (self.workspace / "src/shapes.py").as_uri()

    @contextmanager
    def editor(
        self,
        door: FakeDoor,
        core: FakeCore | None = None,
        accept: Any = True,
        text: str = TEXT,
        uri: str = "",
        experimental: Any = True,
        **options: bool,
    ) -> Iterator[LspClient]:
        from support.in_process import serving

        with serving(core or FakeCore(), door=door) as client:
            client.results[PREVIEW] = {"accepted": accept}
            client.results["workspace/applyEdit"] = {"applied": True}
            capabilities = {**CAPABILITIES, "experimental": {"indoorsPreviewSend": experimental}}
            client.initialize(
                folders=(self.workspace,),
                capabilities=capabilities,
                options={"client": {"askInstruction": True} | options},
            )
            client.open(uri or self.uri, text)
            yield client


def _now() -> float:
    import time

    return time.time()


def ask(client: LspClient, uri: str, **more: Any) -> dict[str, Any]:
    wish = {"uri": uri, "range": IN_AREA, "action": "edit", "endpoint": "theirs"}
    wish |= {"instruction": "make it one line"} | more
    params = {"command": "indoors.refactor", "arguments": [wish]}
    return dict(client.request("workspace/executeCommand", params))


def previews(client: LspClient) -> list[dict[str, Any]]:
    return client.notifications(PREVIEW)


def records() -> list[tuple[str, str, str, str]]:
    found = audit_check.read(paths.state_dir())
    return [(one.event, one.decision, one.reason, one.body_sha256) for one in found]


def door_of(api: str, code: str = GOOD) -> FakeDoor:
    return FakeDoor(lambda _ask: streamed(api, f"Here you are:\n\n```python\n{code}```\n\nDone!"))
