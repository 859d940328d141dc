"""Checks of an answer as text: is it only code, is it the file's own style, can a reader see it?"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from math import gcd

from indoors_completion import hidden
from indoors_completion.refactor import talk
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.elision import bare

_WORD = re.compile(r"[^\W\d_]+")
_ASCII = re.compile(r"[A-Za-z]")
# Private use, none at all, and halves of characters; and what stands for bytes that were no text.
_UNASSIGNED = frozenset({"Co", "Cn", "Cs"})
_NO_TEXT = "\ufffd"
# Letters that look like others: of these scripts many are drawn as Latin ones are.
_ALIKE = re.compile("[\u0370-\u03ff\u0400-\u052f\u0531-\u058f\u13a0-\u13fd\uff21-\uff5a]")


def is_changed(case: Case) -> str:
    """An edit that changes nothing is none."""
    if case.after == case.before:
        return "the answer changes nothing"
    if case.new_text.split() == case.old_text.split():
        return "the answer changes nothing but white space"
    return ""


def is_in_place(case: Case) -> str:
    """All outside of the target is as it was."""
    span, new = case.target.span, case.new_span
    if (
        case.after[: span.start] != case.before[: span.start]
        or case.after[new.end :] != case.before[span.end :]
        or len(case.after) < span.start + len(case.before) - span.end
    ):
        return "the answer changes more than it may"
    return ""


def shows_everything(case: Case) -> str:
    """No character came along that a reader cannot see, or takes for another."""
    new = case.new_text.replace("\r\n", "\n")
    old = case.old_text.replace("\r\n", "\n")
    came = Counter(_unseen(new)) - Counter(_unseen(old))
    if came:
        return "the answer has characters in it that one cannot see"
    known = case.before + case.request.instruction
    if any(unicodedata.category(one) == "Zs" and one not in known for one in set(new) - {" "}):
        return "the answer has blanks in it that are no spaces"
    came_now = set(new) - set(known)
    if _NO_TEXT in came_now or any(unicodedata.category(one) in _UNASSIGNED for one in came_now):
        return "the answer has characters in it that mean nothing"
    for word in set(_WORD.findall(new)) - set(_WORD.findall(known)):
        if _ALIKE.search(word) and _ASCII.search(word):
            return f"the answer mixes letters that look alike ({word})"
    return ""


def _unseen(text: str) -> list[str]:
    """The hidden characters of a text, with what is left where a run of them is of use."""
    shown = hidden.visible(text)
    if shown == text:
        return []
    missing = Counter(text) - Counter(shown)
    return list(missing.elements())


def is_plain_code(case: Case) -> str:
    """No markup, no markers of a chat or a conflict and no talk came along."""
    for mark in talk.markup(case.new_text):
        if mark not in case.old_text:
            return f"the answer has markup in it ({mark})"
    if case.outline is not None and _has_loose_fence(case):
        return "the answer has markup in it (```)"
    if talk.has_rule(case.new_text) and not talk.has_rule(case.old_text):
        documented = "\n".join(case.new_leaves("comment", "string"))
        if not talk.has_rule(documented):
            return "the answer has markup in it (=======)"
    old = {line.strip() for line in case.old_text.splitlines()}
    is_prose = case.tokens(case.new_span, "comment", "string", old=False)
    for line, start in _with_starts(case.new_text, case.new_span.start):
        if not line.strip() or line.strip() in old:
            continue
        first = start + len(line) - len(line.lstrip())
        in_comment = any(leaf.start <= first < leaf.end for leaf in is_prose)
        is_added = line.startswith("+") and case.old_text[:1] != "+"
        if not in_comment and (is_added or talk.is_patched(line, old)):
            return f"the answer is a patch ({line.strip()[:60]})"
        if talk.is_talk(bare(line), in_comment=in_comment):
            return f"the answer has talk in it ({line.strip()[:60]})"
    return ""


def _with_starts(text: str, start: int) -> Iterator[tuple[str, int]]:
    """The lines of a text that begins at an offset, with theirs."""
    for raw in text.splitlines(keepends=True):
        yield raw.rstrip("\r\n"), start
        start += len(raw)


def _has_loose_fence(case: Case) -> bool:
    """Whether a fence stands elsewhere than as a whole block in documentation."""
    if talk.fences(case.new_text) <= talk.fences(case.old_text):
        return False
    whole = [text for text in case.new_leaves("comment") if talk.fences(text) % 2 == 0]
    return talk.fences(case.new_text) > sum(talk.fences(text) for text in whole)


def is_in_the_style(case: Case) -> str:
    """New lines end and are indented as the file's are."""
    new, old = case.new_text, case.old_text
    ends_crlf = "\r\n" in case.before
    if ("\r\n" in new) != ends_crlf and "\n" in new:
        return "the answer ends its lines otherwise than the file"
    if ends_crlf and new.count("\n") != new.count("\r\n") and old.count("\n") == old.count("\r\n"):
        return "the answer ends its lines otherwise than the file"
    return "" if _is_indented(case) else "the answer is indented otherwise than the file"


def _unit(case: Case) -> str:
    """What the target's own statements are indented by, where they agree; else what its file is: a
    file of tabs may have long strings that are indented by spaces.
    """
    starts = [leaf.start for leaf in case.outline_before.leaves if leaf.begins]
    span, text = case.target.span, case.before
    leads = set()
    for start in starts:
        line = text.rfind("\n", 0, start) + 1
        if span.start < start < span.end and line < start and not text[line:start].strip():
            leads.add(text[line])
    return "\t" if leads == {"\t"} else case.request.indent_unit


def _is_indented(case: Case) -> bool:
    other = " " if _unit(case) == "\t" else "\t"
    old = set(case.old_text.splitlines())
    old_leads = {line[: len(line) - len(line.lstrip())] for line in old if line.strip()}
    inside = [leaf for leaf in (case.outline.leaves if case.outline else ()) if leaf.kind != "code"]
    offset, at = case.new_span.start, 0
    is_first = True
    for raw in case.new_text.splitlines(keepends=True):
        start, offset = offset, offset + len(raw)
        line = raw.rstrip("\r\n")
        while at < len(inside) and inside[at].end <= start:
            at += 1
        in_token = at < len(inside) and inside[at].start < start
        if not line.strip() or in_token:
            continue
        lead = line[: len(line) - len(line.lstrip())]
        if is_first and lead != case.target.indent and case.target.text[:1].strip():
            return False
        is_first = False
        if line in old or lead in old_leads:
            continue
        # Spaces behind tabs align, in many files.
        if lead.startswith(other) or (other == "\t" and "\t" in lead):
            return False
        if not lead.startswith(case.target.indent) and not line.lstrip().startswith("#"):
            return False
    return _is_in_steps(case)


def _is_in_steps(case: Case) -> bool:
    """Statements stand at multiples of the unit, if all of the file's do."""
    unit = case.request.indent_unit
    if unit == "\t" or case.outline is None or len(unit) < 2:
        return True
    old = _widths(case.before, [leaf.start for leaf in case.outline_before.leaves if leaf.begins])
    if any(width % len(unit) for width in old):
        return True
    span = case.new_span
    begun = [
        leaf.start
        for leaf in case.outline.leaves
        if leaf.begins and span.start <= leaf.start < span.end
    ]
    return gcd(0, *_widths(case.after, begun)) % len(unit) == 0


def _widths(text: str, starts: list[int]) -> set[int]:
    """How far the statements are indented that begin their lines."""
    found = set()
    for start in starts:
        line = text.rfind("\n", 0, start) + 1
        if not text[line:start].strip():
            found.add(start - line)
    return found
