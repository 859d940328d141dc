"""What prompts begin with: snippets that change only where nothing is lost, or in a pause."""

import asyncio
import random
from functools import wraps

import pytest
from msgspec.structs import replace

from fakes.engine import MODEL, FakeEngine, prompt_of
from indoors_completion import background, heads
from indoors_completion.asking import Asking
from indoors_completion.heads import is_worth, slots_of
from indoors_completion.place import locate
from indoors_completion.types import CompletionRequest
from indoors_indexing.types import NoSyntax, Snippet
from support.pipelines import Bench, Clock, make_document, make_request

LONG_MS = 20_000.0
LONG_S = 1000.0
FIRST, OTHER = "def first(): ...\n", "def other(x): ...\n"


class Shelf:
    """A retrieval that gives what lies on it, and counts how often it was asked."""

    def __init__(self, *texts):
        self.texts = texts
        self.asked = []
        self.delay_s = 0.0

    async def snippets(self, document, offset, shown, budget_tokens):
        self.asked.append((document.text, offset, shown, budget_tokens))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.texts == (None,):
            return None
        return tuple(Snippet(path="b.py", text=text, reason="why") for text in self.texts)


def scenario(test):
    @wraps(test)
    def run(*arguments, **options):
        asyncio.run(test(*arguments, **options))

    return run


def bench_with(shelf, **options):
    script = options.pop("script", lambda job: "x" if job.max_tokens else "")
    return Bench(script, retrieval=shelf, **options)


async def ask(bench, marked, **options):
    options = {"deadline_ms": LONG_MS, "background": True} | options
    completion = await bench.pipeline.complete(make_request(marked, **options))
    await bench.pipeline.finished()
    return completion


def shown(jobs):
    return ["first" in prompt_of(job) for job in jobs], ["other" in prompt_of(job) for job in jobs]


@scenario
async def test_the_first_prompt_has_snippets_and_says_why():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    completion = await ask(bench, "x = |\n")
    (job,) = bench.engine.asked
    assert "first" in prompt_of(job)
    steps = [
        (stage.decision, stage.reason) for stage in completion.stages if stage.name == "snippet"
    ]
    assert steps == [("b.py", "why")]
    text, offset, window, budget = shelf.asked[0]
    assert (text, offset, (window.start, window.end)) == ("x = \n", 4, (0, 5))
    assert budget > 100
    await bench.close()


@scenario
async def test_nothing_retrieved_shows_nothing():
    for shelf in (Shelf(), Shelf(None)):
        bench = bench_with(shelf)
        await ask(bench, "x = |\n")
        assert prompt_of(bench.engine.asked[0]).startswith("<|fim_prefix|>x =<|fim_suffix|>")
        await bench.close()


@scenario
async def test_who_types_keeps_the_snippets_however_much_better_others_are():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    bench.naps.held = (background.PAUSE_S,)
    for marked in ("x = 1\n|\n", "x = 1\ny|\n", "x = 1\nyz = 2 + |\n"):
        await bench.pipeline.complete(make_request(marked, deadline_ms=LONG_MS, background=True))
        shelf.texts = (OTHER,)
    assert shown(bench.engine.asked) == ([True] * 3, [False] * 3)
    assert len(shelf.asked) == 1
    await bench.close()


@scenario
async def test_better_ones_are_evaluated_in_a_pause_beside_those_in_use():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    await ask(bench, "x = 1\n|\n")
    bench.clock.tick(LONG_S)
    shelf.texts = (OTHER,)
    await ask(bench, "x = 1\ny = |\n")
    (evaluated,) = bench.engine.evaluations
    assert "other" in prompt_of(evaluated)
    used, beside = slots_of("file:///a")
    assert [job.slot for job in bench.engine.asked] == [used, used]
    assert evaluated.slot == beside
    await ask(bench, "x = 1\ny = 2 + |\n")
    assert bench.engine.asked[-1].slot == beside
    assert "other" in prompt_of(bench.engine.asked[-1])
    await bench.close()


