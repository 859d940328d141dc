"""Sentinels, invisible characters and space."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import fim
from indoors_completion.families import FAMILIES
from indoors_completion.postprocess import Context
from indoors_completion.postprocess.characters import (
    hidden_characters,
    line_break_first,
    only_space,
    special_tokens,
    trailing_space,
)

QWEN = Context(family=fim.by_name("qwen2.5-coder"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("foo()", "foo()"),
        ("foo()<|fim_middle|>bar", "foo()"),
        ("foo()<|endoftext|><|fim_prefix|>", "foo()"),
        ("<|file_sep|>other.py", ""),
        ("a <b> c", "a <b> c"),
    ],
)
def test_cut_at_a_marker(text, kept):
    step = special_tokens(text, QWEN)
    assert step.text == kept
    assert step.action == ("kept" if text == kept else "changed")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_marker_of_any_family_gets_through(family):
    context = Context(family=family)
    for mark in (*family.sentinels, *family.stops):
        assert special_tokens(f"a{mark}b", context).text == "a"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x = 1\n\ty = 2\n", "x = 1\n\ty = 2\n"),
        ("if admin\u202e \u2066// x\u2069", "if admin // x"),
        ("a\u200bb\u2060c\ufeffd\u00ad", "abcd"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("var\u3164 = 1", "var = 1"),
        ("a\x00b\x1b[0m\x7f\x85", "ab[0m"),
        ("a\r\nb\rc", "a\nbc"),
        ("a\u2028b", "ab"),
        ("naïve = 'été 你好 🙂'", "naïve = 'été 你好 🙂'"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("pass\u200cword", "password"),
    ],
)
def test_invisible_characters(text, kept):
    assert hidden_characters(text, QWEN).text == kept


@given(st.text())
def test_hidden_characters_is_idempotent(text):
    once = hidden_characters(text, QWEN).text
    assert hidden_characters(once, QWEN).text == once
    assert "\r" not in once


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_plain_text_has_no_hidden_characters(text):
    assert hidden_characters(text, QWEN).action == "kept"


@pytest.mark.parametrize(
    ("text", "may_start_below", "action"),
    [
        ("\nx", True, "kept"),
        ("\nx", False, "dropped"),
        ("  \nx", False, "dropped"),
        ("x\ny", False, "kept"),
        ("", False, "kept"),
    ],
)
def test_an_answer_on_the_next_line(text, may_start_below, action):
    context = Context(family=QWEN.family, may_start_below=may_start_below)
    assert line_break_first(text, context).action == action


def test_only_space():
    assert only_space(" \n\t", QWEN).action == "dropped"
    assert only_space("", QWEN).action == "dropped"
    assert only_space(")", QWEN).action == "kept"


@pytest.mark.parametrize(
    ("text", "tail", "kept"),
    [
        ("x = 1  ", "", "x = 1"),
        ("x = 1  \n  \n\ty\t\n\n", "", "x = 1\n\n\ty"),
        ("x + ", "y", "x + "),
        ("x  ", "  ", "x"),
        ("\n    x", "", "\n    x"),
    ],
)
def test_trailing_space(text, tail, kept):
    context = Context(family=QWEN.family, tail=tail)
    assert trailing_space(text, context).text == kept
    assert trailing_space(kept, context).action == "kept"
