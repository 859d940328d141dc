"""What was typed since a prompt was evaluated, told from the parts of two jobs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from indoors_completion.engine import anchor
from indoors_completion.engine.prompt import Prompt
from indoors_completion.types import Part

VOCAB: Any = SimpleNamespace(text_tokens=lambda text: [ord(character) for character in text])


def parts(prefix: str, suffix: str = "\nend\n", head: str = "") -> tuple[Part, ...]:
    return (
        Part(text="<pre>", special=True),
        *([Part(text=head)] if head else []),
        Part(text=prefix, budget_tokens=100),
        Part(text="<suf>", special=True),
        Part(text=suffix, keep="head", movable=True),
        Part(text="<mid>", special=True),
    )


def anchored(prefix: str, **fields: str) -> anchor.Anchor:
    made = anchor.anchor_of(parts(prefix, **fields), Prompt((1, 2, 3), 8, (1, 2)))
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("prefix", "begin", "expected"),
    [
        ("x = foo", "", ("", "")),
        ("x = foo.bar", "", (".bar", "")),
        ("x = foo", ".ba", ("", ".ba")),
        ("x = foo(1)\n", "    y", ("(1)\n", "    y")),
    ],
)
def test_what_was_typed(prefix: str, begin: str, expected: tuple[str, str]) -> None:
    assert anchor.typed_since(anchored("x = foo"), parts(prefix), begin) == expected


def test_an_anchor_inside_the_partial_word() -> None:
    """`foo(` was the prompt; with `b` the word `(b` is left out of the next one."""
    assert anchor.typed_since(anchored("x = foo("), parts("x = foo"), "(b") == ("", "b")


@pytest.mark.parametrize(
    "now",
    [
        parts("x = fo"),
        parts("y = foo.bar"),
        parts("x = foo.bar", suffix=")\nend\n"),
        parts("x = foo.bar", head="# other"),
        parts("x = foo.bar")[:-1],
    ],
    ids=["deleted", "another start", "another suffix", "other snippets", "no middle last"],
)
def test_anything_else_changes_the_prompt(now: tuple[Part, ...]) -> None:
    assert anchor.typed_since(anchored("x = foo"), now, "") is None


def test_a_prompt_without_a_movable_part_is_no_anchor() -> None:
    assert anchor.anchor_of((Part(text="a"),), Prompt((1,), 8)) is None


def test_typed_tokens_stand_behind_the_prompt() -> None:
    held = anchored("x = foo")
    longer = anchor.extend(held, "ab", 8, 100, VOCAB)
    assert longer == Prompt((1, 2, 3, 97, 98), 8, (1, 2), 2)
    assert anchor.extend(held, "", 8, 100, VOCAB) == Prompt((1, 2, 3), 8, (1, 2), 0)
    assert anchor.extend(held, "ab", 8, 12, VOCAB) is None, "no room for the answer"
    assert anchor.extend(held, "a" * (anchor.MAX_TYPED + 1), 8, 4096, VOCAB) is None


@pytest.mark.parametrize(
    ("begin", "expected"),
    [(" ==", ("x = foo ==", "")), (" b", ("x = foo", " b")), ("    ", ("x = foo", "    "))],
    ids=["punctuation", "a word", "space"],
)
def test_punctuation_stays_in_a_prompt_that_is_evaluated_as_it_is(
    begin: str, expected: tuple[str, str]
) -> None:
    made, rest = anchor.unhealed(parts("x = foo"), begin)
    assert (made, rest) == (parts(expected[0]), expected[1])


def test_typed_behind_a_prompt_that_ends_in_punctuation() -> None:
    assert anchor.typed_since(anchored("x = foo("), parts("x = foo"), "()") == ("", ")")
