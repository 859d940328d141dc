"""How much memory a process holds with all that it starts, sampled from the process table."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc")
# Each sample reads the whole table, some milliseconds: more often, it would slow what it measures.
INTERVAL_S = 0.05


def rss_bytes(pid: int, proc: Path = _PROC) -> int:
    """Resident bytes of a process and its descendants; 0 once it is gone.

    Pages that several of them share count for each, so this is no less than what they hold.
    """
    children: dict[int, list[int]] = defaultdict(list)
    pages: dict[int, int] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name, in brackets, may hold anything: what counts stands behind the last one.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parent, resident = int(fields[1]), int(fields[21])
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
        children[parent].append(int(entry.name))
        pages[int(entry.name)] = resident
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        total += pages.get(one, 0)
        todo += children.pop(one, [])
    return total * os.sysconf("SC_PAGE_SIZE")


class PeakRss:
    """Samples while a `with` block runs; `peak_mb` (of 10^6 bytes) is the most that was seen."""

    def __init__(
        self, pid: int, measure: Callable[[int], int] = rss_bytes, interval_s: float = INTERVAL_S
    ) -> None:
        self._pid = pid
        self._measure = measure
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._peak = 0

    def __enter__(self) -> PeakRss:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak_mb(self) -> float:
        """The highest sum of any sample."""
        return round(self._peak / 1e6, 1)

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, self._measure(self._pid))
            if self._stop.wait(self._interval_s):
                return
