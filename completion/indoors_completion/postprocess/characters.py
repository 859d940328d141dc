"""Filters of single characters and tokens: sentinels, invisible characters, space."""

from __future__ import annotations

from indoors_completion import hidden
from indoors_completion.postprocess.context import Context, changed, dropped, kept
from indoors_completion.types import FilterStep


def special_tokens(text: str, context: Context) -> FilterStep:
    """Cut at the first sentinel or end marker that came out as text."""
    name = "special tokens"
    family = context.family
    marks = (*family.sentinels, *family.stops)
    cut = min((at for at in map(text.find, marks) if at >= 0), default=-1)
    return kept(name, text) if cut < 0 else changed(name, text[:cut], "a marker leaked")


def hidden_characters(text: str, context: Context) -> FilterStep:  # noqa: ARG001 - all filters have one form
    """Take out characters that a reader cannot see but a compiler or reviewer would meet.

    `hidden` says which; line breaks are `\\n` alone.
    """
    shown = hidden.visible(text.replace("\r\n", "\n"))
    name = "hidden characters"
    return kept(name, text) if shown == text else changed(name, shown, "characters one cannot see")


def line_break_first(text: str, context: Context) -> FilterStep:
    """Drop an answer that begins on the next line where only this line was wanted."""
    name = "starts below"
    if context.may_start_below or not text.lstrip(" \t").startswith("\n"):
        return kept(name, text)
    return dropped(name, "the line is finished; the answer begins with the next one")


def only_space(text: str, context: Context) -> FilterStep:  # noqa: ARG001 - all filters have one form
    """Drop an answer without a visible character."""
    return kept("only space", text) if text.strip() else dropped("only space", "nothing to see")


def trailing_space(text: str, context: Context) -> FilterStep:
    """Take trailing space off every line, and blank lines off the end.

    The last line keeps it where text follows the cursor: there it parts two words.
    """
    name = "trailing space"
    lines = text.split("\n")
    last = lines[-1]
    clean = "\n".join([*(line.rstrip() for line in lines[:-1]), last])
    if not context.tail.strip():
        clean = clean.rstrip()
    return kept(name, text) if clean == text else changed(name, clean, "space at line ends")
