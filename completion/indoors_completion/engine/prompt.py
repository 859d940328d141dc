"""From the parts of a job to the tokens of a prompt.

Plain parts are clipped one by one, before anything is put together: a sentinel is never lost, and
the cut falls on a line boundary where a whole line remains. Pure, but for the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from indoors_completion.engine import failures
from indoors_completion.types import Part

# No vocabulary of a code model has longer tokens than this, except for runs of spaces: text beyond
# budget * this many characters cannot be within the budget and need not be tokenized.
_MOST_CHARACTERS = 64
_MIN_PROMPT_TOKENS = 16


class Tokens(Protocol):
    """What assembly needs of a vocabulary."""

    @property
    def bos(self) -> int | None:
        """The token that begins every prompt of this model, if it wants one."""
        ...

    def text_tokens(self, text: str) -> list[int]:
        """Tokenize source text, special tokens off."""
        ...

    def special_token(self, text: str) -> int | None:
        """The special token with exactly this text."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes of a token."""
        ...


class Prompt(msgspec.Struct, frozen=True):
    """Tokens to evaluate, and how many may be generated after them.

    `movable` is the span of the tokens of the movable part, (0, 0) if there is none. The token
    before it is a marker. The last `n_typed` tokens were typed since and stand behind the prompt
    proper (`engine.anchor`). `n_end` special tokens end the prompt proper.
    """

    tokens: tuple[int, ...]
    max_tokens: int
    movable: tuple[int, int] = (0, 0)
    n_typed: int = 0
    n_end: int = 0

    @property
    def prefix_end(self) -> int:
        """How many tokens stand before the first marker that whatever is typed comes before."""
        begins, _ = self.movable
        return begins - 1 if begins else max(0, len(self.tokens) - self.n_typed - self.n_end)


def assemble(parts: Sequence[Part], max_tokens: int, n_ctx: int, vocab: Tokens) -> Prompt:
    """Tokenize and clip `parts` so that prompt and answer fit into `n_ctx` tokens.

    An answer may take at most half of the context. Where the parts' own budgets leave too much,
    the largest plain part is clipped further. Raises WorkerFailure (unfit) if a special part is
    not exactly one token of the vocabulary, or the special parts alone do not fit.
    """
    n_answer = max(1, min(max_tokens, n_ctx // 2))
    room = n_ctx - n_answer
    pieces = [_tokenize(part, vocab, room) for part in parts]
    n_bos = 0 if vocab.bos is None else 1
    over = n_bos + sum(map(len, pieces)) - room
    while over > 0:
        sizes = [0 if part.special else len(p) for part, p in zip(parts, pieces, strict=True)]
        largest = max(range(len(parts)), key=sizes.__getitem__, default=0)
        if not sizes or sizes[largest] == 0:
            raise failures.WorkerFailure(
                "unfit", "The prompt does not fit into the context.",
                f"{n_ctx} tokens", "raise the context length",
            )  # fmt: skip
        part = parts[largest]
        budget = sizes[largest] - over
        pieces[largest] = clip(part.text, budget, part.keep, vocab) if budget > 0 else []
        over = n_bos + sum(map(len, pieces)) - room
    tokens = [] if vocab.bos is None else [vocab.bos]
    movable = (0, 0)
    for part, piece in zip(parts, pieces, strict=True):
        if part.movable and piece and tokens:
            movable = (len(tokens), len(tokens) + len(piece))
        tokens += piece
    if not tokens:
        raise failures.WorkerFailure("unfit", "The prompt is empty.")
    n_end = 0
    for part, piece in zip(reversed(parts), reversed(pieces), strict=True):
        if piece and not part.special:
            break
        n_end += len(piece)
    return Prompt(tuple(tokens), n_answer, movable, n_end=n_end)


def clip(text: str, budget: int, keep: Literal["head", "tail"], vocab: Tokens) -> list[int]:
    """The tokens of `text`, at most `budget` (at least 1) of them, kept at one end."""
    most = (budget + 1) * _MOST_CHARACTERS
    whole = len(text) <= most
    if not whole:
        text = text[-most:] if keep == "tail" else text[:most]
    tokens = vocab.text_tokens(text)
    if len(tokens) <= budget and whole:
        return tokens
    shorter = _whole_lines(text, tokens, budget, keep, vocab)
    if shorter:
        # Tokenized again, because tokens may have crossed the cut; rarely that makes them more.
        again = vocab.text_tokens(shorter)
        if len(again) <= budget:
            return again
        tokens = again
    return tokens[-budget:] if keep == "tail" else tokens[:budget]


def _whole_lines(
    text: str, tokens: list[int], budget: int, keep: Literal["head", "tail"], vocab: Tokens
) -> str:
    """What is left of `text` when whole lines are dropped to keep `budget` tokens, "" if nothing.

    The end of a tail is the line of the cursor and need not be whole; what counts is that the cut
    falls between two lines.
    """
    kept = tokens[-budget:] if keep == "tail" else tokens[:budget]
    n_bytes = sum(len(vocab.piece(token)) for token in kept)
    data = text.encode("utf-8", "replace")
    if keep == "tail":
        start = max(0, len(data) - n_bytes)
        if start > 0 and data[start - 1 : start] != b"\n":
            newline = data.find(b"\n", start)
            start = len(data) if newline < 0 else newline + 1
        return data[start:].decode("utf-8", "replace")
    end = min(len(data), n_bytes)
    return data[: data.rfind(b"\n", 0, end) + 1].decode("utf-8", "replace")


def _tokenize(part: Part, vocab: Tokens, room: int) -> list[int]:
    if part.special:
        token = vocab.special_token(part.text)
        if token is None:
            raise failures.WorkerFailure(
                "unfit",
                "The loaded model cannot fill in the middle.",
                f"{part.text} is not one token of its vocabulary",
                "indoors models list",
            )
        return [token]
    budget = room if part.budget_tokens is None else min(part.budget_tokens, room)
    return clip(part.text, budget, part.keep, vocab) if budget > 0 and part.text else []
