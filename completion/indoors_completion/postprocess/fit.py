"""Fitting an answer to the rest of the cursor's line, by a range that replaces it.

VS Code shows an inline completion only if its range lies on one line, the replaced text reappears,
in order, inside the inserted text, and, if that has a line break, the range reaches the line's end.
"""

from __future__ import annotations

import msgspec

from indoors_completion.brackets import COMMENT_ENDS, Scanner
from indoors_completion.gate import is_subsequence
from indoors_completion.postprocess.context import Context

_CLOSERS = ")]}\"'`"


class Fitted(msgspec.Struct, frozen=True):
    """`text` replaces the first `replaces` characters after the cursor."""

    text: str
    replaces: int


def fit(text: str, context: Context) -> Fitted:
    """Decide how much of the line's tail `text` replaces, and complete `text` accordingly.

    The closers that `text` closes beyond its own replace those that follow the cursor (an editor
    put them there when the bracket was typed). What `text` does not close stays: after it on the
    same line, or, behind an answer of several lines, at its end.
    """
    tail = context.tail
    covered = _covered(text, context)
    if "\n" not in text:
        return Fitted(text, covered)
    rest = tail[covered:].rstrip()
    if text.endswith("\n"):
        # The answer is a line above the text that follows, which keeps its indentation.
        rest = context.indent + (rest.lstrip() if context.before.strip() else rest)
    elif rest.lstrip().startswith("}"):
        # A brace that closes the block just written stands on a line of its own.
        rest = f"\n{context.indent}{rest.lstrip()}"
    whole = text + rest
    if not is_subsequence(tail, whole):
        whole = text + tail
    return Fitted(whole, len(tail))


def _covered(text: str, context: Context) -> int:
    """How many characters of the tail `text` brings itself.

    The tail's closers are the outer ones, so it is the end of what `text` closes that must be the
    beginning of the tail: `foo(|]` with `x)]` closes its own parenthesis first. `text` may bring
    punctuation that is not there yet (`foo(|)` with `x);`). Where the line has opened more than the
    tail closes, `text` closes that first: `f(g(|)` with `x)` keeps both.
    """
    closers, punctuation = _closes(text, context)
    places = [index for index, character in enumerate(context.tail) if not character.isspace()]
    tail = "".join(context.tail[index] for index in places)
    n_tail = len(tail) - len(tail.lstrip(_CLOSERS))
    spare = max(0, len(closers) + n_tail - _n_opened(context))
    ends = [closers + punctuation[:count] for count in range(len(punctuation), -1, -1)]
    for size in range(min(len(ends[0]), len(tail)), 0, -1):
        end = places[size - 1] + 1
        if tail[size - 1] == ":" and context.tail[end : end + 1].strip():
            continue  # half of a `::`, or of another operator
        covered = any(ending.endswith(tail[:size]) for ending in ends)
        covered = covered and len(tail[:size].rstrip(";,:")) <= spare
        if covered and is_subsequence(context.tail[:end], text):
            return end
    return 0


def _n_opened(context: Context) -> int:
    """How many brackets and strings the cursor's line has open before the cursor."""
    scanner = Scanner(context.language)
    scanner.feed(context.before)
    return len(scanner.open) + bool(context.inside)


def _closes(text: str, context: Context) -> tuple[str, str]:
    """The closers in `text` of things opened before it, and the punctuation at its end."""
    shown = text.rstrip()
    for quote in context.language.long_quotes:
        # Whether the cursor stands in a string of several lines cannot be told from its own line;
        # one such quote, at the end and in the tail, can.
        known = context.inside == quote
        if not known and context.tail.strip().startswith(quote) and text.count(quote) == 1:
            return (quote if shown.endswith(quote) else ""), ""
    punctuation = shown[len(shown.rstrip(";,:")) :]
    scanner = Scanner(context.language, context.inside)
    scanner.feed(text)
    if scanner.inside and scanner.inside not in COMMENT_ENDS:
        return "", ""  # it ends in a string, which the tail's first quote closes
    if scanner.open:
        return "", punctuation  # the tail's first closer is for what it opens itself
    return "".join(closer for closer, _ in scanner.left), punctuation
