"""The worker of replay_plain.py: what llama_cpp.Llama does with a prompt, one prompt at a time.

The longest common beginning with what the cache holds is kept, everything behind it is evaluated
again (in a fill-in-the-middle prompt that is the whole suffix at every key), sampling is greedy. It
ends at the model's end tokens, at an empty line, or after 64 tokens, like
`Llama.create_completion(prompt, suffix=…, max_tokens=64, stop=["\\n\\n"], temperature=0)`. It uses
the low-level binding as benchmarks/plain.py does: the high-level package only adds to the times.

Reads JSON lines `{"id", "prefix", "suffix"}`. Writes `{"id", "first_line"}` when the first line is
there, as a user of `stream=True` would have it, then
`{"id", "text", "ttft_ms", "total_ms", "n_evaluated", "n_generated"}`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from plain import Plain, load_binding

MAX_TOKENS = 64
STOP = "\n\n"


class PrefixPlain(Plain):
    """Keeps what the cache holds, and evaluates from where the prompt differs."""

    def __init__(self, binding: Any, path: Path, threads: int, n_ctx: int) -> None:
        super().__init__(binding, path, threads, n_ctx)
        self.held: list[int] = []

    def prefill(self, prompt: list[int]) -> int:
        """Bring the cache to `prompt`; how many tokens were evaluated."""
        same = 0
        # The last token is evaluated in any case: its logits are needed.
        for old, new in zip(self.held, prompt[:-1], strict=False):
            if old != new:
                break
            same += 1
        memory = self.api.llama_get_memory(self.context)
        if not self.api.llama_memory_seq_rm(memory, 0, same, -1):
            self.api.llama_memory_clear(memory, True)
            same = 0
        self.decode(prompt[same:])
        self.held = list(prompt)
        return len(prompt) - same

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One completion; the first line is written as soon as it is there."""
        started_s = time.perf_counter()
        before, after, middle = self.fim
        prompt = before + self.tokens(request["prefix"]) + after
        prompt += self.tokens(request["suffix"]) + middle
        if len(prompt) + MAX_TOKENS > self.n_ctx:
            sys.exit(f"a prompt has {len(prompt)} tokens: the client's window is too large")
        n_evaluated = self.prefill(prompt)
        ttft_ms = 0.0
        raw, n_generated, told = b"", 0, False
        for _ in range(MAX_TOKENS):
            token = self.api.llama_sampler_sample(self.greedy, self.context, -1)
            ttft_ms = ttft_ms or (time.perf_counter() - started_s) * 1000
            if self.api.llama_vocab_is_eog(self.vocab, token) or [token] in self.fim:
                break
            n_generated += 1
            raw += self.piece(token)
            text = raw.decode(errors="replace")
            if not told and "\n" in text:
                told = True
                write({"id": request["id"], "first_line": text.partition("\n")[0]})
            if STOP in text:
                break
            self.decode([token])
            self.held.append(token)
        text = raw.decode(errors="replace").partition(STOP)[0]
        return {
            "id": request["id"],
            "text": text,
            "ttft_ms": ttft_ms,
            "total_ms": (time.perf_counter() - started_s) * 1000,
            "n_evaluated": n_evaluated,
            "n_generated": n_generated,
        }


def write(message: dict[str, Any]) -> None:
    """One JSON line to the client."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, default=4096)
    options = parser.parse_args()
    worker = PrefixPlain(
        load_binding(options.engine), options.model, options.threads, options.context
    )
    write({"ready": True})
    for line in sys.stdin:
        write(worker.answer(json.loads(line)))


if __name__ == "__main__":
    main()
