import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server import fit
from indoors_server.fit import GB, Card, Shape

BYTES = st.integers(min_value=0, max_value=200 * GB)
SHAPES = st.builds(
    Shape,
    weights_bytes=st.integers(min_value=100_000_000, max_value=80 * GB),
    n_layers=st.integers(min_value=1, max_value=100),
    n_embd=st.integers(min_value=64, max_value=16_384),
    n_embd_kv=st.integers(min_value=32, max_value=8192),
    n_vocab=st.integers(min_value=1000, max_value=260_000),
)
CONTEXTS = st.sampled_from([512, 4096, 32_768])
# Qwen2.5-Coder 7B Q4_K_M and 0.5B Q4_K_M, from their files.
SEVEN = Shape(weights_bytes=4_683_073_504, n_layers=28, n_embd=3584, n_embd_kv=512, n_vocab=152_064)
HALF = Shape(weights_bytes=491_400_064, n_layers=24, n_embd=896, n_embd_kv=128, n_vocab=151_936)


def card(free: float, index: int = 0, total: float = 0) -> Card:
    return Card(
        index=index, name=f"card {index}", total_bytes=int(total or free), free_bytes=int(free)
    )


@given(BYTES)
def test_the_headroom_is_a_gigabyte_or_15_percent(free: int) -> None:
    assert fit.headroom(free) >= 1 * GB
    assert fit.headroom(free) >= int(0.15 * free)
    assert 0 <= fit.usable(free) <= max(0, free - 1 * GB)


@given(SHAPES, BYTES, CONTEXTS)
def test_what_is_placed_leaves_the_headroom(shape: Shape, free: int, n_ctx: int) -> None:
    n = fit.layers_that_fit(shape, free, n_ctx, 512)
    assert 0 <= n <= shape.n_layers + 1
    if n:
        assert fit.needed_bytes(shape, n_ctx, 512, n) <= fit.usable(free)


@given(SHAPES, BYTES, CONTEXTS)
def test_no_layer_that_would_fit_is_left_out(shape: Shape, free: int, n_ctx: int) -> None:
    n = fit.layers_that_fit(shape, free, n_ctx, 512)
    if n <= shape.n_layers:
        room = fit.usable(free) - fit._CONTEXT_BYTES
        assert fit.needed_bytes(shape, n_ctx, 512, n + 1) > room


@given(SHAPES, CONTEXTS, st.integers(min_value=1, max_value=100))
def test_need_grows_with_layers_and_context(shape: Shape, n_ctx: int, n: int) -> None:
    less = fit.needed_bytes(shape, n_ctx, 512, n)
    assert less <= fit.needed_bytes(shape, n_ctx, 512, n + 1)
    assert less <= fit.needed_bytes(shape, n_ctx * 2, 512, n)
    assert less <= fit.needed_bytes(shape, n_ctx, 1024, n)


@given(SHAPES, BYTES, BYTES)
def test_more_memory_never_places_less(shape: Shape, one: int, two: int) -> None:
    low, high = sorted((one, two))
    assert fit.layers_that_fit(shape, low, 4096, 512) <= fit.layers_that_fit(shape, high, 4096, 512)


@given(st.lists(st.integers(min_value=0, max_value=80 * GB), min_size=1, max_size=6))
def test_the_least_used_card_is_taken_and_the_first_of_equals(frees: list[int]) -> None:
    chosen = fit.least_used([card(free, index) for index, free in enumerate(frees)])
    assert chosen is not None
    assert chosen.index == frees.index(max(frees))


@given(SHAPES, st.lists(BYTES, max_size=3), BYTES)
def test_a_plan_is_consistent(shape: Shape, frees: list[int], ram: int) -> None:
    plan = fit.plan(shape, [card(free, index) for index, free in enumerate(frees)], ram)
    assert plan.reason
    assert plan.spare_bytes >= 0
    assert plan.n_gpu_layers == 0 or frees
    if not plan.fits:
        assert plan.n_gpu_layers == 0
    if plan.n_gpu_layers:
        assert plan.main_gpu == frees.index(max(frees))


def test_a_7b_fits_an_8_gb_card_whole() -> None:
    plan = fit.plan(SEVEN, [card(7.6e9, total=8.5e9)], 16 * GB)
    assert plan.fits
    assert plan.n_gpu_layers == 29
    assert "to spare" in plan.reason


def test_a_second_server_that_does_not_fit_says_so() -> None:
    """The first one has taken its part of the card; the reason says how much is missing."""
    after_the_first = 7.6e9 - fit.needed_bytes(SEVEN, 4096, 512)
    plan = fit.plan(SEVEN, [card(after_the_first, total=8.5e9)], 16 * GB)
    assert plan.fits
    assert plan.n_gpu_layers < 29
    assert "of 29 layers fit on card 0" in plan.reason
    assert "is free" in plan.reason


def test_part_of_a_model_goes_to_a_small_card() -> None:
    plan = fit.plan(SEVEN, [card(4e9)], 16 * GB)
    assert 0 < plan.n_gpu_layers < 29
    assert plan.device == "card 0"


def test_the_small_model_runs_in_main_memory() -> None:
    plan = fit.plan(HALF, [], 4 * GB)
    assert plan.fits
    assert plan.n_gpu_layers == 0
    assert plan.device == "CPU"


def test_a_model_larger_than_memory_does_not_fit() -> None:
    plan = fit.plan(SEVEN, [], 4 * GB)
    assert not plan.fits
    assert "4.0 GB available" in plan.reason


def test_unknown_memory_is_not_held_against_a_model() -> None:
    assert fit.plan(SEVEN, [], 0).fits


def test_the_shape_is_read_from_the_files_metadata() -> None:
    metadata = {
        "general.architecture": "qwen2",
        "qwen2.block_count": "24",
        "qwen2.embedding_length": "896",
        "qwen2.attention.head_count": "14",
        "qwen2.attention.head_count_kv": "2",
    }
    shape = fit.shape_from_metadata(metadata, HALF.weights_bytes)
    assert (shape.n_layers, shape.n_embd, shape.n_embd_kv) == (24, 896, 128)


@pytest.mark.parametrize("known", [SEVEN, HALF])
def test_an_estimate_is_cautious(known: Shape) -> None:
    guess = fit.estimate_shape(known.weights_bytes)
    assert fit.needed_bytes(guess, 4096, 512) >= fit.needed_bytes(known, 4096, 512)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=8))
def test_any_metadata_gives_a_usable_shape(metadata: dict[str, str]) -> None:
    shape = fit.shape_from_metadata(metadata, GB)
    assert shape.n_layers > 0
    assert fit.needed_bytes(shape, 4096, 512) > GB
