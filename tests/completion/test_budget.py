"""Tokens from speeds and deadlines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fakes.engine import MODEL
from indoors_completion import budget


def plan(deadline_ms=2000.0, *, multiline=True, has_snippets=False, **model):
    return budget.plan(
        replace(MODEL, **model),
        deadline_ms=deadline_ms,
        multiline=multiline,
        has_snippets=has_snippets,
    )


def prompt(planned):
    return planned.prefix_tokens + planned.suffix_tokens + planned.snippets_tokens


@given(
    st.floats(0, 60_000),
    st.booleans(),
    st.booleans(),
    st.integers(64, 200_000),
    st.floats(0, 100_000),
    st.floats(0, 5_000),
)
def test_everything_fits_into_the_context(deadline, multiline, snippets, n_ctx, prefill, decode):
    planned = plan(
        deadline,
        multiline=multiline,
        has_snippets=snippets,
        n_ctx=n_ctx,
        prefill_tps=prefill,
        decode_tps=decode,
    )
    assert prompt(planned) + planned.answer_tokens <= n_ctx
    assert planned.answer_tokens >= 1
    assert planned.prefix_tokens >= planned.suffix_tokens >= 0
    assert (planned.snippets_tokens == 0) or snippets


def test_a_slow_machine_still_gets_a_useful_prompt():
    planned = plan(500, prefill_tps=40, decode_tps=4)
    assert prompt(planned) == budget.MIN_PROMPT_TOKENS
    assert planned.answer_tokens == budget.MIN_BLOCK_TOKENS


def test_a_short_prompt_is_mostly_of_its_own_file():
    short = plan(has_snippets=True, prefill_tps=1.0, n_ctx=8192)
    assert short.prompt_tokens == budget.MIN_PROMPT_TOKENS
    assert short.prefix_tokens + short.suffix_tokens == budget.MIN_FILE_TOKENS
    long = plan(has_snippets=True, prefill_tps=800.0, n_ctx=32768)
    assert long.snippets_tokens == int(long.prompt_tokens * budget.SNIPPETS_SHARE)


def test_unknown_speeds_give_the_default():
    planned = plan(prefill_tps=0, decode_tps=0)
    assert prompt(planned) == budget.UNKNOWN_PROMPT_TOKENS
    assert planned.answer_tokens == budget.MAX_BLOCK_TOKENS


def test_a_fast_machine_is_not_given_more_than_helps():
    assert prompt(plan(n_ctx=32_768, prefill_tps=50_000)) == budget.MAX_PROMPT_TOKENS


def test_the_prompt_is_what_can_be_evaluated_from_nothing():
    planned = plan(n_ctx=32_768, prefill_tps=800)
    assert prompt(planned) == 800 * budget.COLD_S


def test_one_prompt_leaves_the_context_to_others():
    assert prompt(plan(n_ctx=8192, prefill_tps=50_000)) == 8192 // budget.CONTEXT_SHARE


@given(st.floats(0, 60_000), st.booleans(), st.integers(64, 20_000), st.floats(0, 5_000))
def test_all_jobs_for_a_place_have_the_same_prompt(deadline, multiline, n_ctx, decode):
    """Whatever time is left and however much is asked for: the cache lives on it."""
    one = plan(2000, n_ctx=n_ctx, decode_tps=100)
    other = plan(deadline, multiline=multiline, n_ctx=n_ctx, decode_tps=decode)
    assert (one.prefix_tokens, one.suffix_tokens) == (other.prefix_tokens, other.suffix_tokens)


def test_a_longer_deadline_gives_a_longer_answer():
    plans = [plan(ms, prefill_tps=800, decode_tps=30) for ms in (100, 500, 1000, 2000, 4000)]
    answers = [planned.answer_tokens for planned in plans]
    assert answers == sorted(answers)
    assert answers[0] < answers[-1]


@pytest.mark.parametrize("multiline", [True, False])
def test_a_line_gets_fewer_tokens_than_a_block(multiline):
    limit = budget.MAX_BLOCK_TOKENS if multiline else budget.MAX_LINE_TOKENS
    assert plan(60_000, multiline=multiline).answer_tokens == limit


def test_it_describes_itself():
    assert plan(prefill_tps=0).describe().startswith("prefix ")
    assert budget.describe_speeds(MODEL) == "reads 1000, writes 100 tokens a second"
    assert budget.describe_speeds(replace(MODEL, decode_tps=0.0)) == "speeds not measured yet"
