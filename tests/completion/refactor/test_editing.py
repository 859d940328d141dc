"""The loop of an edit over an engine that says what it is told: what is shown, when nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fakes.told_engine import ToldEngine, begun
from indoors_completion.refactor import style
from indoors_completion.refactor.asking import MAX_OTHERS
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_completion.types import (
    Document,
    Job,
    Span,
)
from indoors_indexing.parse import DirectSyntax

CODE = '''\
def mean(values):
    """The mean of some values."""
    total = sum(values)
    return total / 2
'''
RIGHT = CODE.replace("/ 2", "/ len(values)")
WORSE = CODE.replace("/ 2", "/ 3")
COMMENTED = CODE.replace("    return", "    # the mean\n    return")
BROKEN = CODE.replace("sum(values)", "sum(values")
UNKNOWN = CODE.replace("/ 2", "/ count")


def others_begin(job: Job) -> int:
    """From which byte of the whole answer on another one may leave it."""
    return len(begun(job).encode()) + job.others_from


def edit(
    engine: ToldEngine,
    *,
    instruction: str = "Fix the bug.",
    text: str = CODE,
    selection: Span | None = None,
    is_late: Callable[[], bool] = lambda: False,
    shown: list[str] | None = None,
) -> Edit | NoSafeEdit:
    async def whole() -> Edit | NoSafeEdit:
        syntax = DirectSyntax()
        outline = await syntax.outline("python", text)
        assert outline is not None
        document = Document(
            uri="file:///a.py", path="a.py", language="python", version=3, text=text
        )
        request = EditRequest(
            document=document, selection=selection or Span(0, len(text)), action="edit",
            outline=outline, instruction=instruction, seed=5,
        )  # fmt: skip
        on_text = shown.append if shown is not None else lambda _text: None
        result = await Editing(engine, syntax).edit(request, is_late=is_late, on_text=on_text)
        assert engine.n_closed == len(engine.jobs), "the engine goes on for nobody"
        return result

    return asyncio.run(whole())


def hows(result: Edit | NoSafeEdit) -> list[str]:
    return [f"{one.how} {one.check or 'passed'}" for one in result.attempts]


def test_the_likeliest_answer_is_shown_if_it_passes() -> None:
    engine, shown = ToldEngine([(RIGHT, -1.0), (WORSE, -2.0)]), list[str]()
    result = edit(engine, shown=shown)
    assert isinstance(result, Edit)
    assert (result.after, hows(result)) == (RIGHT.rstrip(), ["first passed"])
    assert [(one.n_alternatives, one.temperature) for one in engine.jobs] == [(1 + MAX_OTHERS, 0.0)]
    assert shown[-1] == RIGHT


def test_where_it_changes_nothing_the_likeliest_that_does_is_shown() -> None:
    engine, shown = ToldEngine([(CODE, -1.0), (WORSE, -4.0), (RIGHT, -3.0)]), list[str]()
    result = edit(engine, shown=shown)
    assert isinstance(result, Edit)
    assert result.after == RIGHT.rstrip()
    assert hows(result) == ["first is_changed", "other passed", "other passed"]
    assert all(CODE.startswith(one) for one in shown), "what is only tried is not shown"


def test_what_is_less_likely_than_an_edit_at_hand_is_not_written_to_its_end() -> None:
    engine = ToldEngine([(CODE, -1.0), (RIGHT, -2.0), (WORSE, -9.0)])
    result = edit(engine)
    assert isinstance(result, Edit)
    assert result.after == RIGHT.rstrip()
    assert set(engine.enough) == {2}
    assert hows(result) == ["first is_changed", "other passed"]


def test_an_edit_of_the_code_comes_before_a_likelier_comment() -> None:
    result = edit(ToldEngine([(CODE, -1.0), (COMMENTED, -1.5), (RIGHT, -5.0)]))
    assert isinstance(result, Edit)
    assert result.after == RIGHT.rstrip()
    first = edit(ToldEngine([(COMMENTED, -1.0), (RIGHT, -5.0)]))
    assert isinstance(first, Edit)
    assert first.after == RIGHT.rstrip()
    asked_for = edit(ToldEngine([(COMMENTED, -1.0), (RIGHT, -5.0)]), instruction="Add a comment.")
    assert isinstance(asked_for, Edit)
    assert asked_for.after == COMMENTED.rstrip()
    only_that = edit(ToldEngine([(CODE, -1.0), (COMMENTED, -1.5)]))
    assert isinstance(only_that, Edit)
    assert only_that.after == COMMENTED.rstrip()


def test_others_that_fail_a_check_are_not_shown() -> None:
    result = edit(ToldEngine([(CODE, -1.0), (BROKEN, -1.5), (UNKNOWN, -1.6), (RIGHT, -5.0)]))
    assert isinstance(result, Edit)
    assert result.after == RIGHT.rstrip()
    assert hows(result)[1:3] == ["other has_no_new_error", "other uses_known_names"]


def test_an_answer_that_fails_is_asked_for_again_with_the_reason() -> None:
    engine = ToldEngine([(BROKEN, -1.0), (WORSE, -1.5)], [(RIGHT, -1.0)])
    result = edit(engine)
    assert isinstance(result, Edit)
    assert hows(result) == ["first has_no_new_error", "repaired passed"]
    asked = "".join(part.text for part in engine.jobs[1].parts)
    assert "the answer has a syntax error" in asked
    assert BROKEN.strip() in asked


def test_then_it_is_sampled_with_seeds_and_then_there_is_no_safe_edit() -> None:
    engine = ToldEngine([(BROKEN, -1.0)])
    result = edit(engine)
    assert isinstance(result, NoSafeEdit)
    assert result.reason
    seeds = [(job.seed, job.temperature > 0, job.n_alternatives) for job in engine.jobs]
    assert seeds[:2] == [(0, False, 1 + MAX_OTHERS)] * 2
    assert seeds[2:] == [(5, True, 1), (6, True, 1), (7, True, 1)]


def test_no_answer_is_begun_when_it_is_late() -> None:
    engine = ToldEngine([(BROKEN, -1.0)])
    assert isinstance(edit(engine, is_late=lambda: True), NoSafeEdit)
    assert len(engine.jobs) == 1
    echo = ToldEngine([(CODE, -1.0), (RIGHT, -2.0)])
    assert isinstance(edit(echo, is_late=lambda: True), NoSafeEdit)


def test_the_files_quotes_never_cost_a_syntax_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "with_quotes", lambda text, *_: text.replace("len", '"'))
    result = edit(ToldEngine([(RIGHT, -1.0)]))
    assert isinstance(result, Edit)
    assert result.after.strip() == RIGHT.strip()


def test_a_model_that_stopped_is_not_asked_again() -> None:
    engine = ToldEngine([("", 0.0)], stop_reason="unavailable")
    result = edit(engine)
    assert isinstance(result, NoSafeEdit)
    assert result.reason == "the model stopped"
    assert len(engine.jobs) == 1
    elsewhere = ToldEngine([("", 0.0)], stop_reason="unavailable")
    elsewhere.detail = "gpu does not answer. Next: indoors engines check gpu."
    result = edit(elsewhere)
    assert isinstance(result, NoSafeEdit)
    assert result.reason == f"the model stopped: {elsewhere.detail.rstrip('.')}"


def test_other_answers_begin_in_the_body_unless_the_wish_is_about_the_head() -> None:
    body = len(CODE[: CODE.index('."""') + 4].encode())
    for instruction, begins in (
        ("Fix the bug.", body),
        ("Return the median.", body),
        ("Add a parameter n.", 0),
        ("Rename it.", 0),
    ):
        engine = ToldEngine([(RIGHT, -1.0)])
        edit(engine, instruction=instruction)
        assert (others_begin(engine.jobs[0]), engine.jobs[0].others_not) == (begins, ("#",))
        (job,) = engine.jobs[:1]
        assert (begun(job).removesuffix(job.begin) + job.drafts).strip() == CODE.strip()


