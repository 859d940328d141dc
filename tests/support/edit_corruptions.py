"""Edits that are wrong, made from real code so that they can be nothing else. Seeded.

Each maker spoils one thing, under a wish that does not ask for it: wishes speak of making things
robust or clear, never of removing, renaming or emptying. What a maker cannot be sure of (swapped
arguments, a shorter number) it does not make: a corruption has lost a statement and brought nothing
for it, a name that is used, a bracket, a result, or has brought what nobody typed.
"""

from __future__ import annotations

import random

from indoors_indexing.types import Span
from support import (
    edit_spoils_foreign,
    edit_spoils_missing,
    edit_spoils_names,
    edit_spoils_places,
    edit_spoils_scope,
    edit_spoils_syntax,
)
from support.edit_sites import functions, site_of, weighted
from support.edit_spoiling import Bad, Maker

# Those that find a place oftener, or have more to choose from, stand there more than once.
MAKERS: tuple[Maker, ...] = (
    edit_spoils_missing.elided,
    edit_spoils_missing.elided,
    edit_spoils_missing.elided,
    edit_spoils_missing.elided_in_block,
    edit_spoils_missing.elided_beside,
    edit_spoils_missing.stubbed,
    edit_spoils_missing.truncated_within,
    edit_spoils_missing.truncated_between,
    edit_spoils_missing.emptied,
    edit_spoils_missing.branch_dropped,
    edit_spoils_missing.statement_dropped,
    edit_spoils_missing.commented_out,
    edit_spoils_missing.word_lost,
    edit_spoils_syntax.unbalanced,
    edit_spoils_syntax.unbalanced,
    edit_spoils_syntax.unterminated,
    edit_spoils_syntax.junk,
    edit_spoils_syntax.wrongly_indented,
    edit_spoils_syntax.other_white_space,
    edit_spoils_names.renamed,
    edit_spoils_names.swapped,
    edit_spoils_names.member_dropped,
    edit_spoils_names.duplicated,
    edit_spoils_names.parameter_lost,
    edit_spoils_names.binding_lost,
    edit_spoils_names.binding_lost,
    edit_spoils_names.import_lost,
    edit_spoils_names.invented,
    edit_spoils_places.outside,
    edit_spoils_places.outside,
    edit_spoils_places.swallows,
    edit_spoils_places.shifted,
    edit_spoils_foreign.leaked,
    edit_spoils_foreign.leaked,
    edit_spoils_foreign.talked,
    edit_spoils_foreign.hidden_character,
    edit_spoils_foreign.hidden_character,
    edit_spoils_foreign.look_alike,
    edit_spoils_foreign.line_ends,
    edit_spoils_foreign.patched,
    edit_spoils_foreign.repeated,
    edit_spoils_scope.code_changed,
    edit_spoils_scope.code_changed,
    edit_spoils_scope.comment_changed,
    edit_spoils_scope.signature_changed,
    edit_spoils_scope.documentation_lost,
    edit_spoils_scope.head_spoiled,
    edit_spoils_scope.annotation_lost,
)
# What stays wrong where only some lines of a function, or all of its class, are to change.
_ANYWHERE = frozenset(
    {
        "binding_lost",
        "branch_dropped",
        "commented_out",
        "elided",
        "elided_beside",
        "elided_in_block",
        "hidden_character",
        "invented",
        "junk",
        "leaked",
        "look_alike",
        "other_white_space",
        "patched",
        "repeated",
        "statement_dropped",
        "talked",
        "truncated_between",
        "unbalanced",
        "unterminated",
        "word_lost",
    }
)


def _elsewhere(rng: random.Random, bad: Bad) -> Bad:
    """The same wrong edit with more around it as its target, or with less."""
    before, after = bad.site.source.text, bad.after
    if bad.kind not in _ANYWHERE or bad.site.request.action != "edit":
        return bad
    start, end = 0, 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    changed = Span(start, len(before) - end)
    one = bad.site.defined
    if rng.random() < 0.5:
        selections = [
            it.span
            for it in bad.site.source.outline.definitions
            if it.span.start < one.span.start and one.span.end <= it.span.end
        ]
    else:
        lines = [
            at + 1
            for at in range(one.head.end, one.span.end)
            if before[at] == "\n" and not changed.start <= at < changed.end
        ]
        above = [at for at in lines if at <= changed.start]
        below = [at for at in lines if at > changed.end]
        selections = [Span(rng.choice(above), rng.choice(below))] if above and below else []
    if not selections:
        return bad
    site = site_of(bad.site.source, "edit", rng.choice(selections), bad.site.request.instruction)
    if site is None or not (
        site.target.span.start <= changed.start and changed.end <= site.target.span.end
    ):
        return bad
    return bad._replace(site=site)


def corrupted_edits(seed: int, count: int) -> list[Bad]:
    """Edits that must not pass, of all kinds in turn."""
    rng = random.Random(seed)
    found: list[Bad] = []
    tries = 0
    while len(found) < count:
        maker = MAKERS[tries % len(MAKERS)]
        tries += 1
        for _ in range(80):
            source = weighted(rng)
            several = list(functions(source))
            if not several:
                continue
            bad = maker(rng, source, rng.choice(several))
            if bad is not None and bad.after != source.text:
                found.append(_elsewhere(rng, bad) if rng.random() < 0.25 else bad)
                break
    return found
