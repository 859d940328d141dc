"""The keepers of all roots, behind one queue: whoever posts to it never waits for any of them.

A root that is dropped says no more. Its keeper may still be at work when the root is kept again,
and then the new one waits until it has let go of the index. What keeps an index is loaded with the
first root: questions about syntax neither wait for SQLite nor fail where Python lacks it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from indoors_indexing.index_messages import (
    DropRoot,
    FromKeeper,
    KeepRoot,
    RebuildIndex,
    Saved,
    StopPass,
    message_of,
)
from indoors_indexing.reach import Reach
from indoors_indexing.reports import Note, Report, State
from indoors_indexing.selection import Selection

if TYPE_CHECKING:
    from indoors_indexing.keeper import Keeper, Pace
    from indoors_indexing.pool import Spawn


class Held(NamedTuple):
    """A document, the file that it is, and its text now."""

    uri: str
    root: str
    path: str
    text: str


class Released(NamedTuple):
    """A document that counts no more."""

    uri: str


Order = KeepRoot | DropRoot | Saved | StopPass | RebuildIndex | Held | Released


class Keepers:
    """Keeps the indexes of several roots. `send` is called by their threads.

    `reach` says which roots this process was started for; None is for a process that may read all.
    """

    def __init__(
        self,
        spawn: Spawn | None,
        send: Callable[[FromKeeper], None],
        pace: Pace | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._reach = reach
        self._spawn = spawn
        self._send = send
        self._pace = pace
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._keepers: dict[str, Keeper] = {}
        self._held: dict[str, Held] = {}
        self._thread: threading.Thread | None = None

    def post(self, order: Order) -> None:
        """Have something done. From one thread; never waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="keepers", daemon=True)
            self._thread.start()
        self._orders.put(order)

    def close(self, timeout_s: float) -> None:
        """Stop all keepers and wait for them."""
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join(timeout_s)
        for keeper in self._keepers.values():
            keeper.join(timeout_s)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._obey(order)
            except Exception as error:  # noqa: BLE001 - a defect costs an index, never the process
                if isinstance(order, KeepRoot):
                    self._keepers.pop(order.root, None)
                    note = f"The index of this folder did not start: {type(error).__name__}."
                    self._send(message_of(order.root, Note(note)))
                    self._send(message_of(order.root, State("off")))
        for keeper in self._keepers.values():
            keeper.stop()

    def _obey(self, order: Order) -> None:
        if isinstance(order, KeepRoot):
            self._keep(order)
        elif isinstance(order, Held):
            self._hold(order)
        elif isinstance(order, Released):
            self._release(order.uri)
        elif (keeper := self._keepers.get(order.root)) is not None:
            if isinstance(order, Saved):
                keeper.changed(order.paths)
            elif isinstance(order, StopPass):
                keeper.stop_pass()
            elif isinstance(order, RebuildIndex):
                keeper.rebuild()
            else:
                del self._keepers[order.root]
                keeper.stop()

    def _keep(self, order: KeepRoot) -> None:
        selection = Selection(frozenset(order.wanted), order.deny)
        if (kept := self._keepers.get(order.root)) is not None:
            kept.select(selection)
            return
        from indoors_indexing.keeper import Keeper

        def tell(report: Report) -> None:
            # What a keeper says that is not ours any more would be taken for its successor's.
            if self._keepers.get(order.root) is keeper:
                self._send(message_of(order.root, report))

        keeper = Keeper(
            Path(order.root),
            Path(order.cache),
            tell,
            spawn=self._spawn,
            selection=selection,
            pace=self._pace,
            in_reach=partial(self._is_in_reach, order.root),
        )
        self._keepers[order.root] = keeper
        for held in self._held.values():
            if held.root == order.root:
                keeper.hold(held.path, held.text)
        keeper.start()

    def _is_in_reach(self, root: str) -> bool:
        return self._reach is None or self._reach.has(root)

    def _hold(self, held: Held) -> None:
        before = self._held.get(held.uri)
        if before is not None and (before.root, before.path) != (held.root, held.path):
            self._release(held.uri)
        self._held[held.uri] = held
        if (keeper := self._keepers.get(held.root)) is not None:
            keeper.hold(held.path, held.text)

    def _release(self, uri: str) -> None:
        held = self._held.pop(uri, None)
        if held is None or any(
            (other.root, other.path) == (held.root, held.path) for other in self._held.values()
        ):
            return  # under another name the file is still open
        if (keeper := self._keepers.get(held.root)) is not None:
            keeper.let_go(held.path)
