"""What would be asked if a suggestion were accepted as a whole."""

from __future__ import annotations

import msgspec

from indoors_completion.cache import Spot, spot_at
from indoors_completion.types import Completion, CompletionRequest


class Suggestion(msgspec.Struct, frozen=True):
    """What is on the screen: `rest` is what accepting it types at `spot`."""

    spot: Spot
    rest: str

    def leads_to(self, text: str, offset: int) -> bool:
        """Whether `offset` of `text` lies on the way to its acceptance."""
        if offset - self.spot.offset > 2 * len(self.rest):
            return False
        typed = self.spot.typed(text, offset)
        return typed is not None and self.rest.startswith(typed)


def suggestion(request: CompletionRequest, completion: Completion) -> Suggestion | None:
    """What `completion`, the answer to `request`, shows. None if typing does not lead there."""
    text, start, cursor = request.document.text, completion.span.start, request.offset
    before = text[start:cursor]
    if not completion.text.startswith(before):
        return None
    rest = completion.text[len(before) :].replace("\r\n", "\n")
    return Suggestion(spot_at(text, cursor), rest)


def following(request: CompletionRequest, completion: Completion) -> CompletionRequest | None:
    """The request that comes after `completion`, the answer to `request`, was accepted.

    It is the one that an editor sends by itself: automatic, nothing selected, the cursor behind the
    text. None if there is nothing to accept.
    """
    if not completion.text:
        return None
    text, span = request.document.text, completion.span
    accepted = text[: span.start] + completion.text + text[span.end :]
    return msgspec.structs.replace(
        request,
        document=msgspec.structs.replace(request.document, text=accepted),
        offset=span.start + len(completion.text),
        trigger="automatic",
        selected=None,
        target_ms=None,
        continues=True,
    )
