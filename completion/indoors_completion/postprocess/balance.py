"""The filter of brackets: an answer must not close what the text around it does not leave open.

Brackets are read by one regular expression a language, which skips strings and comments: the
windows around a cursor have thousands of characters, and this runs for every answer that closes
something. It is not a parser, so it only compares: what is wrong with the brackets of the document
as it stands is not the answer's fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from indoors_completion.brackets import CLOSER_OF
from indoors_completion.langfacts import LanguageFacts
from indoors_completion.postprocess.context import Context, changed, dropped, kept
from indoors_completion.postprocess.fit import fit
from indoors_completion.types import FilterStep

NAME = "brackets"


class _Bracket(msgspec.Struct, frozen=True):
    character: str
    offset: int


class _Owed(msgspec.Struct, frozen=True):
    """A closer that is owed; `near` if it was opened on the cursor's line or later."""

    closer: str
    near: bool


class _Read(msgspec.Struct, frozen=True):
    """The brackets of a text in order, and whether it ends in code (not a string or comment)."""

    brackets: tuple[_Bracket, ...]
    in_code: bool


def brackets(text: str, context: Context) -> FilterStep:
    """Cut the answer before a closer that nothing opened, or that closes what is closed below.

    A closer is at fault if it crosses another bracket (`(]`) or if nothing is open for it; the
    closers that `fit` replaces on the cursor's line are not counted twice. An answer is judged only
    where it adds to the faults of the document, and cut at the last closer where it does not.
    """
    read = _read(text, context.language, context.inside)
    closing = [bracket.offset for bracket in _leaving(read.brackets)]
    if not closing or not context.prefix:
        return kept(NAME, text)
    before = _read(context.prefix, context.language)
    if not before.in_code and not context.inside:
        return kept(NAME, text)  # brackets are prose in a comment or a string of several lines
    allowed = _count_faults(context, before, "")
    if _count_faults(context, before, text) <= allowed:
        return kept(NAME, text)
    for offset in reversed(closing):
        cut = text[:offset].rstrip()
        if cut and _count_faults(context, before, cut) <= allowed:
            return changed(NAME, cut, f"nothing is open for its {text[offset]}")
    return dropped(NAME, "closes what is not open")


def ends_in_code(context: Context, text: str = "") -> bool:
    """Whether the cursor, or the end of `text` put there, stands in code, as far as the prefix
    tells. A string of one line that the cursor stands in counts as code.
    """
    if context.inside:
        return not text or _read(text, context.language, context.inside).in_code
    return _read(context.prefix + text, context.language).in_code


def open_brackets(text: str, language: LanguageFacts, inside: str = "") -> str:
    """The closers that `text` owes for what it opens itself, innermost first."""
    owed: list[str] = []
    for bracket in _read(text, language, inside).brackets:
        if bracket.character in CLOSER_OF:
            owed.append(CLOSER_OF[bracket.character])
        elif owed and owed[-1] == bracket.character:
            owed.pop()
    return "".join(reversed(owed))


def _count_faults(context: Context, before: _Read, answer: str) -> int:
    """How many closers are at fault from the cursor on, with `answer` accepted there."""
    below = context.suffix[len(context.shown_tail) :]
    if answer:
        fitted = fit(answer, context)
        after = fitted.text + context.tail[fitted.replaces :] + below
    else:
        after = context.tail + below
    stack: list[_Owed] = []
    for _ in _faults(
        before.brackets, stack, near_from=len(context.prefix) - len(context.shown_before)
    ):
        pass
    following = _read(after, context.language, context.inside).brackets
    return sum(crosses or context.from_start for crosses in _faults(following, stack))


def _faults(found: Iterable[_Bracket], stack: list[_Owed], *, near_from: int = 0) -> Iterable[bool]:
    """Walk brackets over `stack` (innermost last); True for each closer that crosses another
    bracket, False for each that finds nothing open.

    Only brackets from `near_from` on can be crossed: what a line further up left open by mistake is
    skipped, as a parser does.
    """
    for bracket in found:
        closer = CLOSER_OF.get(bracket.character)
        if closer is not None:
            stack.append(_Owed(closer, bracket.offset >= near_from))
        elif any(owed.closer == bracket.character for owed in stack):
            crossed = False
            # What was opened inside of it is lost: one fault, not one for every closer after it.
            while (owed := stack.pop()).closer != bracket.character:
                crossed = crossed or owed.near
            if crossed:
                yield True
        else:
            yield bool(stack) and stack[-1].near


def _leaving(found: Iterable[_Bracket]) -> Iterable[_Bracket]:
    """The closers that find nothing open in the answer itself, or something else."""
    stack: list[str] = []
    for bracket in found:
        closer = CLOSER_OF.get(bracket.character)
        if closer is not None:
            stack.append(closer)
        elif stack and stack[-1] == bracket.character:
            stack.pop()
        else:
            yield bracket


def _read(text: str, language: LanguageFacts, inside: str = "") -> _Read:
    """Find the brackets that are code in `text`, which begins in the string `inside`."""
    start = 0
    if inside:
        end = re.compile(rf"(?:\\.|[^\\])*?{re.escape(inside)}", re.DOTALL).match(text)
        if end is None:
            return _Read((), in_code=False)
        start = end.end()
    found: list[_Bracket] = []
    in_code = True
    for match in _pattern(language).finditer(text, start):
        if match.lastgroup == "bracket":
            found.append(_Bracket(match.group(), match.start()))
        elif match.end() == len(text):
            in_code = match.lastgroup == "closed"
    return _Read(tuple(found), in_code)


@lru_cache(maxsize=64)
def _pattern(language: LanguageFacts) -> re.Pattern[str]:
    """What is a bracket and what is not. Group names say how a match ended: `closed` is a whole
    string or comment, `open` one that the text ends in.
    """
    closed: list[str] = []
    unclosed: list[str] = []
    for quote in map(re.escape, language.long_quotes):
        closed.append(rf"{quote}(?:\\.|[^\\])*?{quote}")
        unclosed.append(rf"{quote}(?:\\.|[^\\])*\Z")
    opening, closing = map(re.escape, language.block_comment)
    if opening:
        closed.append(f"{opening}.*?{closing}")
        unclosed.append(rf"{opening}.*\Z")
    if language.line_comment:
        mark = re.escape(language.line_comment)
        # A comment's line break belongs to it: without one the text ends in the comment.
        closed.append(rf"{mark}[^\n]*\n")
        unclosed.append(rf"{mark}[^\n]*\Z")
    for quote in map(re.escape, language.quotes):
        # An ordinary string ends with its line, as in brackets.Scanner.
        closed.append(rf"{quote}(?:\\.|[^{quote}\\\n])*(?:{quote}|\n)")
        unclosed.append(rf"{quote}(?:\\.|[^{quote}\\\n])*\Z")
    if language.quotes == '"':
        # Where an apostrophe does not delimit strings it may still quote one character.
        closed.append(r"'(?:\\[^\n]{1,8}?|[^\\\n])'")
    if "`" in language.long_quotes:
        # A regular expression, told from a division by what stands before it.
        closed.append(
            r"(?:\A|(?<=[(,=:\[!&|?{};]))[ ]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/"
        )
    parts = [r"(?P<bracket>[()\[\]{}])"]
    if closed:
        parts = [f"(?P<closed>{'|'.join(closed)})", f"(?P<open>{'|'.join(unclosed)})", *parts]
    return re.compile("|".join(parts), re.DOTALL)
