"""The index of a running server under storms: kills, floods of events, checkouts, hostile trees.

A short slice in every run, at full length in `make soak`. All of it is seeded. Afterwards the index
equals one that is made of the files as they are then.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from indoors_indexing.types import Document
from indoors_server import children
from indoors_server.index_client import IndexClient
from indoors_server.indexer_process import IndexerProcess
from indoors_server.syntax_client import SyntaxClient
from support.hostile import HOSTILE, SLOW_JAVASCRIPT
from support.index_server import Workspace, editing
from support.watching import storm

SOURCE = "import os\n\n\nclass Thing(Base):\n    def method(self):\n        return {}\n"


def lengths(short: int, full: int) -> pytest.MarkDecorator:
    """Run a test in a short slice, and at full length under the `soak` marker."""
    values = [
        pytest.param(short, id="slice"),
        pytest.param(full, id="full", marks=pytest.mark.soak),
    ]
    return pytest.mark.parametrize("rounds", values)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@lengths(4, 50)
def test_an_indexer_killed_at_random_points_loses_nothing(work: Workspace, rounds: int) -> None:
    """kill -9 during passes, updates and quiet, while files change and a buffer is open."""
    chance = random.Random(1)
    for number in range(300):
        work.put(f"many/{number % 10}/f{number}.py", SOURCE.format(number))
    changes = storm(work.root, chance, 100 * rounds)
    with editing(work) as editor:
        uri = (work.root / "open.py").as_uri()
        editor.client.open(uri, "typed_0 = 1\n")
        for number in range(1, rounds + 1):
            editor.client.insert(uri, number + 1, 0, 0, f"typed_{number} = 1\n")
            for _ in range(chance.randrange(60)):
                next(changes)
            if chance.random() < 0.5:
                # Enough for another pass.
                for one in range(600):
                    work.put(f"many/{one % 10}/g{one}.py", SOURCE.format(f"{number}, {one}"))
            if chance.random() < 0.6:
                editor.phase(work.root, "ready")
            time.sleep(chance.random() * 0.6)
            os.kill(editor.indexer(), signal.SIGKILL)
        for _ in changes:
            pass
        work.finds(f"typed_{rounds}", "open.py")
        editor.client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        work.is_whole()
        # The server answered through all of it, and there is one indexer.
        assert editor.client.request("workspace/executeCommand", {"command": "indoors.status"})
        editor.phase(work.root, "ready")


@lengths(3000, 100_000)
def test_after_a_flood_of_events_the_index_is_whole(work: Workspace, rounds: int) -> None:
    work.put("a.py", SOURCE)
    with editing(work) as editor:
        editor.phase(work.root, "ready")
        for _ in storm(work.root, random.Random(2), rounds):
            pass
        work.is_whole()


@lengths(800, 10_000)
def test_a_checkout_of_another_branch_is_followed(work: Workspace, rounds: int) -> None:
    """Half of the files change, a tenth goes, a tenth comes; and back again."""

    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        nothing = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(
            command, cwd=work.root, check=True, capture_output=True,
            env={"PATH": os.environ["PATH"], **nothing},
        )  # fmt: skip

    def files(first: int, text: str) -> None:
        for number in range(first, first + rounds):
            work.put(f"d{number % 97}/f{number}.py", SOURCE.format(text if number % 2 else number))

    git("init", "-q", "-b", "main")
    files(0, "one")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("checkout", "-q", "-b", "other")
    for number in range(rounds // 10):
        (work.root / f"d{number % 97}/f{number}.py").unlink()
    files(rounds // 10, "two")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    with editing(work) as editor:
        editor.phase(work.root, "ready")
        work.is_whole()
        for branch in ("main", "other"):
            git("checkout", "-q", branch)
            work.is_whole()
        assert editor.states()[str(work.root)]["phase"] == "ready"


@lengths(1, 5)
def test_hostile_sources_stall_neither_a_pass_nor_a_question(
    work: Workspace, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All questions that are asked during the pass are answered, by one and the same process."""
    # The indexer writes nowhere but in our cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(work.cache.parent))
    for number in range(rounds):
        hostile_tree(work, number)
    for number in range(200):
        work.put(f"good/f{number}.py", SOURCE.format(number))

    async def scenario() -> None:
        indexer = IndexerProcess(partial(children.spawn, "indexer"))
        # A question that is stuck for two seconds would cost the process.
        syntax, index = SyntaxClient(indexer, deadline_ms=10_000), IndexClient(indexer)
        # Another root than expected would mean another process.
        index.expect([str(work.root)])
        await indexer.start()
        pid, root, n_asked = syntax.pid, str(work.root), 0

        async def ask_until(is_so: Callable[[], object]) -> None:
            nonlocal n_asked
            while not is_so():
                n_asked += 1
                asked = document("asked.py", n_asked, SOURCE.format(n_asked))
                assert await syntax.site(asked, len(SOURCE) - 9) is not None
                await asyncio.sleep(0.02)

        try:
            index.keep(root, work.cache)
            await ask_until(lambda: index.roots()[root].phase == "ready")
            assert n_asked > 1
            work.is_whole(beside="bad")
            assert len(work.found("Thing")) >= 200
            # As a file that is saved, and as a document that is open.
            work.put("late.js", SLOW_JAVASCRIPT)
            index.hold(document("open.js", 1, SLOW_JAVASCRIPT), root, "open.js")
            work.put("good/after.py", "after_it = 1\n")
            await ask_until(lambda: work.found("after_it"))
            assert syntax.pid == pid
        finally:
            await indexer.close()

    asyncio.run(scenario())


def document(path: str, version: int, text: str) -> Document:
    language = "javascript" if path.endswith("js") else "python"
    return Document(uri=f"file:///{path}", path=path, language=language, version=version, text=text)


def hostile_tree(work: Workspace, number: int) -> None:
    """All that parsers choke on, in several languages, and what is no file at all."""
    for name, text in HOSTILE.items():
        for suffix in ("py", "js", "c"):
            path = work.root / f"bad{number}" / f"{name.replace(' ', '_')}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
    folder = work.root / f"bad{number}"
    (folder / "slow.js").write_text(SLOW_JAVASCRIPT)
    (folder / "zeros.py").write_bytes(bytes(500_000))
    os.mkfifo(folder / "pipe.py")
    (folder / "loop").symlink_to(folder)
    (folder / "self.py").symlink_to("self.py")
    (folder / "out.py").symlink_to("/etc/passwd")
    deep = folder
    for _ in range(60):
        deep = deep / "deep"
    deep.mkdir(parents=True)
    (deep / "x.py").write_text(SOURCE)
