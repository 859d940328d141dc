"""One record of the audit log, its canonical encoding, and the HMAC that chains it. Pure.

A line of the log is a JSON object with exactly the fields of `Record` in that order, without blanks
and with non-ASCII characters as they are. The HMAC covers that line without its last field:

    {"seq":2,…,"reason":"","counts":{}}          HMAC-SHA256(key, RECORD_LABEL + these bytes) -> h
    {"seq":2,…,"reason":"","counts":{},"h":"…"}  the line

There is one way to write a record, so a line that says the same in other bytes is an edited line.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from indoors_completion.types import IndoorsError

RECORD_LABEL = b"indoors audit record\0"
PATH_LABEL = b"indoors audit path\0"
KEY_BYTES = 32
MAX_LINE_BYTES = 4096
NO_RECORD = "0" * 64
"""`prev` of the first record, and the `h` of the head of an empty log."""
REPAIRED = "repaired"
SESSION = "session"

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,47}")
_HEX = re.compile(r"[0-9a-f]{64}")
_H_FIELD = len(',"h":"') + 64 + len('"}')
# A quote within a string is escaped, so that only the true end of a record looks like this.
_WHOLE = re.compile(rb',"h":"[0-9a-f]{64}"\}\Z')


class AuditError(IndoorsError):
    """The audit log cannot be used. What was to be recorded is not, and so must not happen."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened, without any text of a document.

    `ts` is UTC with milliseconds; `size` (in the file: `bytes`) and `body_sha256` describe what was
    to be sent, or in a `repaired` record what was lost. Hashes are 64 lowercase hex digits or "".
    """

    seq: int = 0
    ts: str = ""
    prev: str = ""
    policy_hash: str = ""
    event: str
    kind: str
    host: str = ""
    size: int = msgspec.field(default=0, name="bytes")
    body_sha256: str = ""
    path_hmac: str = ""
    decision: str = ""
    reason: str = ""
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    h: str = ""


class Anchor(msgspec.Struct, frozen=True):
    """The head of a log as someone wrote it down elsewhere: `SEQ:H`."""

    seq: int
    h: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.h}"


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Record)


def anchor_of(text: str) -> Anchor:
    """Read `SEQ:H`, as `indoors audit head` prints it. Raises AuditError for anything else."""
    found = re.fullmatch(r"\s*([0-9]{1,15})[:\s]\s*([0-9a-f]{64})\s*", text)
    if found is None or (int(found[1]) == 0) != (found[2] == NO_RECORD):
        raise AuditError(
            "This is not an anchor.",
            why="An anchor is a number, a colon and 64 hexadecimal digits.",
            next_step="give --anchor what `indoors audit head` printed earlier",
        )
    return Anchor(int(found[1]), found[2])


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as `2026-01-31T23:59:59.123Z`."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def path_hmac(key: bytes, path: str) -> str:
    """What stands in the log for `path`, "" for "": the same path gives the same digits."""
    if not path:
        return ""
    # Names need not be UTF-8: other bytes arrive as lone surrogates (PEP 383), which pass here.
    data = path.encode("utf-8", "surrogatepass")
    return hmac.digest(key, PATH_LABEL + data, "sha256").hex()


def sign(record: Record, key: bytes) -> tuple[Record, bytes]:
    """The record with its `h`, and its line without the newline."""
    body = _encoder.encode(msgspec.structs.replace(record, h=NO_RECORD))[:-_H_FIELD] + b"}"
    digest = hmac.digest(key, RECORD_LABEL + body, "sha256").hex()
    line = body[:-1] + b',"h":"' + digest.encode() + b'"}'
    return msgspec.structs.replace(record, h=digest), line


def parse(line: bytes) -> Record | None:
    """The record in a line without its newline; None if there is none. Says nothing about `h`."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, ValueError):
        return None


def is_genuine(record: Record, line: bytes, key: bytes) -> bool:
    """Whether `line`, which `record` was parsed from, is byte for byte what the key signed."""
    try:
        signed, canonical = sign(record, key)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return False
    return hmac.compare_digest(signed.h, record.h) and canonical == line


def looks_whole(line: bytes) -> bool:
    """Whether a line that is no record ends as one. A line that a crash cut off never does."""
    return _WHOLE.search(line) is not None


def check_fields(record: Record) -> None:
    """Raise AuditError unless each field is short and of its kind: text of files is neither."""
    wrong = [
        name
        for name, value in (("event", record.event), ("kind", record.kind), *_decided(record))
        if not _NAME.fullmatch(value)
    ]
    hashes = ("policy_hash", record.policy_hash), ("body_sha256", record.body_sha256)
    wrong += [name for name, value in hashes if value and not _HEX.fullmatch(value)]
    if not _is_line(record.host, 255) or " " in record.host:
        wrong.append("host")
    if not _is_line(record.reason, 200):
        wrong.append("reason")
    if not _is_count(record.size):
        wrong.append("size")
    if len(record.counts) > 16 or not _are_counts(record.counts):
        wrong.append("counts")
    if wrong:
        raise AuditError(
            f"An audit record was refused: {', '.join(wrong)}.",
            why="The log takes short names, hashes, numbers and one line of a reason only.",
            next_step="please report this: it is a mistake in Indoors",
        )


def absolute(path: str | Path) -> str:
    """A path as the log takes it: absolute, links not followed."""
    return str(Path(path).absolute())


def _decided(record: Record) -> tuple[tuple[str, str], ...]:
    return (("decision", record.decision),) if record.decision else ()


def _is_line(text: str, limit: int) -> bool:
    return len(text) <= limit and text.isprintable()


def _are_counts(counts: Mapping[str, int]) -> bool:
    return all(_NAME.fullmatch(name) and _is_count(count) for name, count in counts.items())


def _is_count(value: object) -> bool:
    # Not a bool nor a float: they would be written in a way that reads back as something else.
    return type(value) is int and 0 <= value < 2**53
