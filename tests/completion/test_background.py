"""What happens while nobody waits: the next suggestion, exact evaluations, prewarming."""

import asyncio
from functools import wraps

import pytest
from msgspec.structs import replace

from fakes.engine import MODEL, prompt_of
from indoors_completion import background
from indoors_completion.types import SelectedCompletion, Span
from indoors_indexing.types import SyntaxSite
from support.pipelines import Bench, SlowSyntax, TreeSyntax, make_document, make_request

LONG_MS = 20_000.0


def scenario(test):
    @wraps(test)
    def run(*arguments, **options):
        asyncio.run(test(*arguments, **options))

    return run


async def ask(bench, marked, **options):
    options = {"deadline_ms": LONG_MS, "background": True} | options
    return await bench.pipeline.complete(make_request(marked, **options))


def change(bench, marked, **options):
    document, offset = make_document(marked)
    bench.pipeline.changed(document, offset, **options)


def follows(*texts):
    """A script that gives the next text to every job that asks for one."""
    left = list(texts)
    return lambda job: left.pop(0) if job.max_tokens and left else ""


def accepted(marked, completion):
    """The document with the cursor after `completion` was accepted."""
    before, _, after = marked.partition("|")
    text, span = before + after, completion.span
    return text[: span.start] + completion.text + "|" + text[span.end :]


# --- ahead --------------------------------------------------------------------------------------


@scenario
async def test_the_suggestion_after_the_accepted_one_is_there():
    """Tab, Tab, Tab."""
    bench = Bench(follows("a = 1", "\n    b = 2", "\n    c = 3"))
    marked = "def f():\n    |\n"
    completion = await ask(bench, marked)
    for expected in ("\n    b = 2", "\n    c = 3"):
        await bench.pipeline.finished()
        marked = accepted(marked, completion)
        change(bench, marked)
        completion = await ask(bench, marked, continues=True)
        assert (completion.text, completion.source) == (expected, "cache")
    await bench.pipeline.finished()
    assert len(bench.engine.asked) == 1
    assert len(bench.engine.ahead) == 3
    assert bench.pipeline.counts.speculated == 3
    assert bench.pipeline.counts.ahead_hits == 2
    await bench.close()


@scenario
async def test_what_is_computed_ahead_is_asked_behind_the_accepted_text():
    bench = Bench(follows("(items)", ""))
    await ask(bench, "x = sorted|\n")
    await bench.pipeline.finished()
    (job,) = bench.engine.ahead
    assert prompt_of(job).startswith("<|fim_prefix|>x = sorted(items<|fim_suffix|>\n")
    assert job.begin == ")"
    assert job.slot == "file:///a"
    assert job.background
    await bench.close()


@scenario
async def test_replaced_closers_and_selected_entries_are_part_of_what_is_accepted():
    bench = Bench(follows("(a, b)", ""))
    selected = SelectedCompletion("print", Span(4, 6))
    await ask(bench, "x = pr|)\n", selected=selected)
    await bench.pipeline.finished()
    (job,) = bench.engine.ahead
    assert "x = print(a, b" in prompt_of(job)
    assert job.begin == ")"
    await bench.close()


@scenario
async def test_typing_the_suggestion_leaves_what_is_ahead_alone():
    bench = Bench(follows("compute(total)", "\ny = 2"))
    await ask(bench, "x = |\n")
    bench.engine.hold_at = 3
    await bench.until(lambda: bench.engine.ahead and bench.engine.open)
    for typed in ("x = c|\n", "x = com|\n", "x = compute(|)\n"):
        change(bench, typed)
        assert (await ask(bench, typed)).source == "cache"
    assert (bench.engine.open, bench.engine.cancelled) == (1, 0)
    bench.engine.go.set()
    await bench.pipeline.finished()
    assert len(bench.engine.ahead) == 1
    await bench.close()


@scenario
async def test_accepting_before_it_is_finished_waits_for_it():
    bench = Bench(follows("a = 1", "\nb = 2\n"))
    await ask(bench, "|\n", trigger="explicit")
    bench.engine.hold_at = 3
    await bench.until(lambda: bench.engine.ahead and bench.engine.open)
    change(bench, "a = 1|\n")
    request = asyncio.create_task(ask(bench, "a = 1|\n", continues=True))
    await asyncio.sleep(0)
    bench.engine.go.set()
    completion = await request
    assert (completion.text, completion.source) == ("\nb = 2", "run")
    assert len(bench.engine.asked) == 1
    await bench.pipeline.finished()
    assert bench.pipeline.counts.ahead_hits == 1
    await bench.close()


