"""Which request may run: per document the latest one wins.

Neovim's client does not cancel the request before, so the server does. A superseded request is
answered (empty) at once; a request that the client cancelled ends in `CancelledError`, which the
protocol layer answers with RequestCancelled. Either way: exactly one answer (I8), and the work
behind it is cancelled, which reaches the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class Ticket:
    """One admitted request: when it came and whether a newer one took its place."""

    def __init__(self, arrived_s: float) -> None:
        self.arrived_s = arrived_s
        self.superseded = False
        self.task: asyncio.Future[Any] | None = None

    def supersede(self) -> None:
        """End the work of this request."""
        self.superseded = True
        if self.task is not None:
            self.task.cancel()


class Scheduler:
    """Admits requests. `clock` gives seconds and only moves forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._latest: dict[str, Ticket] = {}

    @property
    def n_running(self) -> int:
        """How many documents have a request running."""
        return len(self._latest)

    async def run(
        self,
        key: str,
        work: Callable[[float], Awaitable[_T]],
        deadline_s: float,
    ) -> _T | None:
        """Run `work` as the latest request of `key`; None if superseded or past the deadline.

        `work` gets the seconds that are left when it starts. The deadline is a backstop: work
        that watches its own time ends before it.
        """
        ticket = Ticket(self._clock())
        if (previous := self._latest.get(key)) is not None:
            previous.supersede()
        self._latest[key] = ticket
        try:
            # Let what arrived in the same read (a cancel, a newer request) be seen first.
            await asyncio.sleep(0)
            if ticket.superseded:
                return None
            left_s = deadline_s - (self._clock() - ticket.arrived_s)
            ticket.task = asyncio.ensure_future(work(left_s))
            return await asyncio.wait_for(ticket.task, max(left_s, 0.0))
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if ticket.superseded and not (current is not None and current.cancelling()):
                return None
            raise
        finally:
            if self._latest.get(key) is ticket:
                del self._latest[key]

    def cancel_all(self) -> None:
        """End the work of every request (each is answered empty)."""
        for ticket in list(self._latest.values()):
            ticket.supersede()
