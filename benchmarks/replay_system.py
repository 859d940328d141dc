"""What is replayed against: the interface of a system, and the clockwork that presses its keys."""

from __future__ import annotations

import asyncio
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from replay_metrics import Key, Shown, Totals, machine_cpu_s, spread, tree_cpu_s
from replay_trace import Change, Document, Event, Trace, finished_lines

# An editor opens files some time before typing starts.
IDLE_BEFORE_TYPING_S = 2.0
# After the last key its answer may still come; longer than this nobody waits.
AFTER_LAST_KEY_S = 2.0
# A key that is pressed later than this was held up by this program or by the machine.
_LATE_MS = 30.0
# Nobody sees a difference below this.
_AT_ONCE_MS = 10.0


class SystemFailed(Exception):
    """The system cannot be replayed against; the text says why and what to do."""


class System(ABC):
    """One completion system with its client, as an editor would hold it."""

    name: str
    # Called when the ghost text may have changed between two keys.
    on_change: Callable[[], None] = staticmethod(lambda: None)

    @property
    @abstractmethod
    def pid(self) -> int:
        """The process whose tree does the work."""

    @abstractmethod
    async def start(self) -> None:
        """Start it and wait until its model is loaded. Raises SystemFailed."""

    @abstractmethod
    async def open(self, trace: Trace, document: Document) -> None:
        """The editor opens the document."""

    @abstractmethod
    def press(self, key: Key, document: Document, change: Change, event: Event) -> None:
        """The text changed: show, ask, do what the client does at a key. Must not wait."""

    @abstractmethod
    def jump(self, document: Document) -> None:
        """The cursor went elsewhere."""

    @abstractmethod
    def shown(self) -> Shown | None:
        """The ghost text that is on the screen now."""

    def accepting(self, text: str) -> None:
        """The person is about to accept `text`; the key follows."""
        del text

    @abstractmethod
    async def settled(self) -> None:
        """Wait until the last key's answer is there, or it is known that none will come."""

    @abstractmethod
    async def close(self) -> None:
        """The editor closes the document."""

    @abstractmethod
    async def totals(self) -> Totals:
        """What it knows about the whole run, at its end."""

    @abstractmethod
    async def stop(self) -> None:
        """End its processes; also after a failure."""


@dataclass
class Replay:
    """How the keys are pressed, and what came of it."""

    speed: float = 1.0
    patient: bool = False
    keys: list[Key] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    # How long the typist saw nothing: from the first key with nothing on the screen until something
    # was, whatever was typed in between. No request drops out of this because it was cancelled.
    until_shown_ms: list[float] = field(default_factory=list)
    n_never_shown: int = 0
    _bare_since_s: float | None = None

    async def run(self, system: System, traces: list[Trace]) -> Totals:
        """All traces against one system. Raises SystemFailed; the system is ended either way."""
        try:
            await system.start()
            system.on_change = lambda: self._look(system)
            before_s, machine_before_s = tree_cpu_s(system.pid), machine_cpu_s()
            own_before_s = time.process_time()
            for number, trace in enumerate(traces, 1):
                await self._one(system, trace)
                sys.stderr.write(f"{system.name} {number}/{len(traces)} {trace.name}\n")
                sys.stderr.flush()
            totals = await system.totals()
            totals.cpu_s = tree_cpu_s(system.pid) - before_s
            # What the machine did besides: more than a few percent of cpu_s spoils the run.
            busy_s = machine_cpu_s() - machine_before_s - totals.cpu_s
            busy_s -= time.process_time() - own_before_s
            totals.extra["other_cpu_s"] = round(max(0.0, busy_s), 2)
            totals.extra |= self._lateness()
            totals.extra["until_shown_ms"] = {
                **spread(self.until_shown_ms),
                "n": len(self.until_shown_ms),
                "n_never": self.n_never_shown,
            }
            return totals
        finally:
            await system.stop()

    async def _one(self, system: System, trace: Trace) -> None:
        document = Document(trace.text, *trace.cursor)
        wanted = finished_lines(trace)
        await system.open(trace, document)
        await asyncio.sleep(IDLE_BEFORE_TYPING_S)
        began_s = time.perf_counter()
        held_up_s = 0.0  # how long the clock stood still while a patient typist waited
        last: Key | None = None
        for number, event in enumerate(trace.events):
            due_s = began_s + held_up_s + event.at_ms / 1000 / self.speed
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            self.late_ms.append(max(0.0, time.perf_counter() - due_s) * 1000)
            if last is not None:
                last.shown = system.shown()
            last = self._do(system, trace, number, document, wanted[number])
            if last is not None and self.patient:
                waiting_since_s = time.perf_counter()
                await system.settled()
                held_up_s += time.perf_counter() - waiting_since_s
        if last is not None:
            await asyncio.sleep(AFTER_LAST_KEY_S)
            last.shown = system.shown()
        self._give_up()
        await system.close()

    def _do(
        self, system: System, trace: Trace, number: int, document: Document, finished: str | None
    ) -> Key | None:
        event = trace.events[number]
        if event.kind == "accept":
            system.accepting(event.text)
        change = document.apply(event)
        if change is None:
            self._give_up()
            system.jump(document)
            return None
        key = Key(
            trace=trace.name,
            number=number,
            before=document.before,
            after=document.after,
            finished=finished,
            pressed_s=time.perf_counter(),
        )
        self.keys.append(key)
        if self._bare_since_s is None:
            self._bare_since_s = key.pressed_s
        system.press(key, document, change, event)
        self._look(system)
        return key

    def _look(self, system: System) -> None:
        """Something is on the screen, maybe for the first time in a while."""
        shown = system.shown()
        if self._bare_since_s is None or shown is None or not shown.visible:
            return
        waited_ms = (time.perf_counter() - self._bare_since_s) * 1000
        # What was there at the key itself is no wait: typed through, or from a cache.
        if waited_ms > _AT_ONCE_MS:
            self.until_shown_ms.append(waited_ms)
        self._bare_since_s = None

    def _give_up(self) -> None:
        """The typist leaves this place; what did not come by now never came."""
        self.n_never_shown += self._bare_since_s is not None
        self._bare_since_s = None

    def _lateness(self) -> dict[str, Any]:
        return {
            "keys_late_ms": spread(self.late_ms),
            "n_keys_late": sum(late > _LATE_MS for late in self.late_ms),
        }
