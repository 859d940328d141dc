"""A comparison of the tree with the index in small slices: by size and time, beside other work.

It finds what no event told, and is all there is where there are no events. What it names is only
looked at more closely, so that naming too much costs a read and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping

from indoors_indexing.reading import Unreadable
from indoors_indexing.records import Known
from indoors_indexing.scan import Found, Scan, never, walk
from indoors_indexing.selection import EVERYTHING, Selection

# What one slice may name: more is given in the next one.
MAX_NAMED = 200


class Sweep:
    """One comparison, from its beginning to its end. `known` is what the index holds.

    Close it if it is not run to its end: it keeps folders open.
    """

    def __init__(
        self,
        root: str,
        known: Mapping[str, Known],
        selection: Selection = EVERYTHING,
        *,
        cancelled: Callable[[], bool] = never,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = dict(known)
        self._clock = clock
        self._scan = Scan(cancelled)
        self._walk: Generator[Found, None, None] = walk(root, self._scan, selection)
        self._gone: list[str] | None = None
        self.worked_s = 0.0
        self.is_done = False

    def step(self, budget_s: float) -> list[str]:
        """Go on for about so long; the paths that differ. Never raises on anything in the tree."""
        start = self._clock()
        try:
            return self._step(start + budget_s)
        finally:
            self.worked_s += self._clock() - start

    def close(self) -> None:
        """Give it up, wherever it is."""
        self.is_done = True
        self._walk.close()

    def _step(self, end: float) -> list[str]:
        named: list[str] = []
        while self._gone is None and len(named) < MAX_NAMED:
            try:
                found = next(self._walk, None)
            except Unreadable:
                found = None
            if found is None:
                # What was not met is gone only if everything was seen.
                self._gone = list(self._left) if self._scan.is_complete else []
                break
            before = self._left.pop(found.path, None)
            if before is None or before[:2] != (found.size, found.mtime_ns):
                named.append(found.path)
            if self._clock() >= end:
                return named
        if self._gone is not None:
            room = MAX_NAMED - len(named)
            named += self._gone[:room]
            del self._gone[:room]
            self.is_done = not self._gone
        return named
