"""llama.cpp's own words (taken from runs of 0.3.36 and its sources) and what they mean."""

from __future__ import annotations

import pytest

from indoors_completion.engine.failures import classify

_LOAD = "llama_model_load: error loading model: "
_LAST = "llama_model_load_from_file_impl: failed to load model"


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["gguf_init_from_file_impl: invalid magic characters: 'abcd', expected 'GGUF'"],
         "corrupt"),
        ([_LOAD + "tensor 'blk.13.ffn_gate.weight' data is not within the file bounds, model is"
          " corrupted or incomplete"], "corrupt"),
        (["gguf_init_from_reader: failed to read key-value pairs", "x: failed to load model"],
         "corrupt"),
        ([_LOAD + "check_tensor_dims: tensor 'token_embd.weight' not found", _LAST], "corrupt"),
        ([_LOAD + "missing tensor 'token_embd.weight'"], "corrupt"),
        ([_LOAD + "unknown model architecture: 'qwenX'"], "unsupported"),
        ([_LOAD + "error loading model vocabulary: unknown pre-tokenizer type: 'new'"],
         "unsupported"),
        (["gguf_init: this GGUF file is version 99 but this software only supports up to version 3",
          "gguf_init: failed to read header"], "unsupported"),
        (["ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4460.45 MiB on device 0:"
          " cudaMalloc failed: out of memory", _LOAD + "unable to allocate CUDA0 buffer"],
         "memory"),
        (["something nobody has seen"], "internal"),
        ([], "internal"),
    ],
)  # fmt: skip
def test_classify(lines: list[str], kind: str) -> None:
    failure = classify("/m.gguf", "/proc/self/fd/9", lines)
    assert failure.kind == kind
    assert failure.why.startswith("/m.gguf: ")
    assert failure.next_step


def test_the_persons_own_path_is_shown() -> None:
    failure = classify("/m.gguf", "/proc/self/fd/9", ["f: failed to open /proc/self/fd/9"])
    assert failure.why == "/m.gguf: failed to open /m.gguf"


def test_the_line_that_tells_is_shown() -> None:
    failure = classify("/m.gguf", "/m.gguf", [_LOAD + "a new kind of trouble", _LAST])
    assert (failure.kind, failure.why) == ("internal", "/m.gguf: a new kind of trouble")
