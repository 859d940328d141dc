"""How a prompt is evaluated: in which chunks, and what a cancellation leaves. No model."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from indoors_completion.engine import generation
from indoors_completion.engine.generation import Runner
from indoors_completion.types import Finish, Job, Part, Prefill

END = -1


class FakeContext:
    """A memory that counts. It aborts in the chunk that reaches `n_allowed` evaluated tokens."""

    n_vocab = 1
    on_card = False

    def __init__(self) -> None:
        self.chunks: list[int] = []
        self.held = 0
        self.n_allowed = 10**9

    def is_aborted(self) -> bool:
        return False

    def decode(self, seq: int, tokens: Sequence[int], position: int, *, want_logits: bool) -> str:
        if self.n_allowed < len(tokens):
            return "aborted"
        self.n_allowed -= len(tokens)
        self.chunks.append(len(tokens))
        self.held = position + len(tokens)
        return "ok"

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        self.held = min(self.held, max(start, 0))
        return True

    def pos_min(self, seq: int) -> int:
        return 0 if self.held else -1

    def pos_max(self, seq: int) -> int:
        return self.held - 1

    def clear(self) -> None:
        self.held = 0

    def logits(self) -> None:
        return None


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A runner whose measured speed asks for short chunks of 16, and its context."""
    sampler = SimpleNamespace(choose=lambda *_: (END, 0.0))
    monkeypatch.setattr(generation, "Sampler", lambda *_: sampler)
    vocab = SimpleNamespace(
        bos=None,
        text_tokens=lambda text: list(range(len(text))),
        special_token=lambda _: None,
        piece=lambda _: b"x",
        is_end=lambda token: token == END,
    )
    model: Any = SimpleNamespace(vocab=vocab, llama=SimpleNamespace(api=None))
    context: Any = FakeContext()
    runner = Runner(model, context, 4096, 512)
    monkeypatch.setattr(runner, "_time", lambda *_, **__: 0.1)  # 10 tokens a second
    runner.measure()
    context.chunks.clear()
    return SimpleNamespace(runner=runner, context=context)


def run(bench: SimpleNamespace, n_tokens: int) -> tuple[Finish, list[Prefill]]:
    job = Job(parts=(Part(text="x" * n_tokens),), slot="a", max_tokens=4)
    prefills: list[Prefill] = []
    return bench.runner.run(job, prefills.append, lambda _: None, 0.0), prefills


def test_a_prompt_is_evaluated_in_long_chunks_and_told_once(bench: SimpleNamespace) -> None:
    finish, prefills = run(bench, 300)
    assert bench.context.chunks == [128, 128, 44]
    assert finish.stop_reason == "eos"
    assert [(p.n_prompt, p.n_reused, p.n_evaluated) for p in prefills] == [(300, 0, 300)]


def test_someone_who_types_faster_than_a_long_chunk_still_gets_somewhere(
    bench: SimpleNamespace,
) -> None:
    """Each try is cancelled after 50 tokens: less than a long chunk, more than a short one."""
    reused = []
    for _ in range(3):
        bench.context.n_allowed = 50
        finish, prefills = run(bench, 300)
        assert (finish.stop_reason, prefills) == ("cancelled", [])
        reused.append(finish.n_reused)
    bench.context.n_allowed = 10**9
    finish, _ = run(bench, 300)
    reused.append(finish.n_reused)
    assert reused == [0, 0, 48, 96], "nothing is kept of a long chunk, all of the short ones"
    assert finish.stop_reason == "eos"
    bench.context.chunks.clear()
    bench.runner.slots.forget("a")
    run(bench, 300)
    assert bench.context.chunks == [128, 128, 44], "a prefill that ended makes chunks long again"
