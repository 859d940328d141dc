"""Which lines of a piece are shown as code that is like the code at a cursor."""

from __future__ import annotations

from indoors_indexing.alike import Alike
from indoors_indexing.lookup import Lookup
from indoors_indexing.nearby import nearby
from indoors_indexing.store_read import Hit

AROUND = "def pay(cart, wallet):\n    amount = cart.total()\n    wallet.charge(amount)\n    "
FILLER = "".join(f"unrelated_{number} = {number}\n" for number in range(30))
LIKE = "    amount = cart.total()\n    wallet.charge(amount)\n    wallet.receipt(cart)\n"


class Store:
    """One file, all of it a hit."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()

    def __getattr__(self, name: str) -> object:
        return lambda *_: []

    def search(self, words: object, limit: int = 20) -> list[Hit]:
        return [Hit("other.py", 0, len(self.data), 3.0)]

    def source(self, path: str, start: int, end: int) -> bytes:
        return self.data[start:end]


def shown(text: str, around: str = AROUND) -> list[str]:
    store = Store(text)
    lookup = Lookup(store, lambda: False)  # type: ignore[arg-type]
    alike = Alike(lookup, nearby("python", around, ""), "here.py")
    return [store.data[one.start : one.end].decode() for one in alike.passages()]


def test_the_lines_that_have_most_of_what_is_near_are_shown() -> None:
    (passage,) = shown(FILLER + LIKE + FILLER)
    assert LIKE in passage
    assert passage.count("\n") == 10


def test_a_short_piece_is_shown_whole() -> None:
    assert shown(LIKE) == [LIKE]


def test_what_stands_first_is_shown_where_nothing_is_better() -> None:
    (passage,) = shown(LIKE + FILLER + LIKE)
    assert passage.startswith(LIKE)


def test_any_text_has_an_answer() -> None:
    for text in ("", "\n", "x" * 100_000, "\r\n" * 50, "é" * 5000, "(" * 50_000):
        assert len(shown(text)) <= 1
