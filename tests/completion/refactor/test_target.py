"""What may change are whole lines: a definition with its decorators and documentation, or lines."""

import pytest

from indoors_completion.refactor import target
from indoors_completion.refactor.actions import BY_NAME, offered
from indoors_completion.refactor.types import EditRequest, Problem
from indoors_indexing.types import Document, Span
from support.edit_sites import outlined

TEXT = '''import os


@cache
def first(a):
    """Says it."""
    def inner(b):
        return b
    return inner(a)


class Größe:
    limit = 3

    def second(self):
        # TODO: add it up
        pass
'''


def request(
    text: str = TEXT, start: str | int = 0, end: str = "", language: str = "python", **given: object
) -> EditRequest:
    outline = outlined(language, text)
    assert outline is not None
    first = text.index(start) if isinstance(start, str) else start
    last = text.index(end) + len(end) if end else first
    return EditRequest(
        document=Document(uri="a", path="a", language=language, version=1, text=text),
        selection=Span(first, last),
        action="edit",
        outline=outline,
        **given,
    )


def test_a_cursor_means_the_function_around_it_with_its_decorators() -> None:
    found = target.of_callable(request(start="return inner"))
    assert found is not None
    assert found.text.startswith("@cache\ndef first")
    assert found.text.endswith("return inner(a)")
    assert found.indent == ""


def test_a_nested_function_is_a_target_of_its_own() -> None:
    found = target.of_callable(request(start="return b"))
    assert found is not None
    assert found.defined is not None
    assert (found.defined.name, found.text) == ("inner", "def inner(b):\n    return b")


def test_a_method_is_shown_without_its_indentation() -> None:
    found = target.of_callable(request(start="pass"))
    assert found is not None
    assert found.text == "def second(self):\n    # TODO: add it up\n    pass"
    assert found.indent == "    "
    assert TEXT[found.span.start : found.span.end].startswith("    def second")


def test_selected_lines_are_whole_and_a_definitions_lines_are_that_definition() -> None:
    lines = target.selected(request(start="limit", end="limit ="))
    assert lines is not None
    assert (lines.text, lines.defined) == ("limit = 3", None)
    whole = target.selected(request(start="@cache", end="return inner(a)\n"))
    assert whole is not None
    assert whole.defined is not None
    assert whole.defined.name == "first"


def test_documentation_above_a_definition_is_part_of_it() -> None:
    text = "import 'x'\n\n/** Old. */\nfunction f(a) {\n  return a\n}\n"
    found = target.of_definition(request(text, "return", language="javascript"))
    assert found is not None
    assert found.text.startswith("/** Old. */\nfunction")
    selected = target.selected(request(text, "/**", "}\n", language="javascript"))
    assert selected is not None
    assert selected.defined is not None


@pytest.mark.parametrize("text", ["a = 1\r\nb = 2\r\n", "a = 1\r\nb = 2"])
def test_carriage_returns_are_not_in_the_target(text: str) -> None:
    found = target.selected(request(text, 0, "1"))
    assert found is not None
    assert (found.text, text[found.span.start : found.span.end]) == ("a = 1", "a = 1")
    both = target.selected(request(text, 0, "b = 2"))
    assert both is not None
    assert both.text == "a = 1\nb = 2"


def test_without_a_definition_the_cursor_means_the_file() -> None:
    found = target.selected(request("a = 1\nb = 2", 3))
    assert found is not None
    assert found.text == "a = 1\nb = 2"
    assert target.selected(request("", 0)) is None
    assert target.selected(request("\n\n", 1)) is None


def names(asked: EditRequest) -> set[str]:
    return {offer.action.name for offer in offered(asked)}


def test_actions_are_offered_where_they_apply() -> None:
    assert names(request(start="return inner")) >= {"edit", "document", "annotate", "simplify"}
    assert "implement" not in names(request(start="return inner"))
    assert "implement" in names(request(start="pass"))
    assert names(request(start="import os", end="import os")) == {"edit"}
    assert "extract" in names(request(start="return inner", end="inner(a)"))
    assert "extract" not in names(request(start="return inner"))
    assert "split" not in names(request(start="return inner"))


def test_a_problem_is_offered_to_be_fixed_where_it_is() -> None:
    problem = Problem("undefined name 'b'", Span(TEXT.index("pass"), TEXT.index("pass") + 4))
    asked = request(problems=(problem,))
    fixes = [offer for offer in offered(asked) if offer.action.name == "fix"]
    assert [fix.title for fix in fixes] == ["Fix: undefined name 'b'"]
    assert fixes[0].target.defined is not None
    assert fixes[0].target.defined.name == "second"


def test_a_language_without_annotations_is_not_offered_them() -> None:
    text = "function f(a) {\n  return a\n}\n"
    assert "annotate" not in names(request(text, "return", language="javascript"))
    assert "annotate" in names(request(text, "return", language="typescript"))


@pytest.mark.parametrize(
    "body",
    ["    pass", "    ...", "    raise NotImplementedError", '    """Docs."""', "    return None"],
)
def test_a_stub_is_told(body: str) -> None:
    assert BY_NAME["implement"].applies(request(f"def f():\n{body}\n", "def")) is not None


@pytest.mark.parametrize("body", ["    return 1", "    x = 1\n    return x"])
def test_a_body_is_no_stub(body: str) -> None:
    assert BY_NAME["implement"].applies(request(f"def f():\n{body}\n", "def")) is None
