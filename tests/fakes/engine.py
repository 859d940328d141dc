"""An engine that says what a test wrote: scripted chunks, recorded jobs, visible cancellation."""

import asyncio
from collections.abc import AsyncIterator, Callable

from fakes.told_engine import rest_of
from indoors_completion.types import Finish, Job, ModelInfo, Prefill, Steering, TokenChunk

MODEL = ModelInfo(
    key="fake",
    name="Fake Coder",
    family="qwen2.5-coder",
    architecture="qwen2",
    instruct=True,
    n_params=1_500_000_000,
    size_bytes=1,
    n_ctx=4096,
    n_ctx_train=4096,
    n_layers=1,
    n_gpu_layers=0,
    device="cpu",
    can_shift=True,
    reuse="splice",
    prefill_tps=1000.0,
    decode_tps=100.0,
)


class FakeEngine:
    """`script` is a text (one chunk a character), a list of chunks, or a function of the job.

    After the script the stream ends with `Finish(stop_reason)`, or hangs until it is cancelled if
    `stop_reason` is "hang". `others` are the further alternatives of a job that asks for some.
    `hold_at` makes every stream wait for `go` before the chunk of that number (0: before the
    prefill). `n_stale` is what prefills report, until an exact one. A job without an answer
    (`max_tokens` 0) is "prefilled". `cancelled` counts the streams that were closed before their
    end, and `open` those that are not closed yet.
    """

    def __init__(
        self,
        script: str | list[str] | Callable[[Job], str] = "",
        *,
        stop_reason: str = "eos",
        model: ModelInfo | None = MODEL,
        on_token: Callable[[], None] = lambda: None,
    ) -> None:
        self.script = script
        self.stop_reason = stop_reason
        self.model = model
        self.on_token = on_token
        self.others: list[str] = []
        self.hold_at: int | None = None
        self.go = asyncio.Event()
        self.n_stale = 0
        self.n_typed = 0
        self.jobs: list[Job] = []
        self.cancelled = 0
        self.open = 0

    def say(self, script: str | list[str], stop_reason: str = "eos") -> None:
        self.script, self.stop_reason = script, stop_reason

    @property
    def prompt(self) -> str:
        """The last job's parts, joined."""
        return prompt_of(self.jobs[-1])

    @property
    def asked(self) -> list[Job]:
        """The jobs that somebody waits for."""
        return [job for job in self.jobs if not job.background]

    @property
    def ahead(self) -> list[Job]:
        """The jobs that compute what may be asked next."""
        return [job for job in self.jobs if job.background and job.max_tokens]

    @property
    def evaluations(self) -> list[Job]:
        """The jobs that only evaluate a prompt."""
        return [job for job in self.jobs if not job.max_tokens]

    async def generate(
        self, job: Job, steering: Steering | None = None
    ) -> AsyncIterator[Prefill | TokenChunk | Finish]:
        self.jobs.append(job)
        chunks = self.script(job) if callable(self.script) else self.script
        if isinstance(chunks, str):
            chunks = rest_of(job, chunks)
        if not job.max_tokens:
            chunks = ""
        self.open += 1
        finished = False
        try:
            count = 0
            await self._hold(0)
            if job.suffix == "exact":
                self.n_stale = self.n_typed = 0
            yield Prefill(
                n_prompt=10,
                n_reused=6,
                n_evaluated=4,
                prefill_ms=1.0,
                n_stale=self.n_stale,
                n_typed=self.n_typed,
            )
            n_enough = 0

            def enough(alternative: int) -> None:
                nonlocal n_enough
                n_enough = alternative + 1

            if steering is not None:
                steering.connect(enough)
            for number, text in enumerate([chunks, *self.others][: job.n_alternatives]):
                for chunk in text:
                    if number < n_enough:
                        break
                    await asyncio.sleep(0)
                    self.on_token()
                    count += 1
                    await self._hold(count)
                    yield TokenChunk(text=chunk, logprobs=(-0.1,), alternative=number)
            if self.stop_reason == "hang" and job.max_tokens:
                await asyncio.Event().wait()
            finished = True
            yield Finish(
                stop_reason=self.stop_reason if job.max_tokens else "prefilled",
                n_prompt=10,
                n_evaluated=4,
                n_generated=count,
                n_stale=self.n_stale,
            )
        finally:
            self.open -= 1
            self.cancelled += not finished

    async def _hold(self, number: int) -> None:
        if self.hold_at == number:
            await self.go.wait()


def prompt_of(job: Job) -> str:
    """The parts of a job, joined."""
    return "".join(part.text for part in job.parts)
