"""The filter by the model's own confidence: an answer that it does not believe in is not shown.

Which statistic of the tokens' probabilities, and where it is cut, was measured by
benchmarks/filter_model.py on outputs of the 0.5B model: chosen on one half of the places so that at
most 0.5 % of the right answers are lost, confirmed on the other half.
"""

from __future__ import annotations

from indoors_completion.postprocess.context import Context, dropped, kept
from indoors_completion.types import FilterStep

NAME = "confidence"
STATISTIC = "mean"
THRESHOLD = -10.0


def confidence(text: str, context: Context) -> FilterStep:
    """Drop an answer whose first line the model thinks unlikely, unless a person asked for it.

    Without log-probabilities it is kept.
    """
    if context.explicit or not context.logprobs:
        return kept(NAME, text)
    score = scores(context)[STATISTIC]
    if score < THRESHOLD:
        return dropped(NAME, f"{STATISTIC} log-probability {score:.2f} of its first line")
    return kept(NAME, text)


def scores(context: Context) -> dict[str, float]:
    """Statistics of the log-probabilities (natural logarithms) of the answer's first line.

    `first` is that of the first token, `mean` and `min` are over the line, `mean4` over its first
    four tokens.
    """
    values = _first_line(context.logprobs)
    if not values:
        return {"mean": 0.0, "min": 0.0, "first": 0.0, "mean4": 0.0}
    head = values[:4]
    return {
        "mean": sum(values) / len(values),
        "min": min(values),
        "first": values[0],
        "mean4": sum(head) / len(head),
    }


def _first_line(pieces: tuple[tuple[str, tuple[float, ...]], ...]) -> list[float]:
    """The values of the tokens up to the one that ends the first line that says something."""
    values: list[float] = []
    said = ""
    for piece, logprobs in pieces:
        values.extend(logprobs)
        said += piece
        if "\n" in said.lstrip():
            break
    return values
