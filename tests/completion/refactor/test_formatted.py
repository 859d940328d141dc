"""What is taken of a formatter's answer: the target's part, and nothing where that is in doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.refactor.formatted import part_of
from indoors_indexing.types import Span

BEFORE = "import os\nimport sys\n\n\n"
TARGET = "def f( a ):\n  return a"
BEHIND = "\n\n\nx=1\ny = 2\n"
FORMED = "def f(a):\n    return a"


def part(formatted: str, before: str = BEFORE, target: str = TARGET, behind: str = BEHIND):
    return part_of(before + target + behind, Span(len(before), len(before + target)), formatted)


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (BEFORE, BEHIND),
        (BEFORE, "\n\n\nx=1\ny = 3\n"),  # a change further below
        ("import sys, os\nimport sys\n\n\n", BEHIND),  # and above
        ("import os\nimport sys\n\n", "\nx=1\ny = 2\n"),  # blank lines on both sides
        ("# new\nimport os\nimport sys\n\n\n", "\nx=1\ny = 2\nz = 3\n"),
    ],
)
def test_what_changes_outside_of_the_target_is_dropped(before: str, behind: str) -> None:
    assert part(before + FORMED + behind) == FORMED


@pytest.mark.parametrize(
    "formatted",
    [
        "",
        "\n\n",
        BEFORE + BEHIND,
        BEFORE + FORMED + "\n\n\nx = 1\ny = 2\n",  # the line behind the target has changed
        "import os\nimport sys  # system\n\n\n" + FORMED + BEHIND,  # the line before it has
        FORMED,
        BEHIND + FORMED + BEFORE,
        BEFORE + FORMED,
    ],
)
def test_an_end_that_cannot_be_told_takes_nothing(formatted: str) -> None:
    assert part(formatted) is None


def test_a_neighbour_that_stands_in_several_places_is_told_by_those_around_it() -> None:
    before, behind = "a = {\n}\nb = {\n}\n", "\nc = {\n}\n"
    changed = "a = {1}\nb = {\n}\n" + FORMED + behind
    assert part(changed, before=before, behind=behind) == FORMED
    # Where one of two alike was changed, which of them is left cannot be told.
    before, behind = "}\nmiddle()\n}\n", "\nx\n"
    changed = "}\nmiddle( )\n};\n" + FORMED + behind
    assert part(changed, before=before, behind=behind) is None
    assert part(changed.replace("};", "}"), before=before, behind=behind) is None
    changed = "}\nmiddle()\n}\n" + FORMED + "\ny\nx\n"
    assert part(changed, before=before, behind="\ny\nx\n") == FORMED


def test_the_target_may_be_the_beginning_or_the_end_of_the_file() -> None:
    assert part(FORMED, before="", behind="") == FORMED
    assert part(FORMED + BEHIND, before="") == FORMED
    assert part(BEFORE + FORMED + "\n", behind="\n") == FORMED


def test_blank_lines_at_the_ends_of_the_target_stay_as_the_edit_has_them() -> None:
    assert part(BEFORE + "\n" + FORMED + "\n" + BEHIND, target=f"{TARGET}\n") == f"{FORMED}\n"


def test_line_ends_stay_outside() -> None:
    before, target, behind = "a\r\n", "b\r\nc", "\r\nd\r\n"
    assert part("a\r\nb\r\nC\r\nd\r\n", before, target, behind) == "b\r\nC"


lines = st.lists(st.sampled_from(["", "}", "a", "b", "  c"]), max_size=5)


@given(lines, lines, lines, lines, lines, lines)
def test_a_part_is_never_longer_than_what_stands_between_unchanged_neighbours(
    before, target, behind, new_before, new_target, new_behind
) -> None:
    """Whatever a formatter gives: what is taken lies in its answer, and with the same neighbours
    in place all of the answer for the target is taken, and no more.
    """
    target, new_target = ["first", *target, "last"], ["FIRST", *new_target, "LAST"]
    old = "\n".join([*before, *target, *behind])
    start = sum(len(line) + 1 for line in before)
    span = Span(start, start + len("\n".join(target)))
    found = part_of(old, span, "\n".join([*before, *new_target, *behind]))
    assert found == "\n".join(new_target)
    other = "\n".join([*new_before, *new_target, *new_behind])
    found = part_of(old, span, other)
    assert found is None or found in other
