"""The walk, what it leaves out and why, and reading files that are not what they seem."""

import os
import socket
from pathlib import Path

import pytest

from indoors_indexing import scan as scanning
from indoors_indexing import sift
from indoors_indexing.reading import Unreadable, open_root, read_source
from indoors_indexing.scan import Scan, walk
from indoors_indexing.selection import Selection


def make(root: Path, *paths: str, text: str = "x = 1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def found(root: Path, scan: Scan | None = None, wanted: frozenset[str] = frozenset()) -> list[str]:
    return [file.path for file in walk(str(root), scan or Scan(), Selection(wanted))]


def test_files_come_in_order_with_what_tells_a_change(tmp_path: Path) -> None:
    make(tmp_path, "b.py", "a.py", "sub/c.py")
    files = list(walk(str(tmp_path), Scan()))
    assert [file.path for file in files] == ["a.py", "b.py", "sub/c.py"]
    status = (tmp_path / "a.py").stat()
    assert files[0][1:] == (status.st_size, status.st_mtime_ns)


def test_what_is_left_out_is_counted_by_its_reason(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("secret.py\nprivate/\n")
    make(
        tmp_path, "a.py", "secret.py", "private/b.py", "node_modules/c.js", ".git/config",
        "picture.png", "package-lock.json", "jquery.min.js", "env/pyvenv.cfg", "env/lib/d.py",
    )  # fmt: skip
    make(tmp_path, "big.py", text="x" * (sift.MAX_SOURCE_BYTES + 1))
    make(tmp_path, "big.json", text="x" * (sift.MAX_DATA_BYTES + 1))
    scan = Scan()
    assert found(tmp_path, scan) == ["a.py"]
    assert scan.skipped == {
        "ignored": 2, "vendored": 2, "internal": 1, "kind": 2, "generated": 1, "minified": 1,
        "size": 2,
    }  # fmt: skip
    assert scan.is_complete


def test_a_vendored_folder_is_entered_when_it_is_asked_for_and_not_ignored(tmp_path: Path) -> None:
    make(tmp_path, "vendor/a.go", "node_modules/b.js")
    (tmp_path / ".gitignore").write_text("node_modules\n")
    assert found(tmp_path) == []
    assert found(tmp_path, wanted=frozenset({"vendor", "node_modules"})) == ["vendor/a.go"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    make(root, "real/a.py")
    make(outside, "b.py")
    (root / "out").symlink_to(outside)
    (root / "out.py").symlink_to(outside / "b.py")
    (root / "real/loop").symlink_to(root)
    (root / "again.py").symlink_to(root / "real/a.py")
    (root / "broken.py").symlink_to(root / "nothing.py")
    scan = Scan()
    assert found(root, scan) == ["real/a.py"]
    assert scan.skipped == {"link": 5}


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    make(tmp_path / "root", "a.py")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    assert found(tmp_path / "link") == ["a.py"]


def test_what_is_no_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    os.mkfifo(tmp_path / ".gitignore")
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
        scan = Scan()
        assert found(tmp_path, scan) == []
    assert scan.skipped == {"special": 3}


def test_a_name_that_is_no_text_is_counted(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.py")).touch()
    scan = Scan()
    assert found(tmp_path, scan) == []
    assert scan.skipped == {"name": 1}


def test_a_folder_that_cannot_be_read_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.py", "denied/b.py")
    real = scanning.open_directory

    def refuse(name: str, parent: int | None = None) -> int:
        if name == "denied":
            raise PermissionError
        return real(name, parent)

    # Not by its mode: the tests may run as who may read everything.
    monkeypatch.setattr(scanning, "open_directory", refuse)
    scan = Scan()
    assert found(tmp_path, scan) == ["a.py"]
    assert scan.skipped == {"unreadable": 1}


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        found(tmp_path / "nothing")


def test_a_tree_too_deep_is_left_at_the_limit(tmp_path: Path) -> None:
    folder = tmp_path / "/".join("d" * (scanning.MAX_DEPTH + 1))
    make(folder, "deep.py")
    make(folder.parent, "kept.py")
    scan = Scan()
    assert [Path(path).name for path in found(tmp_path, scan)] == ["kept.py"]
    assert scan.skipped == {"deep": 1}
    assert len(list(Path("/proc/self/fd").iterdir())) < scanning.MAX_DEPTH


def test_a_walk_can_be_stopped_and_says_that_it_saw_not_all(tmp_path: Path) -> None:
    make(tmp_path, *(f"f{n}/a.py" for n in range(10)))
    seen: list[str] = []
    scan = Scan(lambda: len(seen) >= 3)
    for file in walk(str(tmp_path), scan):
        seen.append(file.path)
    assert len(seen) == 3
    assert not scan.is_complete


def test_too_many_files_end_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MAX_FILES", 3)
    make(tmp_path, *(f"{n}.py" for n in range(5)))
    scan = Scan()
    assert len(found(tmp_path, scan)) == 3
    assert not scan.is_complete


# --- reading ----------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path):
    (tmp_path / "root").mkdir()
    descriptor = open_root(str(tmp_path / "root"))
    yield descriptor
    os.close(descriptor)


def reason(root: int, path: str, limit: int = 100) -> str:
    with pytest.raises(Unreadable) as caught:
        read_source(root, path, limit)
    return caught.value.reason


def test_a_file_is_read_with_its_time(tmp_path: Path, root: int) -> None:
    make(tmp_path / "root", "sub/a.py")
    content = read_source(root, "sub/a.py", 100)
    assert content.data == b"x = 1\n"
    assert content.mtime_ns == (tmp_path / "root/sub/a.py").stat().st_mtime_ns


def test_nothing_outside_and_nothing_but_files_is_read(tmp_path: Path, root: int) -> None:
    make(tmp_path, "outside/a.py")
    inside = tmp_path / "root"
    make(inside, "big.py", text="x" * 101)
    make(inside, "full.py", text="x" * 100)
    os.mkfifo(inside / "fifo.py")
    (inside / "link.py").symlink_to(tmp_path / "outside/a.py")
    (inside / "linked").symlink_to(tmp_path / "outside")
    (inside / "folder.py").mkdir()
    (inside / "device.py").symlink_to("/dev/zero")
    assert len(read_source(root, "full.py", 100).data) == 100
    assert {path: reason(root, path) for path in (
        "fifo.py", "link.py", "linked/a.py", "folder.py", "device.py", "../outside/a.py",
        "/etc/passwd", "nothing.py", "full.py/x", "big.py", "a\0b", "",
    )} == {
        "fifo.py": "kind", "link.py": "kind", "linked/a.py": "kind", "folder.py": "kind",
        "device.py": "kind", "../outside/a.py": "kind", "/etc/passwd": "kind",
        "nothing.py": "gone", "full.py/x": "gone", "big.py": "size", "a\0b": "kind", "": "kind",
    }  # fmt: skip


def test_a_file_that_says_it_is_empty_is_read_up_to_the_limit() -> None:
    proc = open_root("/proc/self")
    assert b"Name:" in read_source(proc, "status", 100_000).data
    assert reason(proc, "status", 10) == "size"
    os.close(proc)
