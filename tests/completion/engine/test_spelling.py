"""Token healing: the tokens that may come while a partial word is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.engine.slot import Choice, Memo
from indoors_completion.engine.spelling import Spelling, advance, replay

PIECES = [
    b"c",
    b"ca",
    b"calc",
    b"calculate",
    b"cab",
    b"b",
    b"\xff",
    b"\xff\xffx",
    b" ",
    b" calc",
    b"",
]


def spelled(rest: bytes) -> set[bytes]:
    spelling = Spelling(enumerate(PIECES))
    return {PIECES[token] for token in spelling.candidates(rest)}


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"cal", {b"c", b"ca", b"calc", b"calculate"}),
        (b"c", {b"c", b"ca", b"calc", b"calculate", b"cab"}),
        (b" c", {b" ", b" calc"}),
        (b"\xff", {b"\xff", b"\xff\xffx"}),
        (b"zebra", set()),
    ],
)
def test_candidates(rest: bytes, expected: set[bytes]) -> None:
    assert spelled(rest) == expected


@given(st.lists(st.binary(max_size=4), max_size=40), st.binary(min_size=1, max_size=5))
def test_candidates_are_exactly_the_tokens_that_fit(pieces: list[bytes], rest: bytes) -> None:
    found = Spelling(enumerate(pieces)).candidates(rest)
    fitting = [t for t, piece in enumerate(pieces) if piece and advance(rest, piece) is not None]
    assert sorted(found) == fitting


def test_advance() -> None:
    assert advance(b"cal", b"calculate") == (b"", b"culate")
    assert advance(b"cal", b"ca") == (b"l", b"")
    assert advance(b"cal", b"cal") == (b"", b"")
    assert advance(b"cal", b"cat") is None
    assert advance(b"cal", b"") is None


def memo(begin: bytes, *tokens: int) -> Memo:
    made = Memo((1,), None, begin)
    made.choices = [Choice(token, -0.5) for token in tokens]
    return made


def replayed(was: bytes, tokens: list[int], begin: bytes) -> list[bytes]:
    kept = replay(memo(was, *tokens), begin, lambda token: PIECES[token])
    return [PIECES[choice.token] for choice in kept]


def test_an_answer_holds_as_far_as_it_is_typed_along() -> None:
    assert replayed(b"c", [3, 8, 5], b"calc") == [b"calculate", b" ", b"b"]
    assert replayed(b"c", [1, 5], b"cab") == [b"ca", b"b"]


def test_an_answer_ends_where_something_else_was_typed() -> None:
    assert replayed(b"c", [1, 3], b"cab") == [b"ca"]
    assert replayed(b"c", [3], b"cab") == []


def test_an_answer_that_spelled_more_says_nothing_about_less() -> None:
    assert replayed(b"cal", [3], b"c") == []
