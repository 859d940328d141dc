"""An engine that says what a test wrote: scripted chunks, recorded jobs, visible cancellation."""

import asyncio
from collections.abc import AsyncIterator, Callable

from indoors_completion.types import Finish, Job, ModelInfo, Prefill, TokenChunk

MODEL = ModelInfo(
    key="fake",
    name="Fake Coder",
    family="qwen2.5-coder",
    architecture="qwen2",
    instruct=True,
    n_params=1,
    size_bytes=1,
    n_ctx=4096,
    n_ctx_train=4096,
    n_layers=1,
    n_gpu_layers=0,
    device="cpu",
    can_shift=True,
    prefill_tps=1000.0,
    decode_tps=100.0,
)


class FakeEngine:
    """`script` is a text (one chunk a character), a list of chunks, or a function of the job.

    After the script the stream ends with `Finish(stop_reason)`, or hangs until it is cancelled if
    `stop_reason` is "hang". `cancelled` counts the streams that were closed before their end.
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
        self.jobs: list[Job] = []
        self.cancelled = 0
        self.open = 0

    def say(self, script: str | list[str], stop_reason: str = "eos") -> None:
        self.script, self.stop_reason = script, stop_reason

    @property
    def prompt(self) -> str:
        """The last job's parts, joined."""
        return "".join(part.text for part in self.jobs[-1].parts)

    async def generate(self, job: Job) -> AsyncIterator[Prefill | TokenChunk | Finish]:
        self.jobs.append(job)
        chunks = self.script(job) if callable(self.script) else self.script
        self.open += 1
        finished = False
        try:
            count = 0
            yield Prefill(n_prompt=10, n_reused=6, n_evaluated=4, prefill_ms=1.0)
            for chunk in chunks:
                await asyncio.sleep(0)
                self.on_token()
                count += 1
                yield TokenChunk(text=chunk, logprobs=(-0.1,))
            if self.stop_reason == "hang":
                await asyncio.Event().wait()
            finished = True
            yield Finish(
                stop_reason=self.stop_reason, n_prompt=10, n_evaluated=4, n_generated=count
            )
        finally:
            self.open -= 1
            self.cancelled += not finished
