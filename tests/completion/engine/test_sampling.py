"""Text from pieces: whole code points, stops that cross token boundaries, nothing lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.engine.sampling import TextStream


def play(pieces: list[bytes], stops: tuple[str, ...] = (), newline: bool = False) -> dict:
    stream = TextStream(stops, newline)
    shown, logprobs = [], []
    for index, piece in enumerate(pieces):
        if emission := stream.feed(piece, -float(index)):
            shown.append(emission.text)
            logprobs.extend(emission.logprobs)
        if stream.stopped:
            break
    if emission := stream.flush():
        shown.append(emission.text)
        logprobs.extend(emission.logprobs)
    return {"text": "".join(shown), "shown": shown, "stop": stream.stopped, "logprobs": logprobs}


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([b"a", b"\n", b"b"], "a"),
        ([b"a)\n\n"], "a)"),
        ([b"\n", b"    ", b"x", b"\n", b"y"], "\n    x"),
        ([b"  \n  x\ny"], "  \n  x"),
        ([b"a\r", b"\nb"], "a"),
        ([b"a\r\nb"], "a"),
        ([b"a\rb\n"], "a\rb"),
        ([b"\r\n", b"x\r\n"], "\r\nx"),
        ([b"\n\n"], "\n\n"),
        ([b"a\r"], "a\r"),
    ],
)
def test_the_first_newline_after_code_stops(pieces: list[bytes], text: str) -> None:
    assert play(pieces, newline=True)["text"] == text


def test_without_the_flag_newlines_are_text() -> None:
    assert play([b"a\n", b"b\r\n"])["text"] == "a\nb\r\n"


@pytest.mark.parametrize(
    ("pieces", "stops", "text", "stop"),
    [
        ([b"ab", b"STO", b"P", b"cd"], ("STOP",), "ab", "stop"),
        ([b"abST", b"xy"], ("STOP",), "abSTxy", ""),
        ([b"abST"], ("STOP",), "abST", ""),
        ([b"aab", b"aac"], ("aabaac",), "", "stop"),
        ([b"x", b"aa", b"aab"], ("aab",), "xaa", "stop"),
        ([b"one two"], ("two", "one"), "", "stop"),
        ([b"x"], ("",), "x", ""),
        ([b"a\nEND"], ("END",), "a\n", "stop"),
    ],
)
def test_stop_strings(pieces: list[bytes], stops: tuple[str, ...], text: str, stop: str) -> None:
    played = play(pieces, stops)
    assert (played["text"], played["stop"]) == (text, stop)


def test_what_can_be_shown_is_not_held_back() -> None:
    assert play([b"abS", b"T", b"U"], ("STOP",))["shown"] == ["ab", "STU"]


def test_only_whole_code_points_are_shown() -> None:
    snowman = "☃".encode()
    played = play([b"a" + snowman[:1], snowman[1:2], snowman[2:] + b"b"])
    assert played["shown"] == ["a", "☃b"]
    assert played["logprobs"] == [0.0, -1.0, -2.0]
    assert play([b"a", snowman[:2]])["text"] == "a"
    assert play([b"a\xff", b"b"])["text"] == "a�b"


def test_a_token_is_counted_where_its_last_character_is_shown() -> None:
    """A token that ends as a stop begins is shown in two parts; its probability is the second's."""
    stream = TextStream(("<|end|>",))
    assert stream.feed(b"x", -1.0) == ("x", (-1.0,))
    assert stream.feed(b" <", -2.0) == (" ", ())
    assert stream.feed(b" y", -3.0) == ("< y", (-2.0, -3.0))
    assert stream.feed(b" <", -4.0) == (" ", ())
    assert stream.flush() == ("<", (-4.0,))


def test_a_token_that_a_stop_cuts_is_counted_with_what_is_left_of_it() -> None:
    stream = TextStream(("<|end|>",))
    assert stream.feed(b"x<", -1.0) == ("x", ())
    assert stream.feed(b"|end|>", -2.0) == ("", (-1.0,))
    stream = TextStream(("<|end|>",))
    assert stream.feed(b"x <|end|>", -1.0) == ("x ", (-1.0,))


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    st.text(alphabet="ab\n\r \t☃😀S", max_size=40),
    st.lists(st.integers(0, 200), max_size=12),
    st.lists(st.text(alphabet="ab\nS", min_size=1, max_size=4), max_size=3),
    st.booleans(),
)
def test_the_cut_into_tokens_changes_nothing(
    text: str, cuts: list[int], stops: list[str], newline: bool
) -> None:
    """The same text in any tokens ends at the same place, and that place is before any stop."""
    pieces = _split(text.encode(), cuts)
    played = play(pieces, tuple(stops), newline)
    assert text.startswith(played["text"])
    assert not any(stop in played["text"] for stop in stops)
    assert len(played["logprobs"]) <= len(pieces)
    if not played["stop"]:
        assert played["text"] == text
        assert len(played["logprobs"]) == len(pieces)
    if not newline:
        found = [text.find(stop) for stop in stops if stop in text]
        # Two stops may overlap; then the one that is complete first decides.
        assert not found or min(found) <= len(played["text"]) <= max(found)
