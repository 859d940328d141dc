"""The process that makes records: reads, parses and cuts files, several of it at a time.

It gets lists of files and answers with their records, in order, as they are ready. It is a child
of the indexer, which alone writes the database; what a file does to the parser it does here, and
the indexer starts another.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import BinaryIO

import msgspec

from indoors_indexing.extract import record_of, record_of_content
from indoors_indexing.frames import FrameError, read_frame, write_frame
from indoors_indexing.lifeline import die_with_parent
from indoors_indexing.reading import Content, open_root
from indoors_indexing.records import FileRecord

PROTOCOL_VERSION = 1
# What is ready is sent when it is this much or this old, so that whoever waits sees that we live.
_SEND_AT_BYTES = 1_000_000
_SEND_AFTER_S = 1.0
# Below the editor and the engine, whatever they do.
_NICENESS = 10
# A time so late that a file of it may always change again and look the same.
_NEVER_SETTLED = 2**63 - 1


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A file to look at, and the hash that the index has for it.

    `text` is what counts instead of what is on the disk, where somebody has the file open.
    """

    path: str
    hash: bytes = b""
    text: bytes | None = None


class Result(msgspec.Struct, frozen=True, array_like=True):
    """What became of a task: no record if the file is not there or not to be indexed.

    `is_same` says that the bytes are those of the task's hash; the record then has no content.
    """

    path: str
    record: FileRecord | None
    is_same: bool = False


class Make(msgspec.Struct, frozen=True, array_like=True):
    """Make records of these files below a root."""

    v: int
    root: bytes
    tasks: list[Task]


class Made(msgspec.Struct, frozen=True, array_like=True):
    """Some results of the oldest `Make`; `is_last` ends it. The first frame of all is empty."""

    v: int
    results: list[Result]
    is_last: bool


_encoder = msgspec.msgpack.Encoder()
_make = msgspec.msgpack.Decoder(Make)
_made = msgspec.msgpack.Decoder(Made)


def encode(message: Make | Made) -> bytes:
    """Encode a message as a frame's body."""
    return _encoder.encode(message)


def decode_made(body: bytes) -> Made:
    """Decode an answer. Raises FrameError."""
    try:
        made = _made.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise FrameError(f"not an answer of a maker: {error}") from error
    if made.v != PROTOCOL_VERSION:
        raise FrameError(f"the maker speaks protocol {made.v}, this side {PROTOCOL_VERSION}")
    return made


def make(root: int, task: Task) -> Result:
    """Do one task. Never raises on any file."""
    if task.text is None:
        return _result(task, record_of(root, task.path, task.hash))
    # Its time is none: when the text is let go, the file counts as changed.
    content = Content(task.text, _NEVER_SETTLED)
    return _result(task, record_of_content(task.path, content, task.hash))


def _result(task: Task, record: FileRecord | None) -> Result:
    is_same = record is not None and bool(task.hash) and record.hash == task.hash
    return Result(task.path, record, is_same)


def run(reader: BinaryIO, writer: BinaryIO) -> int:
    """Answer `Make` frames until the stream ends."""
    if not die_with_parent():
        return 1
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    try:
        # A first frame says that we started: who dies before it died of no file.
        _send(writer, [], is_last=False)
        while (body := read_frame(reader)) is not None:
            _serve(_make.decode(body), writer)
    except BrokenPipeError:
        return 0
    except (FrameError, msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        print(f"indoors indexer: {type(error).__name__}", file=sys.stderr, flush=True)  # noqa: T201 - stderr, not the stream
        return 1
    return 0


def _serve(request: Make, writer: BinaryIO) -> None:
    root = open_root(os.fsdecode(request.root))
    try:
        ready: list[Result] = []
        n_bytes, sent_at = 0, time.monotonic()
        for task in request.tasks:
            result = make(root, task)
            ready.append(result)
            if result.record is not None:
                n_bytes += sum(len(chunk.words) for chunk in result.record.chunks)
            if n_bytes > _SEND_AT_BYTES or time.monotonic() - sent_at > _SEND_AFTER_S:
                _send(writer, ready, is_last=False)
                ready, n_bytes, sent_at = [], 0, time.monotonic()
        _send(writer, ready, is_last=True)
    finally:
        os.close(root)


def _send(writer: BinaryIO, results: list[Result], *, is_last: bool) -> None:
    write_frame(writer, encode(Made(PROTOCOL_VERSION, results, is_last)))
