"""What happens in a tree is said: with the real kernel, and with one that fails on demand."""

import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_indexing.coalesce import MAX_PATHS, Changes
from indoors_indexing.scan import Scan, walk
from indoors_indexing.tree_watch import Coverage, TreeWatcher
from indoors_indexing.watch import Event
from support.watching import FOLDERS, Opener, Said, make, storm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def opener() -> Opener:
    return Opener()


@pytest.fixture
def watcher(root: Path, opener: Opener) -> Iterator[TreeWatcher]:
    watcher = TreeWatcher(str(root), open_watches=opener)
    yield watcher
    watcher.close()


def test_a_file_that_comes_changes_and_goes_is_said(root: Path, watcher: TreeWatcher) -> None:
    make(root, "pkg/a.py", "pkg/b.py")
    watcher.start()
    make(root, "pkg/new.py")
    Said(watcher).paths_of("pkg/new.py")
    make(root, "pkg/a.py", text="y = 2\n")
    Said(watcher).paths_of("pkg/a.py")
    (root / "pkg/b.py").unlink()
    said = Said(watcher).paths_of("pkg/b.py")
    os.link(root / "pkg/a.py", root / "pkg/same.py")
    said.paths_of("pkg/same.py")
    assert not said.reasons


def test_a_save_by_renaming_names_the_file(root: Path, watcher: TreeWatcher) -> None:
    make(root, "a.py")
    watcher.start()
    make(root, ".a.py.tmp123", text="y = 2\n")
    (root / ".a.py.tmp123").replace(root / "a.py")
    said = Said(watcher).paths_of("a.py")
    (root / "a.py").rename(root / "a.py~")
    make(root, "a.py", text="z = 3\n")
    said.for_good()
    assert said.paths == {"a.py"}
    assert not said.reasons


