"""Entries of the editor's menu of code actions."""

from __future__ import annotations

import msgspec

from indoors_completion.refactor import actions
from indoors_server.edit_values import Offered, Wish, plain


def offered(
    offer: actions.Offer, wish: Wish, n_problem: int | None = None, *, beyond: str = ""
) -> Offered:
    """An action that applies, as an entry; why it cannot be chosen, if it is `beyond` a model."""
    return Offered(
        title=plain(offer.title),
        kind=offer.action.kind,
        wish=msgspec.structs.replace(wish, action=offer.action.name),
        needs_instruction=offer.action.needs_instruction,
        disabled=beyond,
        n_problem=n_problem,
    )


def is_wanted(kind: str, only: tuple[str, ...]) -> bool:
    """LSP's kinds are a tree: `refactor` wants `refactor.rewrite` too, and "" everything."""
    return not only or any(
        not wanted or kind == wanted or kind.startswith(f"{wanted}.") for wanted in only
    )
