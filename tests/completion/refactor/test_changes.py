"""Changes lead from one text to the other, exactly, and are as small as lines allow."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.refactor import changes
from indoors_completion.refactor.types import Change
from indoors_indexing.types import Span

LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "\n", "a\r\n", "\r", "c", "\x0c", "\u2028", "é😀\n"]),
    max_size=12,
).map("".join)


@given(before=LINES, after=LINES)
def test_changes_make_the_other_text(before: str, after: str) -> None:
    assert changes.applied(before, changes.changes_between(before, after)) == after


@given(before=LINES, after=LINES, head=LINES)
def test_changes_begin_where_the_text_does(before: str, after: str, head: str) -> None:
    found = changes.changes_between(before, after, len(head))
    assert changes.applied(head + before, found) == head + after


@given(before=LINES, after=LINES)
def test_changes_are_in_order_and_do_not_touch(before: str, after: str) -> None:
    found = changes.changes_between(before, after)
    for one, other in itertools.pairwise(found):
        assert one.span.start <= one.span.end < other.span.start


def test_only_the_lines_that_differ_change() -> None:
    assert changes.changes_between("a\nb\nc\n", "a\nx\nc\n") == (Change(Span(2, 4), "x\n"),)
    assert changes.changes_between("same", "same") == ()


def test_a_long_text_is_one_change() -> None:
    before, after = "a\n" * 4000, "b\n" * 4000
    assert len(changes.changes_between(before, after)) == 1


def test_a_diff_says_where_a_last_line_has_no_end() -> None:
    text = changes.diff("a.py", "a\nb", "a\nc")
    assert text.startswith("--- a/a.py\n+++ b/a.py\n")
    assert "-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n" in text
    assert "\\" not in changes.diff("a.py", "a\x0cb\n", "a\x0cc\n")
