"""The answers to one job as they come: the first one, then those that leave it somewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import NamedTuple

from indoors_completion.types import Engine, Finish, Job, Steering, TokenChunk


class Answer(NamedTuple):
    """An answer so far, or `is_whole`. `logprob` is that of all its tokens together.

    `stop_reason` is the engine's for the first answer, and "" for others that came to an end;
    `detail` is what it says about that.
    """

    number: int
    text: str
    n_tokens: int
    logprob: float
    is_whole: bool = False
    stop_reason: str = ""
    detail: str = ""


async def read_answers(
    engine: Engine, job: Job, steering: Steering | None = None
) -> AsyncGenerator[Answer]:
    """Every answer as it grows, and once more when it is whole. Closing this stops the engine."""
    now = Answer(0, "", 0, 0.0)
    stream = engine.generate(job, steering) if steering is not None else engine.generate(job)
    try:
        async for item in stream:
            if isinstance(item, TokenChunk):
                if item.alternative != now.number:
                    yield now._replace(is_whole=True)
                    now = Answer(item.alternative, "", 0, 0.0)
                now = now._replace(
                    text=now.text + item.text,
                    n_tokens=now.n_tokens + len(item.logprobs),
                    logprob=now.logprob + sum(item.logprobs),
                )
                yield now
            elif isinstance(item, Finish):
                is_other = now.number > 0 and item.stop_reason in ("eos", "stop", "newline")
                reason = "" if is_other else item.stop_reason
                yield now._replace(is_whole=True, stop_reason=reason, detail=item.detail)
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
