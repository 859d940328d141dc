"""Frames: whatever comes between them, the next good one is read."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server.transport import BadFrame, FrameReader, FrameWriter


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def read_all(data: bytes, chunk: int = 1 << 16) -> list[bytes | str]:
    """Bodies as bytes and bad stretches as text, in order."""
    stream = io.BytesIO(data)
    reader = FrameReader(lambda n: stream.read(min(n, chunk)))
    found: list[bytes | str] = []
    while True:
        try:
            body = reader.next()
        except BadFrame as error:
            found.append(str(error))
            continue
        if body is None:
            return found
        found.append(body)


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 70))
def test_frames_are_read_whole_whatever_the_chunks(bodies: list[bytes], chunk: int) -> None:
    assert read_all(b"".join(map(frame, bodies)), chunk) == bodies


GOOD = b'{"jsonrpc": "2.0"}'


@pytest.mark.parametrize(
    "damage",
    [
        b"Content-Length: abc\r\n\r\n" + GOOD,
        b"Content-Length: -5\r\n\r\n" + GOOD,
        b"Content-Length: 999999999999\r\n\r\n" + GOOD,
        b"Content-Length:\r\n\r\n" + GOOD,
        b"Content-Type: x\r\n\r\n" + GOOD,
        b"\r\n\r\n",
        b"x" * 100_000,
        b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n" + GOOD,
        b"Content-Length: 5\r\nX-Long: " + b"y" * 20_000 + b"\r\n\r\n" + GOOD,
    ],
    ids=lambda damage: repr(damage[:30]),
)
@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_after_damage_the_next_frame_is_read_and_the_damage_told_once(
    damage: bytes, chunk: int
) -> None:
    found = read_all(damage + frame(b"one") + frame(b"two"), chunk)
    assert found[-2:] == [b"one", b"two"]
    assert len(found) == 3
    assert isinstance(found[0], str)


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: 3\r\n\r\n",
        b"Content-Length:3\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 3\r\n\r\n",
        b"Content-Length: 3\r\nContent-Type: x\r\n\r\n",
        b"Content-Length: 3\n\n",
    ],
)
def test_headers_in_all_their_spellings(header: bytes) -> None:
    assert read_all(header + b"one" + frame(b"two")) == [b"one", b"two"]


def test_a_body_that_was_announced_too_short_costs_only_itself() -> None:
    assert read_all(b'Content-Length: 3\r\n\r\n{"a": 1}' + frame(b"two")) == [b'{"a', b"two"]


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    read_all(data)


def test_a_writer_tells_once_that_the_reader_has_gone() -> None:
    read_end, write_end = os.pipe()
    broken: list[bool] = []
    writer = FrameWriter(write_end, lambda: broken.append(True))
    writer.write(b"one")
    assert os.read(read_end, 10) == b"one"
    os.close(read_end)
    writer.write(b"two")
    writer.write(b"three")
    os.close(write_end)
    assert broken == [True]
