"""Frames on the indexer's pipes: a 4-byte big-endian length, then that many bytes.

The engine worker's wire uses the same form; the two sides share no code because completion may see
nothing of indexing but its types.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

# Far above any text we parse (parse.MAX_TEXT_BYTES), far below what would exhaust memory.
MAX_FRAME_BYTES = 16 * 1024 * 1024
HEADER = struct.Struct(">I")


class FrameError(Exception):
    """The peer sent something that is not a frame of this protocol."""


def body_length(header: bytes) -> int:
    """The length a 4-byte header announces. Raises FrameError above the limit."""
    length = int(HEADER.unpack(header)[0])
    if length > MAX_FRAME_BYTES:
        raise FrameError(f"frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}")
    return length


def frame(body: bytes) -> bytes:
    """A body with its length before it. Raises FrameError above the limit."""
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(f"frame of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return HEADER.pack(len(body)) + body


def read_frame(reader: BinaryIO) -> bytes | None:
    """Read one body, blocking; None at a clean end. Raises FrameError in mid-frame."""
    header = reader.read(HEADER.size)
    if not header:
        return None
    if len(header) < HEADER.size:
        raise FrameError("the stream ended inside a frame header")
    length = body_length(header)
    body = reader.read(length)
    if len(body) < length:
        raise FrameError("the stream ended inside a frame")
    return body


def write_frame(writer: BinaryIO, body: bytes) -> None:
    """Write one frame whole; an unbuffered writer may take it in parts."""
    rest = memoryview(frame(body))
    while rest:
        rest = rest[writer.write(rest) :]
