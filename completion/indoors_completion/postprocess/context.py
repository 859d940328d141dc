"""What a filter knows besides the text, and how it reports."""

from __future__ import annotations

import msgspec

from indoors_completion import hidden
from indoors_completion.families import Family
from indoors_completion.langfacts import PLAIN, LanguageFacts
from indoors_completion.types import FilterStep


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The surroundings of an answer. All texts have `\\n` line breaks.

    `before` and `tail` are the cursor's line on both sides, as the document has it (`shown_before`
    and `shown_tail`: as the model has seen it, without `hidden` characters); `above` and `below`
    the non-blank lines around it, nearest first. `may_start_below` allows an answer that begins
    with a line break. `ended` says that the model ended the answer by itself. `inside` is
    the quote of the string the cursor stands in, "" elsewhere. `indent` is the whitespace before
    the cursor line's first text.

    `prefix` and `suffix` are the text windows around the cursor ("" if unknown) as the model has
    seen them, as are `above` and `below`, and `from_start`
    says that `prefix` begins where the document does. `explicit` is a request that a person made.
    `logprobs` are the pieces of the model's text in order, each with the natural logarithms of its
    tokens' probabilities; empty where they are not known.
    """

    family: Family
    language: LanguageFacts = PLAIN
    before: str = ""
    tail: str = ""
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    may_start_below: bool = True
    ended: bool = True
    inside: str = ""
    indent: str = ""
    prefix: str = ""
    suffix: str = ""
    from_start: bool = False
    explicit: bool = False
    logprobs: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def shown_before(self) -> str:
        """`before` as the model has seen it."""
        return hidden.visible(self.before)

    @property
    def shown_tail(self) -> str:
        """`tail` as the model has seen it."""
        return hidden.visible(self.tail)


def kept(name: str, text: str) -> FilterStep:
    """The filter found nothing to do."""
    return FilterStep(name, "kept", text)


def changed(name: str, text: str, reason: str) -> FilterStep:
    """The filter changed the text."""
    return FilterStep(name, "changed", text, reason)


def dropped(name: str, reason: str) -> FilterStep:
    """The filter threw the answer away."""
    return FilterStep(name, "dropped", "", reason)
