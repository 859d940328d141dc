"""Several roots in one indexer process: who is told what, and what outlives a root."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indoors_indexing.index_messages import (
    DropRoot,
    FromKeeper,
    IndexNote,
    IndexState,
    KeepRoot,
    RebuildIndex,
    Saved,
    StopPass,
)
from indoors_indexing.keeper import Keeper, Pace
from indoors_indexing.keepers import Held, Keepers, Released
from indoors_indexing.store import Reader
from support.watching import PATIENCE_S, make

PACE = Pace(busy_again_s=0.05)


class Bench:
    """Keepers over two roots, and what they said."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.one, self.two = folder / "one", folder / "two"
        make(self.one, "a.py", text="alpha\n")
        make(self.two, "a.py", text="alpha\n")
        self.said: list[FromKeeper] = []
        self.keepers = Keepers(None, self.said.append, PACE)

    def keep(self, root: Path) -> None:
        self.keepers.post(KeepRoot(root=str(root), cache=str(self.cache)))

    def hold(self, uri: str, root: Path, path: str, text: str) -> None:
        self.keepers.post(Held(uri, str(root), path, text))

    def phases(self, root: Path) -> list[str]:
        states = [one for one in list(self.said) if isinstance(one, IndexState)]
        return [state.phase for state in states if state.root == str(root)]

    def until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end, self.said
            time.sleep(0.01)

    def ready(self, root: Path, times: int = 1) -> None:
        self.until(lambda: self.phases(root).count("ready") >= times)

    def finds(self, root: Path, word: str, *paths: str) -> None:
        def found() -> list[str]:
            with Reader.open(root, self.cache) as reader:
                return sorted({hit.path for hit in reader.containing(word)})

        self.until(lambda: found() == sorted(paths))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.keepers.close(PATIENCE_S)


def test_each_root_has_its_own_index(bench: Bench) -> None:
    bench.keep(bench.one)
    bench.keep(bench.two)
    bench.keep(bench.two)
    bench.ready(bench.one)
    bench.ready(bench.two)
    make(bench.one, "b.py", text="beta\n")
    bench.keepers.post(Saved(root=str(bench.one), paths=("b.py",)))
    bench.finds(bench.one, "beta", "b.py")
    bench.finds(bench.two, "beta")
    bench.keepers.post(RebuildIndex(root=str(bench.two)))
    bench.keepers.post(StopPass(root=str(bench.two)))
    bench.until(lambda: bench.phases(bench.two).count("indexing") == 2)


def test_what_is_open_is_held_before_the_first_pass_and_moves_with_its_document(
    bench: Bench,
) -> None:
    bench.hold("u", bench.one, "a.py", "typed\n")
    bench.keep(bench.one)
    bench.keep(bench.two)
    bench.finds(bench.one, "typed", "a.py")
    bench.hold("u", bench.two, "a.py", "typed\n")
    bench.finds(bench.two, "typed", "a.py")
    bench.finds(bench.one, "alpha", "a.py")
    # Two names of one file: it is open until both are closed.
    bench.hold("v", bench.two, "a.py", "typed again\n")
    bench.finds(bench.two, "again", "a.py")
    bench.keepers.post(Released("u"))
    bench.hold("w", bench.two, "b.py", "marker\n")
    bench.finds(bench.two, "marker", "b.py")
    bench.finds(bench.two, "again", "a.py")
    bench.keepers.post(Released("v"))
    bench.finds(bench.two, "alpha", "a.py")


def test_a_dropped_root_says_no_more_and_can_be_kept_again(bench: Bench) -> None:
    bench.keep(bench.one)
    bench.ready(bench.one)
    bench.keepers.post(DropRoot(root=str(bench.one)))
    make(bench.one, "b.py", text="beta\n")
    bench.keep(bench.one)
    bench.ready(bench.one, times=2)
    bench.finds(bench.one, "beta", "b.py")
    assert "off" not in bench.phases(bench.one)


def test_a_defect_costs_one_index(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Keeper, "start", lambda self: 1 / 0)
        bench.keep(bench.one)
        bench.until(lambda: bench.phases(bench.one) == ["off"])
    (note,) = [one for one in bench.said if isinstance(one, IndexNote)]
    assert "ZeroDivisionError" in note.text
    bench.keep(bench.two)
    bench.ready(bench.two)
    # Orders for roots that nobody keeps are no error.
    bench.keepers.post(Saved(root="/nowhere", paths=("a.py",)))
    bench.keepers.post(DropRoot(root="/nowhere"))
    bench.keepers.post(Released("nothing"))
    bench.hold("u", bench.two, "a.py", "typed\n")
    bench.finds(bench.two, "typed", "a.py")
