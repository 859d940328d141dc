"""Brackets against the surroundings. A fixture has `|` at the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import fim
from indoors_completion.brackets import Scanner
from indoors_completion.langfacts import LANGUAGES, facts
from indoors_completion.place import context_of, locate
from indoors_completion.postprocess.balance import brackets, ends_in_code, open_brackets
from indoors_completion.types import CompletionRequest, Document
from indoors_completion.window import Window

FAMILY = fim.by_name("qwen2.5-coder")


def context(marked, language="javascript", from_start=True):
    before, _, after = marked.partition("|")
    document = Document(uri="u", path="p", language=language, version=1, text=before + after)
    place = locate(CompletionRequest(document=document, offset=len(before)))
    around = Window(prefix=before, suffix=after, prefix_start=0 if from_start else 9, suffix_end=0)
    return context_of(place, FAMILY, around=around)


@pytest.mark.parametrize(
    ("name", "marked", "text", "kept"),
    [
        ("one closer too many", "f(g(|\n", "a)))", "a))"),
        ("what follows it goes, too", "f(|\n", "a)) + b", "a)"),
        ("it is closed below", "f(\n  |\n)\n", "a)", "a"),
        ("nothing but what is closed below", "f(\n  |\n)\n", ")", None),
        ("it is not closed below", "f(\n  |\n", "a)", "a)"),
        ("the tail is replaced, not counted twice", "f(|)\n", "a)", "a)"),
        ("more than the tail has", "f(|)\n", "a))", "a)"),
        ("a crossing pair", "x = |\n", "[f(a]", "[f(a"),
        ("closed and opened again", "if (a) {\n  b\n|\n}\n", "} else {\n  c", "} else {\n  c"),
        ("a block too many", "if (a) {\n  |\n}\n", "b();\n}\n}", "b();"),
        ("a string's brackets are none", "f(|\n", "')))')", "')))')"),
        ("nor those of a comment", "f(|\n", "a) // :))", "a) // :))"),
        ("nor those of a regular expression", "f(|\n", "/[)]\\)/)", "/[)]\\)/)"),
        ("but a division is no regular expression", "f(a / |\n", "b)) / c", "b)"),
        ("prose in a comment", "f(1)\n// 1|\n", ") first", ") first"),
        ("prose in a comment of several lines", "/* a\n * 1|\n */", ") first", ") first"),
        ("a broken document is not the answer's fault", "f(])|\n", " + g(a)", " + g(a)"),
        ("an answer without closers", "f(])|\n", " + g", " + g"),
    ],
)  # fmt: skip
def test_cut_at_the_first_closer_that_is_not_open(name, marked, text, kept):
    where = context(marked)
    step = brackets(text, where)
    assert step.text == (kept or "")
    assert step.action == ("dropped" if kept is None else "kept" if kept == text else "changed")
    if kept is not None:
        assert brackets(kept, where).action == "kept"


def test_what_was_opened_before_the_window_is_not_known():
    assert brackets("a\n}", context("  |\n", from_start=False)).action == "kept"
    assert brackets("a\n}", context("  |\n", from_start=True)).text == "a"
    # What crosses is wrong wherever the window begins.
    assert brackets("a]", context("f(|\n", from_start=False)).text == "a"


def test_without_a_window_nothing_is_judged():
    document = Document(uri="u", path="p", language="go", version=1, text="f(")
    place = locate(CompletionRequest(document=document, offset=2))
    assert brackets("a)))", context_of(place, FAMILY)).action == "kept"


@pytest.mark.parametrize(
    ("language", "before", "text"),
    [
        ("rust", "if c == |", "'(' || c == '\\u{29}' { f(); }"),
        ("rust", "fn f<|", "'a>(x: &'a str) -> (&'a str) { x }"),
        ("python", 'x = f("""(((""", |', "'''[''')"),
        ("go", "x := f(`\\d(`, |", "'{', \"[\")"),
        ("java", "x = f('(', |", '"""\n  [ "a"\n""")'),
        ("c", "f(|", "'\\'', \"(\\\"\") /* ( */;"),
    ],
)
def test_quotes_of_a_language_hide_brackets(language, before, text):
    assert brackets(text, context(f"{before}|".replace("||", "|"), language)).action == "kept"


@pytest.mark.parametrize(
    ("text", "owed"),
    [("f(a", ")"), ("if (x) {\n  f([", "])}"), ("f(')')", ""), (") + f(", ")"), ("", "")],
)
def test_open_brackets(text, owed):
    assert open_brackets(text, facts("javascript")) == owed


@pytest.mark.parametrize(
    ("marked", "text", "in_code"),
    [
        ("x = 1|", "", True),
        ("// a|", "", False),
        ("// a\n|", "", True),
        ("/* a\n|", "", False),
        ("x = `a\n|", "", False),
        ("x = 'a|", "", True),
        ("x = 'a|", "b", False),
        ("x = 'a|", "b'", True),
        ("x = |", "`a", False),
        ("x = |", "'a", False),
    ],
)
def test_ends_in_code(marked, text, in_code):
    assert ends_in_code(context(marked), text) is in_code


@given(
    st.text(alphabet="ab(){}[]\"'`\n \\#/*", max_size=60),
    st.sampled_from(["f(|\n", "{\n  |\n}\n", "|", "x = 'a|'\n", "/* |", "f(|)"]),
    st.sampled_from(sorted(LANGUAGES)),
)
def test_any_text(text, marked, language):
    where = context(marked, language)
    step = brackets(text, where)
    assert text.startswith(step.text)
    if step.action == "changed":
        assert brackets(step.text, where).action == "kept"


@given(st.lists(st.sampled_from(["(", ")", "[", "]", "a", "'(\\''", "\n", "# ) \n"]), max_size=20))
def test_owed_closers_balance_a_sound_text(pieces):
    text = "".join(pieces)
    scanner = Scanner(facts("python"))
    scanner.feed(text)
    if not scanner.left and scanner.inside == "":
        assert open_brackets(text, facts("python")) == "".join(reversed(scanner.open))
        scanner.feed(open_brackets(text, facts("python")))
        assert not scanner.open
        assert not scanner.left
