"""From a cursor to snippets: what of the project helps there, ranked, within a budget of tokens.

    text around the cursor -> nearby -> inference ---.
    index: definitions, imports, bases, words -------+-> candidates -> rank -> pack -> snippets
    ring: what was edited and seen lately -----------'

Pure: the reader is asked, time is asked for through `is_late`, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from indoors_indexing.alike import Alike
from indoors_indexing.follow import Bindings, Names
from indoors_indexing.gather import gather
from indoors_indexing.gathering import Gathering
from indoors_indexing.guess import Guess
from indoors_indexing.hints import Hints
from indoors_indexing.infer import Inference
from indoors_indexing.lookup import Lookup, Reader
from indoors_indexing.members import Members
from indoors_indexing.nearby import nearby
from indoors_indexing.pack import LITTLE_ROOM_TOKENS, Packer
from indoors_indexing.rank import ordered
from indoors_indexing.recent import Ring
from indoors_indexing.resolve import FileIndex
from indoors_indexing.types import Document, Snippet, Span

# How much after the cursor is read for names.
_AFTER_CHARS = 3000
_NO_RING = Ring()


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A cursor, and the part of its document that a prompt shows anyway. Paths are the index's."""

    document: Document
    offset: int
    window: Span


def related(
    site: Site,
    budget_tokens: int,
    reader: Reader,
    files: FileIndex,
    ring: Ring = _NO_RING,
    *,
    is_late: Callable[[], bool] = lambda: False,
    bindings: Bindings | None = None,
) -> tuple[Snippet, ...]:
    """The snippets for a cursor, together about `budget_tokens` long, () for nothing: definitions,
    best first, then passages like the code at the cursor, best last. They are shown in this order.

    Once `is_late` says so, nothing more is looked up, and what was found is read and returned: that
    takes about a millisecond more. The same question has the same answer. `bindings` are what was
    read of the same index before.
    """
    if budget_tokens <= 0:
        return ()
    document = site.document
    text, path = document.text, document.path
    offset = min(max(0, site.offset), len(text))
    lookup = Lookup(reader, is_late)
    # Nearly every name is looked for here first.
    lookup.definitions_in(path)
    near = nearby(document.language, text[:offset], text[offset : offset + _AFTER_CHARS])
    names = Names(lookup, files, bindings)
    at_byte = len(text[:offset].encode("utf-8", "replace"))
    members = Members(lookup, files, names)
    shown = Span(max(0, site.window.start), max(0, min(len(text), site.window.end)))
    is_little = budget_tokens < LITTLE_ROOM_TOKENS
    alike = Alike(lookup, path, text, offset, shown, only_strong=is_little)
    candidates = gather(
        Gathering(
            path=path,
            text=text,
            near=near,
            lookup=lookup,
            files=files,
            names=names,
            members=members,
            inference=Inference(near, path, lookup, names, members, at_byte),
            guess=Guess(path, text, lookup, files, names),
            alike=alike,
            hints=Hints(near.line, path, text, alike.words),
            ring=ring,
        ),
        budget_tokens,
    )
    window = text[shown.start : shown.end]
    packer = Packer(lookup, path=path, window=window, budget_tokens=budget_tokens)
    return packer.pack(ordered(candidates))
