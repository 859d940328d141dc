"""A generation outlives the request that started it: joined, answered early, cancelled in time."""

import asyncio
from functools import wraps

import pytest
from msgspec.structs import replace

from indoors_completion.runs import Patience
from support.pipelines import Bench, make_document, make_request, stages

BODY = "total = 0\n    for x in xs:\n        total += x\n    return total"
AT = "def f(xs):\n    |\n"
LONG_MS = 20_000.0


def scenario(test):
    @wraps(test)
    def run(*arguments, **options):
        asyncio.run(test(*arguments, **options))

    return run


def ask(bench, marked, **options):
    options = {"deadline_ms": LONG_MS} | options
    return asyncio.create_task(bench.pipeline.complete(make_request(marked, **options)))


async def reading(bench, n_characters):
    """Wait until the engine has written so much and waits."""
    await bench.until(lambda: bench.engine.open)
    for _ in range(4 * n_characters + 8):
        await asyncio.sleep(0)


def change(bench, marked, **options):
    document, offset = make_document(marked)
    bench.pipeline.changed(document, offset, **options)


# --- while the prompt is evaluated --------------------------------------------------------------


@scenario
async def test_typing_on_lets_the_prompt_be_evaluated_to_its_end():
    """Someone types faster than a long prompt is evaluated: it is not begun again at every key."""
    bench = Bench(lambda job: "otal")
    bench.engine.hold_at = 0
    first = ask(bench, "x = |\n")
    await bench.until(lambda: bench.engine.open == 1)
    change(bench, "x = t|\n")
    assert (await first).stop_reason == "cancelled", "who waited is told at once"
    assert (bench.engine.open, bench.engine.cancelled) == (1, 0)
    second = ask(bench, "x = t|\n")
    await bench.until(lambda: bench.engine.open == 2)
    bench.engine.go.set()
    assert (await second).text == "otal"
    await bench.pipeline.finished()
    assert bench.engine.cancelled == 1, "the first one ended behind its prefill"
    await bench.close()


@scenario
async def test_a_newer_request_does_not_stop_the_prefill_either():
    bench = Bench(lambda job: "otal")
    bench.engine.hold_at = 0
    ask(bench, "x = |\n")
    await bench.until(lambda: bench.engine.open == 1)
    second = ask(bench, "x = t|\n")
    await bench.until(lambda: bench.engine.open == 2)
    assert bench.engine.cancelled == 0
    bench.engine.go.set()
    assert (await second).text == "otal"
    await bench.close()


@pytest.mark.parametrize("marked", ["x =|\n", "y = 1|\n", "x = |\nmore\n"])
@scenario
async def test_any_other_change_stops_the_prefill(marked):
    bench = Bench("total")
    bench.engine.hold_at = 0
    ask(bench, "x = |\n")
    await bench.until(lambda: bench.engine.open == 1)
    change(bench, marked)
    await bench.pipeline.finished()
    assert (bench.engine.open, bench.engine.cancelled) == (0, 1)
    await bench.close()


# --- the deadline -------------------------------------------------------------------------------


@scenario
async def test_what_comes_after_the_deadline_serves_the_next_request():
    bench = Bench(BODY)
    bench.engine.hold_at = BODY.index("total += x")
    early = await ask(bench, AT, deadline_ms=60, version=7)
    assert early.stop_reason == "deadline"
    assert early.text == "total = 0"
    assert (bench.engine.open, bench.more) == (1, [])
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert bench.more == [("file:///a", 7)]
    late = await ask(bench, AT)
    assert (late.text, late.source) == (BODY, "cache")
    assert len(bench.engine.jobs) == 1
    await bench.close()


@scenario
async def test_a_run_that_has_no_more_to_say_tells_nobody():
    bench = Bench("compute(total)")
    bench.engine.hold_at = len("compute(total)")
    early = await ask(bench, "x = |\n", deadline_ms=60)
    assert early.text == "compute(total"
    bench.engine.say("")
    change(bench, "x = other|\n")
    await bench.pipeline.finished()
    assert bench.more == []
    await bench.close()


@scenario
async def test_asked_again_while_it_goes_on_the_same_run_answers():
    bench = Bench(BODY)
    bench.engine.hold_at = BODY.index("total += x")
    await ask(bench, AT, deadline_ms=60)
    again = ask(bench, AT)
    await asyncio.sleep(0)
    bench.engine.go.set()
    completion = await again
    assert (completion.text, completion.source) == (BODY, "run")
    assert len(bench.engine.jobs) == 1
    await bench.close()


