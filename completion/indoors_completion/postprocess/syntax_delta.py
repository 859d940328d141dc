"""The check by syntax errors: an answer must not break a document that parses without it.

It is apart from the filters because it asks the syntax service, which may live in another process;
the decision itself is pure. Errors are compared, never just counted: a document in which someone
types has some already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from indoors_completion.place import Place
from indoors_completion.postprocess.balance import ends_in_code, open_brackets
from indoors_completion.postprocess.context import Context, changed, dropped, kept
from indoors_completion.postprocess.fit import fit
from indoors_completion.types import FilterStep
from indoors_indexing.types import Syntax

NAME = "syntax errors"
# Of a longer document this many characters on both sides of the cursor are parsed, in whole lines:
# 60 000 characters take about 4 ms and one trip through a pipe.
REACH_BEFORE = 40_000
REACH_AFTER = 20_000
_OPERATORS = (*"\\=+-*/%&|<.?:,", " and", " or", " not", " in", " is")


class Attempt(msgspec.Struct, frozen=True):
    """An answer (or a part of it) with the number of errors of the document that has it."""

    text: str
    n_errors: int


def decide(text: str, n_before: int, attempts: Sequence[Attempt]) -> FilterStep:
    """Keep the first attempt that adds no error to the `n_before` of the document without it.

    The whole answer (`attempts` whose text is `text`) is kept, a shorter one is a change, and
    without any the answer is dropped.
    """
    for attempt in attempts:
        if attempt.n_errors <= n_before:
            if attempt.text == text:
                return kept(NAME, text)
            return changed(NAME, attempt.text, "the rest does not parse")
    return dropped(NAME, f"{min((a.n_errors for a in attempts), default=0)} errors, not {n_before}")


async def check(
    text: str, place: Place, context: Context, syntax: Syntax, *, deadline_ms: float
) -> FilterStep:
    """Judge an answer that passed the filters, within `deadline_ms`.

    It is kept where there is no grammar, where the service does not answer in time, and where other
    lines than the cursor's are broken: how a parser then recovers says nothing about the answer. A
    person who asks for it may get less of an answer than the model wrote, but not nothing.
    Asks at most six times: without the answer, with it, with what it opens closed, with its two
    shortened forms, and without the cursor's line. Never raises but for the cancellation of the
    task.
    """
    try:
        async with asyncio.timeout(max(0.0, deadline_ms) / 1000):
            return await _check(text, place, context, syntax)
    except TimeoutError:
        return kept(NAME, text)


async def _check(text: str, place: Place, context: Context, syntax: Syntax) -> FilterStep:
    if not ends_in_code(context) or is_unfinished(text, context):
        return kept(NAME, text)
    n_before = await syntax.error_count(place.language, _around(place, "", 0))
    if n_before is None:
        return kept(NAME, text)
    attempts: list[Attempt] = []
    for part, owed in _forms(text, context):
        fitted = fit(part, context)
        said = fitted.text
        n_errors = await syntax.error_count(
            place.language, _around(place, said + owed, fitted.replaces)
        )
        if n_errors is None:
            return kept(NAME, text)
        attempts.append(Attempt(part, n_errors))
        if n_errors <= n_before:
            break
    step = decide(text, n_before, attempts)
    if step.action == "dropped" and context.explicit:
        return kept(NAME, text)
    if step.action != "kept" and n_before and await _is_broken_elsewhere(place, syntax):
        return kept(NAME, text)
    return step


async def _is_broken_elsewhere(place: Place, syntax: Syntax) -> bool:
    line = place.line
    rest = msgspec.structs.replace(
        place, text=place.text[: line.start] + place.text[line.end :], offset=line.start
    )
    return await syntax.error_count(place.language, _around(rest, "", 0)) != 0


def is_unfinished(text: str, context: Context) -> bool:
    """Whether the answer ends where no construct can: behind an operator, a decorator, in a string.

    It is then the beginning of something, about which the tree of the document says nothing.
    """
    last = text.rstrip().rpartition("\n")[2]
    if "\n" not in text.rstrip():
        last = context.before + last
    if last.rstrip().endswith(_OPERATORS) or last.lstrip().startswith(("@", "#[", "//", "#", "*")):
        return True
    return not ends_in_code(context, text)


def _forms(text: str, context: Context) -> list[tuple[str, str]]:
    """(part of the answer, closers to add for the count) in the order in which to try them.

    An answer that opens a block or a call whose rest is still to be written is as good as its
    beginning: it is counted with what it opens closed, too.
    """
    forms = [(text, "")]
    owed = open_brackets(text, context.language, context.inside)
    if owed:
        forms.append((text, owed))
    for part in (_last_statement(text, context), text.rstrip().partition("\n")[0]):
        if part.strip() and part != text and (part, "") not in forms:
            forms.append((part, ""))
    return forms


def _last_statement(text: str, context: Context) -> str:
    """The answer without its last lines, up to one that leaves no bracket open and is no header."""
    lines = text.rstrip().split("\n")
    for count in range(len(lines) - 1, 0, -1):
        part = "\n".join(lines[:count]).rstrip()
        header = context.language.blocks == "indent" and part.endswith(":")
        if part and not header and not open_brackets(part, context.language, context.inside):
            return part
    return ""


def _around(place: Place, answer: str, replaces: int) -> str:
    """The document (or whole lines around the cursor) with `answer` put in."""
    text, offset = place.text, place.offset
    start = 0 if offset <= REACH_BEFORE else text.find("\n", offset - REACH_BEFORE) + 1
    end = len(text)
    if end - offset > REACH_AFTER:
        end = max(place.line.end, text.rfind("\n", offset, offset + REACH_AFTER))
    return text[min(start, place.line.start) : offset] + answer + text[offset + replaces : end]
