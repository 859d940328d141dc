"""Whether the model has been at work for so long that a status bar should say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# A generation shorter than this is not worth a "busy" that flickers in a status bar.
BUSY_AFTER_S = 0.15


class Busy:
    """For everything that runs in one server. `on_change` is called when `is_so` changed."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.is_so = False
        self._on_change = on_change
        self._n_running = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around the model's work."""
        self._n_running += 1
        timer = asyncio.get_running_loop().call_later(BUSY_AFTER_S, self._become, True)
        try:
            yield
        finally:
            timer.cancel()
            self._n_running -= 1
            if self._n_running == 0 and self.is_so:
                self._become(False)

    def _become(self, is_so: bool) -> None:
        self.is_so = is_so
        self._on_change()
