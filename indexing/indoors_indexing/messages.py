"""The messages between the server and the indexer process, and how they become bytes.

Those about syntax are here, those about the index in `index_messages`; they share one stream. A
document's text travels only in `Update`, once per version, whatever is asked about it.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from indoors_indexing.frames import FrameError
from indoors_indexing.index_messages import FromKeeper, ToKeeper
from indoors_indexing.message import PROTOCOL_VERSION, Message
from indoors_indexing.types import Outline, SyntaxSite

# --- to the indexer ---------------------------------------------------------------------------


class Update(Message, frozen=True, kw_only=True, tag="update"):
    """A document's text at a version, replacing any earlier one. Not answered, not parsed yet."""

    uri: str
    language: str
    version: int
    text: str


class Forget(Message, frozen=True, kw_only=True, tag="forget"):
    """The document was closed. Not answered."""

    uri: str


class Site(Message, frozen=True, kw_only=True, tag="site"):
    """Describe a code-point offset. Answered by `SiteReply` or `Failed`."""

    uri: str
    version: int
    offset: int


class ErrorCount(Message, frozen=True, kw_only=True, tag="error_count"):
    """Count ERROR and missing nodes in a text. Answered by `CountReply` or `Failed`."""

    language: str
    text: str


class OutlineOf(Message, frozen=True, kw_only=True, tag="outline_of"):
    """Compare texts: what the whole of one says. Answered by `OutlineReply` or `Failed`."""

    language: str
    text: str


# --- from the indexer -------------------------------------------------------------------------


class Started(Message, frozen=True, kw_only=True, tag="started"):
    """Sent once, first. `lock` is the state of this process's lock-down."""

    lock: str


class SiteReply(Message, frozen=True, kw_only=True, tag="site_reply"):
    """The answer to `Site`."""

    site: SyntaxSite


class CountReply(Message, frozen=True, kw_only=True, tag="count_reply"):
    """The answer to `ErrorCount`."""

    count: int


class OutlineReply(Message, frozen=True, kw_only=True, tag="outline_reply"):
    """The answer to `OutlineOf`."""

    outline: Outline


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """There is no answer, and why; `note` never holds source text.

    Kinds: "language" (no grammar known), "grammar" (it did not load), "size", "slow" (the parse was
    stopped), "stale" (another version arrived meanwhile), "unknown" (the text was never sent),
    "internal" (a defect of ours).
    """

    kind: str
    note: str = ""


Question = Site | ErrorCount | OutlineOf
ToIndexer = Update | Forget | Question | ToKeeper
Answer = SiteReply | CountReply | OutlineReply | Failed
FromIndexer = Started | Answer | FromKeeper

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()
_to_indexer: msgspec.msgpack.Decoder[ToIndexer] = msgspec.msgpack.Decoder(ToIndexer)
_from_indexer: msgspec.msgpack.Decoder[FromIndexer] = msgspec.msgpack.Decoder(FromIndexer)


def encode(message: Message) -> bytes:
    """Encode a message as a frame's body."""
    return _encoder.encode(message)


def decode_to_indexer(body: bytes) -> ToIndexer:
    """Decode a body sent to the indexer. Raises FrameError."""
    return _checked(_decode(_to_indexer, body))


def decode_from_indexer(body: bytes) -> FromIndexer:
    """Decode a body sent by the indexer. Raises FrameError."""
    return _checked(_decode(_from_indexer, body))


_M = TypeVar("_M", bound=Message)


def _decode(decoder: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise FrameError(f"not a message of this protocol: {error}") from error


def _checked(message: _M) -> _M:
    if message.v != PROTOCOL_VERSION:
        raise FrameError(
            f"the peer speaks protocol {message.v}, this side speaks {PROTOCOL_VERSION}"
        )
    return message
