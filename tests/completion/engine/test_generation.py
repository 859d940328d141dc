"""How a prompt is evaluated: in which chunks, and what a cancellation leaves. No model."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from indoors_completion.engine import generation
from indoors_completion.engine.generation import Runner
from indoors_completion.engine.slot import Choice
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

    def use_threads(self, count: int) -> None:
        raise AssertionError("nobody competes here")

    def is_aborted(self) -> bool:
        return False

    def decode(self, seq: int, tokens: Sequence[int], position: int, *, want_logits: int) -> str:
        if self.n_allowed < len(tokens):
            return "aborted"
        self.n_allowed -= len(tokens)
        self.chunks.append(len(tokens))
        self.held = position + len(tokens)
        return "ok"

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        if seq == 0:
            self.held = min(self.held, max(start, 0))
        return True

    def pos_min(self, seq: int) -> int:
        return 0 if self.held else -1

    def pos_max(self, seq: int) -> int:
        return self.held - 1

    def clear(self) -> None:
        self.held = 0

    def logits(self) -> str:
        return "row"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A runner whose measured speed asks for short chunks of 16, and its context."""
    sampler = SimpleNamespace(choose=lambda *_: Choice(END, 0.0), copy=lambda row: row)
    monkeypatch.setattr(generation, "Sampler", lambda *_: sampler)
    vocab = SimpleNamespace(
        bos=None,
        text_tokens=lambda text: list(range(len(text))),
        special_token=lambda _: None,
        piece=lambda _: b"x",
        pieces=lambda: (),
        is_end=lambda token: token == END,
    )
    model: Any = SimpleNamespace(vocab=vocab, llama=SimpleNamespace(api=None), n_swa=0)
    context: Any = FakeContext()
    runner = Runner(model, context, 4096, 512)
    monkeypatch.setattr(runner, "_time", lambda *_, **__: 0.1)  # 10 tokens a second
    runner.measure()
    context.chunks.clear()
    return SimpleNamespace(runner=runner, context=context)


def run(bench: SimpleNamespace, n_tokens: int, **fields: Any) -> tuple[Finish, list[Prefill]]:
    job = Job(parts=(Part(text="x" * n_tokens),), slot="a", max_tokens=4, **fields)
    prefills: list[Prefill] = []
    return bench.runner.run(job, prefills.append, lambda *_: None, 0.0), prefills


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
    assert reused == [0, 0, 32, 64], "nothing is kept of a long chunk, all of the short ones"
    assert finish.stop_reason == "eos"
    bench.context.chunks.clear()
    bench.runner.slots.forget("a")
    run(bench, 300)
    assert bench.context.chunks == [128, 128, 44], "a prefill that ended makes chunks long again"


def test_background_work_goes_in_short_chunks(bench: SimpleNamespace) -> None:
    run(bench, 80, background=True)
    assert bench.context.chunks == [32, 32, 16]


def test_a_preempted_background_job_does_not_shorten_the_next_chunks(
    bench: SimpleNamespace,
) -> None:
    bench.context.n_allowed = 40
    assert run(bench, 100, background=True)[0].stop_reason == "cancelled"
    bench.context.n_allowed = 10**9
    bench.runner.slots.forget("a")
    bench.context.chunks.clear()
    run(bench, 300)
    assert bench.context.chunks == [128, 128, 44]


def test_a_job_without_an_answer_evaluates_the_prompt_and_ends(bench: SimpleNamespace) -> None:
    job = Job(parts=(Part(text="x" * 50),), slot="a", max_tokens=0, suffix="exact")
    finish = bench.runner.run(job, lambda _: None, lambda *_: None, 0.0)
    assert (finish.stop_reason, finish.n_evaluated, finish.n_generated) == ("prefilled", 50, 0)
    again, prefills = run(bench, 50)
    assert (again.n_evaluated, again.n_reused) == (0, 50), "not even the last token"
    assert [p.n_evaluated for p in prefills] == [0]


def test_counters_add_up_over_cancelled_jobs(bench: SimpleNamespace) -> None:
    run(bench, 100)
    bench.context.n_allowed = 130
    assert run(bench, 300)[0].stop_reason == "cancelled"
    assert bench.runner.n_tokens_evaluated == 228


class StubbornContext(FakeContext):
    """A memory that refuses what it is told to refuse."""

    def __init__(self, **refused: Any) -> None:
        super().__init__()
        self.can_shift = refused.get("can_shift", True)
        self.cuts = refused.get("cuts", True)
        self.loses = refused.get("loses", False)

    def decode(self, seq: int, tokens: Sequence[int], position: int, *, want_logits: int) -> str:
        self.held = position + len(tokens)
        return "done"

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        return self.cuts and super().seq_rm(seq, start, end)

    def seq_cp(self, source: int, target: int, start: int, end: int) -> None:
        if target == 0 and not self.loses:
            self.held += 2

    def seq_add(self, seq: int, start: int, end: int, delta: int) -> None:
        assert (start, end, delta) == (2, 4, 2)


@pytest.mark.parametrize(
    ("refused", "n_swa", "reuse", "reason"),
    [
        ({}, 0, "splice", ""),
        ({"cuts": False}, 0, "none", "cut"),
        ({"can_shift": False}, 0, "prefix", "shifted"),
        ({"loses": True}, 0, "prefix", "lost"),
        ({}, 4096, "prefix", "sliding window"),
    ],
)
def test_what_a_memory_allows_is_found_by_trying(
    bench: SimpleNamespace, refused: dict[str, Any], n_swa: int, reuse: str, reason: str
) -> None:
    bench.runner.context = StubbornContext(**refused)
    bench.runner.model.n_swa = n_swa
    found, why = bench.runner.probe_reuse(splice=True, anchor=True)
    assert found == reuse
    assert reason in why
    assert bench.runner.slots.can_splice == (reuse == "splice")
    assert bench.runner.can_anchor == (reuse != "none")


def test_a_family_without_a_measurement_does_not_splice(bench: SimpleNamespace) -> None:
    bench.runner.context = StubbornContext()
    found = bench.runner.probe_reuse(splice=False, anchor=False, why_not="not measured")
    assert found == ("prefix", "not measured")
    assert not bench.runner.slots.can_splice
    assert not bench.runner.can_anchor
