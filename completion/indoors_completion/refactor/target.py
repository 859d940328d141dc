"""What of a document may change: whole lines around a selection or a cursor."""

from __future__ import annotations

from indoors_completion.refactor import style
from indoors_completion.refactor.types import CALLABLE, EditRequest, Target
from indoors_indexing.types import Defined, Span

_HOLDERS = CALLABLE | frozenset({"class", "interface", "enum", "type", "module"})


def whole_lines(text: str, span: Span) -> Span:
    """The lines that a span touches, without the line end of the last one."""
    start = text.rfind("\n", 0, span.start) + 1
    last = span.end
    if last > span.start and text[last - 1 : last] == "\n":
        last -= 1  # a selection of whole lines ends on the line behind them
    end = text.find("\n", max(last, start))
    end = len(text) if end < 0 else end
    if end > start and text[end - 1] == "\r":
        end -= 1
    return Span(start, end)


def of_lines(text: str, span: Span, defined: Defined | None = None) -> Target:
    """The lines of a span as a target."""
    lines = whole_lines(text, span)
    inside = text[lines.start : lines.end].replace("\r\n", "\n")
    indent = style.indent_of(inside)
    return Target(
        span=lines, text=style.without_indent(inside, indent), indent=indent, defined=defined
    )


def innermost(
    request: EditRequest, kinds: frozenset[str] = _HOLDERS, *, whole: bool = True
) -> Defined | None:
    """The smallest definition of some kinds that holds the selection, or (not `whole`) its start.

    A selection that is exactly one definition, blank lines aside, means that one.
    """
    text, span = request.document.text, request.selection
    first, last = span.start, span.end if whole else span.start
    while first < last and text[first : first + 1].isspace():
        first += 1
    while last > first and text[last - 1 : last].isspace():
        last -= 1
    holding = [
        one
        for one in request.outline.definitions
        if one.kind in kinds and _line_start(text, one.span.start) <= first and last <= one.span.end
    ]
    return min(holding, key=lambda one: one.span.end - one.span.start, default=None)


def callable_at(request: EditRequest) -> Defined | None:
    """The function or method that is meant."""
    return innermost(request, CALLABLE) or innermost(request, CALLABLE, whole=False)


def definition_at(request: EditRequest) -> Defined | None:
    """The definition of any kind that is meant."""
    return innermost(request) or innermost(request, whole=False)


def selected(request: EditRequest) -> Target | None:
    """The selected lines; without a selection the definition around the cursor, else the file.

    Lines that are exactly one definition are that definition.
    """
    document, span = request.document, request.selection
    if span.end > span.start:
        lines = whole_lines(document.text, span)
        exact = [
            one
            for one in request.outline.definitions
            if one.kind in _HOLDERS
            and lines
            in (whole_lines(document.text, one.span), whole_lines(document.text, _all(one)))
        ]
        return of_lines(document.text, span, exact[0] if exact else None)
    defined = definition_at(request)
    if defined is not None:
        return of_lines(document.text, _all(defined), defined)
    if document.text.strip():
        return of_lines(document.text, Span(0, len(document.text.rstrip())))
    return None


def of_callable(request: EditRequest) -> Target | None:
    """The whole function or method that is meant."""
    defined = callable_at(request)
    return None if defined is None else of_lines(request.document.text, _all(defined), defined)


def of_definition(request: EditRequest) -> Target | None:
    """The whole definition that is meant."""
    defined = definition_at(request)
    return None if defined is None else of_lines(request.document.text, _all(defined), defined)


def _all(one: Defined) -> Span:
    """A definition with the comment above it: to document it again is to change that."""
    has_doc_above = one.doc.start < one.doc.end <= one.span.start
    return Span(one.doc.start, one.span.end) if has_doc_above else one.span


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1
