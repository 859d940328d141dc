"""Where candidates come from: one small function for each relation of code to a cursor.

Each asks the index, none reads a whole file. They run in the order of what they are worth for what
they cost, so that a deadline leaves out the least.
"""

from __future__ import annotations

from indoors_indexing.gather_like import recent, similar, test_and_subject, usages
from indoors_indexing.gather_names import in_package, named_nearby, unused_imports
from indoors_indexing.gather_types import (
    called,
    members_of_guessed,
    members_of_receiver,
    members_of_variables,
    overridden,
    own_members,
)
from indoors_indexing.gathering import Gathering, Source
from indoors_indexing.rank import Candidate

SOURCES: tuple[Source, ...] = (
    members_of_receiver, members_of_guessed, called, overridden, named_nearby, recent,
    unused_imports, members_of_variables, in_package, own_members, test_and_subject, similar,
    usages,
)  # fmt: skip


def gather(at: Gathering) -> list[Candidate]:
    """The candidates of all sources, up to the deadline."""
    found: list[Candidate] = []
    for source in SOURCES:
        if at.lookup.late():
            break
        found += source(at)
    return found
