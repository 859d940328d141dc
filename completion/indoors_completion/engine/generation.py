"""One job: prompt, reuse, prefill in small batches, then the answer. For the engine's thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from indoors_completion.engine import anchor, failures, prompt, spelling
from indoors_completion.engine.answers import Answer, Draft, Emit, Writer, no_draft
from indoors_completion.engine.contention import Contention
from indoors_completion.engine.kv import N_EXTRA_SEQUENCES, Lease, SlotCache
from indoors_completion.engine.llama import MAX_OUTPUTS, Context, Model
from indoors_completion.engine.logits import Sampler
from indoors_completion.engine.lookup import Costs, Lookup
from indoors_completion.engine.slot import Choice, Memo, Slot
from indoors_completion.types import Finish, Job, Prefill

N_SLOTS = 8
N_SEQUENCES = N_SLOTS + N_EXTRA_SEQUENCES
# A chunk of prefill is what a cancellation may waste. Short chunks are slow on a CPU (two cores,
# 0.5B: 176 tokens/s in chunks of 8, 280 of 32, 321 of 64, 338 of 128, 351 of 256), and there
# llama.cpp's abort callback ends one in mid-chunk; a card ignores the callback and loses nothing by
# short chunks. After a cancelled prefill the chunks are short on a CPU too, until one comes to its
# end: someone who types faster than a long chunk lasts would otherwise never get anywhere.
# Background work is preempted all the time and always goes in short ones.
_CHUNK_CPU = 128
_CHUNK_S = 0.05
_MIN_CHUNK = 32
_MEASURE_S = 0.5
# Fewer tokens say little about the speed of prefill; a sample moves the estimate by this share.
_MIN_SAMPLE, _WEIGHT = 32, 0.3

Reuse = Literal["splice", "prefix", "none"]


class Runner:
    """A loaded model with its context; runs one job at a time."""

    def __init__(
        self, model: Model, context: Context, n_ctx: int, n_batch: int, n_threads: int = 1
    ) -> None:
        self.model = model
        self.context = context
        self.n_ctx = n_ctx
        self._n_batch = n_batch
        self.n_most_ahead = min(MAX_OUTPUTS, n_batch) - 1
        self._chunk = self._short_chunk = n_batch
        self._was_cut_short = False  # the last prefill was cancelled
        self._prefill_tps = 0.0
        self._can_cut = True
        self.can_anchor = False  # what was typed may stand behind the middle marker
        self.slots = SlotCache(context, N_SLOTS, n_ctx, can_splice=False)
        sampler = Sampler(model.llama.api, context.n_vocab)
        self._sampler = sampler
        self._writer = Writer(model.vocab, sampler)
        n_threads = n_threads if not context.on_card else 1
        self._contention = Contention(n_threads, context.use_threads, time.perf_counter)
        self.costs = Costs()  # of batches of which all logits are wanted
        self.n_tokens_evaluated = 0
        self.n_tokens_generated = 0

    def measure(self) -> tuple[float, float]:
        """Speeds in tokens per second (prefill, decode), and the chunk size that follows.

        The first token also brings the weights into memory and is not counted. A slow model, or a
        busy machine, is given fewer tokens, so that this takes about half a second; every answer
        refreshes the speeds afterwards.
        """
        context = self.context
        token = self.model.vocab.bos or 0
        context.decode(0, [token], 0, want_logits=1)
        steps_s = [self._time([token], 1, want_logits=1)]
        while len(steps_s) < 3 and sum(steps_s) < _MEASURE_S / 2:
            steps_s.append(self._time([token], 1 + len(steps_s), want_logits=1))
        step_s = min(steps_s)
        most = self._n_batch if context.on_card else 32
        n_prefill = min(most, self._n_batch, max(8, int(_MEASURE_S / step_s)))
        prefill_s = self._time([token] * n_prefill, 1 + len(steps_s), want_logits=0)
        context.clear()
        self._prefill_tps = n_prefill / prefill_s
        self._contention.measured(step_s)
        wanted = 1 << int(self._prefill_tps * _CHUNK_S).bit_length()
        self._short_chunk = min(self._n_batch, max(_MIN_CHUNK, wanted))
        self._chunk = self._short_chunk if context.on_card else min(self._n_batch, _CHUNK_CPU)
        self._writer.prepare()
        return self._prefill_tps, 1 / step_s

    def probe_reuse(self, *, splice: bool, anchor: bool, why_not: str = "") -> tuple[Reuse, str]:
        """Try what this memory allows, use that from now on, and say why it is not more.

        `splice` False (with `why_not`) leaves the splice out, whatever the memory can do; `anchor`
        allows what was typed to stand behind the middle marker.
        """
        reuse, reason = _probe(self.context, self.model.vocab.bos or 0, self.model.n_swa)
        if reuse == "splice" and not splice:
            reuse, reason = "prefix", why_not
        self.slots.can_splice = reuse == "splice"
        self._can_cut = reuse != "none"
        self.can_anchor = anchor and self._can_cut
        return reuse, reason

    def run(
        self,
        job: Job,
        on_prefill: Callable[[Prefill], None],
        emit: Emit,
        started: float,
        *,
        is_enough: Callable[[int], bool] = lambda _alternative: False,
    ) -> Finish:
        """Generate; `on_prefill` is called when the prompt is evaluated, `emit` with text as it
        comes. `started` is the receipt on `perf_counter`. An answer of which there `is_enough` ends
        and gives way to the next one.

        Stops early when the context's abort flag is raised; what was evaluated stays in the cache.
        Raises WorkerFailure (unfit, internal).
        """
        n_most = job.max_tokens + min(len(job.begin), spelling.MAX_SPELLED)
        parts, begin = anchor.unhealed(job.parts, job.begin)
        whole = prompt.assemble(parts, n_most, self.n_ctx, self.model.vocab)
        answer = Answer(job, emit, started, is_enough)
        try:
            asked, lease, stop_reason = self._answer(job, whole, begin, on_prefill, answer)
        except failures.WorkerFailure:
            # The state of this sequence is unknown; the others are whole.
            self.slots.forget(job.slot)
            raise
        self.n_tokens_evaluated += answer.n_evaluated
        self.n_tokens_generated += answer.n_generated
        return Finish(
            stop_reason=stop_reason,
            n_prompt=len(asked.tokens),
            n_reused=lease.n_reused if lease else 0,
            n_moved=lease.n_moved if lease else 0,
            n_stale=lease.n_stale if lease else 0,
            n_typed=asked.n_typed,
            n_evaluated=answer.n_evaluated,
            n_generated=answer.n_generated,
            ttft_ms=answer.ttft_ms,
            total_ms=(time.perf_counter() - started) * 1000,
        )

    def close(self) -> None:
        """Free everything."""
        self._sampler.close()
        self.context.close()
        self.model.close()

    # --- the prompt ---------------------------------------------------------------------------

    def _answer(
        self,
        job: Job,
        whole: prompt.Prompt,
        whole_begin: str,
        on_prefill: Callable[[Prefill], None],
        answer: Answer,
    ) -> tuple[prompt.Prompt, Lease | None, str]:
        """Answer the job: the prompt that was used, how it was reused, and the stop reason."""
        asked, text = self._anchored(job, whole) or (whole, whole_begin)
        begin = text.encode("utf-8", "replace")
        known: list[Choice] = []
        memo = self.slots.memo(job.slot, asked)
        if memo is not None and job.temperature == 0 and job.n_alternatives == 1:
            known = spelling.replay(memo, begin, self.model.vocab.piece)
        if job.max_tokens == 0 and job.suffix == "exact":
            lease = self.slots.refresh(job.slot, asked)
            if lease is None:
                return asked, None, "no room"
        else:
            lease = self.slots.acquire(job.slot, asked, self._n_exact(job), known)
        begun = time.perf_counter()
        if not self._prefill(job, asked, lease, answer):
            return asked, lease, "cancelled"
        slot = self.slots.commit(job.slot, lease)
        if asked is whole:
            parts, _ = anchor.unhealed(job.parts, job.begin)
            slot.anchor = anchor.anchor_of(parts, whole)
        spent_s = time.perf_counter() - begun
        self._learn(answer.n_evaluated, spent_s)
        on_prefill(
            Prefill(
                n_prompt=len(asked.tokens),
                n_reused=lease.n_reused,
                n_evaluated=answer.n_evaluated,
                prefill_ms=spent_s * 1000,
                n_moved=lease.n_moved,
                n_stale=lease.n_stale,
                n_typed=asked.n_typed,
            )
        )
        if lease.steps or slot.memo is None:
            known = []
            slot.memo = Memo(asked.tokens, self._sampler.copy(self.context.logits()), begin)
        if job.max_tokens == 0:
            return asked, lease, "prefilled"
        decoding = _Decoding(self, job.slot, slot, asked)
        if not self._can_cut:
            job = msgspec.structs.replace(job, n_alternatives=1, drafts="")
        draft: Draft = no_draft
        if job.drafts:
            draft = Lookup(self.model.vocab.text_tokens(job.drafts), self.costs).draft
        return asked, lease, self._writer.write(job, begin, decoding, known, answer, draft)

    def _anchored(self, job: Job, whole: prompt.Prompt) -> tuple[prompt.Prompt, str] | None:
        """What was typed since, behind the prompt that is there; None where that is not possible.

        It is cheaper than `whole` as it is, and it is better: the model was right more often at the
        same keys (benchmarks/splice.py), so an exact evaluation is no reason not to, where it
        would be affordable.
        """
        held = self.slots.anchor(job.slot)
        if held is None or job.suffix == "exact" or not self.can_anchor:
            return None
        typed = anchor.typed_since(held, job.parts, job.begin)
        if typed is None:
            return None
        extended = anchor.extend(held, typed[0], whole.max_tokens, self.n_ctx, self.model.vocab)
        return None if extended is None else (extended, typed[1])

    def _n_exact(self, job: Job) -> int:
        """How many tokens may be evaluated for the sake of an exact suffix."""
        if job.suffix == "exact":
            return self.n_ctx
        return int(job.exact_within_ms / 1000 * self._prefill_tps)

    def _prefill(self, job: Job, asked: prompt.Prompt, lease: Lease, answer: Answer) -> bool:
        """Evaluate what the lease lacks; False if the job was cancelled."""
        length = self._short_chunk if self._was_cut_short or job.background else self._chunk
        self._was_cut_short = self._was_cut_short or not job.background
        for number, (first, end) in enumerate(lease.steps):
            if number and not self.slots.graft(lease.slot):
                raise failures.internal("The engine's cache lost a moved suffix.")
            for start in range(first, end, length):
                chunk = asked.tokens[start : min(start + length, end)]
                is_last = start + len(chunk) == len(asked.tokens)
                if not self.evaluate(job.slot, lease.slot, chunk, int(is_last)):
                    return False
                answer.n_evaluated += len(chunk)
        self._was_cut_short = self._was_cut_short and job.background
        return True

    def _learn(self, n_tokens: int, spent_s: float) -> None:
        if n_tokens >= _MIN_SAMPLE and spent_s > 0:
            self._prefill_tps += _WEIGHT * (n_tokens / spent_s - self._prefill_tps)

    def evaluate(
        self, name: str, slot: Slot, tokens: Sequence[int], want_logits: int, n_draft: int = 0
    ) -> bool:
        """Evaluate tokens behind those held, and record them; False if the job was cancelled.

        The last `n_draft` of them are a guess: where no cells are left for them they are left out,
        because nobody else's document is given up for a guess.
        """
        context, position = self.context, len(slot.tokens)
        status = "aborted"
        if not context.is_aborted():
            self._contention.before()
            begun = time.perf_counter()
            status = context.decode(slot.seq, tokens, position, want_logits=want_logits)
            if status == "done" and want_logits == len(tokens):
                spent_s = time.perf_counter() - begun
                n_tokens = len(tokens)
                self._contention.after(spent_s / self.costs.of(n_tokens), is_estimate=n_tokens > 1)
                self.costs.measured(len(tokens), spent_s)
        if status == "full" and n_draft:
            tokens, want_logits = tokens[:-n_draft], want_logits - n_draft
            status = context.decode(slot.seq, tokens, position, want_logits=want_logits)
        if status == "full":
            # Cells may be there and yet not usable; the other slots are what can be given up.
            self.slots.forget_others(name)
            status = context.decode(slot.seq, tokens, position, want_logits=want_logits)
        if status == "full":
            raise failures.internal("The engine's cache is full.")
        if status == "aborted":
            self.slots.settle(slot)
            return False
        self.slots.extend(slot, tokens)
        return True

    def _time(self, tokens: list[int], position: int, *, want_logits: int) -> float:
        begun = time.perf_counter()
        self.context.decode(0, tokens, position, want_logits=want_logits)
        return max(time.perf_counter() - begun, 1e-6)


class _Decoding:
    """The slot behind an answer, as the writer sees it (`answers.Decoding`)."""

    def __init__(self, runner: Runner, name: str, slot: Slot, asked: prompt.Prompt) -> None:
        assert slot.memo is not None
        self._runner = runner
        self._name = name
        self._slot = slot
        self._n_prompt = len(asked.tokens)
        self._n_most = asked.max_tokens
        # Of the last batch, rows of logits are there behind this token of the answer and those that
        # follow it in the slot.
        self._first_row = self._n_rows = 0
        self.memo = slot.memo

    def is_aborted(self) -> bool:
        return self._runner.context.is_aborted()

    def logits_after(self, tokens: Sequence[int], draft: Draft = no_draft) -> Any:  # noqa: ANN401 - ctypes
        if not tokens:
            return self.memo.logits
        slot, runner = self._slot, self._runner
        row = len(tokens) - 1 - self._first_row
        if 0 < row < self._n_rows and self._held()[: len(tokens)] == list(tokens):
            return runner.context.logits(row)  # it was drafted, and that was right
        held = len(slot.tokens) - self._n_prompt
        if held != len(tokens) - 1:
            # What is known is held, but not the row behind its last token: that is evaluated again.
            same = prompt_overlap(self._held(), tokens)
            runner.slots.cut(slot, self._n_prompt + min(same, len(tokens) - 1))
            held = len(slot.tokens) - self._n_prompt
            if held < 0:
                raise failures.internal("The engine's cache lost the prompt.")
        new = list(tokens[held:])
        ahead = self._ahead(tokens, draft) if len(new) == 1 else []
        if not runner.evaluate(self._name, slot, new + ahead, 1 + len(ahead), len(ahead)):
            return None
        self._first_row = len(tokens) - 1
        self._n_rows = len(slot.tokens) - self._n_prompt - self._first_row
        return runner.context.logits(0 if self._n_rows > 1 else -1)

    def _held(self) -> list[int]:
        """What the slot holds behind the prompt."""
        return self._slot.tokens[self._n_prompt :]

    def _ahead(self, tokens: Sequence[int], draft: Draft) -> list[int]:
        """What is evaluated with the last token: no more than there is room for in a batch, and in
        the answer.
        """
        room = min(self._runner.n_most_ahead, self._n_most - len(tokens))
        return list(draft(tokens))[: max(room, 0)]


def prompt_overlap(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many tokens after the prompt are the wanted ones."""
    count = 0
    for one, other in zip(held, wanted, strict=False):
        if one != other:
            break
        count += 1
    return count


def _probe(context: Context, token: int, n_swa: int) -> tuple[Reuse, str]:
    """Move two tokens across an insertion of two, and look at what the memory says it holds."""
    try:
        if context.decode(0, [token] * 6, 0, want_logits=0) != "done":
            return "none", "the memory could not be tried"
        if not context.seq_rm(0, 4, -1) or context.pos_max(0) != 3:
            return "none", "this model's memory cannot be cut"
        if n_swa > 0:
            return "prefix", "this model looks back through a sliding window"
        if not context.can_shift:
            return "prefix", "this model's memory cannot be shifted"
        context.seq_cp(0, 1, 2, 4)
        if not context.seq_rm(0, 2, -1):
            return "prefix", "this model's memory cannot be parked"
        context.decode(0, [token] * 2, 2, want_logits=0)
        context.seq_add(1, 2, 4, 2)
        context.seq_cp(1, 0, -1, -1)
        context.seq_rm(1, -1, -1)
        held = (context.pos_min(0), context.pos_max(0))
        if held != (0, 5) or context.decode(0, [token], 6, want_logits=1) != "done":
            return "prefix", "this model's memory lost what was moved"
        return "splice", ""
    finally:
        context.clear()
