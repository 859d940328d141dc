"""Tests for a symbol: where they go, what stands around them, what is accepted as one."""

# ruff: noqa: E501 - rows of a table

from __future__ import annotations

import asyncio

import pytest

from fakes.told_engine import ToldEngine
from indoors_completion.refactor import actions, asking
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.tests_frame import UnderTest, frame_of
from indoors_completion.refactor.tests_place import place_of, python_module, relative_import
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit, Subject
from indoors_completion.types import Document, Span
from indoors_indexing.parse import DirectSyntax


@pytest.mark.parametrize(
    ("path", "language", "paths", "place"),
    [
        ("pkg/cart.py", "python", ["tests/test_cart.py", "test_cart.py"], "tests/test_cart.py"),
        ("a/cart.py", "python", ["tests/b/test_cart.py", "tests/a/test_cart.py"], "tests/a/test_cart.py"),
        ("pkg/a/cart.py", "python", ["pkg/a/tax.py", "tests/a/test_tax.py"], "tests/a/test_cart.py"),
        ("pkg/b/cart.py", "python", ["pkg/a/tax.py", "tests/a/test_tax.py"], "tests/b/test_cart.py"),
        ("src/pkg/cart.py", "python", ["src/pkg/tax.py", "tests/test_tax.py"], "tests/test_cart.py"),
        ("pkg/cart.py", "python", ["pkg/tax.py", "pkg/tax_test.py"], "pkg/cart_test.py"),
        ("pkg/b/cart.py", "python", ["pkg/tax.py", "pkg/tests/test_tax.py"], "pkg/tests/b/test_cart.py"),
        ("pkg/cart.py", "python", ["test/test_all.py"], "test/test_cart.py"),
        ("pkg/cart.py", "python", ["test/data.txt"], "test/test_cart.py"),
        ("cart.py", "python", [], "tests/test_cart.py"),
        ("src/cart.ts", "typescript", ["src/tax.ts", "src/tax.spec.ts"], "src/cart.spec.ts"),
        ("src/a/cart.ts", "typescript", ["src/a/tax.ts", "src/a/__tests__/tax.test.ts"], "src/a/__tests__/cart.test.ts"),
        ("src/cart.tsx", "tsx", [], "src/cart.test.tsx"),
        ("lib/cart.js", "javascript", [], "lib/cart.test.js"),
        ("a/cart.go", "go", ["a/tax_test.go"], "a/cart_test.go"),
        ("src/main/java/a/Cart.java", "java", [], "src/test/java/a/CartTest.java"),
        ("src/main/java/a/Cart.java", "java", ["src/main/java/a/Tax.java", "src/test/java/a/TaxTests.java"], "src/test/java/a/CartTests.java"),
        ("src/cart.rs", "rust", ["tests/all.rs"], "src/cart.rs"),
    ],
)  # fmt: skip
def test_tests_go_where_the_project_has_them(
    path: str, language: str, paths: list[str], place: str
) -> None:
    assert place_of(path, language, [path, *paths]).path == place


@pytest.mark.parametrize(
    ("path", "packages", "module"),
    [
        ("cart.py", [], "cart"),
        ("shop/cart.py", ["shop"], "shop.cart"),
        ("src/shop/cart.py", ["src/shop"], "shop.cart"),
        ("src/shop/a/cart.py", ["src/shop", "src/shop/a"], "shop.a.cart"),
        ("src/cart.py", [], "cart"),
        ("shop/cart.py", [], "shop.cart"),
        ("server/shop/__init__.py", ["server/shop"], "shop"),
    ],
)
def test_a_module_is_named_from_its_outermost_package(
    path: str, packages: list[str], module: str
) -> None:
    assert python_module(path, {f"{package}/__init__.py" for package in packages}) == module


def test_files_are_imported_from_where_the_test_is() -> None:
    assert relative_import("src/a.ts", "src/a.test.ts", with_extension=False) == "./a"
    assert relative_import("src/a.ts", "tests/a.test.ts", with_extension=False) == "../src/a"
    assert relative_import("a.js", "a.test.js", with_extension=True) == "./a.js"


