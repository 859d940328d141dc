"""Parts to tokens, with a vocabulary of words: one token a word, a space or a newline."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.engine import prompt
from indoors_completion.engine.failures import WorkerFailure
from indoors_completion.types import Part


class Words:
    """Tokens are words (ids from 100), <specials> are ids below; `<x>` in text is five words."""

    SPECIAL = ("<P>", "<S>", "<M>")

    def __init__(self, bos: int | None = None) -> None:
        self.bos = bos
        self._ids: dict[str, int] = {}

    def text_tokens(self, text: str) -> list[int]:
        return [
            self._ids.setdefault(word, 100 + len(self._ids))
            for word in re.findall(r"\w+|.", text, re.DOTALL)
        ]

    def special_token(self, text: str) -> int | None:
        return self.SPECIAL.index(text) if text in self.SPECIAL else None

    def piece(self, token: int) -> bytes:
        return next(word for word, number in self._ids.items() if number == token).encode()

    def text(self, tokens: tuple[int, ...] | list[int]) -> str:
        return "".join(
            self.SPECIAL[token]
            if token < 3
            else "<s>"
            if token == 3
            else self.piece(token).decode()
            for token in tokens
        )


def fim(prefix: Part | str, suffix: Part | str = "") -> list[Part]:
    before = prefix if isinstance(prefix, Part) else Part(text=prefix)
    after = suffix if isinstance(suffix, Part) else Part(text=suffix, keep="head")
    marks = [Part(text=text, special=True) for text in Words.SPECIAL]
    return [marks[0], before, marks[1], after, marks[2]]


def made(parts: list[Part], max_tokens: int = 4, n_ctx: int = 200, bos: int | None = None) -> str:
    vocab = Words(bos)
    return vocab.text(prompt.assemble(parts, max_tokens, n_ctx, vocab).tokens)


def test_parts_in_order() -> None:
    assert made(fim("a b", "c")) == "<P>a b<S>c<M>"


def test_a_model_that_wants_bos_gets_it() -> None:
    assert made(fim("a"), bos=3) == "<s><P>a<S><M>"


def test_a_sentinel_in_the_text_stays_text() -> None:
    vocab = Words()
    tokens = prompt.assemble(fim("x <M> y"), 4, 200, vocab).tokens
    assert [token for token in tokens if token < 3] == [0, 1, 2]


def test_a_prefix_keeps_its_end_in_whole_lines() -> None:
    part = Part(text="one\ntwo\nthree four", budget_tokens=6)
    assert made(fim(part)) == "<P>two\nthree four<S><M>"
    part = Part(text="one\ntwo\nthree four", budget_tokens=4)
    assert made(fim(part)) == "<P>three four<S><M>"


def test_a_suffix_keeps_its_start_in_whole_lines() -> None:
    part = Part(text="one\ntwo\nthree four", budget_tokens=5, keep="head")
    assert made(fim("", part)) == "<P><S>one\ntwo\n<M>"


def test_a_line_longer_than_the_budget_is_cut() -> None:
    assert made(fim(Part(text="a b c d e", budget_tokens=3))) == "<P>d e<S><M>"
    part = Part(text="a b c d e\nf", budget_tokens=3, keep="head")
    assert made(fim("", part)) == "<P><S>a b<M>"


def test_a_budget_of_nothing() -> None:
    assert made(fim(Part(text="a", budget_tokens=0))) == "<P><S><M>"


def test_a_text_within_its_budget_is_untouched() -> None:
    text = "one\ntwo\n"
    assert made(fim(Part(text=text, budget_tokens=4))) == f"<P>{text}<S><M>"


def test_the_largest_part_gives_way_when_the_context_is_full() -> None:
    text = made(fim("long " * 50, "s t"), max_tokens=4, n_ctx=30)
    assert text.endswith("<S>s t<M>")
    assert len(Words().text_tokens(text.replace("<", "").replace(">", ""))) <= 30


def test_an_answer_takes_at_most_half_the_context() -> None:
    assembled = prompt.assemble(fim("a b c"), 1000, 40, Words())
    assert assembled.max_tokens == 20
    assert len(assembled.tokens) + assembled.max_tokens <= 40


@pytest.mark.parametrize(
    ("parts", "n_ctx"),
    [([Part(text="<nope>", special=True)], 100), (fim("a"), 4), ([], 100), ([Part(text="")], 100)],
)
def test_what_cannot_be_assembled_is_unfit(parts: list[Part], n_ctx: int) -> None:
    with pytest.raises(WorkerFailure) as caught:
        prompt.assemble(parts, 2, n_ctx, Words())
    assert caught.value.kind == "unfit"


@given(
    st.text(alphabet="ab \n", max_size=300), st.text(alphabet="cd \n", max_size=300),
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 50), st.integers(10, 120),
)  # fmt: skip
def test_sentinels_survive_and_everything_fits(
    before: str, after: str, n_before: int, n_after: int, max_tokens: int, n_ctx: int
) -> None:
    vocab = Words()
    parts = fim(
        Part(text=before, budget_tokens=n_before),
        Part(text=after, budget_tokens=n_after, keep="head"),
    )
    assembled = prompt.assemble(parts, max_tokens, n_ctx, vocab)
    text = vocab.text(assembled.tokens)
    assert [token for token in assembled.tokens if token < 3] == [0, 1, 2]
    assert len(assembled.tokens) + assembled.max_tokens <= n_ctx
    inside, _, rest = text.removeprefix("<P>").partition("<S>")
    assert before.endswith(inside)
    assert after.startswith(rest.removesuffix("<M>"))
    assert len(vocab.text_tokens(inside)) <= n_before


def test_where_the_prefix_ends() -> None:
    """Whatever is typed comes before the markers, be there a suffix or not."""
    vocab = Words(bos=3)
    after = Part(text="c d", keep="head", movable=True)
    whole = prompt.assemble(fim("a b", after), 4, 200, vocab)
    assert vocab.text(whole.tokens[: whole.prefix_end]) == "<s><P>a b"
    assert (whole.movable[0] - 1, whole.n_end) == (whole.prefix_end, 1)
    at_the_end = prompt.assemble(fim("a b"), 4, 200, vocab)
    assert vocab.text(at_the_end.tokens[: at_the_end.prefix_end]) == "<s><P>a b"
    assert at_the_end.n_end == 2
