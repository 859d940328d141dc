"""Drafts from a text at hand: what is guessed, when nothing is, and what is learned. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from indoors_completion.engine.lookup import LENGTHS, Costs, Lookup

TEXT = tuple(range(100, 180))


def cheap(slope: float = 0.05, single_s: float = 1.0) -> Costs:
    """Costs after enough measurements for every length to have its own."""
    costs = Costs()
    costs.measured(1, single_s)
    for _ in range(40):
        for n_tokens in range(2, LENGTHS[-1] + 2):
            costs.measured(n_tokens, single_s * (1 + slope * (n_tokens - 1)))
    return costs


def write(lookup: Lookup, answer: Sequence[int], costs: Costs) -> float:
    """Write an answer as the engine does; what it cost, in single tokens (without drafts: each 1).

    The first token comes from the prompt's own evaluation and is in neither count.
    """
    spent, at = 0.0, 1
    while at < len(answer):
        draft = lookup.draft(answer[:at])
        right = 0
        while (
            right < len(draft) and at + right < len(answer) and draft[right] == answer[at + right]
        ):
            right += 1
        spent += costs.of(1 + len(draft))
        at += right + 1
    return spent


def test_an_answer_that_repeats_its_reference_is_drafted_nearly_whole() -> None:
    lookup, costs = Lookup(TEXT, cheap()), cheap()
    spent = write(lookup, TEXT, costs)
    assert spent < 0.25 * len(TEXT)


def test_after_a_changed_line_drafting_goes_on_behind_it() -> None:
    answer = (*TEXT[:30], 1, 2, 3, *TEXT[34:])
    lookup = Lookup(TEXT, cheap())
    assert lookup.draft(answer[:20])[:5] == TEXT[20:25]
    assert lookup.draft(answer[:33]) == (), "nothing like the new tokens stands there"
    assert lookup.draft(answer[:36])[:5] == TEXT[37:42]


def test_of_two_like_places_the_one_further_on_is_meant() -> None:
    body = (1, 2, 3, 4, 5, 6, 7)
    text = (*body, 50, 51, 52, *body, 60, 61, 62, 63)
    lookup = Lookup(text, cheap())
    answer: tuple[int, ...] = ()
    for token in text[:13]:
        lookup.draft(answer)
        answer = (*answer, token)
    assert lookup.draft((*answer, *text[13:17]))[:3] == (60, 61, 62)


def test_a_longer_match_beats_the_place() -> None:
    text = (7, 1, 2, 3, 90, 91, *range(200, 220), 1, 2, 3, 92, 93, 94)
    context = (*range(208, 220), 1, 2, 3)
    assert Lookup(text, cheap()).draft(context)[:2] == (92, 93)


@pytest.mark.parametrize("path", [(), (5,), (1, 2), (9, 9, 9)])
def test_without_a_match_there_is_no_draft(path: tuple[int, ...]) -> None:
    assert Lookup((), cheap()).draft(path) == ()
    assert path == () or Lookup(TEXT, cheap()).draft(path) == ()


def test_no_draft_goes_beyond_the_end_of_the_reference() -> None:
    lookup = Lookup(TEXT, cheap())
    assert lookup.draft(TEXT[:-4]) == TEXT[-4:]
    assert lookup.draft(TEXT) == ()


def test_where_a_batch_costs_as_much_as_its_tokens_nothing_is_drafted() -> None:
    assert Lookup(TEXT, cheap(slope=1.0)).draft(TEXT[:40]) == ()
    assert Lookup(TEXT, cheap(slope=0.9)).draft(TEXT[:40]) == ()
    assert Lookup(TEXT, cheap(slope=0.4)).draft(TEXT[:40]) != ()


def test_what_is_dear_is_learned_from_the_batches() -> None:
    costs = Costs()
    assert Lookup(TEXT, costs).draft(TEXT[:40])
    costs.measured(1, 0.02)
    for _ in range(30):
        for n_tokens in (4, 8, 16, 32):
            costs.measured(n_tokens, 0.02 * n_tokens)
    assert Lookup(TEXT, costs).draft(TEXT[:40]) == ()
    for _ in range(60):
        for n_tokens in (4, 8, 16, 32):
            costs.measured(n_tokens, 0.021)
    assert len(Lookup(TEXT, costs).draft(TEXT[:40])) == LENGTHS[-1]


def test_one_measurement_that_something_else_held_up_does_not_decide() -> None:
    costs = cheap()
    before = costs.of(8)
    costs.measured(1, 50.0)
    costs.measured(8, 60.0)
    assert costs.of(8) < 2 * before + 1


def test_misses_make_drafts_shorter_and_then_stop_them() -> None:
    """Every fourth token is another one: what is the same is never long enough."""
    answer = tuple(-token if number % 4 == 3 else token for number, token in enumerate(TEXT * 5))
    lookup = Lookup(TEXT * 5, cheap(slope=0.45))
    lengths = [len(lookup.draft(answer[:at])) for at in range(3, len(answer))]
    assert max(lengths[:4]) > 0
    assert sum(lengths[-100:]) == 0


def test_a_reference_that_is_right_again_is_used_again_though_nothing_was_drafted() -> None:
    """What would have been right counts too, or nobody who stopped would ever begin again."""
    changed = tuple(-token if number % 4 == 3 else token for number, token in enumerate(TEXT * 3))
    rest = tuple(range(1000, 1200))
    lookup = Lookup((*(TEXT * 3), *rest), cheap(slope=0.45))
    for at in range(3, len(changed)):
        lookup.draft(changed[:at])
    lengths = [len(lookup.draft((*changed, *rest[:at]))) for at in range(4, 60)]
    assert lengths[-1] > 0


@pytest.mark.parametrize("slope", [0.05, 0.3, 0.45, 0.6, 1.0])
@pytest.mark.parametrize("p_changed", [0.0, 0.02, 0.1, 0.3, 0.6, 1.0])
def test_drafts_never_cost_much_more_than_none(slope: float, p_changed: float) -> None:
    chance = random.Random(7)
    worst, total, plain = 0.0, 0.0, 0.0
    for _ in range(12):
        text = [chance.randrange(400) for _ in range(300)]
        answer = [chance.randrange(400) if chance.random() < p_changed else one for one in text]
        costs = cheap(slope)
        spent = write(Lookup(text, costs), answer, costs)
        worst = max(worst, spent / len(answer))
        total, plain = total + spent, plain + len(answer)
    assert worst < 1.06
    assert total / plain < 1.02
    if p_changed <= 0.02 and slope <= 0.45:
        assert total / plain < 1 / 1.6


def test_what_was_accepted_is_counted() -> None:
    lookup = Lookup(TEXT, cheap())
    drafted = lookup.draft(TEXT[:10])
    lookup.draft((*TEXT[:14], -1))
    assert lookup.n_drafted >= len(drafted) > 4
    assert lookup.n_accepted == 4