SOURCES = {
    "python": "def total(items):\n    return sum(items)\n",
    "typescript": "export function total(items: number[]) {\n  return items.length;\n}\n",
    "javascript": "function total(items) {\n  return items.length;\n}\nmodule.exports = { total };\n",
    "go": "package cart\n\nfunc total(items []int) int {\n\treturn len(items)\n}\n",
    "java": "package a;\n\nclass Cart {\n    int total(int[] items) {\n        return 1;\n    }\n}\n",
    "rust": "pub fn total(items: &[i32]) -> i32 {\n    1\n}\n",
}
FILES = {
    "python": ("shop/cart.py", "tests/test_cart.py"),
    "typescript": ("src/cart.ts", "src/cart.test.ts"),
    "javascript": ("cart.js", "cart.test.js"),
    "go": ("cart/cart.go", "cart/cart_test.go"),
    "java": ("src/main/java/a/Cart.java", "src/test/java/a/CartTest.java"),
    "rust": ("src/cart.rs", "src/cart.rs"),
}
WRITTEN = {
    "python": "_of_two():\n    assert total([1, 2]) == 3\n",
    "typescript": 'adds", () => {\n    expect(total([1])).toBe(1);\n  });',
    "javascript": 'adds", () => {\n    expect(total([1])).toBe(1);\n  });',
    "go": '(t *testing.T) {\n\tif total(nil) != 0 {\n\t\tt.Errorf("no")\n\t}\n}',
    "java": "totalOfOne() {\n        assertEquals(1, new Cart().total(null));\n    }",
    "rust": "total_of_one() {\n        assert_eq!(total(&[1]), 1);\n    }",
}


def asked(language: str, there: str = "", example: str = "", manifest: str = "") -> EditRequest:
    """The request for tests of `total`, as the server makes it."""
    path, test_path = FILES[language]
    imported = "Cart" if language == "java" else "total"
    source = SOURCES[language]
    unit = {"typescript": "  ", "javascript": "  ", "go": "\t"}.get(language, "    ")
    about = UnderTest(
        language, imported, "total", path, test_path, source, {"shop/__init__.py"},
        example or there, manifest, unit,
    )  # fmt: skip
    subject = Subject(
        name="total", imported=imported, path=path, code=source.strip(), frame=frame_of(about),
        is_new=not there,
    )  # fmt: skip
    outline = asyncio.run(DirectSyntax().outline(language, there))
    assert outline is not None
    return EditRequest(
        document=Document(
            uri="file:///t", path=test_path, language=language, version=0, text=there
        ),
        selection=Span(0, 0), action="tests", outline=outline, subject=subject,
        indent_unit=unit,
    )  # fmt: skip


def made(request: EditRequest, written: str, stop: str = "stop") -> Edit | NoSafeEdit:
    engine = ToldEngine([(written, -1.0)], stop_reason=stop)
    return asyncio.run(Editing(engine, DirectSyntax()).edit(request))


def text_of(request: EditRequest, written: str, stop: str = "stop") -> str:
    found = made(request, written, stop)
    assert isinstance(found, Edit), found
    text = request.document.text
    for change in reversed(found.changes):
        text = text[: change.span.start] + change.text + text[change.span.end :]
    return text


NEW = {
    "python": "from shop.cart import total\n\n\ndef test_total_of_two():\n",
    "typescript": 'import { total } from "./cart";\n\ndescribe("total", () => {\n  it("adds"',
    "javascript": 'const { total } = require("./cart");\n\ndescribe("total", () => {\n  it("adds"',
    "go": 'package cart\n\nimport "testing"\n\nfunc TestTotal(t *testing.T) {\n',
    "java": "package a;\n\nimport static org.junit.jupiter.api.Assertions.*;\n"
    "import org.junit.jupiter.api.Test;\n\nclass CartTest {\n\n    @Test\n    void totalOfOne() {\n",
}
ENDS = {"java": "    }\n}\n", "typescript": "  });\n});\n", "javascript": "  });\n});\n"}


@pytest.mark.parametrize("language", sorted(NEW))
def test_a_new_file_has_all_that_its_tests_need(language: str) -> None:
    text = text_of(asked(language), WRITTEN[language])
    assert text.startswith(NEW[language])
    assert text.endswith(ENDS.get(language, "\n"))
    assert not text.endswith("\n\n")


def test_rust_has_its_tests_in_the_file_itself() -> None:
    text = text_of(asked("rust", SOURCES["rust"]), WRITTEN["rust"])
    assert text == (
        SOURCES["rust"] + "\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n"
        "    fn total_of_one() {\n        assert_eq!(total(&[1]), 1);\n    }\n}\n"
    )
    again = WRITTEN["rust"].replace("total_of_one", "total_of_none")
    more = text_of(asked("rust", text), again)
    assert more == text[:-2] + "\n    #[test]\n    fn " + again + "\n}\n"


