"""The baseline: a plain greedy fill-in-the-middle script on llama-cpp-python's low-level binding.

No cache, no window, no stop rule but the model's own end tokens, a token limit and a complete first
line: every prompt is evaluated whole. It shares no code with Indoors, so that the comparison means
something. Reads JSON lines `{prefix, suffix, single_line}` on stdin and answers each with
`{text, ttft_ms, total_ms, n_prompt}`. Run by `infill.py --baseline`.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.machinery
import json
import sys
import time
import types
from pathlib import Path
from typing import Any


def load_binding(engine: str) -> Any:
    """Import llama_cpp's low-level module alone: its package would import numpy and Jinja too."""
    if engine:
        sys.path.insert(0, engine)
    spec = importlib.machinery.PathFinder.find_spec("llama_cpp")
    if spec is None or spec.submodule_search_locations is None:
        sys.exit("llama_cpp is not installed")
    package = types.ModuleType("llama_cpp")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["llama_cpp"] = package
    import llama_cpp.llama_cpp as binding

    return binding


class Plain:
    """A model and a context; `complete` clears the cache and evaluates everything."""

    def __init__(self, binding: Any, path: Path, threads: int, n_ctx: int) -> None:
        self.api = binding
        # The callback is kept on the object: llama.cpp calls it for as long as the process lives.
        self.quiet = binding.llama_log_callback(lambda *_: None)
        binding.llama_log_set(self.quiet, None)
        binding.llama_backend_init()
        self.model = binding.llama_model_load_from_file(
            str(path).encode(), binding.llama_model_default_params()
        )
        if not self.model:
            sys.exit(f"cannot load {path}")
        params = binding.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = n_ctx
        params.n_threads = params.n_threads_batch = threads
        self.n_ctx = n_ctx
        self.context = binding.llama_init_from_model(self.model, params)
        self.vocab = binding.llama_model_get_vocab(self.model)
        self.n_vocab = binding.llama_vocab_n_tokens(self.vocab)
        self.fim = [
            self.tokens(text, special=True)
            for text in ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
        ]
        self.greedy = binding.llama_sampler_init_greedy()

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        data = text.encode()
        room = (self.api.llama_token * (len(data) + 8))()
        count = self.api.llama_tokenize(
            self.vocab, data, len(data), room, len(data) + 8, False, special
        )
        return list(room[:count])

    def piece(self, token: int) -> bytes:
        room = ctypes.create_string_buffer(256)
        count = self.api.llama_token_to_piece(self.vocab, token, room, 256, 0, True)
        return room.raw[: max(count, 0)]

    def decode(self, tokens: list[int]) -> None:
        array = (self.api.llama_token * len(tokens))(*tokens)  # the batch only points at it
        if self.api.llama_decode(self.context, self.api.llama_batch_get_one(array, len(tokens))):
            sys.exit("llama_decode failed")

    def complete(self, prefix: str, suffix: str, single_line: bool, limit: int) -> dict[str, Any]:
        started = time.perf_counter()
        before, after, middle = self.fim
        prompt = before + self.tokens(prefix) + after + self.tokens(suffix) + middle
        if len(prompt) + limit > self.n_ctx:
            sys.exit(f"a row needs {len(prompt)} tokens: raise --context")
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)
        self.decode(prompt)
        ttft = 0.0
        answer = b""
        for _ in range(limit):
            token = self.api.llama_sampler_sample(self.greedy, self.context, -1)
            ttft = ttft or (time.perf_counter() - started) * 1000
            if self.api.llama_vocab_is_eog(self.vocab, token) or [token] in self.fim:
                break
            answer += self.piece(token)
            if single_line and b"\n" in answer.lstrip():
                break
            self.decode([token])
        return {
            "text": answer.decode(errors="replace"),
            "ttft_ms": ttft,
            "total_ms": (time.perf_counter() - started) * 1000,
            "n_prompt": len(prompt),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--limit", type=int, default=128)
    options = parser.parse_args()
    plain = Plain(load_binding(options.engine), options.model, options.threads, options.context)
    for line in sys.stdin:
        row = json.loads(line)
        answer = plain.complete(row["prefix"], row["suffix"], row["single_line"], options.limit)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
