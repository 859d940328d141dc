"""Which lines are shown as code that is like the code at a cursor."""

from __future__ import annotations

import pytest

from indoors_indexing.alike import MAX_PASSAGES, Alike, Passage, words_around
from indoors_indexing.lookup import Lookup
from indoors_indexing.store_read import Hit
from indoors_indexing.types import Span

BEFORE = "def pay(cart, wallet):\n    amount = cart.total()\n    wallet.charge(amount)\n    "
FILLER = "".join(f"unrelated_{number} = {number}\n" for number in range(30))
LIKE = (
    "def refund(cart, wallet):\n    amount = cart.total()\n    wallet.charge(amount)\n"
    "    wallet.receipt(cart)\n    return amount\n\n\n"
)
COMMON = {"def": 0.0, "return": 0.0}


class Store:
    """Files of which all is a hit; every word is as rare as any other."""

    def __init__(self, **files: str) -> None:
        self.files = {f"{name}.py": text.encode() for name, text in files.items()}

    def __getattr__(self, name: str) -> object:
        return lambda *_: []

    def alike(
        self, weights: dict[str, float], limit: int = 20
    ) -> tuple[list[Hit], dict[str, float]]:
        hits = [Hit(path, 0, len(data), 3.0) for path, data in self.files.items()]
        return hits, {word: COMMON.get(word, 1.0) for word in weights}

    def source(self, path: str, start: int, end: int) -> bytes:
        return self.files[path][start:end]


def alike(
    store: Store,
    before: str = BEFORE,
    after: str = "",
    shown: Span | None = None,
    *,
    only_strong: bool = False,
) -> Alike:
    lookup = Lookup(store, lambda: False)  # type: ignore[arg-type]
    text = before + after
    shown = shown or Span(0, len(text))
    return Alike(lookup, "here.py", text, len(before), shown, only_strong=only_strong)


def passages(store: Store, **kwargs: str) -> list[Passage]:
    return alike(store, **kwargs).passages()


def test_what_follows_the_most_similar_line_is_shown() -> None:
    best = passages(Store(other=FILLER + LIKE + FILLER))[0]
    assert "wallet.receipt(cart)" in best.text
    assert best.text.count("\n") == 6
    assert best.fit == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a.pyi", True), ("a.md", True), ("a.txt", True), ("Makefile", True), ("a.go", False)],
)
def test_code_of_another_language_is_not_like_this_one(name: str, shown: bool) -> None:
    store = Store()
    store.files[name] = (FILLER + LIKE + FILLER).encode()
    assert bool(passages(store)) == shown


def test_its_bytes_are_those_of_the_file() -> None:
    store = Store(other="é = 'ü'\r\n" + FILLER + LIKE + FILLER)
    for one in passages(store):
        assert store.files[one.path][one.start : one.end].decode() == one.text


def test_lines_are_shown_once_and_not_without_end() -> None:
    found = passages(Store(other=LIKE * 30, another=LIKE))
    assert len(found) == MAX_PASSAGES
    for one in found:
        for other in found:
            if one is not other and one.path == other.path:
                assert one.end <= other.start or other.end <= one.start


def test_in_little_room_what_is_a_little_alike_is_not_shown_alone() -> None:
    weak, strong = "other_word\n" + "\n" * 8, "first_word second_word\n" + "\n" * 8
    before = "first_word second_word other_word "
    assert passages(Store(weak=weak), before=before)
    assert alike(Store(weak=weak), before, only_strong=True).passages() == []
    found = alike(Store(weak=weak, strong=strong), before, only_strong=True).passages()
    assert [(one.path, round(one.fit, 2)) for one in found] == [
        ("strong.py", 0.67), ("weak.py", 0.33),
    ]  # fmt: skip


def test_the_nearest_line_decides() -> None:
    near = "    wallet.charge(amount, twice=True)\n" * 2 + "\n" * 6
    far = "def pay(cart, ledger):\n    pass\n" + "\n" * 6
    found = passages(Store(far=far, near=near))
    assert found[0].path == "near.py"


def test_what_stands_below_the_cursor_counts_too() -> None:
    store = Store(one="x = 1\n" * 8, two="print(zebra)\n" + "\n" * 8)
    found = passages(store, before="y = ", after="\nprint(zebra)\n")
    assert [one.path for one in found] == ["two.py"]


def test_the_document_itself_is_asked_outside_of_what_is_shown() -> None:
    # The index may know it as it was an hour ago: what is said of it is of the text as it is.
    text = LIKE + FILLER * 5 + BEFORE
    shown = Span(len(text) - 200, len(text))
    found = alike(Store(here="wallet.gone(cart)\n"), before=text, shown=shown).passages()
    assert {one.path for one in found} == {"here.py"}
    assert any("wallet.receipt(cart)" in one.text for one in found)
    assert all(text.encode()[one.start : one.end].decode() == one.text for one in found)
    assert all(one.end <= len(text) - 200 for one in found)


def test_words_of_similar_code_are_known() -> None:
    words = alike(Store(other=LIKE)).words()
    assert {"receipt", "refund", "wallet"} <= words


def test_nothing_is_like_nothing() -> None:
    assert passages(Store(), before="") == []
    assert passages(Store(other=LIKE), before="\n\n") == []
    assert passages(Store(other=FILLER), before="zebra = ") == []


def test_any_text_has_an_answer() -> None:
    for text in ("", "\n", "x" * 100_000, "\r\n" * 50, "é" * 5000, "(" * 50_000, "wallet\r" * 9):
        for before in (BEFORE, text):
            found = passages(Store(other=text), before=before, after=text)
            assert len(found) <= MAX_PASSAGES


def test_words_weigh_by_their_distance() -> None:
    weights = words_around("far\nnear\nhere\nbelow\n", 13)
    assert weights == {
        "here": 1.0,
        "near": pytest.approx(1 / 2),
        "far": pytest.approx(1 / 3),
        "below": pytest.approx(0.8 / 2),
    }
    assert words_around("", 0) == {}
    assert words_around("a bb", 4) == {"bb": 1.0}
