"""A whole GGUF model of some 100 kB that llama.cpp loads: one layer of noise, and bytes for tokens.

It says nothing of use, and it is loaded in milliseconds, so that a test can load it a thousand
times. The format: ggml's docs/gguf.md; the names: llama.cpp's qwen2.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import NamedTuple

_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_ALIGNMENT = 32
_WIDTH, _HEADS, _INNER, _CONTEXT = 32, 2, 64, 2048
_SPECIAL = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
            "<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>")  # fmt: skip


class Tiny(NamedTuple):
    """The bytes of a model, where its header (all that is parsed) ends, and where in it the counts,
    types, lengths and offsets stand: (place, size in bytes).
    """

    data: bytes
    n_header: int
    fields: list[tuple[int, int]]


class _Header:
    """A header in the making, which remembers where its numbers are."""

    def __init__(self) -> None:
        self.data = bytearray(b"GGUF")
        self.fields: list[tuple[int, int]] = []

    def numbers(self, form: str, *values: float) -> None:
        """Append numbers."""
        for value in values:
            self.fields.append((len(self.data), struct.calcsize(form)))
            self.data += struct.pack(form, value)

    def text(self, text: str) -> None:
        """Append a string."""
        data = text.encode()
        self.numbers("<Q", len(data))
        self.data += data

    def value(self, kind: int, value: object) -> None:
        """Append a value without its type."""
        if kind == _STRING:
            self.text(str(value))
        elif kind == _ARRAY:
            assert isinstance(value, tuple)
            inner, items = value
            self.numbers("<I", inner)
            self.numbers("<Q", len(items))
            n_fields = len(self.fields)
            for one in items:
                self.value(inner, one)
            del self.fields[n_fields + 1 :]  # one of a list is like the other
        else:
            assert isinstance(value, int | float)
            self.numbers({_UINT32: "<I", _INT32: "<i", _FLOAT32: "<f"}[kind], value)


def tiny_model(seed: int = 1, chat_template: str = "") -> Tiny:
    """A model of Qwen2.5-Coder's kind. The seed makes its weights."""
    chance = random.Random(seed)
    tokens = [*_byte_letters(), *_SPECIAL]
    kinds = [1] * 256 + [3] * len(_SPECIAL)
    keys: list[tuple[str, int, object]] = [
        ("general.architecture", _STRING, "qwen2"),
        ("general.name", _STRING, "Qwen2.5 Coder Tiny"),
        ("qwen2.context_length", _UINT32, _CONTEXT),
        ("qwen2.embedding_length", _UINT32, _WIDTH),
        ("qwen2.block_count", _UINT32, 1),
        ("qwen2.feed_forward_length", _UINT32, _INNER),
        ("qwen2.attention.head_count", _UINT32, _HEADS),
        ("qwen2.attention.head_count_kv", _UINT32, _HEADS),
        ("qwen2.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-6),
        ("tokenizer.ggml.model", _STRING, "gpt2"),
        ("tokenizer.ggml.pre", _STRING, "qwen2"),
        ("tokenizer.ggml.tokens", _ARRAY, (_STRING, tokens)),
        ("tokenizer.ggml.token_type", _ARRAY, (_INT32, kinds)),
        ("tokenizer.ggml.merges", _ARRAY, (_STRING, ["a b"])),
        ("tokenizer.ggml.eos_token_id", _UINT32, 256),
    ]
    if chat_template:
        keys.append(("tokenizer.chat_template", _STRING, chat_template))
    tensors = _tensors(len(tokens))
    header = _Header()
    header.numbers("<I", 3)
    header.numbers("<Q", len(tensors), len(keys))
    for name, kind, value in keys:
        header.text(name)
        header.numbers("<I", kind)
        header.value(kind, value)
    offset = 0
    for name, shape in tensors:
        header.text(name)
        header.numbers("<I", len(shape))
        header.numbers("<Q", *shape)
        header.numbers("<I", 0)  # 32-bit floats
        header.numbers("<Q", offset)
        offset += _size(shape)
    header.data += b"\0" * (-len(header.data) % _ALIGNMENT)
    numbers = [chance.uniform(-0.1, 0.1) for _ in range(offset // 4)]
    weights = struct.pack(f"<{len(numbers)}f", *numbers)
    return Tiny(bytes(header.data) + weights, len(header.data), header.fields)


def write_tiny(path: Path, seed: int = 1, chat_template: str = "") -> Path:
    """Write one."""
    path.write_bytes(tiny_model(seed, chat_template).data)
    return path


def _tensors(n_tokens: int) -> list[tuple[str, tuple[int, ...]]]:
    square, up, down = (_WIDTH, _WIDTH), (_WIDTH, _INNER), (_INNER, _WIDTH)
    layer = {
        "attn_norm.weight": (_WIDTH,), "attn_q.weight": square, "attn_q.bias": (_WIDTH,),
        "attn_k.weight": square, "attn_k.bias": (_WIDTH,), "attn_v.weight": square,
        "attn_v.bias": (_WIDTH,), "attn_output.weight": square, "ffn_norm.weight": (_WIDTH,),
        "ffn_gate.weight": up, "ffn_up.weight": up, "ffn_down.weight": down,
    }  # fmt: skip
    named = [(f"blk.0.{name}", shape) for name, shape in layer.items()]
    return [
        ("token_embd.weight", (_WIDTH, n_tokens)),
        ("output_norm.weight", (_WIDTH,)),
        *named,
    ]


def _size(shape: tuple[int, ...]) -> int:
    count = 4
    for length in shape:
        count *= length
    return count + -count % _ALIGNMENT


def _byte_letters() -> list[str]:
    """The letters that stand for bytes in GPT-2's vocabularies (its `bytes_to_unicode`)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    letters = {byte: chr(byte) for byte in shown}
    letters |= {byte: chr(256 + number) for number, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]
