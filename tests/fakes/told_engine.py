"""An engine that says what it is told: the answers of jobs, one after the other."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from indoors_completion.types import Finish, Job, ModelInfo, Prefill, Steering, TokenChunk

# A job's answers: texts with the log-probability of each, the first and those that leave it.
Said = list[tuple[str, float]]


class ToldEngine:
    """Answers job after job with what is said; the last one again and again."""

    def __init__(self, *said: Said, instruct: bool = True, stop_reason: str = "stop") -> None:
        self.said = list(said)
        self.jobs: list[Job] = []
        self.enough: list[int] = []
        self.n_closed = 0
        self.stop_reason = stop_reason
        self.detail = ""
        self.model: ModelInfo | None = ModelInfo(
            key="k", name="told", family="qwen2.5-coder", architecture="qwen2", instruct=instruct,
            n_params=7_000_000_000, size_bytes=1, n_ctx=4096, n_ctx_train=4096, n_layers=1,
            n_gpu_layers=0, device="cpu", can_shift=True,
        )  # fmt: skip

    async def generate(
        self, job: Job, steering: Steering | None = None
    ) -> AsyncIterator[Prefill | TokenChunk | Finish]:
        self.jobs.append(job)
        if steering is not None:
            steering.connect(self.enough.append)
        said = self.said[min(len(self.jobs), len(self.said)) - 1]
        try:
            yield Prefill(n_prompt=9, n_reused=0, n_evaluated=9, prefill_ms=1.0)
            for number, (answer, logprob) in enumerate(said[: job.n_alternatives]):
                # Of an answer that was begun for it, it says the rest.
                text = rest_of(job, answer)
                half = len(text) // 2
                for piece, share in ((text[:half], logprob), (text[half:], 0.0)):
                    yield TokenChunk(text=piece, logprobs=(share,), alternative=number)
            yield Finish(stop_reason=self.stop_reason, n_generated=9, detail=self.detail)
        finally:
            self.n_closed += 1


def begun(job: Job) -> str:
    """What the answer begins with that is asked for."""
    shown = re.split(r"```\w+\n", job.parts[-1].text, maxsplit=1)[-1]
    return f"{shown}{job.begin}"


def rest_of(job: Job, answer: str) -> str:
    """What a model says of an answer that was begun for it, up to where it has to stop."""
    begins = begun(job)
    if not begins or not answer.startswith(begins):
        return answer
    rest = answer[len(begins) :]
    ends = [rest.index(stop) for stop in job.stops if stop in rest]
    return rest[: min(ends, default=len(rest))]
