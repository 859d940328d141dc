"""Where a completion is offered, and how much of one."""

import pytest

from indoors_completion import gate
from indoors_completion.types import CompletionRequest, Document, SelectedCompletion, Span
from indoors_completion.window import line_at
from indoors_indexing.types import SyntaxSite


def at(marked, language="python", **options):
    before, _, after = marked.partition("|")
    document = Document(uri="u", path="p", language=language, version=1, text=before + after)
    request = CompletionRequest(document=document, offset=len(before), **options)
    return request, line_at(document.text, len(before))


def site(**changes):
    facts = {
        "language": "python", "region": "code", "block": Span(0, 0), "block_indent": "",
        "opens_block": False, "statement": None,
    }  # fmt: skip
    return SyntaxSite(**(facts | changes))


@pytest.mark.parametrize(
    ("marked", "yes", "reason"),
    [
        ("x = |\n", True, "automatic"),
        ("x = foo(|)\n", True, "automatic"),
        ("x = |  # note\n", True, "automatic"),
        ("x = to|tal\n", False, "inside a word"),
        ("x = |total\n", False, "inside a word"),
        ("x = |_total\n", False, "inside a word"),
        ("x = |été\n", False, "inside a word"),
        ("|", False, "the document is empty"),
        (" \n" * 100 + "|\n", False, "the document is empty"),
        ("x" * 2000 + " |\n", False, "the line is too long to be written by hand"),
    ],
)
def test_admits(marked, yes, reason):
    assert gate.admit(*at(marked)) == gate.Verdict(yes, reason)
    assert gate.admit(*at(marked, trigger="explicit")).yes


@pytest.mark.parametrize(
    ("marked", "language", "options", "kind", "reason"),
    [
        ("x = |\n", "python", {"multiline": False}, "line", "the request asks for one line"),
        ("x = | + 1\n", "python", {}, "line", "text follows on the line"),
        ("x = foo(|)\n", "python", {}, "line", "closers follow on the line"),
        ("x = foo(|);  \n", "javascript", {}, "line", "closers follow on the line"),
        ("x = |\n", "python", {}, "statement", "a statement is being written"),
        ("def f():|\n", "python", {}, "block", "the body of a block starts here"),
        ("if (x) {|}\n", "javascript", {}, "block", "the body of a block starts here"),
        ("    |\n", "python", {}, "block", "a statement starts here"),
        ("# say |\n", "python", {}, "line", "inside a comment"),
        ("x = 1 // say |\n", "go", {}, "line", "inside a comment"),
        ("x = 'say |\n", "python", {}, "line", "inside a string"),
        ("x: &'a |\n", "rust", {}, "statement", "a statement is being written"),
    ],
)
def test_shape_by_the_line_alone(marked, language, options, kind, reason):
    request, line = at(marked, language, **options)
    assert gate.shape(request, line, None) == gate.Shape(kind, reason)


@pytest.mark.parametrize(
    ("marked", "facts", "kind"),
    [
        ("    |\n", {"region": "string"}, "line"),
        ("    |\n", {"region": "comment"}, "line"),
        ("# no comment, says the tree |\n", {}, "statement"),
        ("class A(B)|\n", {"opens_block": True}, "block"),
        ("x = {|\n", {"opens_block": False}, "statement"),
    ],
)
def test_the_tree_knows_better(marked, facts, kind):
    request, line = at(marked)
    assert gate.shape(request, line, site(**facts)).kind == kind


@pytest.mark.parametrize(
    ("marked", "trigger", "opens", "yes"),
    [
        ("x = 1|\n", "automatic", False, False),
        ("x = 1|\n", "explicit", False, True),
        ("x = |\n", "automatic", False, True),
        ("foo(|\n", "automatic", False, True),
        ("def f():|\n", "automatic", True, True),
        ("|\n", "automatic", False, True),
        ("x = 1| + 2\n", "explicit", False, True),
        ("x = (| + 2\n", "automatic", False, False),
    ],
)
def test_an_answer_may_start_below(marked, trigger, opens, yes):
    request, line = at(marked, trigger=trigger)
    assert gate.may_start_below(request, line, opens=opens) is yes


def test_after_an_accept_an_answer_may_start_below_at_the_end_of_a_line():
    request, line = at("x = 1|\n", continues=True)
    assert gate.may_start_below(request, line, opens=False)
    request, line = at("x = 1| + 2\n", continues=True)
    assert not gate.may_start_below(request, line, opens=False)


def test_a_selected_entry_must_contain_what_it_replaces():
    request, _ = at("x = pnl|", selected=SelectedCompletion("println", Span(4, 7)))
    assert gate.selected_fits(request).yes
    request, _ = at("x = pnl|", selected=SelectedCompletion("printf", Span(4, 7)))
    assert not gate.selected_fits(request).yes


@pytest.mark.parametrize(
    ("part", "whole", "yes"),
    [("", "", True), ("", "a", True), (")", "a)b", True), ("ab", "ba", False), ("aa", "a", False)],
)
def test_subsequence(part, whole, yes):
    assert gate.is_subsequence(part, whole) is yes
