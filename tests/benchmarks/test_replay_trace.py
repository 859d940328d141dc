"""Traces: reading, the messages for broken ones, and what follows from the events."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import make_traces
import pytest
from replay_trace import (
    Document,
    Event,
    TraceError,
    final_text,
    finished_lines,
    offset_of,
    parse_trace,
    read_traces,
)

PUBLISHED = Path(__file__).resolve().parents[2] / "benchmarks/data/typing_traces.jsonl.gz"


def raw(**changes: Any) -> dict[str, Any]:
    fields = {
        "name": "one",
        "path": "pkg/one.py",
        "language": "python",
        "text": "a = 1\n\nb = 2\n",
        "cursor": [1, 0],
        "events": [{"at": 0, "insert": "x"}],
    }
    return fields | changes


def keys(*texts: str) -> list[dict[str, Any]]:
    return [{"at": 10 * number, "insert": text} for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"name": ""}, '"name" must be text'),
        ({"text": None}, '"text" must be text'),
        ({"text": "a\r\n"}, "carriage returns"),
        ({"path": "/etc/passwd"}, "relative"),
        ({"path": "a/../../b"}, "relative"),
        ({"cursor": [9, 0]}, "no place [9, 0]"),
        ({"cursor": "here"}, "a place is [line, character]"),
        ({"events": []}, "at least one event"),
        ({"events": ["x"]}, "event 1: an event is an object"),
        ({"events": [{"at": -1, "insert": "x"}]}, 'event 1: "at" must be milliseconds'),
        ({"events": [{"at": True, "insert": "x"}]}, 'event 1: "at" must be milliseconds'),
        ({"events": [{"at": 1}]}, "exactly one of"),
        ({"events": [{"at": 1, "insert": "x", "accept": "y"}]}, "exactly one of"),
        ({"events": [{"at": 1, "insert": ""}]}, "must be text that is not empty"),
        ({"events": [{"at": 1, "backspace": 0}]}, "a number of characters"),
        ({"events": [{"at": 1, "backspace": 99}]}, "event 1: 99 characters cannot go"),
        ({"events": [{"at": 1, "cursor": [0, 99]}]}, "event 1: there is no place [0, 99]"),
        ({"events": [{"at": 2, "insert": "x"}, {"at": 1, "insert": "y"}]}, "event 2: at 1 ms"),
    ],
)
def test_a_broken_trace_says_where_and_what(broken: dict[str, Any], says: str) -> None:
    with pytest.raises(TraceError) as error:
        parse_trace(raw(**broken))
    assert says in str(error.value)
    assert ": " in str(error.value)  # what is wrong, then what to do


def test_a_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(raw()) + "\n\n{broken\n")
    with pytest.raises(TraceError, match=r"traces\.jsonl:3: not JSON"):
        read_traces(path)
    assert [trace.name for trace in read_traces(path, limit=1)] == ["one"]


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_file_is_an_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "none.jsonl"
    path.write_bytes(data)
    with pytest.raises(TraceError, match="no traces"):
        read_traces(path)


def test_a_missing_and_a_damaged_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="readable"):
        read_traces(tmp_path / "absent.jsonl")
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(raw()).encode())[:20])
    with pytest.raises(TraceError):
        read_traces(path)


def test_a_document_changes_as_an_editor_changes_it() -> None:
    document = Document("one\n𝒳 two", 1, 1)
    change = document.apply(Event(0, "insert", "é\n  "))
    assert change is not None
    assert (change.start, change.end, change.text) == ((1, 2), (1, 2), "é\n  ")  # 𝒳 is two units
    assert document.text == "one\n𝒳é\n   two"
    assert (document.before, document.after, document.line) == ("  ", " two", 2)
    change = document.apply(Event(0, "backspace", count=3))
    assert change is not None
    assert (change.start, change.end) == ((1, 3), (2, 2))
    assert document.text == "one\n𝒳é two"
    assert document.apply(Event(0, "cursor", line=0, character=3)) is None
    assert document.after == ""
    assert document.version == 3


def test_offsets_count_utf16_units() -> None:
    text = "a\n𝒳b"
    assert [offset_of(text, 1, units) for units in (0, 2, 3, 99)] == [2, 3, 4, 4]
    assert offset_of(text, 9, 0) == len(text)


def test_the_wanted_line_follows_from_the_visit() -> None:
    trace = parse_trace(raw(events=keys("f", "o", "\n", "z")))
    assert finished_lines(trace) == ["fo", None, "z", None]


def test_a_standing_error_is_not_scored() -> None:
    events = [
        {"at": 0, "insert": "f"},
        {"at": 1, "insert": "x"},
        {"at": 2, "backspace": 1},
        {"at": 3, "accept": "oo()"},
        {"at": 4, "cursor": [0, 0]},
    ]
    assert finished_lines(parse_trace(raw(events=events))) == ["foo()", None, "foo()", None, None]


def test_text_after_the_cursor_belongs_to_the_line() -> None:
    trace = parse_trace(raw(text="f()\n", cursor=[0, 2], events=keys("a", "b")))
    assert finished_lines(trace) == ["f(ab)", None]
    assert final_text(trace) == "f(ab)\n"


def test_an_accept_of_several_lines_ends_the_visit() -> None:
    trace = parse_trace(raw(events=[{"at": 0, "insert": "i"}, {"at": 9, "accept": "f:\n    pass"}]))
    assert finished_lines(trace) == ["if:", None]


def test_the_published_traces_cover_what_they_claim() -> None:
    traces = read_traces(PUBLISHED)
    kinds = {event.kind for trace in traces for event in trace.events}
    assert len(traces) >= 10
    assert len({trace.language for trace in traces}) >= 4
    assert kinds == {"insert", "backspace", "accept", "cursor"}
    assert all(trace.licence and trace.origin for trace in traces)
    assert PUBLISHED.stat().st_size < 1_000_000


def test_making_a_trace_is_repeatable_and_types_the_file_back() -> None:
    lines = [f"value_{number} = compute_{number}(alpha, beta)" for number in range(80)]
    source = make_traces.Source("pkg/some.py", "python", "nowhere", "MIT")
    made = make_traces.make_trace(source, "\n".join(lines), seed=7)
    assert made == make_traces.make_trace(source, "\n".join(lines), seed=7)
    trace = parse_trace(made)
    assert final_text(trace) == "\n".join(lines)
    assert trace.text != final_text(trace)