def test_what_is_not_indexed_is_not_said_and_not_watched(
    root: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    make(root, "a.py", "node_modules/x/b.js", ".git/HEAD", "out/c.py", "env/pyvenv.cfg")
    make(root, ".gitignore", text="out/\n")
    watcher.start()
    assert watcher.coverage == Coverage(1, 1)
    make(root, "node_modules/x/new.js", ".git/index.py", "out/d.py", "env/lib.py", "picture.png")
    make(root, "marker.py")
    said = Said(watcher).paths_of("marker.py").for_good()
    assert said.paths == {"marker.py"}
    assert not said.reasons
    assert not any("node_modules" in name or "out" in name for name in opener.opened[0].names)


def test_a_new_tree_is_watched_and_its_files_are_said(root: Path, watcher: TreeWatcher) -> None:
    watcher.start()
    make(root, "one/two/three/a.py", "one/b.py")
    said = Said(watcher).paths_of("one/two/three/a.py", "one/b.py")
    make(root, "one/two/three/later.py")
    said.paths_of("one/two/three/later.py")
    assert watcher.coverage == Coverage(4, 4)


def test_a_tree_that_is_moved_in_is_watched_and_said(
    root: Path, tmp_path: Path, watcher: TreeWatcher
) -> None:
    make(tmp_path / "outside", "deep/a.py", "b.py")
    watcher.start()
    (tmp_path / "outside").rename(root / "inside")
    said = Said(watcher).paths_of("inside/deep/a.py", "inside/b.py")
    make(root, "inside/deep/c.py")
    said.paths_of("inside/deep/c.py")


def test_a_tree_that_is_moved_within_is_said_at_both_ends(root: Path, watcher: TreeWatcher) -> None:
    make(root, "old/deep/a.py")
    watcher.start()
    (root / "old").rename(root / "new")
    said = Said(watcher).paths_of("old", "new/deep/a.py")
    make(root, "new/deep/b.py")
    said.paths_of("new/deep/b.py")
    assert not any(path.startswith("old/") for path in said.paths)
    assert watcher.coverage == Coverage(3, 3)


def test_a_move_that_the_moved_tree_tells_last_is_known_already(
    root: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    """Its parents say so first. It may be watched by its new name when it says that it left."""
    make(root, "old/deep/a.py")
    watcher.start()
    (root / "old").rename(root / "new")
    said = Said(watcher).paths_of("old", "new/deep/a.py").for_good()
    for path in ("new", "new/deep"):
        opener.say(Event(watcher._by_path[path], "self-left"))
    make(root, "new/deep/b.py")
    said.paths_of("new/deep/b.py")
    assert watcher.coverage == Coverage(3, 3)


def test_a_tree_that_says_that_it_left_is_gone_where_another_has_its_name(
    root: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    make(root, "pkg/a.py", "next/b.py")
    watcher.start()
    first = watcher._by_path["pkg"]
    with watcher._lock:  # nothing is heard of the moves before this
        (root / "pkg").rename(root / "before")
        (root / "next").rename(root / "pkg")
        opener.say(Event(first, "self-left"))
        assert watcher._by_path.get("pkg") != first
    said = Said(watcher).paths_of("pkg", "pkg/b.py", "before/a.py", "next").for_good()
    make(root, "pkg/c.py", "before/d.py")
    said.paths_of("pkg/c.py", "before/d.py")
    assert watcher.coverage == Coverage(3, 3)


def test_a_tree_that_is_moved_out_is_heard_no_more(
    root: Path, tmp_path: Path, watcher: TreeWatcher
) -> None:
    make(root, "pkg/deep/a.py")
    watcher.start()
    (root / "pkg").rename(tmp_path / "elsewhere")
    said = Said(watcher).paths_of("pkg")
    make(tmp_path / "elsewhere", "deep/b.py")
    make(root, "marker.py")
    said.paths_of("marker.py").for_good()
    assert said.paths == {"pkg", "marker.py"}
    assert watcher.coverage == Coverage(1, 1)


def test_a_tree_that_is_deleted_is_said(root: Path, watcher: TreeWatcher) -> None:
    make(root, *(f"pkg/d{number}/a.py" for number in range(10)))
    watcher.start()
    shutil.rmtree(root / "pkg")
    Said(watcher).paths_of("pkg").for_good()
    assert watcher.coverage == Coverage(1, 1)


def test_a_tree_that_is_replaced_is_watched_again(root: Path, watcher: TreeWatcher) -> None:
    make(root, "pkg/a.py", "next/b.py")
    watcher.start()
    (root / "pkg").rename(root / "before")
    (root / "next").rename(root / "pkg")
    said = Said(watcher).paths_of("pkg", "pkg/b.py", "before/a.py", "next")
    make(root, "pkg/c.py", "before/d.py")
    said.paths_of("pkg/c.py", "before/d.py")
    assert watcher.coverage == Coverage(3, 3)


def test_links_are_not_followed(root: Path, tmp_path: Path, watcher: TreeWatcher) -> None:
    make(tmp_path / "outside", "a.py")
    (root / "link").symlink_to(tmp_path / "outside")
    watcher.start()
    (root / "later").symlink_to(tmp_path / "outside")
    make(tmp_path / "outside", "b.py")
    make(root, "marker.py")
    said = Said(watcher).paths_of("marker.py").for_good()
    assert said.paths == {"marker.py"}
    assert watcher.coverage == Coverage(1, 1)


def test_a_root_that_is_a_link_is_watched(root: Path, tmp_path: Path, opener: Opener) -> None:
    (tmp_path / "link").symlink_to(root)
    watcher = TreeWatcher(str(tmp_path / "link"), open_watches=opener)
    watcher.start()
    make(root, "pkg/a.py")
    Said(watcher).paths_of("pkg/a.py")
    watcher.close()


def test_new_rules_change_what_is_watched(root: Path, watcher: TreeWatcher) -> None:
    make(root, "pkg/a.py", "out/b.py")
    watcher.start()
    assert watcher.coverage == Coverage(3, 3)
    make(root, ".gitignore", text="out/\n")
    Said(watcher).reason("rules")
    assert watcher.coverage == Coverage(2, 2)
    (root / ".gitignore").unlink()
    Said(watcher).reason("rules")
    assert watcher.coverage == Coverage(3, 3)
    make(root, "pkg/pyvenv.cfg")
    Said(watcher).reason("rules")
    assert watcher.coverage == Coverage(2, 2)
    make(root, "out/c.py")
    Said(watcher).paths_of("out/c.py")


def test_two_thousand_files_are_few_batches(root: Path, watcher: TreeWatcher) -> None:
    paths = {f"d{number % 20}/f{number}.py" for number in range(2000)}
    for number in range(20):
        (root / f"d{number}").mkdir()
    watcher.start()
    make(root, *paths)
    said = Said(watcher).until(lambda said: "many" in said.reasons or paths <= said.paths)
    said.for_good()
    assert said.n_batches <= 1 + 2000 / MAX_PATHS


# --- trouble ----------------------------------------------------------------------------------


def test_a_limit_of_watches_is_a_reason_and_is_told(
    root: Path, tmp_path: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    # What comes into a folder that has no watch is not heard of: these come with their file.
    make(tmp_path, "c/c.py", "d/d.py", "e/e.py")
    make(root, "a/a.py", "b/b.py")
    opener.limit[0] = 3
    watcher.start()
    assert watcher.coverage == Coverage(3, 3)
    for name in "cd":
        (tmp_path / name).rename(root / name)
    said = Said(watcher).reason("watches").paths_of("c/c.py", "d/d.py").for_good()
    coverage = watcher.coverage
    assert coverage == Coverage(5, 3, "limit")
    assert not coverage.is_complete
    # Said once; from here on the sweep is what finds things.
    said.reasons.clear()
    (tmp_path / "e").rename(root / "e")
    said.paths_of("e/e.py").for_good()
    assert not said.reasons
    opener.limit[0] = 100
    watcher.refresh()
    assert watcher.coverage == Coverage(6, 6)
    make(root, "d/later.py")
    said.paths_of("d/later.py")


def test_a_limit_that_is_reached_at_the_start_leaves_the_rest_unwatched(
    root: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    make(root, *(f"d{number}/a.py" for number in range(10)))
    opener.limit[0] = 4
    watcher.start()
    assert watcher.coverage == Coverage(11, 4, "limit")


def test_without_watches_everything_else_works(
    root: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    make(root, "a.py")
    opener.refuses = True
    watcher.start()
    assert watcher.coverage == Coverage(0, 0, "none")
    watcher.add("a.py")
    assert watcher.take(60) == Changes(("a.py",))
    opener.refuses = False
    watcher.refresh()
    assert watcher.coverage == Coverage(1, 1)
    make(root, "b.py")
    Said(watcher).paths_of("b.py")


def test_an_overflow_is_a_reason_and_the_watches_are_made_anew(
    root: Path, watcher: TreeWatcher, opener: Opener
) -> None:
    make(root, "pkg/a.py")
    watcher.start()
    opener.say(Event(-1, "overflow"))
    Said(watcher).reason("overflow")
    assert len(opener.opened) == 2
    assert watcher.coverage == Coverage(2, 2)
    # What the old watches still say counts for nothing.
    opener.opened[0].heard(Event(1, "written", "stale.py"))
    make(root, "pkg/b.py")
    assert "stale.py" not in Said(watcher).paths_of("pkg/b.py").for_good().paths


def test_a_thread_that_ends_is_replaced(root: Path, watcher: TreeWatcher, opener: Opener) -> None:
    watcher.start()
    opener.say(Event(-1, "ended"))
    Said(watcher).reason("overflow")
    make(root, "a.py")
    Said(watcher).paths_of("a.py")


def test_the_kernels_own_overflow_is_heard(root: Path, watcher: TreeWatcher) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip("this system's queue is too large to be filled here")
    make(root, "a.py", "b.py")
    watcher.start()
    with watcher._lock:
        # Nobody reads now. Two files in turn: equal events in a row would become one.
        for number in range(limit // 2 + 2000):
            for name in ("a.py", "b.py"):
                os.close(os.open(root / name, os.O_WRONLY))
            if number % 4096 == 0:
                make(root, "c.py")
    Said(watcher).reason("overflow")
    make(root, "pkg/later.py")
    Said(watcher).paths_of("pkg/later.py")


def test_a_root_that_goes_and_comes_back_is_said(
    root: Path, tmp_path: Path, watcher: TreeWatcher
) -> None:
    make(root, "pkg/a.py")
    watcher.start()
    root.rename(tmp_path / "away")
    Said(watcher).until(lambda said: watcher.coverage.n_watched == 0)
    assert not watcher.root_is_there
    (tmp_path / "away").rename(root)
    said = Said(watcher).until(lambda said: watcher.root_is_there)
    said.until(lambda said: watcher.coverage == Coverage(2, 2))
    assert said.reasons == {"root"}
    make(root, "pkg/b.py")
    Said(watcher).paths_of("pkg/b.py")


def test_a_root_that_is_made_again_is_watched_again(root: Path, watcher: TreeWatcher) -> None:
    make(root, "pkg/a.py")
    watcher.start()
    shutil.rmtree(root)
    make(root, "other/b.py")
    Said(watcher).reason("root")
    make(root, "other/c.py")
    Said(watcher).paths_of("other/c.py")


def test_a_folder_above_the_root_may_be_renamed(tmp_path: Path) -> None:
    root = tmp_path / "above/root"
    make(root, "a.py")
    watcher = TreeWatcher(str(root))
    watcher.start()
    (tmp_path / "above").rename(tmp_path / "moved")
    Said(watcher).until(lambda said: not watcher.root_is_there)
    watcher.close()


def test_a_woken_or_closed_watcher_answers_at_once(root: Path, watcher: TreeWatcher) -> None:
    watcher.start()
    watcher.wake()
    assert watcher.take(10**6) is None
    watcher.close()
    assert watcher.take(10**6) is None
    watcher.close()


def test_names_that_are_not_text_are_left_out(root: Path, watcher: TreeWatcher) -> None:
    watcher.start()
    bad = os.fsdecode(b"bad\xff")
    make(root, f"{bad}/a.py", f"{bad}.py")
    make(root, "marker.py")
    said = Said(watcher).paths_of("marker.py").for_good()
    assert said.paths == {"marker.py"}


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_the_reports_lead_to_what_is_there(
    root: Path, watcher: TreeWatcher, seed: int
) -> None:
    """Whoever only listens knows in the end which files there are, and what they hold."""
    chance = random.Random(seed)
    for folder in FOLDERS:
        make(root, f"{folder}/x.py".lstrip("/"))
    watcher.start()
    believed = sizes(root)
    said = Said(watcher)
    for _ in storm(root, chance, 120):
        if chance.random() < 0.1:
            said.for_a_moment()
    said.for_good()
    truth = sizes(root)
    if not said.reasons:
        for path in said.paths:
            for known in [name for name in believed if name == path or name.startswith(path + "/")]:
                del believed[known]
        for path in said.paths:
            for name, size in truth.items():
                if name == path or name.startswith(path + "/"):
                    believed[name] = size
        assert believed == truth
    assert watcher.coverage == Coverage(n := n_folders(root), n)


def sizes(root: Path) -> dict[str, int]:
    return {found.path: found.size for found in walk(str(root), Scan())}


def n_folders(root: Path) -> int:
    scan = Scan()
    assert list(walk(str(root), scan)) is not None
    return scan.n_folders