def test_other_answers_of_a_method_begin_in_its_body_too() -> None:
    inside = CODE.replace("\n", "\n    ").rstrip(" ")
    text = f"class Numbers:\n    {inside}\n    def other(self):\n        return 1\n"
    body = len(CODE[: CODE.index('."""') + 4].encode())
    start = text.index("    def mean")
    for end, begins in ((text.index("\n\n    def other") + 1, body), (len(text), 0)):
        engine = ToldEngine([(RIGHT, -1.0)])
        edit(engine, text=text, selection=Span(start, end))
        assert others_begin(engine.jobs[0]) == begins


def test_an_answer_ends_where_examples_begin_that_nobody_asked_for() -> None:
    for text, ends in ((CODE, True), (f"{CODE}\n\n# Example usage:\nmean([1])\n", False)):
        engine = ToldEngine([(text.replace("/ 2", "/ len(values)"), -1.0)])
        assert isinstance(edit(engine, text=text), Edit)
        assert ("\n# Example usage" in engine.jobs[0].stops) == ends


def test_a_model_that_only_completes_is_not_asked() -> None:
    engine = ToldEngine([(RIGHT, -1.0)], instruct=False)
    result = edit(engine)
    assert isinstance(result, NoSafeEdit)
    assert "indoors models list" in result.reason
    assert engine.jobs == []
