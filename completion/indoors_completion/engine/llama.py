"""llama.cpp, and the only module that loads it: thin typed wrappers over the low-level binding.

Only `llama_cpp.llama_cpp` (plain ctypes) is imported, under a bare package object: the package's
own `__init__` would bring in numpy, Jinja and code that renders a model's chat template.

All functions here belong to the one thread that owns the context, except `Context.abort` and
`Context.is_aborted`.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import sys
import types
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

from indoors_completion.engine import failures
from indoors_completion.engine.vocabulary import Vocabulary
from indoors_completion.engine.weights import Weights

Decoded = Literal["done", "aborted", "full"]

_LOG_LEVEL_WARN = 3
_LOG_LINES = 40
_FLASH_AUTO, _SPLIT_NONE, _LOAD_NONE, _LOAD_MMAP = -1, 0, 0, 1
MAX_OUTPUTS = 32  # logits are wanted of one token, or of those of a draft and the one before it
_DEVICE_GPU, _DEVICE_IGPU = 1, 2  # enum ggml_backend_dev_type


class Llama:
    """The loaded library."""

    def __init__(self) -> None:
        """Load it. Raises WorkerFailure if it is missing or broken."""
        self.api = _binding()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        # The callback must live as long as the library may log.
        self._log_callback = self.api.llama_log_callback(self._on_log)
        self.api.llama_log_set(self._log_callback, None)
        self.api.llama_backend_init()

    def _on_log(self, level: int, text: bytes, _data: object) -> None:
        # Never printed: stdout carries frames, and a model's metadata is not ours to show.
        if level >= _LOG_LEVEL_WARN and text:
            self._log.append(text.decode("utf-8", "replace"))

    def take_log(self) -> list[str]:
        """The last warnings and errors, oldest first, whole lines; empties the record."""
        lines = "".join(self._log).splitlines()
        self._log.clear()
        return lines

    def devices(self) -> tuple[tuple[int, str], ...]:
        """ggml's devices as (type, name), in its order; empty where the build cannot list them."""
        library = self.api._lib
        try:
            count, get = library.ggml_backend_dev_count, library.ggml_backend_dev_get
            kind, name = library.ggml_backend_dev_type, library.ggml_backend_dev_description
        except AttributeError:
            return ()
        count.restype = ctypes.c_size_t
        get.restype, get.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        kind.restype, kind.argtypes = ctypes.c_int, [ctypes.c_void_p]
        name.restype, name.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
        found = []
        for index in range(count()):
            device = get(index)
            found.append((int(kind(device)), (name(device) or b"").decode("utf-8", "replace")))
        return tuple(found)

    def cards(self) -> tuple[str, ...]:
        """The names of the graphics cards, numbered as `main_gpu` counts them."""
        devices = self.devices()
        cards = tuple(name for kind, name in devices if kind == _DEVICE_GPU)
        return cards or tuple(name for kind, name in devices if kind == _DEVICE_IGPU)


