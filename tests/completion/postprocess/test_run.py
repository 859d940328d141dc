"""All filters together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_completion import fim
from indoors_completion.families import FAMILIES
from indoors_completion.langfacts import facts
from indoors_completion.postprocess import FILTERS, Context, run

FAMILY = fim.by_name("qwen2.5-coder")
MARKS = [mark for family in FAMILIES for mark in (*family.sentinels, *family.stops)]
LINES = ["x = 1", "    return x", "}", "foo(bar)", "", "  ", "a, b", ")", "else:", "\u202e", "\r"]
TEXTS = st.lists(st.sampled_from([*LINES, *MARKS]), max_size=8).map("\n".join)

# Real lines, each in its surroundings: (above, before, true text, tail, below, language).
ORDINARY = [
    ("", "x = ", "compute(total, rate)", "", "print(x)", "python"),
    ("total = 0", "", "for item in items:", "", "    total += item.price", "python"),
    ("    self.width = width", "    ", "self.height = height", "", "", "python"),
    ("assert f(1) == 2", "", "assert f(2) == 3", "", "assert f(3) == 4", "python"),
    ("    case 1: return a;", "    ", "case 2: return b;", "", "    case 3: return c;", "java"),
    ("  {", "    ", '"a": [0, 0, 0, 0, 0, 0],', "", '    "b": [0, 0, 0],', "javascript"),
    ("", "  return (", "a + b) * (c - d", ");", "}", "javascript"),
    ("", "fmt.Println(", '"hello", name', ")", "}", "go"),
    ("if x {", "    ", "println!(\"{}\", x);", "", "}", "rust"),
    ("", "# ", "-----------------------------", "", "", "python"),
    ("", "return ", "i", ";", "}", "java"),
    ("    }", "", "}", "", "", "java"),
]  # fmt: skip


@pytest.mark.parametrize("row", ORDINARY, ids=lambda row: row[2])
@pytest.mark.parametrize("ended", [True, False])
def test_ordinary_lines_pass_unchanged(row, ended):
    above, before, text, tail, below, language = row
    context = Context(
        family=FAMILY,
        language=facts(language),
        before=before,
        tail=tail,
        above=(above,) if above else (),
        below=(below,) if below else (),
        ended=ended,
    )
    outcome = run(text, context)
    assert (outcome.text, outcome.dropped_by) == (text, "")
    assert {step.action for step in outcome.steps} == {"kept"}


@settings(max_examples=200)
@given(
    TEXTS, st.sampled_from(FAMILIES), st.sampled_from(["", ")", " + 1", "foo(bar)"]),
    st.lists(st.sampled_from(LINES), max_size=3), st.booleans(), st.booleans(),
)  # fmt: skip
def test_no_marker_gets_out_and_each_filter_is_idempotent(
    text, family, tail, lines, ended, may_start_below
):
    context = Context(
        family=family,
        language=facts("python"),
        tail=tail,
        below=tuple(line for line in lines if line.strip()),
        ended=ended,
        may_start_below=may_start_below,
    )
    outcome = run(text, context)
    assert not any(mark in outcome.text for mark in (*family.sentinels, *family.stops))
    assert outcome.text.strip() or outcome.dropped_by
    assert (outcome.text == "") == bool(outcome.dropped_by)
    for apply in FILTERS:
        once = apply(text, context)
        if once.action != "dropped":
            twice = apply(once.text, context)
            assert (twice.action, twice.text) in (("kept", once.text), ("dropped", ""))


def test_an_answer_that_the_model_does_not_believe_in_is_dropped_last():
    context = Context(family=FAMILY, logprobs=(("x = 1", (-9.0,)),))
    outcome = run("x = 1", context)
    assert outcome.dropped_by == "confidence"
    assert len(outcome.steps) == len(FILTERS)


def test_the_run_ends_with_the_filter_that_drops():
    outcome = run("\nx", Context(family=FAMILY, may_start_below=False))
    assert outcome.dropped_by == "starts below"
    assert outcome.steps[-1].action == "dropped"
    assert len(outcome.steps) == 3
