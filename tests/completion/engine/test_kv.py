"""Slots and reuse, on a memory that knows what llama.cpp's can and cannot do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.engine.kv import Lease, SlotCache, common_prefix


class FakeMemory:
    """Positions per sequence. `cuttable` False refuses partial removal, as recurrent models do;
    `window` drops what is further back than that, as a sliding window may."""

    def __init__(self, cuttable: bool = True, window: int = 0) -> None:
        self.cuttable = cuttable
        self.window = window
        self.held: dict[int, list[int]] = {}

    def add(self, seq: int, count: int) -> None:
        held = self.held.setdefault(seq, [])
        begin = held[-1] + 1 if held else 0
        held.extend(range(begin, begin + count))
        if self.window:
            del held[: -self.window]

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        held = self.held.get(seq, [])
        kept = [p for p in held if p < max(start, 0) or (end >= 0 and p >= end)]
        if kept and kept != held and not self.cuttable:
            return False
        self.held[seq] = kept
        return True

    def pos_min(self, seq: int) -> int:
        return min(self.held.get(seq, []), default=-1)

    def pos_max(self, seq: int) -> int:
        return max(self.held.get(seq, []), default=-1)


class Bench:
    def __init__(self, n_slots: int = 3, n_cells: int = 100, **options: object) -> None:
        self.memory = FakeMemory(**options)  # type: ignore[arg-type]
        self.cache = SlotCache(self.memory, n_slots, n_cells)

    def run(self, slot: str, prompt: list[int], room: int = 5) -> Lease:
        """Acquire and evaluate the rest, as the runner does."""
        lease = self.cache.acquire(slot, prompt, room)
        rest = prompt[lease.n_reused :]
        assert rest, "nothing was left to evaluate"
        self.memory.add(lease.seq, len(rest))
        self.cache.extend(slot, rest)
        self.check()
        return lease

    def check(self) -> None:
        total = 0
        for name, slot in self.cache._slots.items():
            assert self.memory.pos_max(slot.seq) + 1 == len(self.cache.tokens(name))
            total += len(self.cache.tokens(name))
        assert total == self.cache.n_cells_used
        assert self.memory.held.get(self.cache.spare_seq, []) == []


def test_a_longer_prefix_evaluates_only_what_is_new() -> None:
    bench = Bench()
    assert bench.run("a", [1, 2, 3, 90, 91]).n_reused == 0
    assert bench.run("a", [1, 2, 3, 4, 90, 91]).n_reused == 3
    assert bench.cache.tokens("a") == (1, 2, 3, 4, 90, 91)


def test_the_same_prompt_again_evaluates_one_token() -> None:
    bench = Bench()
    bench.run("a", [1, 2, 3])
    assert bench.run("a", [1, 2, 3]).n_reused == 2
    assert bench.run("a", [1, 2]).n_reused == 1


def test_slots_do_not_disturb_each_other() -> None:
    bench = Bench()
    a, b = bench.run("a", [1, 2, 3]), bench.run("b", [1, 2, 3])
    assert a.seq != b.seq
    assert bench.run("a", [1, 2, 3, 4]).n_reused == 3
    assert bench.run("b", [1, 2, 3, 4]).n_reused == 3


def test_the_least_recently_used_document_leaves_first() -> None:
    bench = Bench(n_slots=2)
    bench.run("a", [1])
    bench.run("b", [2])
    bench.run("a", [1, 1])
    bench.run("c", [3])
    assert bench.cache.tokens("b") == ()
    assert bench.cache.tokens("a") == (1, 1)


def test_room_for_the_answer_is_made_before_it_is_needed() -> None:
    bench = Bench(n_cells=20)
    bench.run("a", list(range(8)))
    bench.run("b", list(range(8)), room=4)  # 8 + 8 + 4 = 20 cells: just enough
    assert len(bench.cache.tokens("a")) == 8
    bench.run("b", list(range(9)), room=4)
    assert bench.cache.tokens("a") == ()


def test_a_memory_that_cannot_be_cut_starts_again() -> None:
    bench = Bench(cuttable=False)
    bench.run("a", [1, 2, 3, 4])
    assert bench.run("a", [1, 2, 5]).n_reused == 0
    # Only appending needs no cut.
    assert bench.run("a", [1, 2, 5, 6]).n_reused == 3


def test_a_window_that_dropped_the_beginning_starts_again() -> None:
    memory = FakeMemory(window=4)
    cache = SlotCache(memory, 2, 100)
    lease = cache.acquire("a", [1, 2, 3, 4, 5, 6], 2)
    memory.add(lease.seq, 6)
    cache.extend("a", [1, 2, 3, 4, 5, 6])
    assert cache.acquire("a", [1, 2, 3, 4, 5, 7], 2).n_reused == 0


def test_an_aborted_batch_leaves_what_the_memory_holds() -> None:
    bench = Bench()
    lease = bench.cache.acquire("a", list(range(30)), 5)
    bench.memory.add(lease.seq, 10)
    bench.cache.extend("a", list(range(10)))
    bench.memory.add(lease.seq, 3)  # a part of the aborted batch stayed
    bench.cache.settle("a")
    bench.check()
    assert bench.cache.tokens("a") == tuple(range(10))
    assert bench.run("a", list(range(30))).n_reused == 10


def test_forget() -> None:
    bench = Bench(n_slots=1)
    bench.run("a", [1, 2])
    bench.cache.forget("a")
    bench.cache.forget("never seen")
    assert bench.cache.n_cells_used == 0
    bench.run("b", [1])
    bench.cache.forget_others("b")
    assert bench.cache.tokens("b") == (1,)


def test_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([], [1]) == 0
    assert common_prefix([1], [1, 2]) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.lists(st.integers(0, 2), min_size=1, max_size=25),
            st.integers(1, 10),
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_any_sequence_of_requests(
    requests: list[tuple[str, list[int], int]], cuttable: bool
) -> None:
    bench = Bench(n_slots=3, n_cells=40, cuttable=cuttable)
    for slot, prompt, room in requests:
        lease = bench.run(slot, prompt, room)
        assert bench.cache.tokens(slot) == tuple(prompt)
        assert lease.n_reused < len(prompt)
        assert bench.cache.n_cells_used + room <= 40
