"""How many threads to use while other programs want the CPUs too.

llama.cpp's threads wait for each other after every operation, by spinning. With as many of them as
there are CPUs, one other busy process holds all of them up: on two cores prefill fell from 310 to
16-60 tokens/s. One thread less keeps most of the speed then. So a step of the model that takes much
longer than it should, several times in a row, costs a thread; after a while all are tried again.
"""

from __future__ import annotations

from collections.abc import Callable

# A step is slow from this multiple of the best one on, and so many slow ones in a row count.
SLOW, N_SLOW = 2.5, 3
# How long fewer threads are used before all are tried again.
REST_S = 5.0


class Contention:
    """Watches single-token steps. `use_threads` is told when the number changes."""

    def __init__(
        self, n_threads: int, use_threads: Callable[[int], None], clock: Callable[[], float]
    ) -> None:
        self._most = n_threads
        self._use_threads = use_threads
        self._clock = clock
        self._best_s = 0.0
        self._n_slow = 0
        self._rest_until_s = 0.0
        self.n_threads = n_threads

    def measured(self, step_s: float) -> None:
        """The time of a step with all threads and nobody else, as far as is known."""
        self._best_s = step_s

    def before(self) -> None:
        """A step begins."""
        if self.n_threads < self._most and self._clock() >= self._rest_until_s:
            self._become(self._most)

    def after(self, step_s: float, *, is_estimate: bool = False) -> None:
        """A step of one token took so long, or would have, judged by a step of several."""
        if self._most == 1 or self.n_threads < self._most:
            return
        if not is_estimate:
            self._best_s = min(self._best_s or step_s, step_s)
        self._n_slow = self._n_slow + 1 if step_s > SLOW * self._best_s else 0
        if self._n_slow >= N_SLOW:
            self._rest_until_s = self._clock() + REST_S
            self._become(max(1, self._most - max(1, self._most // 4)))

    def _become(self, count: int) -> None:
        self._n_slow = 0
        self.n_threads = count
        self._use_threads(count)
