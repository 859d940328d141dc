"""What an index says of files that may have changed since: only what is true of them now."""

import gc
import os
from pathlib import Path

import pytest

from indoors_indexing import build
from indoors_indexing.recent import Ring
from indoors_indexing.related import Site
from indoors_indexing.store import Writer
from indoors_indexing.types import Document, Span
from indoors_indexing.view import View

CART = '''class Cart:
    def total(self) -> int:
        """What all of it costs."""
        return 1

    def empty(self) -> None:
        self.items = []
'''
SHOP = "from cart import Cart\n\n\ndef pay(cart: Cart) -> int:\n    return cart.|\n"


class Workspace:
    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self.view = View(root, cache)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def index(self) -> None:
        with Writer.open(self.root, self.cache) as writer:
            assert build.bring_up_to_date(writer, str(self.root)).is_complete

    def ask(self, marked: str, path: str = "shop.py", **options: object) -> dict[str, str]:
        before, _, after = marked.partition("|")
        document = Document(
            uri=f"file:///{path}", path=path, language="python", version=1, text=before + after
        )
        site = Site(document=document, offset=len(before), window=Span(0, len(before + after)))
        options = {"within_s": 60.0} | options
        found = self.view.related(site, 600, **options)  # type: ignore[arg-type]
        return {snippet.path: snippet.text for snippet in found}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "root", tmp_path / "cache")
    space.write("cart.py", CART)
    space.write("shop.py", SHOP.replace("|", ""))
    space.index()
    return space


def test_members_of_another_file_are_found(workspace: Workspace) -> None:
    assert "def total(self) -> int" in workspace.ask(SHOP)["cart.py"]


def test_no_index_and_no_root_give_nothing(tmp_path: Path) -> None:
    assert Workspace(tmp_path / "none", tmp_path / "cache").ask(SHOP) == {}


def test_an_index_that_comes_later_is_used(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "root", tmp_path / "cache")
    space.write("cart.py", CART)
    assert space.ask(SHOP) == {}
    space.index()
    space.view.prepare()
    assert "cart.py" in space.ask(SHOP)


def test_a_file_that_changed_on_the_disk_since_is_not_shown(workspace: Workspace) -> None:
    """Its offsets are another text's."""
    workspace.write("cart.py", "# " + "x" * 400 + "\n" + CART)
    assert "cart.py" not in workspace.ask(SHOP)
    workspace.index()
    assert "cart.py" in workspace.ask(SHOP)


def test_a_file_that_was_only_touched_is_shown(workspace: Workspace) -> None:
    os.utime(workspace.root / "cart.py", (1, 1))
    assert "cart.py" in workspace.ask(SHOP)


@pytest.mark.skipif(not hasattr(os, "pread"), reason="parts are read otherwise here")
def test_of_a_large_file_only_what_is_shown_is_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.write("cart.py", CART + "\n\n" + "LIMIT = 1  # é\n" * 3000)
    os.utime(
        workspace.root / "cart.py", (1, 1)
    )  # what was just written is not believed by its time
    workspace.index()
    read: list[int] = []
    whole = os.read

    def part(descriptor: int, length: int, offset: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = whole(descriptor, length)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", part)
    monkeypatch.setattr(os, "read", lambda *_: pytest.fail("a whole file was read"))
    descriptors = Path("/proc/self/fd")
    n_open = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    for _ in range(20):
        assert "def total(self) -> int" in workspace.ask(SHOP)["cart.py"]
    assert 0 < sum(read) < 20 * 2000
    if n_open:
        assert len(list(descriptors.iterdir())) <= n_open + 3, "files stay open"


@pytest.mark.skipif(not hasattr(os, "pread"), reason="parts are read otherwise here")
def test_a_file_that_is_written_while_it_is_read_is_not_shown(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = workspace.root / "cart.py"
    os.utime(file, (1, 1))
    workspace.index()
    assert "cart.py" in workspace.ask(SHOP)
    part = os.pread

    def read(descriptor: int, length: int, offset: int) -> bytes:
        file.write_text("# another text\n" + CART)
        return part(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", read)
    assert "cart.py" not in workspace.ask(SHOP)


def test_a_removed_file_is_not_shown(workspace: Workspace) -> None:
    (workspace.root / "cart.py").unlink()
    assert "cart.py" not in workspace.ask(SHOP)


def test_an_open_document_is_read_as_it_is_open(workspace: Workspace) -> None:
    """The disk has the old text, the index too; an edit above has moved what follows."""
    edited = "import os\nimport sys\n\n" + CART
    found = workspace.ask(SHOP, texts={"cart.py": edited})
    assert "def total(self) -> int" in found["cart.py"]
    assert '"""What all of it costs."""' in found["cart.py"]


def test_what_is_gone_from_an_open_document_is_not_shown(workspace: Workspace) -> None:
    edited = CART.replace("    def empty(self) -> None:\n        self.items = []\n", "")
    found = workspace.ask(SHOP, texts={"cart.py": edited})
    assert "def total" in found["cart.py"]
    assert "empty" not in found["cart.py"]


def test_the_cursors_own_document_is_what_is_on_the_screen(workspace: Workspace) -> None:
    more = SHOP.replace("    return cart.|", "    left = cart\n    left.|")
    assert "def total" in workspace.ask(more)["cart.py"]


def test_a_link_out_of_the_root_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text(CART)
    (workspace.root / "cart.py").unlink()
    (workspace.root / "cart.py").symlink_to(secret)
    assert "cart.py" not in workspace.ask(SHOP)


def test_what_was_edited_lately_is_shown(workspace: Workspace) -> None:
    text = "def discount(price):\n    return price * 0.9\n"
    ring = Ring().edited("rebate.py", text, 0, 0, len(text), 1.0)
    assert "discount" in workspace.ask("x = |\n", ring=ring)["rebate.py"]


def test_a_deadline_that_is_over_gives_nothing_and_does_not_fail(workspace: Workspace) -> None:
    assert workspace.ask(SHOP, within_s=-1.0) == {}


def test_no_garbage_is_looked_for_during_a_question(tmp_path: Path) -> None:
    seen: list[bool] = []

    def clock() -> float:
        seen.append(gc.isenabled())
        return 0.0

    view = View(tmp_path, tmp_path / "cache", clock)
    document = Document(uri="file:///a.py", path="a.py", language="python", version=1, text="x = 1")
    site = Site(document=document, offset=5, window=Span(0, 5))
    for enabled in (False, True):
        seen.clear()
        (gc.enable if enabled else gc.disable)()
        try:
            view.related(site, 100)
            assert gc.isenabled() is enabled
        finally:
            gc.enable()
    # The clock is read once before the question begins.
    assert seen[0] is True
    assert len(seen) > 1
    assert not any(seen[1:])
    view.close()


def test_a_replaced_database_is_read_anew(workspace: Workspace) -> None:
    assert "cart.py" in workspace.ask(SHOP)
    for file in (workspace.cache / "index").iterdir():
        file.unlink()
    assert "cart.py" not in workspace.ask(SHOP)
    workspace.index()
    assert "cart.py" in workspace.ask(SHOP)
