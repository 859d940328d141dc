"""Slots and reuse, on a memory that knows what llama.cpp's can and cannot do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.engine.kv import MAX_STALE, Lease, SlotCache
from indoors_completion.engine.prompt import Prompt
from indoors_completion.engine.slot import Choice, Memo
from indoors_completion.engine.splice import MIN_RUN, common_prefix

MARK, MIDDLE = 1000, 1001


class FakeMemory:
    """Which token each position of a sequence holds, as far as the test told it.

    `cuttable` False refuses partial removal, as recurrent models do; `window` drops what is further
    back than that, as a sliding window may.
    """

    def __init__(self, cuttable: bool = True, window: int = 0) -> None:
        self.cuttable = cuttable
        self.window = window
        self.held: dict[int, dict[int, int]] = {}

    def add(self, seq: int, tokens: list[int]) -> None:
        held = self.held.setdefault(seq, {})
        begin = max(held, default=-1) + 1
        held.update(zip(range(begin, begin + len(tokens)), tokens, strict=True))
        if self.window:
            for position in sorted(held)[: -self.window]:
                del held[position]

    def seq_rm(self, seq: int, start: int, end: int) -> bool:
        held = self.held.get(seq, {})
        kept = {p: t for p, t in held.items() if p < max(start, 0) or (end >= 0 and p >= end)}
        if kept and kept != held and not self.cuttable:
            return False
        self.held[seq] = kept
        return True

    def seq_cp(self, source: int, target: int, start: int, end: int) -> None:
        for position, token in self.held.get(source, {}).items():
            if position >= max(start, 0) and (end < 0 or position < end):
                self.held.setdefault(target, {})[position] = token

    def seq_add(self, seq: int, start: int, end: int, delta: int) -> None:
        moved = self.held.get(seq, {})
        self.held[seq] = {p + delta if start <= p < end else p: t for p, t in moved.items()}

    def pos_min(self, seq: int) -> int:
        return min(self.held.get(seq, {}), default=-1)

    def pos_max(self, seq: int) -> int:
        return max(self.held.get(seq, {}), default=-1)


def plain(tokens: list[int], room: int = 5) -> Prompt:
    return Prompt(tuple(tokens), room)


def fim(prefix: list[int], suffix: list[int], room: int = 5) -> Prompt:
    """`prefix MARK suffix MIDDLE`, the suffix movable."""
    start = len(prefix) + 1
    return Prompt((*prefix, MARK, *suffix, MIDDLE), room, (start, start + len(suffix)))


SUFFIX = list(range(500, 540))


class Bench:
    def __init__(self, n_slots: int = 3, n_cells: int = 2000, **options: object) -> None:
        self.memory = FakeMemory(**options)  # type: ignore[arg-type]
        self.cache = SlotCache(self.memory, n_slots, n_cells)

    def run(self, name: str, prompt: Prompt, n_exact: int = 0) -> Lease:
        """Acquire and evaluate the rest, as the runner does."""
        lease = self.cache.acquire(name, prompt, n_exact)
        assert lease.steps, "nothing was left to evaluate"
        self.evaluate(lease, prompt)
        self.cache.commit(name, lease)
        assert self.cache.tokens(name) == prompt.tokens
        self.check()
        return lease

    def refresh(self, name: str, prompt: Prompt, n_allowed: int = 10**6) -> Lease | None:
        """Refresh, of which only `n_allowed` tokens are evaluated before it is preempted."""
        lease = self.cache.refresh(name, prompt)
        if lease is not None and self.evaluate(lease, prompt, n_allowed):
            self.cache.commit(name, lease)
        self.check()
        return lease

    def evaluate(self, lease: Lease, prompt: Prompt, n_allowed: int = 10**6) -> bool:
        for number, (start, end) in enumerate(lease.steps):
            if number:
                assert self.cache.graft(lease.slot)
            for token in prompt.tokens[start:end]:
                if n_allowed == 0:
                    self.cache.settle(lease.slot)
                    return False
                n_allowed -= 1
                self.memory.add(lease.slot.seq, [token])
                self.cache.extend(lease.slot, [token])
        return True

    def check(self) -> None:
        """The record is what the memory holds, and nothing lies around in the parking sequence."""
        for slot in self.cache._slots.values():
            for each in (slot, slot.shadow):
                if each is not None:
                    held = self.memory.held.get(each.seq, {})
                    assert held == dict(enumerate(each.tokens))
                    assert each.parked is None
        assert self.memory.held.get(self.cache._parking, {}) == {}


def test_a_longer_prefix_evaluates_only_what_is_new() -> None:
    bench = Bench()
    assert bench.run("a", plain([1, 2, 3, 90, 91])).n_reused == 0
    assert bench.run("a", plain([1, 2, 3, 4, 90, 91])).n_reused == 3


def test_the_same_prompt_again_evaluates_one_token_or_none_with_its_logits() -> None:
    bench = Bench()
    prompt = plain([1, 2, 3])
    lease = bench.run("a", prompt)
    assert bench.run("a", prompt).n_reused == 2
    lease.slot.memo = Memo(prompt.tokens, None, b"")
    assert bench.cache.memo("a", prompt) is lease.slot.memo
    assert bench.cache.acquire("a", prompt, 0).steps == ()
    assert bench.run("a", plain([1, 2])).n_reused == 1
    assert bench.cache.memo("a", prompt) is None


def test_known_choices_after_the_prompt_stay() -> None:
    bench = Bench()
    prompt = plain([1, 2, 3])
    slot = bench.run("a", prompt).slot
    slot.memo = Memo(prompt.tokens, None, b"")
    bench.memory.add(slot.seq, [7, 8, 9])
    bench.cache.extend(slot, [7, 8, 9])
    lease = bench.cache.acquire("a", prompt, 0, [Choice(7, -0.1), Choice(8, -0.1)])
    assert (lease.steps, bench.cache.tokens("a")) == ((), (1, 2, 3, 7, 8))


def test_slots_do_not_disturb_each_other() -> None:
    bench = Bench()
    a, b = bench.run("a", plain([1, 2, 3])), bench.run("b", plain([1, 2, 3]))
    assert a.slot.seq != b.slot.seq
    assert bench.run("a", plain([1, 2, 3, 4])).n_reused == 3
    assert bench.run("b", plain([1, 2, 3, 4])).n_reused == 3


def test_the_least_recently_used_document_leaves_first() -> None:
    bench = Bench(n_slots=2)
    bench.run("a", plain([1]))
    bench.run("b", plain([2]))
    bench.run("a", plain([1, 1]))
    bench.run("c", plain([3]))
    assert bench.cache.tokens("b") == ()
    assert bench.cache.tokens("a") == (1, 1)


def test_room_for_the_answer_is_made_before_it_is_needed() -> None:
    bench = Bench(n_cells=20)
    bench.run("a", plain(list(range(8))))
    bench.run("b", plain(list(range(8)), room=4))  # 8 + 8 + 4 = 20 cells: just enough
    assert len(bench.cache.tokens("a")) == 8
    bench.run("b", plain(list(range(9)), room=4))
    assert bench.cache.tokens("a") == ()


def test_a_memory_that_cannot_be_cut_starts_again() -> None:
    bench = Bench(cuttable=False)
    bench.run("a", plain([1, 2, 3, 4]))
    assert bench.run("a", plain([1, 2, 5])).n_reused == 0
    # Only appending needs no cut.
    assert bench.run("a", plain([1, 2, 5, 6])).n_reused == 3


def test_a_window_that_dropped_the_beginning_starts_again() -> None:
    memory = FakeMemory(window=4)
    cache = SlotCache(memory, 2, 100)
    lease = cache.acquire("a", plain([1, 2, 3, 4, 5, 6], 2), 0)
    memory.add(lease.slot.seq, [1, 2, 3, 4, 5, 6])
    cache.extend(lease.slot, [1, 2, 3, 4, 5, 6])
    assert cache.acquire("a", plain([1, 2, 3, 4, 5, 7], 2), 0).n_reused == 0


# --- the splice -------------------------------------------------------------------------------


def test_an_insertion_moves_the_suffix_and_evaluates_its_marker_anew() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    lease = bench.run("a", fim([1, 2, 3, 4, 5], SUFFIX))
    assert lease.steps == ((3, 6), (46, 47)), "two new tokens and the marker, then the middle"
    assert (lease.n_moved, lease.n_stale, lease.n_reused) == (40, 2, 43)


def test_staleness_is_the_distance_from_the_prefix_the_suffix_was_made_for() -> None:
    bench = Bench()
    prefix = [1, 2, 3]
    bench.run("a", fim(prefix, SUFFIX))
    for count in range(1, 6):
        assert bench.run("a", fim([*prefix, *range(10, 10 + count)], SUFFIX)).n_stale == count
    back = bench.run("a", fim([1, 2], SUFFIX))
    assert (back.n_stale, back.n_moved) == (1, 40), "a deletion moves it back"
    assert bench.run("a", fim(prefix, SUFFIX)).n_stale == 0


def test_a_suffix_that_is_too_stale_is_evaluated_anew() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    far = [1, 2, 3, *range(10, 10 + MAX_STALE + 1)]
    assert bench.run("a", fim(far[:-1], SUFFIX)).n_moved == 40
    lease = bench.run("a", fim(far, SUFFIX))
    assert (lease.n_moved, lease.n_stale) == (0, 0)
    assert bench.run("a", fim([*far, 9], SUFFIX)).n_stale == 1, "counted from the new prefix"


def test_where_exact_is_affordable_it_is_exact() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    bench.run("a", fim([1, 2, 3, 4], SUFFIX), n_exact=10)  # 42 are missing: moved
    lease = bench.run("a", fim([1, 2, 3, 4, 5], SUFFIX), n_exact=50)
    assert (lease.n_moved, lease.n_stale, lease.n_reused) == (0, 0, 4)


def test_a_stale_suffix_is_not_taken_for_exact() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    moved = fim([1, 2, 3, 4], SUFFIX)
    bench.run("a", moved)
    assert bench.run("a", moved).n_stale == 1, "as it is, while nobody asks for more"
    lease = bench.run("a", moved, n_exact=100)
    assert (lease.n_stale, lease.n_reused) == (0, 5), "only prefix and marker are exact"


def test_a_closer_before_the_suffix_and_a_line_behind_it() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    lease = bench.run("a", fim([1, 2, 3, 4], [77, *SUFFIX, 88, 89]))
    assert lease.steps == ((3, 6), (46, 49))
    lease = bench.run("a", fim([1, 2, 3, 4, 5], [*SUFFIX, 88, 89]))
    assert lease.n_moved == 42


def test_a_short_common_run_is_not_worth_moving() -> None:
    bench = Bench()
    short = SUFFIX[: MIN_RUN - 1]
    bench.run("a", fim([1, 2, 3], short))
    assert bench.run("a", fim([1, 2, 3, 4], short)).n_moved == 0


def test_a_model_that_refuses_the_splice_evaluates_the_suffix() -> None:
    bench = Bench()
    bench.cache.can_splice = False
    bench.run("a", fim([1, 2, 3], SUFFIX))
    lease = bench.run("a", fim([1, 2, 3, 4], SUFFIX))
    assert (lease.n_moved, lease.n_reused) == (0, 3)
    assert bench.refresh("a", fim([1, 2, 3, 4, 5], SUFFIX)) is not None
    assert bench.cache._slots["a"].shadow is None, "no shadow without a splice"


def test_a_splice_that_was_cancelled_keeps_the_suffix() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    prompt = fim([1, 2, 3, 4, 5, 6], SUFFIX)
    lease = bench.cache.acquire("a", prompt, 0)
    assert not bench.evaluate(lease, prompt, n_allowed=2)
    bench.check()
    assert bench.cache.tokens("a") == (1, 2, 3, 4, 5, *SUFFIX)
    lease = bench.run("a", prompt)
    assert (lease.n_moved, lease.n_reused) == (40, 45)


def test_an_aborted_batch_leaves_what_the_memory_holds() -> None:
    bench = Bench()
    prompt = plain(list(range(30)))
    lease = bench.cache.acquire("a", prompt, 0)
    bench.memory.add(lease.slot.seq, list(range(10)))
    bench.cache.extend(lease.slot, list(range(10)))
    bench.memory.add(lease.slot.seq, [10, 11, 12])  # a part of the aborted batch stayed
    bench.cache.settle(lease.slot)
    bench.check()
    assert bench.cache.tokens("a") == tuple(range(10))
    assert bench.run("a", prompt).n_reused == 10


# --- refresh ----------------------------------------------------------------------------------


def test_a_refresh_makes_the_suffix_exact() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    now = fim([1, 2, 3, 4], SUFFIX)
    assert bench.run("a", now).n_stale == 1
    lease = bench.refresh("a", now)
    assert lease is not None
    assert lease.n_reused == 4, "the prefix is shared; marker, suffix and middle are evaluated"
    assert bench.cache.tokens("a") == now.tokens
    assert bench.run("a", now, n_exact=100).n_reused == len(now.tokens) - 1, "all but the logits"
    assert bench.run("a", fim([1, 2, 3, 4, 5], SUFFIX)).n_stale == 1


def test_a_preempted_refresh_costs_the_keystroke_nothing_and_goes_on() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    bench.run("a", fim([1, 2, 3, 4], SUFFIX))
    bench.refresh("a", fim([1, 2, 3, 4], SUFFIX), n_allowed=21)  # marker and 20 of the suffix
    lease = bench.run("a", fim([1, 2, 3, 4, 5], SUFFIX))
    assert lease.n_moved == 40, "the stale suffix still serves"
    lease = bench.refresh("a", fim([1, 2, 3, 4, 5], SUFFIX))
    assert lease is not None
    assert lease.n_moved == 20
    assert bench.cache.tokens("a") == fim([1, 2, 3, 4, 5], SUFFIX).tokens
    assert bench.run("a", fim([1, 2, 3, 4, 5, 6], SUFFIX)).n_stale == 2, "since it was begun"


def test_a_refresh_of_the_same_prompt_goes_on_without_moving() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    now = fim([1, 2, 3, 4], SUFFIX)
    bench.run("a", now)
    bench.refresh("a", now, n_allowed=21)
    lease = bench.refresh("a", now)
    assert lease is not None
    assert (lease.n_moved, lease.n_reused) == (0, 25)
    assert bench.run("a", fim([1, 2, 3, 4, 5], SUFFIX)).n_stale == 1


def test_only_one_shadow_at_a_time() -> None:
    bench = Bench()
    for name in "ab":
        bench.run(name, fim([1, 2, 3], SUFFIX))
        bench.run(name, fim([1, 2, 3, 4], SUFFIX))
        bench.refresh(name, fim([1, 2, 3, 4], SUFFIX), n_allowed=15)
    shadows = [slot.shadow is not None for slot in bench.cache._slots.values()]
    assert shadows == [False, True]


def test_prewarming_evaluates_in_place() -> None:
    bench = Bench()
    prompt = fim([1, 2, 3], SUFFIX)
    lease = bench.refresh("a", prompt)
    assert lease is not None
    assert bench.cache.tokens("a") == prompt.tokens
    assert bench.cache._slots["a"].shadow is None


def test_no_room_no_refresh_and_nothing_lost() -> None:
    bench = Bench(n_cells=60)
    bench.run("a", fim([1, 2, 3], SUFFIX))
    bench.run("a", fim([1, 2, 3, 4], SUFFIX))
    assert bench.refresh("a", fim([1, 2, 3, 4], SUFFIX)) is None
    assert bench.run("a", fim([1, 2, 3, 4, 5], SUFFIX)).n_moved == 40


def test_forget() -> None:
    bench = Bench(n_slots=1)
    bench.run("a", fim([1, 2, 3], SUFFIX))
    bench.run("a", fim([1, 2, 3, 4], SUFFIX))
    bench.refresh("a", fim([1, 2, 3, 4], SUFFIX), n_allowed=15)
    bench.cache.forget("a")
    bench.cache.forget("never seen")
    assert bench.cache.n_cells_used == 0
    assert not any(bench.memory.held.values())
    bench.run("b", plain([1]))
    bench.cache.forget_others("b")
    assert bench.cache.tokens("b") == (1,)


def test_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([], [1]) == 0
    assert common_prefix([1], [1, 2]) == 1


TOKENS = st.integers(0, 2)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.lists(TOKENS, min_size=1, max_size=12),
            st.lists(TOKENS, min_size=0, max_size=40),
            st.sampled_from(["run", "exact", "refresh", "cancelled", "preempted"]),
            st.integers(0, 30),
        ),
        max_size=25,
    ),
    st.booleans(),
    st.booleans(),
    st.integers(60, 150),
)
def test_any_sequence_of_requests(
    requests: list[tuple[str, list[int], list[int], str, int]],
    cuttable: bool,
    splices: bool,
    n_cells: int,
) -> None:
    """Whatever is asked, evaluated in part or wholly: the memory holds what the record says."""
    bench = Bench(n_slots=3, n_cells=n_cells, cuttable=cuttable)
    bench.cache.can_splice = splices and cuttable
    for name, prefix, suffix, kind, n_allowed in requests:
        prompt = fim(prefix, suffix) if suffix else plain(prefix)
        if kind in ("refresh", "preempted"):
            bench.refresh(name, prompt, n_allowed if kind == "preempted" else 10**6)
        elif kind == "cancelled":
            bench.evaluate(bench.cache.acquire(name, prompt, 0), prompt, n_allowed)
            bench.check()
        else:
            lease = bench.run(name, prompt, 100 if kind == "exact" else 0)
            assert lease.n_reused < len(prompt.tokens)
            assert kind == "run" or lease.n_stale == 0
        assert bench.cache.n_cells_used <= n_cells


def test_a_closer_that_merges_with_what_follows() -> None:
    """`\\n\\n` is one token, `)\\n\\n` another: the first token of both suffixes differs."""
    bench = Bench()
    bench.run("a", fim([1, 2, 3], [60, *SUFFIX]))
    assert bench.run("a", fim([1, 2, 3, 4], [61, *SUFFIX])).steps == ((3, 6), (46, 47))


# --- a window that moves, a cursor that jumps -------------------------------------------------

OTHER = list(range(700, 740))


def test_an_interrupted_move_of_the_window_goes_on_where_it_was() -> None:
    bench = Bench()
    old, moved = list(range(1, 60)), [1, 2, *range(30, 60)]
    bench.run("a", fim(old, SUFFIX))
    bench.refresh("a", fim(moved, SUFFIX), n_allowed=20)
    assert bench.run("a", fim([*old, 60], SUFFIX)).n_moved == 40, "who types on loses nothing"
    lease = bench.refresh("a", fim([*moved, 60], SUFFIX), n_allowed=15)
    assert lease is not None
    assert lease.n_reused == 22, "the two that are shared, and the twenty that were evaluated"
    lease = bench.refresh("a", fim([*moved, 60, 61], SUFFIX))
    assert lease is not None
    # All of the prefix, and from the first of the two that came in between on, the suffix is moved.
    assert lease.n_reused >= 33
    assert bench.cache.tokens("a") == fim([*moved, 60, 61], SUFFIX).tokens


def test_a_window_that_moves_to_another_suffix_leaves_the_one_in_use() -> None:
    bench = Bench()
    old = list(range(1, 60))
    bench.run("a", fim(old, SUFFIX))
    bench.refresh("a", fim([1, 2, *range(30, 60)], OTHER), n_allowed=20)
    assert bench.run("a", fim([*old, 60], OTHER)).n_reused == 59


def test_a_window_that_moves_at_the_end_of_a_file_leaves_the_one_in_use() -> None:
    bench = Bench()
    old = list(range(1, 60))
    bench.run("a", plain(old))
    bench.refresh("a", plain([1, 2, *range(30, 60)]), n_allowed=20)
    assert bench.run("a", plain([*old, 60])).n_reused == 59
    assert bench.refresh("a", plain([1, 2, *range(30, 62)])) is not None
    assert bench.run("a", plain([1, 2, *range(30, 63)])).n_reused == 34
    bench.refresh("a", plain([1, 2, *range(30, 80)]))
    assert bench.cache._slots["a"].shadow is None, "where the prefix only grows nothing is lost"


def test_what_was_begun_at_a_jump_serves_the_request_that_follows() -> None:
    bench = Bench()
    bench.run("a", fim(list(range(1, 60)), SUFFIX))
    there = fim(list(range(200, 260)), OTHER)
    bench.refresh("a", there, n_allowed=25)
    assert bench.run("a", there).n_reused == 25
    assert bench.cache._slots["a"].shadow is None


def test_a_jump_without_room_for_two_prompts_is_evaluated_in_place() -> None:
    bench = Bench(n_cells=130)
    bench.run("a", fim(list(range(1, 60)), SUFFIX))
    there = fim(list(range(200, 260)), OTHER)
    assert bench.refresh("a", there) is not None
    assert bench.cache.tokens("a") == there.tokens


# --- little room ------------------------------------------------------------------------------


def at_end(prefix: list[int], room: int = 5) -> Prompt:
    """Nothing after the cursor: `prefix MARK MIDDLE`."""
    return Prompt((*prefix, MARK, MIDDLE), room, n_end=2)


def test_a_shadow_that_had_to_go_is_not_gone_on_with() -> None:
    bench = Bench(n_cells=100)
    bench.run("a", fim([1, 2, 3], SUFFIX))
    bench.run("a", fim([1, 2, 3, 4], SUFFIX))
    bench.refresh("a", fim([1, 2, 3, 4], SUFFIX), n_allowed=21)
    more = [1, 2, 3, 4, *range(10, 20)]
    bench.run("a", fim(more, SUFFIX))
    assert bench.refresh("a", fim(more, SUFFIX)) is None


def test_where_there_is_room_for_one_it_is_the_slot_that_has_it() -> None:
    bench = Bench(n_cells=60)
    bench.run("a", at_end(list(range(1, 31)), 2))
    there = list(range(100, 128))
    bench.refresh("a", at_end(there[:16]), n_allowed=15)
    assert bench.refresh("a", at_end(there)) is not None
    assert bench.cache.tokens("a") == at_end(there).tokens
    held = {seq for seq, tokens in bench.memory.held.items() if tokens}
    assert held == {bench.cache._slots["a"].seq}


def test_a_prefix_that_grows_at_the_end_of_a_file_takes_nobody_s_room() -> None:
    bench = Bench(n_cells=110)
    bench.run("b", at_end(list(range(200, 240))))
    slot = bench.run("a", at_end(list(range(1, 41)))).slot
    answer = [7, 8, 9]
    bench.memory.add(slot.seq, answer)
    bench.cache.extend(slot, answer)
    bench.refresh("a", at_end(list(range(1, 43))))
    assert len(bench.cache.tokens("b")) == 42
    assert bench.cache._slots["a"].shadow is None


def test_a_new_head_beside_does_not_cost_the_one_in_use() -> None:
    bench = Bench(n_cells=250)
    bench.run("a#beside", at_end(list(range(1, 81))))
    bench.run("a", at_end(list(range(100, 180))))
    bench.refresh("a#beside", at_end(list(range(200, 285))), n_allowed=10)
    assert len(bench.cache.tokens("a")) == 82


def test_nobody_leaves_for_what_has_no_room_even_then() -> None:
    bench = Bench(n_cells=130)
    bench.run("b", plain(list(range(800, 815))))
    bench.run("a", fim(list(range(1, 60)), SUFFIX))
    there = fim(list(range(200, 260)), OTHER)
    assert bench.refresh("a", there) is not None
    assert bench.cache.tokens("a") == there.tokens
    assert len(bench.cache.tokens("b")) == 15


# --- suffixes that are too stale to be moved --------------------------------------------------


def test_a_suffix_that_cannot_be_moved_does_not_count_against_a_shadow() -> None:
    bench = Bench()
    bench.run("a", fim(list(range(1, 200)), SUFFIX))
    moved = fim([1, *range(100, 200)], SUFFIX)
    bench.refresh("a", moved, n_allowed=35)
    assert bench.run("a", moved).n_reused >= 36


def test_a_lease_says_how_stale_an_interrupted_refresh_is() -> None:
    bench = Bench()
    bench.run("a", fim([1, 2, 3], SUFFIX))
    bench.run("a", fim([1, 2, 3, 4], SUFFIX))
    bench.refresh("a", fim([1, 2, 3, 4], SUFFIX), n_allowed=21)
    now = fim([1, 2, 3, 4, 5], SUFFIX)
    bench.run("a", now)
    bench.refresh("a", now, n_allowed=5)
    lease = bench.refresh("a", now)
    assert lease is not None
    assert lease.n_stale == bench.cache._slots["a"].n_stale(now.tokens[:5]) == 1


def test_a_suffix_that_was_begun_in_the_old_window_is_not_moved_to_the_new_one() -> None:
    bench = Bench()
    old = list(range(1, 200))
    bench.run("a", fim(old, SUFFIX))
    bench.run("a", fim([*old, 200], SUFFIX))
    bench.refresh("a", fim([*old, 200], SUFFIX), n_allowed=21)
    lease = bench.refresh("a", fim([1, *range(100, 201)], SUFFIX))
    assert lease is not None
    assert lease.n_stale <= MAX_STALE
    assert bench.run("a", fim([1, *range(100, 202)], SUFFIX)).n_moved
