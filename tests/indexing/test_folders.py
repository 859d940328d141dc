"""The folders that are watched are the folders that a scan enters."""

import random
from pathlib import Path

import pytest

from indoors_indexing.folders import folders
from indoors_indexing.scan import Scan, walk
from indoors_indexing.selection import Selection


def make(root: Path, *paths: str, text: str = "x = 1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def entered(root: Path, below: str = "", wanted: frozenset[str] = frozenset()) -> list[str]:
    seen: list[str] = []
    kept = [
        folder
        for folder in folders(str(root), below, seen.append, Selection(wanted))
        if folder.kept
    ]
    assert [folder.path for folder in kept] == [path for path in seen if path != "env"]
    return [folder.path for folder in kept]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make(
        tmp_path, "a.py", "pkg/b.py", "pkg/deep/c.py", "pkg/deep/secret.py", "node_modules/d.js",
        "pkg/.git/config", "out/e.py", "env/pyvenv.cfg", "env/lib/f.py", "pkg/picture.png",
    )  # fmt: skip
    make(tmp_path, ".gitignore", text="out/\nsecret.py\n")
    (tmp_path / "link").symlink_to(tmp_path / "pkg")
    return tmp_path


def test_ignored_vendored_and_linked_folders_are_not_entered(root: Path) -> None:
    assert entered(root) == ["", "pkg", "pkg/deep"]
    assert entered(root, wanted=frozenset({"node_modules"})) == [
        "", "node_modules", "pkg", "pkg/deep",
    ]  # fmt: skip


@pytest.mark.parametrize("below", ["out", "node_modules", "link", "env", "env/lib", "gone", "a.py"])
def test_below_what_is_not_entered_there_is_nothing(root: Path, below: str) -> None:
    assert entered(root, below) == []


def test_a_folder_is_told_before_it_is_listed_and_its_files_with_it(root: Path) -> None:
    def enter(path: str) -> None:
        make(root, f"{path}/late.py")

    listed = list(folders(str(root), "pkg", enter, with_files=True))
    assert [folder.path for folder in listed] == ["pkg", "pkg/deep"]
    assert listed[0].files == ("pkg/b.py", "pkg/late.py")
    assert listed[1].files == ("pkg/deep/c.py", "pkg/deep/late.py")


def test_a_root_that_is_not_there_has_no_folders(tmp_path: Path) -> None:
    assert list(folders(str(tmp_path / "none"), "", lambda path: None)) == []


@pytest.mark.parametrize("seed", range(20))
def test_generated_trees_are_entered_as_the_scan_enters_them(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = ["a", "b", "build", "c", ".git", "vendor", "d"]
    paths = [""]
    for _ in range(25):
        path = "/".join(filter(None, [chance.choice(paths), chance.choice(names)]))
        paths.append(path)
        make(tmp_path, f"{path}/file.py")
        if chance.random() < 0.2:
            rule = chance.choice(["a/", "/b", "!a", "c/**", "file.py"])
            make(tmp_path, f"{path}/.gitignore", text=rule + "\n")
        if chance.random() < 0.05:
            make(tmp_path, f"{path}/CACHEDIR.TAG")
    found = {file.path for file in walk(str(tmp_path), Scan())}
    named = {
        path
        for folder in folders(str(tmp_path), "", lambda path: None, with_files=True)
        for path in folder.files
    }
    assert named == found
    for below in set(paths):
        inside = {
            path
            for folder in folders(str(tmp_path), below, lambda path: None, with_files=True)
            for path in folder.files
        }
        assert inside == {path for path in found if not below or path.startswith(below + "/")}
