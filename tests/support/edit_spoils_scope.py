"""Wrong edits: more was changed than was asked for."""

# ruff: noqa: E501 - patterns and wordings are not broken

from __future__ import annotations

import itertools
import random
import re

from indoors_indexing.types import Defined, Span
from support.edit_good import body_statements, indent_at
from support.edit_languages import FORMS
from support.edit_sites import Site, Source
from support.edit_spoiling import Bad, behind_doc, replaced, says, site_for


def code_changed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """`document` or `annotate` with other code: a token, a statement, an indentation."""
    can_annotate = source.language in ("python", "typescript")
    action = rng.choice(("document", "annotate")) if can_annotate else "document"
    site = site_for(rng, source, one, action)
    leaves = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind in ("code", "string") and one.head.end < leaf.start < one.span.end
    ]
    spans = behind_doc(source, one)
    if site is None or not leaves or not spans:
        return None
    how = rng.randrange(4)
    if how == 0:
        leaf = rng.choice(leaves)
        text = source.text[leaf.start : leaf.end]
        new = {
            "==": "!=",
            "+": "-",
            "and": "or",
            "True": "False",
            "<": "<=",
            "0": "1",
            "not": "",
        }.get(text)
        if new is None:
            if leaf.kind == "string" and re.search(r"\w\w", text[1:-1]):
                new = re.sub(r"\w(?=\w*\W*$)", "x", text, count=1)
                new = new if new != text else text[:1] + "x" + text[1:]
            elif not re.fullmatch(r"[A-Za-z]\w*|\d+", text) or text in ("pass", "return"):
                return None
            else:
                new = text + "1"
        return Bad(
            "code_changed",
            site,
            replaced(source, Span(leaf.start, leaf.end), new),
            f"{text}->{new}",
        )
    if how == 1:
        span = rng.choice(spans)
        if not says(source, span) or len(spans) < 2:
            return None
        text = source.text[: span.start] + source.text[span.end :]
        if span.end == one.span.end:
            text = source.text[: span.start].rstrip() + source.text[span.end :]
        return Bad("code_changed", site, text, "deleted")
    start = rng.choice(spans).start
    indent = indent_at(source, start)
    if how == 2:
        line = rng.choice((FORMS[source.language].local, FORMS[source.language].log))
        return Bad(
            "code_changed",
            site,
            replaced(source, Span(start, start), f"{indent}{line}\n"),
            "added",
        )
    return _moved_into_block(source, one, site)


def _moved_into_block(source: Source, one: Defined, site: Site) -> Bad | None:
    """A statement behind a block is in it now: only its white space differs."""
    if source.language != "python":
        return None
    spans = body_statements(source, one)
    for before, span in itertools.pairwise(spans):
        head = source.text[before.start : before.end]
        last = head.rstrip().rsplit("\n", 1)[-1]
        line = source.text[span.start : span.end]
        if not re.match(r"\s*(?:if|for|while|with)\b.*:\n", head) or "\n" in line.rstrip():
            continue
        deeper = indent_at(source, span.start) + source.unit
        if (
            not last.startswith(deeper)
            or last.strip().startswith(("#", ")", "]", "}"))
            or line.lstrip().startswith("#")
        ):
            continue
        if not last.startswith(deeper) or last[len(deeper) : len(deeper) + 1] == " ":
            continue
        at = span.start + len(indent_at(source, span.start))
        # Something that the action may do goes with it.
        after = replaced(source, Span(span.start, at), f"{deeper}# Each time.\n{deeper}")
        if site.request.action == "annotate":
            head = source.text[one.head.start : one.head.end]
            typed = re.sub(r"\)\s*:\s*$", ") -> object:", head)
            after = replaced(source, Span(span.start, at), deeper)
            after = after[: one.head.start] + typed + after[one.head.end :]
        return Bad("code_changed", site, after, "moved into a block")
    return None


