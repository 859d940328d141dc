"""The gateway's messages as frames: a 4-byte length and a MessagePack body, as the engine's are."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from indoors_completion.engine.wire import ProtocolError, frame
from indoors_server.gateway import wire

# A body of the largest size, with the paths of its sources.
MAX_FRAME_BYTES = wire.MAX_BODY_BYTES + 1024 * 1024

_T = TypeVar("_T", bound=wire.Message)

_encoder = msgspec.msgpack.Encoder()
_to_gateway = msgspec.msgpack.Decoder(wire.ToGateway)
_from_gateway = msgspec.msgpack.Decoder(wire.FromGateway)

__all__ = ["ProtocolError", "encode", "read_from_gateway", "read_to_gateway"]


def encode(message: wire.Message) -> bytes:
    """A message as one whole frame. Raises ProtocolError above the limit."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return frame(body)


async def read_to_gateway(stream: asyncio.StreamReader) -> wire.ToGateway | None:
    """The server's next message; None at a clean end. Raises ProtocolError."""
    body = await _body(stream)
    return None if body is None else _decode(_to_gateway, body)


async def read_from_gateway(stream: asyncio.StreamReader) -> wire.FromGateway | None:
    """The gateway's next message; None at a clean end. Raises ProtocolError."""
    body = await _body(stream)
    return None if body is None else _decode(_from_gateway, body)


async def _body(stream: asyncio.StreamReader) -> bytes | None:
    try:
        header = await stream.readexactly(4)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ProtocolError("the stream ended inside a frame header") from None
        return None
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}")
    try:
        return await stream.readexactly(length)
    except asyncio.IncompleteReadError:
        raise ProtocolError("the stream ended inside a frame") from None


def _decode(decoder: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    try:
        message = decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        # The error's own text could have parts of a body.
        raise ProtocolError("not a message of this protocol") from None
    if message.v != wire.PROTOCOL_VERSION:
        raise ProtocolError(
            f"the peer speaks protocol {message.v}, this side speaks {wire.PROTOCOL_VERSION}"
        )
    return message
