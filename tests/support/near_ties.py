"""Answers of two engines to the same prompts: the same text, or one that parts at a near tie."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from pathlib import Path
from typing import Literal, NamedTuple

from indoors_completion.types import Finish, Job, Prefill, TokenChunk
from indoors_server.endpoints import Endpoint
from indoors_server.remote.engine import RemoteEngine
from indoors_server.remote.servers import Server, Servers
from support.engines import fim_parts
from support.plain_door import PlainDoor

# A batch of several tokens and one by one give logits that differ by up to 0.5 (engine.md), so the
# distance of two of them by up to 1. Where the two likeliest tokens are no further apart than that,
# the likelier has a probability of 73 % at most.
NEAR_TIE = -0.31
ROWS = Path(__file__).resolve().parents[2] / "benchmarks" / "data" / "hmfim_py100.jsonl.gz"

Tokens = list[tuple[str, tuple[float, ...]]]


class Said(NamedTuple):
    """An answer: its text, its pieces with their log-probabilities, how it ended."""

    text: str
    tokens: Tokens
    finish: Finish


def places(n: int) -> list[tuple[str, str]]:
    """Places in public rows, which are the same whatever becomes of these sources: what stands
    before the cursor, and after it.
    """
    with gzip.open(ROWS, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["prompt"], row["suffix"]) for row in rows[:n]]


def job(number: int, prefix: str, suffix: str, begin: str = "") -> Job:
    return Job(
        parts=fim_parts(prefix, suffix), slot=f"s{number}", max_tokens=16, stop_at_newline=True,
        suffix="exact", uri=f"file:///w/{number}.py", root="/w", sources=(f"{number}.py",),
        begin=begin,
    )  # fmt: skip


async def answer(engine: object, asked: Job) -> Said:
    text = ""
    tokens: Tokens = []
    async for item in engine.generate(asked):  # type: ignore[attr-defined]
        if isinstance(item, TokenChunk):
            text += item.text
            tokens.append((item.text, item.logprobs))
        elif not isinstance(item, Prefill):
            return Said(text, tokens, item)
    raise AssertionError("no Finish")


def elsewhere(url: str, api: Literal["openai", "llama-server"] = "openai") -> RemoteEngine:
    endpoint = Endpoint(name="peer", url=url, api=api)
    door = PlainDoor(endpoint)
    servers = Servers([Server(endpoint, door, time.monotonic)], time.monotonic)
    return RemoteEngine(servers, door, time.monotonic)


def first_difference(tokens: Tokens, other: Said) -> float:
    """The logarithm of the probability of the token at which another answer leaves this one: where
    its text is another one, or the same begins in another piece (more spaces, a longer number).

    A piece without one is the beginning of the next piece's first token (`engine.sampling`).
    """
    said, ends = "", set(itertools.accumulate(len(text) for text, _ in other.tokens))
    for at, (text, logprobs) in enumerate(tokens):
        said += text
        if not other.text.startswith(said) or (logprobs and len(said) not in ends):
            following = [one for _, after in tokens[at + 1 :] for one in after]
            return min(logprobs) if logprobs else (following or [0.0])[0]
    return 0.0


def compare(ours: list[Said], theirs: list[Said]) -> tuple[int, list[tuple[float, str, str]]]:
    """How many texts are the same, and of the others the token where they part, and both texts."""
    ties = [
        (first_difference(mine.tokens, other), mine.text, other.text)
        for mine, other in zip(ours, theirs, strict=True)
        if mine.text != other.text
    ]
    return len(ours) - len(ties), ties
