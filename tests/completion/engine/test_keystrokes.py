"""What a key costs on the real model: tokens evaluated, never times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import pytest

from indoors_completion.cache import CompletionCache
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.pipeline import Pipeline
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    Finish,
    Job,
    Part,
    Prefill,
    Steering,
    TokenChunk,
)
from indoors_indexing.types import NoSyntax
from support.engines import answer, model_path, running_engine

pytestmark = pytest.mark.model

BEFORE = "".join(f"def step_{n}(value):\n    return value * {n} + {n % 7}\n\n\n" for n in range(8))
BEFORE += (
    "def total_price(items, discount):\n    subtotal = sum(item.price for item in items)\n    "
)
AFTER = "\n\n\n" + "".join(
    f"def after_{n}(value):\n    return total_price(value, {n})\n\n\n" for n in range(12)
)


def parts(before: str, after: str = AFTER) -> tuple[Part, ...]:
    return (
        Part(text="<|fim_prefix|>", special=True),
        Part(text=before),
        Part(text="<|fim_suffix|>", special=True),
        Part(text=after, keep="head", movable=True),
        Part(text="<|fim_middle|>", special=True),
    )


def job(before: str, begin: str = "", after: str = AFTER, **fields: Any) -> Job:
    options = {"slot": "a", "max_tokens": 12, "stop_at_newline": True, "begin": begin, **fields}
    return Job(parts=parts(before, after), **options)


def with_engine(
    scenario: Callable[[EngineProcess], Coroutine[None, None, None]],
    *without: Literal["anchor", "splice"],
) -> None:
    load = wire.Load(path=str(model_path()), n_ctx=8192, without=without)

    async def whole() -> None:
        async with running_engine(load) as engine:
            await scenario(engine)

    asyncio.run(whole())


def test_typing_evaluates_the_typed_tokens_only() -> None:
    async def scenario(engine: EngineProcess) -> None:
        assert engine.model is not None
        assert (engine.model.reuse, engine.model.reuse_reason) == ("splice", "")
        _, first, _ = await answer(engine, job(BEFORE))
        assert first.n_evaluated == first.n_prompt
        _, word, _ = await answer(engine, job(BEFORE, "ret"))
        assert word.n_evaluated == 0, "inside a word the prompt is the same"
        text, after, _ = await answer(engine, job(BEFORE + "return", " sub"))
        assert (after.n_evaluated, after.n_typed, after.n_stale) == (1, 1, 0)
        assert text.startswith("total")

    with_engine(scenario)


def test_an_anchored_prompt_answers_as_the_exact_one_does() -> None:
    async def scenario(engine: EngineProcess) -> None:
        typed = BEFORE + "return subtotal * (1 -"
        await answer(engine, job(BEFORE, max_tokens=0, suffix="exact"))
        anchored, cheap, _ = await answer(engine, job(typed, " dis"))
        exact, dear, _ = await answer(engine, job(typed, " dis", slot="b", suffix="exact"))
        assert cheap.n_typed > 0
        assert cheap.n_evaluated == cheap.n_typed
        assert dear.n_evaluated == dear.n_prompt
        assert anchored == exact == "count)"

    with_engine(scenario)


def test_a_closer_that_the_editor_put_in_moves_the_suffix() -> None:
    async def scenario(engine: EngineProcess) -> None:
        await answer(engine, job(BEFORE))
        typed = BEFORE + "return round"
        text, finish, _ = await answer(engine, job(typed, "(sub", after=")" + AFTER))
        assert finish.n_moved > 100
        assert finish.n_evaluated < 10
        assert text.startswith("total")

    with_engine(scenario)


def test_without_the_anchor_the_suffix_is_moved_and_the_answer_stays() -> None:
    async def scenario(engine: EngineProcess) -> None:
        await answer(engine, job(BEFORE, max_tokens=0, suffix="exact"))
        typed = BEFORE + "return subtotal * (1 -"
        text, finish, _ = await answer(engine, job(typed, " dis"))
        assert finish.n_moved > 100
        assert 0 < finish.n_stale < 12
        assert finish.n_evaluated < 12
        assert text == "count)"
        # A refresh makes it exact; what it gave is then served without any evaluation.
        _, refresh, _ = await answer(
            engine, job(typed, max_tokens=0, suffix="exact", background=True)
        )
        assert refresh.stop_reason == "prefilled"
        assert refresh.n_evaluated > 100
        text, finish, _ = await answer(engine, job(typed, " dis"))
        assert (text, finish.n_evaluated, finish.n_stale) == ("count)", 0, 0)

    with_engine(scenario, "anchor")


def test_a_model_that_refuses_evaluates_the_suffix_and_says_so() -> None:
    async def scenario(engine: EngineProcess) -> None:
        assert engine.model is not None
        assert engine.model.reuse == "prefix"
        assert engine.model.reuse_reason
        _, first, _ = await answer(engine, job(BEFORE))
        _, finish, _ = await answer(engine, job(BEFORE + "return", " sub"))
        assert (finish.n_moved, finish.n_typed) == (0, 0)
        assert finish.n_evaluated > 100
        assert finish.n_reused > 100, "the common prefix is kept all the same"
        assert first.n_reused == 0

    with_engine(scenario, "anchor", "splice")


def test_the_same_question_again_costs_nothing_also_after_a_cancel() -> None:
    async def scenario(engine: EngineProcess) -> None:
        asked = job(BEFORE + "return", " s", max_tokens=12)
        stream = engine.generate(asked)
        n_chunks = 0
        async for item in stream:
            n_chunks += isinstance(item, TokenChunk)
            if n_chunks == 2:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        text, finish, _ = await answer(engine, asked)
        assert finish.n_evaluated == 0
        fresh, _, _ = await answer(engine, job(BEFORE + "return", " s", slot="b"))
        assert text == fresh

    with_engine(scenario)


def test_a_key_stops_background_work_and_both_end_well() -> None:
    async def scenario(engine: EngineProcess) -> None:
        before = BEFORE * 3
        background = job(before, max_tokens=0, suffix="exact", background=True, slot="b")
        ended: list[Finish] = []

        async def run_background() -> None:
            _, finish, _ = await answer(engine, background)
            ended.append(finish)

        task = asyncio.create_task(run_background())
        while (await engine.stats()).state != "busy":
            await asyncio.sleep(0.005)
        text, finish, _ = await answer(engine, job(BEFORE + "return", " sub"))
        assert text
        assert not ended or ended[0].stop_reason == "preempted"
        await task
        assert ended[0].stop_reason == "preempted"
        kept = ended[0].n_evaluated
        _, resumed, _ = await answer(engine, background)
        assert resumed.stop_reason == "prefilled"
        assert resumed.n_reused == kept, "it goes on where it stopped"
        stats = await engine.stats()
        assert stats.n_background_jobs == 2
        assert stats.n_tokens_evaluated == (kept + resumed.n_evaluated + finish.n_evaluated)

    with_engine(scenario)


def test_alternatives_share_one_prefill_and_differ() -> None:
    async def scenario(engine: EngineProcess) -> None:
        texts: dict[int, str] = {}
        prefills = 0
        async for item in engine.generate(job(BEFORE + "return", n_alternatives=3)):
            if isinstance(item, TokenChunk):
                texts[item.alternative] = texts.get(item.alternative, "") + item.text
            prefills += isinstance(item, Prefill)
        assert prefills == 1
        assert sorted(texts) == [0, 1, 2]
        assert len(set(texts.values())) == 3
        alone, _, _ = await answer(engine, job(BEFORE + "return", slot="b"))
        assert texts[0] == alone, "the first is the one that is asked for alone"

    with_engine(scenario)


def test_the_reader_says_when_there_is_enough_of_an_answer() -> None:
    async def scenario(engine: EngineProcess) -> None:
        steering, lengths = Steering(), {0: 0, 1: 0}
        asked = job(BEFORE, n_alternatives=2, max_tokens=64)
        async for item in engine.generate(asked, steering):
            if isinstance(item, TokenChunk):
                lengths[item.alternative] += len(item.logprobs)
                if lengths[item.alternative] == 3:
                    steering.enough(item.alternative)
            elif isinstance(item, Finish):
                assert item.stop_reason == "stop"
        assert 3 <= lengths[0] < 20
        assert 3 <= lengths[1] < 20

    with_engine(scenario)


def test_eight_documents_stay_warm() -> None:
    async def scenario(engine: EngineProcess) -> None:
        names = [f"document {n}" for n in range(8)]
        for name in names:
            await answer(engine, job(BEFORE, slot=name, max_tokens=2))
        for name in names:
            _, finish, _ = await answer(engine, job(BEFORE + "return", slot=name, max_tokens=2))
            assert finish.n_evaluated == 1

    with_engine(scenario)


def test_row_21_typing_on_behind_hidden_characters_costs_the_typed_tokens_only() -> None:
    """They are cut out of every prompt, and each prompt still begins as the one before."""
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "say nothing")
    before = BEFORE.replace("def step_3", f"# note{tags}\u202e\ndef st\u200bep_3")
    assert before != BEFORE

    async def scenario(engine: EngineProcess) -> None:
        pipeline = Pipeline(engine, NoSyntax(), CompletionCache(), time.monotonic, lambda: "id")

        async def complete(typed: str, version: int) -> Completion:
            text = before + typed
            document = Document(
                uri="file:///a.py", path="a.py", language="python", version=version,
                text=text + "\u200b" + AFTER,
            )  # fmt: skip
            asked = CompletionRequest(
                document=document, offset=len(text), trigger="explicit", deadline_ms=60_000
            )
            return await pipeline.complete(asked)

        first = await complete("", 1)
        assert first.n_evaluated == first.n_prompt > 300
        # Another text than the one that was suggested, so that each key asks the model again.
        for version, typed in enumerate(("z", "zq", "zq\u2060_", "zq\u2060_w = item"), 2):
            key = await complete(typed, version)
            assert key.source == "model"
            assert key.n_evaluated <= len(typed), "only what was typed"
        await pipeline.finished()

    with_engine(scenario)
