"""The kernel's events as we hear them, and why not as watchdog gives them."""

import errno
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_indexing.watch import Event, Watches, open_watches
from support.watching import PATIENCE_S, make

if sys.platform != "linux":
    pytest.skip("inotify is Linux's", allow_module_level=True)

from watchdog.events import FileSystemEventHandler
from watchdog.observers import inotify_c
from watchdog.observers.inotify import InotifyObserver
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent

Heard = queue.SimpleQueue[Event]


@pytest.fixture
def heard() -> Heard:
    return queue.SimpleQueue()


@pytest.fixture
def watches(heard: Heard) -> Iterator[Watches]:
    watches = open_watches(heard.put)
    yield watches
    watches.close()


def expect(heard: Heard, *expected: tuple) -> None:
    events = [heard.get(timeout=PATIENCE_S) for _ in expected]
    assert [tuple(event) for event in events] == list(expected)


def test_each_deed_has_its_event(tmp_path: Path, heard: Heard, watches: Watches) -> None:
    (tmp_path / "sub").mkdir()
    top, sub = watches.watch(str(tmp_path)), watches.watch(str(tmp_path / "sub"))
    make(tmp_path, "a.py")
    expect(heard, (top, "come", "a.py", False), (top, "written", "a.py", False))
    (tmp_path / "a.py").rename(tmp_path / "sub/b.py")
    expect(heard, (top, "left", "a.py", False), (sub, "come", "b.py", False))
    (tmp_path / "sub/b.py").unlink()
    expect(heard, (sub, "gone", "b.py", False))
    (tmp_path / "new").mkdir()
    expect(heard, (top, "come", "new", True))
    (tmp_path / "sub").rename(tmp_path / "bus")
    expect(
        heard,
        (top, "left", "sub", True), (top, "come", "bus", True), (sub, "self-left", "", False),
    )  # fmt: skip
    (tmp_path / "bus").rmdir()
    events = {heard.get(timeout=PATIENCE_S) for _ in range(3)}
    assert events == {
        Event(sub, "self-gone"), Event(sub, "dropped"), Event(top, "gone", "bus", True),
    }  # fmt: skip


def test_a_folder_under_two_names_is_one_watch(
    tmp_path: Path, heard: Heard, watches: Watches
) -> None:
    (tmp_path / "old").mkdir()
    watch = watches.watch(str(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    assert watches.watch(str(tmp_path / "new")) == watch
    expect(heard, (watch, "self-left", "", False))
    make(tmp_path, "new/a.py")
    expect(heard, (watch, "come", "a.py", False), (watch, "written", "a.py", False))
    watches.unwatch(watch)
    expect(heard, (watch, "dropped", "", False))
    watches.unwatch(watch)
    watches.unwatch(12345)


@pytest.mark.parametrize("kind", ["nothing", "file", "link"])
def test_only_folders_are_watched(tmp_path: Path, watches: Watches, kind: str) -> None:
    if kind == "file":
        make(tmp_path, "it")
    elif kind == "link":
        (tmp_path / "it").symlink_to(tmp_path)
    assert refusal(watches, tmp_path / "it") in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.ENOMEM])
def test_a_watch_that_fails_is_an_error(
    tmp_path: Path, watches: Watches, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(inotify_c, "inotify_add_watch", failing(number, b"sub"))
    assert refusal(watches, tmp_path / "sub") == number
    assert watches.watch(str(tmp_path)) > 0


def test_no_instance_is_an_error(monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    def fail() -> int:
        inotify_c.ctypes.set_errno(errno.EMFILE)
        return -1

    monkeypatch.setattr(inotify_c, "inotify_init", fail)
    with pytest.raises(OSError, match="instance limit"):
        open_watches(heard.put)


def test_an_overflow_and_the_end_are_events(heard: Heard, watches: Watches) -> None:
    watches.handle_event(InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b""))
    expect(heard, (-1, "overflow", "", False))
    watches.close()
    expect(heard, (-1, "ended", "", False))


def test_watchdog_by_itself_watches_all_and_hides_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When this fails, watchdog has changed, and `watch` may need less of its own."""
    for name in ("a", "node_modules", "sub"):
        (tmp_path / name).mkdir()
    asked: list[bytes] = []
    monkeypatch.setattr(inotify_c, "inotify_add_watch", failing(errno.ENOSPC, b"sub", asked))
    overflows: list[object] = []
    handler = FileSystemEventHandler()
    monkeypatch.setattr(handler, "dispatch", overflows.append)
    observer = InotifyObserver()
    observer.start()
    try:
        observer.schedule(handler, str(tmp_path), recursive=True)  # no error
        assert {Path(os.fsdecode(path)).name for path in asked} >= {"a", "node_modules", "sub"}
        with caplog.at_level(logging.WARNING):
            event = InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b"")
            observer._inotify_fd.handle_event(event)
        assert "overflowed" in caplog.text
        assert not overflows
    finally:
        observer.stop()
        observer.join()


def refusal(watches: Watches, path: Path) -> int | None:
    """The number of the error that watching a path ends in."""
    try:
        watches.watch(str(path))
    except OSError as error:
        return error.errno
    return None


def failing(number: int, name: bytes, asked: list[bytes] | None = None):
    """The call that adds a watch, failing for folders of one name."""
    real = inotify_c.inotify_add_watch
    lock = threading.Lock()

    def add(descriptor: int, path: bytes, mask: int) -> int:
        with lock:
            if asked is not None:
                asked.append(path)
        if path.endswith(b"/" + name):
            inotify_c.ctypes.set_errno(number)
            return -1
        return real(descriptor, path, mask)

    return add
