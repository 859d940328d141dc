"""Drafts with the real model: the same answers in fewer evaluations, and cancelled in mid-batch."""

from __future__ import annotations

import asyncio

import pytest

from indoors_completion import chat
from indoors_completion.chat import Message
from indoors_completion.engine.process import EngineProcess
from indoors_completion.types import Finish, Job, TokenChunk
from support.engines import running_engine

pytestmark = pytest.mark.model

# Logits of a batch differ from those of one token by up to so much: where the two likeliest are as
# near as that, either may be chosen (docs of the engine; a draft makes batches).
NOISE = 0.5
CODE = '''\
def total_price(items, discount):
    """The price of all items together."""
    result = 0
    for item in items:
        if item.price > 0:
            result += item.price * item.count
        else:
            result -= item.price
    return result * (1 - discount)
'''
WISHES = (
    "Rename the parameter items to goods.",
    "Raise ValueError if discount is negative.",
    "Write it with sum() and a generator expression.",
)


def edit(wish: str, **fields: object) -> Job:
    record = next(one for one in chat.CHATS if one.family == "qwen2.5-coder")
    turns = [Message("user", f"```python\n{CODE}```\n\n{wish} Answer with the whole code.")]
    options: dict[str, object] = {"slot": "a", "max_tokens": 160, "stops": ("\n```",)} | fields
    return Job(parts=chat.render(record, turns, "```python\n"), **options)  # type: ignore[arg-type]


async def answers(engine: EngineProcess, job: Job) -> list[tuple[str, list[float]]]:
    """The texts of an answer and those beside it, with the log-probabilities of their tokens."""
    engine.forget(job.slot)
    found: list[tuple[str, list[float]]] = []
    async for item in engine.generate(job):
        if isinstance(item, TokenChunk):
            while len(found) <= item.alternative:
                found.append(("", []))
            text, logprobs = found[item.alternative]
            found[item.alternative] = (text + item.text, [*logprobs, *item.logprobs])
        elif isinstance(item, Finish):
            assert item.stop_reason in ("eos", "stop", "length")
    return found


def is_same(one: tuple[str, list[float]], other: tuple[str, list[float]]) -> bool:
    """The same text, or one that left it where two tokens were as likely as each other."""
    if one[0] == other[0]:
        return True
    pairs = zip(one[1], other[1], strict=False)
    # Before the first other token the same ones were chosen, of nearly the same likelihood; at it
    # both are likeliest, so each has less than half of the weight, the noise aside.
    return any(max(a, b) < -0.69 + NOISE and abs(a - b) < NOISE for a, b in pairs)


def test_an_edit_has_the_same_text_with_drafts() -> None:
    async def scenario() -> None:
        async with running_engine() as engine:
            n_same = 0
            for wish in WISHES:
                [without] = await answers(engine, edit(wish))
                [drafted] = await answers(engine, edit(wish, drafts=CODE, slot="b"))
                assert is_same(without, drafted), f"{without[0]}\n---\n{drafted[0]}"
                n_same += without[0] == drafted[0]
            assert n_same >= len(WISHES) - 1, "a near tie is rare"

    asyncio.run(scenario())


def test_others_are_the_same_with_drafts_too() -> None:
    async def scenario() -> None:
        async with running_engine() as engine:
            fields: dict[str, object] = {"n_alternatives": 3, "others_from": 60, "max_tokens": 400}
            without = await answers(engine, edit(WISHES[0], **fields))
            drafted = await answers(engine, edit(WISHES[0], drafts=CODE, slot="b", **fields))
            assert len({text for text, _ in drafted}) == len(drafted) == 3
            assert is_same(without[0], drafted[0])
            assert all(text[:50] == drafted[0][0][:50] for text, _ in drafted), "left too early"

    asyncio.run(scenario())


def test_an_edit_that_is_cancelled_in_mid_batch_goes_on_as_if_it_had_not_been() -> None:
    async def scenario() -> None:
        async with running_engine() as engine:
            again = edit(WISHES[0], drafts=CODE, slot="c", max_tokens=60)
            [whole] = await answers(engine, edit(WISHES[0], drafts=CODE, max_tokens=60))
            for n_chunks in (1, 4):
                stream = engine.generate(again)
                async for item in stream:
                    n_chunks -= isinstance(item, TokenChunk)
                    if n_chunks == 0:
                        break
                await stream.aclose()
                text = ""
                async for item in engine.generate(again):
                    text += item.text if isinstance(item, TokenChunk) else ""
                assert text == whole[0] or text[:40] == whole[0][:40]

    asyncio.run(scenario())
