"""Text that is already there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import fim
from indoors_completion.langfacts import facts
from indoors_completion.postprocess import Context
from indoors_completion.postprocess.overlap import lines_below, rest_of_line, within

FAMILY = fim.by_name("qwen2.5-coder")


def context(language="python", **changes):
    return Context(family=FAMILY, language=facts(language), **changes)


@pytest.mark.parametrize(
    ("name", "text", "below", "kept"),
    [
        ("one equal line", "a = 1\nreturn a", ("return a",), "a = 1"),
        ("three lines", "a\nfoo()\nbar()\nbaz()", ("foo()", "bar()", "baz()"), "a"),
        ("blank lines between", "a\n\nfoo()\n\nbar()\n", ("foo()", "bar()"), "a\n"),
        ("two similar lines", "a\nvalue = compute(x)\nreturn value",
         ("value = compute(y)", "return value"), "a"),
        ("one line elsewhere indented", "a\n    else:", ("        else:",), None),
        ("one similar line", "a\nx = f(1)", ("x = f(2)",), None),
        ("rows of a table", "a\nx = row(1, 2, 3)\nx = row(2, 3, 4)",
         ("x = row(3, 4, 5)", "x = row(4, 5, 6)"), None),
        ("the same closers further in", "a\n        })\n      }", ("    })", "  }"), None),
        ("two dissimilar lines", "a\nfoo(1)\nbar(2)", ("foo(9)", "bar(8)"), None),
        ("more lines than follow", "a\nfoo()\nbar()", ("foo()",), None),
        ("not at the end", "a\nfoo()\nmore()", ("foo()",), None),
        ("the first line is not judged here", "foo()", ("foo()",), None),
    ],
)  # fmt: skip
def test_lines_below(name, text, below, kept):
    step = lines_below(text, context(below=below))
    assert step.text == (text if kept is None else kept)
    assert lines_below(step.text, context(below=below)).action == "kept"


def test_text_after_the_cursor_is_the_first_line_below():
    where = context(tail="    return True", below=("else:",))
    assert lines_below("\nelse:\n", where).action == "kept"
    assert lines_below("\nx = 1\n    return True\nelse:", where).text == "\nx = 1"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\n  a();\n}", "\n  a();"),
        ("\n  if (a) {\n  }", None),
        ("x({\n  a: 1,\n}", None),
    ],
)
def test_a_lone_bracket_counts_if_it_closes_what_was_open(text, kept):
    step = lines_below(text, context("javascript", below=("}",)))
    assert step.text == (text if kept is None else kept)


def test_an_answer_that_says_only_what_follows():
    assert lines_below("\nreturn a", context(below=("return a",))).action == "dropped"


@pytest.mark.parametrize(
    ("text", "tail", "kept"),
    [
        ("bar) + 1", "bar) + 1", ""),
        ("foo, bar) + 1", "bar) + 1", "foo, "),
        ("foo, bar)", "bar) + 1", "foo, "),
        ("foo bar + 1", " + 1", "foo bar"),
        ("temp2, temp", "temp_index = 1", "temp2, temp"),
        ("retemp", "temp", "retemp"),
        ("foo)", ")", "foo)"),
        (")", ")", ""),
        ("/", "/", "/"),
        ("foo", "", "foo"),
        ("a + b", "b", "a + "),
        ("a + ab", "abc", "a + ab"),
    ],
)
def test_rest_of_line(text, tail, kept):
    step = rest_of_line(text, context(tail=tail))
    assert step.text == kept
    assert step.action == ("kept" if text == kept else "changed" if kept else "dropped")


@given(st.text(max_size=12), st.text(max_size=12), st.integers(0, 4))
def test_within_is_the_edit_distance(left, right, limit):
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        rows = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
        for i in range(len(a) + 1):
            for j in range(len(b) + 1):
                rows[i][j] = (
                    i + j
                    if not i or not j
                    else min(
                        rows[i - 1][j] + 1,
                        rows[i][j - 1] + 1,
                        rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                    )
                )
        return rows[-1][-1]

    assert within(left, right, limit) is (distance(left, right) <= limit)
