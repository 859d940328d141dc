"""What the sources of candidates share: all that is known at a cursor, and a type's members."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import msgspec

from indoors_indexing.alike import Alike
from indoors_indexing.follow import TYPES, Names
from indoors_indexing.guess import Guess
from indoors_indexing.hints import Hints
from indoors_indexing.infer import Inference
from indoors_indexing.lookup import Found, Lookup
from indoors_indexing.members import Members
from indoors_indexing.nearby import Nearby
from indoors_indexing.rank import Candidate, Why, of_definition
from indoors_indexing.recent import Ring
from indoors_indexing.resolve import FileIndex

# A member of a base is a little less likely than one of the type itself.
BASE_STEP = 0.9
HIDDEN = 0.45
# What is used nevertheless, here or in code that is like it.
_HIDDEN_USED = 0.75
_KINDS = {"field": 0.97, "constant": 0.93}
# Members that do not begin with what is typed already.
_NOT_TYPED = 0.4
# How much a hint may raise what the line does not ask for by itself.
_MAX_FIT = 1.4
_TYPES_AND_MAKERS = TYPES | {"constructor"}
_MEANT = frozenset({"member", "module_member"})


class Gathering(msgspec.Struct, frozen=True, kw_only=True):
    """All that a source of candidates may use. `text` is the whole document."""

    path: str
    text: str
    near: Nearby
    lookup: Lookup
    files: FileIndex
    names: Names
    members: Members
    inference: Inference
    guess: Guess
    alike: Alike
    hints: Hints
    ring: Ring


Source = Callable[[Gathering], Iterator[Candidate]]


def members_of(
    at: Gathering, kind: Found, why: Why, what: str, partial: str, *, hidden: bool = False,
    scale: float = 1.0,
) -> Iterator[Candidate]:  # fmt: skip
    """The members of a type, scaled by how well each goes on from what is typed."""
    reason = f"member {what}"
    # Hundreds for a question, so without calls where nothing is to be decided.
    most = math.inf if why in _MEANT else _MAX_FIT
    left_out = TYPES if why == "own_member" else _TYPES_AND_MAKERS
    fits = at.hints.of
    for position, member in enumerate(at.members.of(kind)):
        definition = member.found.definition
        if definition.kind in left_out:
            continue
        name = definition.name
        worth = scale * (typed(name, partial) if partial else 1.0) * place(position)
        worth *= BASE_STEP**member.depth * _KINDS.get(definition.kind, 1.0)
        fit = fits(name)
        worth *= fit if fit < most else most
        if not definition.exported and not hidden:
            worth *= _HIDDEN_USED if at.hints.is_used(name) else HIDDEN
        yield of_definition(why, member.found, reason, worth)


def typed(name: str, partial: str) -> float:
    """How well a name goes on from what is typed already."""
    if not partial or name.startswith(partial):
        return 1.0
    return 0.9 if name.lower().startswith(partial.lower()) else _NOT_TYPED


def place(position: int) -> float:
    """Of things that are equal, those that stand first; so little that it decides nothing else."""
    return 1 - (position if position < 100 else 100) * 0.001
