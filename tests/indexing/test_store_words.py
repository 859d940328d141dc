"""What is kept and left out when words are looked for, and that nobody sees it in an answer."""

import random
from pathlib import Path

import pytest

from indoors_indexing import store_words
from indoors_indexing.store import Reader, Writer
from support.index_records import record


def found(reader: Reader, *words: str, limit: int = 20) -> list[str]:
    """The paths of the pieces that fit words best, in a question of its own."""
    with reader.held():
        return [hit.path for hit in reader.alike(dict.fromkeys(words, 1.0), limit)[0]]


def test_what_is_kept_of_words_goes_when_something_is_written(tmp_path: Path) -> None:
    root, cache = tmp_path / "root", tmp_path / "cache"
    root.mkdir()
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([record("a.py", "needle\n")])
        assert found(reader, "needle") == found(reader, "needle") == ["a.py"]
        assert reader._words._kept
        writer.apply([record("b.py", "needle\n")])
        assert found(reader, "needle") == ["a.py", "b.py"]
        writer.remove(["a.py"])
        assert found(reader, "needle") == ["b.py"]
        # Without a held moment nothing says that it is the same database still.
        reader.alike({"needle": 1.0})
        assert not reader._words._kept


def test_where_the_best_pieces_are_dead_the_next_ones_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_indexing.store_words._SPARE", 0)
    root, cache = tmp_path / "root", tmp_path / "cache"
    root.mkdir()
    both = [record(f"both{number}.py", "needle pin\n") for number in range(3)]
    with Writer.open(root, cache) as writer, Reader.open(root, cache) as reader:
        writer.apply([*both, record("one.py", "needle\n")])
        assert found(reader, "needle", "pin", limit=1) == ["both0.py"]
        writer.remove([one.path for one in both])
        assert found(reader, "needle", "pin", limit=1) == ["one.py"]


def test_what_is_left_out_is_none_of_the_best() -> None:
    random_numbers = random.Random(4)
    n_shorter = 0
    for _ in range(300):
        chosen = []
        for _ in range(random_numbers.randrange(1, 9)):
            chunks = random_numbers.sample(range(300), random_numbers.randrange(1, 200))
            worth = random_numbers.choice([1.0, 2.5, 7.0, random_numbers.random()])
            chosen.append((worth, ",".join(map(str, chunks))))
        chosen.sort(reverse=True)
        wanted = random_numbers.randrange(1, 40)
        all_of_them, some = store_words._sums(chosen), store_words._sums(chosen, wanted)
        n_shorter += len(some) < len(all_of_them)
        assert some.items() <= all_of_them.items()
        least = sorted(all_of_them.values(), reverse=True)[:wanted][-1]
        best = {chunk for chunk, worth in all_of_them.items() if worth >= least}
        assert best <= some.keys()
    assert n_shorter > 30