@scenario
async def test_who_accepts_the_first_line_of_what_is_being_written_gets_its_rest():
    bench = Bench(BODY)
    bench.engine.hold_at = BODY.index("return")
    await ask(bench, AT, target_ms=0.0)
    first_line = BODY.partition("\n")[0]
    there = AT.replace("|", first_line + "|")
    change(bench, there)
    rest = await ask(bench, there, continues=True, target_ms=0.0)
    assert (rest.text, rest.source) == ("\n    for x in xs:\n        total += x", "run")
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert len(bench.engine.jobs) == 1
    await bench.close()


@scenario
async def test_a_client_that_can_ask_again_gets_the_first_line_soon():
    bench = Bench(BODY)
    bench.engine.hold_at = BODY.index("total += x")
    early = await ask(bench, AT, target_ms=1.0)
    assert (early.text, early.stop_reason) == ("total = 0", "deadline")
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert bench.more
    await bench.close()


@scenario
async def test_the_first_line_is_waited_for():
    bench = Bench(BODY)
    bench.engine.hold_at = 5
    request = ask(bench, AT, target_ms=1.0)
    await asyncio.sleep(0.02)
    assert not request.done()
    bench.engine.go.set()
    assert (await request).text.startswith("total = 0")
    await bench.close()


@scenario
async def test_nothing_is_ready_and_nothing_is_said():
    bench = Bench("compute()")
    bench.engine.hold_at = 0
    early = await ask(bench, "x = |\n", deadline_ms=20)
    assert (early.text, early.filtered_by, early.stop_reason) == ("", "", "deadline")
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert bench.more == [("file:///a", 1)]
    assert (await ask(bench, "x = |\n")).source == "cache"
    await bench.close()


# --- joining ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "rest"),
    [
        ("x = com|\n", "pute(total)"),
        ("x = compute(|)\n", "total)"),
        ("x = |\n", "compute(total)"),
    ],
    ids=["typed", "auto-closed", "again"],
)
@scenario
async def test_who_types_along_waits_for_the_run_that_is_there(marked, rest):
    bench = Bench("compute(total)")
    bench.engine.hold_at = 9
    first = ask(bench, "x = |\n")
    await reading(bench, 9)
    change(bench, marked)
    first.cancel()
    second = ask(bench, marked)
    await asyncio.sleep(0)
    bench.engine.go.set()
    completion = await second
    after = marked.partition("|")[2]
    assert completion.text == rest
    assert completion.span.end - completion.span.start == len(after) - 1
    assert completion.source == "run"
    assert "run" in stages(completion)
    assert len(bench.engine.jobs) == 1
    assert bench.pipeline.counts.joined == 1
    # The first had no answer: the run's counts are told by whoever has one.
    assert completion.n_evaluated == 4
    await bench.close()


@scenario
async def test_the_counts_of_a_run_are_told_once():
    bench = Bench("compute(total)")
    bench.engine.hold_at = 9
    one = ask(bench, "x = |\n")
    await reading(bench, 9)
    two = ask(bench, "x = co|\n")
    await asyncio.sleep(0)
    bench.engine.go.set()
    assert sorted(c.n_evaluated for c in await asyncio.gather(one, two)) == [0, 4]
    await bench.close()


@scenario
async def test_what_is_not_written_yet_is_not_waited_for():
    bench = Bench("compute(total)")
    bench.engine.hold_at = 3
    first = ask(bench, "x = |\n")
    await reading(bench, 3)
    change(bench, "x = compute|\n")
    assert (await first).text == ""
    await bench.until(lambda: bench.engine.open == 0)
    assert bench.engine.cancelled == 1
    bench.engine.go.set()
    bench.engine.say("(total)")
    assert (await ask(bench, "x = compute|\n")).source == "model"
    await bench.close()


@scenario
async def test_a_joined_run_whose_answer_is_dropped_leaves_the_question_open():
    bench = Bench("y = 1\n")
    bench.engine.hold_at = 3
    first = ask(bench, "y = 1\n|\nz = 3\n", max_lines=1)
    await reading(bench, 3)
    second = ask(bench, "y = 1\ny|\nz = 3\n", max_lines=1)
    await asyncio.sleep(0)
    bench.engine.say(" + 5")
    bench.engine.go.set()
    completions = await asyncio.gather(first, second)
    assert completions[0].filtered_by
    assert (completions[1].text, completions[1].source) == (" + 5", "model")
    assert len(bench.engine.jobs) == 2
    await bench.close()


@pytest.mark.parametrize(
    "options", [{"trigger": "explicit"}, {"multiline": False}, {"continues": True}]
)
@scenario
async def test_a_run_for_another_kind_of_request_is_not_joined(options):
    bench = Bench("compute(total)")
    bench.engine.hold_at = 3
    first = ask(bench, "x = |\n")
    await reading(bench, 3)
    bench.engine.hold_at = None
    second = await ask(bench, "x = |\n", **options)
    assert (second.text, second.source) == ("compute(total)", "model")
    # The first lost its run; it may be served by the second's.
    assert (await first).text in ("", "compute(total)")
    await bench.close()


