"""Answers with drafts are those without: the model is a function here, and the cache counts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from indoors_completion.engine import generation
from indoors_completion.engine.generation import Runner
from indoors_completion.engine.sampling import Emission
from indoors_completion.engine.slot import Choice
from indoors_completion.types import Finish, Job, Part

END = 0
TEXT = (
    "def total(items):\n    sum = 0\n    for item in items:\n        sum += item\n    return sum\n"
)
EDITED = TEXT.replace("sum = 0", "result = 0").replace("+= item", "+= item.price")


class FakeContext:
    """Cells that hold tokens. A row of logits is the text before it. `n_allowed` tokens may be
    evaluated before it aborts."""

    n_vocab = 1
    on_card = False

    def __init__(self, n_cells: int = 4096) -> None:
        self.n_cells = n_cells
        self.cells: dict[int, list[int]] = {}
        self.rows: list[tuple[int, ...]] = []
        self.batches: list[int] = []
        self.n_allowed = 10**9

    def is_aborted(self) -> bool:
        return self.n_allowed <= 0

    def use_threads(self, count: int) -> None:
        raise AssertionError("nobody competes here")

    def decode(self, seq: int, tokens: Sequence[int], position: int, *, want_logits: int) -> str:
        held = self.cells.setdefault(seq, [])
        assert len(held) == position, "positions remain consecutive"
        if sum(map(len, self.cells.values())) + len(tokens) > self.n_cells:
            return "full"
        if self.n_allowed < len(tokens):
            self.n_allowed = 0
            return "aborted"
        self.n_allowed -= len(tokens)
        self.batches.append(len(tokens))
        held.extend(tokens)
        ends = range(len(held) - want_logits + 1, len(held) + 1)
        self.rows = [tuple(held[:end]) for end in ends]
        return "done"

    def logits(self, index: int = -1) -> tuple[int, ...]:
        return self.rows[index]

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        assert end == -1
        del self.cells.setdefault(seq, [])[max(start, 0) :]
        return True

    def pos_min(self, seq: int) -> int:
        return 0 if self.cells.get(seq) else -1

    def pos_max(self, seq: int) -> int:
        return len(self.cells.get(seq, ())) - 1

    def clear(self) -> None:
        self.cells.clear()


class FakeSampler:
    """Says the rest of `answer`, then the end; `others` says what comes second behind a text."""

    def __init__(self, answer: str, n_prompt: int, others: dict[str, str] | None = None) -> None:
        self.answer = answer
        self.n_prompt = n_prompt
        self.others = others or {}

    def copy(self, row: tuple[int, ...]) -> tuple[int, ...]:
        return row

    def chain(self, _temperature: float, seed: int) -> random.Random:
        return random.Random(seed)

    def free(self, chain: random.Random) -> None:
        """Nothing is held."""

    def choose(self, row: tuple[int, ...], chain: random.Random | None = None) -> Choice:
        said = "".join(map(chr, row[self.n_prompt :]))
        if chain is not None and chain.random() < 0.05:
            return Choice(ord(chain.choice(TEXT)), -3.0)
        if self.answer.startswith(said):
            return Choice(ord((self.answer + "\0")[len(said)]), -0.125)
        # Beside its own answer it goes on as that does behind the line's next character.
        return Choice(END if len(said) > 200 else ord("~"), -0.125)

    def choose_two(self, row: tuple[int, ...]) -> tuple[Choice, Choice]:
        said = "".join(map(chr, row[self.n_prompt :]))
        return self.choose(row), Choice(ord(self.others.get(said, "?")), -2.0)

    def runner_up(self, row: tuple[int, ...], _chosen: int) -> Choice:
        return self.choose_two(row)[1]


Make = Callable[..., SimpleNamespace]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """A runner of which every character is a token and batches cost what they do on two cores."""

    def made(answer: str = EDITED, n_cells: int = 4096, n_ctx: int = 4096) -> SimpleNamespace:
        sampler = FakeSampler(answer, len(TEXT))
        monkeypatch.setattr(generation, "Sampler", lambda *_: sampler)
        vocab = SimpleNamespace(
            bos=None,
            text_tokens=lambda text: [ord(one) for one in text],
            special_token=lambda _: None,
            piece=lambda token: b"" if token == END else bytes([token]),
            pieces=lambda: (),
            is_end=lambda token: token == END,
        )
        model: Any = SimpleNamespace(vocab=vocab, llama=SimpleNamespace(api=None), n_swa=0)
        context: Any = FakeContext(n_cells)
        runner = Runner(model, context, n_ctx, 64)
        monkeypatch.setattr(runner.costs, "measured", lambda *_: None)
        return SimpleNamespace(runner=runner, context=context, sampler=sampler)

    return made


def run(bench: SimpleNamespace, **fields: Any) -> tuple[list[str], Finish]:
    texts: list[str] = []

    def emit(emission: Emission, alternative: int) -> None:
        while len(texts) <= alternative:
            texts.append("")
        texts[alternative] += emission.text

    options: dict[str, Any] = {"slot": "a", "max_tokens": 400} | fields
    job = Job(parts=(Part(text=TEXT),), **options)
    bench.context.batches.clear()
    finish = bench.runner.run(job, lambda _: None, emit, 0.0)
    held = bench.runner.slots.tokens("a")
    assert list(held) == bench.context.cells[0], "the record is not what the memory holds"
    return texts, finish


@pytest.mark.parametrize("answer", [TEXT, EDITED, "", "x", TEXT * 2, TEXT[40:], EDITED[:-30]])
def test_the_text_is_the_same_in_fewer_batches(make: Make, answer: str) -> None:
    with_drafts, one = run(bench := make(answer), drafts=TEXT)
    n_batches = len(bench.context.batches)
    without, other = run(plain := make(answer))
    assert with_drafts == without == ([answer] if answer else [])
    assert (one.stop_reason, one.n_generated) == (other.stop_reason, other.n_generated)
    assert n_batches <= len(plain.context.batches)
    if answer in (TEXT, EDITED):
        assert n_batches < len(plain.context.batches) / 2.5, "nothing was drafted"


@pytest.mark.parametrize("stop", ["item in", "\n", "sum += item.p", "return sum\n"])
def test_an_answer_stops_inside_of_a_draft(make: Make, stop: str) -> None:
    texts, finish = run(make(), drafts=TEXT, stops=(stop,))
    assert texts == [EDITED[: EDITED.index(stop)]]
    assert finish.stop_reason == "stop"


@pytest.mark.parametrize("n_tokens", [1, 2, 9, 33])
def test_a_draft_is_no_longer_than_what_is_left_of_the_answer(make: Make, n_tokens: int) -> None:
    bench = make(TEXT)
    texts, finish = run(bench, drafts=TEXT, max_tokens=n_tokens)
    assert (texts, finish.stop_reason) == ([TEXT[:n_tokens]], "length")
    assert len(bench.context.cells[0]) <= len(TEXT) + n_tokens, "beyond what room was made for"


def test_what_is_cancelled_within_a_batch_leaves_a_whole_cache(make: Make) -> None:
    for n_allowed in range(1, 60, 7):
        bench = make()
        bench.context.n_allowed = len(TEXT) + n_allowed
        texts, finish = run(bench, drafts=TEXT)
        assert finish.stop_reason == "cancelled"
        assert EDITED.startswith("".join(texts))
        bench.context.n_allowed = 10**9
        assert run(bench, drafts=TEXT)[0] == [EDITED]


def test_nobody_elses_document_is_given_up_for_a_guess(make: Make) -> None:
    """There are cells for the answer and not for what is guessed behind it."""
    bench = make(EDITED[:40], n_cells=2 * len(TEXT) + 22)
    job = Job(parts=(Part(text=TEXT[::-1]),), slot="other", max_tokens=0)
    bench.runner.run(job, lambda _: None, lambda *_: None, 0.0)
    held = bench.runner.slots.tokens("other")
    texts: list[str] = []
    asked = Job(parts=(Part(text=TEXT),), slot="a", max_tokens=20, drafts=EDITED)
    bench.context.n_cells -= 3
    bench.runner.run(asked, lambda _: None, lambda one, _: texts.append(one.text), 0.0)
    assert "".join(texts) == EDITED[:20]
    assert bench.runner.slots.tokens("other") == held


def test_full_is_full_without_a_draft_too(make: Make) -> None:
    bench = make(n_cells=len(TEXT) + 2)
    with pytest.raises(Exception, match="full"):
        run(bench, drafts=TEXT)


def test_the_same_prompt_again_goes_on_behind_a_wrong_guess(make: Make) -> None:
    bench = make()
    first, _ = run(bench, drafts=TEXT, max_tokens=30)
    again, finish = run(bench, drafts=TEXT)
    assert (first, again) == ([EDITED[:30]], [EDITED])
    assert finish.n_reused >= len(TEXT)


def test_other_answers_are_the_same_with_drafts(make: Make) -> None:
    fields: dict[str, Any] = {"n_alternatives": 4, "others_from": 20, "others_not": ("#",)}
    one, two = make(TEXT), make(TEXT)
    with_drafts, _ = run(one, drafts=TEXT, **fields)
    without, _ = run(two, **fields)
    assert with_drafts == without
    assert len(with_drafts) == 4
    assert len(set(with_drafts)) == 4


def test_other_answers_leave_the_first_behind_the_place_that_is_named(make: Make) -> None:
    bench = make(TEXT)
    at = TEXT.index("0")
    bench.sampler.others = {TEXT[:at]: "1", TEXT[: at + 1]: " ", TEXT[: at - 2]: "#", "de": "g"}
    texts, _ = run(bench, drafts=TEXT, n_alternatives=60, others_from=at - 2, others_not=("#",))
    begins = {one[: at + 1] for one in texts[1:]}
    assert TEXT[:at] + "1" in begins
    assert all(one.startswith(TEXT[: at - 2]) for one in texts), "left before the place"
    assert not any(one.startswith(TEXT[: at - 2] + "#") for one in texts), "a comment"
    assert not any(one.startswith(TEXT[: at + 1] + " ~") for one in texts), "only white space"


def test_a_sampled_answer_draws_the_same_numbers(make: Make) -> None:
    """One draw for each token of the answer, whether it was drafted or not."""
    texts = set()
    for seed in range(20):
        fields: dict[str, Any] = {"temperature": 0.7, "seed": seed}
        with_drafts, _ = run(make(), drafts=TEXT, **fields)
        assert with_drafts == run(make(), **fields)[0]
        texts.add(with_drafts[0])
    assert len(texts) > 10, "nothing was left to chance"


def test_slow_batches_are_noticed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make(TEXT)
    seen: list[bool] = []

    def after(_step_s: float, *, is_estimate: bool = False) -> None:
        seen.append(is_estimate)

    monkeypatch.setattr(bench.runner._contention, "after", after)
    run(bench, drafts=TEXT)
    assert seen.count(True) >= 2


def test_an_answer_without_an_end_has_no_others(make: Make) -> None:
    fields: dict[str, Any] = {"n_alternatives": 4, "others_from": 20}
    texts, finish = run(make(TEXT), max_tokens=30, **fields)
    assert (len(texts), finish.stop_reason) == (1, "length")
    assert len(run(make(TEXT), max_tokens=30, n_alternatives=4)[0]) > 1, "a completion has them"
