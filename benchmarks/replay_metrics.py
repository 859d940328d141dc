"""What is counted for one system in a typing replay, and how the numbers come about.

A `Key` is one event that changed the text. The system fills in where its answer came from and when;
the replay adds what stood on the screen just before the next event. Everything that is published
is computed here from the keys and the totals, so that all systems are measured by one rule.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rows import percentile

# model: the text came from the model for this key. cache: it was there without a model call.
# joined: it came out of a generation that was begun for an earlier key and fits this one, so its
# time is neither that of a request nor that of a cache. empty: the system answered that it has
# nothing. superseded: a later key came first.
Source = Literal["model", "cache", "joined", "empty", "superseded"]


@dataclass(frozen=True)
class Shown:
    """Ghost text: what follows the cursor, and how many characters after it are replaced."""

    text: str
    replaces: int = 0

    @property
    def visible(self) -> bool:
        """Whether there is anything to see."""
        return bool(self.text.strip())

    def line_after_accept(self, before: str, after: str) -> str:
        """The cursor's line if the text were accepted, without the space at its end."""
        first, line_break, _ = self.text.partition("\n")
        tail = "" if line_break else after[self.replaces :]
        return (before + first + tail).rstrip()


@dataclass
class Key:
    """One key and what became of it. Times are seconds of one steady clock, durations are ms."""

    trace: str
    number: int
    before: str
    after: str
    finished: str | None
    pressed_s: float
    source: Source = "superseded"
    first_line_ms: float | None = None
    total_ms: float | None = None
    ttft_ms: float | None = None
    answer_ms: float | None = None  # from the request to its answer
    shown: Shown | None = None

    @property
    def is_shown(self) -> bool:
        """Whether text for this very place was on the screen before the next event."""
        return self.shown is not None and self.shown.visible

    @property
    def is_right(self) -> bool:
        """Whether accepting what is shown would give the line that the person was after."""
        if self.shown is None or not self.shown.visible or self.finished is None:
            return False
        return self.shown.line_after_accept(self.before, self.after) == self.finished.rstrip()


@dataclass
class Totals:
    """What the system itself knows at the end of the run."""

    model_calls: int = 0
    tokens_evaluated: int = 0
    tokens_generated: int = 0
    cpu_s: float = 0.0
    ttft_ms: list[float] = field(default_factory=list)  # beyond those of the keys
    extra: dict[str, Any] = field(default_factory=dict)


def summary(keys: list[Key], totals: Totals) -> dict[str, Any]:
    """The object S of one system."""
    served = [key for key in keys if key.source == "model"]
    hits = [key for key in keys if key.source == "cache"]
    joined = [key for key in keys if key.source == "joined"]
    scored = [key for key in keys if key.finished is not None]
    ttft = [*_values(key.ttft_ms for key in served), *totals.ttft_ms]
    return {
        "first_line_ms": spread(_values(key.first_line_ms for key in served)),
        # How many: a system that cancels measures only the requests that it let end.
        "ttft_ms": {**spread(ttft), "n": len(ttft)},
        "total_ms": spread(_values(key.total_ms for key in served)),
        "tokens_evaluated": totals.tokens_evaluated,
        "tokens_generated": totals.tokens_generated,
        "n": len(keys),
        "n_model_served": len(served),
        "n_cache_hits": len(hits),
        "n_joined": len(joined),
        "n_empty": sum(key.source == "empty" for key in keys),
        "n_superseded": sum(key.source == "superseded" for key in keys),
        "shown_before_next_key": sum(key.is_shown for key in keys),
        "model_calls": totals.model_calls,
        "cpu_s": round(totals.cpu_s, 2),
        "n_scored": len(scored),
        "lines_right": share(sum(key.is_right for key in scored), len(scored)),
        "lines_right_of_shown": share(
            sum(key.is_right for key in scored), sum(key.is_shown for key in scored)
        ),
        "type_through_ms": {
            **spread(_values(key.answer_ms for key in hits)),
            "n": len(hits),
        },
        "joined_ms": spread(_values(key.first_line_ms for key in joined)),
        **totals.extra,
    }


def ratios(systems: dict[str, dict[str, Any]]) -> dict[str, float | None]:
    """Indoors over llama-server; None where one of the two was not run or has no figure."""
    ours, theirs = systems.get("indoors"), systems.get("llama-server")
    paths = {
        "ttft_p50": ("ttft_ms", "p50"),
        "ttft_p95": ("ttft_ms", "p95"),
        "first_line_p50": ("first_line_ms", "p50"),
        "first_line_p95": ("first_line_ms", "p95"),
        "until_shown_p50": ("until_shown_ms", "p50"),
        "until_shown_p95": ("until_shown_ms", "p95"),
        "tokens_evaluated": ("tokens_evaluated",),
        "cpu": ("cpu_s",),
        "shown": ("shown_before_next_key",),
    }
    return {name: _ratio(ours, theirs, path) for name, path in paths.items()}


def _ratio(
    ours: dict[str, Any] | None, theirs: dict[str, Any] | None, path: tuple[str, ...]
) -> float | None:
    if ours is None or theirs is None:
        return None
    one: Any = ours
    two: Any = theirs
    for step in path:
        one, two = (one or {}).get(step), (two or {}).get(step)
    return round(float(one) / float(two), 3) if one is not None and two else None


def spread(values: list[float]) -> dict[str, float | None]:
    """Median and 95th percentile, None for no values."""
    if not values:
        return {"p50": None, "p95": None}
    return {"p50": round(percentile(values, 0.50), 1), "p95": round(percentile(values, 0.95), 1)}


def share(part: int, whole: int) -> float | None:
    """A percentage with one decimal, None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def _values(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def tree_cpu_s(root: int, proc: Path = Path("/proc")) -> float:
    """User and system seconds of a process and all its descendants, the ended ones included.

    A parent that waits for a child takes over its times, so that a worker that was started again
    in between is not lost.
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in parentheses may hold anything, so the fields are counted from its end.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = sum(int(value) for value in fields[11:15])
    total = sum(ticks[pid] for pid in ticks if _descends(pid, root, parents))
    return total / os.sysconf("SC_CLK_TCK")


def machine_cpu_s(stat: Path = Path("/proc/stat")) -> float:
    """Seconds that all CPUs together have been busy since the machine started."""
    user, nice, system, _idle, _wait, irq, soft = map(int, stat.read_text().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root
