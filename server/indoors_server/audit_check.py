"""Reading the audit log: is the chain whole, what is its head, what is in it.

Everything here reads line by line in constant memory, up to where the file ended when it was
opened, and writes nothing. What a chain can show: an edit, a missing record, another order, a
record twice. What it cannot show by itself: that its end was cut off or all of it was replaced
by somebody who has the key. For that an anchor is needed, a head that was kept somewhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from io import BufferedReader, FileIO
from pathlib import Path

import msgspec

from indoors_server import audit_files as files
from indoors_server import audit_records as records
from indoors_server.audit_records import Anchor, AuditError, Record

__all__ = ["Anchor", "AuditError", "Record", "Verdict", "head", "read", "verify"]

PATIENCE_S = 10.0
_LISTED_REPAIRS = 20


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying found. `n_records` are good; `first_bad_seq` is where the chain breaks.

    A repair is no break: it tells of bytes that a crash left. `repaired_seqs` has the first 20.
    """

    ok: bool
    n_records: int
    head: Anchor
    first_bad_seq: int | None = None
    problem: str = ""
    n_repairs: int = 0
    n_lost_bytes: int = 0
    repaired_seqs: tuple[int, ...] = ()


def verify(directory: Path, anchor: Anchor | None = None) -> Verdict:
    """Check every record of the log in `directory`, and against `anchor` if there is one.

    A log that is not there is an empty one. Raises AuditError if it cannot be read.
    """
    stream, size = _open(directory)
    if stream is None:
        empty = _Chain(b"", anchor)
        return empty.verdict(empty.end())
    with stream:
        chain = _Chain(files.read_key(directory) if size else b"", anchor)
        for piece in _pieces(stream, size):
            if problem := chain.take(piece):
                return chain.verdict(problem)
    return chain.verdict(chain.end())


def head(directory: Path) -> Anchor:
    """The last record's number and `h`, to keep elsewhere. The whole chain is checked for it.

    Raises AuditError if there is a break: an anchor behind it would vouch for what is not so.
    """
    verdict = verify(directory)
    if not verdict.ok:
        raise AuditError(
            "The audit log is damaged, so it has no head to rely on.",
            why=verdict.problem,
            next_step="indoors audit verify",
        )
    return verdict.head


def read(directory: Path) -> Iterator[Record]:
    """The records in their order, unchecked; lines that are none are passed over. AuditError."""
    stream, size = _open(directory)
    if stream is None:
        return
    with stream:
        for piece in _pieces(stream, size):
            record = records.parse(piece.rstrip(b"\n"))
            if record is not None:
                yield record


class _Chain:
    """The state of a check: what came last, and bytes of no record that a repair must explain."""

    def __init__(self, key: bytes, anchor: Anchor | None) -> None:
        self._key = key
        self._anchor = anchor
        self._n = 0
        self._h = records.NO_RECORD
        self._open_line = False  # the last piece had no newline
        self._lost = sha256()
        self._n_lost = 0
        self._owes_newline = False
        self._has_lost = False
        self._repairs: list[int] = []
        self._n_repairs = 0
        self._n_repaired_bytes = 0

    def take(self, piece: bytes) -> str:
        """Go on with a line, or a piece of one that is too long; the problem, "" if none."""
        continues, self._open_line = self._open_line, not piece.endswith(b"\n")
        line = piece.removesuffix(b"\n")
        record = None if continues else records.parse(line)
        if record is None:
            self._lose(line, continues)
            if not continues and records.looks_whole(line):
                return f"record {self._next} was changed: it cannot be read any more"
            return ""
        problem = self._problem_of(record, line)
        if not problem:
            self._accept(record)
        return problem

    def end(self) -> str:
        """What is wrong with the end of the file, "" if nothing is."""
        if self._has_lost or self._open_line:
            what = f"{self._n_lost} bytes that are no record" if self._has_lost else "no newline"
            return (
                f"behind record {self._n} there is {what}: a process stopped while it wrote, or "
                "somebody changed the end. The next record that is written closes it and says so"
            )
        if self._anchor is not None and self._n < self._anchor.seq:
            return (
                f"the log ends with record {self._n}, and the anchor is record "
                f"{self._anchor.seq}: the end was cut off, or the log was replaced"
            )
        return ""

    def verdict(self, problem: str = "") -> Verdict:
        """The result; `problem` is one of the record that would come next."""
        return Verdict(
            ok=not problem,
            n_records=self._n,
            head=Anchor(self._n, self._h),
            first_bad_seq=self._next if problem else None,
            problem=problem,
            n_repairs=self._n_repairs,
            n_lost_bytes=self._n_repaired_bytes,
            repaired_seqs=tuple(self._repairs),
        )

    @property
    def _next(self) -> int:
        return self._n + 1

    def _lose(self, line: bytes, continues: bool) -> None:
        self._has_lost = True
        if self._owes_newline and not continues:
            self._lost.update(b"\n")
            self._n_lost += 1
        self._lost.update(line)
        self._n_lost += len(line)
        self._owes_newline = not self._open_line

    def _problem_of(self, record: Record, line: bytes) -> str:
        wanted = self._next
        if not records.is_genuine(record, line, self._key):
            hint = ", or the key is not the one of this log" if self._n == 0 else ""
            return f"record {wanted} was changed after it was written{hint}"
        if self._has_lost and not self._explains(record):
            return f"record {wanted} was changed or removed: a line in its place is no record"
        if record.seq > wanted:
            return f"record {record.seq} stands where {wanted} should: removed, or another order"
        if record.seq < wanted:
            return f"record {record.seq} stands where {wanted} should: twice, or another order"
        if record.prev != self._h:
            return f"record {wanted} is of another chain"
        if record.event == records.REPAIRED and record.size and not self._has_lost:
            return f"record {wanted} tells of {record.size} lost bytes that are not there any more"
        if self._anchor is not None and self._anchor.seq == wanted and self._anchor.h != record.h:
            return f"record {wanted} is not the one of the anchor: the log was replaced"
        return ""

    def _explains(self, record: Record) -> bool:
        return (
            record.event == records.REPAIRED
            and record.size == self._n_lost > 0
            and record.body_sha256 == self._lost.hexdigest()
        )

    def _accept(self, record: Record) -> None:
        self._n, self._h = record.seq, record.h
        if record.event == records.REPAIRED:
            self._n_repairs += 1
            self._n_repaired_bytes += record.size
            if len(self._repairs) < _LISTED_REPAIRS:
                self._repairs.append(record.seq)
        self._has_lost, self._owes_newline = False, False
        self._lost, self._n_lost = sha256(), 0


def _open(directory: Path) -> tuple[BufferedReader | None, int]:
    """The log and its size between two appends; (None, 0) if there is no log."""
    path = directory / files.LOG
    try:
        # Under the lock nobody is in the middle of a line.
        with files.locked(directory, PATIENCE_S, create=False):
            descriptor = files.open_private(path, os.O_RDONLY)
            size = os.fstat(descriptor).st_size
    except FileNotFoundError:
        return None, 0
    return BufferedReader(FileIO(descriptor, "r"), 1 << 16), size


def _pieces(stream: BufferedReader, size: int) -> Iterator[bytes]:
    """The lines of the first `size` bytes; what is longer than any record comes in pieces."""
    try:
        while size > 0 and (piece := stream.readline(min(size, records.MAX_LINE_BYTES))):
            size -= len(piece)
            yield piece
    except OSError as error:
        raise AuditError("The audit log cannot be read.", why=str(error.strerror)) from error
