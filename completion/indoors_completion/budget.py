"""How many tokens a prompt and its answer may have, from measured speeds and a deadline.

A fixed token count suits one machine. Here the time to the deadline is divided between evaluating
the prompt and writing the answer, at the speeds the worker measured when it loaded the model.
"""

from __future__ import annotations

import msgspec

from indoors_completion.types import ModelInfo

# Share of the deadline that may go to evaluating a prompt from nothing.
PREFILL_SHARE = 0.5
# A machine too slow to evaluate even this within the deadline still gets it: the KV cache keeps
# it, so only the first keystroke in a file is late, and a shorter prompt would make all worse.
MIN_PROMPT_TOKENS = 768
# More context than this has not been seen to help single-file completion.
MAX_PROMPT_TOKENS = 4096
MIN_LINE_TOKENS = 16
MAX_LINE_TOKENS = 64
MIN_BLOCK_TOKENS = 48
MAX_BLOCK_TOKENS = 256
# While the speeds are unknown (not yet measured).
UNKNOWN_PROMPT_TOKENS = 1536
# Sentinels, BOS, and the few tokens by which a worker may round.
RESERVED_TOKENS = 16
SNIPPETS_SHARE = 0.3
SUFFIX_SHARE = 0.25


class PromptBudget(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts. The three prompt parts and the answer together fit into `n_ctx`."""

    prefix_tokens: int
    suffix_tokens: int
    snippets_tokens: int
    answer_tokens: int

    def describe(self) -> str:
        """One line for `--explain`."""
        prompt = f"prefix {self.prefix_tokens}, suffix {self.suffix_tokens}"
        return f"{prompt}, snippets {self.snippets_tokens}, answer {self.answer_tokens} tokens"


def plan(
    model: ModelInfo, *, deadline_ms: float, multiline: bool, has_snippets: bool
) -> PromptBudget:
    """Divide `deadline_ms` and the model's context between prompt and answer."""
    seconds = max(0.0, deadline_ms) / 1000
    low, high = (
        (MIN_BLOCK_TOKENS, MAX_BLOCK_TOKENS) if multiline else (MIN_LINE_TOKENS, MAX_LINE_TOKENS)
    )
    # The deadline itself ends an answer; the count only keeps a runaway from using all of it.
    answer = _between(low, seconds * model.decode_tps, high) if model.decode_tps > 0 else high
    if model.prefill_tps > 0:
        affordable = seconds * PREFILL_SHARE * model.prefill_tps
        prompt = _between(MIN_PROMPT_TOKENS, affordable, MAX_PROMPT_TOKENS)
    else:
        prompt = UNKNOWN_PROMPT_TOKENS
    room = max(0, model.n_ctx - RESERVED_TOKENS)
    answer = min(answer, max(1, room // 4))
    prompt = min(prompt, max(3, room - answer))
    snippets = int(prompt * SNIPPETS_SHARE) if has_snippets else 0
    suffix = int((prompt - snippets) * SUFFIX_SHARE)
    return PromptBudget(
        prefix_tokens=prompt - snippets - suffix,
        suffix_tokens=suffix,
        snippets_tokens=snippets,
        answer_tokens=answer,
    )


def describe_speeds(model: ModelInfo) -> str:
    """The measured speeds, for `--explain`."""
    if model.prefill_tps <= 0 or model.decode_tps <= 0:
        return "speeds not measured yet"
    return f"reads {model.prefill_tps:.0f}, writes {model.decode_tps:.0f} tokens a second"


def _between(low: int, value: float, high: int) -> int:
    return int(min(max(low, value), high))
