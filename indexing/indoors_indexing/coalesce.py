"""From a stream of changed paths to few batches of them. Pure: the time is handed in.

A person saves one file and wants it known at once; a tool changes ten thousand, and wants them seen
when it is done. So what is waited for grows with what has come:

    few paths, calm so far       0.03 s of quiet, 0.08 s at most
    many, or batch upon batch    0.3 s of quiet, 3 s at most
    more than a pass is worth    paths are dropped, the whole tree is looked at once it is quiet

Whatever comes, what is reported covers every path that was added.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Reason = Literal["many", "overflow", "rules", "root", "watches"]

# Above this many paths a walk over the tree costs less than to look at each of them alone.
MAX_PATHS = 500
# What a person, or a tool that works for one, changes at a time.
_FEW = 32
# Quick reports are given from a store that holds so many and fills at this rate: a file that is
# written all the time would otherwise be read all the time.
_MAX_QUICK, _QUICK_EVERY_S = 5.0, 2.0


class Patience(NamedTuple):
    """How long to wait for more: since the last change, and since the first one at most."""

    quiet_s: float
    most_s: float


SHORT = Patience(0.03, 0.08)
LONG = Patience(0.3, 3.0)
TREE = Patience(0.5, 10.0)


class Changes(NamedTuple):
    """What happened since the last time.

    `paths` are relative and posix; a folder among them is gone, or stands for all below it. With a
    `reconcile` reason the whole tree has to be compared, because paths alone would not cover it.
    """

    paths: tuple[str, ...] = ()
    reconcile: tuple[Reason, ...] = ()


class Coalescer:
    """Collects changes until it is time to report them. Not for several threads at once."""

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}
        self._reasons: dict[Reason, None] = {}
        self._first = self._last = 0.0
        self._quick, self._quick_at = _MAX_QUICK, 0.0

    def __bool__(self) -> bool:
        return bool(self._paths or self._reasons)

    def add(self, path: str, now: float) -> None:
        """Something happened to a path."""
        self._note(now)
        if "many" in self._reasons:
            return
        self._paths[path] = None
        if len(self._paths) > MAX_PATHS:
            self._paths.clear()
            self._reasons["many"] = None

    def reconcile(self, reason: Reason, now: float) -> None:
        """Something happened that paths do not cover."""
        self._note(now)
        self._reasons[reason] = None

    def due(self) -> float | None:
        """When to report, None while there is nothing to."""
        if not self:
            return None
        patience = self._patience()
        return min(self._last + patience.quiet_s, self._first + patience.most_s)

    def take(self, now: float) -> Changes:
        """All that has come, as reported now."""
        changes = Changes(tuple(self._paths), tuple(self._reasons))
        self._paths.clear()
        self._reasons.clear()
        self._quick, self._quick_at = max(self._quick_left(now) - 1, 0.0), now
        return changes

    def put_back(self, changes: Changes, now: float) -> None:
        """Report again what could not be dealt with."""
        for path in changes.paths:
            self.add(path, now)
        for reason in changes.reconcile:
            self.reconcile(reason, now)

    def _note(self, now: float) -> None:
        if not self:
            self._first = now
        self._last = now

    def _patience(self) -> Patience:
        if self._reasons:
            return TREE
        is_busy = self._quick_left(self._first) < 1
        return LONG if is_busy or len(self._paths) > _FEW else SHORT

    def _quick_left(self, now: float) -> float:
        return min(self._quick + (now - self._quick_at) / _QUICK_EVERY_S, _MAX_QUICK)
