"""Positions in all three encodings, against a slow model that counts one character at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server.positions import Encoding, Lines, index_at, n_units, scalar_text

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
# ASCII, two and three bytes, astral (two UTF-16 units), a combining mark, and every kind of line
# end, also those that are none in LSP (form feed, U+2028, U+0085).
ALPHABET = "ab \t\r\n\x0c\u2028\x85é€漢😀𝔸\u0301"
texts = st.text(alphabet=ALPHABET, max_size=60)
encodings = st.sampled_from(ENCODINGS)


def width(character: str, encoding: Encoding) -> int:
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    return len(character.encode(codec)) // {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]


def slow_lines(text: str) -> list[tuple[int, int]]:
    """(start, end without line end) of each line, by the letter of the specification."""
    spans, start, at = [], 0, 0
    while at < len(text):
        if text.startswith("\r\n", at):
            spans.append((start, at))
            at += 2
            start = at
        elif text[at] in "\r\n":
            spans.append((start, at))
            at += 1
            start = at
        else:
            at += 1
    return [*spans, (start, len(text))]


@given(texts)
def test_lines_are_those_of_the_specification(text: str) -> None:
    lines = Lines(text)
    assert [lines.span(number) for number in range(len(lines))] == slow_lines(text)


@given(texts, encodings, st.data())
def test_every_offset_in_a_line_goes_there_and_back(
    text: str, encoding: Encoding, data: st.DataObject
) -> None:
    lines = Lines(text)
    start, end = data.draw(st.sampled_from(slow_lines(text)))
    offset = data.draw(st.integers(start, end))
    line, character = lines.position(offset, encoding)
    assert character == sum(width(c, encoding) for c in text[start:offset])
    assert lines.offset(line, character, encoding) == offset


@given(texts, encodings, st.integers(-3, 2**31), st.integers(-3, 2**31))
def test_any_position_is_clamped_into_the_text(
    text: str, encoding: Encoding, line: int, character: int
) -> None:
    lines = Lines(text)
    offset = lines.offset(line, character, encoding)
    assert 0 <= offset <= len(text)
    if 0 <= line < len(lines):
        start, end = slow_lines(text)[line]
        assert start <= offset <= end
        assert sum(width(c, encoding) for c in text[start:offset]) <= max(character, 0)


@given(texts, encodings, st.integers(-5, 200))
def test_a_position_inside_a_character_is_its_start(
    text: str, encoding: Encoding, units: int
) -> None:
    index = index_at(text, units, encoding)
    before = sum(width(c, encoding) for c in text[:index])
    assert before <= max(units, 0)
    assert index == len(text) or before + width(text[index], encoding) > units
    assert n_units(text[:index], encoding) == before


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_lone_surrogate_becomes_a_replacement_of_the_same_width(encoding: Encoding) -> None:
    text = scalar_text("a\ud83d b\udc00")
    assert text == "a\ufffd b\ufffd"
    assert n_units(text, encoding) == n_units("a€ b€", encoding)


def test_the_closing_quote_of_the_specifications_example() -> None:
    """LSP 3.18: in `a𐐀b` the offset of b is 3 in UTF-16, 5 in UTF-8, 2 in UTF-32."""
    lines = Lines("a𐐀b")
    assert [lines.position(2, encoding)[1] for encoding in ENCODINGS] == [5, 3, 2]
