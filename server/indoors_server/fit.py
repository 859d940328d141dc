"""Does a model fit, and where? Arithmetic only: nothing here looks at the machine.

llama.cpp allocates per device: the weights of the layers it holds, their share of the KV cache,
and compute buffers. Running out means an aborted process, or a desktop without video memory, so a
headroom of max(1 GB, 15 % of what is free) always stays untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

GB = 1_000_000_000
_MIN_HEADROOM = 1 * GB
_HEADROOM_FRACTION = 0.15
# What a driver context and its libraries take before the first tensor (CUDA with cuBLAS).
_CONTEXT_BYTES = 300_000_000
_KV_BYTES = 2  # f16
# The default of engine.contextTokens: what a machine is measured against before anybody chose.
DEFAULT_CONTEXT_TOKENS = 8192


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics card as an engine can use it; `index` is the engine's own. Memory in bytes."""

    index: int
    name: str
    total_bytes: int
    free_bytes: int


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a model's memory: file size and the dimensions of its layers."""

    weights_bytes: int
    n_layers: int
    n_embd: int
    n_embd_kv: int  # key (or value) numbers per token and layer: n_head_kv * head size
    n_vocab: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model goes.

    `n_gpu_layers` counts as llama.cpp does: `n_layers + 1` (the output layer) is all of it, 0 is
    the CPU alone. `fits` is false if not even main memory holds it. `spare_bytes` is what stays
    free on the chosen device beyond the headroom; `reason` is a sentence for a person.
    """

    fits: bool
    n_gpu_layers: int
    main_gpu: int
    device: str
    needed_bytes: int
    spare_bytes: int
    reason: str


def headroom(free_bytes: int) -> int:
    """The bytes that stay untouched on a device with `free_bytes` free."""
    return max(_MIN_HEADROOM, int(free_bytes * _HEADROOM_FRACTION))


def usable(free_bytes: int) -> int:
    """The bytes we may take on a device with `free_bytes` free."""
    return max(0, free_bytes - headroom(free_bytes))


def shape_from_metadata(metadata: Mapping[str, str], weights_bytes: int) -> Shape:
    """Read the shape from a GGUF file's own metadata; what it does not say is estimated."""
    arch = metadata.get("general.architecture", "")
    guess = estimate_shape(weights_bytes)

    def number(name: str, otherwise: int) -> int:
        text = metadata.get(f"{arch}.{name}", "")
        return int(text) if text.isdigit() and int(text) > 0 else otherwise

    n_embd = number("embedding_length", guess.n_embd)
    n_head = number("attention.head_count", max(1, n_embd // 128))
    n_head_kv = number("attention.head_count_kv", n_head)
    head_size = number("attention.key_length", max(1, n_embd // n_head))
    return Shape(
        weights_bytes=weights_bytes,
        n_layers=number("block_count", guess.n_layers),
        n_embd=n_embd,
        n_embd_kv=n_head_kv * head_size,
        n_vocab=number("vocab_size", guess.n_vocab),
    )


def estimate_shape(weights_bytes: int) -> Shape:
    """A cautious shape for a model of which only the file size is known (before a download).

    The rows are the larger of Qwen2.5-Coder's and StarCoder2's dimensions at each size, at about
    5 bits a weight.
    """
    rows = (
        (1 * GB, (28, 1536, 256)),
        (2 * GB, (30, 3072, 512)),
        (6 * GB, (36, 4608, 512)),
        (12 * GB, (48, 6144, 1024)),
    )
    n_layers, n_embd, n_embd_kv = next(
        (dimensions for limit, dimensions in rows if weights_bytes <= limit), (64, 8192, 1024)
    )
    return Shape(
        weights_bytes=weights_bytes,
        n_layers=n_layers,
        n_embd=n_embd,
        n_embd_kv=n_embd_kv,
        n_vocab=152_064,
    )


def kv_layer_bytes(shape: Shape, n_ctx: int) -> int:
    """The KV cache of one layer: keys and values of `n_ctx` tokens in f16."""
    return 2 * n_ctx * shape.n_embd_kv * _KV_BYTES


def compute_bytes(shape: Shape, n_batch: int) -> int:
    """The compute buffers: the logits of a batch and a few layers' activations, in f32."""
    return 4 * n_batch * (shape.n_vocab + 12 * shape.n_embd)


def needed_bytes(shape: Shape, n_ctx: int, n_batch: int, n_gpu_layers: int | None = None) -> int:
    """The bytes on a device that holds `n_gpu_layers` of the model (default: all of it).

    0 layers need nothing there. Increases with each layer, the context and the batch.
    """
    every = shape.n_layers + 1
    n = every if n_gpu_layers is None else min(n_gpu_layers, every)
    if n <= 0:
        return 0
    weights = -(-shape.weights_bytes * n // every)
    kv = kv_layer_bytes(shape, n_ctx) * min(n, shape.n_layers)
    return weights + kv + compute_bytes(shape, n_batch)


def layers_that_fit(shape: Shape, free_bytes: int, n_ctx: int, n_batch: int) -> int:
    """How many layers (0 to n_layers + 1) a card with `free_bytes` free can hold."""
    room = usable(free_bytes) - _CONTEXT_BYTES
    for n in range(shape.n_layers + 1, 0, -1):
        if needed_bytes(shape, n_ctx, n_batch, n) <= room:
            return n
    return 0


def largest_file(free_bytes: int, n_ctx: int = DEFAULT_CONTEXT_TOKENS, n_batch: int = 512) -> int:
    """The bytes of the largest model file that fits whole on a card with `free_bytes` free.

    To within 10 MB; 0 if none does.
    """
    step = 10_000_000
    size = usable(free_bytes) // step * step
    while size > 0:
        shape = estimate_shape(size)
        if layers_that_fit(shape, free_bytes, n_ctx, n_batch) > shape.n_layers:
            return size
        size -= step
    return 0


def least_used(cards: Iterable[Card]) -> Card | None:
    """The card with the most free memory, the first of equals; None without cards."""
    return max(cards, key=lambda card: (card.free_bytes, -card.index), default=None)


def plan(
    shape: Shape,
    cards: Iterable[Card],
    ram_available: int,
    *,
    n_ctx: int = DEFAULT_CONTEXT_TOKENS,
    n_batch: int = 512,
) -> Plan:
    """Decide where the model goes: all of it on the least-used card, as many layers as fit there,
    or main memory. `ram_available` 0 means unknown and is taken as enough.
    """
    every = shape.n_layers + 1
    card = least_used(cards)
    n = layers_that_fit(shape, card.free_bytes, n_ctx, n_batch) if card else 0
    whole = needed_bytes(shape, n_ctx, n_batch)
    if card is not None and n == every:
        spare = usable(card.free_bytes) - _CONTEXT_BYTES - whole
        return Plan(
            fits=True, n_gpu_layers=n, main_gpu=card.index, device=card.name, needed_bytes=whole,
            spare_bytes=spare, reason=f"fits with {_gb(spare)} to spare",
        )  # fmt: skip
    on_card = needed_bytes(shape, n_ctx, n_batch, n)
    in_ram = whole if n == 0 else whole - on_card + compute_bytes(shape, n_batch)
    fits = ram_available == 0 or in_ram <= usable(ram_available)
    spare = usable(ram_available) - in_ram if ram_available else 0
    if not fits:
        reason = (
            f"needs {_gb(in_ram)} of memory, {_gb(usable(ram_available))} can be used"
            f" ({_gb(ram_available)} available less headroom)"
        )
    elif card is None:
        reason = f"fits with {_gb(spare)} to spare" if ram_available else "main memory not known"
    else:
        reason = (
            f"{n} of {every} layers fit on {card.name}: all would need {_gb(whole)},"
            f" {_gb(card.free_bytes)} is free and {_gb(headroom(card.free_bytes))} stays untouched"
        )
    return Plan(
        fits=fits, n_gpu_layers=n if fits else 0, main_gpu=card.index if card and n else 0,
        device=card.name if card and n else "CPU", needed_bytes=on_card or in_ram,
        spare_bytes=max(0, spare), reason=reason,
    )  # fmt: skip


def _gb(count: int) -> str:
    return f"{count / GB:.1f} GB"
