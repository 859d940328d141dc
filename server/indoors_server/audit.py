"""The audit log: one chain of records per user, appended to by all windows. No code is in it.

    log = Log.open(paths.state_dir())
    log.append(event="refused", kind="closed", path=path, decision="deny", reason="…")

A record is on disk when `append` returns. When it raises AuditError nothing was recorded, and the
caller must not do what it wanted to record. An append reads the tail of the file only.

A process that dies within a line leaves a torn line. The next append closes it and writes a
`repaired` record first, which says how many bytes were lost (`bytes`) and which (`body_sha256`).
Local completions are no records: at its end a session leaves their numbers in one.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from indoors_server import audit_files as files
from indoors_server import audit_records as records
from indoors_server import private_files
from indoors_server.audit_records import AuditError, Record

__all__ = ["AuditError", "Log", "Record"]

PATIENCE_S = 10.0
# The last record and a torn line fit into the first; into the second, what a bad disk may leave.
_TAILS = (2 * records.MAX_LINE_BYTES, 32 * records.MAX_LINE_BYTES)


class _Tail(NamedTuple):
    """The end of the log: its last record, and the bytes of no record behind it."""

    last: Record | None
    lost: bytes
    is_closed: bool
    """Whether the newline behind the last record is there."""


class Log:
    """The audit log in a directory. Any number of threads and processes may share it.

    Nothing stays open between two appends, so that a log that was moved away is never written to.
    """

    def __init__(self, directory: Path, clock: Callable[[], float], patience_s: float) -> None:
        self._directory = directory
        self._path = directory / files.LOG
        self._clock = clock
        self._patience_s = patience_s
        self._session_ended = False

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        clock: Callable[[], float] = time.time,
        patience_s: float = PATIENCE_S,
    ) -> Log:
        """Make directory, key and file where they are missing, and see that they can be used.

        `clock` gives seconds since 1970. `patience_s` is how long to wait for other processes.
        Raises AuditError.
        """
        log = cls(directory, clock, patience_s)
        files.make_directory(directory)
        with files.locked(directory, patience_s, create=True):
            key = files.key_for_appending(directory)
            with log._opened() as stream:
                _read_tail(stream, key)
            private_files.sync_directory(directory)
        return log

    def append(
        self,
        *,
        event: str,
        kind: str,
        host: str = "",
        size: int = 0,
        body_sha256: str = "",
        path: str = "",
        decision: str = "",
        reason: str = "",
        policy_hash: str = "",
    ) -> Record:
        """Record one event; it is on disk when this returns. Raises AuditError.

        `event`, `kind` and `decision` are names in lower case, `reason` one line of our own words,
        never text of a file. `size` is in bytes. `path` is absolute; only its HMAC is kept.
        """
        return self._append(
            Record(
                policy_hash=policy_hash,
                event=event,
                kind=kind,
                host=host,
                size=size,
                body_sha256=body_sha256,
                decision=decision,
                reason=reason,
            ),
            path,
        )

    def refused(
        self, *, kind: str, reason: str, path: str = "", host: str = "", policy_hash: str = ""
    ) -> Record:
        """Record that something was not allowed. Raises AuditError."""
        return self.append(
            event="refused",
            kind=kind,
            host=host,
            path=path,
            decision="deny",
            reason=reason,
            policy_hash=policy_hash,
        )

    def end_session(self, *, policy_hash: str = "", **counts: int) -> Record | None:
        """Record what a session counted, once; None if it was recorded or all is 0. AuditError."""
        if self._session_ended or not any(counts.values()):
            return None
        record = self._append(
            Record(
                policy_hash=policy_hash,
                event=records.SESSION,
                kind="local",
                counts=counts,
            ),
            "",
        )
        self._session_ended = True
        return record

    def _append(self, wanted: Record, path: str) -> Record:
        records.check_fields(wanted)
        if wanted.event == records.REPAIRED:
            raise ValueError("a repair is recorded by the log itself")
        files.make_directory(self._directory)  # a purge may have removed it
        with files.locked(self._directory, self._patience_s, create=True):
            key = files.key_for_appending(self._directory)
            with self._opened() as stream:
                tail = _read_tail(stream, key)
                prefix, last = self._repair(tail, key)
                fields = replace(wanted, path_hmac=records.path_hmac(key, path))
                record, line = self._sign_after(last, fields, key)
                if len(line) >= records.MAX_LINE_BYTES:
                    raise AuditError("An audit record was refused: it is too long.")
                self._write(stream, prefix + line + b"\n")
        return record

    def _repair(self, tail: _Tail, key: bytes) -> tuple[bytes, Record | None]:
        """What closes a torn line and records it, and the record to go on from."""
        if tail.is_closed and not tail.lost:
            return b"", tail.last
        lost = tail.lost
        note = Record(
            event=records.REPAIRED,
            kind="torn-line",
            size=len(lost),
            body_sha256=sha256(lost).hexdigest(),
            reason="a process or the machine stopped while it wrote",
        )
        record, line = self._sign_after(tail.last, note, key)
        return b"\n" + line + b"\n", record

    def _sign_after(self, last: Record | None, fields: Record, key: bytes) -> tuple[Record, bytes]:
        placed = replace(
            fields,
            seq=last.seq + 1 if last else 1,
            ts=records.timestamp(self._clock()),
            prev=last.h if last else records.NO_RECORD,
        )
        return records.sign(placed, key)

    def _opened(self) -> FileIO:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            return FileIO(files.open_private(self._path, flags), "r+")
        except FileNotFoundError as error:
            raise files.unusable(self._path, error) from error

    def _write(self, stream: FileIO, data: bytes) -> None:
        before = stream.seek(0, os.SEEK_END)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[stream.write(rest) :]
            os.fsync(stream.fileno())
        except OSError as error:
            # Half a record is not kept where that is possible. Where not (an append-only file),
            # the next append finds a torn line.
            with contextlib.suppress(OSError):
                stream.truncate(before)
            raise files.not_written(self._path, error) from error


def _read_tail(stream: FileIO, key: bytes) -> _Tail:
    """The last record and what is behind it, from the end of the file. Raises AuditError."""
    size = stream.seek(0, os.SEEK_END)
    for wanted in _TAILS:
        start = max(0, size - wanted)
        stream.seek(start)
        data = _read(stream, size - start)
        tail = _find_last(data, key, is_cut=start > 0)
        if tail.last is not None or start == 0:
            return tail
    raise _damaged("there is no record near its end")


def _find_last(data: bytes, key: bytes, *, is_cut: bool) -> _Tail:
    """Look for the last record from behind. If `is_cut`, `data` begins within a line."""
    end = len(data)
    is_last = True  # the piece behind the last newline, which a whole log does not have
    while end >= 0:
        begin = data.rfind(b"\n", 0, end) + 1
        if begin == 0 and is_cut:
            break
        line = data[begin:end]
        record = records.parse(line)
        if record is not None and records.is_genuine(record, line, key):
            return _Tail(record, data[end + 1 :], is_closed=not is_last)
        if record is not None or records.looks_whole(line):
            number = f" after number {record.seq - 1}" if record else ""
            raise _damaged(f"the record{number} at its end was changed, or the key is another one")
        end, is_last = begin - 1, False
    return _Tail(None, data, is_closed=True)


def _read(stream: FileIO, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _damaged(why: str) -> AuditError:
    return AuditError(
        "The audit log is damaged, and is not continued.",
        why=f"In {files.LOG}, {why}.",
        next_step=f"indoors audit verify; then move {files.LOG} elsewhere: a new log begins",
    )