@scenario
async def test_work_that_gave_way_under_a_request_is_asked_for_properly():
    bench = Bench(follows("a = 1", "\nb"))
    await ask(bench, "|\n", trigger="explicit")
    bench.engine.hold_at = 1
    await bench.until(lambda: bench.engine.ahead and bench.engine.open)
    bench.engine.stop_reason = "preempted"
    request = asyncio.create_task(ask(bench, "a = 1|\n", continues=True))
    await asyncio.sleep(0)
    bench.engine.go.set()
    await bench.until(lambda: not bench.engine.open)
    bench.engine.say("\nb = 2\n")
    completion = await request
    assert (completion.text, completion.source) == ("\nb = 2", "model")
    await bench.close()


@pytest.mark.parametrize("marked", ["x = cx|\n", "y = |\n", "x |\n"])
@scenario
async def test_typing_something_else_ends_what_is_ahead(marked):
    bench = Bench(follows("compute(total)", "\ny = 2"))
    await ask(bench, "x = |\n")
    bench.engine.hold_at = 3
    await bench.until(lambda: bench.engine.ahead and bench.engine.open)
    change(bench, marked)
    await bench.until(lambda: bench.engine.open == 0)
    assert bench.engine.cancelled == 1
    await bench.close()


@scenario
async def test_a_request_that_needs_the_model_ends_what_is_ahead():
    bench = Bench(follows("compute(total)", "\ny = 2", "other"))
    await ask(bench, "x = |\n")
    bench.engine.hold_at = 2
    await bench.until(lambda: bench.engine.ahead and bench.engine.open)
    bench.engine.hold_at = None
    assert (await ask(bench, "x = 1\nz = |\n")).text == "other"
    assert bench.engine.cancelled == 1
    await bench.close()


@pytest.mark.parametrize(
    ("marked", "answer"),
    [("x = |\n", ""), ("x = |\n", " \n"), ("x = |\n", "total")],
    ids=["empty", "dropped", "switched off"],
)
@scenario
async def test_nothing_is_computed_ahead_of_nothing(marked, answer):
    bench = Bench(follows(answer))
    await ask(bench, marked, background=answer != "total")
    await bench.pipeline.finished()
    assert bench.engine.ahead == []
    await bench.close()


@scenario
async def test_what_is_known_is_not_computed_again():
    bench = Bench(follows("a = 1", "\nb = 2"))
    for _ in range(3):
        await ask(bench, "|\n", trigger="explicit")
        await bench.pipeline.finished()
    assert len(bench.engine.ahead) == 1
    await bench.close()


@scenario
async def test_an_early_answer_is_not_what_will_be_accepted():
    bench = Bench("a = 1\nb = 2\nc")
    bench.engine.hold_at = len("a = 1\nb = 2\nc")
    completion = await ask(bench, "|\n", trigger="explicit", deadline_ms=60)
    assert completion.stop_reason == "deadline"
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.engine.ahead == []
    await bench.close()


@scenario
async def test_the_first_line_of_a_suggestion_is_typed_through():
    body = "a = 1\n    b = 2\n    return a"
    bench = Bench(follows(body, ""))
    await ask(bench, "def f():\n    |\n")
    completion = await ask(bench, "def f():\n    a = 1|\n")
    assert (completion.text, completion.source) == ("\n    b = 2\n    return a", "cache")
    completion = await ask(bench, "def f():\n    a = 1\n    |\n")
    assert (completion.text, completion.source) == ("b = 2\n    return a", "cache")
    await bench.close()


@scenario
async def test_the_syntax_service_knows_it_as_another_document():
    site = SyntaxSite(
        language="python", region="code", block=Span(0, 9), block_indent="",
        opens_block=False, statement=None,
    )  # fmt: skip
    syntax = TreeSyntax(site)
    bench = Bench(follows("a = 1", "\nb = 2"), syntax=syntax)
    await ask(bench, "|\n", trigger="explicit")
    await bench.pipeline.finished()
    assert syntax.asked == ["file:///a", "file:///a#ahead"]
    bench.pipeline.forget("file:///a")
    assert bench.forgotten_trees == ["file:///a#ahead"]
    await bench.close()


@scenario
async def test_who_types_on_does_not_wait_for_what_would_follow():
    bench = Bench(follows("compute(total)", "\ny = 2"))
    bench.naps.held = (background.READ_S,)
    await ask(bench, "x = |\n")
    await bench.until(lambda: bench.naps.taken)
    assert (bench.naps.taken, bench.engine.ahead) == ([background.READ_S], [])
    await ask(bench, "x = c|\n")
    bench.naps.awake.set()
    await bench.pipeline.finished()
    assert len(bench.engine.ahead) == 1
    # After an accept the next accept may come at once.
    bench.naps.taken.clear()
    assert (await ask(bench, "x = compute(total)|\n", continues=True)).source == "cache"
    await bench.pipeline.finished()
    assert bench.naps.taken == []
    await bench.close()


# --- exactness ----------------------------------------------------------------------------------


