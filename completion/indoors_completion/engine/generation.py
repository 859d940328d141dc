"""One answer: prompt, reuse, prefill in small batches, decode, text. For the engine's thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from indoors_completion.engine import failures, prompt
from indoors_completion.engine.kv import Lease, SlotCache
from indoors_completion.engine.llama import Context, Model
from indoors_completion.engine.logits import Sampler
from indoors_completion.engine.sampling import Emission, TextStream
from indoors_completion.types import Finish, Job, Prefill

N_SLOTS = 8
# A chunk of prefill is what a cancellation may waste. Short chunks are slow on a CPU (two cores,
# 0.5B: 176 tokens/s in chunks of 8, 280 of 32, 321 of 64, 338 of 128, 351 of 256), and there
# llama.cpp's abort callback ends one in mid-chunk; a card ignores the callback and loses nothing by
# short chunks. After a cancelled prefill the chunks are short on a CPU too, until one comes to its
# end: someone who types faster than a long chunk lasts would otherwise never get anywhere.
_CHUNK_CPU = 128
_CHUNK_S = 0.05
_MIN_CHUNK = 16
_MEASURE_S = 0.5


class Runner:
    """A loaded model with its context; runs one job at a time."""

    def __init__(self, model: Model, context: Context, n_ctx: int, n_batch: int) -> None:
        self.model = model
        self.context = context
        self.n_ctx = n_ctx
        self._n_batch = n_batch
        self._chunk = self._short_chunk = n_batch
        self._was_cut_short = False  # the last prefill was cancelled
        self.slots = SlotCache(context, N_SLOTS, n_ctx)
        self._sampler = Sampler(model.llama.api, context.n_vocab)

    def measure(self) -> tuple[float, float]:
        """Speeds in tokens per second (prefill, decode), and the chunk size that follows.

        The first token also brings the weights into memory and is not counted. A slow model, or a
        busy machine, is given fewer tokens, so that this takes about half a second; every answer
        refreshes the speeds afterwards.
        """
        context = self.context
        token = self.model.vocab.bos or 0
        context.decode(0, [token], 0, want_logits=True)
        steps_s = [self._time([token], 1, want_logits=True)]
        while len(steps_s) < 3 and sum(steps_s) < _MEASURE_S / 2:
            steps_s.append(self._time([token], 1 + len(steps_s), want_logits=True))
        step_s = min(steps_s)
        most = self._n_batch if context.on_card else 32
        n_prefill = min(most, self._n_batch, max(8, int(_MEASURE_S / step_s)))
        prefill_s = self._time([token] * n_prefill, 1 + len(steps_s), want_logits=False)
        context.clear()
        prefill_tps = n_prefill / prefill_s
        wanted = 1 << int(prefill_tps * _CHUNK_S).bit_length()
        self._short_chunk = max(_MIN_CHUNK, min(self._n_batch, wanted))
        self._chunk = self._short_chunk if context.on_card else min(self._n_batch, _CHUNK_CPU)
        return prefill_tps, 1 / step_s

    def run(
        self,
        job: Job,
        on_prefill: Callable[[Prefill], None],
        emit: Callable[[Emission], None],
        started: float,
    ) -> Finish:
        """Generate; `on_prefill` is called when the prompt is evaluated, `emit` with text as it
        comes. `started` is the receipt on `perf_counter`.

        Stops early when the context's abort flag is raised; what was evaluated stays in the cache.
        Raises WorkerFailure (unfit, internal).
        """
        asked = prompt.assemble(job.parts, job.max_tokens, self.n_ctx, self.model.vocab)
        lease = self.slots.acquire(job.slot, asked.tokens, asked.max_tokens)
        answer = _Answer(job, emit, started)
        try:
            stop_reason = self._answer(job, asked, lease, on_prefill, answer)
        except failures.WorkerFailure:
            # The state of this sequence is unknown; the others are whole.
            self.slots.forget(job.slot)
            raise
        return Finish(
            stop_reason=stop_reason,
            n_prompt=len(asked.tokens),
            n_reused=lease.n_reused,
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

    def _answer(
        self,
        job: Job,
        asked: prompt.Prompt,
        lease: Lease,
        on_prefill: Callable[[Prefill], None],
        answer: _Answer,
    ) -> str:
        seq = lease.seq
        begun = time.perf_counter()
        length = self._short_chunk if self._was_cut_short else self._chunk
        self._was_cut_short = True
        for start in range(lease.n_reused, len(asked.tokens), length):
            chunk = asked.tokens[start : start + length]
            last = start + len(chunk) == len(asked.tokens)
            if not self._evaluate(job.slot, seq, chunk, start, last):
                return "cancelled"
            answer.n_evaluated += len(chunk)
        self._was_cut_short = False
        on_prefill(
            Prefill(
                n_prompt=len(asked.tokens),
                n_reused=lease.n_reused,
                n_evaluated=answer.n_evaluated,
                prefill_ms=(time.perf_counter() - begun) * 1000,
            )
        )
        chain = self._sampler.chain(job.temperature, job.seed) if job.temperature > 0 else None
        try:
            return self._decode(job.slot, seq, asked, chain, answer)
        finally:
            if chain is not None:
                self._sampler.free(chain)

    def _decode(
        self, slot: str, seq: int, asked: prompt.Prompt, chain: object, answer: _Answer
    ) -> str:
        vocab = self.model.vocab
        for count in range(asked.max_tokens):
            if self.context.is_aborted():
                return "cancelled"
            token, logprob = self._sampler.choose(self.context.logits(), chain)
            answer.sampled()
            if vocab.is_end(token):
                answer.flush()
                return "eos"
            answer.n_generated += 1
            if stopped := answer.add(vocab.piece(token), logprob):
                return stopped
            is_last = count + 1 == asked.max_tokens
            position = len(asked.tokens) + count
            if not is_last and not self._evaluate(slot, seq, (token,), position, True):
                return "cancelled"
        answer.flush()
        return "length"

    def _evaluate(
        self, slot: str, seq: int, tokens: Sequence[int], position: int, want_logits: bool
    ) -> bool:
        """Evaluate and record tokens; False if the job was cancelled."""
        context = self.context
        if context.is_aborted():
            return False
        status = context.decode(seq, tokens, position, want_logits=want_logits)
        if status == "full":
            # Cells may be there and yet not usable; the other slots are what can be given up.
            self.slots.forget_others(slot)
            status = context.decode(seq, tokens, position, want_logits=want_logits)
        if status == "full":
            raise failures.internal("The engine's cache is full.")
        if status == "aborted":
            self.slots.settle(slot)
            return False
        self.slots.extend(slot, tokens)
        return True

    def _time(self, tokens: list[int], position: int, *, want_logits: bool) -> float:
        begun = time.perf_counter()
        self.context.decode(0, tokens, position, want_logits=want_logits)
        return max(time.perf_counter() - begun, 1e-6)


class _Answer:
    """What one job has produced so far."""

    def __init__(self, job: Job, emit: Callable[[Emission], None], started: float) -> None:
        self._stream = TextStream(job.stops, job.stop_at_newline)
        self._emit = emit
        self._started = started
        self.n_evaluated = 0
        self.n_generated = 0
        self.ttft_ms = 0.0

    def sampled(self) -> None:
        """A token was chosen: the first one is the time to the first token."""
        if not self.ttft_ms:
            self.ttft_ms = (time.perf_counter() - self._started) * 1000

    def add(self, piece: bytes, logprob: float) -> str:
        """Add a token; the stop it reached, "" for none."""
        self._send(self._stream.feed(piece, logprob))
        return self._stream.stopped

    def flush(self) -> None:
        """Send what was held back."""
        self._send(self._stream.flush())

    def _send(self, emission: Emission | None) -> None:
        if emission is not None:
            self._emit(emission)
