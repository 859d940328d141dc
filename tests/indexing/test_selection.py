"""Row 15: what a policy denies is not in the index, by none of the ways in."""

from __future__ import annotations

from pathlib import Path

import pytest

from indoors_indexing import build
from indoors_indexing.folders import folders
from indoors_indexing.keeper import Keeper
from indoors_indexing.scan import Scan, walk
from indoors_indexing.selection import EVERYTHING, Selection
from indoors_indexing.store import Reader, Writer
from indoors_indexing.sweep import Sweep
from support.index_server import until

CANARY = "canary_quillwort"
# A database keeps words of a text too, and leaves out of each what it shares with the one before.
TRACE = b"uillwort"
DENIED = Selection(deny=("secrets/", "*.pem.py", "/deploy/keys", "Private.py"))
PATHS = {
    "a.py": False, "secrets.py": False, "deploy/a.py": False, "other/deploy/keys/a.py": False,
    "secrets/a.py": True, "sub/Secrets/deep/a.py": True, "x.pem.py": True, "sub/X.PEM.PY": True,
    "deploy/keys/a.py": True, "sub/private.py": True,
}  # fmt: skip
ALLOWED = sorted(path for path, denied in PATHS.items() if not denied)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    for path, denied in PATHS.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(f"{CANARY if denied else 'plain'} = 1\n")
    return made


def indexed(root: Path) -> list[str]:
    with Reader.open(root, root.parent) as reader:
        return sorted(reader.paths())


def containing(root: Path, word: str) -> list[str]:
    with Reader.open(root, root.parent) as reader:
        return sorted({hit.path for hit in reader.containing(word)})


def stored(root: Path) -> bytes:
    """All bytes of all databases."""
    return b"".join(file.read_bytes() for file in sorted((root.parent / "index").iterdir()))


def test_row_15_a_walk_leaves_out_what_is_denied_and_enters_no_denied_folder(root: Path) -> None:
    scan = Scan()
    assert sorted(found.path for found in walk(str(root), scan, DENIED)) == ALLOWED
    assert scan.skipped == {"denied": 6}
    entered: list[str] = []
    named = [
        file
        for folder in folders(str(root), "", entered.append, DENIED, with_files=True)
        for file in folder.files
    ]
    assert sorted(named) == ALLOWED
    assert not [path for path in entered if DENIED.denies(path + "/")]
    # The control: without a policy all of it is walked.
    assert sorted(found.path for found in walk(str(root), Scan())) == sorted(PATHS)


def test_row_15_neither_a_pass_nor_an_update_nor_a_sweep_takes_it_in(root: Path) -> None:
    texts = {path: f"{CANARY} = 2\n".encode() for path in PATHS if PATHS[path]}
    with Writer.open(root, root.parent) as writer:
        outcome = build.bring_up_to_date(writer, str(root), selection=DENIED)
        assert outcome.skipped["denied"] == 6
        build.update(writer, str(root), sorted(PATHS), DENIED)
        # Nor does the text of an open document.
        build.update(writer, str(root), sorted(PATHS), DENIED, texts)
        sweep = Sweep(str(root), writer.known(), DENIED)
        assert set(sweep.step(60.0)) <= set(ALLOWED)
    assert indexed(root) == ALLOWED
    assert TRACE not in stored(root)


def test_row_15_a_narrower_policy_leaves_nothing_of_it_in_the_database(root: Path) -> None:
    with Writer.open(root, root.parent) as writer:
        build.bring_up_to_date(writer, str(root), selection=EVERYTHING)
    assert TRACE in stored(root), "the control: it was there"
    with Writer.open(root, root.parent) as writer:
        outcome = build.bring_up_to_date(writer, str(root), selection=DENIED)
        assert outcome.is_complete
    assert indexed(root) == ALLOWED
    assert TRACE not in stored(root)


def test_row_15_the_text_of_a_link_is_not_held_under_its_name(root: Path) -> None:
    (root / "harmless.py").symlink_to("secrets/a.py")
    (root / "linked").symlink_to("secrets")
    texts = {name: f"{CANARY} = 2\n".encode() for name in ("harmless.py", "linked/a.py")}
    texts["unsaved.py"] = b"new = 1\n"  # the control: a file that is not there yet
    with Writer.open(root, root.parent) as writer:
        build.update(writer, str(root), sorted(texts), DENIED, texts)
    assert indexed(root) == ["unsaved.py"]
    assert TRACE not in stored(root)


def test_row_15_a_keeper_is_told_and_lets_go_of_what_is_open(root: Path) -> None:
    keeper = Keeper(root, root.parent, lambda _report: None)
    keeper.start()
    try:
        keeper.hold("secrets/a.py", f"{CANARY}_held = 2\n")
        keeper.hold("a.py", "unsaved = 1\n")
        until(lambda: indexed(root) == sorted(PATHS), lambda: indexed(root))
        until(lambda: containing(root, f"{CANARY}_held") == ["secrets/a.py"])
        until(lambda: containing(root, "unsaved") == ["a.py"])
        keeper.select(DENIED)
        until(lambda: indexed(root) == ALLOWED, lambda: indexed(root))
        # What comes after that is denied too, be it held or written.
        keeper.hold("sub/private.py", f"{CANARY} = 2\n")
        (root / "secrets/b.py").write_text(f"{CANARY} = 3\n")
        (root / "last.py").write_text("last = 1\n")
        until(lambda: indexed(root) == sorted([*ALLOWED, "last.py"]), lambda: indexed(root))
        until(lambda: containing(root, "unsaved") == ["a.py"])
    finally:
        keeper.stop()
        assert keeper.join(60)
    assert indexed(root) == sorted([*ALLOWED, "last.py"])
    assert TRACE not in stored(root)
