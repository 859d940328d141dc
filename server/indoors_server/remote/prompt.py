"""The parts of a job as they go to a server: clipped, so that prompt and answer fit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indoors_completion.types import Job, Part
from indoors_server.remote import estimate
from indoors_server.remote.plain import plain

_LEAST_TOKENS = 32


class Fitted(msgspec.Struct, frozen=True):
    """Pieces of a prompt in order, each with whether it is exactly one control token.

    `n_tokens` is an upper bound; `max_tokens` may be written behind it. `begin` is what the answer
    has to begin with (`Job.begin`).
    """

    pieces: tuple[tuple[str, bool], ...]
    max_tokens: int
    n_tokens: int
    begin: str = ""

    @property
    def text(self) -> str:
        """The prompt as one text, for servers that are told text."""
        return "".join(_spelled(text) if is_special else text for text, is_special in self.pieces)


def fitted(job: Job, n_ctx: int, share: float = 1.0) -> Fitted:
    """Clip a job's parts to their budgets, and then together to the context.

    `share` of every budget counts: a server that found the prompt too long is asked again with
    less of it. What looks like a control token in plain text is none afterwards.
    """
    n_answer = max(1, min(job.max_tokens, n_ctx // 2))
    room = int((n_ctx - n_answer) * share)
    begin = plain(job.begin)
    room -= estimate.n_tokens(begin)
    texts = [_clipped(part, room, share) for part in job.parts]
    sizes = [_size(part, text) for part, text in zip(job.parts, texts, strict=True)]
    while (over := sum(sizes) - room) > 0:
        plains = [0 if part.special else size for part, size in zip(job.parts, sizes, strict=True)]
        largest = max(range(len(plains)), key=plains.__getitem__)
        if plains[largest] <= _LEAST_TOKENS:
            break  # the server says whether it fits
        part = job.parts[largest]
        shorter = estimate.clipped(
            texts[largest], max(_LEAST_TOKENS, plains[largest] - over), part.keep
        )
        if shorter == texts[largest]:
            break
        texts[largest], sizes[largest] = shorter, estimate.n_tokens(shorter)
    pieces = tuple(
        (text, part.special) for part, text in zip(job.parts, texts, strict=True) if text
    )
    return Fitted(pieces, n_answer, sum(sizes), begin)


def _clipped(part: Part, room: int, share: float) -> str:
    if part.special:
        return part.text
    budget = room if part.budget_tokens is None else min(int(part.budget_tokens * share), room)
    # Clipped first: only what is sent has to be looked through.
    return estimate.clipped(
        plain(estimate.clipped(part.text, budget, part.keep)), budget, part.keep
    )


def _size(part: Part, text: str) -> int:
    return 1 if part.special else estimate.n_tokens(text)


def _spelled(special: str) -> str:
    """A control token as a server's tokenizer spells it in text: "▁<PRE>" is stored so, and read
    from " <PRE>".
    """
    return f" {special[1:]}" if special.startswith("▁") else special


def specials(parts: Sequence[Part]) -> tuple[str, ...]:
    """The control tokens in a job's parts."""
    return tuple(dict.fromkeys(part.text for part in parts if part.special))