@scenario
async def test_an_interrupted_change_loses_nothing_and_is_gone_on_with():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    await ask(bench, "x = 1\n|\n")
    bench.clock.tick(LONG_S)
    shelf.texts = (OTHER,)
    bench.naps.held = (background.PAUSE_S,)
    bench.naps.taken.clear()
    request = make_request("x = 1\ny = |\n", deadline_ms=LONG_MS, background=True)
    await bench.pipeline.complete(request)
    await bench.until(lambda: background.PAUSE_S in bench.naps.taken)
    bench.engine.hold_at = 0
    bench.naps.awake.set()
    await bench.until(lambda: bench.engine.evaluations and bench.engine.open)
    document, offset = make_document("x = 1\ny = 3|\n")
    bench.pipeline.changed(document, offset)
    await bench.until(lambda: bench.engine.open == 0)
    bench.engine.hold_at = None
    shelf.texts = ("def third(): ...\n",)
    await ask(bench, "x = 1\ny = 3 + |\n")
    assert "first" in prompt_of(bench.engine.asked[-1])
    assert bench.engine.asked[-1].slot == "file:///a"
    assert [("other" in prompt_of(job)) for job in bench.engine.evaluations] == [True, True]
    assert bench.engine.asked[-1].slot != bench.engine.evaluations[-1].slot
    await bench.close()


@scenario
async def test_a_slow_machine_does_not_change_them_all_the_time():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf, model=replace(MODEL, prefill_tps=300.0))
    await ask(bench, "x = 1\n|\n")
    for expected in (0, 1, 2):
        for number in range(5):
            shelf.texts = (f"def other_{expected}_{number}(): ...\n",)
            await ask(bench, f"x = 1\ny{number} = {expected} + |\n")
        assert len(bench.engine.evaluations) == expected
        bench.clock.tick(3.0 / heads.CHANGE_SHARE)
    await bench.close()


@scenario
async def test_an_outgrown_window_moves_with_the_snippets_it_has():
    # They are evaluated where they are: in another slot they would have to be read again.
    lines = "".join(f"value_{number} = compute({number})\n" for number in range(2000))
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    await ask(bench, lines + "|")
    (before,) = bench.engine.asked
    shelf.texts = (OTHER,)
    for number in range(200):
        lines += f"more_{number} = compute({number})\n"
        await ask(bench, lines + "|")
        if bench.engine.evaluations:
            break
    (moved,) = bench.engine.evaluations
    assert moved.slot == before.slot
    assert "first" in prompt_of(moved)
    assert "other" not in prompt_of(moved)
    assert prompt_of(moved)[:300] != prompt_of(bench.engine.asked[-1])[:300]
    assert all("first" in prompt_of(job) for job in bench.engine.asked)
    await bench.close()


@scenario
async def test_what_was_begun_at_a_jump_is_gone_on_with():
    lines = "".join(f"value_{number} = compute({number})\n" for number in range(2000))
    middle = lines.index("value_1000")
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    await ask(bench, lines + "|")
    shelf.texts = (OTHER,)
    bench.engine.hold_at = 0
    document, offset = make_document(lines[:middle] + "|" + lines[middle:])
    bench.pipeline.warm(document, offset)
    await bench.until(lambda: bench.engine.evaluations and bench.engine.open)
    bench.pipeline.changed(document, offset)
    await bench.until(lambda: bench.engine.open == 0)
    bench.engine.hold_at = None
    shelf.texts = ("def third(): ...\n",)
    await ask(bench, lines[:middle] + "y = |\n" + lines[middle:], background=False)
    begun, asked = bench.engine.evaluations[0], bench.engine.asked[-1]
    assert "other" in prompt_of(begun)
    assert "other" in prompt_of(asked)
    assert begun.slot == asked.slot
    await bench.close()


@scenario
async def test_what_says_nothing_new_is_left():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    await ask(bench, "x = 1\n|\n")
    bench.clock.tick(LONG_S)
    await ask(bench, "x = 1\ny = |\n")
    assert bench.engine.evaluations == []
    assert len(shelf.asked) == 2  # at first, and in the later pause
    await bench.close()


@scenario
async def test_a_suggestion_is_typed_through_although_they_changed():
    shelf = Shelf(FIRST)
    bench = bench_with(shelf, script=lambda job: "value" if job.max_tokens else "")
    await ask(bench, "x = |\n")
    shelf.texts = (OTHER,)
    await bench.pipeline.finished()
    bench.clock.tick(1000)
    assert (await ask(bench, "x = va|\n")).source == "cache"
    await bench.close()


