"""Typing into the middle: what was typed since a prompt was evaluated goes behind its end.

A prompt `<prefix> P <suffix> S <middle>` asks for a middle, and a middle may begin with anything:
also with what has been typed since. So `<prefix> P <suffix> S <middle> T` asks the same question as
`<prefix> P T <suffix> S <middle>`, and every entry of the cache stays where it is and is exact; a
key costs its own tokens. The prompt stays anchored like this until it is evaluated anew in the
background, or something else than the text right before the cursor changed.
benchmarks/splice.py measures both forms, and the splice, by how much was typed.
"""

from __future__ import annotations

import msgspec

from indoors_completion.engine.prompt import Prompt, Tokens
from indoors_completion.types import Part

# So many tokens may stand behind the anchor. The question gets harder to recognize with distance,
# and the window above the cursor does not grow meanwhile.
MAX_TYPED = 192


class Anchor(msgspec.Struct, frozen=True):
    """A prompt that was evaluated as it is: the text right before the cursor, and all the rest."""

    prefix: str
    around: tuple[Part, ...]
    prompt: Prompt


def anchor_of(parts: tuple[Part, ...], prompt: Prompt) -> Anchor | None:
    """The anchor that `parts`, assembled as `prompt`, make; None if the middle is not last."""
    split = _split(parts)
    return None if split is None else Anchor(split[0], split[1], prompt)


def typed_since(anchor: Anchor, parts: tuple[Part, ...], begin: str) -> tuple[str, str] | None:
    """What was typed since the anchor: (whole words, partial word at the cursor).

    None if anything but the text right before the cursor differs, or text was taken away.
    """
    split = _split(parts)
    if split is None or split[1] != anchor.around:
        return None
    stable, start = split[0], len(anchor.prefix)
    if not (stable + begin).startswith(anchor.prefix):
        return None
    # The anchor may lie inside what is now a partial word: `foo(`, then `foo(b`.
    return stable[start:], begin[max(0, start - len(stable)) :]


def extend(anchor: Anchor, typed: str, max_tokens: int, n_ctx: int, vocab: Tokens) -> Prompt | None:
    """The anchored prompt with `typed` behind it; None if that gets too long."""
    tokens = vocab.text_tokens(typed) if typed else []
    whole = anchor.prompt.tokens + tuple(tokens)
    if len(tokens) > MAX_TYPED or len(whole) + max_tokens > n_ctx:
        return None
    return Prompt(whole, max_tokens, anchor.prompt.movable, len(tokens), anchor.prompt.n_end)


def unhealed(parts: tuple[Part, ...], begin: str) -> tuple[tuple[Part, ...], str]:
    """The parts and the healed text for a prompt that is evaluated as it is.

    Punctuation stays in a prompt's prefix: at the end of a line, leaving it out costs right answers
    (4 of 40 rows of benchmarks/infill.py). Behind the middle marker it must be healed: there a
    model never saw half a token.
    """
    if not begin.strip() or any(character.isalnum() for character in begin):
        return parts, begin
    for index, part in enumerate(parts):
        if part.movable and index >= 2:
            text = msgspec.structs.replace(parts[index - 2], text=parts[index - 2].text + begin)
            return (*parts[: index - 2], text, *parts[index - 1 :]), ""
    return parts, begin


def _split(parts: tuple[Part, ...]) -> tuple[str, tuple[Part, ...]] | None:
    """The text right before the cursor, and all parts without it."""
    for index, part in enumerate(parts):
        # The movable part comes third after the text: text, marker, suffix, marker.
        if part.movable and index >= 2 and parts[-1].special and not parts[index - 2].special:
            text = parts[index - 2]
            rest = (
                *parts[: index - 2],
                msgspec.structs.replace(text, text=""),
                *parts[index - 1 :],
            )
            return text.text, rest
    return None
