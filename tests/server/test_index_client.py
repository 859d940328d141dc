"""What the indexer is told about roots and open documents, and what the editor sees of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from indoors_indexing import index_messages as wire
from indoors_indexing import messages
from indoors_indexing.types import Document
from indoors_server import children, landlock, paths, workspace_index
from indoors_server.index_client import IndexClient, Root
from indoors_server.indexer_process import MAX_TEXT, IndexerProcess
from indoors_server.session import Change, Session
from indoors_server.settings import resolve
from indoors_server.status import IndexStatus
from indoors_server.workspace_index import WorkspaceIndex, refusal
from support.index_records import content


def document(text: str, version: int = 1, uri: str = "file:///w/a.py") -> Document:
    return Document(uri=uri, path="a.py", language="python", version=version, text=text)


class FakeChild:
    """What is sent, instead of a process."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, int]] = {}
        self.messages: list[Any] = []

    def send(self, message: Any) -> None:
        self.messages.append(message)

    def unsent_bytes(self) -> int:
        return 0

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.messages]


class FakeIndexer(IndexerProcess):
    """A process that a test starts, lets speak, and loses."""

    def __init__(self) -> None:
        super().__init__(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
        self.fake: FakeChild | None = None
        self.is_behind = False

    @property
    def child(self) -> Any:
        return self.fake

    def can_take(self, text: str) -> bool:
        return self.fake is not None and not self.is_behind

    def begin(self) -> FakeChild:
        self.fake = FakeChild()
        for listener in self._listeners:
            listener.started()
        return self.fake

    def says(self, message: messages.FromIndexer) -> None:
        for listener in self._listeners:
            listener.received(message)

    def dies(self) -> None:
        self.fake = None
        for listener in self._listeners:
            listener.lost(blame=True)


def check(test: Callable[[FakeIndexer, IndexClient], Awaitable[None]]) -> None:
    async def run() -> None:
        indexer = FakeIndexer()
        async with asyncio.timeout(20):
            await test(indexer, IndexClient(indexer))

    asyncio.run(run())


# --- the client ---------------------------------------------------------------------------------


def test_all_of_it_is_told_to_each_process() -> None:
    async def test(indexer: FakeIndexer, client: IndexClient) -> None:
        client.keep("/w", Path("/c"), ("vendor",))
        client.keep("/w", Path("/c"))
        client.keep("/gone", Path("/c"))
        assert client.hold(document("x"), "/w", "a.py")
        assert client.hold(document("y", uri="file:///w/b.py"), "/w", "b.py")
        client.release("file:///w/b.py")
        client.drop("/gone")
        client.saved("/gone", "a.py")
        for _ in range(2):
            child = indexer.begin()
            # What is open comes first, and its text before it.
            assert child.kinds() == ["Update", "Hold", "KeepRoot"]
            assert child.messages[1:] == [
                wire.Hold(uri="file:///w/a.py", root="/w", path="a.py"),
                wire.KeepRoot(root="/w", cache="/c", wanted=("vendor",)),
            ]
            indexer.dies()
        child = indexer.begin()
        child.messages.clear()
        client.hold(document("x2", 2), "/w", "a.py")
        client.saved("/w", "a.py")
        client.stop_pass("/w")
        client.rebuild("/w")
        client.drop("/w")
        told = ["Update", "Hold", "Saved", "StopPass", "RebuildIndex", "Release", "DropRoot"]
        assert child.kinds() == told

    check(test)


def test_what_the_indexer_says_is_passed_on() -> None:
    async def test(indexer: FakeIndexer, client: IndexClient) -> None:
        heard: list[tuple[Any, ...]] = []
        client.on_state(lambda *said: heard.append(said))
        client.on_progress(lambda *said: heard.append(said))
        client.on_note(lambda *said: heard.append(said))
        client.keep("/w", Path("/c"))
        indexer.begin()
        indexer.says(wire.IndexState(root="/w", phase="indexing"))
        indexer.says(wire.IndexProgress(root="/w", done=1, total=9))
        assert client.roots() == {"/w": Root("indexing", 1, 9)}
        indexer.says(wire.IndexState(root="/w", phase="ready", n_changed=9))
        indexer.says(wire.IndexNote(root="/w", text="a note"))
        indexer.says(wire.IndexState(root="/other", phase="ready"))
        indexer.says(messages.CountReply(count=1))
        assert client.roots() == {"/w": Root("ready")}
        indexer.dies()
        client.drop("/w")
        assert heard == [
            ("/w", "waiting", 0), ("/w", "indexing", 0), ("/w", 1, 9), ("/w", "ready", 9),
            ("/w", "a note"), ("/w", "waiting", 0), ("/w", "off", 0),
        ]  # fmt: skip

    check(test)


def test_a_process_that_keeps_ending_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indoors_server.index_client._FIRST_DELAY_S", 0.01)

    async def test(indexer: FakeIndexer, client: IndexClient) -> None:
        client.keep("/w", Path("/c"))
        for _ in range(3):
            assert indexer.begin().kinds() == ["KeepRoot"]
            indexer.dies()
        child = indexer.begin()
        client.keep("/v", Path("/c"))
        assert child.kinds() == []
        while not child.kinds():
            await asyncio.sleep(0.001)
        assert child.kinds() == ["KeepRoot", "KeepRoot"]
        indexer.says(wire.IndexState(root="/w", phase="ready"))
        indexer.dies()
        assert indexer.begin().kinds() == ["KeepRoot", "KeepRoot"]

    check(test)


def test_a_text_that_cannot_be_taken_is_asked_for_again() -> None:
    async def test(indexer: FakeIndexer, client: IndexClient) -> None:
        client.keep("/w", Path("/c"))
        child = indexer.begin()
        indexer.is_behind = True
        assert not client.hold(document("x"), "/w", "a.py")
        indexer.is_behind = False
        assert client.hold(document("x"), "/w", "a.py")
        assert child.kinds() == ["KeepRoot", "Update", "Hold"]

    check(test)


def test_a_real_indexer_that_is_killed_is_told_again(private_home: Path) -> None:
    # The indexer writes nowhere but in our cache.
    root, cache = private_home / "root", paths.cache_dir()
    root.mkdir()
    (root / "a.py").write_text("alpha = 1\n")

    def words() -> set[str]:
        return {row[2] for row in content(root, cache)["words"]}

    async def scenario() -> None:
        indexer = IndexerProcess(partial(children.spawn, "indexer"))
        client = IndexClient(indexer)
        ready = asyncio.Event()
        client.on_state(lambda _root, phase, _n: ready.set() if phase == "ready" else None)
        client.keep(str(root), cache)
        client.hold(document("typed = 1\n"), str(root), "a.py")
        await indexer.start()
        try:
            async with asyncio.timeout(60):
                for _ in range(3):
                    await ready.wait()
                    while words() != {"typed"}:
                        await asyncio.sleep(0.01)
                    ready.clear()
                    assert indexer.child is not None
                    os.kill(indexer.child.process.pid, signal.SIGKILL)
                await ready.wait()
        finally:
            await indexer.close()

    asyncio.run(scenario())


# --- folders and documents ----------------------------------------------------------------------


class Heard:
    """An outbox that keeps what it is told, and the work it shows."""

    def __init__(self) -> None:
        self.logs: list[str] = []
        self.works: list[tuple[str, list[tuple[Any, ...]]]] = []

    def log(self, kind: str, text: str) -> None:
        self.logs.append(text)

    def work(self, title: str, on_cancel: Callable[[], None]) -> Any:
        said: list[tuple[Any, ...]] = []
        self.works.append((title, said))

        class Work:
            def report(self, *values: Any) -> None:
                said.append(values)

            def end(self, message: str = "") -> None:
                said.append(("end", message))

        self.cancel = on_cancel
        return Work()


class Bench:
    """A workspace's index over a fake process."""

    def __init__(self, *folders: Path) -> None:
        self.indexer, self.outbox, self.session = FakeIndexer(), Heard(), Session()
        self.n_changes = 0
        self.index = WorkspaceIndex(
            self.session,
            IndexClient(self.indexer),
            self.outbox,  # type: ignore[arg-type]
            self.changed,
        )
        for folder in folders:
            self.session.add_folder(folder.as_uri())
        self.child = self.indexer.begin()
        self.fit()
        self.index.begin()

    def changed(self) -> None:
        self.n_changes += 1

    def fit(self, **settings: bool) -> None:
        fitting = msgspec.structs.replace(resolve(), **settings)
        self.index.fit(dict.fromkeys(self.session.folders.values(), fitting))

    def open(self, path: Path, text: str) -> str:
        self.session.open(path.as_uri(), "python", 1, text)
        self.index.opened(path.as_uri())
        return path.as_uri()

    def type(self, uri: str, version: int, text: str) -> None:
        self.session.change(uri, version, [Change(text)])
        self.index.changed(uri)

    def told(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.child.messages if isinstance(message, kind)]

    async def until(self, is_so: Callable[[], object]) -> None:
        while not is_so():
            await asyncio.sleep(0.001)


def bench(test: Callable[[Bench], Awaitable[None]], *folders: Path) -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            bench = Bench(*folders)
            await test(bench)
            bench.index.close()

    asyncio.run(run())


@pytest.fixture
def root(tmp_path: Path, private_home: Path) -> Path:
    (tmp_path / "root" / "inner").mkdir(parents=True)
    return tmp_path / "root"


def test_the_innermost_folder_has_a_document(root: Path) -> None:
    inner = root / "inner"

    async def test(bench: Bench) -> None:
        bench.open(root / "a.py", "x = 1\n")
        bench.open(inner / "b.py", "x = 1\n")
        bench.open(root.parent / "rootless.py", "x = 1\n")
        bench.session.open("untitled:Untitled-1", "python", 1, "x")
        bench.index.opened("untitled:Untitled-1")
        held = [(hold.root, hold.path) for hold in bench.told(wire.Hold)]
        assert held == [(str(root), "a.py"), (str(inner), "b.py")]
        bench.session.remove_folder(inner.as_uri())
        bench.fit()
        assert bench.told(wire.DropRoot) == [wire.DropRoot(root=str(inner))]
        assert (str(root), "inner/b.py") in [(one.root, one.path) for one in bench.told(wire.Hold)]
        bench.fit(index_enabled=False)
        assert bench.index.status() == (IndexStatus(root=str(root), phase="off"),)
        n_held = len(bench.told(wire.Hold))
        bench.type((root / "a.py").as_uri(), 2, "y = 1\n")
        bench.index.saved((root / "a.py").as_uri())
        assert len(bench.told(wire.Hold)) == n_held

    bench(test, root, inner)


def test_typing_is_told_in_pauses_and_now_and_then(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(quiet_s: float, at_most_s: float) -> None:
        monkeypatch.setattr(workspace_index, "_QUIET_S", quiet_s)
        monkeypatch.setattr(workspace_index, "_AT_MOST_S", at_most_s)

    async def test(bench: Bench) -> None:
        # No machine is so busy that it makes a pause of that.
        wait(30.0, 0.5)
        uri = bench.open(root / "a.py", "x = 1\n")
        version = 1
        # It is told although the keys never pause, and far less often than they come.
        while len(bench.told(messages.Update)) < 3:
            version += 1
            bench.type(uri, version, f"x = {version}\n")
            await asyncio.sleep(0.005)
        assert version > 20
        wait(0.05, 30.0)
        bench.type(uri, version + 1, "last = 1\n")
        await bench.until(lambda: bench.told(messages.Update)[-1].text == "last = 1\n")
        assert len(bench.told(wire.Hold)) == len(bench.told(messages.Update))
        # Saving does not wait, and closing lets go.
        bench.type(uri, version + 2, "saved = 1\n")
        bench.index.saved(uri)
        assert bench.told(messages.Update)[-1].text == "saved = 1\n"
        assert bench.told(wire.Saved) == [wire.Saved(root=str(root), paths=("a.py",))]
        bench.type(uri, version + 3, "unsaved = 1\n")
        bench.index.closed(uri)
        assert bench.told(wire.Release) == [wire.Release(uri=uri)]
        assert not bench.index._timers

    bench(test, root)


def test_what_is_not_indexed_is_not_sent(root: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.open(root / "picture.svg", "<svg/>")
        bench.open(root / "data.json", "1," * 60_000)
        assert bench.told(wire.Hold) == []
        uri = bench.open(root / "a.py", "x = 1\n")
        bench.type(uri, 2, "x" * (MAX_TEXT + 1))
        bench.index.saved(uri)
        assert bench.told(wire.Release) == [wire.Release(uri=uri)]

    bench(test, root)


def test_a_text_is_offered_again_to_a_process_that_is_behind(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_index, "_TRY_AGAIN_S", 0.01)

    async def test(bench: Bench) -> None:
        bench.indexer.is_behind = True
        bench.open(root / "a.py", "x = 1\n")
        assert bench.told(wire.Hold) == []
        bench.indexer.is_behind = False
        await bench.until(lambda: bench.told(wire.Hold))

    bench(test, root)


def test_only_a_long_pass_is_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_index, "SHOWN_AFTER_S", 0.02)

    async def test(bench: Bench) -> None:
        def says(message: Any) -> None:
            bench.indexer.says(message)

        name = str(root)
        says(wire.IndexState(root=name, phase="indexing"))
        says(wire.IndexProgress(root=name, done=0, total=9876))
        says(wire.IndexState(root=name, phase="ready", n_changed=9876))
        await asyncio.sleep(0.03)
        assert bench.outbox.works == []
        says(wire.IndexState(root=name, phase="indexing"))
        await asyncio.sleep(0.03)
        # A walk without anything to do is not shown, however long it takes.
        assert bench.outbox.works == []
        says(wire.IndexProgress(root=name, done=1234, total=9876))
        ((title, said),) = bench.outbox.works
        assert title == "Indoors: indexing root"
        assert said == [("1,234 of 9,876 files", 12)]
        bench.outbox.cancel()
        assert bench.told(wire.StopPass) == [wire.StopPass(root=name)]
        # It also ends with the process.
        bench.indexer.dies()
        assert said[-1] == ("end", "1,234 of 9,876 files")
        says(wire.IndexNote(root=name, text="once"))
        says(wire.IndexNote(root=name, text="once"))
        (said_once,) = bench.outbox.logs
        assert said_once == f"{name}: once"

    bench(test, root)


def test_the_status_says_how_far_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_index, "_STATUS_EVERY_S", 0.0)

    async def test(bench: Bench) -> None:
        name = str(root)
        assert bench.index.status() == (IndexStatus(root=name, phase="waiting"),)
        bench.indexer.says(wire.IndexState(root=name, phase="indexing"))
        bench.indexer.says(wire.IndexProgress(root=name, done=1, total=9))
        assert bench.index.status() == (IndexStatus(root=name, phase="indexing", done=1, total=9),)
        n_changes = bench.n_changes
        bench.indexer.says(wire.IndexProgress(root=name, done=1, total=9))
        assert bench.n_changes == n_changes

    bench(test, root)


def test_folders_that_are_no_project_are_refused(root: Path, private_home: Path) -> None:
    assert refusal(str(root)) == ""
    assert "home" in refusal(str(private_home))
    assert refusal("/")
    assert refusal(str(private_home.parent))
    assert "not there" in refusal(str(root / "missing"))
    link = root / "link"
    link.symlink_to(private_home)
    assert "home" in refusal(str(link))


class Indexed:
    """A real indexer process behind a client, and what it said last about each root."""

    def __init__(self) -> None:
        self.indexer = IndexerProcess(partial(children.spawn, "indexer"))
        self.client = IndexClient(self.indexer)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0.01)

    async def has(self, root: Path, *words: str) -> None:
        """Wait until exactly these words are in the index of a root."""

        def is_so() -> bool:
            known = self.client.roots().get(str(root))
            if known is None or known.phase != "ready":
                return False
            with contextlib.suppress(sqlite3.OperationalError):  # it is being made anew
                return {row[2] for row in content(root, paths.cache_dir())["words"]} == set(words)
            return False

        await self.until(is_so)


