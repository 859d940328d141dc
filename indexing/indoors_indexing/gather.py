"""Where candidates come from: one small function for each relation of code to a cursor.

Each asks the index, none reads a whole file. They run in the order of what they are worth for what
they cost, so that a deadline leaves out the least.
"""

from __future__ import annotations

from collections import Counter

from indoors_indexing.gather_like import recent, similar, test_and_subject, usages
from indoors_indexing.gather_names import in_package, named_nearby, outlines, unused_imports
from indoors_indexing.gather_types import (
    called,
    members_of_guessed,
    members_of_receiver,
    members_of_variables,
    overridden,
    own_members,
)
from indoors_indexing.gathering import Gathering, Source
from indoors_indexing.rank import LIMITS, Candidate, Why

SOURCES: tuple[Source, ...] = (
    members_of_receiver, members_of_guessed, called, overridden, named_nearby, recent,
    unused_imports, members_of_variables, in_package, own_members, test_and_subject, similar,
    usages,
)  # fmt: skip
# What fills the room where there is little else, and is left out where there is enough.
FILLERS: tuple[Source, ...] = (outlines,)
# So many tokens a candidate takes, more or less.
_TOKENS = 10


def gather(at: Gathering, budget_tokens: int) -> list[Candidate]:
    """The candidates of all sources, up to the deadline."""
    found: list[Candidate] = []
    for source in SOURCES:
        if at.lookup.late():
            return found
        found += source(at)
    counts = Counter[Why](one.why for one in found)
    n_ranked = sum(min(count, LIMITS.get(why, count)) for why, count in counts.items())
    if n_ranked * _TOKENS < budget_tokens:
        for source in FILLERS:
            found += () if at.lookup.late() else source(at)
    return found
