"""What the prompts of a document begin with: the snippets, and where the window begins.

Both stand before everything that is typed, so a change of either throws away all that is evaluated
of a document. A *head* therefore stays as long as it can, and it is replaced

- at once where nothing would be lost: nothing is evaluated yet, or the cursor is where the window
  cannot begin as before;
- in a pause where other snippets say enough that is new, and no more often than what it costs
  allows. The new one is evaluated in a slot of its own, beside the one in use, and takes its place
  when it is whole: whoever types on meanwhile loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from indoors_completion.types import Document, ModelInfo, Snippet

# How much text must be unchanged for a window to begin there again.
_RECOGNIZED = 64
# Of a machine's time this share may go into evaluating documents anew for better snippets: beside
# somebody who types all day that is what a twentieth more of a processor is noticed as, hardly.
CHANGE_SHARE = 0.05
# Snippets are worth another evaluation if this share of their lines was not shown before.
WORTH_SHARE = 0.25
# A head that was interrupted is gone on with for so long; then its snippets are out of date.
_PENDING_S = 30.0


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a document's prompts. `text` is what stood at `start`; `slot` holds it."""

    snippets: tuple[Snippet, ...] = ()
    start: int = 0
    text: str = ""
    slot: str = ""

    def start_in(self, document: Document) -> int | None:
        """Where the window began, if the document still reads so there (or begins there)."""
        stays = self.start == 0 or document.text.startswith(self.text, self.start)
        return self.start if stays else None


class _Held(msgspec.Struct):
    """A document's heads: in use, and being evaluated; from when on it may be replaced again."""

    head: Head | None = None
    pending: Head | None = None
    pending_since_s: float = 0.0
    change_at_s: float = 0.0


class Heads:
    """The heads of all documents. `clock` gives seconds on a steady scale."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}

    def of(self, document: Document) -> Head | None:
        """The head in use, None for a document of which nothing was evaluated."""
        held = self._held.get(document.uri)
        return held.head if held is not None else None

    def use(self, document: Document, head: Head) -> None:
        """Prompts begin so from now on."""
        held = self._held.setdefault(document.uri, _Held())
        held.head = head
        if held.pending is not None and held.pending.slot == head.slot:
            held.pending = None

    def made(
        self, document: Document, snippets: tuple[Snippet, ...], start: int, *, beside: bool = False
    ) -> Head:
        """A head; `beside` the one in use, which then stays whole, or in its place."""
        head = self.of(document)
        first, second = slots_of(document.uri)
        slot = first if head is None else head.slot
        if beside:
            slot = second if slot == first else first
        text = document.text[start : start + _RECOGNIZED]
        return Head(snippets=snippets, start=start, text=text, slot=slot)

    def pending(self, document: Document) -> Head | None:
        """A head whose evaluation was interrupted not long ago."""
        held = self._held.get(document.uri)
        if held is None or held.pending is None:
            return None
        is_old = self._clock() - held.pending_since_s > _PENDING_S
        return None if is_old or held.pending.start_in(document) is None else held.pending

    def begin(self, document: Document, head: Head) -> None:
        """The evaluation of a head beside the one in use begins."""
        held = self._held.setdefault(document.uri, _Held())
        if held.pending != head:
            held.pending, held.pending_since_s = head, self._clock()

    def spent(self, document: Document, n_tokens: int, model: ModelInfo) -> None:
        """About `n_tokens` are evaluated for a new head: the next one has to wait for its share."""
        held = self._held.setdefault(document.uri, _Held())
        cost_s = n_tokens / model.prefill_tps if model.prefill_tps > 0 else 0.0
        held.change_at_s = max(held.change_at_s, self._clock() + cost_s / CHANGE_SHARE)

    def may_change(self, document: Document) -> bool:
        """Whether the snippets may be replaced for their own sake now."""
        held = self._held.get(document.uri)
        return held is None or self._clock() >= held.change_at_s

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._held.pop(uri, None)


def slots_of(uri: str) -> tuple[str, str]:
    """The names of the slots that a document's prompts are evaluated in."""
    return uri, f"{uri}#beside"


def is_worth(new: tuple[Snippet, ...], old: tuple[Snippet, ...]) -> bool:
    """Whether snippets say enough that others do not."""
    known = {line for snippet in old for line in _lines(snippet)}
    lines = [line for snippet in new for line in _lines(snippet)]
    n_new = sum(line not in known for line in lines)
    return n_new > 0 and n_new >= WORTH_SHARE * len(lines)


def _lines(snippet: Snippet) -> set[str]:
    return {line.strip() for line in snippet.text.splitlines() if line.strip()}