def project(folder: Path, word: str) -> Path:
    folder.mkdir()
    (folder / "a.py").write_text(f"{word} = 1\n")
    return folder


def check_indexed(test: Callable[[Indexed], Awaitable[None]]) -> None:
    async def run() -> None:
        indexed = Indexed()
        try:
            await test(indexed)
        finally:
            await indexed.indexer.close()

    asyncio.run(run())


def test_folders_that_come_and_go_are_what_the_indexer_may_read(private_home: Path) -> None:
    one, two = project(private_home / "one", "alpha"), project(private_home / "two", "beta")

    async def test(indexed: Indexed) -> None:
        indexed.client.expect([str(one)])
        await indexed.indexer.start()
        first = indexed.indexer.child
        indexed.client.keep(str(one), paths.cache_dir())
        await indexed.has(one, "alpha")
        # It was started for this folder, so that no other process is needed.
        assert indexed.indexer.child is first
        assert indexed.indexer.lock == "enforced" or not landlock.version()
        indexed.client.keep(str(two), paths.cache_dir())
        await indexed.has(two, "beta")
        await indexed.has(one, "alpha")
        assert indexed.indexer.child is not None
        assert indexed.indexer.child.roots == (str(one), str(two))
        indexed.client.drop(str(one))
        await indexed.until(
            lambda: indexed.indexer.child is not None and indexed.indexer.child.roots == (str(two),)
        )
        await indexed.has(two, "beta")

    check_indexed(test)


