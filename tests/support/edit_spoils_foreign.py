"""Wrong edits: something came along that nobody typed."""

from __future__ import annotations

import random
import re

from indoors_indexing.types import Defined, Span
from support.edit_good import indent_at
from support.edit_languages import FORMS
from support.edit_sites import Source, whole_of
from support.edit_spoiling import Bad, behind_doc, replaced, says, site_for
from support.edit_wordings import HIDDEN, MARKUP, TALK


def leaked(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Marks of a chat, a fence or a conflict."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    mark = rng.choice(MARKUP)
    if mark in source.text or (mark == "=======" and source.language == "rust"):
        return None
    where = rng.randrange(4)
    start = rng.choice(spans).start
    lead = indent_at(source, start)
    if where == 0:
        return Bad("leaked", site, whole_of(site, f"{mark}\n{site.text}"), mark)
    if where == 1:
        return Bad("leaked", site, whole_of(site, f"{site.text}\n{mark}"), mark)
    if where == 2 and not re.match(r"[=#@|+*\w\\-]|<<|>>|\[[A-Z]{3,4}\]", mark):
        return (
            Bad(
                "leaked",
                site,
                replaced(source, Span(start, start), f"{lead}{source.comment()} {mark}\n"),
                mark,
            )
            if "`" not in mark and "~" not in mark
            else None
        )
    return Bad("leaked", site, replaced(source, Span(start, start), f"{mark}\n"), mark)


def talked(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Talk, as text or as a comment."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    said = rng.choice(TALK)
    # As a comment "Output:" may be a headline of somebody's.
    is_bare = said == "Output:" or rng.random() < 0.4
    shown = said if is_bare else f"{source.comment()} {said}"
    if rng.random() < 0.4:
        return Bad(
            "talked", site, whole_of(site, f"{site.target.indent}{shown}\n{site.text}"), shown
        )
    if rng.random() < 0.6:
        return Bad(
            "talked", site, whole_of(site, f"{site.text}\n{site.target.indent}{shown}"), shown
        )
    start = rng.choice(spans).start
    text = f"{indent_at(source, start)}{shown}\n"
    return Bad("talked", site, replaced(source, Span(start, start), text), shown)


def hidden_character(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A character that a reader cannot see, or takes for a blank."""
    site = site_for(rng, source, one, rng.choice(("edit", "document", "annotate", "handle_errors")))
    if site is None:
        return None
    character = rng.choice(HIDDEN)
    span = site.target.span
    at = rng.randrange(span.start, span.end)
    if character in source.text:
        return None
    return Bad("hidden_character", site, replaced(source, Span(at, at), character), repr(character))


def look_alike(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A letter of another script within a word."""
    site = site_for(rng, source, one)
    words = list(re.finditer(r"[a-z]*[aeopcx][a-z]+", source.text[one.span.start : one.span.end]))
    if site is None or not words:
        return None
    match = rng.choice(words)
    word = match[0]
    other = dict(zip("aeopcx", "аеорсх", strict=True))
    at = next(index for index, letter in enumerate(word) if letter in other)
    start = one.span.start + match.start() + at
    return Bad("look_alike", site, replaced(source, Span(start, start + 1), other[word[at]]), word)


def line_ends(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Line ends of another kind."""
    site = site_for(rng, source, one)
    spans = behind_doc(source, one)
    if site is None or "\r" in source.text or "\n" not in site.text or not spans:
        return None
    start = rng.choice(spans).start
    said = f"{indent_at(source, start)}{source.comment()} Looks at each.\n"
    whole = replaced(source, Span(start, start), said)
    end = len(whole) - (len(source.text) - site.target.span.end)
    text = whole[site.target.span.start : end]
    n_ends = 0 if rng.random() < 0.5 else 1
    return Bad("line_ends", site, whole_of(site, text.replace("\n", "\r\n", n_ends or -1)))


def patched(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The text of a patch in the place of code: lines that begin with `+` and `-`."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    span = rng.choice(spans)
    old = source.text[span.start : span.end].rstrip("\n").split("\n")
    if not says(source, span):
        return None
    new = f"{indent_at(source, span.start)}{FORMS[source.language].log}"
    if rng.random() < 0.5:
        shown = [*(f"-{line}" for line in old), f"+{new}"]
        return Bad("patched", site, replaced(source, span, "\n".join(shown) + "\n"))
    lines = [f" {line}" for line in site.text.split("\n")]
    at = rng.randrange(len(lines))
    lines[at:at] = [f"+{new}"]
    return Bad("patched", site, whole_of(site, "\n".join(lines)))


def repeated(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The same lines over and over, as a model writes that has lost its way."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    span = rng.choice(spans)
    text = source.text[span.start : span.end]
    if not text.endswith("\n") or not says(source, span):
        return None
    return Bad("repeated", site, replaced(source, span, text * rng.randrange(5, 20)))
