"""How much was sent to closed APIs in a calendar month: counted before it is sent.

One small file in the state directory, shared by all windows under a lock. A request that is then
not sent stays counted: the other way round, one that is not counted could be sent. A file that is
damaged allows nothing. It limits what is spent and is no proof: who may write in the state
directory can remove it, and the audit log still has every request.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from indoors_server import paths, private_files

FILE, LOCK = "closed-usage.json", "closed-usage.lock"
PATIENCE_S = 10.0
_MONTHS_KEPT = 24
_MAX_BYTES = 100_000


class Usage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was sent."""

    requests: int = 0
    bytes: int = 0


class Full(Exception):
    """No more may be sent; the message says which limit, or what is wrong with the file."""


class Ledger:
    """The ledger in a directory. Any number of processes may share it."""

    def __init__(self, directory: Path | None = None, patience_s: float = PATIENCE_S) -> None:
        self._directory = directory or paths.state_dir()
        self._patience_s = patience_s

    def used(self, now_s: float) -> Usage:
        """What this month has so far. Raises Full where that cannot be told."""
        return self._read().get(month(now_s), Usage())

    def require_room(self, size: int, most_requests: int, most_bytes: int, now_s: float) -> None:
        """Raise Full unless a body of `size` bytes is within the limits."""
        _require_room(self.used(now_s), size, most_requests, most_bytes)

    def take(self, size: int, most_requests: int, most_bytes: int, now_s: float) -> Usage:
        """Count a request with a body of `size` bytes. Raises Full, and counts nothing then."""
        try:
            with self._locked():
                months = self._read()
                before = months.get(month(now_s), Usage())
                _require_room(before, size, most_requests, most_bytes)
                after = Usage(requests=before.requests + 1, bytes=before.bytes + size)
                months[month(now_s)] = after
                kept = dict(sorted(months.items())[-_MONTHS_KEPT:])
                private_files.write_atomically(
                    self._directory / FILE, msgspec.json.encode(kept) + b"\n"
                )
                return after
        except OSError as error:
            raise Full(f"this month's requests cannot be counted ({error.strerror})") from error

    def _read(self) -> dict[str, Usage]:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(self._directory / FILE, flags | getattr(os, "O_CLOEXEC", 0))
            with os.fdopen(descriptor, "rb") as stream:
                raw = stream.read(_MAX_BYTES)
            found = msgspec.json.decode(raw, type=dict[str, Usage])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Full(f"the count of requests cannot be read ({error.strerror})") from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Full(f"the count of requests is damaged ({FILE})") from error
        if any(one.requests < 0 or one.bytes < 0 for one in found.values()):
            raise Full(f"the count of requests is damaged ({FILE})")
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        private_files.make_tree(self._directory)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._directory / LOCK, flags, 0o600)
        until = time.monotonic() + self._patience_s
        try:
            while not private_files.try_lock(descriptor):
                if time.monotonic() > until:
                    raise Full("this month's requests cannot be counted: another process counts")
                time.sleep(0.005)
            yield
        finally:
            os.close(descriptor)


def month(now_s: float) -> str:
    """The calendar month of a time (UTC), as 2026-01."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m")


def _require_room(used: Usage, size: int, most_requests: int, most_bytes: int) -> None:
    if used.requests + 1 > most_requests:
        raise Full(
            f"this month's limit of {most_requests} requests is reached (closed_monthly_requests)"
        )
    if used.bytes + size > most_bytes:
        raise Full(
            f"this would go beyond this month's limit of {most_bytes} bytes, of which "
            f"{used.bytes} are used (closed_monthly_bytes)"
        )
