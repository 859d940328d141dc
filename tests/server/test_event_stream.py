"""Server-sent events by the standard's rules, cut anywhere."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server.closed.bodies import Reader
from indoors_server.event_stream import EventStream, TooLong
from indoors_server.remote.events import Events, NotUnderstood

ONE = b'{"a":1}'


def events(*pieces: bytes, most: int = 1000) -> list[bytes]:
    stream = EventStream(most)
    found = [event for piece in pieces for event in stream.feed(piece)]
    return found + stream.end()


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"data: %s\n\n", [ONE]),
        (b"data:%s\r\n\r\n", [ONE]),
        (b"data: %s\r\r", [ONE]),
        (b"data: %s", [ONE]),
        (b"data: %s\ndata: %s\n", [ONE, ONE]),  # no blank line between: each is whole
        (b"\xef\xbb\xbfdata: %s\n\n", [ONE]),
        (b": a comment\n\nevent: x\nid\nretry: 3\ndata: %s\n\n", [ONE]),
        (b"strange: field\ndata: %s\n\n", [ONE]),
        (b"data\ndata: %s\n\n", [b"\n" + ONE]),
        (b"data:\n\ndata: %s\n\n", [ONE]),
        (b"error: %s\n\n", [ONE]),
        (b"data: [DONE]\n\n", [b"[DONE]"]),
    ],
)
def test_what_stands_in_a_stream(stream: bytes, found: list[bytes]) -> None:
    assert events(stream.replace(b"%s", ONE)) == found


def test_data_of_several_lines_is_one_event() -> None:
    (event,) = events(b'data: {"a":\ndata: {"b": "x"}\ndata: }\n\n')
    assert json.loads(event) == {"a": {"b": "x"}}


def test_a_line_end_that_is_cut_in_two_is_one() -> None:
    assert events(b'data: {"a":\r', b"\ndata: 1}\r", b"\n\r", b"\n") == [b'{"a":\n1}']
    assert events(b'data: {"a":\r', b"\r", b'data: {"b": 1}\n') == [b'{"a":', b'{"b": 1}']


TEXTS = st.lists(st.text(max_size=8), max_size=6)


@given(TEXTS, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_however_it_is_cut_the_text_is_the_same(
    texts: list[str], line_end: str, data: st.DataObject
) -> None:
    said = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    lines = [f"data: {json.dumps(one, ensure_ascii=False)}" for one in said]
    whole = "".join(f"{line}{line_end}{line_end}" for line in (": hello", *lines, "data: [DONE]"))
    stream = whole.encode("utf-8", "replace")
    places = data.draw(st.sets(st.integers(0, len(stream)), max_size=12))
    pieces = [stream[a:b] for a, b in pairwise(sorted({0, *places, len(stream)}))]
    expected = "".join(texts).encode("utf-8", "replace").decode()
    reader = Reader("openai-api")
    assert "".join(map(reader.feed, pieces)) + reader.close() == expected
    values = Events("sse")
    found = [one for piece in pieces for one in values.feed(piece)] + values.end()
    assert "".join(one["choices"][0]["delta"]["content"] for one in found) == expected
    assert values.is_done


def test_a_line_that_does_not_end_and_an_event_that_does_not_are_told() -> None:
    for endless in (
        b"data\n" * 1_000_000,
        b"data: " + b"x" * 1_000_000,
        (b"data: " + b"x" * 9000 + b"\n") * 100,
    ):
        with pytest.raises(TooLong):
            events(endless)
        reader = Reader("openai-api")
        for _ in range(5):
            reader.feed(endless)
        assert (reader.ending, reader.told) == ("error", "a line of the answer is too long")


def test_what_is_no_stream_of_events_is_told_once_it_is_over() -> None:
    values = Events("sse")
    assert values.feed(b"<html>\n<body>\n") == []
    with pytest.raises(NotUnderstood, match="no stream of events"):
        values.end()
    with pytest.raises(NotUnderstood, match="no stream of events"):
        values.feed(b"<p>text</p>\n" * 10_000)  # and before it is, where it is long
