"""The cursor's surroundings, with the popup's selected entry read as typed.

An entry that is highlighted in the editor's popup is completed as though it had been accepted: the
pipeline works on a text that contains it, and the answer is moved back at the end.
"""

from __future__ import annotations

import msgspec

from indoors_completion import window
from indoors_completion.brackets import Scanner
from indoors_completion.families import Family
from indoors_completion.langfacts import facts
from indoors_completion.postprocess import Context, fit
from indoors_completion.types import CompletionRequest, Span

_NEIGHBOURS = 3


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """`text` and `offset` are what the model sees; the answer replaces `[start, resume)` and more
    of the document, and begins with `typed` (the selected entry, or nothing). `cursor` is the
    request's offset in the document.
    """

    text: str
    offset: int
    line: window.Line
    language: str
    cursor: int
    start: int
    resume: int
    typed: str

    def answer(self, text: str, context: Context) -> tuple[str, Span]:
        """The final text and the span of the document that it replaces."""
        if not text:
            return "", Span(self.cursor, self.cursor)
        fitted = fit(text, context)
        whole = (self.typed + fitted.text).replace("\n", self.line.newline)
        return whole, Span(self.start, self.resume + fitted.replaces)


def locate(request: CompletionRequest) -> Place:
    """Find the place of a request. An offset beyond the text, or inside a line break, is moved."""
    document = request.document
    text = document.text
    offset = min(max(0, request.offset), len(text))
    if text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1
    cursor = start = resume = offset
    typed = ""
    selected = request.selected
    if selected is not None and 0 <= selected.span.start <= offset:
        start, resume = selected.span.start, min(len(text), max(offset, selected.span.end))
        typed = selected.text
        text = text[:start] + typed + text[resume:]
        offset = start + len(typed)
    return Place(
        text=text,
        offset=offset,
        line=window.line_at(text, offset),
        language=document.language,
        cursor=cursor,
        start=start,
        resume=resume,
        typed=typed,
    )


def context_of(
    place: Place,
    family: Family,
    *,
    around: window.Window | None = None,
    may_start_below: bool = True,
    ended: bool = True,
    explicit: bool = False,
    logprobs: tuple[tuple[str, tuple[float, ...]], ...] = (),
) -> Context:
    """What the filters may know of a place; without `around`, only what `fit` needs."""
    line = place.line
    known = facts(place.language)
    scanner = Scanner(known)
    scanner.feed(line.before)
    prefix = around.prefix + around.begin if around else ""
    above = prefix.split("\n")[-2::-1]
    below = around.suffix.split("\n")[1:] if around else []
    return Context(
        family=family,
        language=known,
        before=line.before,
        tail=line.after,
        above=_spoken(above),
        below=_spoken(below),
        may_start_below=may_start_below,
        ended=ended,
        inside=scanner.inside if scanner.inside in ("'", '"', "`") else "",
        indent=line.indent,
        prefix=prefix,
        suffix=around.suffix if around else "",
        from_start=around is not None and around.prefix_start == 0,
        explicit=explicit,
        logprobs=logprobs,
    )


def _spoken(lines: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for line in lines:
        if line.strip():
            found.append(line.rstrip())
            if len(found) == _NEIGHBOURS:
                break
    return tuple(found)
