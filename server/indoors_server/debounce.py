"""How long to wait for the next key before the model is asked.

Nothing is waited for as long as the model keeps up with the typist: a suggestion that comes later
than it could is a loss. Where three of four requests are superseded before they have an answer,
each of them only takes the machine from the next one, and a short wait is better. A client that
waits by itself is not made to wait twice.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable

LONGEST_S = 0.1
# Of the median time between two keys: two thirds are left for the answer.
SHARE = 1 / 3
# Half of a line of typing; older requests say little about what the machine does now.
_N_REQUESTS = 12
_N_KEYS = 32
# A longer time between keys is a pause, not typing.
_PAUSE_S = 1.5
# What is known of clients that do not say it. Neovim's built-in one sends a request 200 ms after
# the last key (runtime/lua/vim/lsp/inline_completion.lua).
_PATIENT_CLIENTS = frozenset({"Neovim"})


class Debounce:
    """Learns from one session. `clock` gives seconds and only moves forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._client_waits = False
        self._typed_s: float | None = None
        self._between_s: deque[float] = deque(maxlen=_N_KEYS)
        self._in_time: deque[bool] = deque(maxlen=_N_REQUESTS)

    def client(self, name: str, waits: bool | None = None) -> None:
        """Who the client is (`clientInfo.name`), and whether it says that it waits by itself."""
        self._client_waits = name in _PATIENT_CLIENTS if waits is None else waits

    def typed(self) -> None:
        """A document changed."""
        now_s = self._clock()
        if self._typed_s is not None and now_s - self._typed_s < _PAUSE_S:
            self._between_s.append(now_s - self._typed_s)
        self._typed_s = now_s

    def served(self, in_time: bool) -> None:
        """A request that the model was asked for was answered, or was superseded before."""
        self._in_time.append(in_time)

    def delay_s(self) -> float:
        """How long a request should wait before the model is asked for it, in seconds."""
        often_in_time = 4 * sum(self._in_time) >= len(self._in_time)
        if self._client_waits or often_in_time or not self._between_s:
            return 0.0
        return min(LONGEST_S, statistics.median(self._between_s) * SHARE)
