"""Written types, names that are followed to definitions, tests and their subjects."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.follow import Bindings, Names
from indoors_indexing.lookup import Lookup
from indoors_indexing.members import Members
from indoors_indexing.pairs import is_test, subject_of
from indoors_indexing.pairs import tester_of as its_test
from indoors_indexing.resolve import MemoryFiles
from indoors_indexing.type_text import TypeNames, parse
from support.small_workspace import Workspace


@pytest.mark.parametrize(
    ("text", "names", "items"),
    [
        ("Client", "Client", ""),
        ("Client, b=1):", "Client", ""),
        ('"Client" = x', "Client", ""),
        ("Optional[Client]", "Client", ""),
        ("Client | None = None", "Client", ""),
        ("None | Client", "Client", ""),
        ("Union[A, B, None]", "A B", ""),
        ("list[Item]", "list", "Item"),
        ("dict[str, Item]", "dict", "Item"),
        ("tuple[Item, ...]", "tuple", "Item"),
        ("Optional[list[Item]]", "list", "Item"),
        ("Iterator[pkg.Item]", "Iterator", "pkg.Item"),
        ("int", "", ""),
        ("Map<string, Item>", "Map", "Item"),
        ("Item[]", "", "Item"),
        ("readonly Item[] | undefined", "", "Item"),
        ("Promise<Answer>", "Answer", ""),
        ("Promise<Item[]>", "", "Item"),
        ("Record<string, Item>;", "Record", "Item"),
        ("() => void", "", ""),
        ("*Store", "Store", ""),
        ("[]Item", "", "Item"),
        ("[]*pkg.Item", "", "pkg.Item"),
        ("map[string]*Item", "", "Item"),
        ("(Item, error)", "Item", ""),
        ("(n int, err error)", "n", ""),
        ("&'a mut Shape", "Shape", ""),
        ("&mut Shape) {", "Shape", ""),
        ("Option<Box<Shape>>", "Shape", ""),
        ("Result<Shape, Error>", "Shape", ""),
        ("Arc<Mutex<Shape>>", "Shape", ""),
        ("Vec<Shape>", "Vec", "Shape"),
        ("[Shape; 4]", "", "Shape"),
        ("Box<dyn Draw + Send>", "Draw", ""),
        ("impl Draw", "Draw", ""),
        ("List<Map<String, Item>>", "List", "Map"),
        ("const std::vector<Item>&", "std::vector", "Item"),
        ("std::unique_ptr<ns::Shelf>", "ns::Shelf", ""),
        ("\\App\\Item", "\\App\\Item", ""),
        ("Task<Item>", "Item", ""),
        ("Item?", "Item", ""),
        ("[String: Item]", "", "Item"),
        ("", "", ""),
    ],
)
def test_types_that_a_written_type_names(text: str, names: str, items: str) -> None:
    found = parse(text)
    assert (found.names, found.items) == (tuple(names.split()), tuple(items.split()))


def test_a_type_may_be_its_owners() -> None:
    assert parse("Self").own
    assert parse("Result<Self, Error>").own
    assert parse("this").own


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["A", "list", "[", "]", "<", ">", "(", ")", "|", "&", "*", "map[", "Self", ",", "::",
             ".", " ", "'", '"', "->", "Option", "é", "[]", "?", "\\", "mut "]
        ),
        max_size=30,
    ).map("".join)
)  # fmt: skip
def test_any_text_is_read_as_a_type(text: str) -> None:
    assert isinstance(parse(text), TypeNames)


def test_deep_types_take_no_time() -> None:
    parse("list[" * 5000)
    parse("A|" * 5000)
    parse("(" * 5000)


CHAIN = Workspace(
    {
        "a/__init__.py": ("", "import b * level 1\nimport c Thing as Other level 1"),
        "a/b.py": ("class Thing: pass\n", "class Thing | class Thing: pass"),
        "a/c.py": ("", "import d Thing level 1"),
        "a/d.py": (
            "class Thing:\n    class Inner:\n        pass\n",
            "class Thing | class Thing:\nclass Thing.Inner | class Inner:",
        ),
        "ring/__init__.py": ("", "import x y level 1"),
        "ring/x.py": ("", "import ring y"),
        "main.py": ("", "import a - as short\nimport a Other\nimport a Thing\nimport ring y"),
        "sub.py": ("", "import a.d -\nimport a d as dd"),
    }
)


def names_of(space: Workspace) -> Names:
    return Names(Lookup(space, lambda: False), space.index)


@pytest.mark.parametrize(
    ("name", "importer", "expected"),
    [
        ("Thing", "main.py", "a/b.py imported"),
        ("Other", "main.py", "a/d.py imported"),
        ("short.Thing", "main.py", "a/b.py imported"),
        ("short.Other", "main.py", "a/d.py imported"),
        ("y", "main.py", ""),
        ("a.d.Thing", "sub.py", "a/d.py imported"),
        ("dd.Thing", "sub.py", "a/d.py imported"),
        ("a.d.Thing.Inner", "sub.py", "a/d.py project"),
        ("dd.Missing", "sub.py", ""),
        ("Thing.Inner", "a/d.py", "a/d.py here"),
    ],
)
def test_names_are_followed(name: str, importer: str, expected: str) -> None:
    found = [f"{seen.found.path} {seen.how}" for seen in names_of(CHAIN).written(name, importer)]
    assert found == ([expected] if expected else [])


def test_a_name_that_a_package_passes_on_from_hundreds_of_modules_is_found() -> None:
    paths = [f"pkg/m{number}.py" for number in range(300)]
    stars = "".join(f"import m{number} * level 1\n" for number in range(300))
    space = Workspace(
        dict.fromkeys(paths, ("", ""))
        | {
            "pkg/m7.py": ("class Thing: pass\n", "class Thing | class Thing: pass"),
            "pkg/__init__.py": ("", stars),
            "main.py": ("", "import pkg Thing"),
        }
    )
    (seen,) = names_of(space).visible("Thing", "main.py")
    assert (seen.found.path, seen.how) == ("pkg/m7.py", "imported")


def test_what_was_not_read_in_time_is_not_remembered() -> None:
    space = Workspace(
        {"a.py": ("class A: pass\n", "class A | class A: pass"), "main.py": ("", "import a A")}
    )
    kept = Bindings()
    late = Names(Lookup(space, lambda: True), space.index, kept)
    assert late.bindings("main.py") == {}
    in_time = Names(Lookup(space, lambda: False), space.index, kept)
    assert list(in_time.bindings("main.py")) == ["A"]
    # And what was, is: the reader is not asked again.
    again = Names(Lookup(space, lambda: True), space.index, kept)
    assert list(again.bindings("main.py")) == ["A"]


def test_bases_in_a_circle_end() -> None:
    space = Workspace(
        {
            "a.py": (
                "class A(B): pass\nclass B(A): pass\n",
                "class A | class A(B): pass\nclass B | class B(A): pass\nbase A < B\nbase B < A",
            )
        }
    )
    names = names_of(space)
    members = Members(Lookup(space, lambda: False), space.index, names)
    (seen,) = names.visible("A", "a.py")
    assert [one.definition.name for one, _ in members.lineage(seen.found)] == ["A", "B"]


@pytest.mark.parametrize(
    ("test", "subject"),
    [
        ("tests/test_shop.py", "src/shop.py"),
        ("src/cart_test.go", "src/cart.go"),
        ("src/page.test.tsx", "src/page.tsx"),
        ("src/hook.spec.ts", "src/hook.tsx"),
        ("src/test/java/ShopTest.java", "src/main/java/Shop.java"),
        ("spec/store_spec.rb", "lib/store.rb"),
        ("tests/test_private.py", "src/_private.py"),
        ("tests/test_nothing.py", None),
        ("src/shop.py", None),
    ],
)
def test_tests_and_their_subjects(test: str, subject: str | None) -> None:
    files = MemoryFiles(
        """tests/test_shop.py src/shop.py src/cart.go src/cart_test.go src/page.tsx lib/store.rb
        src/page.test.tsx src/hook.tsx src/hook.spec.ts src/main/java/Shop.java src/_private.py
        src/test/java/ShopTest.java spec/store_spec.rb tests/test_private.py other/shop.py
        """.split()  # noqa: SIM905 - a list of paths
    )
    assert subject_of(test, files, ["src/shop.py"]) == subject
    if subject is not None and not subject.endswith("hook.tsx"):
        assert is_test(test)
        assert its_test(subject, files) == test
