"""The messages between the server and the engine worker, and their framing.

Both sides import this module and nothing else of each other. A frame is a 4-byte big-endian length
and a MessagePack body; it travels over any pair of byte streams (private pipes now). Every message
carries the protocol version and the client, request, slot and adapter ids, so that one worker can
later serve several windows.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Literal, TypeVar

import msgspec

from indoors_completion.types import Job, ModelInfo

PROTOCOL_VERSION = 3
MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """The peer sent something that is not a frame of this protocol version."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True):
    """What every frame carries."""

    v: int = PROTOCOL_VERSION
    client: str = ""
    request: int = 0
    slot: str = ""
    adapter: str = ""


# --- to the worker ----------------------------------------------------------------------------


class Load(Message, frozen=True, kw_only=True, tag="load"):
    """Load a model, replacing the one loaded. Answered by `Loaded` or `Failed`; `Progress` between.

    `n_gpu_layers` -1 offloads all layers. `n_threads` 0 lets the worker count usable CPUs
    (affinity and cgroup quota). `sha256` empty means unverified; otherwise the identity tuple
    `(dev, inode, size, mtime_ns, ctime_ns)` recorded at verification must equal the opened
    descriptor's, or the load fails without parsing a byte. `identity` empty skips that check.
    `without` leaves out ways to reuse the cache, for measurements and tests.
    """

    path: str
    n_ctx: int = 4096
    n_gpu_layers: int = 0
    main_gpu: int = 0
    n_threads: int = 0
    n_batch: int = 512
    identity: tuple[int, ...] = ()
    sha256: str = ""
    without: tuple[Literal["anchor", "splice"], ...] = ()


class Inspect(Message, frozen=True, kw_only=True, tag="inspect"):
    """Read a file's metadata without its weights. Answered by `Inspected` or `Failed`."""

    path: str


class Generate(Message, frozen=True, kw_only=True, tag="generate"):
    """Run a job. Answered by `Prefilled`, any number of `Token`, one `Done` or `Failed`."""

    job: Job


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    """Stop `request` at the next chunk; its `Done` says "cancelled". Unknown ids are fine."""


class Enough(Message, frozen=True, kw_only=True, tag="enough"):
    """Nothing more of `alternative` is wanted: `request` goes on with the next one, or ends."""

    alternative: int


class Forget(Message, frozen=True, kw_only=True, tag="forget"):
    """A document was closed: give the cells of `slot` back. Not answered; any name is fine."""


class GetStats(Message, frozen=True, kw_only=True, tag="get_stats"):
    """Ask for `Stats`; answered at once, also during a generation or a load."""


class Unload(Message, frozen=True, kw_only=True, tag="unload"):
    """Free the model; answered by `Done` with stop_reason "unloaded"."""


# --- from the worker --------------------------------------------------------------------------


class Progress(Message, frozen=True, kw_only=True, tag="progress"):
    """A load's progress, 0.0 to 1.0."""

    fraction: float


class Loaded(Message, frozen=True, kw_only=True, tag="loaded"):
    """The model is ready. `lock` is the state of the worker's lock-down."""

    model: ModelInfo
    lock: str = "unproven"


class Inspected(Message, frozen=True, kw_only=True, tag="inspected"):
    """A file's own description of itself; `advice` is non-empty if it cannot fill in the middle."""

    model: ModelInfo
    metadata: dict[str, str]
    advice: str = ""


class Prefilled(Message, frozen=True, kw_only=True, tag="prefilled"):
    """The prompt is evaluated; fields as in `indoors_completion.types.Prefill`."""

    n_prompt: int
    n_reused: int
    n_evaluated: int
    prefill_ms: float
    n_moved: int = 0
    n_stale: int = 0
    n_typed: int = 0


class Token(Message, frozen=True, kw_only=True, tag="token"):
    """Generated text (whole code points only) with the log-probability of each token in it."""

    text: str
    logprobs: tuple[float, ...]
    alternative: int = 0


class Done(Message, frozen=True, kw_only=True, tag="done"):
    """A generation ended; fields as in `indoors_completion.types.Finish`."""

    stop_reason: str
    n_prompt: int = 0
    n_reused: int = 0
    n_evaluated: int = 0
    n_moved: int = 0
    n_stale: int = 0
    n_typed: int = 0
    n_generated: int = 0
    ttft_ms: float = 0.0
    total_ms: float = 0.0


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """A request failed. `kind` is stable; what/why/next_step are for people.

    Kinds: missing, corrupt, unsupported, unfit, memory, identity, cpu, internal, not_loaded.
    """

    kind: str
    what: str
    why: str = ""
    next_step: str = ""


class Stats(Message, frozen=True, kw_only=True, tag="stats"):
    """What the worker is doing, and what it did since it started: for status and tests."""

    state: str
    rss_bytes: int
    n_threads: int
    n_cells_used: int = 0
    n_jobs: int = 0
    n_background_jobs: int = 0
    n_cancelled: int = 0
    n_tokens_evaluated: int = 0
    n_tokens_generated: int = 0
    devices: tuple[str, ...] = ()
    lock: str = "unproven"


ToWorker = Load | Inspect | Generate | Cancel | Enough | Forget | GetStats | Unload
FromWorker = Progress | Loaded | Inspected | Prefilled | Token | Done | Failed | Stats

_T = TypeVar("_T")

_encoder = msgspec.msgpack.Encoder()
_to_worker = msgspec.msgpack.Decoder(ToWorker)
_from_worker = msgspec.msgpack.Decoder(FromWorker)


def encode(message: Message) -> bytes:
    """Encode a message as one whole frame."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return frame(body)


def frame(body: bytes) -> bytes:
    """Put the length before a body."""
    return _LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Read the length a 4-byte header announces. Raises ProtocolError above the limit."""
    (length,) = _LENGTH.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}")
    return int(length)


def read_body(stream: BinaryIO) -> bytes | None:
    """Read one frame's body, blocking. None at a clean end; ProtocolError in mid-frame."""
    header = stream.read(4)
    if not header:
        return None
    if len(header) < 4:
        raise ProtocolError("the stream ended inside a frame header")
    length = body_length(header)
    body = stream.read(length)
    if len(body) < length:
        raise ProtocolError("the stream ended inside a frame")
    return body


def decode_to_worker(body: bytes) -> ToWorker:
    """Decode a body sent to the worker. Raises ProtocolError."""
    message: ToWorker = _decode(_to_worker, body)
    _check_version(message.v)
    return message


def decode_from_worker(body: bytes) -> FromWorker:
    """Decode a body sent by the worker. Raises ProtocolError."""
    message: FromWorker = _decode(_from_worker, body)
    _check_version(message.v)
    return message


def _decode(decoder: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ProtocolError(f"not a message of this protocol: {error}") from error


def _check_version(version: int) -> None:
    if version != PROTOCOL_VERSION:
        raise ProtocolError(
            f"the peer speaks protocol {version}, this side speaks {PROTOCOL_VERSION}"
        )
