"""The suffix splice, the pure part: what of a suffix can be moved, and how stale it is.

In a fill-in-the-middle prompt `<prefix> P <suffix> S <middle>` every key grows P, so that all that
follows, the whole suffix, would be evaluated again. Instead the cache entries of S are moved by the
length of the insertion (their keys are rotated to the new positions) and only the new tokens of P,
the `<suffix>` marker and the `<middle>` marker are evaluated. The marker has to be: its entry is
where the model reads that the prefix ended here. Moved entries are an approximation, because they
attended to the older prefix; `n_stale` says how far that one is from the present one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# A closer that the editor put in, or text that was typed over, changes the head of a suffix.
MAX_SKIP = 6
# Fewer tokens are as quick to evaluate as to move.
MIN_RUN = 12


class Run(NamedTuple):
    """`length` tokens stand in the old suffix from `old` on and in the new one from `new` on."""

    old: int
    new: int
    length: int


NO_RUN = Run(0, 0, 0)


def longest_run(old: Sequence[int], new: Sequence[int]) -> Run:
    """The longest run that both suffixes share near their starts; `NO_RUN` if it is too short.

    Of either start at most `MAX_SKIP` tokens are skipped: `\\n\\n` is one token, and `)\\n\\n`
    another one. The ends may differ freely: the window below the cursor moves with it.
    """
    best = NO_RUN
    for old_start in range(MAX_SKIP + 1):
        for new_start in range(MAX_SKIP + 1):
            length = common_prefix(old, new, old_start, new_start)
            if length > best.length:
                best = Run(old_start, new_start, length)
    return best if best.length >= MIN_RUN else NO_RUN


def n_stale(made_after: Sequence[int], prefix: Sequence[int]) -> int:
    """By how many tokens `prefix` differs from the prefix that a suffix was evaluated after."""
    same = common_prefix(made_after, prefix)
    return max(len(made_after), len(prefix)) - same


def common_prefix(a: Sequence[int], b: Sequence[int], a_start: int = 0, b_start: int = 0) -> int:
    """The length of the longest common prefix, from the given starts on."""
    limit = min(len(a) - a_start, len(b) - b_start)
    for index in range(limit):
        if a[a_start + index] != b[b_start + index]:
            return index
    return max(0, limit)
