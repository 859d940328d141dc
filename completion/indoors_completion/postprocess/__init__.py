"""What happens to an answer before it is shown: an ordered tuple of small pure filters.

Each filter takes the text and its context and returns one `FilterStep`. After the last, `fit`
decides which part of the line's tail the text replaces.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from indoors_completion.postprocess.balance import brackets
from indoors_completion.postprocess.characters import (
    hidden_characters,
    line_break_first,
    only_space,
    special_tokens,
    trailing_space,
)
from indoors_completion.postprocess.confidence import confidence
from indoors_completion.postprocess.context import Context
from indoors_completion.postprocess.fit import Fitted, fit
from indoors_completion.postprocess.overlap import lines_below, rest_of_line
from indoors_completion.postprocess.repetition import copies_neighbour, loops, repeated_lines
from indoors_completion.types import FilterStep

__all__ = ["FILTERS", "Context", "Filter", "Fitted", "Outcome", "fit", "run"]

Filter = Callable[[str, Context], FilterStep]

# The order is part of the meaning: markers and invisible characters first, so that the others see
# what a reader would; what is already there before what is repeated; space when all is cut; the
# model's confidence in what is left last.
FILTERS: tuple[Filter, ...] = (
    special_tokens,
    hidden_characters,
    line_break_first,
    only_space,
    loops,
    repeated_lines,
    lines_below,
    rest_of_line,
    copies_neighbour,
    brackets,
    trailing_space,
    only_space,
    confidence,
)


class Outcome(msgspec.Struct, frozen=True):
    """The text that is left ("" if dropped), each filter's step, and who dropped it ("")."""

    text: str
    steps: tuple[FilterStep, ...]
    dropped_by: str = ""


def run(text: str, context: Context) -> Outcome:
    """Pass `text` through all filters; the first that drops it ends the run."""
    steps: list[FilterStep] = []
    for apply in FILTERS:
        step = apply(text, context)
        steps.append(step)
        if step.action == "dropped":
            return Outcome("", tuple(steps), step.name)
        text = step.text
    return Outcome(text, tuple(steps))