@scenario
async def test_a_request_whose_run_is_replaced_waits_for_the_next_one():
    bench = Bench("compute(total)")
    bench.engine.hold_at = 3
    first = ask(bench, "x = |\n")
    await reading(bench, 3)
    second = ask(bench, "x = |\n", trigger="explicit")
    await reading(bench, 3)
    bench.engine.go.set()
    assert (await second).text == (await first).text == "compute(total)"
    assert (await first).source == "run"
    await bench.close()


@scenario
async def test_a_worker_that_dies_under_a_joined_run():
    bench = Bench("compute", stop_reason="unavailable")
    bench.engine.hold_at = 3
    one = ask(bench, "x = |\n")
    await reading(bench, 3)
    two = ask(bench, "x = co|\n")
    await asyncio.sleep(0)
    bench.engine.go.set()
    assert [c.stop_reason for c in await asyncio.gather(one, two)] == ["unavailable"] * 2
    await bench.close()


# --- letting go ---------------------------------------------------------------------------------


@scenario
async def test_a_run_that_nobody_waits_for_ends():
    bench = Bench("abc", stop_reason="hang")
    request = ask(bench, "x = |\n")
    await bench.until(lambda: bench.engine.open)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await bench.until(lambda: bench.engine.open == 0)
    assert bench.engine.cancelled == 1
    await bench.close()


@scenario
async def test_the_next_request_comes_in_time():
    bench = Bench("compute(total)", patience=Patience(grace_s=LONG_MS))
    bench.engine.hold_at = 3
    request = ask(bench, "x = |\n")
    await reading(bench, 3)
    request.cancel()
    await asyncio.wait({request})
    assert bench.engine.open == 1
    again = ask(bench, "x = co|\n")
    await asyncio.sleep(0)
    bench.engine.go.set()
    assert (await again).source == "run"
    await bench.close()


@pytest.mark.parametrize(
    ("marked", "survives"),
    [
        ("x = co|\n", True),
        ("x = compute()|\n", True),
        ("x = cx|\n", False),
        ("x |\n", False),
        ("y = co|\n", False),
        ("x = co\n|\n", False),
    ],
)
@scenario
async def test_a_change_ends_what_does_not_lead_through_it(marked, survives):
    bench = Bench("compute(total)")
    bench.engine.hold_at = 9
    request = ask(bench, "x = |\n")
    await reading(bench, 9)
    change(bench, marked)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bench.engine.open == survives
    if not survives:
        assert (await request).stop_reason == "cancelled"
        assert len(bench.engine.jobs) == 1, "nothing is asked for a text that is gone"
    bench.engine.go.set()
    await asyncio.wait({request})
    await bench.close()


@scenario
async def test_a_change_nobody_can_place_ends_the_run():
    bench = Bench("compute(total)", stop_reason="hang")
    request = ask(bench, "x = |\n")
    await reading(bench, 3)
    bench.pipeline.changed(make_document("x = co|\n")[0], None)
    assert (await request).stop_reason == "cancelled"
    await bench.close()


@scenario
async def test_a_closed_document_ends_its_run():
    bench = Bench("abc", stop_reason="hang")
    request = ask(bench, "x = |\n")
    await reading(bench, 3)
    bench.pipeline.forget("file:///a")
    assert (await request).stop_reason == "cancelled"
    assert bench.forgotten_trees == ["file:///a#ahead"]
    await bench.close()


@scenario
async def test_documents_run_side_by_side_and_leftovers_make_room():
    bench = Bench("abc", stop_reason="hang")
    left = await ask(bench, "x = |\n", deadline_ms=20)
    assert (left.stop_reason, bench.engine.open) == ("deadline", 1)
    other = make_request("y = |\n", deadline_ms=LONG_MS)
    other = replace(other, document=replace(other.document, uri="file:///b"))
    waiting = asyncio.create_task(bench.pipeline.complete(other))
    await bench.until(lambda: bench.engine.cancelled == 1)
    first = ask(bench, "z = |\n")
    await bench.until(lambda: bench.engine.open == 2)
    assert bench.engine.cancelled == 1, "somebody waits for both"
    waiting.cancel()
    first.cancel()
    await bench.close()


@scenario
async def test_a_fault_in_a_run_reaches_who_waits():
    bench = Bench("abc")

    def fail(job):
        raise ValueError("x")

    bench.engine.script = fail
    with pytest.raises(ValueError, match="x"):
        await ask(bench, "x = |\n")
    await bench.close()


# --- alternatives -------------------------------------------------------------------------------

CHOICE = {"trigger": "explicit", "n_answers": 3}


def choose(*answers, marked="x = |\n", **options):
    bench = Bench(answers[0])
    bench.engine.others = list(answers[1:])
    return bench, *bench.at(marked, **CHOICE, **options)


