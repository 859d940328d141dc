"""The smallest changes from one text to another: what an editor applies and a person reads."""

from __future__ import annotations

import difflib

from indoors_completion.refactor.types import Change
from indoors_indexing.types import Span

# Beyond this the time of a comparison grows with the square; the whole is one change then.
_MAX_LINES = 3000


def changes_between(before: str, after: str, start: int = 0) -> tuple[Change, ...]:
    """Changes of whole lines, in order; `before` begins at offset `start` of its document."""
    if before == after:
        return ()
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > _MAX_LINES:
        return (Change(Span(start, start + len(before)), after),)
    offsets = [start]
    for line in old:
        offsets.append(offsets[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return tuple(
        Change(Span(offsets[first], offsets[last]), "".join(new[low:high]))
        for kind, first, last, low, high in matcher.get_opcodes()
        if kind != "equal"
    )


def _lines(text: str) -> list[str]:
    """Lines as editors and git count them: a form feed or U+2028 ends none."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def applied(text: str, changes: tuple[Change, ...]) -> str:
    """A text with changes made to it."""
    pieces, at = [], 0
    for change in changes:
        pieces += [text[at : change.span.start], change.text]
        at = change.span.end
    return "".join([*pieces, text[at:]])


def diff(path: str, before: str, after: str, *, is_new: bool = False) -> str:
    """A unified diff, as `git diff` shows one."""
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        "/dev/null" if is_new else f"a/{path}",
        f"b/{path}",
    )
    text = []
    for line in lines:
        text.append(line)
        if not line.endswith("\n"):
            text.append("\n\\ No newline at end of file\n")
    return "".join(text)
