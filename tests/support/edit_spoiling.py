"""What makers of wrong edits share: what an edit is, where it may be made, what is code."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import NamedTuple

from indoors_indexing.types import Defined, Span
from support.edit_good import body_statements
from support.edit_languages import FORMS
from support.edit_sites import Site, Source, site_of
from support.edit_wordings import PLAIN_ELISIONS, WISHES

_OPEN = ("edit", "edit", "handle_errors", "simplify")


class Bad(NamedTuple):
    """A wrong edit: which kind, where, the document after it, and what was done."""

    kind: str
    site: Site
    after: str
    note: str = ""


Maker = Callable[[random.Random, Source, Defined], "Bad | None"]


def site_for(rng: random.Random, source: Source, one: Defined, action: str = "") -> Site | None:
    """A definition as the target, under a wish that asks for nothing in particular."""
    action = action or rng.choice(_OPEN)
    wish = rng.choice(WISHES) if action == "edit" else ""
    site = site_of(source, action, Span(one.head.start, one.head.start), wish)
    return site if site is not None and site.target.defined == one else None


def replaced(source: Source, span: Span, text: str) -> str:
    """The document with another text in a span's place."""
    return source.text[: span.start] + text + source.text[span.end :]


def behind_doc(source: Source, one: Defined) -> list[Span]:
    """The statements of a body that do something."""
    spans = body_statements(source, one)
    if source.language == "python" and one.doc.end > one.doc.start and one.doc.start > one.head.end:
        spans = [span for span in spans if span.start > one.doc.start]
    return spans


def says(source: Source, span: Span) -> bool:
    """Whether a span has code worth the name, and is no comment, `pass` or bracket."""
    said = [
        source.text[leaf.start : leaf.end]
        for leaf in source.outline.leaves
        if leaf.kind in ("code", "string") and span.start <= leaf.start and leaf.end <= span.end
    ]
    return len(said) >= 2 and re.search(r"\w", "".join(said)) is not None


def comment(rng: random.Random, source: Source, indent: str, said: str) -> str:
    """A line with a comment in one of the forms that a language has."""
    if source.language == "python" and said in PLAIN_ELISIONS and rng.random() < 0.2:
        return f'{indent}"""{said}"""\n'
    return f"{indent}{rng.choice(FORMS[source.language].comments).format(said)}\n"


def in_code(source: Source, offset: int) -> bool:
    """Whether an offset is in no string and no comment."""
    return not any(
        leaf.kind != "code" and leaf.start <= offset < leaf.end for leaf in source.outline.leaves
    )
