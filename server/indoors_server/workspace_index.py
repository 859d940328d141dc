"""Has the index of each workspace folder kept, and tells the editor how that goes.

    begin, fit ---------------> which folders are kept (`refusal` says why one is not)
    opened, changed, saved ---> what is open is held: at once, again in a pause of typing
    progress, status, notes <-- what the indexer reports

Nothing here waits for the indexer, and all runs on the event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from indoors_indexing import sift
from indoors_server import paths, private_files
from indoors_server.index_client import IndexClient
from indoors_server.ports import Outbox, Working
from indoors_server.session import Session, path_of, scheme_of
from indoors_server.settings import Settings
from indoors_server.status import IndexStatus

# After the last change, and after the first one that the index does not know.
_QUIET_S, _AT_MOST_S = 0.3, 1.5
_TRY_AGAIN_S = 1.0
# A pass that is over sooner than this is not worth a progress bar that flickers.
SHOWN_AFTER_S = 0.5
_STATUS_EVERY_S = 1.0
NO_DENIES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def refusal(folder: str) -> str:
    """Why a folder is not indexed, "" if it is: a project is no home directory and no disk."""
    real = Path(os.path.realpath(folder))
    if not real.is_dir():
        return "it is not there"
    try:
        home = Path(os.path.realpath(Path.home()))
    except RuntimeError:
        home = None
    if real == home:
        return "it is your home directory"
    if real == Path(real.anchor) or (home is not None and home.is_relative_to(real)):
        return "it holds more than projects"
    return ""


class WorkspaceIndex:
    """One editor's folders. `on_change` is called when `status` has changed.

    `refuses(folder, path)` says which files the policy denies, links followed.
    """

    def __init__(
        self,
        session: Session,
        client: IndexClient,
        outbox: Outbox,
        on_change: Callable[[], None],
        refuses: Callable[[str, str], bool] = lambda _folder, _path: False,
    ) -> None:
        self._session = session
        self._client = client
        self._outbox = outbox
        self._on_change = on_change
        self._refuses = refuses
        self._deny: dict[str, tuple[str, ...]] = {}
        self._begun = self._closed = False
        self._enabled: dict[str, bool] = {}
        self._off: set[str] = set()
        self._said: set[str] = set()
        self._changed_at: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._bars: dict[str, _Bar] = {}
        self._status: tuple[IndexStatus, ...] = ()
        self._status_at = 0.0
        client.on_state(self._state)
        client.on_progress(self._progress)
        client.on_note(lambda root, text: self._say(f"{private_files.show(Path(root))}: {text}"))

    def close(self) -> None:
        """Nothing more is held or shown."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()

    # --- folders ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """The editor is ready: from now on folders are kept."""
        self._begun = True
        self._fit()

    def fit(
        self, settings: Mapping[str, Settings], deny: Mapping[str, tuple[str, ...]] = NO_DENIES
    ) -> None:
        """The folders, or their settings, have changed; `settings` are by a folder's path, and so
        are the patterns of what the policy denies.
        """
        self._deny = dict(deny)
        self._enabled = {
            folder: settings[folder].index_enabled
            for uri, folder in self._session.folders.items()
            if folder in settings and scheme_of(uri) == "file"
        }
        self._fit()

    def _fit(self) -> None:
        if not self._begun:
            # The indexer is started before, and may read only what it is started for.
            self._client.expect(f for f, on in self._enabled.items() if on and not refusal(f))
            return
        self._off = {folder for folder, is_enabled in self._enabled.items() if not is_enabled}
        for folder in self._enabled:
            if folder not in self._off and (why := refusal(folder)):
                self._off.add(folder)
                self._say(f"{private_files.show(Path(folder))} is not indexed: {why}.")
        wanted = self._enabled.keys() - self._off
        kept = self._client.roots().keys()
        for folder in kept - wanted:
            self._client.drop(folder)
        for folder in sorted(wanted):
            self._client.keep(folder, paths.cache_dir(), deny=self._deny.get(folder, ()))
        # Also where the folders are the same: what is open may be denied by now.
        for uri in self._session.uris():
            self._hold(uri)
        self._publish()

    # --- documents --------------------------------------------------------------------------------

    def opened(self, uri: str) -> None:
        """A document was opened."""
        self._hold(uri)

    def changed(self, uri: str) -> None:
        """A document changed: its text is told when the keys pause, and now and then before."""
        if not self._client.roots() or self._place(uri) is None:
            return
        now = asyncio.get_running_loop().time()
        first = self._changed_at.setdefault(uri, now)
        self._hold_at(uri, min(now + _QUIET_S, first + _AT_MOST_S))

    def saved(self, uri: str) -> None:
        """A document was saved."""
        if uri in self._timers:
            self._hold(uri)
        if (place := self._place(uri)) is not None:
            self._client.saved(*place)

    def closed(self, uri: str) -> None:
        """A document is about to be closed."""
        self._forget_timer(uri)
        snapshot = self._session.snapshot(uri)
        self._client.release(uri if snapshot is None else snapshot.document.uri)

    def _hold(self, uri: str) -> None:
        self._forget_timer(uri)
        snapshot = self._session.snapshot(uri)
        if snapshot is None:
            return
        document, place = snapshot.document, self._place(uri)
        if (
            place is None
            or sift.file_reason(place[1], len(document.text)) is not None
            or self._refuses(*place)
        ):
            # What is of another kind, too long or denied must not be sent: it is not indexed.
            self._client.release(document.uri)
        elif not self._client.hold(document, *place):
            self._hold_at(uri, asyncio.get_running_loop().time() + _TRY_AGAIN_S)

    def _hold_at(self, uri: str, when: float) -> None:
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()
        self._timers[uri] = asyncio.get_running_loop().call_at(when, self._hold, uri)

    def _forget_timer(self, uri: str) -> None:
        self._changed_at.pop(uri, None)
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()

    def _place(self, uri: str) -> tuple[str, str] | None:
        """The innermost root that holds a document, and its path there; None if none does."""
        if scheme_of(uri) != "file":
            return None
        path = PurePosixPath(path_of(uri))
        holding = [root for root in self._client.roots() if path.is_relative_to(root)]
        root = max(holding, key=len, default="")
        return (root, str(path.relative_to(root))) if root and path != PurePosixPath(root) else None

    # --- what the indexer reports -----------------------------------------------------------------

    def status(self) -> tuple[IndexStatus, ...]:
        """Each folder's index, as it was published last."""
        return self._status

    def _state(self, root: str, phase: str, _n_changed: int) -> None:
        if self._closed:
            return
        bar = self._bars.get(root)
        if phase == "indexing":
            if bar is None:
                name = PurePosixPath(root).name
                work = partial(self._outbox.work, f"Indoors: indexing {name}")
                self._bars[root] = _Bar(lambda: work(partial(self._client.stop_pass, root)))
        elif bar is not None:
            del self._bars[root]
            bar.close()
        self._publish()

    def _progress(self, root: str, done: int, total: int) -> None:
        if (bar := self._bars.get(root)) is not None:
            bar.update(done, total)
        if asyncio.get_running_loop().time() - self._status_at >= _STATUS_EVERY_S:
            self._publish()

    def _publish(self) -> None:
        """Say what the status is now, if it is another one."""
        kept = self._client.roots()
        found = [
            IndexStatus(root=root, phase=known.phase, done=known.done, total=known.total)
            if known.phase == "indexing"
            else IndexStatus(root=root, phase=known.phase)
            for root, known in kept.items()
        ]
        found += [IndexStatus(root=folder, phase="off") for folder in self._off - kept.keys()]
        status = tuple(sorted(found, key=lambda one: one.root))
        if status != self._status:
            self._status = status
            self._status_at = asyncio.get_running_loop().time()
            self._on_change()

    def _say(self, text: str) -> None:
        """Each text once: a note is no mistake, and nobody has to do anything."""
        if text not in self._said:
            self._said.add(text)
            self._outbox.log("info", text)


class _Bar:
    """A pass as the editor shows it: nothing for a short one, or where nothing is to be done."""

    def __init__(self, begin: Callable[[], Working]) -> None:
        self._begin = begin
        self._work: Working | None = None
        self._is_long = False
        self._done = self._total = 0
        self._timer = asyncio.get_running_loop().call_later(SHOWN_AFTER_S, self._long)

    def update(self, done: int, total: int) -> None:
        """Files done, files to do."""
        self._done, self._total = done, total
        self._show()

    def close(self) -> None:
        """The pass has ended."""
        self._timer.cancel()
        if self._work is not None:
            self._work.end(self._message())

    def _long(self) -> None:
        self._is_long = True
        self._show()

    def _show(self) -> None:
        if not self._is_long or not self._total:
            return
        if self._work is None:
            self._work = self._begin()
        self._work.report(self._message(), 100 * self._done // self._total)

    def _message(self) -> str:
        return f"{self._done:,} of {self._total:,} files"
