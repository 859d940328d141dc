"""I7: no text makes the parser raise, and a kept tree always equals a fresh one."""

import asyncio
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indoors_indexing.languages import LANGUAGES
from indoors_indexing.lines import indent_unit
from indoors_indexing.parse import MAX_TEXT_BYTES, DirectSyntax, SyntaxUnavailable, Trees
from indoors_indexing.sources import Source, changed_range, encodable
from indoors_indexing.types import Document, SyntaxSite
from support.hostile import HOSTILE, SLOW_JAVASCRIPT

IDS = [record.language_ids[0] for record in LANGUAGES]
# Every code point, surrogates included, leaning towards what grammars care about.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("(){}[]:;,.\"'`#/*\\=<>$ \t\r\n\0fx1"),
        st.sampled_from(["é", "\U0001f600", "\ud83d", "\udc00", "\u2028", "\ufeff"]),
        st.characters(exclude_categories=()),
    ),
    max_size=200,
)
FRAGMENTS = st.lists(
    st.sampled_from(
        ["def f(a):", "\n", "    ", "  ", "\t", "if x:", "else:", "return ", "x = ", "foo(", ")",
         "{", "}", "function f() {", "class A {", "class A:", "=> {", '"', "'", '"""', "`", "${",
         "case 1:", "switch (x) {", "# c", "// c", "/* ", "*/", "fn f() {", "\r\n", ";", ":", "é",
         "T& f(", "int &", "*p", "do |x|", "end", "then", "fi", "do", "function M.f(x)", "<?php "]
    ),
    max_size=40,
).map("".join)  # fmt: skip


