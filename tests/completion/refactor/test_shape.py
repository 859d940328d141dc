"""What the model writes of a target and what is given: in every language, with and without doc."""

from __future__ import annotations

import asyncio

import pytest

from fakes.engine import MODEL
from indoors_completion.refactor import actions, asking, shape
from indoors_completion.refactor.shape import Shape
from indoors_completion.refactor.types import EditRequest, Problem, Target
from indoors_completion.types import Document, Span
from indoors_indexing.parse import DirectSyntax

PYTHON = '''\
@cached(size=3)
def mean(values,
         weights=None):
    """The mean of some values.

    Weighted, if there are weights.
    """
    # their sum
    total = sum(values)
    return total / len(values)
'''
BARE = """\
class Cart:
    def total(self, items):  # in cents
        found = 0
        return found
"""
TYPESCRIPT = """\
/** Adds. */
export function add(a: number, b = {}) {
  return a;
}
"""
GO = """\
// Add adds
// numbers.
func (s *Sum) Add(a int, b int) (int, error) {
	return a + b, nil
}
"""
RUST = """\
#[inline]
pub fn add(a: i32, b: i32) -> i32 {
    a + b
}
"""


def asked(
    text: str,
    action: str,
    language: str,
    instruction: str = "",
    at: str = "return",
    report: str = "",
) -> tuple[EditRequest, Target]:
    """The request and the target around the first place of a text."""
    outline = asyncio.run(DirectSyntax().outline(language, text))
    assert outline is not None
    start = text.index(at)
    where = text.index(report) if report else 0
    request = EditRequest(
        document=Document(uri="file:///f", path="f", language=language, version=1, text=text),
        selection=Span(start, start), action=action, outline=outline, instruction=instruction,
        problems=(Problem("it is wrong", Span(where, where + 1)),) if report else (),
    )  # fmt: skip
    target = actions.BY_NAME[action].applies(request)
    assert target is not None
    return request, target


def form(text: str, action: str, language: str, **options: str) -> Shape:
    request, target = asked(text, action, language, **options)
    return asking.shape_for(actions.BY_NAME[action], request, target)


@pytest.mark.parametrize(
    ("text", "action", "language", "given", "repeats"),
    [
        (PYTHON, "simplify", "python", "    \"\"\"", "\n    # their sum"),
        (PYTHON, "document", "python", '    """', "The mean of some values.\n"),
        (PYTHON, "annotate", "python", "def mean(", "values,\n         weights=None):"),
        (TYPESCRIPT, "document", "typescript", "/**", " Adds. "),
        (TYPESCRIPT, "annotate", "typescript", "function add(", "a: number, b = {})"),
        (GO, "document", "go", "//", " Add adds\n// numbers."),
    ],
)  # fmt: skip
def test_what_is_given_and_what_may_be_repeated_are_the_target(
    text: str, action: str, language: str, given: str, repeats: str
) -> None:
    found = form(text, action, language)
    assert found.given.endswith(given)
    assert found.repeats.startswith(repeats)
    assert f"{found.given}{found.repeats}{found.rest}" == text.rstrip("\n")
    assert found.code(found.repeats) == text.rstrip("\n")
    if found.rest:
        assert found.rest.startswith(found.stops[0])


def test_a_docstring_is_begun_below_the_head() -> None:
    found = form(BARE, "document", "python")
    assert found.given == 'def total(self, items):  # in cents\n    """'
    assert found.code("The sum.") == (
        'def total(self, items):  # in cents\n    """The sum."""\n    found = 0\n    return found'
    )


@pytest.mark.parametrize(
    ("text", "language", "opened"), [(RUST, "rust", "///"), (GO[GO.index("func") :], "go", "//")]
)
def test_a_comment_is_begun_above_the_head(text: str, language: str, opened: str) -> None:
    text = text.lstrip("\n")
    found = form(text, "document", language, at="fn " if language == "rust" else "return")
    assert (found.given, found.repeats) == (opened, "")
    said = f" Adds two numbers.\n{opened} Never fails.\n"
    assert found.code(said) == f"{opened}{said}{text}".rstrip("\n")
    # What is no comment any more is code that the model made up.
    assert found.code(f" Adds.\nfn other() {{}}\n{opened} Never fails.") == ""


@pytest.mark.parametrize("text", ["def f(a): return a\n", "f = 1  # return\n"])
def test_what_cannot_be_taken_apart_is_written_whole(text: str) -> None:
    if text.startswith("def"):
        assert form(text, "document", "python").is_whole
    found = form(text, "edit", "python", instruction="return b")
    assert found.code("```python\nx\n```") == "x" if found.is_whole else found.given == "def f(a):"


def test_a_wish_about_a_head_is_written_whole() -> None:
    assert not form(PYTHON, "edit", "python", instruction="use the median").is_whole
    assert form(PYTHON, "edit", "python", instruction="rename it to average").is_whole
    assert form(PYTHON, "edit", "python", instruction="take a parameter more").is_whole
    assert not form(PYTHON, "fix", "python", report="total /").is_whole
    assert form(PYTHON, "fix", "python", report="weights").is_whole


@pytest.mark.parametrize("action", ["implement", "handle_errors", "simplify"])
def test_of_our_own_wishes_about_code_only_the_body_is_written(action: str) -> None:
    """Their words ("as its signature says", "bad arguments") are about code nevertheless."""
    text = PYTHON.replace("# their sum", "# TODO: without the weights")
    assert not form(text, action, "python").is_whole


def test_a_todo_about_a_head_is_written_whole() -> None:
    text = PYTHON.replace("# their sum", "# TODO: a parameter for the start")
    assert form(text, "implement", "python").is_whole


def test_several_definitions_are_written_whole() -> None:
    text = "def f(a):\n    return a\n\n\ndef g(a):\n    return a\n"
    request, target = asked(text, "edit", "python", "return b")
    assert shape.body_start(request, target) > 0
    both = EditRequest(
        document=request.document, selection=Span(0, len(text)), action="edit",
        outline=request.outline, instruction="return b",
    )  # fmt: skip
    everything = actions.BY_NAME["edit"].applies(both)
    assert everything is not None
    assert shape.shape_of("body", both, everything).is_whole


def test_windows_line_ends_and_hidden_characters_are_the_files_own() -> None:
    text = PYTHON.replace("\n", "\r\n")
    found = form(text, "simplify", "python")
    assert "\r" not in found.given
    assert found.code("\r\n    return 1\r\n") == f"{found.given}\n    return 1"


def test_the_last_word_that_is_given_is_spelled_by_the_model() -> None:
    """A token goes over it: `(width` is one, and after `(` alone comes what nobody writes."""
    for action, begin in (("annotate", "("), ("document", '    """'), ("simplify", '    """')):
        request, target = asked(PYTHON, action, "python")
        found = form(PYTHON, action, "python")
        assert found.begin == begin
        job = asking.job_for(actions.BY_NAME[action], request, target, MODEL, [], found)
        assert job.begin == begin
        assert job.parts[-1].text.endswith(found.given.removesuffix(begin))
        assert job.drafts.startswith(begin)


def test_row_21_nothing_hidden_is_spelled() -> None:
    text = PYTHON.replace('"""The mean', '"\u200b""The mean').replace("some values.", "x")
    for action in ("simplify", "annotate"):
        assert "\u200b" not in form(text, action, "python").begin
    hidden = "def f(a\u200b):\n    b = 1\n    c = 2\n    return a\n"
    found = form(hidden, "simplify", "python")
    assert "\u200b" not in found.begin
