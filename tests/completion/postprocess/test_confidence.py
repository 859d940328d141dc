"""The model's own confidence in the line that is shown."""

import pytest

from indoors_completion import fim
from indoors_completion.postprocess import Context
from indoors_completion.postprocess.confidence import THRESHOLD, confidence, line_score

FAMILY = fim.by_name("qwen2.5-coder")
UNLIKELY = THRESHOLD - 0.1


def context(*pieces, **changes):
    return Context(family=FAMILY, logprobs=pieces, **changes)


@pytest.mark.parametrize(
    ("name", "text", "pieces", "score"),
    [
        ("one line", "a b", (("a", (-1.0,)), (" b", (-2.0,))), -3.0),
        ("several tokens in a piece", "ab", (("ab", (-1.0, -2.0)),), -3.0),
        ("the first line only", "a\nb", (("a", (-1.0,)), ("\nb", (-9.0,))), -1.0),
        ("a line break first", "\n  a\nb", (("\n  ", (-1.0,)), ("a", (-2.0,)), ("\n", (-9.0,))),
         -3.0),
        ("what was cut off does not count", "a", (("a", (-1.0,)), (" b", (-9.0,))), -1.0),
        ("nothing is known", "a", (), 0.0),
    ],
)  # fmt: skip
def test_the_score_is_that_of_the_line_shown(name, text, pieces, score):
    assert line_score(text, context(*pieces)) == score


def test_an_unlikely_line_is_dropped():
    step = confidence("a", context(("a", (UNLIKELY,))))
    assert step.action == "dropped"
    assert confidence("a", context(("a", (THRESHOLD,)))).action == "kept"


def test_it_is_the_whole_line_that_must_be_likely():
    pieces = tuple(("a", (UNLIKELY / 10,)) for _ in range(10))
    assert confidence("a" * 10, context(*pieces)).action == "dropped"
    assert confidence("a" * 9, context(*pieces)).action == "kept"


def test_who_asks_sees_it_and_what_is_not_known_is_kept():
    assert confidence("a", context(("a", (-99.0,)), explicit=True)).action == "kept"
    assert confidence("a", context()).action == "kept"
