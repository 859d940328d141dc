"""What the policy refused, for the audit log: each file, folder or model once for each reason.

    note(kind, verdict, path, policy) ---> seen? ---> one thread ---> write(Refusal)

Somebody who types in a denied file is refused with every key; the log has one record of it for each
session of the server. Nothing waits for the disk, and a log that cannot be written costs nobody an
answer: what is refused stays refused, and the person is told once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec

from indoors_completion.types import IndoorsError
from indoors_server import audit_records
from indoors_server.policy.decision import Policy
from indoors_server.policy.verdict import Verdict

_log = logging.getLogger("indoors.audit")

Kind = Literal["complete", "show", "index", "model"]

# A session that is refused more than this has a policy that denies whole trees: the log says so
# once, and grows no further.
MAX_RECORDS = 1000
_MORE = "further refusals of this session are not listed"
# How long the end of the server waits for what is not written yet.
_CLOSE_S = 2.0

# The log takes no text of a policy nor of a path, so it has its own words for each key.
_REASONS = {
    "mode": "the policy's mode is off",
    "complete": "the policy has complete false",
    "index": "the policy has index false",
    "deny_paths": "the policy denies this path",
    "unproven": "the policy is strict and the lock-down unproven",
    "strict": "the policy is strict and the model's file is unverified",
    "allow_unverified_models": "the policy allows no unverified models",
    "forbidden_licences": "the policy forbids the model's licence",
}
_OTHER = "the policy refuses it"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One record to be: `reason` is a fixed phrase; `path` is absolute and will be an HMAC."""

    kind: str
    reason: str
    path: str = ""
    policy_hash: str = ""


class Refusals:
    """Those of one server. `write` puts one on disk, in a thread; `tell` gets what keeps it from
    that, once, on the event loop.
    """

    def __init__(self, write: Callable[[Refusal], None], tell: Callable[[str], None]) -> None:
        self._write = write
        self._tell = tell
        self._lock = threading.Lock()
        self._seen: set[tuple[str, str, str]] = set()
        self._thread: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_failed = self._closed = False

    def note(self, kind: Kind, verdict: Verdict, path: Path, policy: Policy) -> None:
        """Something was refused. Any thread may say so; an allowing verdict is nothing to note."""
        if verdict.allowed:
            return
        named = audit_records.absolute(path)
        with contextlib.suppress(RuntimeError):  # a thread without a loop
            self._loop = asyncio.get_running_loop()
        found = kind, verdict.key, named
        with self._lock:
            if found in self._seen or len(self._seen) > MAX_RECORDS or self._closed:
                return
            self._seen.add(found)
            is_last = len(self._seen) > MAX_RECORDS
            refusal = Refusal(
                kind=kind,
                reason=_MORE if is_last else _REASONS.get(verdict.key, _OTHER),
                path="" if is_last else named,
                policy_hash=policy.hash,
            )
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="indoors-audit")
            self._thread.submit(self._record, refusal)

    async def close(self) -> None:
        """Write what is left, for a moment at most."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            last = asyncio.wrap_future(thread.submit(lambda: None))
            await asyncio.wait({last}, timeout=_CLOSE_S)
            thread.shutdown(wait=False, cancel_futures=True)

    def _record(self, refusal: Refusal) -> None:
        try:
            self._write(refusal)
        except Exception as error:  # noqa: BLE001 - what is refused stays refused without a record
            _log.error("a refusal was not recorded: %s", type(error).__name__)
            if self._has_failed:
                return
            self._has_failed = True
            text = str(error) if isinstance(error, IndoorsError) else type(error).__name__
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._tell, text)