def test_a_root_that_is_replaced_by_another_folder_is_indexed_again(private_home: Path) -> None:
    """The kernel's rule is about the old folder: another process may read the new one."""
    root = project(private_home / "root", "alpha")

    async def test(indexed: Indexed) -> None:
        indexed.client.keep(str(root), paths.cache_dir())
        await indexed.indexer.start()
        await indexed.has(root, "alpha")
        for word in ("beta", "gamma"):
            root.rename(private_home / f"before-{word}")
            project(root, word)
            await indexed.has(root, word)

    check_indexed(test)


def test_a_root_that_comes_only_later_is_indexed(private_home: Path) -> None:
    root = private_home / "root"

    async def test(indexed: Indexed) -> None:
        indexed.client.keep(str(root), paths.cache_dir())
        await indexed.indexer.start()
        await indexed.until(lambda: indexed.client.roots()[str(root)].phase == "gone")
        project(root, "alpha")
        await indexed.has(root, "alpha")

    check_indexed(test)


def test_rules_above_a_root_that_are_saved_anew_count(private_home: Path) -> None:
    """Editors save by renaming: the new file is one that the process may not open."""
    (private_home / ".git").mkdir()
    rules = private_home / ".gitignore"
    rules.write_text("nothing\n")
    root = project(private_home / "root", "alpha")
    (root / "b.py").write_text("beta = 1\n")

    async def test(indexed: Indexed) -> None:
        indexed.client.keep(str(root), paths.cache_dir())
        await indexed.indexer.start()
        await indexed.has(root, "alpha", "beta")
        (private_home / "new").write_text("b.py\n")
        (private_home / "new").rename(rules)
        indexed.client.rebuild(str(root))
        await indexed.has(root, "alpha")

    check_indexed(test)
