"""Writing answers: token after token, under a constraint, and alternatives to the first one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from indoors_completion.engine.logits import Sampler
from indoors_completion.engine.sampling import Emission, TextStream
from indoors_completion.engine.slot import Choice, Memo
from indoors_completion.engine.spelling import MAX_SPELLED, Spelling, advance
from indoors_completion.engine.vocabulary import Vocabulary
from indoors_completion.types import Job

Emit = Callable[[Emission, int], None]
Draft = Callable[[Sequence[int]], Sequence[int]]

# Another answer has to differ early to be another answer: within its first line.
_BRANCH_WITHIN = 24
# The likeliest tokens are looked at one by one, so many of them, before the whole vocabulary is.
_FREE_TRIES = 16
_ENDED = frozenset({"eos", "newline", "stop", "length"})


def no_draft(_path: Sequence[int]) -> Sequence[int]:
    """Nothing is known of what may follow."""
    return ()


class Decoding(Protocol):
    """The evaluated prompt that an answer is written behind."""

    memo: Memo

    def is_aborted(self) -> bool:
        """Whether the job was cancelled."""
        ...

    def logits_after(self, tokens: Sequence[int], draft: Draft = no_draft) -> Any:  # noqa: ANN401 - ctypes
        """The row of logits behind these tokens after the prompt; None if the job was cancelled.

        Where something has to be evaluated, `draft` is asked what may follow them, and that is
        evaluated with them: for as long as it turns out right, the next rows are there already.
        """
        ...


class Answer:
    """What one job has produced so far."""

    def __init__(
        self, job: Job, emit: Emit, started: float, is_enough: Callable[[int], bool]
    ) -> None:
        self._job = job
        self._emit = emit
        self._started = started
        self._is_enough = is_enough
        self.n_evaluated = 0
        self.n_generated = 0
        self.ttft_ms = 0.0
        self.begin(0)

    def begin(self, alternative: int) -> None:
        """Start the text of an alternative (0: the first answer)."""
        self._alternative = alternative
        self._stream = TextStream(self._job.stops, self._job.stop_at_newline)

    def is_enough(self) -> bool:
        """Whether its reader wants no more of this text."""
        return self._is_enough(self._alternative)

    def sampled(self) -> None:
        """Something of the answer itself was chosen: the first one is the time to first token."""
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
            self._emit(emission, self._alternative)


class _Branch(NamedTuple):
    """Where another answer may leave the first one: after `length` tokens of it, with `choice`."""

    length: int
    choice: Choice
    score: float


class _Branches:
    """Collects the places where other answers may leave the first one."""

    def __init__(self, job: Job, vocab: Vocabulary) -> None:
        self._job = job
        self._vocab = vocab
        self._score = 0.0
        self._n_bytes = 0
        self.found: list[_Branch] = []

    def wants(self, has_line: bool) -> bool:
        """Whether another answer may leave here."""
        if self._job.others_from >= 0:
            return self._n_bytes >= self._job.others_from
        return not has_line and len(self.found) < _BRANCH_WITHIN

    def add(self, length: int, choice: Choice, other: Choice) -> None:
        """At this place `choice` was taken, and `other` comes next."""
        is_other = not self._vocab.is_end(other.token)
        if self._job.others_from >= 0 and is_other:
            one, two = (self._said(token) for token in (choice.token, other.token))
            is_other = bool(two) and one != two and not two.startswith(self._job.others_not)
        if is_other:
            self.found.append(_Branch(length, other, self._score + other.logprob))

    def went_on(self, choice: Choice, piece: bytes) -> None:
        """The first answer has this token more."""
        self._score += choice.logprob
        self._n_bytes += len(piece)

    def best(self) -> list[_Branch]:
        """The likeliest, as many as are asked for."""
        ranked = sorted(self.found, key=lambda branch: branch.score, reverse=True)
        return ranked[: self._job.n_alternatives - 1]

    def _said(self, token: int) -> str:
        # What only begins a code point is something, and nothing can be said about it.
        return self._vocab.piece(token).decode("utf-8", "replace").strip()


class Writer:
    """Writes answers with one model. One thread only."""

    def __init__(self, vocab: Vocabulary, sampler: Sampler) -> None:
        self._vocab = vocab
        self._sampler = sampler
        self._known_spelling: Spelling | None = None

    def prepare(self) -> None:
        """Sort the vocabulary now (tenths of a second), not at the first partial word."""
        if self._known_spelling is None:
            self._known_spelling = Spelling(self._vocab.pieces())

    def write(
        self,
        job: Job,
        begin: bytes,
        decoding: Decoding,
        known: list[Choice],
        answer: Answer,
        draft: Draft = no_draft,
    ) -> str:
        """Write the answer, then its alternatives; the stop reason of the first.

        `known` are the first tokens of the answer, if an earlier one showed them. `draft` says what
        may follow the tokens of the first answer so far.
        """
        chain = self._sampler.chain(job.temperature, job.seed) if job.temperature > 0 else None
        memo = decoding.memo
        memo.begin, memo.choices = begin, list(known)
        branches = _Branches(job, self._vocab) if job.n_alternatives > 1 else None
        try:
            stop, path = self._write(job, begin, decoding, known, answer, chain, branches, draft)
            if chain is None:
                memo.choices = path
        finally:
            if chain is not None:
                self._sampler.free(chain)
        # Of an answer without an end nobody can say where it went wrong.
        is_whole = stop != "length" or job.others_from < 0
        if branches is not None and stop in _ENDED and is_whole:
            self._write_others(job, begin, decoding, answer, branches.best(), path, draft)
        return stop

    def _write_others(
        self,
        job: Job,
        begin: bytes,
        decoding: Decoding,
        answer: Answer,
        branches: list[_Branch],
        first: list[Choice],
        draft: Draft,
    ) -> None:
        """The likeliest other answers: each leaves the first one once and goes on greedily."""
        for number, branch in enumerate(branches, 1):
            answer.begin(number)
            path = [*first[: branch.length], branch.choice]
            stop, _ = self._write(job, begin, decoding, path, answer, None, None, draft)
            if stop == "cancelled":
                return

    def _write(
        self,
        job: Job,
        begin: bytes,
        decoding: Decoding,
        known: Sequence[Choice],
        answer: Answer,
        chain: Any,  # noqa: ANN401 - a ctypes handle
        branches: _Branches | None,
        draft: Draft,
    ) -> tuple[str, list[Choice]]:
        """One answer, of which the `known` tokens are given; why it ended, and all its tokens."""
        vocab, rest = self._vocab, begin
        path: list[Choice] = []
        n_written = n_spelled = 0
        has_line = False
        while n_written < job.max_tokens and n_spelled < MAX_SPELLED:
            if decoding.is_aborted():
                return "cancelled", path
            if answer.is_enough():
                answer.flush()
                return "stop", path
            if len(path) < len(known):
                choice = known[len(path)]
            else:
                logits = decoding.logits_after([one.token for one in path], draft)
                if logits is None:
                    return "cancelled", path
                if branches is not None and not rest and branches.wants(has_line):
                    choice, other = self._choose_two(logits, chain)
                    branches.add(len(path), choice, other)
                else:
                    choice = self._choose(logits, rest, chain)
            path.append(choice)
            if not rest and vocab.is_end(choice.token):
                answer.sampled()
                answer.flush()
                return "eos", path
            piece = vocab.piece(choice.token)
            if branches is not None:
                branches.went_on(choice, piece)
            if rest:
                n_spelled += 1
                rest, piece = advance(rest, piece) or (b"", piece)
                if not piece:
                    continue
            answer.sampled()
            n_written += 1
            answer.n_generated += 1
            has_line = has_line or b"\n" in piece
            if stopped := answer.add(piece, choice.logprob):
                return stopped, path
        answer.flush()
        return "length", path

    def _choose_two(self, logits: Any, chain: Any) -> tuple[Choice, Choice]:  # noqa: ANN401 - ctypes
        if chain is None:
            return self._sampler.choose_two(logits)
        choice = self._sampler.choose(logits, chain)
        return choice, self._sampler.runner_up(logits, choice.token)

    def _choose(self, logits: Any, rest: bytes, chain: Any) -> Choice:  # noqa: ANN401 - ctypes
        if not rest:
            return self._sampler.choose(logits, chain)
        # Mostly the model would have begun like this anyway. A space begins half the vocabulary.
        piece = self._vocab.piece
        free = self._sampler.likeliest(
            logits, lambda token: advance(rest, piece(token)) is not None, _FREE_TRIES
        )
        if free is not None:
            return free
        self.prepare()
        assert self._known_spelling is not None
        candidates = self._known_spelling.candidates(rest)
        # A vocabulary that cannot spell a byte: the answer goes on as if it were spelled.
        return self._sampler.choose_among(logits, candidates or [0])
