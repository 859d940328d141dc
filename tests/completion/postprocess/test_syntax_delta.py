"""The check by syntax errors: the decision, and what is asked."""

import asyncio

import pytest

from indoors_completion import fim
from indoors_completion.place import context_of, locate
from indoors_completion.postprocess.syntax_delta import Attempt, check, decide, is_unfinished
from indoors_completion.types import CompletionRequest, Document
from indoors_completion.window import Window
from indoors_indexing.parse import DirectSyntax

FAMILY = fim.by_name("qwen2.5-coder")


def ask(marked, text, language="python", syntax=None, deadline_ms=10_000.0, explicit=False):
    before, _, after = marked.partition("|")
    document = Document(uri="u", path="p", language=language, version=1, text=before + after)
    place = locate(CompletionRequest(document=document, offset=len(before)))
    around = Window(prefix=before, suffix=after, prefix_start=0, suffix_end=len(after))
    context = context_of(place, FAMILY, around=around, explicit=explicit)
    asked = check(text, place, context, syntax or DirectSyntax(), deadline_ms=deadline_ms)
    return asyncio.run(asked), context


class Scripted:
    """A syntax service that counts what a test says, and remembers the texts."""

    def __init__(self, *counts):
        self.counts = list(counts)
        self.texts = []

    async def site(self, document, offset):
        raise AssertionError("not asked")

    async def error_count(self, language, text):
        self.texts.append(text)
        return self.counts.pop(0)


class Silent(Scripted):
    async def error_count(self, language, text):
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("n_before", "attempts", "action", "text"),
    [
        (0, [Attempt("a\nb", 0)], "kept", "a\nb"),
        (2, [Attempt("a\nb", 2)], "kept", "a\nb"),
        (0, [Attempt("a\nb", 1), Attempt("a\nb", 0)], "kept", "a\nb"),
        (0, [Attempt("a\nb", 1), Attempt("a", 0)], "changed", "a"),
        (0, [Attempt("a\nb", 1), Attempt("a", 1)], "dropped", ""),
        (0, [], "dropped", ""),
    ],
)
def test_decide(n_before, attempts, action, text):
    step = decide("a\nb", n_before, attempts)
    assert (step.action, step.text) == (action, text)


@pytest.mark.parametrize(
    ("name", "language", "marked", "text", "kept"),
    [
        ("a sound line", "python", "def f():\n    |\n", "return 1", "return 1"),
        ("it does not parse", "python", "def f():\n    |\n", "return 1 2 3", None),
        ("its first line does", "python", "def f():\n    |\n", "x = 1\n    y = = 2", "x = 1"),
        ("it mends the line", "python", "x = foo(|\ny = 1\n", "1)", "1)"),
        ("a document with errors elsewhere", "python", "x = = 2\n\n|\n", "x = 1", "x = 1"),
        ("a block that is not written yet", "javascript", "f();\n|\n", "if (x) {", "if (x) {"),
        ("a closer too many", "javascript", "if (x) {\n  |\n}\n", "f();\n}", "f();"),
        ("prose in a comment", "python", "# see |\n", "the ) manual", "the ) manual"),
        ("prose in a docstring", "python", 'def f():\n    """Do |\n', "it ) now", "it ) now"),
        ("a decorator alone", "java", "class A {\n    |\n}\n", "@Override", "@Override"),
        ("an operator at the end", "javascript", "if (\n  a |\n) { f(); }\n", "&&", "&&"),
        ("no grammar", "zig", "int x = |\n", ")) 1 2", ")) 1 2"),
    ],
)
def test_with_real_trees(name, language, marked, text, kept):
    step, _ = ask(marked, text, language)
    assert step.text == (kept or "")
    assert step.action == ("dropped" if kept is None else "kept" if kept == text else "changed")


def test_who_asks_may_get_less_but_not_nothing():
    for explicit, action in ((False, "dropped"), (True, "kept")):
        step, _ = ask("def f():\n|\n", "return ) x", explicit=explicit)
        assert step.action == action
    step, _ = ask("def f():\n    |\n", "a = 1\n    b = )", explicit=True)
    assert (step.action, step.text) == ("changed", "a = 1")


def test_the_document_is_counted_without_and_with_the_answer():
    syntax = Scripted(0, 0)
    ask("a\nf(|)\nb\n", "x)", "javascript", syntax)
    assert syntax.texts == ["a\nf()\nb\n", "a\nf(x)\nb\n"]


def test_what_is_opened_is_closed_for_a_second_count():
    syntax = Scripted(0, 1, 0)
    step, _ = ask("|\n", "if (x) {", "javascript", syntax)
    assert step.action == "kept"
    assert syntax.texts[-1] == "if (x) {}\n"


def test_at_most_five_questions():
    syntax = Scripted(0, *[9] * 4)
    step, _ = ask("|\n", "a();\nb();\nif (x) {", "javascript", syntax)
    assert step.action == "dropped"
    assert len(syntax.texts) == 5


def test_only_lines_around_the_cursor_of_a_long_document_are_counted():
    syntax = Scripted(0, 0)
    lines = "x = 1\n" * 20_000
    ask(f"{lines}y = |\n{lines}", "2", syntax=syntax)
    for text in syntax.texts:
        assert 50_000 < len(text) < 70_000
        assert set(text.rstrip("\n").split("\n")) <= {"x = 1", "y = ", "y = 2"}
    assert "\ny = 2\n" in syntax.texts[1]


@pytest.mark.parametrize("syntax", [Scripted(None), Scripted(0, None), Silent()])
def test_no_answer_keeps_it(syntax):
    step, _ = ask("x = |\n", "= = =", syntax=syntax, deadline_ms=20.0)
    assert (step.action, step.text) == ("kept", "= = =")


@pytest.mark.parametrize(
    ("text", "unfinished"),
    [
        ("a +", True),
        ("a = b and", True),
        ("a", False),
        ("'a", True),
        ("a\n@b", True),
        ("(a", False),
    ],
)
def test_is_unfinished(text, unfinished):
    _, context = ask("x = |\n", "1")
    assert is_unfinished(text, context) is unfinished