def comment_changed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """`annotate` that touches comments, or `document` that loses one that is no documentation."""
    spans = behind_doc(source, one)
    action = rng.choice(("annotate", "document"))
    site = site_for(rng, source, one, action)
    if site is None or not spans:
        return None
    start = rng.choice(spans).start
    if action == "annotate":
        text = f"{indent_at(source, start)}{source.comment()} Returns an integer.\n"
        return Bad("comment_changed", site, replaced(source, Span(start, start), text))
    # What documents a definition within may be said otherwise.
    docs = [other.doc for other in source.outline.definitions]
    found = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind == "comment"
        and spans[0].start <= leaf.start
        and leaf.end <= spans[-1].end
        and not any(doc.start <= leaf.start < doc.end for doc in docs)
    ]
    if not found:
        return None
    leaf = rng.choice(found)
    said = source.text[leaf.start : leaf.end]
    if len(re.findall(r"\w+", said)) < 3 or source.text.count(said) > 1:
        return None
    new = re.sub(r"\w+", "other", said, count=1) if rng.random() < 0.5 else ""
    return Bad("comment_changed", site, replaced(source, Span(leaf.start, leaf.end), new), said)


def annotation_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """`annotate` that takes a type away, or says another one."""
    site = site_for(rng, source, one, "annotate")
    head = source.text[one.head.start : one.head.end]
    found = list(re.finditer(r"(?<=[\w)]):? ?(?:->|:) ?[\w.\[\]]+(?=\s*[,)=:{])", head))
    if site is None or not found:
        return None
    match = rng.choice(found)
    new = "" if rng.random() < 0.5 else re.sub(r"\w+$|\w+\]$", "Another", match[0])
    start = one.head.start + match.start()
    span = Span(start, start + len(match[0]))
    return Bad("annotation_lost", site, replaced(source, span, new), match[0])


def signature_changed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Another parameter where the action is not about signatures."""
    action = rng.choice(("handle_errors", "simplify", "document"))
    site = site_for(rng, source, one, action)
    head = source.text[one.head.start : one.head.end]
    opening = head.find("(", max(0, head.rfind(one.name)))
    new = FORMS[source.language].added
    if site is None or opening < 0 or head.startswith("@") or not new:
        return None
    at = one.head.start + opening + 1
    inner = source.text[at : one.head.end].lstrip()
    if inner[:1] in ("*", "/") or source.language == "bash":
        return None
    text = new if inner.startswith(")") else f"{new}, "
    return Bad("signature_changed", site, replaced(source, Span(at, at), text))


_MODIFIERS = "static|public|private|protected|override|virtual|final|abstract|suspend|inline|const|synchronized|mutating|internal|unsafe"


def head_spoiled(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A signature without a decorator, a default value, `export` or `async`, or with a new duty."""
    site = site_for(rng, source, one, "edit")
    head = source.text[one.head.start : one.head.end]
    found = [
        (pattern, new)
        for pattern, new in (
            (r"@[\w.]+(?:\([^\n]*\))?\n\s*", ""),
            (r"^\s*#?\[\w+(?:\([^\n]*\))?\]\n\s*", ""),
            (r"(?<=\w)=[\w.]+(?=[,)])", ""),
            (r"\bexport (?=function|class|async)", ""),
            (r"\basync (?=def|function|\w+\()", ""),
            (rf"\b(?:{_MODIFIERS}) (?=(?:\w+ )*\w+ {re.escape(one.name)}\b)", ""),
            (r"(?<=\()(?=\w+[,)=])", "needed_now, " if source.language == "python" else None),
        )
        if new is not None and re.search(pattern, head)
    ]
    if site is None or not found or "#" in head:
        return None
    pattern, new = rng.choice(found)
    if "needed" in new and (re.search(r"\((?:self|cls)\b", head) or "@" in head):
        return None
    spoiled = re.sub(pattern, new, head, count=1)
    return Bad("head_spoiled", site, replaced(source, one.head, spoiled), pattern)


def documentation_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The documentation is gone."""
    spans = behind_doc(source, one)
    site = site_for(rng, source, one)
    if site is None or one.doc.end <= one.doc.start or not spans:
        return None
    if one.doc.start > one.head.end:
        first = source.text.rfind("\n", 0, one.doc.start) + 1
        return Bad("documentation_lost", site, replaced(source, Span(first, spans[0].start), ""))
    first = source.text.rfind("\n", 0, one.span.start) + 1
    return Bad(
        "documentation_lost", site, replaced(source, Span(site.target.span.start, first), "")
    )
