"""The range: what of the line's tail an answer replaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import fim
from indoors_completion.gate import is_subsequence
from indoors_completion.langfacts import facts
from indoors_completion.postprocess import Context, fit

FAMILY = fim.by_name("qwen2.5-coder")


def context(language="javascript", **changes):
    return Context(family=FAMILY, language=facts(language), **changes)


@pytest.mark.parametrize(
    ("name", "text", "tail", "result"),
    [
        ("nothing follows", "a)", "", "a)"),
        ("the closer is brought along", "a)", ")", "a)"),
        ("it is not", "a", ")", "a)"),
        ("a pair of one's own does not count", "f(a)", ")", "f(a))"),
        ("a pair of one's own and the closer", "f(a))", ")", "f(a))"),
        ("closer and semicolon", "a);", ");", "a);"),
        ("closer without semicolon", "a)", ");", "a);"),
        ("the outer one of two", " + 1) for e in l]", "]", " + 1) for e in l]"),
        ("both of two", "x)]", ")]", "x)]"),
        ("the inner one of two", "x)", ")]", "x)]"),
        ("a semicolon that is not there yet", "a);", ")", "a);"),
        ("a colon that is not there yet", "a):", ")", "a):"),
        ("an element of a list", "a),", ")", "a),"),
        ("it opens what the tail closes", "a, f(b", ")", "a, f(b)"),
        ("half of an operator", "b:", ":c", "b::c"),
        ("a colon that is there", "b:", ": c", "b: c"),
        ("text goes on behind the closer", "a) + b", ")", "a) + b"),
        ("closers in a string do not count", "')'", ")", "')')"),
        ("space before the closer", "a )", " )", "a )"),
        ("text that follows stays", "a, ", "b)", "a, b)"),
        ("trailing space stays", "a", "  ", "a  "),
    ],
)
def test_one_line(name, text, tail, result):
    fitted = fit(text, context(tail=tail))
    assert fitted.text + tail[fitted.replaces :] == result


@pytest.mark.parametrize(
    ("before", "text", "tail", "result"),
    [
        ("f(g(", "x)", ")", "x))"),
        ("f(g(", "x)", "))", "x))"),
        ("f(g(", "x))", ")", "x))"),
        ("f(g(", "x))", "))", "x))"),
        ("g(", "x)", "))", "x))"),
        ("f('", "a', b)", "')", "a', b)"),
        ("f('", "a", "', b)", "a', b)"),
        ("f(g('", "a'), 'b", "')", "a'), 'b')"),
        ("f(g('", "a'), b", ")", "a'), b)"),
        ("f['", "a'];", "']", "a'];"),
        ("f(`", "a`, b);", "`)", "a`, b);"),
    ],
)
def test_what_the_line_has_open_decides_what_is_replaced(before, text, tail, result):
    inside = before[-1] if before[-1] in "'`" else ""
    fitted = fit(text, context(before=before, inside=inside, tail=tail))
    assert fitted.text + tail[fitted.replaces :] == result


@pytest.mark.parametrize(
    ("name", "text", "tail", "result"),
    [
        ("nothing follows", "\n  a", "", "\n  a"),
        ("the brace is brought along", "\n  a\n}", "}", "\n  a\n}"),
        ("the brace gets a line of its own", "\n  a", "}", "\n  a\n}"),
        ("with punctuation that is not there yet", "\n  a\n});", "})", "\n  a\n});"),
        ("with what follows it", "\n  a", "});", "\n  a\n});"),
        ("in part", "\n  a\n}", "});", "\n  a\n});"),
        ("a parenthesis stays at the end", "a,\n  b", ")", "a,\n  b)"),
        ("trailing space", "\n  a", "  ", "\n  a"),
    ],
)
def test_several_lines_replace_the_whole_tail(name, text, tail, result):
    fitted = fit(text, context(tail=tail))
    assert fitted.replaces == len(tail)
    assert fitted.text == result


def test_a_brace_is_indented_like_the_line_it_closes():
    assert fit("\n    a", context(tail="}", indent="  ")).text == "\n    a\n  }"


@pytest.mark.parametrize(
    ("text", "tail", "inside", "result"),
    [
        ('hello")', '")', '"', 'hello")'),
        ("hello", '")', '"', 'hello")'),
        ('hello"', '")', '"', 'hello")'),
        ("it's", '"', '"', "it's\""),
    ],
)
def test_inside_a_string(text, tail, inside, result):
    fitted = fit(text, context(tail=tail, inside=inside))
    assert fitted.text + tail[fitted.replaces :] == result


def test_the_end_of_a_string_of_several_lines():
    fitted = fit('the end."""', context("python", tail='"""'))
    assert fitted.text + '"""'[fitted.replaces :] == 'the end."""'


TEXTS = st.text(alphabet="ab(){}[]\"';:, \n\t", max_size=30)
TAILS = st.text(alphabet="ab()}]\"'`;:, \t", max_size=10)


@given(TEXTS, TAILS, st.sampled_from(["", "'", '"']), st.sampled_from(["python", "javascript"]))
def test_the_range_rule_over_any_tail(text, tail, inside, language):
    fitted = fit(text, context(language, tail=tail, inside=inside))
    assert 0 <= fitted.replaces <= len(tail)
    assert is_subsequence(tail[: fitted.replaces], fitted.text)
    if "\n" in text:
        assert fitted.replaces == len(tail)
    assert fitted.text.startswith(text)