@scenario
async def test_an_index_that_is_slow_is_not_waited_for():
    shelf = Shelf(FIRST)
    shelf.delay_s = 30.0
    bench = bench_with(shelf)
    completion = await bench.pipeline.complete(make_request("x = |\n", deadline_ms=LONG_MS))
    assert completion.text == "x"
    assert "first" not in prompt_of(bench.engine.asked[0])
    await bench.close()


@scenario
async def test_snippets_of_the_request_itself_count():
    shelf = Shelf(OTHER)
    bench = bench_with(shelf)
    given = (Snippet(path="c.py", text=FIRST, reason="given"),)
    await ask(bench, "x = |\n", snippets=given)
    assert shown(bench.engine.asked) == ([True], [False])
    assert shelf.asked == []
    await bench.close()


@scenario
async def test_a_jump_takes_what_helps_there():
    lines = "".join(f"value_{number} = compute({number})\n" for number in range(2000))
    middle = lines.index("\nvalue_1000")
    shelf = Shelf(FIRST)
    bench = bench_with(shelf)
    await ask(bench, lines + "|", background=False)
    shelf.texts = (OTHER,)
    await ask(bench, lines[:middle] + "|" + lines[middle:], background=False)
    assert shown(bench.engine.asked) == ([True, False], [False, True])
    await bench.close()


def test_a_quarter_of_new_lines_is_worth_it():
    def of(*lines):
        return (Snippet(path="a", text="\n".join(lines), reason=""),)

    assert is_worth(of("a"), ())
    assert not is_worth((), of("a"))
    assert not is_worth(of("a", "b"), of("b", "a"))
    assert is_worth(of("a", "b", "c", "d"), of("a", "b", "c"))
    assert not is_worth(of("a", "b", "c", "d", "e"), of("a", "b", "c", "d"))


@pytest.mark.parametrize("n_ctx", [512, 1024, 4096])
@scenario
async def test_a_pause_moves_what_is_outgrown_and_evaluates_what_a_key_asks(n_ctx):
    """Whether a window is outgrown, where a pause puts it and where a key begins all agree."""
    dice = random.Random(n_ctx)
    n_moved = 0
    for _ in range(15):
        engine = FakeEngine("", model=replace(MODEL, n_ctx=n_ctx, prefill_tps=100.0))
        asking = Asking(engine, NoSyntax(), None, Clock(), "auto")
        text = "".join(f"v_{n} = f({n})" + "\n" * dice.randint(1, 3) for n in range(900))
        offset = dice.randrange(len(text))
        document, _ = make_document(text + "|")
        for _ in range(60):
            step = dice.choice([40, 80, 120, 120, -60, -200, 300])
            offset = max(0, min(len(text), offset + step))
            request = CompletionRequest(document=document, offset=offset)
            before, outgrown = asking.heads.of(document), asking.is_outgrown(request)
            evaluation = await asking.evaluation(request)
            evaluation.done()
            after = asking.heads.of(document)
            if before is not None:
                assert (after.start != before.start) == outgrown
                n_moved += outgrown
            assert not asking.is_outgrown(request)
            place = locate(request)
            key = asking._prompt(request, place, asking.able(), (), after.start)
            assert key.parts == evaluation.job.parts
    assert n_moved > 20


@pytest.mark.parametrize(("n_ctx", "is_kept"), [(512, False), (1024, False), (8192, True)])
def test_where_the_context_is_small_windows_are_kept_for_less(n_ctx, is_kept):
    """A longer one would not fit beside the one that follows it, nor before a long answer."""
    engine = FakeEngine("", model=replace(MODEL, n_ctx=n_ctx, prefill_tps=100.0))
    asking = Asking(engine, NoSyntax(), None, Clock(), "auto")
    document, offset = make_document("x = 1\n" * 2000 + "|")
    request = CompletionRequest(document=document, offset=offset)
    place = locate(request)
    size = asking._prompt(request, place, asking.able(), ()).budget.prefix_tokens * 3
    start = offset - size - size // 4 - 6
    prompt = asking._prompt(request, place, asking.able(), (), start)
    assert (prompt.around.prefix_start == start) == is_kept