def stale_bench(n_stale, *texts, **options):
    bench = Bench(follows(*texts), **options)
    bench.engine.n_stale = n_stale
    return bench


@scenario
async def test_a_little_staleness_waits_for_a_pause():
    bench = stale_bench(3, "total", "")
    await ask(bench, "x = |\ny = 1\n")
    await bench.pipeline.finished()
    assert [job.max_tokens > 0 for job in bench.engine.jobs] == [True, True, False]
    assert bench.naps.taken == [background.READ_S, background.PAUSE_S]
    (job,) = bench.engine.evaluations
    assert (job.suffix, job.background, job.max_tokens) == ("exact", True, 0)
    assert job.parts == bench.engine.asked[0].parts
    assert job.slot == "file:///a"
    assert bench.pipeline.counts.exact == 1
    await bench.close()


@scenario
async def test_much_staleness_is_mended_first():
    bench = stale_bench(background.STALE_TOKENS + 1, "total", "")
    await ask(bench, "x = |\n")
    await bench.pipeline.finished()
    assert [job.max_tokens > 0 for job in bench.engine.jobs] == [True, False, True]
    assert background.PAUSE_S not in bench.naps.taken
    await bench.close()


@scenario
async def test_a_new_line_is_evaluated_first():
    bench = stale_bench(3, "a = 1", "", "b = 2", "")
    await ask(bench, "def f():\n    |\n")
    await bench.pipeline.finished()
    bench.engine.jobs.clear()
    bench.naps.taken.clear()
    bench.engine.n_stale = 3
    change(bench, "def f():\n    z = 1\n    |\n")
    assert (await ask(bench, "def f():\n    z = 1\n    |\n")).source == "model"
    await bench.pipeline.finished()
    (job,) = bench.engine.evaluations
    assert background.PAUSE_S not in bench.naps.taken
    assert prompt_of(job).startswith("<|fim_prefix|>def f():\n    z = 1\n<|fim_suffix|>")
    await bench.close()


@scenario
async def test_what_was_typed_behind_the_middle_marker_is_exact_and_waits_until_it_is_much():
    for n_typed, expected in (
        (background.TYPED_TOKENS, []),
        (background.TYPED_TOKENS + 1, [background.READ_S, background.PAUSE_S]),
        (background.TYPED_URGENT + 1, [background.READ_S]),
    ):
        bench = Bench(follows("total", ""))
        bench.engine.n_typed = n_typed
        await ask(bench, "x = |\n")
        await bench.pipeline.finished()
        assert len(bench.engine.evaluations) == bool(expected)
        assert bench.naps.taken == (expected or [background.READ_S])
        await bench.close()


@scenario
async def test_a_window_that_has_been_outgrown_moves_in_a_pause():
    """Under a key it would mean to evaluate the whole prompt while somebody waits."""
    bench = Bench(lambda job: "x" if job.max_tokens else "")
    lines = [f"value_{number} = compute({number})\n" for number in range(600)]

    def starts(jobs):
        return [prompt_of(job).partition("\n")[0] for job in jobs]

    n_lines = 300
    while not bench.engine.evaluations:
        n_lines += 1
        assert (await ask(bench, "".join(lines[:n_lines]) + "|")).text == "x"
        await bench.pipeline.finished()
    asked, (evaluated,) = starts(bench.engine.asked), starts(bench.engine.evaluations)
    assert set(asked) == {asked[0]}, "nobody waited for a window to move"
    assert evaluated != asked[0]
    assert background.PAUSE_S in bench.naps.taken
    await ask(bench, "".join(lines[: n_lines + 1]) + "|")
    assert starts(bench.engine.asked)[len(asked)] == evaluated
    await bench.close()


@scenario
async def test_what_is_always_exact_is_not_mended():
    """A model that cannot move a suffix, or a machine on which an exact one fits."""
    bench = stale_bench(0, "a = 1\nb = 2", "")
    await ask(bench, "|\n", trigger="explicit")
    await ask(bench, "a = 1\n|\n")
    await bench.pipeline.finished()
    assert bench.engine.evaluations == []
    await bench.close()


@scenario
async def test_a_change_or_a_request_during_the_pause_puts_it_off():
    bench = stale_bench(3, "total", "", "y")
    await ask(bench, "x = |\n")
    bench.naps.held = (background.PAUSE_S,)
    await bench.until(lambda: background.PAUSE_S in bench.naps.taken)
    change(bench, "x = t|\n")
    bench.naps.awake.set()
    await bench.pipeline.finished()
    assert bench.engine.evaluations == []
    await bench.close()


@scenario
async def test_an_evaluation_gives_way_at_once():
    bench = stale_bench(20, "total", "")
    await ask(bench, "x = |\n")
    bench.engine.hold_at = 0
    await bench.until(lambda: bench.engine.evaluations and bench.engine.open)
    change(bench, "x = t|\n")
    await bench.until(lambda: bench.engine.open == 0)
    assert bench.engine.cancelled == 1
    await bench.close()


