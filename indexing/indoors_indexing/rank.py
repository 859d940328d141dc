"""What is worth more at a cursor: all weights in one table, and the candidates that they weigh.

A weight is for a candidate that fits perfectly; how near, how sure and how recent it is scales it
down. To say what a row does, leave it out and measure.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_indexing.lookup import Found

Why = Literal[
    "member", "module_member", "receiver", "called", "argument_type", "overridden", "may_override",
    "sibling_override", "named_imported", "named_here", "named_package", "named_project",
    "unused_import", "imported", "variable_member", "own_member", "outline", "base", "subject",
    "test", "package_used", "package", "edited", "viewed", "usage", "similar",
]  # fmt: skip

WEIGHTS: dict[Why, float] = {
    # What the code at the cursor asks for by itself.
    "member": 100.0,  # after `x.`: a member of the type of x
    "module_member": 95.0,  # after `x.`: what the module x has
    "called": 92.0,  # inside `f(`: what f takes
    "overridden": 90.0,  # the method of a base that this one stands for
    "receiver": 80.0,  # the head of the type whose members are shown
    "sibling_override": 62.0,  # how another type writes the same method
    "may_override": 60.0,  # in a class, where a method may begin: those of its bases
    "argument_type": 58.0,  # the types of what f takes
    # What is named around it.
    "named_imported": 70.0,
    "named_package": 64.0,
    "named_here": 56.0,  # in this file, but outside of the window
    "unused_import": 50.0,  # imported and not used yet
    "package_used": 37.0,  # in a file beside this one and used elsewhere in this file
    "package": 24.0,  # in a file beside this one
    "imported": 37.0,  # imported and used elsewhere in the file
    "named_project": 44.0,  # found by its name alone
    "variable_member": 38.0,  # a member of the type of a variable that is in use
    "own_member": 36.0,  # a member of the type that is being written
    "base": 40.0,
    "outline": 26.0,  # a member of a type that is named around it
    # What is like it.
    "subject": 42.0,  # what this test tests
    "test": 20.0,
    "edited": 38.0,
    "usage": 36.0,  # how others call what is called here
    "similar": 30.0,
    "viewed": 18.0,
}

# However much there is of one kind, the others get their turn.
LIMITS: dict[Why, int] = {
    "member": 150, "module_member": 120, "called": 16, "argument_type": 8, "overridden": 2,
    "may_override": 15, "sibling_override": 2, "unused_import": 20, "imported": 60,
    "variable_member": 40, "own_member": 25, "base": 4, "outline": 60, "subject": 20, "test": 2,
    "package_used": 60, "package": 60, "edited": 5, "viewed": 3, "usage": 4, "similar": 8,
}  # fmt: skip
_OTHERWISE = 25

# Where the code itself is what helps, not only its signature: shown whole if it fits.
WITH_BODY = frozenset({"called", "overridden", "sibling_override", "named_here", "test"})

# Many of one kind, of which one is meant: short signatures, so that all of them are there.
LISTED: frozenset[Why] = frozenset(
    {
        "member",
        "module_member",
        "variable_member",
        "own_member",
        "outline",
        "subject",
        "package_used",
        "package",
    }
)

# What is worth saying by its name alone, where there is no room for its signature.
NAMED_ALONE: frozenset[Why] = LISTED | frozenset[Why](
    ("named_imported", "named_package", "unused_import", "imported")
)


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that may be shown: a definition, a byte range of a file, or a text as it is."""

    why: Why
    path: str
    score: float
    reason: str
    found: Found | None = None
    start: int = 0
    end: int = 0
    text: str = ""


def of_definition(why: Why, found: Found, reason: str, scale: float = 1.0) -> Candidate:
    """A definition that may be shown, by its signature first."""
    return Candidate(
        why=why, path=found.path, score=WEIGHTS[why] * scale, reason=reason, found=found,
        start=found.definition.start, end=found.definition.end,
    )  # fmt: skip


def ordered(candidates: list[Candidate]) -> list[Candidate]:
    """The best reason for each thing, best first, no kind above its limit; always in one order."""
    ranked = sorted(candidates, key=lambda one: (-one.score, one.path, one.start, one.why))
    seen: set[tuple[str, int, int, str]] = set()
    counts: dict[Why, int] = {}
    kept = []
    for one in ranked:
        key = (one.path, one.start, one.end, one.text)
        count = counts.get(one.why, 0)
        if key in seen or count >= LIMITS.get(one.why, _OTHERWISE) or one.score <= 0:
            continue
        seen.add(key)
        counts[one.why] = count + 1
        kept.append(one)
    return kept
