"""Snippets for an editor: of which documents, from which index, never of refused files."""

import asyncio
from functools import wraps
from pathlib import Path

import pytest

from indoors_completion.types import Document, Span
from indoors_indexing import build
from indoors_indexing.store import Writer
from indoors_server.retrieval import IndexRetrieval
from indoors_server.session import Edit, Edited

CART = "class Cart:\n    def total(self) -> int:\n        return 1\n"
SHOP = "from cart import Cart\n\n\ndef pay(cart: Cart) -> int:\n    return cart."


def scenario(test):
    @wraps(test)
    def run(*arguments, **options):
        asyncio.run(test(*arguments, **options))

    return run


def document(path, text, version=1):
    return Document(uri=f"file:///{path}", path=path, language="python", version=version, text=text)


class Place:
    def __init__(self, tmp_path):
        self.root, self.cache = tmp_path / "root", tmp_path / "cache"
        self.root.mkdir()
        self.refused = set()
        self.retrieval = IndexRetrieval(
            lambda: self.cache, refuses=lambda _root, path: path in self.refused
        )

    def index(self, **files):
        for name, text in files.items():
            (self.root / f"{name}.py").write_text(text)
        with Writer.open(self.root, self.cache) as writer:
            build.bring_up_to_date(writer, str(self.root))

    def open(self, path, text):
        self.retrieval.opened(str(self.root), document(path, text))

    async def ask(self, path, text):
        here = document(path, text)
        # The first question opens the database; how long that takes is no matter here.
        for _ in range(20):
            found = await self.retrieval.snippets(here, len(text), Span(0, len(text)), 400)
            if found:
                break
        return None if found is None else {one.path: one.text for one in found}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.index(cart=CART, shop=SHOP)
    return made


@scenario
async def test_the_index_of_the_documents_root_is_asked(place):
    place.open("shop.py", SHOP)
    assert "def total" in (await place.ask("shop.py", SHOP))["cart.py"]
    await place.retrieval.close()


@scenario
async def test_a_document_of_no_root_has_none(place):
    assert await place.ask("shop.py", SHOP) is None
    place.open("shop.py", SHOP)
    place.retrieval.forget("file:///shop.py")
    assert await place.ask("shop.py", SHOP) is None
    await place.retrieval.close()


@scenario
async def test_unsaved_text_counts_as_it_is(place):
    place.open("shop.py", SHOP)
    place.open("cart.py", CART.replace("def total", "def whole"))
    found = await place.ask("shop.py", SHOP)
    assert "def total" not in found.get("cart.py", "")
    await place.retrieval.close()


@scenario
async def test_edits_are_shown_elsewhere(place):
    text = "def discount(price):\n    return price\n"
    place.open("shop.py", SHOP)
    place.open("rebate.py", "")
    edited = Edited(Edit(0, 0, len(text)), len(text))
    place.retrieval.changed(document("rebate.py", text, 2), edited)
    assert "discount" in (await place.ask("shop.py", "x = 1\n"))["rebate.py"]
    await place.retrieval.close()


@scenario
async def test_what_was_left_was_looked_at(place):
    text = "def discount(price):\n    return price\n" * 3
    place.open("shop.py", SHOP)
    place.open("rebate.py", text)
    place.retrieval.left(document("rebate.py", text), 5)
    assert "discount" in (await place.ask("shop.py", "x = 1\n"))["rebate.py"]
    await place.retrieval.close()


@scenario
async def test_refused_files_are_shown_by_no_route(place):
    secret = "def secret_key(): ...\n"
    place.index(hidden="class Hidden:\n    def token(self): ...\n")
    place.refused = {"hidden.py", "rebate.py", "cart.py"}
    place.open("shop.py", SHOP)
    place.open("rebate.py", "")
    place.retrieval.changed(document("rebate.py", secret, 2), Edited(Edit(0, 0, len(secret)), 9))
    place.retrieval.left(document("rebate.py", secret), 3)
    for text in (SHOP, "from hidden import Hidden\nHidden().", "secret_key"):
        found = await place.ask("shop.py", text)
        assert not place.refused & set(found or {})
        assert "secret_key" not in "".join((found or {}).values())
    await place.retrieval.close()


@scenario
async def test_a_damaged_index_costs_what_other_files_say_only(place):
    for file in (place.cache / "index").glob("*.db*"):
        file.write_bytes(b"\0" * 5000)
    place.open("shop.py", SHOP)
    found = await place.retrieval.snippets(document("shop.py", SHOP), 3, Span(0, 3), 400)
    # What is like the cursor's lines in the document itself needs no index.
    assert {one.path for one in found or ()} <= {"shop.py"}
    await place.retrieval.close()


@scenario
async def test_several_edits_at_once_keep_the_ring_whole(place):
    text = "def discount(price):\n    return price\n"
    place.open("rebate.py", "")
    place.open("shop.py", SHOP)
    for edited in (Edited(None, 3), Edited(Edit(0, 0, 8), 8, 2), Edited(None, 0, 0)):
        place.retrieval.changed(document("rebate.py", text), edited)
    assert "discount" in (await place.ask("shop.py", "x = 1\n"))["rebate.py"]
    await place.retrieval.close()


@scenario
async def test_row_15_what_is_withheld_is_named_and_nothing_else(place):
    withheld = []
    place.retrieval.withheld = lambda _root, path: withheld.append(path)
    place.open("shop.py", SHOP)
    assert "cart.py" in await place.ask("shop.py", SHOP)
    assert withheld == []
    place.refused = {"cart.py", "other.py"}
    assert "cart.py" not in (await place.ask("shop.py", SHOP) or {})
    assert set(withheld) == {"cart.py"}
    await place.retrieval.close()
