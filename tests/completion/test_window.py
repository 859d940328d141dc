"""Windows that stay put, and the cursor's line."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.budget import PromptBudget
from indoors_completion.window import CHARS_PER_TOKEN, GROWN_QUARTERS, around, line_at

BUDGET = PromptBudget(prefix_tokens=400, suffix_tokens=100, snippets_tokens=0, answer_tokens=64)
SIZE = 400 * CHARS_PER_TOKEN
FILE = "".join(
    f"def function_{n}(value):\n    total = value * {n}\n    return total\n\n\n" for n in range(300)
)


def test_typing_a_page_moves_the_window_a_few_times_only():
    head = FILE[:6000]
    starts = []
    typed = ""
    for number in range(60):
        typed += f"    line_{number} = {number}\n"
        window = around(head + typed + FILE[6000:], len(head) + len(typed), BUDGET)
        starts.append(window.prefix_start)
    moves = sum(1 for a, b in pairwise(starts) if a != b)
    # A window moves once for every quarter of its size.
    assert moves <= len(typed) // (SIZE // 4) + 1
    assert starts == sorted(starts)


def test_a_window_is_kept_until_it_has_two_quarters_too_much():
    def start_at(offset, kept_start=None, **options):
        return around(FILE, offset, BUDGET, kept_start=kept_start, **options).prefix_start

    ideal, quarter = start_at(6000), SIZE // 4
    assert start_at(6000 + quarter) > ideal, "the window would move here"
    assert start_at(ideal + SIZE + 2 * quarter, ideal) == ideal
    assert start_at(ideal + SIZE + 2 * quarter + 1, ideal) > ideal
    assert start_at(ideal + SIZE + quarter, ideal, quarters=GROWN_QUARTERS) == ideal
    assert start_at(ideal + SIZE + quarter + 1, ideal, quarters=GROWN_QUARTERS) > ideal
    assert start_at(6000 + SIZE, ideal) == start_at(6000 + SIZE), "too much text"
    assert start_at(6000, ideal + 10) == ideal, "less text than there may be"
    assert start_at(6000, 5900) == ideal


def test_a_window_starts_at_a_definition_if_one_is_near():
    window = around(FILE, 9000, BUDGET)
    assert window.prefix.startswith("def function_")
    assert SIZE * 3 // 5 <= len(window.prefix) <= SIZE


def test_a_short_file_is_taken_whole():
    window = around("a\nb\nc\n", 2, BUDGET)
    assert (window.prefix, window.suffix) == ("a\n", "b\nc\n")


def test_crlf_becomes_lf_on_both_sides():
    window = around("a\r\nb\r\n", 3, BUDGET)
    assert (window.prefix, window.suffix) == ("a\n", "b\n")


@pytest.mark.parametrize("text", ["x" * 5_000_000, "\n" * 500_000, "ab " * 1_000_000])
def test_giant_documents_give_bounded_windows(text):
    for offset in (0, 1, len(text) // 2, len(text)):
        window = around(text, offset, BUDGET)
        assert len(window.prefix) <= SIZE
        assert len(window.suffix) <= 100 * CHARS_PER_TOKEN
        line = line_at(text, offset)
        assert len(line.before) <= 2000
        assert len(line.after) <= 2000


@given(st.text(alphabet="ab \n\r\t(é", max_size=3000), st.data())
def test_windows_are_the_text_around_the_cursor(text, data):
    offset = data.draw(st.integers(0, len(text)))
    small = PromptBudget(prefix_tokens=30, suffix_tokens=10, snippets_tokens=0, answer_tokens=8)
    window = around(text, offset, small)
    assert window.prefix == text[window.prefix_start : offset].replace("\r\n", "\n")
    assert window.suffix == text[offset : window.suffix_end].replace("\r\n", "\n")
    # Whatever was cut off, at least the half of the size nearest to the cursor is there.
    assert offset - window.prefix_start >= min(offset, 30 * CHARS_PER_TOKEN // 2)


@given(st.text(alphabet="ab \n\r", max_size=200), st.data())
def test_the_line_is_the_line(text, data):
    offset = data.draw(st.integers(0, len(text)))
    line = line_at(text, offset)
    assert line.start <= offset
    assert text[line.start : offset] == line.before
    assert "\n" not in line.before + line.after
    if line.end >= offset:
        assert line.after == text[offset : line.end]


@pytest.mark.parametrize(
    ("after", "at_end"),
    [("", True), ("  ", True), (")", True), ("'));", True), ("} ,", True), (" + 1", False),
     ("x)", False), ("=", False), ("-", False)],
)  # fmt: skip
def test_closers_count_as_the_end_of_the_line(after, at_end):
    assert line_at("f(" + after, 2).at_end is at_end


def test_a_suffix_ends_with_a_whole_line():
    window = around(FILE, 9000, BUDGET)
    assert window.suffix.endswith("\n")


@given(st.integers(3000, 12_000), st.integers(1, 20))
def test_windows_do_not_depend_on_the_length_of_the_healed_word(offset, size):
    """The same text before the word: the same windows, whatever of the word is there."""
    head = FILE[:offset] + "\n    return "
    windows = [
        around(head + "x" * n + FILE[offset:], len(head) + n, BUDGET, healed=True)
        for n in (1, size)
    ]
    assert windows[0].begin == " x"
    assert windows[1].begin == " " + "x" * size
    assert windows[0].prefix == windows[1].prefix
    assert windows[0].suffix == windows[1].suffix
    assert windows[0].prefix.endswith("\n    return")
