"""What a formatter made of an edited file: only what lies in the edit's target, and only if that
passes every check that the edit itself has passed.

A formatter is given the whole file, because what it does with some lines depends on those around
them. It may change any of them. What it changed outside of the target is dropped: the target's part
of its answer is found between the lines before and behind the target, which must be there as they
were, and at one place only. Blank lines do not count for that: formatters add and take them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from indoors_completion.refactor import actions, asking, changes
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.types import Change, Edit, EditRequest
from indoors_completion.refactor.verify import verify
from indoors_indexing.types import Document, Outline, Span

# Gives the outline of a document, None if there is none.
Outliner = Callable[[Document], Awaitable[Outline | None]]


class Unfit(Exception):
    """What the formatter gave is not used; the text says why, as a person reads it."""


async def with_format(
    request: EditRequest,
    edit: Edit,
    formatted: str,
    outline_of: Outliner,
    known: frozenset[str] = frozenset(),
) -> Edit:
    """The edit with its target as `formatted` has it, the formatter's answer for the edited file.

    Raises Unfit, and then the edit as it was is the one to show.
    """
    document, action = request.document, actions.BY_NAME[request.action]
    target = asking.target_of(action, request)
    if target is None or any(not _is_inside(one.span, target.span) for one in edit.changes):
        raise Unfit("the edit is not one place of the file")
    edited = changes.applied(document.text, edit.changes)
    if "\r\n" in document.text:
        formatted = formatted.replace("\r\n", "\n").replace("\n", "\r\n")
    # Tests are added to a file with others, which are nobody's to change.
    is_added = request.subject is not None
    spans = _changed(edit.changes) if is_added else [_moved(target.span, edit.changes)]
    after, at = [], 0
    for span in spans:
        part = part_of(edited, span, formatted)
        if part is None:
            raise Unfit("it changed lines next to the edit, so that its end cannot be told")
        after += [edited[at : span.start], part]
        at = span.end
    text = "".join([*after, edited[at:]])
    if text == edited:
        return edit
    outline = await outline_of(msgspec.structs.replace(document, text=text))
    case = Case(request, target, action.rules, text, outline, known)
    verdict = verify(case)
    if not verdict.passed:
        raise Unfit(f"what it made of the edit does not pass the checks ({verdict.reason})")
    return msgspec.structs.replace(
        edit,
        before=case.old_text,
        after=case.new_text,
        changes=changes.changes_between(case.old_text, case.new_text, target.span.start),
    )


def _is_inside(one: Span, other: Span) -> bool:
    """Whether a change lies in a target."""
    return other.start <= one.start and one.end <= other.end


def _moved(span: Span, made: Sequence[Change]) -> Span:
    """Where a span lies that all changes lie in, when they are made."""
    grown = sum(len(one.text) - (one.span.end - one.span.start) for one in made)
    return Span(span.start, span.end + grown)


def _changed(made: Sequence[Change]) -> list[Span]:
    """Where the lines lie that changes bring, without their last line end."""
    found, grown = [], 0
    for one in made:
        start = one.span.start + grown
        brought = one.text.removesuffix("\n").removesuffix("\r")
        if brought.strip():
            found.append(Span(start, start + len(brought)))
        grown += len(one.text) - (one.span.end - one.span.start)
    return found


def part_of(text: str, span: Span, formatted: str) -> str | None:
    """What stands in `formatted` where `span` (whole lines, without the last line end) stands in
    `text`; None if that cannot be told without doubt.
    """
    old, new = text.split("\n"), formatted.split("\n")
    first = text.count("\n", 0, span.start)
    last = first + text.count("\n", span.start, span.end) + 1
    inside = old[first:last]
    before, behind = _said(old[:first]), _said(old[last:])
    said = [at for at, line in enumerate(new) if line.strip()]
    lines = [new[at] for at in said]
    start = _end_of(before, behind + _said(inside), lines)
    rest = _end_of(behind[::-1], (before + _said(inside))[::-1], lines[::-1])
    if start is None or rest is None or start >= len(lines) - rest:
        return None
    part = new[said[start] : said[len(lines) - rest - 1] + 1]
    # Blank lines at the target's ends are the edit's own: a formatter's may be meant for what is
    # outside.
    leading = next((at for at, line in enumerate(inside) if line.strip()), 0)
    trailing = next((at for at, line in enumerate(reversed(inside)) if line.strip()), 0)
    joined = "\n".join([*inside[:leading], *part, *inside[len(inside) - trailing :]])
    # The target ends before its line end, and the lines here end before the line feed only.
    return joined.removesuffix("\r") if text[span.end : span.end + 2] == "\r\n" else joined


def _said(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()]


def _end_of(before: Sequence[str], others: Sequence[str], lines: Sequence[str]) -> int | None:
    """Where in `lines` that which stands for `before` ends; None if that is not one place.

    All of `before` at the beginning is one. Else as many of its last lines as are found once in
    `lines`, and once in the old text, of which `others` is the rest.
    """
    if list(lines[: len(before)]) == list(before):
        return len(before)
    old = [*before, *others]
    there, here = list(range(len(lines) + 1)), list(range(len(old) + 1))
    for size, line in enumerate(reversed(before), start=1):
        there = [end for end in there if end >= size and lines[end - size] == line]
        here = [end for end in here if end >= size and old[end - size] == line]
        if not there:
            return None
        if len(there) == 1 and len(here) == 1:
            return there[0]
    return None