def check(site: SyntaxSite, text: str, offset: int) -> None:
    """What must hold of every answer about any text."""
    assert 0 <= site.block.start <= offset <= site.block.end <= len(text)
    assert site.block_indent.strip(" \t") == ""
    if site.statement is not None:
        assert 0 <= site.statement.start <= offset <= site.statement.end <= len(text)
        assert site.statement.start < site.statement.end
    assert not (site.opens_block and site.statement)
    assert not (site.opens_block and site.region != "code")


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(TEXTS, FRAGMENTS), language=st.sampled_from(IDS), data=st.data())
def test_every_text_has_an_answer(text: str, language: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    trees = Trees()
    check(trees.site("a", language, text, offset), text, offset)
    assert trees.error_count(language, text) >= 0


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300), language=st.sampled_from(IDS))
@example(data=b"\x0b{\x00\x00", language="javascript")
def test_random_bytes_have_an_answer(data: bytes, language: str) -> None:
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
        check(Trees().site("a", language, text, len(text) // 2), text, len(text) // 2)


@settings(max_examples=100, deadline=None)
@given(language=st.sampled_from(IDS), texts=st.lists(FRAGMENTS | TEXTS, min_size=2, max_size=5))
def test_a_changed_document_has_the_answers_of_a_fresh_one(language: str, texts: list[str]) -> None:
    trees = Trees()
    for text in texts:
        again, fresh = trees.document("a", language, text), Trees().document("b", language, text)
        assert again.source.data == fresh.source.data
        # Recovery from errors may differ between the two; sound texts must not.
        if not fresh.tree.root_node.has_error and not again.tree.root_node.has_error:
            assert str(again.tree.root_node) == str(fresh.tree.root_node)


def test_typing_a_file_reuses_the_tree_and_answers_as_if_parsed_afresh() -> None:
    text = 'def área(w):\r\n    """Ein 😀."""\r\n    return w\r\n'
    trees = Trees()
    typed = ""
    for character in text:
        typed += character
        trees.site("a", "python", typed, len(typed))
    assert trees.n_incremental == len(text) - 1
    for offset in range(len(text) + 1):
        assert trees.site("a", "python", text, offset) == Trees().site("b", "python", text, offset)


def test_offsets_count_code_points_behind_astral_characters() -> None:
    text = "def f():\n    s = '😀😀'; t = é\n"
    offset = text.index("t = é") + 5
    site = Trees().site("a", "python", text, offset)
    assert site.statement is not None
    assert text[site.statement.start : site.statement.end] == "t = é"


def test_carriage_returns_do_not_reach_the_indentation() -> None:
    text = "def f():\r\n    x = 1\r\n    \r\n"
    site = Trees().site("a", "python", text, len(text) - 2)
    assert (site.block_indent, site.scope, site.statement) == ("    ", ("f",), None)


@pytest.mark.parametrize("language", IDS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_answered_or_refused(name: str, language: str) -> None:
    text = HOSTILE[name]
    trees = Trees(budget_ms=100)
    kinds = set()
    for offset in (len(text) // 2, len(text)):
        try:
            check(trees.site("a", language, text, offset), text, offset)
        except SyntaxUnavailable as refusal:
            kinds.add(refusal.kind)
            break
    assert kinds <= {"slow"}


def test_a_text_over_the_cap_is_refused() -> None:
    with pytest.raises(SyntaxUnavailable) as caught:
        Trees().site("a", "python", "x = 1; " * 750_000, 5)
    assert caught.value.kind == "size"
    assert len("é" * (MAX_TEXT_BYTES // 2 + 1)) < MAX_TEXT_BYTES
    with pytest.raises(SyntaxUnavailable):
        Trees().error_count("python", "é" * (MAX_TEXT_BYTES // 2 + 1))


def test_a_slow_parse_is_stopped_and_the_parser_is_good_for_the_next() -> None:
    trees = Trees(budget_ms=50)
    for _ in range(2):
        with pytest.raises(SyntaxUnavailable) as caught:
            trees.site("a", "javascript", SLOW_JAVASCRIPT, 100)
        assert caught.value.kind == "slow"
        assert trees.site("b", "javascript", "f(a);\n", 2).has_error is False
    assert trees.site("a", "javascript", "f(a);\n", 2).has_error is False


def test_errors_are_counted() -> None:
    trees = Trees()
    assert trees.error_count("go", "package a\n\nfunc f() {}\n") == 0
    assert trees.error_count("go", "package a\n\nfunc f( {}\n") > 0
    assert trees.error_count("javascript", "function f() {\n  g();\n") == 1


def test_a_document_that_changes_its_language_is_parsed_as_the_new_one() -> None:
    trees = Trees()
    assert trees.site("a", "javascript", "x = `a`\n", 5).language == "javascript"
    assert trees.site("a", "python", "x = `a`\n", 5).language == "python"


def test_the_kept_trees_are_bounded() -> None:
    trees = Trees()
    for number in range(100):
        trees.document(f"uri:{number}", "python", "#" * 120_000)
    assert len(trees._kept) < 20
    assert "uri:99" in trees._kept
    trees.forget("uri:99")
    assert "uri:99" not in trees._kept


def test_direct_syntax_answers_none_where_there_is_no_tree() -> None:
    async def ask() -> None:
        syntax = DirectSyntax()
        known = Document(uri="a", path="a.py", language="python", version=1, text="def f():\n")
        site = await syntax.site(known, 9)
        assert site is not None
        assert site.opens_block
        unknown = Document(uri="b", path="b", language="plaintext", version=1, text="x")
        assert await syntax.site(unknown, 0) is None
        assert await syntax.error_count("plaintext", "x") is None

    asyncio.run(ask())


@given(TEXTS, TEXTS)
def test_the_changed_range_turns_the_old_text_into_the_new(old: str, new: str) -> None:
    before, after = encodable(old).encode(), encodable(new).encode()
    start, old_end, new_end = changed_range(before, after)
    assert before[:start] + after[start:new_end] + before[old_end:] == after
    for data, at in ((before, start), (before, old_end), (after, new_end)):
        data[:at].decode()  # never inside a character


def test_the_changed_range_of_a_long_text_is_the_edit() -> None:
    rng = random.Random(7)
    old = bytes(rng.choices(b"abc\n", k=50_000))
    for at in (0, 1, 4095, 4096, 4097, 30_000, 50_000):
        assert changed_range(old, old[:at] + b"Z" + old[at:]) == (at, at, at + 1)


@given(TEXTS, st.integers(-5, 250))
def test_offsets_survive_the_way_to_bytes_and_back(text: str, offset: int) -> None:
    source = Source(text)
    assert len(source.text) == len(text)
    assert source.to_offset(source.to_byte(offset)) == max(0, min(offset, len(text)))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("a:\n  b\n", "  "),
        ("a:\n\tb\n", "\t"),
        ("a:\n    b:\n        c\n", "    "),
        ("a:\n   b\nc:\n  d\ne:\n  f\n", "  "),
        ("a\nb\n", "DEFAULT"),
        ("", "DEFAULT"),
    ],
)
def test_the_files_own_indent_unit_is_found(text: str, unit: str) -> None:
    assert indent_unit(text.encode(), "DEFAULT") == unit
