"""How many tokens a prompt and its answer may have, from measured speeds and a deadline.

A fixed token count suits one machine. Here the prompt is as long as this machine can evaluate from
nothing in a bearable time, and the answer as long as it can write by the deadline, at the speeds
the worker measured. What one keystroke costs is something else: nearly all of its prompt is in the
KV cache, as long as the sizes stay the same. So they follow from the model, its speeds (which the
worker publishes with hysteresis) and the settings, never from what time is left to one request.
"""

from __future__ import annotations

import msgspec

from indoors_completion.types import ModelInfo

# The longest that a prompt may take from nothing: once per file, and mostly in the background when
# the file is opened.
COLD_S = 2.5
# A machine too slow for even this gets it all the same: a shorter prompt would make all answers
# worse, not only the first one late.
MIN_PROMPT_TOKENS = 768
# More context than this has not been seen to help single-file completion.
MAX_PROMPT_TOKENS = 4096
# The context is shared by the open documents: one prompt takes a quarter, so that four are warm.
CONTEXT_SHARE = 4
MIN_LINE_TOKENS = 16
MAX_LINE_TOKENS = 64
MIN_BLOCK_TOKENS = 48
MAX_BLOCK_TOKENS = 256
# While the speeds are unknown (not yet measured).
UNKNOWN_PROMPT_TOKENS = 1536
# Sentinels, BOS, and the few tokens by which a worker may round.
RESERVED_TOKENS = 16
SNIPPETS_SHARE = 0.3
# The file's own text comes first: so much of it is read before other files get their share.
MIN_FILE_TOKENS = 640
SUFFIX_SHARE = 0.25
# What an exact suffix may cost at one key: a third of the 150 to 200 ms within which ghost text
# feels immediate, the rest being the prefix and the first tokens of the answer. Where the suffix
# takes longer (any CPU), it is moved along in the cache and made exact in the background.
EXACT_WITHIN_MS = 60.0


class PromptBudget(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts. The three prompt parts and the answer together fit into `n_ctx`."""

    prefix_tokens: int
    suffix_tokens: int
    snippets_tokens: int
    answer_tokens: int

    @property
    def prompt_tokens(self) -> int:
        """The prompt as a whole."""
        return self.prefix_tokens + self.suffix_tokens + self.snippets_tokens

    def describe(self) -> str:
        """One line for `--explain`."""
        prompt = f"prefix {self.prefix_tokens}, suffix {self.suffix_tokens}"
        return f"{prompt}, snippets {self.snippets_tokens}, answer {self.answer_tokens} tokens"


def plan(
    model: ModelInfo, *, deadline_ms: float, multiline: bool, has_snippets: bool
) -> PromptBudget:
    """Size the prompt by the speed of prefill, and the answer by `deadline_ms` (the setting).

    The prompt's parts do not depend on `multiline` or the deadline, so that all jobs for one place
    have the same prompt.
    """
    room = max(0, model.n_ctx - RESERVED_TOKENS)
    # The longest answer that any request may ask for leaves the prompt alone.
    most_answer = min(MAX_BLOCK_TOKENS, max(1, room // 4))
    if model.prefill_tps > 0:
        most = max(MIN_PROMPT_TOKENS, min(MAX_PROMPT_TOKENS, model.n_ctx // CONTEXT_SHARE))
        prompt = _between(MIN_PROMPT_TOKENS, model.prefill_tps * COLD_S, most)
    else:
        prompt = UNKNOWN_PROMPT_TOKENS
    prompt = min(prompt, max(3, room - most_answer))
    snippets = snippets_tokens(prompt) if has_snippets else 0
    suffix = int((prompt - snippets) * SUFFIX_SHARE)
    return PromptBudget(
        prefix_tokens=prompt - snippets - suffix,
        suffix_tokens=suffix,
        snippets_tokens=snippets,
        answer_tokens=min(most_answer, _answer_tokens(model, deadline_ms, multiline=multiline)),
    )


def snippets_tokens(prompt_tokens: int) -> int:
    """How much of a prompt other files may have."""
    return min(int(prompt_tokens * SNIPPETS_SHARE), max(0, prompt_tokens - MIN_FILE_TOKENS))


def _answer_tokens(model: ModelInfo, deadline_ms: float, *, multiline: bool) -> int:
    """What can be written by the deadline; what goes on after it is bounded by this, too."""
    low, high = (
        (MIN_BLOCK_TOKENS, MAX_BLOCK_TOKENS) if multiline else (MIN_LINE_TOKENS, MAX_LINE_TOKENS)
    )
    if model.decode_tps <= 0:
        return high
    return _between(low, max(0.0, deadline_ms) / 1000 * model.decode_tps, high)


def describe_speeds(model: ModelInfo) -> str:
    """The measured speeds, for `--explain`."""
    if model.prefill_tps <= 0 or model.decode_tps <= 0:
        return "speeds not measured yet"
    return f"reads {model.prefill_tps:.0f}, writes {model.decode_tps:.0f} tokens a second"


def _between(low: int, value: float, high: int) -> int:
    return int(min(max(low, value), high))