class Model:
    """Loaded weights (or, with `vocab_only`, just the metadata and the vocabulary)."""

    def __init__(
        self,
        llama: Llama,
        path: str,
        weights: Weights,
        *,
        n_gpu_layers: int = 0,
        main_gpu: int = 0,
        vocab_only: bool = False,
        use_mmap: bool = True,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Load from an opened file. Raises WorkerFailure, explained by llama.cpp's own log."""
        self.llama = llama
        api = llama.api
        cards = llama.cards() if api.llama_supports_gpu_offload() else ()
        self.card = cards[main_gpu] if n_gpu_layers and 0 <= main_gpu < len(cards) else ""
        params = api.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers if self.card else 0
        params.split_mode = _SPLIT_NONE
        params.main_gpu = main_gpu if self.card else -1  # -1: use no card at all
        params.vocab_only = vocab_only
        params.load_mode = _LOAD_MMAP if use_mmap else _LOAD_NONE
        on_progress = progress or (lambda _fraction: None)

        def report(fraction: float, _data: object) -> bool:
            on_progress(fraction)
            return True

        callback = api.llama_progress_callback(report)
        params.progress_callback = callback
        llama.take_log()
        handle = api.llama_model_load_from_file(weights.load_as.encode(), params)
        if not handle:
            raise failures.classify(path, weights.load_as, llama.take_log())
        self.handle = handle
        self.vocab = Vocabulary(api, api.llama_model_get_vocab(handle))
        self.metadata = _metadata(api, handle)
        self.architecture = self.metadata.get("general.architecture", "")
        self.n_layers = self.number("block_count")
        self.n_ctx_train = self.number("context_length")
        self.n_swa = int(api.llama_model_n_swa(handle))
        self.n_params = int(api.llama_model_n_params(handle))
        every = self.n_layers + 1
        self.n_gpu_layers = 0
        if self.card:
            self.n_gpu_layers = every if n_gpu_layers < 0 else min(n_gpu_layers, every)

    def number(self, name: str) -> int:
        """An integer of the architecture's metadata, 0 if the file does not give it."""
        text = self.metadata.get(f"{self.architecture}.{name}", "")
        return int(text) if text.isdigit() else 0

    def close(self) -> None:
        """Free the weights."""
        if self.handle:
            self.llama.api.llama_model_free(self.handle)
            self.handle = None


class Context:
    """One llama.cpp context: `n_seq` sequences in one unified cache of `n_ctx` cells."""

    def __init__(
        self, model: Model, path: str, *, n_ctx: int, n_batch: int, n_seq: int, n_threads: int
    ) -> None:
        """Allocate cache and buffers. Raises WorkerFailure (memory) if they do not fit."""
        api = self._api = model.llama.api
        params = api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = n_ctx, n_batch, n_batch
        params.n_seq_max, params.kv_unified = n_seq, True
        params.n_threads = params.n_threads_batch = n_threads
        params.flash_attn_type = _FLASH_AUTO
        # By default room is reserved for the logits of a whole batch (512 x 152k words): 485 MB
        # of address space for this context instead of 218 MB, and on a card that is real memory.
        params.n_outputs_max = min(n_batch, MAX_OUTPUTS)
        params.offload_kqv = params.op_offload = bool(model.card)
        self._flag = ctypes.create_string_buffer(2)
        self._callback = _abort_callback(api)
        params.abort_callback = self._callback
        params.abort_callback_data = ctypes.cast(self._flag, ctypes.c_void_p)
        model.llama.take_log()
        self.handle = api.llama_init_from_model(model.handle, params)
        if not self.handle:
            lines = [line.strip() for line in model.llama.take_log() if line.strip()]
            raise failures.memory(path, lines[-1] if lines else "its buffers were refused")
        self._memory = api.llama_get_memory(self.handle)
        if not self._memory or not api.llama_model_has_decoder(model.handle):
            api.llama_free(self.handle)
            raise failures.unsupported(path, f"{model.architecture} does not generate text")
        self._batch = api.llama_batch_init(n_batch, 0, 1)
        for index in range(n_batch):
            self._batch.n_seq_id[index] = 1
        self.can_shift = bool(api.llama_memory_can_shift(self._memory))
        self.on_card = bool(model.card)
        self.n_vocab = model.vocab.n_tokens

    def decode(
        self, seq: int, tokens: Sequence[int], position: int, *, want_logits: int
    ) -> Decoded:
        """Evaluate tokens (at most n_batch) at `position` of a sequence and wait for the result.

        `want_logits` is of how many of the last tokens the logits are wanted, MAX_OUTPUTS at most.

        "aborted": `abort` was called meanwhile, and the tokens are not in the cache. "full": no
        cells are free. Raises WorkerFailure if llama.cpp gives up.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.seq_id[index][0] = seq
            batch.logits[index] = index >= len(tokens) - want_logits
        status = int(self._api.llama_decode(self.handle, batch))
        if self.on_card:
            # A card works asynchronously and ignores the abort callback: wait here, so that the
            # caller's look at the flag between two batches means something.
            self._api.llama_synchronize(self.handle)
        if status == 0:
            return "done"
        if status == 1:
            return "full"
        if status == 2:
            return "aborted"
        raise failures.internal("The engine could not evaluate the prompt.", f"code {status}")

    def use_threads(self, count: int) -> None:
        """Evaluate with so many threads from now on."""
        self._api.llama_set_n_threads(self.handle, count, count)

    def logits(self, index: int = -1) -> Any:  # noqa: ANN401 - a ctypes pointer to n_vocab floats
        """The logits of a token of the last batch (by its place in it; -1 is the last token that
        logits were wanted of); valid until the next decode.
        """
        return self._api.llama_get_logits_ith(self.handle, index)

    def abort(self, wanted: bool) -> None:
        """Ask a running `decode` to stop (any thread), or take that back."""
        self._flag[0] = b"\1" if wanted else b"\0"

    def is_aborted(self) -> bool:
        """Whether `abort` was asked for."""
        return self._flag[0] != b"\0"

    # The memory, as `kv.Memory` wants it.

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        """Remove positions [start, end) of a sequence; False if this memory cannot be cut."""
        return bool(self._api.llama_memory_seq_rm(self._memory, seq, start, end))

    def seq_cp(self, source: int, target: int, start: int, end: int) -> None:
        """Let `target` share the cells of `source` at positions [start, end)."""
        self._api.llama_memory_seq_cp(self._memory, source, target, start, end)

    def seq_add(self, seq: int, start: int, end: int, delta: int) -> None:
        """Shift positions [start, end) of a sequence by `delta`."""
        self._api.llama_memory_seq_add(self._memory, seq, start, end, delta)

    def pos_min(self, seq: int) -> int:
        """The first position held by a sequence, -1 if empty."""
        return int(self._api.llama_memory_seq_pos_min(self._memory, seq))

    def pos_max(self, seq: int) -> int:
        """The last position held by a sequence, -1 if empty."""
        return int(self._api.llama_memory_seq_pos_max(self._memory, seq))

    def clear(self) -> None:
        """Empty the whole memory."""
        self._api.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        """Free cache and buffers."""
        if self.handle:
            self._api.llama_batch_free(self._batch)
            self._api.llama_free(self.handle)
            self.handle = None


def _binding() -> Any:  # noqa: ANN401 - the ctypes module
    try:
        spec = importlib.machinery.PathFinder.find_spec("llama_cpp", sys.path)
        if spec is None or not spec.submodule_search_locations:
            raise failures.broken_engine("no llama_cpp package in the engine's directory")
        package = types.ModuleType("llama_cpp")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules.setdefault("llama_cpp", package)
        import llama_cpp.llama_cpp as api
    except (ImportError, OSError, RuntimeError, AttributeError, SyntaxError) as error:
        # AttributeError: the library lacks a function that the binding declares.
        sys.modules.pop("llama_cpp", None)
        raise failures.broken_engine(str(error)) from error
    return api


def _abort_callback(api: Any) -> Any:  # noqa: ANN401 - a ctypes function pointer
    """A C function `bool (*)(void *)` that is true while the byte it is given is not zero.

    llama.cpp asks before every graph node, from a compute thread. A Python callback would take the
    interpreter's lock some hundred times a token; libc's `strlen` of a one-character string gives
    the same answer without it.
    """
    library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    return ctypes.cast(library.strlen, api.ggml_abort_callback)


def _metadata(api: Any, model: Any) -> dict[str, str]:  # noqa: ANN401 - ctypes handles
    """The file's key-value data (arrays left out, as llama.cpp leaves them out)."""
    found = {}
    for index in range(int(api.llama_model_meta_count(model))):
        key = _text(api.llama_model_meta_key_by_index, model, index)
        if key.startswith("tokenizer.chat_template"):
            continue  # a program in the file: nobody here may evaluate it
        found[key] = _text(api.llama_model_meta_val_str_by_index, model, index)
    return found


def _text(function: Callable[..., int], model: Any, index: int) -> str:  # noqa: ANN401
    buffer = ctypes.create_string_buffer(256)
    length = function(model, index, buffer, len(buffer))
    if length >= len(buffer):
        buffer = ctypes.create_string_buffer(length + 1)
        length = function(model, index, buffer, len(buffer))
    return buffer.raw[: max(0, length)].decode("utf-8", "replace")
