"""The arithmetic of the replay's figures, and what the client makes of answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from replay_answers import Pending, TraceLine, item_of, note, parse_trace_line
from replay_metrics import (
    Key,
    Shown,
    Totals,
    machine_cpu_s,
    ratios,
    share,
    spread,
    summary,
    tree_cpu_s,
)
from replay_plain import window
from replay_trace import Document
from typing_replay import merged


def key(**changes: Any) -> Key:
    fields: dict[str, Any] = {
        "trace": "t",
        "number": 0,
        "before": "  re",
        "after": "",
        "finished": "  return x",
        "pressed_s": 0.0,
    }
    return Key(**fields | changes)


@pytest.mark.parametrize(
    ("shown", "after", "finished", "right"),
    [
        (Shown("turn x"), "", "  return x", True),
        (Shown("turn x  \n  more"), "", "  return x", True),
        (Shown("turn y"), "", "  return x", False),
        (Shown("turn x"), "", None, False),
        (None, "", "  return x", False),
        (Shown("   "), "", "  re", False),
        (Shown("turn (x"), ")", "  return (x)", True),
        (Shown("turn (x)", 1), ")", "  return (x)", True),
        (Shown("turn (x)"), ")", "  return (x)", False),
    ],
)
def test_right_is_the_line_that_accepting_gives(
    shown: Shown | None, after: str, finished: str | None, right: bool
) -> None:
    assert key(shown=shown, after=after, finished=finished).is_right is right


def test_a_summary_counts_each_key_once() -> None:
    keys = [
        key(source="model", first_line_ms=100.0, total_ms=120.0, ttft_ms=50.0, answer_ms=99.0),
        key(source="model", first_line_ms=300.0, total_ms=300.0, ttft_ms=70.0, shown=Shown("no")),
        key(source="cache", answer_ms=1.0, first_line_ms=1.0, shown=Shown("turn x")),
        key(source="empty", answer_ms=5.0, finished=None),
        key(source="joined", first_line_ms=7.0, answer_ms=7.0, finished=None),
        key(),
    ]
    made = summary(keys, Totals(model_calls=4, tokens_evaluated=9, cpu_s=1.234, extra={"more": 1}))
    assert made["n"] == 6
    counted = ("n_model_served", "n_cache_hits", "n_joined", "n_empty", "n_superseded")
    assert [made[name] for name in counted] == [2, 1, 1, 1, 1]
    assert made["joined_ms"]["p50"] == 7.0  # neither a request's time nor a cache's
    assert made["first_line_ms"] == {"p50": 300.0, "p95": 300.0}  # cache hits are apart
    assert made["ttft_ms"]["p50"] == 70.0
    assert made["type_through_ms"] == {"p50": 1.0, "p95": 1.0, "n": 1}
    assert made["shown_before_next_key"] == 2
    assert made["n_scored"] == 4
    assert made["lines_right"] == 25.0
    assert made["lines_right_of_shown"] == 50.0
    assert made["cpu_s"] == 1.23
    assert made["more"] == 1


def test_times_from_beyond_the_keys_count() -> None:
    made = summary([key(source="model")], Totals(ttft_ms=[10.0, 20.0, 30.0]))
    assert made["ttft_ms"] == {"p50": 20.0, "p95": 30.0, "n": 3}


def test_nothing_gives_no_figures() -> None:
    made = summary([], Totals())
    assert made["first_line_ms"] == spread([]) == {"p50": None, "p95": None}
    assert made["lines_right"] is share(0, 0) is None


def test_ratios_need_both_systems() -> None:
    one = summary([key(source="model", first_line_ms=50.0, ttft_ms=10.0)], Totals(cpu_s=1.0))
    two = summary([key(source="model", first_line_ms=200.0, ttft_ms=40.0)], Totals(cpu_s=4.0))
    made = ratios({"indoors": one, "llama-server": two})
    assert (made["ttft_p50"], made["first_line_p50"], made["cpu"]) == (0.25, 0.25, 0.25)
    assert made["shown"] is None  # of nothing
    assert made["until_shown_p50"] is None  # was not measured
    assert set(ratios({"indoors": one}).values()) == {None}


def test_cpu_time_sums_the_tree(tmp_path: Path) -> None:
    def process(pid: int, parent: int, *ticks: int) -> None:
        (tmp_path / str(pid)).mkdir()
        middle = " ".join("0" for _ in range(9))
        times = " ".join(map(str, ticks))
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} {middle} {times} 20 0")

    process(10, 1, 100, 10, 5, 5)  # the last two: children that have ended
    process(11, 10, 200, 0, 0, 0)
    process(12, 11, 30, 0, 0, 0)
    process(13, 1, 999, 0, 0, 0)
    (tmp_path / "self").mkdir()
    assert tree_cpu_s(10, tmp_path) == pytest.approx(350 / os.sysconf("SC_CLK_TCK"))


def test_the_machine_is_busy_where_it_neither_idles_nor_waits(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 10 50 9999 777 5 5 0 0 0\ncpu0 1 2 3 4 5 6 7 0 0 0\n")
    assert machine_cpu_s(stat) == pytest.approx(170 / os.sysconf("SC_CLK_TCK"))


def test_a_trace_line_is_read_as_far_as_it_is_known() -> None:
    line = parse_trace_line(
        "completion ab12: model, 120 ms, first token 34.5 ms, 700 reused, 4 evaluated, "
        "9 generated, something new 7, stop eos, filter -"
    )
    assert (line.id, line.source, line.ttft_ms) == ("ab12", "model", 34.5)
    assert (line.n_evaluated, line.n_generated) == (4, 9)
    other = parse_trace_line("background refresh: 80 evaluated")
    assert (other.id, other.source, other.n_evaluated) == ("", "", 80)


def test_an_item_is_shown_from_the_cursor_on() -> None:
    document = Document("x = fo()", 0, 6)
    places = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 8}}
    item = item_of({"insertText": "foo(1)", "range": places, "command": None}, document)
    assert item is not None
    assert item.shown == Shown("o(1)", 2)
    assert item_of({"insertText": "bar(1)", "range": places}, document) is None
    plain = item_of({"insertText": "o", "command": {"arguments": ["id"]}}, document)
    assert plain is not None
    assert (plain.shown, plain.id) == (Shown("o"), "id")


def test_an_answer_is_written_down_on_its_key() -> None:
    document = Document("re", 0, 2)
    item = item_of({"insertText": "turn"}, document)
    asked = key(pressed_s=1.0)
    note(Pending(asked, 1.0, 1, refresh=False), None, TraceLine(source="model"), 1.1)
    assert (asked.source, asked.first_line_ms) == ("empty", None)
    # What was announced later is the model's, and as late as it came.
    note(Pending(asked, 2.0, 1, refresh=True), item, TraceLine(source="cache"), 2.0)
    assert asked.source == "model"
    assert asked.first_line_ms == pytest.approx(1000)
    hit = key(pressed_s=1.0)
    note(Pending(hit, 1.0, 1, refresh=False), item, TraceLine(source="cache"), 1.002)
    assert hit.source == "cache"
    assert hit.answer_ms == pytest.approx(2)
    joined = key(pressed_s=1.0)
    note(Pending(joined, 1.0, 1, refresh=False), item, TraceLine(source="run"), 1.007)
    assert (joined.source, joined.ttft_ms) == ("joined", None)


def test_the_plain_window_moves_in_steps() -> None:
    text = "\n".join(map(str, range(300)))
    starts = set()
    for row in range(112, 128):
        prefix, suffix = window(text, text.index(f"\n{row}\n") + 1)
        starts.add(prefix.split("\n")[0])
        assert len(suffix.split("\n")) == 33
    assert starts == {"48"}


def test_settings_are_laid_over_section_by_section() -> None:
    below = {"model": "m", "engine": {"threads": 2}}
    above = {"engine": {"suffixReuse": "exact"}, "completion": {"maxLines": 8}}
    assert merged(below, above) == {
        "model": "m",
        "engine": {"threads": 2, "suffixReuse": "exact"},
        "completion": {"maxLines": 8},
    }
