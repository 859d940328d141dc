"""The scores of answers of several lines, and the child that runs them."""

from __future__ import annotations

import multiline
import pytest
from rows import Row

from indoors_completion.types import Completion, Span

ROW = Row("r", "python", "m.py", "def f():\n", "\n\nx = f()\n", "    return 1")


def answer(text: str, start: int, end: int) -> Completion:
    return Completion(id="", text=text, span=Span(start, end), source="model")


@pytest.mark.parametrize(
    ("program", "right"),
    [
        ("assert 1 + 1 == 2", True),
        ("assert 1 + 1 == 3", False),
        ("def f(:", False),
        ("raise SystemExit(3)", False),
        ("open('x', 'w').write('a' * (2 << 20))", False),
        ("x = bytearray(2 << 30)", False),
        (
            "import os\nassert not [n for n in os.environ if n.startswith(('HOME', 'INDOORS'))]",
            True,
        ),
    ],
)
def test_a_program_runs_within_limits(program: str, right: bool) -> None:
    assert multiline.passes(program) is right


def test_a_program_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiline, "RUN_TIMEOUT_S", 0.5)
    assert not multiline.passes("while True: pass")


def test_similarity() -> None:
    assert multiline.similarity("abcd", "abcd") == 100
    assert multiline.similarity("ab", "abcd") == pytest.approx(200 * 2 / 6)
    assert multiline.similarity("", "a") == 0


def test_what_was_accepted_is_what_stands_between() -> None:
    at = len(ROW.prefix)
    assert multiline.accepted(ROW, answer("    return 1", at, at)) == "    return 1"
    # A range that begins before the cursor, and text that reaches into the suffix.
    assert multiline.accepted(ROW, answer("f():\n    return 1", at - 5, at)) == "    return 1"


def test_score() -> None:
    spans, tests = [ROW, ROW], ["assert x == 1", "assert x == 1"]
    texts = ["    return 1", "    return 2", "    return 1\n    y", ""]
    found = multiline.score(spans, tests, [ROW, ROW], texts)
    assert found["pass_at_1"] == 50
    assert found["em"] == 50
    assert (found["too_long"], found["too_short"], found["empty"]) == (25, 25, 25)
