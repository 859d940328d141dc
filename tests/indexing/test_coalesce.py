"""Changes become batches: all of them, soon, and few."""

from hypothesis import given
from hypothesis import strategies as st

from indoors_indexing.coalesce import LONG, MAX_PATHS, SHORT, TREE, Changes, Coalescer


def settle(coalescer: Coalescer) -> tuple[float, Changes]:
    """What is reported when nothing more comes, and when."""
    due = coalescer.due()
    assert due is not None
    return due, coalescer.take(due)


def test_one_saved_file_is_reported_within_a_tenth_of_a_second() -> None:
    coalescer = Coalescer()
    assert coalescer.due() is None
    coalescer.add("a.py", 10.0)
    due, changes = settle(coalescer)
    assert due - 10.0 <= 0.1
    assert changes == Changes(("a.py",))
    assert coalescer.due() is None


def test_a_save_by_renaming_is_one_report() -> None:
    coalescer = Coalescer()
    for moment in range(3):
        coalescer.add("a.py", 10.0 + moment * 0.02)
    due, changes = settle(coalescer)
    assert due - 10.0 <= 0.1
    assert changes.paths == ("a.py",)


def test_a_file_that_never_rests_is_reported_at_a_bounded_rate() -> None:
    coalescer = Coalescer()
    reports, now = 0, 0.0
    while now < 60:
        coalescer.add("log.txt", now)
        now += 0.01
        due = coalescer.due()
        if due is not None and due <= now:
            assert coalescer.take(now).paths == ("log.txt",)
            reports += 1
    assert 15 <= reports <= 60


def test_a_save_after_a_storm_is_fast_again() -> None:
    coalescer = Coalescer()
    for number in range(20):
        coalescer.add("a.py", number * 0.1)
        coalescer.take(number * 0.1 + 0.05)
    coalescer.add("a.py", 60.0)
    due = coalescer.due()
    assert due is not None
    assert due - 60.0 <= SHORT.most_s


def test_a_branch_switch_is_one_pass() -> None:
    coalescer = Coalescer()
    reports: list[Changes] = []
    now = 0.0
    for number in range(10_000):
        coalescer.add(f"src/{number}.py", now)
        now += 0.0005
        due = coalescer.due()
        if due is not None and due <= now:
            reports.append(coalescer.take(now))
    reports.append(settle(coalescer)[1])
    assert sum(1 for changes in reports if changes.reconcile) == 1
    # What came before it was known to be a storm may have gone out alone.
    assert sum(len(changes.paths) for changes in reports) <= MAX_PATHS


def test_reasons_are_kept_apart_and_given_once() -> None:
    coalescer = Coalescer()
    coalescer.add("a.py", 1.0)
    coalescer.reconcile("overflow", 1.0)
    coalescer.reconcile("rules", 1.1)
    coalescer.reconcile("overflow", 1.2)
    due, changes = settle(coalescer)
    assert due == 1.2 + TREE.quiet_s
    assert changes == Changes(("a.py",), ("overflow", "rules"))


def test_what_is_put_back_is_reported_again() -> None:
    coalescer = Coalescer()
    changes = Changes(("a.py", "b.py"), ("root",))
    coalescer.put_back(changes, 5.0)
    assert settle(coalescer)[1] == changes


_paths = st.sampled_from([f"p{number}" for number in range(40)])
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), _paths),
        st.tuples(st.just("burst"), st.integers(1, MAX_PATHS * 2)),
        st.tuples(st.just("reconcile"), st.sampled_from(["overflow", "rules", "root"])),
        st.tuples(st.just("wait"), st.floats(0, 12)),
        st.tuples(st.just("fail"), st.none()),
    ),
    max_size=60,
)


@given(_steps)
def test_whatever_comes_is_covered_and_nothing_else_is_reported(steps) -> None:
    coalescer = Coalescer()
    now, oldest = 0.0, None
    waiting: set[str] = set()
    wanted: set[str] = set()
    ever: set[str] = set()

    def take() -> Changes:
        nonlocal oldest
        changes = coalescer.take(now)
        assert len(set(changes.paths)) == len(changes.paths) <= MAX_PATHS
        assert set(changes.paths) <= ever
        assert "many" in changes.reconcile or waiting <= set(changes.paths)
        assert wanted <= set(changes.reconcile)
        return changes

    for kind, value in steps:
        added: list[str] = []
        if kind == "add":
            added = [value]
        elif kind == "burst":
            added = [f"b{number}" for number in range(value)]
        elif kind == "reconcile":
            coalescer.reconcile(value, now)
            wanted.add(value)
        elif kind == "wait":
            now += value
        elif coalescer:
            # Who took it could not deal with it: nothing of it may be lost.
            coalescer.put_back(take(), now)
            oldest = now
        for path in added:
            coalescer.add(path, now)
            waiting.add(path)
            ever.add(path)
        due = coalescer.due()
        assert (due is None) == (not waiting and not wanted)
        if due is None:
            continue
        oldest = now if oldest is None else oldest
        assert due <= oldest + TREE.most_s
        if not wanted and len(waiting) <= MAX_PATHS:
            assert due <= oldest + LONG.most_s
        if due <= now:
            take()
            oldest = None
            waiting.clear()
            wanted.clear()
    if waiting or wanted:
        due = coalescer.due()
        assert due is not None
        now = due
        take()
