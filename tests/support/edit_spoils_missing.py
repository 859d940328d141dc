"""Wrong edits: code is left out."""

from __future__ import annotations

import random
import re

from indoors_indexing.types import Defined, Span
from support.edit_good import indent_at
from support.edit_languages import FORMS
from support.edit_sites import Source, whole_of
from support.edit_spoiling import Bad, behind_doc, comment, in_code, replaced, says, site_for
from support.edit_wordings import ELISIONS, PLACED_ELISIONS, PLAIN_ELISIONS


def elided(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A comment in the place of statements, at the end or in the middle."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if len(spans) < 2 or site is None:
        return None
    first = rng.randrange(1, len(spans))
    last = len(spans) if rng.random() < 0.5 else rng.randrange(first, len(spans)) + 1
    gone = Span(spans[first].start, spans[last - 1].end)
    if not says(source, gone):
        return None
    said = rng.choice(ELISIONS + PLACED_ELISIONS).replace("{name}", one.name)
    text = comment(rng, source, indent_at(source, gone.start), said)
    kept = source.text[: gone.start]
    if text.strip() in kept:
        return None
    # The same lines must not stand elsewhere: then nothing would be lost.
    codes = [
        line.strip() for line in source.text[gone.start : gone.end].splitlines() if line.strip()
    ]
    others = [
        line.strip()
        for line in (kept[one.span.start :] + source.text[gone.end : one.span.end]).splitlines()
    ]
    if all(code in others for code in codes):
        return None
    if gone.end == one.span.end:
        text = text.rstrip("\n")
    return Bad("elided", site, replaced(source, gone, text), said)


def elided_in_block(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The block of an `if` or a loop is a comment now (with `pass` where there must be one)."""
    site, spans = site_for(rng, source, one), behind_doc(source, one)
    if not spans or site is None:
        return None
    margin = indent_at(source, spans[0].start)
    lines = _lines(source, Span(spans[0].start, spans[-1].end))
    # One whole statement on one line, alone in its block.
    deep = [
        line
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False)
        if len(indent_at(source, before.start)) < len(indent_at(source, line.start))
        and len(indent_at(source, after.start)) < len(indent_at(source, line.start))
        and indent_at(source, line.start).startswith(margin)
    ]
    if not deep:
        return None
    line = rng.choice(deep)
    statement = source.text[line.start : line.end]
    if statement.count("(") != statement.count(")") or statement.rstrip().endswith(
        ("{", ":", ",", "\\", "(", "[")
    ):
        return None
    rest = source.text[one.span.start : line.start] + source.text[line.end : one.span.end]
    if statement.strip() in rest or not says(source, line) or not in_code(source, line.start):
        return None
    said = rng.choice(ELISIONS + PLACED_ELISIONS).replace("{name}", one.name)
    text = comment(rng, source, indent_at(source, line.start), said)
    if text.strip() in source.text[one.span.start : one.span.end]:
        return None
    if source.language == "python":
        text += f"{indent_at(source, line.start)}pass\n"
    if not _is_continued(source, line.start):
        return Bad("elided_in_block", site, replaced(source, line, text), said)
    return None


def _lines(source: Source, span: Span) -> list[Span]:
    """The lines of a span that are not blank."""
    found, start = [], span.start
    for raw in source.text[span.start : span.end].splitlines(keepends=True):
        if raw.strip():
            found.append(Span(start, start + len(raw)))
        start += len(raw)
    return found


def _is_continued(source: Source, line: int) -> bool:
    """Whether a line goes on from the one before it (inside of brackets or a string)."""
    before = source.text[:line].rstrip()
    return before.endswith((",", "(", "[", "\\", "+", "and", "or", "||", "&&", "=", ".", "?", ":-"))


def elided_beside(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A comment that says that code is missing, although none is."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    said = rng.choice(PLAIN_ELISIONS).replace("{name}", one.name)
    text = comment(rng, source, indent_at(source, start), said)
    if text.strip() in source.text[one.span.start : one.span.end]:
        return None
    return Bad("elided_beside", site, replaced(source, Span(start, start), text), said)


def stubbed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The whole body is a stub."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    gone = Span(spans[0].start, spans[-1].end)
    said = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind in ("code", "string") and gone.start <= leaf.start < gone.end
    ]
    if len(said) < 12:
        return None
    stub = rng.choice(FORMS[source.language].stubs)
    text = f"{indent_at(source, gone.start)}{stub}" + ("" if source.language == "python" else "\n")
    if stub in source.text[gone.start : gone.end] and len(spans) == 1:
        return None
    return Bad("stubbed", site, replaced(source, gone, text), stub)


def truncated_within(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The answer stops in the middle of a line, with statements behind it lost."""
    spans, site = behind_doc(source, one), site_for(rng, source, one, "edit")
    if len(spans) < 2 or site is None or not says(source, spans[-1]):
        return None
    cut = rng.randrange(spans[0].start + 1, spans[-1].start)
    line = source.text.rfind("\n", 0, cut) + 1
    if not source.text[line:cut].strip():
        return None
    return Bad("truncated_within", site, replaced(source, Span(cut, one.span.end), ""))


def truncated_between(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The answer stops behind a statement, and closes what it has to."""
    spans, site = behind_doc(source, one), site_for(rng, source, one, "edit")
    if len(spans) < 2 or site is None:
        return None
    at = rng.randrange(1, len(spans))
    kept = source.text[one.head.end : spans[at].start]
    gone = source.text[spans[at].start : one.span.end]
    codes = [line.strip() for line in gone.splitlines() if re.search(r"\w", line)]
    others = [line.strip() for line in kept.splitlines()]
    last = next((line for line in reversed(others) if re.search(r"\w", line)), "")
    if not says(source, Span(spans[at].start, one.span.end)) or any(
        code in others for code in codes
    ):
        return None
    if others.count(last) != 1 or last.startswith(("#", "//", "--", "/*", "*")):
        return None
    end = one.span.end if source.language == "python" else spans[-1].end
    after = replaced(source, Span(spans[at].start, end), "")
    if source.language == "python":
        after = source.text[: spans[at].start].rstrip() + source.text[one.span.end :]
    return Bad("truncated_between", site, after)


def emptied(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Nothing is left, or only the signature."""
    site = site_for(rng, source, one)
    if site is None:
        return None
    if rng.random() < 0.4:
        return Bad("emptied", site, whole_of(site, ""))
    head = source.text[site.target.span.start : one.head.end]
    return Bad("emptied", site, whole_of(site, head.rstrip()))


_GIVES_NOTHING = re.compile(r"else[:\s{]*return(?: None| nil| undefined)?[;}\s]*(?:end)?")


def branch_dropped(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """An `else`, a `case`, an `except` is gone, with what stood in it."""
    site, spans = site_for(rng, source, one), behind_doc(source, one)
    if not spans or site is None:
        return None
    lines = _lines(source, Span(spans[0].start, spans[-1].end))
    found = []
    for at, line in enumerate(lines):
        text = source.text[line.start : line.end]
        lead = indent_at(source, line.start)
        if not re.match(FORMS[source.language].branches, text.strip()):
            continue
        end = at + 1
        while end < len(lines) and len(indent_at(source, lines[end].start)) > len(lead):
            end += 1
        gone = Span(line.start, lines[end - 1].end)
        # A function that comes to its end gives nothing back anyway.
        if _GIVES_NOTHING.fullmatch(source.text[gone.start : gone.end].strip()):
            continue
        if end > at + 1 and in_code(source, line.start + len(lead)) and _is_lost(source, one, gone):
            found.append(gone)
    if not found:
        return None
    return Bad("branch_dropped", site, replaced(source, rng.choice(found), ""))


def _is_lost(source: Source, one: Defined, gone: Span) -> bool:
    """Whether a span has code that stands nowhere else in a definition."""
    rest = source.text[one.span.start : gone.start] + source.text[gone.end : one.span.end]
    others = {line.strip() for line in rest.splitlines()}
    codes = [line.strip() for line in source.text[gone.start : gone.end].splitlines()]
    telling = [code for code in codes if re.search(r"\w{3}", code) and code not in others]
    return says(source, gone) and any(not _is_comment(code) for code in telling[-1:])


def _is_comment(code: str) -> bool:
    return code.startswith(("#", "//", "--", "/*", "*", '"""', "pass"))


def statement_dropped(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A statement is gone, and nothing came for it."""
    site, spans = site_for(rng, source, one, "edit"), behind_doc(source, one)
    if len(spans) < 2 or site is None:
        return None
    gone = rng.choice(spans[:-1])
    if not _is_lost(source, one, gone):
        return None
    return Bad("statement_dropped", site, replaced(source, gone, ""))


def commented_out(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A statement is there as a comment only."""
    site, spans = site_for(rng, source, one), behind_doc(source, one)
    if len(spans) < 2 or site is None:
        return None
    gone = rng.choice(spans)
    form = FORMS[source.language].comments[0]
    text = source.text[gone.start : gone.end]
    if not _is_lost(source, one, gone) or re.search(r"/\*|\*/|--|#|\"\"\"", text):
        return None
    lead = indent_at(source, gone.start)
    lines = [
        lead + form.format(line.removeprefix(lead)) if line.strip() else line
        for line in text.split("\n")
    ]
    if source.language == "python" and len(spans) == 1:
        lines.append(f"{lead}pass")
    return Bad("commented_out", site, replaced(source, gone, "\n".join(lines)))


def word_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """An `await`, a `return`, a `throw` is gone from a line, and the rest of it is there."""
    site = site_for(rng, source, one)
    words = ["await", "throw", "raise", "yield"]
    if source.language not in ("ruby", "rust", "scala", "swift", "bash"):
        words.append("return")
    text = source.text[one.head.end : one.span.end]
    found = [
        match
        for match in re.finditer(rf"(?m)\b(?:{'|'.join(words)}) (?=[\w\"'(\[$])", text)
        if in_code(source, one.head.end + match.start())
    ]
    if site is None or not found:
        return None
    match = rng.choice(found)
    start = one.head.end + match.start()
    note = match[0]
    return Bad("word_lost", site, replaced(source, Span(start, start + len(note)), ""), note)
