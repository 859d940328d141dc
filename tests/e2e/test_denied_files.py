"""Row 15: what is denied, ignored or behind a link reaches neither a prompt nor anything on disk.

The server, its lock-down, the indexer and its makers are the real ones; the engine writes down the
prompts that it gets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.lsp_client import running_server
from support.index_server import Editor, Workspace, until
from support.lines import whole_lines

SERVER = Path(__file__).parents[1] / "support/recording_server.py"
SETTINGS = {
    "completion": {"deadlineMs": 20_000},
    "log": {"level": "debug", "file": True},
    "policy": {"deny_paths": ["vault/"]},
}
# Each route has its own name, which no other text has.
ENV, IGNORED, OUTSIDE, DENIED, NAME, BUFFER, LINKED, EDITED = CANARIES = [
    f"zq{kind}_canary"
    for kind in ("env", "ignored", "outside", "denied", "name", "buffer", "linked", "edited")
]
# The controls: the same kinds of text in files that nobody denies.
PLAIN, TYPED = "zqplain_canary", "zqtyped_canary"


def body(name: str) -> str:
    return f"class Ledger:\n    def {name}(self, month: int) -> float:\n        return 0.0\n"


def use(number: int) -> str:
    return (
        "from ledger import Ledger\nfrom vault.store import Ledger as Other\n"
        f"from harmless import Ledger as Third\n\n\ndef report_{number}(book: Ledger) -> float:\n"
        "    return book."
    )


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path)
    (tmp_path / "outside.py").write_text(body(OUTSIDE))
    work.put("ledger.py", body(PLAIN))
    work.put("typed.py", "")
    work.put(".env", f"KEY={ENV}\n")
    work.put(".env.py", body(ENV))
    work.put(".gitignore", "ignored.py\n")
    work.put("ignored.py", body(IGNORED))
    work.put("vault/store.py", body(DENIED))
    work.put(f"vault/{NAME}.py", body(DENIED))
    (work.root / "outside.py").symlink_to(tmp_path / "outside.py")
    (work.root / "harmless.py").symlink_to("vault/store.py")
    return work


@pytest.fixture
def editor(work: Workspace) -> Iterator[Editor]:
    command = [sys.executable, "-I", str(SERVER)]
    log = work.home / "stderr"
    with running_server(work.environment(), log, command) as (client, process):
        client.initialize(folders=(work.root,), settings=SETTINGS)
        client.wait_ready()
        editor = Editor(client, process.pid)
        editor.phase(work.root, "ready")
        yield editor


def prompts(work: Workspace) -> list[str]:
    file = work.home / ".state/indoors/prompts"
    return [json.loads(line) for line in whole_lines(file)]


def type_into(editor: Editor, work: Workspace, path: str, old: str, new: str) -> None:
    uri = (work.root / path).as_uri()
    editor.client.open(uri, old)
    for version, line in enumerate(new.splitlines(keepends=True)):
        editor.client.insert(uri, version + 2, old.count("\n") + version, 0, line)


def ask_until(editor: Editor, work: Workspace, *names: str) -> None:
    """Complete in one new file after another until the prompts have had all names."""
    for number in range(40):
        text, uri = use(number), (work.root / f"report_{number}.py").as_uri()
        editor.client.open(uri, text + "\n")
        lines = text.split("\n")
        editor.client.complete(uri, len(lines) - 1, len(lines[-1]), trigger=1)
        if all(any(name in prompt for prompt in prompts(work)) for name in names):
            return
    raise AssertionError("the controls were in no prompt")


def stored(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_row_15_no_canary_reaches_a_prompt_or_the_disk(editor: Editor, work: Workspace) -> None:
    client = editor.client
    type_into(editor, work, "typed.py", "", body(TYPED))
    for path, canary in ((".env", ENV), ("vault/store.py", BUFFER), ("harmless.py", LINKED)):
        type_into(editor, work, path, body(canary), body(EDITED))
        # A denied document is not completed either, whatever it is called.
        assert client.complete((work.root / path).as_uri(), 1, 4, trigger=1) == []
    ask_until(editor, work, PLAIN, TYPED)
    work.finds(PLAIN, "ledger.py")
    work.finds(TYPED, "typed.py")
    client.shutdown()
    until(lambda: client.ended)

    seen = "\n".join(prompts(work))
    assert [name for name in CANARIES if name in seen] == []
    home = stored(work.home)
    index = b"".join(data for name, data in home.items() if "/index/" in name)
    assert PLAIN.encode() in index, "the control: an index says what it knows"
    kept = {name: data for name, data in home.items() if not name.endswith("/prompts")}
    assert any(name.endswith(".log") for name in kept), "the control: there is a log"
    assert "stderr" in kept
    for name, data in kept.items():
        assert [one for one in CANARIES if one.encode() in data] == [], name


def edit(editor: Editor, uri: str, line: int) -> str:
    """Ask for an edit of what is around a line; why none came, because this engine cannot edit."""
    here = {"line": line, "character": 4}
    wish = {
        "uri": uri,
        "range": {"start": here, "end": here},
        "action": "edit",
        "instruction": "use the ledger",
    }
    params = {"command": "indoors.refactor", "arguments": [wish]}
    return str(editor.client.request("workspace/executeCommand", params)["reason"])


def test_row_15_no_canary_reaches_the_prompt_of_an_edit(editor: Editor, work: Workspace) -> None:
    client = editor.client
    type_into(editor, work, "typed.py", "", body(TYPED))
    for path, canary in ((".env", ENV), ("vault/store.py", BUFFER), ("harmless.py", LINKED)):
        type_into(editor, work, path, body(canary), body(EDITED))
        assert "is denied by" in edit(editor, (work.root / path).as_uri(), 1)
    ask_until(editor, work, PLAIN)  # the index is asked by now
    assert "use the ledger" not in "".join(prompts(work))
    for number in range(20):
        uri = (work.root / f"edited_{number}.py").as_uri()
        client.open(uri, use(number) + f"{PLAIN}(1)\n")
        assert edit(editor, uri, 6).startswith("No safe edit found: ")
    asked = [prompt for prompt in prompts(work) if "use the ledger" in prompt]
    assert asked
    assert any(f"def {PLAIN}" in prompt for prompt in asked), "the control: snippets are shown"
    assert [name for name in CANARIES if name in "".join(asked)] == []


def test_row_15_a_policy_that_gets_narrower_empties_the_index(
    editor: Editor, work: Workspace
) -> None:
    ask_until(editor, work, PLAIN)
    work.finds(PLAIN, "ledger.py")
    n_prompts = len(prompts(work))
    work.put(".indoors.json", json.dumps({"policy": {"deny_paths": ["ledger.py"]}}))
    saved = {"textDocument": {"uri": (work.root / ".indoors.json").as_uri()}}
    editor.client.notify("textDocument/didSave", saved)
    work.finds(PLAIN)
    editor.phase(work.root, "ready")
    text = use(99).replace("from ledger import Ledger\n", "")
    uri = (work.root / "after.py").as_uri()
    editor.client.open(uri, text)
    editor.client.complete(uri, text.count("\n"), len("    return book."), trigger=1)
    after = prompts(work)[n_prompts:]
    assert after
    assert not [prompt for prompt in after if "report_99" in prompt and PLAIN in prompt]
    editor.client.shutdown()
    until(lambda: editor.client.ended)
    index = {name: data for name, data in stored(work.home).items() if "/index/" in name}
    assert index
    assert not [name for name, data in index.items() if PLAIN.encode() in data]
