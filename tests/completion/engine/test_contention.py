"""Fewer threads while other programs want the CPUs, all of them afterwards."""

from __future__ import annotations

from indoors_completion.engine.contention import N_SLOW, REST_S, SLOW, Contention


class Bench:
    def __init__(self, n_threads: int) -> None:
        self.now = 0.0
        self.used: list[int] = []
        self.watch = Contention(n_threads, self.used.append, lambda: self.now)
        self.watch.measured(0.02)

    def steps(self, count: int, factor: float) -> None:
        for _ in range(count):
            self.watch.before()
            self.watch.after(0.02 * factor)


def test_slow_steps_in_a_row_cost_a_thread_for_a_while() -> None:
    bench = Bench(2)
    bench.steps(N_SLOW - 1, SLOW + 1)
    bench.steps(1, 1.0)
    bench.steps(N_SLOW - 1, SLOW + 1)
    assert bench.used == [], "not in a row"
    bench.steps(1, SLOW + 1)
    assert bench.used == [1]
    bench.steps(20, 1.8)
    assert bench.used == [1], "one thread is slower, and not measured against two"
    bench.now += REST_S
    bench.steps(1, 1.0)
    assert bench.used == [1, 2]


def test_many_threads_lose_a_quarter() -> None:
    bench = Bench(8)
    bench.steps(N_SLOW, 10.0)
    assert bench.used == [6]


def test_a_single_thread_stays() -> None:
    bench = Bench(1)
    bench.steps(50, 10.0)
    assert bench.used == []


def test_batches_count_too_and_are_no_measure_of_the_best() -> None:
    """With drafts there are few steps of one token, and a busy machine would not be noticed."""
    bench = Bench(2)
    for _ in range(N_SLOW):
        bench.watch.before()
        bench.watch.after(0.02 * (SLOW + 1), is_estimate=True)
    assert bench.used == [1]
    other = Bench(2)
    other.watch.after(0.0001, is_estimate=True)
    other.steps(N_SLOW, 1.0)
    assert other.used == [], "an estimate that is too short would make all steps slow"
