"""Wrong edits: what is there is broken, in its syntax or its indentation."""

from __future__ import annotations

import random

from indoors_indexing.types import Defined, Span
from support.edit_good import indent_at
from support.edit_languages import FORMS
from support.edit_sites import Source, whole_of
from support.edit_spoiling import Bad, behind_doc, replaced, site_for
from support.edit_wordings import JUNK


def unbalanced(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """One bracket is missing, or one too many."""
    brackets = [
        leaf
        for leaf in source.outline.leaves
        if leaf.kind == "code"
        and one.span.start <= leaf.start < one.span.end
        and source.text[leaf.start : leaf.end] in ("(", ")", "[", "]", "{", "}")
    ]
    site = site_for(rng, source, one)
    if not brackets or site is None:
        return None
    leaf = rng.choice(brackets)
    near = [
        it
        for it in source.outline.leaves
        if it.kind == "string" and (it.start == leaf.end or it.end == leaf.start)
    ]
    if near:
        return None  # twice, it may be a character of the string around it
    text = "" if rng.random() < 0.6 else source.text[leaf.start : leaf.end] * 2
    return Bad("unbalanced", site, replaced(source, Span(leaf.start, leaf.end), text))


def unterminated(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A string or a comment that is begun and not ended."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    opening = rng.choice((FORMS[source.language].opening, FORMS[source.language].opening + " x"))
    text = f"{indent_at(source, start)}{opening}\n"
    return Bad("unterminated", site, replaced(source, Span(start, start), text))


def junk(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A line that is no code."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    said = rng.choice(JUNK)
    if _is_valid_somewhere(source.language, said):
        return None
    text = f"{indent_at(source, start)}{said}\n"
    return Bad("junk", site, replaced(source, Span(start, start), text), said)


# What is code all the same: names with signs in them, commands, operators between names.
_VALID = {
    "bash": ("a b c", "x = = 1", "1abc", "for in x", "def", "@", "?!", "$$$"),
    "ruby": ("a b c", "def", "@", "?!", "$$$"),
    "scala": ("a b c", "1abc", "def", "@", "?!", "$$$"),
    "kotlin": ("a b c", "1abc", "def", "@", "?!", "$$$"),
}


def _is_valid_somewhere(language: str, said: str) -> bool:
    # `$$$` and `def` are names elsewhere; a lone `@` takes the next line for its own in some.
    others = () if language == "python" else ("$$$", "@", "?!", "def")
    return said in _VALID.get(language, others)


def wrongly_indented(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The whole target is indented by another level, or a line of a Python body by none."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None or source.unit == "\t":
        return None
    if source.language != "python" or rng.random() < 0.3:
        shown = "\n".join(" " + line if line.strip() else line for line in site.text.split("\n"))
        first = f" {site.target.indent}{source.comment()} Looks at each.\n"
        return Bad("wrongly_indented", site, whole_of(site, first + shown), "whole")
    start = rng.choice(spans[1:] or spans).start
    if len(spans) == 1:
        return None
    line = indent_at(source, start)
    lead = rng.choice((line + " ", line + "   ", line[:-1], "\t" + line, line[:-2]))
    if source.text[:start].rstrip().endswith(":") and lead.startswith(line):
        return None
    end = start + len(line)
    # A comment beside it, so that more than white space differs.
    spoiled = f"{line}# Looks at each.\n{lead}"
    return Bad("wrongly_indented", site, replaced(source, Span(start, end), spoiled), repr(lead))


def other_white_space(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A new line is indented with tabs where the file has spaces, or the other way round."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if not spans or site is None:
        return None
    start = rng.choice(spans).start
    lead = indent_at(source, start)
    if not lead or "\t " in lead or " \t" in lead:
        return None
    other = " " * 4 * len(lead) if "\t" in lead else "\t" * max(1, len(lead) // len(source.unit))
    said = rng.choice((f"{source.comment()} Looks at each.", FORMS[source.language].log))
    if source.language == "python" and "\t" not in lead:
        said = f"{source.comment()} Looks at each."
    text = f"{other}{said}\n"
    return Bad("other_white_space", site, replaced(source, Span(start, start), text), repr(other))
