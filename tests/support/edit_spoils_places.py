"""Wrong edits: more changes than may, or what follows is drawn in."""

from __future__ import annotations

import random

from indoors_indexing.types import Defined
from support.edit_good import indent_at
from support.edit_sites import Source, whole_of
from support.edit_spoiling import Bad, site_for


def outside(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A change outside of the target, beside a right one in it or alone."""
    site = site_for(rng, source, one)
    if site is None:
        return None
    span = site.target.span
    text = source.text
    places = [
        at
        for at in (rng.randrange(len(text)), 0, len(text) - 1)
        if not span.start <= at <= span.end
    ]
    if not places:
        return None
    at = rng.choice(places)
    changed = rng.choice(
        (
            text[:at] + "x" + text[at:],
            text[:at] + text[at + 1 :],
            text[:at] + "\n" + text[at:],
            text[: at // 2] + text[at:] if at > 2 else text[:-1],
        )
    )
    return None if changed == text else Bad("outside", site, changed, str(at))


def swallows(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """The end of the target opens something that what follows it falls into."""
    site = site_for(rng, source, one)
    if site is None or one.span.end >= len(source.text.rstrip()):
        return None
    if any(it.kind == "comment" and it.end == site.target.span.end for it in source.outline.leaves):
        return None  # what comes behind is said in that comment
    indent = indent_at(source, source.text.rfind("\n", 0, one.span.start) + 1)
    tails = {
        "python": (
            f"\n{indent}if True:",
            f'\n{indent}x = """',
            f"\n{indent}@",
            f"\n{indent}class A:",
            f"\n{indent}(",
            f"\n{indent}for x in",
        ),
        "ruby": (f"\n{indent}if true", f"\n{indent}def later", f"\n{indent}begin", " (", ' "'),
        "lua": (f"\n{indent}if x then", " --[[", f"\n{indent}function later()", " (", ' "'),
        "bash": (f"\n{indent}if true; then", " (", ' "', " {", f"\n{indent}for x in a; do"),
    }.get(source.language, (" /*", " {", " (", ' "', " class A {"))
    tail = rng.choice(tails)
    return Bad("swallows", site, whole_of(site, site.text + tail), tail)


def shifted(rng: random.Random, source: Source, one: Defined) -> Bad | None:
    """A right change in the target, and what follows it (or stands before it) is indented anew."""
    site = site_for(rng, source, one)
    if site is None:
        return None
    span = site.target.span
    said = f"{site.target.indent}{source.comment()} Looks at each.\n"
    before, after = source.text[: span.start], source.text[span.end :]
    how = rng.randrange(4)
    lines = after.split("\n")
    if how == 0:
        after = "\n".join(source.unit + line if line.strip() else line for line in lines)
    elif how == 1:
        after = "\n".join(line.removeprefix(source.unit) for line in lines)
    elif how == 2:
        before = "\n" + before if rng.random() < 0.5 else before[1:]
    else:
        after = after.rstrip("\n") if after.endswith("\n") else after + "\n"
    if (before, after) == (source.text[: span.start], source.text[span.end :]):
        return None
    return Bad("shifted", site, before + said + site.text + after, str(how))
