from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.engine import wire
from indoors_completion.types import Job, Part


def test_a_message_survives_the_pipe() -> None:
    job = Job(parts=(Part(text="x", special=True), Part(text="y☃")), slot="s", max_tokens=3)
    sent = wire.Generate(client="c", request=7, slot="s", adapter="a", job=job)
    body = wire.read_body(io.BytesIO(wire.encode(sent)))
    assert body is not None
    assert wire.decode_to_worker(body) == sent


def test_the_end_of_a_stream() -> None:
    assert wire.read_body(io.BytesIO(b"")) is None


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0", b"\0\0\0\x05abc", b"\xff\xff\xff\xff"])
def test_a_broken_frame(data: bytes) -> None:
    with pytest.raises(wire.ProtocolError):
        wire.read_body(io.BytesIO(data))


def test_another_protocol_version() -> None:
    body = msgspec.msgpack.encode({"t": "get_stats", "v": wire.PROTOCOL_VERSION + 1})
    with pytest.raises(wire.ProtocolError, match="speaks protocol"):
        wire.decode_to_worker(body)


@pytest.mark.parametrize(
    "message", [{"t": "unknown"}, {"t": "cancel", "extra": 1}, {"t": "generate"}, [], None, 3]
)
def test_not_a_message(message: object) -> None:
    with pytest.raises(wire.ProtocolError):
        wire.decode_to_worker(msgspec.msgpack.encode(message))


@given(st.binary(max_size=200))
def test_noise_never_raises_anything_else(noise: bytes) -> None:
    for decode in (wire.decode_to_worker, wire.decode_from_worker):
        try:
            message = decode(noise)
        except wire.ProtocolError:
            continue
        assert message.v == wire.PROTOCOL_VERSION


def test_deep_nesting_is_an_error_of_the_protocol() -> None:
    with pytest.raises(wire.ProtocolError):
        wire.decode_to_worker(b"\x91" * 100_000)
