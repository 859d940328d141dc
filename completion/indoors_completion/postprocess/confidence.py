"""The filter by the model's own confidence: an answer that it does not believe in is not shown.

What counts is the probability of the first line that is shown, all of it: the product of its
tokens' probabilities. Statistic and threshold were measured by benchmarks/filter_model.py on
answers of the 0.5B model. The mean and the least probability part right from wrong much worse: a
line is as uncertain as all its tokens together.
"""

from __future__ import annotations

from indoors_completion.postprocess.context import Context, dropped, kept
from indoors_completion.types import FilterStep

NAME = "confidence"
# The natural logarithm of 0.4 %: chosen on one half of the measured places so that at most 0.5 % of
# the right answers are lost, confirmed on the other half.
THRESHOLD = -5.5


def confidence(text: str, context: Context) -> FilterStep:
    """Drop an answer whose first line the model thinks unlikely, unless a person asked for it.

    Without log-probabilities it is kept.
    """
    if context.explicit or not context.logprobs:
        return kept(NAME, text)
    score = line_score(text, context)
    if score >= THRESHOLD:
        return kept(NAME, text)
    return dropped(NAME, f"the model gives its first line a probability of e^{score:.1f}")


def line_score(text: str, context: Context) -> float:
    """The log-probability (natural logarithm, 0 at most) of the first line of `text` that says
    something, as far as the model wrote it. 0 where nothing is known.
    """
    return sum(line_values(text, context))


def line_values(text: str, context: Context) -> list[float]:
    """The log-probabilities of the tokens that the first line of `text` consists of."""
    start = len(text) - len(text.lstrip())
    end = text.find("\n", start)
    size = len(text) if end < 0 else end
    values: list[float] = []
    n_said = 0
    for piece, logprobs in context.logprobs:
        # A piece without text is the rest of a token that was shown before.
        if n_said >= size and piece:
            break
        values.extend(logprobs)
        n_said += len(piece)
    return values
