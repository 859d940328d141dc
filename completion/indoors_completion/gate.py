"""Should there be a completion here at all, and may it have several lines?

Each verdict gives its reason, which `--explain` prints.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from indoors_completion.brackets import COMMENT_ENDS, Scanner
from indoors_completion.langfacts import facts
from indoors_completion.types import CompletionRequest
from indoors_completion.window import Line
from indoors_indexing.types import SyntaxSite

# A line this long is minified code or data; an automatic completion there is never wanted.
LONG_LINE = 1000
_UNFINISHED = re.compile(r"[(\[{,:=+\-*/%&|<>.\\]\s*$")


class Shape(msgspec.Struct, frozen=True):
    """The extent of an answer: the rest of the line, of the statement (with its body, if it opens
    one), or of the block; with the reason in a few words.
    """

    kind: Literal["line", "statement", "block"]
    reason: str


class Verdict(msgspec.Struct, frozen=True):
    """A yes or no, with the reason in a few words."""

    yes: bool
    reason: str


def admit(request: CompletionRequest, line: Line) -> Verdict:
    """Whether to complete here. A person who asks (explicit) is refused almost nothing."""
    if request.trigger == "explicit":
        return Verdict(True, "asked for")
    after = line.after[:1]
    if after == "_" or after.isalnum():
        return Verdict(False, "inside a word")
    if len(line.before) + len(line.after) > LONG_LINE:
        return Verdict(False, "the line is too long to be written by hand")
    text = request.document.text
    if not text or text.isspace():
        return Verdict(False, "the document is empty")
    return Verdict(True, "automatic")


def shape(request: CompletionRequest, line: Line, site: SyntaxSite | None) -> Shape:
    """How much is asked for. A blank line alone never ends an answer of several lines."""
    language = request.document.language
    where = site.region if site is not None else _region(language, line)
    if not request.multiline:
        return Shape("line", "the request asks for one line")
    if not line.at_end:
        return Shape("line", "text follows on the line")
    if where != "code":
        return Shape("line", f"inside a {where}")
    if opens_block(language, line, site):
        return Shape("block", "the body of a block starts here")
    if line.blank:
        return Shape("block", "a statement starts here")
    if line.after.strip():
        return Shape("line", "closers follow on the line")
    return Shape("statement", "a statement is being written")


def _region(language: str, line: Line) -> str:
    """Where the cursor stands, as far as its line tells."""
    scanner = Scanner(facts(language))
    scanner.feed(line.before)
    if scanner.inside == "":
        return "code"
    return "comment" if scanner.inside in COMMENT_ENDS else "string"


def opens_block(language: str, line: Line, site: SyntaxSite | None) -> bool:
    """Whether the code before the cursor opens a block: by the tree, else by the line's end."""
    if site is not None:
        return site.opens_block
    end = line.before.rstrip()
    blocks = facts(language).blocks
    return end.endswith("{") if blocks == "braces" else blocks == "indent" and end.endswith(":")


def may_start_below(request: CompletionRequest, line: Line, *, opens: bool) -> bool:
    """Whether an answer that begins with a line break is wanted.

    At the end of a finished line it is a guess about the next one, which only a person who asks
    wants to see, or one who just accepted what stands there; after an opened block, an open bracket
    or an operator it is the continuation.
    """
    if request.trigger == "explicit" or (request.continues and line.at_end):
        return True
    unfinished = _UNFINISHED.search(line.before) is not None
    return line.at_end and (line.blank or opens or unfinished)


def selected_fits(request: CompletionRequest) -> Verdict:
    """Whether the popup's selected entry, if any, can be read as typed.

    It must stand on the cursor's line and contain, in order, the characters that it would replace:
    otherwise VS Code would not show a completion that begins with it.
    """
    selected, text = request.selected, request.document.text
    if selected is None:
        return Verdict(True, "nothing is selected")
    start, end = selected.span.start, max(selected.span.end, request.offset)
    in_order = 0 <= start <= min(selected.span.end, request.offset)
    if not in_order or not request.offset <= end <= len(text):
        return Verdict(False, "the selected entry is not at the cursor")
    if "\n" in text[start:end] or "\n" in selected.text:
        return Verdict(False, "the selected entry has several lines")
    if not is_subsequence(text[start:end], selected.text):
        return Verdict(False, "the selected entry does not contain what was typed")
    return Verdict(True, "an entry is selected")


def is_subsequence(part: str, whole: str) -> bool:
    """Whether the characters of `part` appear in `whole`, in order: VS Code's rule for a range."""
    characters = iter(whole)
    return all(character in characters for character in part)
