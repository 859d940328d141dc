"""The server's side of the indexes: which roots the indexer keeps, what is open, what it reports.

    keep(root) ------------> KeepRoot        on_state(root, phase, n_changed) <- IndexState
    hold(document, path) --> Update, Hold    on_progress(root, done, total) <--- IndexProgress
    stop_pass(root) -------> StopPass        on_note(root, text) <-------------- IndexNote
    another process for other roots <-- IndexOutOfReach

All that was asked for is remembered, so that another indexer is told it again. One that keeps
ending before an index is ready is told ever later, and questions about syntax are answered
meanwhile. Use from one event loop; nothing here waits or raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from indoors_indexing import index_messages as wire
from indoors_indexing import messages
from indoors_indexing.reports import Phase
from indoors_indexing.types import Document
from indoors_server.indexer_process import IndexerProcess

OnState = Callable[[str, Phase, int], None]
OnProgress = Callable[[str, int, int], None]
OnNote = Callable[[str, str], None]

# A process that was lost is told of the roots at once, the first times.
_QUICK_LOSSES = 2
_FIRST_DELAY_S = 0.1
_LAST_DELAY_S = 60.0


class Root(msgspec.Struct, frozen=True):
    """What the indexer said last about a root: `done` of `total` files while it is "indexing"."""

    phase: Phase = "waiting"
    done: int = 0
    total: int = 0


class _Held(msgspec.Struct, frozen=True):
    """An open document, and the file of a root that it is."""

    root: str
    path: str
    document: Document


class IndexClient:
    """Has roots kept by the indexer process. `on_state`, `on_progress` and `on_note` add callbacks,
    which are called on the event loop.
    """

    def __init__(self, indexer: IndexerProcess) -> None:
        self._indexer = indexer
        self._kept: dict[str, wire.KeepRoot] = {}
        self._roots: dict[str, Root] = {}
        self._held: dict[str, _Held] = {}
        self._on_state: list[OnState] = []
        self._on_progress: list[OnProgress] = []
        self._on_note: list[OnNote] = []
        self._is_told = False
        self._n_losses = 0
        self._later: asyncio.TimerHandle | None = None
        indexer.listen(self)

    def on_state(self, call: OnState) -> None:
        """Call with (root, phase, n_changed) whenever a root's phase changes, or its index did.

        `n_changed` counts the files that were taken in or removed since the last call. "waiting" is
        for another process that writes the index, or for the indexer itself.
        """
        self._on_state.append(call)

    def on_progress(self, call: OnProgress) -> None:
        """Call with (root, files done, files to do) a few times a second during a pass."""
        self._on_progress.append(call)

    def on_note(self, call: OnNote) -> None:
        """Call with (root, text) for what a person should be told."""
        self._on_note.append(call)

    def roots(self) -> Mapping[str, Root]:
        """The roots that are kept, spelled as in `keep`, and what is known of them."""
        return dict(self._roots)

    # --- roots ------------------------------------------------------------------------------------

    def expect(self, roots: Iterable[str]) -> None:
        """These will be kept: a process that is started for them need not be replaced then."""
        self._indexer.confine(roots)

    def keep(
        self, root: str, cache: Path, wanted: tuple[str, ...] = (), deny: tuple[str, ...] = ()
    ) -> None:
        """Have the index of a root (an absolute path) kept below `cache`, without what is denied.

        For a root that is kept already only other patterns in `deny` are news, told at once.
        """
        if (kept := self._kept.get(root)) is not None:
            if kept.deny != deny:
                self._kept[root] = msgspec.structs.replace(kept, deny=deny)
                self._send(self._kept[root])
            return
        self._kept[root] = wire.KeepRoot(root=root, cache=str(cache), wanted=wanted, deny=deny)
        self._roots[root] = Root()
        self._indexer.confine(self._kept)
        self._send(self._kept[root])
        self._say_state(root, "waiting")

    def drop(self, root: str) -> None:
        """Have it kept no more; what is open there is released. The index stays."""
        if self._kept.pop(root, None) is None:
            return
        del self._roots[root]
        for uri in [uri for uri, held in self._held.items() if held.root == root]:
            self.release(uri)
        self._send(wire.DropRoot(root=root))
        self._indexer.confine(self._kept)
        self._say_state(root, "off")

    def stop_pass(self, root: str) -> None:
        """Stop a pass over a root; what it did stays."""
        if root in self._kept:
            self._send(wire.StopPass(root=root))

    def rebuild(self, root: str) -> None:
        """Have a root's index made anew."""
        if root in self._kept:
            self._send(wire.RebuildIndex(root=root))

    # --- documents --------------------------------------------------------------------------------

    def hold(self, document: Document, root: str, path: str) -> bool:
        """A document with this text is the file `path` (relative, posix) of a root.

        False if the text cannot be taken now: ask again later. It is told anyhow when another
        indexer is there.
        """
        is_new = document.uri not in self._held
        self._held[document.uri] = _Held(root, path, document)
        if not self._is_told:
            return True
        return self._tell_held(self._held[document.uri], is_new=is_new)

    def release(self, uri: str) -> None:
        """A document is none of a root's files any more: the disk counts."""
        if self._held.pop(uri, None) is not None:
            self._send(wire.Release(uri=uri))

    def saved(self, root: str, path: str) -> None:
        """A file was saved."""
        if root in self._kept:
            self._send(wire.Saved(root=root, paths=(path,)))

    # --- the process ------------------------------------------------------------------------------

    def started(self) -> None:
        """A new process is there: it is told all of it."""
        if self._n_losses <= _QUICK_LOSSES:
            self._tell_all()
            return
        delay_s = min(_FIRST_DELAY_S * 2 ** (self._n_losses - _QUICK_LOSSES), _LAST_DELAY_S)
        self._later = asyncio.get_running_loop().call_later(delay_s, self._tell_all)

    def received(self, message: messages.FromIndexer) -> None:
        """The process said something, perhaps about a root that was dropped since."""
        if not isinstance(message, wire.FromKeeper) or message.root not in self._roots:
            return
        root = message.root
        if isinstance(message, wire.IndexState):
            if message.phase == "ready":
                self._n_losses = 0
            self._roots[root] = Root(message.phase)
            self._say_state(root, message.phase, message.n_changed)
        elif isinstance(message, wire.IndexProgress):
            self._roots[root] = Root(self._roots[root].phase, message.done, message.total)
            for progressed in self._on_progress:
                progressed(root, message.done, message.total)
        elif isinstance(message, wire.IndexOutOfReach):
            self._indexer.lose(blame=False)
        else:
            for noted in self._on_note:
                noted(root, message.text)

    def lost(self, *, blame: bool) -> None:  # noqa: ARG002 - whoever was to blame, it knew all of it
        """The process is gone."""
        self._is_told = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._n_losses = min(self._n_losses + 1, 20)
        for root in list(self._roots):
            self._roots[root] = Root()
            self._say_state(root, "waiting")

    def _tell_all(self) -> None:
        self._later = None
        self._is_told = True
        # Held first: a pass should not read a file from the disk that is open.
        for held in self._held.values():
            self._tell_held(held, is_new=True)
        for kept in self._kept.values():
            self._send(kept)

    def _tell_held(self, held: _Held, *, is_new: bool) -> bool:
        if not self._indexer.can_take(held.document.text):
            return False
        # Again, because the indexer may have forgotten a text that it was sent long ago.
        self._indexer.tell(held.document, again=is_new)
        self._send(wire.Hold(uri=held.document.uri, root=held.root, path=held.path))
        return True

    def _send(self, message: wire.ToKeeper) -> None:
        child = self._indexer.child
        if child is not None and self._is_told:
            child.send(message)

    def _say_state(self, root: str, phase: Phase, n_changed: int = 0) -> None:
        for changed in self._on_state:
            changed(root, phase, n_changed)