# --- prewarming ---------------------------------------------------------------------------------


@scenario
async def test_a_document_that_fits_is_evaluated_when_it_is_opened():
    bench = Bench()
    document, _ = make_document("x = 1\ny = 2\n|")
    bench.pipeline.warm(document, None)
    await bench.pipeline.finished()
    (job,) = bench.engine.jobs
    assert (job.max_tokens, job.background, job.suffix) == (0, True, "exact")
    assert prompt_of(job).startswith("<|fim_prefix|>x = 1\ny = 2\n<|fim_suffix|>")
    await bench.close()


@scenario
async def test_a_larger_one_only_where_the_cursor_is():
    bench = Bench()
    document, _ = make_document("x = 1\n" * 5000 + "|")
    bench.pipeline.warm(document, None)
    await bench.pipeline.finished()
    assert bench.engine.jobs == []
    bench.pipeline.warm(document, 6000)
    await bench.pipeline.finished()
    assert len(bench.engine.jobs) == 1
    await bench.close()


@scenario
async def test_a_pause_in_typing_without_a_request_is_used():
    bench = Bench()
    bench.naps.held = (background.PAUSE_S,)
    for typed in ("x|", "x |", "x =|", "x = |"):
        change(bench, typed + "\ny = 2\n", background=True)
        await asyncio.sleep(0)
    assert bench.engine.jobs == []
    bench.naps.awake.set()
    await bench.pipeline.finished()
    (job,) = bench.engine.evaluations
    assert prompt_of(job).startswith("<|fim_prefix|>x =<|fim_suffix|>\ny = 2\n")
    await bench.close()


@scenario
async def test_typing_is_no_reason_to_work_where_it_is_switched_off():
    bench = Bench()
    change(bench, "x = |\n", background=False)
    await bench.pipeline.finished()
    assert (bench.engine.jobs, bench.naps.taken) == ([], [])
    await bench.close()


@scenario
async def test_a_request_comes_before_all_that():
    bench = Bench("total")
    change(bench, "x = |\n", background=True)
    bench.engine.hold_at = 0
    request = asyncio.create_task(ask(bench, "x = |\n", background=False))
    await bench.until(lambda: bench.engine.open)
    document, _ = make_document("y = 1\n|")
    bench.pipeline.warm(document, 0)
    change(bench, "x = |\n", background=True)
    bench.engine.go.set()
    await request
    await bench.pipeline.finished()
    assert bench.engine.evaluations == []
    await bench.close()


@pytest.mark.parametrize("model", [None, replace(MODEL, family="")])
@scenario
async def test_without_an_able_model_nothing_is_prepared(model):
    bench = Bench(model=model)
    document, offset = make_document("x = |\n")
    for cursor in (None, offset):
        bench.pipeline.warm(document, cursor)
        await bench.pipeline.finished()
    change(bench, "x = |\n", background=True)
    await bench.pipeline.finished()
    assert bench.engine.jobs == []
    await bench.close()


@scenario
async def test_when_nothing_happens_nothing_is_left_to_wake_up():
    bench = stale_bench(3, "a = 1\nb = 2", "\nc = 3")
    change(bench, "|\n", background=True)
    await ask(bench, "|\n", trigger="explicit")
    await bench.pipeline.finished()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert others == set()
    n_timers = len(asyncio.get_running_loop()._scheduled)
    assert n_timers == sum(handle.cancelled() for handle in asyncio.get_running_loop()._scheduled)
    await bench.close()


def test_a_slow_tree_does_not_stop_what_is_ahead():
    bench = Bench(follows("a = 1", "\nb = 2"), syntax=SlowSyntax())
    bench.at("|\n", trigger="explicit", background=True)
    assert len(bench.engine.ahead) == 1


# --- being ready --------------------------------------------------------------------------------


@scenario
async def test_a_request_is_ready_if_the_model_need_not_be_asked():
    bench = Bench("compute(total)")
    bench.engine.hold_at = 5
    request = asyncio.create_task(ask(bench, "x = |\n", background=False))
    await bench.until(lambda: bench.engine.open)
    for _ in range(40):
        await asyncio.sleep(0)
    ready = {m: bench.pipeline.is_ready(make_request(m)) for m in ("x = c|\n", "x = d|\n")}
    assert ready == {"x = c|\n": True, "x = d|\n": False}
    bench.engine.go.set()
    await request
    ready = {m: bench.pipeline.is_ready(make_request(m)) for m in ("x = c|\n", "x = d|\n")}
    assert ready == {"x = c|\n": True, "x = d|\n": False}
    assert len(bench.engine.jobs) == 1
    bench.engine.model = None
    assert bench.pipeline.is_ready(make_request("x = d|\n"))
    await bench.close()
