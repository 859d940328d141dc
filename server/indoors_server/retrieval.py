"""Snippets for one editor's cursors: from what is open, what was edited, and each root's index.

    event loop: open, edit, view, close -> texts and rings ---.
    pipeline: snippets(document, offset) ---------------------+-> one thread -> View of the root

The indexer writes the databases and this thread reads them; it is started, and SQLite loaded, with
the first question. Nothing here waits for the indexer: an index that is not there yet has no
snippets.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from indoors_indexing.recent import Ring
from indoors_indexing.types import Document, Snippet, Span
from indoors_server.session import Edited

if TYPE_CHECKING:
    from indoors_indexing.view import View

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger("indoors.retrieval")

# What the index is looked through in; then comes what was found until then.
WITHIN_S = 0.03
# Lines around the cursor of a document that was left, as what was looked at.
_VIEWED_LINES = 20


class _Open(NamedTuple):
    """An open document: the root it belongs to, its path there, and its text."""

    root: str
    path: str
    text: str


class IndexRetrieval:
    """A `Retrieval` over the indexes below `cache`. All methods run on one event loop.

    `refuses(root, path)` says which files nobody may show, `serves(root)` whether a root's index
    may be asked at all; `withheld(root, path)` is called, in the thread, for a file that would have
    been shown; `clock` gives seconds.
    """

    def __init__(
        self,
        cache: Callable[[], Path],
        clock: Callable[[], float] = time.monotonic,
        refuses: Callable[[str, str], bool] = lambda _root, _path: False,
    ) -> None:
        self.refuses = refuses
        self.serves: Callable[[str], bool] = lambda _root: True
        self.withheld: Callable[[str, str], None] = lambda _root, _path: None
        self._cache = cache
        self._clock = clock
        self._open: dict[str, _Open] = {}
        self._rings: dict[str, Ring] = {}
        self._known: set[str] = set()
        self._views: dict[str, View] = {}  # of the thread
        self._thread: ThreadPoolExecutor | None = None

    # --- what the editor does -------------------------------------------------------------------

    def opened(self, root: str, document: Document) -> None:
        """A document below `root` is open, its path relative to it; "" for a document of none."""
        if not root:
            self._open.pop(document.uri, None)
            return
        self._open[document.uri] = _Open(root, document.path, document.text)
        if root not in self._known:
            self._known.add(root)
            self._submit(self._prepare, root)

    def changed(self, document: Document, edited: Edited) -> None:
        """An open document changed."""
        before = self._open.get(document.uri)
        if before is None:
            return
        root, path, text = before.root, before.path, document.text
        self._open[document.uri] = before._replace(text=text)
        if self.refuses(root, path):
            return
        ring, at = self._rings.get(root, Ring()), edited.last
        if edited.n_edits != 1 or at is None:
            ring = ring.replaced(path, text)
        if at is not None:
            old_end = at.old_end if edited.n_edits == 1 else at.new_end
            ring = ring.edited(path, text, at.start, old_end, at.new_end, self._clock())
        self._rings[root] = ring

    def left(self, document: Document, cursor: int | None) -> None:
        """An open document is no longer on the screen; its cursor was at `cursor`, if known."""
        known = self._open.get(document.uri)
        if known is None or cursor is None or self.refuses(known.root, known.path):
            return
        start, end = _lines_around(document.text, cursor)
        ring = self._rings.get(known.root, Ring())
        self._rings[known.root] = ring.viewed(known.path, document.text, start, end, self._clock())

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._open.pop(uri, None)

    async def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.wrap_future(thread.submit(self._close_views))
            thread.shutdown(wait=False)

    # --- what the pipeline asks -----------------------------------------------------------------

    async def snippets(
        self, document: Document, offset: int, shown: Span, budget_tokens: int
    ) -> tuple[Snippet, ...] | None:
        """The best snippets for a cursor; None for a document that belongs to no root."""
        place = self._open.get(document.uri)
        if place is None or not self.serves(place.root):
            return None
        texts = {
            one.path: one.text
            for one in self._open.values()
            if one.root == place.root
            and (one.path == place.path or not self.refuses(one.root, one.path))
        }
        where = Document(
            uri=document.uri,
            path=place.path,
            language=document.language,
            version=document.version,
            text=document.text,
        )
        ring = self._rings.get(place.root, Ring())
        return await asyncio.wrap_future(
            self._submit(self._look, place.root, where, offset, shown, budget_tokens, ring, texts)
        )

    async def paths(self, uri: str) -> frozenset[str] | None:
        """The files of the root that an open document belongs to; None where no index says it."""
        place = self._open.get(uri)
        if place is None or not self.serves(place.root):
            return None
        return await asyncio.wrap_future(self._submit(self._paths, place.root))

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="indoors-retrieval")
        return self._thread.submit(work, *args, **kwargs)

    # --- in the thread --------------------------------------------------------------------------

    def _prepare(self, root: str) -> None:
        """What takes long the first time: the modules, the database, the list of files."""
        try:
            self._view(root).prepare()
        except Exception as error:  # noqa: BLE001 - the first question says it again
            _log.error("an index was not opened: %s", type(error).__name__)

    def _view(self, root: str) -> View:
        from indoors_indexing.view import View

        view = self._views.get(root)
        if view is None:
            view = self._views[root] = View(Path(root), self._cache())
        return view

    def _look(
        self,
        root: str,
        document: Document,
        offset: int,
        shown: Span,
        budget_tokens: int,
        ring: Ring,
        texts: Mapping[str, str],
    ) -> tuple[Snippet, ...] | None:
        from indoors_indexing.related import Site

        try:
            found = self._view(root).related(
                Site(document=document, offset=offset, window=shown),
                budget_tokens,
                ring=ring,
                texts=texts,
                within_s=WITHIN_S,
            )
        except Exception as error:  # noqa: BLE001 - a fault of ours costs the snippets, not the answer
            _log.error("retrieval failed: %s", type(error).__name__)
            return None
        refused = {path for path in {one.path for one in found} if self.refuses(root, path)}
        for path in refused:
            self.withheld(root, path)
        return tuple(one for one in found if one.path not in refused)

    def _paths(self, root: str) -> frozenset[str] | None:
        try:
            return self._view(root).paths() or None
        except Exception as error:  # noqa: BLE001 - whoever asks can list the folders
            _log.error("the files of an index were not listed: %s", type(error).__name__)
            return None

    def _close_views(self) -> None:
        for view in self._views.values():
            view.close()
        self._views.clear()


def _lines_around(text: str, cursor: int) -> tuple[int, int]:
    start = end = min(max(0, cursor), len(text))
    for _ in range(_VIEWED_LINES):
        start = text.rfind("\n", 0, max(0, start - 1)) + 1 if start else 0
        line = text.find("\n", end)
        end = len(text) if line < 0 else line + 1
    return start, end
