"""Closed APIs in an editor: one entry of the menu for each, and the preview that is asked for.

An entry is there only where every lock but the preview holds. Whoever chooses it says what is
wanted, is shown the bytes, and accepts them; without a client that can show them nothing is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from indoors_completion.refactor import actions
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_indexing.types import Document, Outline
from indoors_server import endpoint_files, policy
from indoors_server.closed import locks, sending
from indoors_server.closed.preview import Preview
from indoors_server.door import Door
from indoors_server.edit_values import Offered, Wish, plain
from indoors_server.gateway.in_force import InForce
from indoors_server.policies import Policies
from indoors_server.session import Snapshot

# Asks the client to show a preview: whether it was accepted, None where it cannot show one.
AskPreview = Callable[[dict[str, Any]], Awaitable[bool | None]]
_NO_PREVIEW = "this editor cannot show what would be sent. Next: indoors refactor --with"


class ClosedEdits:
    """`can_preview` says whether the client shows previews."""

    def __init__(
        self, closed: sending.Closed, ask_preview: AskPreview, can_preview: Callable[[], bool]
    ) -> None:
        self._closed = closed
        self._ask_preview = ask_preview
        self._can_preview = can_preview

    def offered(self, snapshot: Snapshot, offers: list[actions.Offer], wish: Wish) -> list[Offered]:
        """The entries at a place where `offers` apply."""
        if not any(one.action.name == "edit" for one in offers) or not snapshot.root:
            return []
        found = self._closed.offered(snapshot.root, snapshot.document.path)
        return [
            Offered(
                title=plain(f"Edit with {one.name} (closed API)…"),
                kind="refactor.rewrite",
                wish=msgspec.structs.replace(wish, action="edit", endpoint=one.name),
                needs_instruction=True,
                disabled="" if self._can_preview() else f"{_NO_PREVIEW} {one.name}",
            )
            for one in found
        ]

    async def edit(
        self, snapshot: Snapshot, request: EditRequest, name: str, on_text: Callable[[str], None]
    ) -> Edit | NoSafeEdit:
        """As `sending.Closed.edit`, with the preview in the editor."""
        return await self._closed.edit(request, name, snapshot.root, self._show, on_text)

    async def _show(self, shown: Preview) -> bool | None:
        if not self._can_preview():
            return None
        return await self._ask_preview(shown.as_json())


class CoreOutlines:
    """Outlines of texts by what makes those of documents."""

    def __init__(self, make: Callable[[Document, float], Awaitable[Outline | None]]) -> None:
        self._make = make

    async def outline(self, language: str, text: str) -> Outline | None:
        """What a whole text says."""
        document = Document(uri="indoors:answer", path="", language=language, version=0, text=text)
        return await self._make(document, 2.0)


def surroundings(
    door: Door,
    policies: Policies,
    outline: Callable[[Document, float], Awaitable[Outline | None]],
) -> sending.Around:
    """Those of this person and machine, from a server's start on."""
    # As the gateway has it: a consent that it would refuse is no consent here either.
    in_force = InForce(policy.load())
    return sending.Around(
        door=door,
        endpoints=lambda: endpoint_files.load().endpoints,
        policy_of=policies.fresh,
        own_policy=in_force.policy,
        written_policy=policy.load,
        stores=locks.stores(),
        machine=sending.this_machine(),
        outlines=CoreOutlines(outline),
        record=sending.record,
    )