def test_an_explicit_request_gets_up_to_three():
    bench, text, completion = choose("compute(a)", "compute(b)", "other(c)", "more(d)")
    assert text == "x = compute(a)\n"
    assert [other.text for other in completion.alternatives] == ["compute(b)", "other(c)"]
    assert {other.span for other in completion.alternatives} == {completion.span}
    assert bench.engine.jobs[0].n_alternatives == 3
    again = bench.at("x = |\n", **CHOICE)[1]
    assert (again.source, again.alternatives) == ("cache", completion.alternatives)
    assert len(bench.at("x = |\n", **CHOICE | {"n_answers": 2})[1].alternatives) == 1
    assert bench.at("x = |\n")[1].alternatives == (), "nobody asked for a choice"


def test_every_alternative_is_cut_and_filtered():
    _, _, completion = choose("compute(a)\ny = 1\n", "compute(\n    b,\n)\nz = 2\n", "total\u202e")
    assert completion.text == "compute(a)"
    assert [other.text for other in completion.alternatives] == ["compute(\n    b,\n)", "total"]


def test_alternatives_are_different():
    _, _, completion = choose("compute(a)", "compute(a)  ", " \n")
    assert completion.alternatives == ()


def test_the_next_best_takes_the_place_of_one_that_is_dropped():
    _, text, completion = choose(" \n ", "compute(a)")
    assert (text, completion.filtered_by, completion.alternatives) == ("x = compute(a)\n", "", ())


def test_one_that_stopped_at_its_length_is_whole_only_as_the_first():
    long = " + ".join(str(n) for n in range(100))
    for others in ([long, "other(c)"], ["other(c)", long]):
        _, _, completion = choose("compute(a)", *others)
        assert [other.text for other in completion.alternatives] == ["other(c)"]


def test_nobody_gets_alternatives_unasked():
    for options in ({"trigger": "explicit"}, {"n_answers": 3}):
        bench = Bench("compute(a)")
        bench.at("x = |\n", **options)
        assert bench.engine.jobs[0].n_alternatives == 1


@scenario
async def test_alternatives_do_not_hold_the_first_answer_back():
    bench = Bench("compute(a)", patience=Patience(others_s=0.0))
    bench.engine.others = ["other(c)"]
    bench.engine.hold_at = len("compute(a)oth")
    early = await ask(bench, "x = |\n", **CHOICE)
    assert (early.text, early.alternatives) == ("compute(a)", ())
    assert early.stop_reason == "eos"
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert bench.more == [("file:///a", 1)]
    late = await ask(bench, "x = |\n", **CHOICE)
    assert (late.source, len(late.alternatives)) == ("cache", 1)
    await bench.close()


@scenario
async def test_the_next_answer_begins_where_the_scope_of_the_first_ends():
    bench = Bench("compute(a)\n" + "y = 1\n" * 20)
    bench.engine.others = ["other(c)\n" + "z = 2\n" * 20, "third(d)\n"]
    completion = await ask(bench, "x = |\n", **CHOICE)
    assert completion.text == "compute(a)"
    assert [other.text for other in completion.alternatives] == ["other(c)", "third(d)"]
    assert completion.n_generated < len("compute(a)\nother(c)\nthird(d)\n") + 10
    await bench.close()


@scenario
async def test_a_run_with_fewer_answers_is_not_joined():
    bench = Bench("compute(a)")
    bench.engine.hold_at = 3
    first = ask(bench, "x = |\n", trigger="explicit")
    await reading(bench, 3)
    second = ask(bench, "x = |\n", **CHOICE)
    await reading(bench, 3)
    bench.engine.go.set()
    assert (await second).source == "model"
    await asyncio.wait({first})
    assert [job.n_alternatives for job in bench.engine.jobs] == [1, 3]
    await bench.close()


@scenario
async def test_at_the_deadline_only_whole_alternatives_count():
    bench = Bench("compute(a)")
    bench.engine.others = ["other(c)", "third(d)"]
    bench.engine.hold_at = len("compute(a)other(c)thi")
    early = await ask(bench, "x = |\n", **CHOICE, deadline_ms=60)
    assert early.text == "compute(a)"
    assert [other.text for other in early.alternatives] == ["other(c)"]
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert bench.more == [("file:///a", 1)]
    late = await ask(bench, "x = |\n", **CHOICE)
    assert [other.text for other in late.alternatives] == ["other(c)", "third(d)"]
    await bench.close()


def test_alternatives_take_over_the_closers_that_follow():
    _, text, completion = choose("a, b)", "c)", marked="print(|)\n")
    assert text == "print(a, b)\n"
    (other,) = completion.alternatives
    assert (other.text, other.span) == ("c)", completion.span)
