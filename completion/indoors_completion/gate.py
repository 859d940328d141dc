"""Should there be a completion here at all, and may it have several lines?

Each verdict gives its reason, which `--explain` prints.
"""

from __future__ import annotations

import re

import msgspec

from indoors_completion.langfacts import facts
from indoors_completion.types import CompletionRequest
from indoors_completion.window import Line
from indoors_indexing.types import SyntaxSite

# A line this long is minified code or data; an automatic completion there is never wanted.
LONG_LINE = 1000
_UNFINISHED = re.compile(r"[(\[{,:=+\-*/%&|<>.\\]\s*$")


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


def several_lines(request: CompletionRequest, line: Line, site: SyntaxSite | None) -> Verdict:
    """Whether the answer may have several lines. A blank line alone never ends such an answer."""
    if not request.multiline:
        return Verdict(False, "the request asks for one line")
    if not line.at_end:
        return Verdict(False, "text follows on the line")
    if site is not None and site.region != "code":
        return Verdict(False, f"inside a {site.region}")
    if opens_block(request.document.language, line, site):
        return Verdict(True, "the body of a block starts here")
    if line.blank:
        return Verdict(True, "a statement starts here")
    return Verdict(False, "a line is being written")


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
    wants to see; after an opened block, an open bracket or an operator it is the continuation.
    """
    if not line.at_end:
        return False
    wanted = request.trigger == "explicit" or line.blank or opens
    return wanted or _UNFINISHED.search(line.before) is not None


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
