"""An engine worker that writes every prompt down: `recording_worker.py FILE`, one prompt a line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from indoors_completion.engine import wire
from indoors_completion.types import ModelInfo

MODEL = ModelInfo(
    key="fake", name="Fake", family="qwen2.5-coder", architecture="qwen2", instruct=True,
    n_params=1_500_000_000, size_bytes=1, n_ctx=4096, n_ctx_train=4096, n_layers=1, n_gpu_layers=0,
    device="cpu", can_shift=True,
)  # fmt: skip


def send(message: wire.Message) -> None:
    os.write(1, wire.encode(message))


def main() -> None:
    while (body := wire.read_body(sys.stdin.buffer)) is not None:
        message = wire.decode_to_worker(body)
        if isinstance(message, wire.Load):
            send(wire.Loaded(request=message.request, model=MODEL))
        elif isinstance(message, wire.Generate):
            with Path(sys.argv[1]).open("a") as file:
                file.write(json.dumps("".join(part.text for part in message.job.parts)) + "\n")
            if message.job.max_tokens:
                send(wire.Token(request=message.request, text="done()", logprobs=(-0.1,)))
            reason = "eos" if message.job.max_tokens else "prefilled"
            send(wire.Done(request=message.request, stop_reason=reason, n_generated=1))


if __name__ == "__main__":
    main()
