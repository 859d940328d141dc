"""Wrong edits: names are lost, changed or invented."""

# ruff: noqa: E501 - patterns and wordings are not broken

from __future__ import annotations

import random
import re

from indoors_indexing.types import Defined, Span
from support.edit_good import indent_at, parameters_of
from support.edit_languages import FORMS
from support.edit_sites import Source, functions, site_of, whole_of
from support.edit_spoiling import Bad, behind_doc, replaced, site_for
from support.edit_wordings import WISHES


def renamed(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The function has another name, and nobody asked for that."""
    site = site_for(rng, source, one)
    head = source.text[one.head.start : one.head.end]
    match = re.search(rf"\b{re.escape(one.name)}\b", head)
    if site is None or match is None or one.kind == "constructor":
        return None
    at = one.head.start + match.start()
    return Bad("renamed", site, replaced(source, Span(at, at + len(one.name)), f"{one.name}_v2"))


def swapped(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """Another function of the file in its place."""
    site = site_for(rng, source, one)
    others = [it for it in functions(source) if it.name != one.name and it.scope == one.scope]
    if site is None or not others:
        return None
    other = rng.choice(others)
    if (
        one.span.start <= other.span.start < one.span.end
        or other.span.start <= one.span.start < other.span.end
    ):
        return None
    first = source.text.rfind("\n", 0, other.span.start) + 1
    return Bad("swapped", site, whole_of(site, source.text[first : other.span.end]))


def member_dropped(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A class without one of its methods, or a file without one of its functions."""
    holders = [
        it
        for it in source.outline.definitions
        if it.kind in ("class", "interface", "enum") and it.name == (one.scope or ("",))[-1]
    ]
    is_used = len(re.findall(rf"\b{re.escape(one.name)}\b", source.text)) > 1
    if not holders or not (one.exported or is_used):
        return None
    if sum(it.name == one.name and it.scope == one.scope for it in source.outline.definitions) > 1:
        return None
    holder = holders[0]
    if not (holder.span.start < one.span.start and one.span.end <= holder.span.end):
        return None
    site = site_of(source, "edit", holder.span, rng.choice(WISHES))
    if site is None:
        return None
    first = source.text.rfind("\n", 0, one.span.start) + 1
    return Bad(
        "member_dropped",
        site,
        replaced(source, Span(first, min(one.span.end + 1, holder.span.end)), ""),
    )


def duplicated(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The function twice."""
    site = site_for(rng, source, one)
    if site is None:
        return None
    return Bad("duplicated", site, whole_of(site, f"{site.text}\n\n{site.text}"))


# What a call may name its arguments by: there another name of a parameter is another interface.
_NAMES_ARGUMENTS = ("python", "javascript", "typescript", "kotlin", "csharp", "php", "scala")


def parameter_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A parameter that is not taken any more, or has another name (in the body, too)."""
    found = parameters_of(source, one)
    site = site_for(rng, source, one)
    if not found or site is None:
        return None
    span, name = rng.choice(found)
    if re.search(rf"\b{name}\b", site.request.instruction):
        return None
    text = source.text
    if rng.random() < 0.5 and source.language in _NAMES_ARGUMENTS:
        rest = re.sub(rf"\b{name}\b", f"{name}_arg", text[span.start : one.span.end])
        return Bad(
            "parameter_lost", site, replaced(source, Span(span.start, one.span.end), rest), name
        )
    end = span.end + (text[span.end] == ",")
    start = span.start - (text[span.start - 1] == "," and end == span.end)
    return Bad("parameter_lost", site, replaced(source, Span(start, end), ""), name)


def binding_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A line that alone gives a name its meaning is gone, and the name is used."""
    spans = behind_doc(source, one)
    site = site_for(rng, source, one, "edit")
    form = FORMS[source.language].binding
    if len(spans) < 2 or site is None or form is None:
        return None
    rng.shuffle(spans)
    for span in spans:
        text = source.text[span.start : span.end]
        match = re.fullmatch(form, text.rstrip("\n") + "\n")
        if match is None or text.count("(") != text.count(")"):
            continue
        name = match[1]
        if source.outline.names is not None:
            bound = [it for it in source.outline.names if it.name == name and it.is_bound]
            used = [
                it
                for it in source.outline.names
                if it.name == name and not it.is_bound and span.end <= it.start < one.span.end
            ]
            if len(bound) != 1 or not used:
                continue
        elif not _is_only_here(source, one, span, name):
            continue
        gone = Span(span.start, span.start + len(text.rstrip("\n")) + 1)
        return Bad("binding_lost", site, replaced(source, gone, ""), name)
    return None


def _is_only_here(source: Source, one: Defined, span: Span, name: str) -> bool:
    """Whether a name is used behind a line that gives it its value, and gets one nowhere else."""
    sign = re.escape(name)
    behind = [
        source.text[leaf.start : leaf.end]
        for leaf in source.outline.leaves
        if leaf.kind == "code" and span.end <= leaf.start < one.span.end
    ]
    bare = name.lstrip("$")
    if not any(
        text == bare and before not in (".", "::", "->", "{", ",") and after not in (":", "=", "(")
        for before, text, after in zip(["", *behind], behind, [*behind[1:], ""], strict=False)
    ):
        return False
    rest = source.text[one.head.start : span.start] + source.text[span.end : one.span.end]
    declares = (
        rf"\b(?:let|mut|var|val|int|auto|String|for|foreach|each|local|declare|read|in)\s+\(?(?:\w+, )?[*&]*{sign}\b"
        rf"|(?<![\w$]){sign}\b[^\n]*:=|[|(,] ?{sign}\b|(?<![.\w]){sign}\s*[-+*/.|&?]*=[^=~>]"
        rf"|[\w>\]*&] +[*&]*{sign}\s*[;:,)=]|\b{sign} (?:->|in)|\bcase [^\n]*\b{sign}\b|<- *{sign}|{sign} <-"
    )
    return not re.search(declares, rest) and not any(
        it.name == name.lstrip("$") for it in source.outline.definitions
    )


# Where an import does not say which names it brings.
_NAMELESS = ("c", "cpp", "csharp", "ruby", "swift", "bash")


def import_lost(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """An import that is used is gone from the lines that may change."""
    found = list(re.finditer(FORMS[source.language].imports, source.text))
    names = [(match, next(name for name in match.groups() if name)) for match in found]
    names = [
        (match, name)
        for match, name in names
        if source.language in _NAMELESS
        or (
            len(re.findall(rf"(?<![\w.]){name}\b", source.text)) > 1
            and _is_code(source, name, match.end())
        )
    ]
    if not names:
        return None
    match, name = rng.choice(names)
    if (
        source.outline.names is not None
        and sum(it.is_bound and it.name == name for it in source.outline.names) != 1
    ):
        return None
    before = source.text.rfind("\n", 0, match.start() - 1) + 1
    site = site_of(source, "edit", Span(before, match.end()), rng.choice(WISHES))
    if site is None or site.target.defined is not None or before == match.start():
        return None
    return Bad(
        "import_lost", site, replaced(source, Span(match.start() - 1, match.end() - 1), ""), name
    )


def _is_code(source: Source, name: str, behind: int) -> bool:
    """Whether a name is used in code (as a name of its own, not a member)."""
    if source.outline.names is not None:
        return any(it.name == name and not it.is_bound for it in source.outline.names)
    return any(
        leaf.start > behind
        and leaf.kind != "comment"
        and source.text[leaf.start : leaf.end] == name
        for leaf in source.outline.leaves
    )


def invented(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A call of something that is nowhere."""
    spans, site = behind_doc(source, one), site_for(rng, source, one)
    if source.outline.names is None or not spans or site is None:
        return None
    start = rng.choice(spans).start
    name = rng.choice(
        ("validate_input_data", "ensureReady", "logger_for_module", "HelperFactory", "numpy_like")
    )
    end = "" if source.language == "python" else ";"
    text = f"{indent_at(source, start)}{name}(1){end}\n"
    return Bad("invented", site, replaced(source, Span(start, start), text), name)
