"""An outline tells comments, strings and annotations from code, and never fails (I7)."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.languages import LANGUAGES
from indoors_indexing.outline import outline_of
from indoors_indexing.parse import DirectSyntax, SyntaxUnavailable, Trees
from indoors_indexing.types import Outline
from support.hostile import HOSTILE

IDS = [record.language_ids[0] for record in LANGUAGES]
TREES = Trees()
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "def f(a: int = 1) -> T:",
            "\n",
            "    ",
            "\t",
            "if x:",
            "return ",
            "x = ",
            "foo(",
            ")",
            "{",
            "}",
            "function f<T>(a: T) {",
            "class A {",
            "class A:",
            "=> {",
            '"',
            "'",
            '"""',
            "`",
            "${",
            "f'{",
            "# c",
            "// c",
            "/* ",
            "*/",
            "\r\n",
            ";",
            ":",
            "é",
            "😀",
            "match x:",
            "case [a]:",
            "type X = ",
            "import a.b",
            "from . import *",
            "<Foo/>",
            "@d",
            "[x for x in y]",
            "lambda a: ",
            "global x",
            "x += 1",
            "del ",
        ]
    ),
    max_size=40,
).map("".join)


def outline(language: str, text: str) -> Outline:
    return outline_of(TREES.parsed(language, text))


def leaves(language: str, text: str, kind: str) -> list[str]:
    return [text[one.start : one.end] for one in outline(language, text).leaves if one.kind == kind]


def check(text: str, found: Outline) -> None:
    """What must hold of every outline of any text."""
    end = 0
    for leaf in found.leaves:
        assert end <= leaf.start < leaf.end <= len(text)
        end = leaf.end
    for one in found.definitions:
        assert 0 <= one.span.start <= one.head.end <= len(text)
        assert one.span.start <= one.span.end <= len(text)
    for named in found.names or ():
        assert text[named.start : named.start + len(named.name)] == named.name
        assert named.is_known or not named.is_bound


@settings(max_examples=150)
@given(text=st.one_of(st.text(max_size=80), FRAGMENTS), language=st.sampled_from(IDS))
def test_every_text_has_an_outline(text: str, language: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-8", "replace").decode()
    check(text, outline(language, text))


@pytest.mark.parametrize("language", ["python", "javascript", "typescriptreact", "go"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_outlined_or_refused(name: str, language: str) -> None:
    try:
        found = outline_of(Trees(budget_ms=100).parsed(language, HOSTILE[name]))
    except SyntaxUnavailable as refusal:
        kind = refusal.kind
    else:
        kind = found.language
    assert kind in ("slow", language, "tsx")


def test_a_docstring_is_a_comment_and_a_string_is_none() -> None:
    text = 'def f():\n    # c\n    "docs"\n    x = "s"\n    "late"\n'
    assert leaves("python", text, "comment") == ["# c", '"docs"']
    assert "s" in "".join(leaves("python", text, "string"))
    assert '"late"' in "".join(leaves("python", text, "string"))


def test_annotations_erase_to_the_same_code() -> None:
    bare = "def f(a, b=1, *c):\n    x = a\n    return x\n"
    full = "def f(a: int, b: 'T[int]' = 1, *c: Any) -> list[int]:\n    x: int = a\n    return x\n"
    assert leaves("python", bare, "code") == leaves("python", full, "code")
    bare, full = (
        "function f(a, b) { let x = a }",
        "function f<T>(a: T, b: A<T>): T { let x: T = a }",
    )
    assert leaves("typescript", bare, "code") == leaves("typescript", full, "code")


def test_code_in_strings_is_code() -> None:
    assert "name" in leaves("python", 'f"a {name} b"\n', "code")
    assert "name" in leaves("typescript", "`a ${name} b`", "code")
    assert "name" not in leaves("python", '"a {name} b"\n', "code")


def test_white_space_that_means_something_is_seen() -> None:
    def shape(language: str, text: str) -> list[tuple[str, int, bool]]:
        return [
            (text[one.start : one.end], one.depth, one.begins)
            for one in outline(language, text).leaves
        ]

    loop = "for a in b:\n    c()\n    d()\n"
    assert shape("python", loop) != shape("python", loop.replace("    d", "d"))
    assert shape("javascript", "function f() { return x }") != shape(
        "javascript", "function f() { return\nx }"
    )
    assert shape("python", "if a: b()\n") == shape("python", "if a:\n    b()\n")


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n",
        "def f():\n    # nothing\n",
        "def f():\n    x = 1\n        y = 2\n",
        "if a:\n    b\n  c\n",
        'print "x"\n',
        "return 1\n",
        "def f(a, a): pass\n",
        "f() = 1\n",
        "def f():\n    await x\n",
        "x = 1\0\n",
    ],
)
def test_what_python_refuses_is_an_error_although_its_grammar_allows_it(text: str) -> None:
    assert outline("python", text).n_errors > outline("python", "pass\n").n_errors == 0


def test_a_text_is_compiled_and_not_run() -> None:
    assert outline("python", "raise SystemExit\nimport no_such_module\n").n_errors == 0


def test_offsets_count_code_points() -> None:
    text = "é = '😀'\ndef größe(w): return é\n"
    found = outline("python", text)
    check(text, found)
    assert [one.name for one in found.definitions if one.kind == "function"] == ["größe"]
    assert text[found.definitions[-1].span.start :].startswith("def größe")


@pytest.mark.parametrize("language", IDS)
def test_every_language_has_definitions_and_leaves(language: str) -> None:
    found = outline(language, "x\n")
    assert found.leaves
    assert (found.names is not None) == (
        found.language in ("python", "javascript", "typescript", "tsx")
    )


def test_without_a_tree_there_is_no_outline() -> None:
    syntax = DirectSyntax()
    assert asyncio.run(syntax.outline("no-such-language", "x")) is None
    assert asyncio.run(syntax.outline("python", "x = 1\n")) is not None