def test_an_import_that_no_test_uses_is_left_out() -> None:
    assert "pytest" not in text_of(asked("python"), WRITTEN["python"])
    raising = "_of_text():\n    with pytest.raises(TypeError):\n        total('a')\n"
    text = text_of(asked("python"), raising)
    assert text.startswith("import pytest\nfrom shop.cart import total\n\n\ndef test_total_of_text")


def test_tests_come_behind_those_that_are_there_and_imports_above_them() -> None:
    there = "import os\n\nfrom shop.cart import (\n    Cart,\n)\n\n\ndef test_cart():\n    assert Cart(os)\n"
    text = text_of(asked("python", there), WRITTEN["python"])
    assert text == there.replace(")\n\n\n", ")\nfrom shop.cart import total\n\n\n") + (
        "\n\ndef test_total_of_two():\n    assert total([1, 2]) == 3\n"
    )
    known = there.replace("    Cart,\n", "    Cart,\n    total,\n")
    text = text_of(asked("python", known), WRITTEN["python"])
    assert text.startswith(known)
    assert text.count("import total") == 0


def test_windows_line_ends_stay() -> None:
    there = "from shop.cart import Cart\r\n\r\n\r\ndef test_cart():\r\n    assert Cart(1)\r\n"
    text = text_of(asked("python", there), WRITTEN["python"])
    assert text.count("\n") == text.count("\r\n")
    assert text.startswith(there[:28] + "from shop.cart import total\r\n")


@pytest.mark.parametrize(
    ("language", "example", "manifest", "says"),
    [
        (
            "python",
            "import unittest\nclass A(unittest.TestCase): ...",
            "",
            "class TotalTest(unittest",
        ),
        ("typescript", 'import { it } from "vitest";', "", 'from "vitest"'),
        ("typescript", "", '{"devDependencies": {"vitest": "1"}}', 'from "vitest"'),
        ("javascript", 'require("node:test")', "", 'require("node:test")'),
        ("java", "import org.junit.Test;", "", "import static org.junit.Assert.*;"),
    ],
)
def test_the_projects_own_tools_are_used(
    language: str, example: str, manifest: str, says: str
) -> None:
    request = asked(language, example=example, manifest=manifest)
    assert request.subject is not None
    target = asking.target_of(actions.BY_NAME["tests"], request)
    assert target is not None
    assert says in asking.shape_for(actions.BY_NAME["tests"], request, target).given


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("_a():\n    total([1])\n", "looks at nothing"),
        ("_a():\n    assert 1 == 1\n", "does not use total"),
        ("_a():\n    assert total([1]) == 1\n\n\ndef test_b():\n    assert True\n", "looks at nothing"),
        ("_a():\n    assert total([1]) == limit\n", "limit"),
        ("_a():\n    assert total([1]) ==\n", "syntax error"),
        ("s_of = 1\n", "syntax error"),
    ],
)  # fmt: skip
def test_what_is_no_test_is_not_shown(written: str, why: str) -> None:
    found = made(asked("python"), written)
    assert isinstance(found, NoSafeEdit)
    assert why in found.attempts[0].reason


def test_an_answer_without_an_end_is_cut_behind_its_last_whole_test() -> None:
    endless = f"{WRITTEN['python']}\n\ndef test_b():\n    assert total([1"
    text = text_of(asked("python"), endless, stop="length")
    assert text.endswith("== 3\n")
    assert "test_b" not in text
    found = made(asked("python"), "_a():\n    assert total([1", stop="length")
    assert isinstance(found, NoSafeEdit)


MENU = """\
class Cart:
    def total(self):
        def inner():
            return 1
        return inner()

    def __init__(self):
        self.a = 1
"""


@pytest.mark.parametrize(
    ("at", "path", "offered"),
    [
        ("return inner", "cart.py", True),
        ("return 1", "cart.py", False),
        ("self.a", "cart.py", False),
        ("return inner", "tests/test_cart.py", False),
    ],
)
def test_tests_are_offered_for_what_a_test_can_import(at: str, path: str, offered: bool) -> None:
    outline = asyncio.run(DirectSyntax().outline("python", MENU))
    assert outline is not None
    start = MENU.index(at)
    request = EditRequest(
        document=Document(uri="file:///f", path=path, language="python", version=1, text=MENU),
        selection=Span(start, start), action="", outline=outline,
    )  # fmt: skip
    names = [offer.action.name for offer in actions.offered(request)]
    assert ("tests" in names) == offered
