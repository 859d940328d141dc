"""Fitting an answer to the rest of the cursor's line, by a range that replaces it.

VS Code shows an inline completion only if its range lies on one line, the replaced text reappears,
in order, inside the inserted text, and, if that has a line break, the range reaches the line's end.
"""

from __future__ import annotations

import msgspec

from indoors_completion.brackets import CLOSERS, Scanner
from indoors_completion.gate import is_subsequence
from indoors_completion.postprocess.context import Context


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
    rest = tail[covered:].rstrip() if covered < len(tail) else ""
    if rest.lstrip()[:1] in CLOSERS and rest.lstrip()[:1] == "}":
        # A brace that closes the block just written stands on a line of its own.
        rest = f"\n{context.indent}{rest.lstrip()}"
    whole = text + rest
    if not is_subsequence(tail, whole):
        whole = text + tail[covered:]
    if not is_subsequence(tail, whole):
        whole = text + tail
    return Fitted(whole, len(tail))


def _covered(text: str, context: Context) -> int:
    """How many characters of the tail `text` brings itself."""
    owed = _brings(text, context)
    covered = 0
    for index, character in enumerate(context.tail):
        if character.isspace():
            continue
        if not owed or owed[0] != character:
            break
        owed = owed[1:]
        covered = index + 1
    return covered if is_subsequence(context.tail[:covered], text) else 0


def _brings(text: str, context: Context) -> str:
    """The closers in `text` of things opened before it, and the punctuation after the last."""
    scanner = Scanner(context.language, context.inside)
    scanner.feed(text)
    closers = "".join(closer for closer, _ in scanner.unmatched)
    stripped = text.rstrip()
    if scanner.in_code and not scanner.open:
        closers += stripped[len(stripped.rstrip(";,:")) :]
    return closers
