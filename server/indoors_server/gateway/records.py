"""What the gateway leaves in the audit log: requests before they are sent, and refusals.

Each request to a closed API is recorded; of engines of one's own the first to each host. Whatever
is to be recorded and cannot be is not sent. What is recorded as sent, and then finds no connection,
has a second record that says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from indoors_server.audit import AuditError, Log
from indoors_server.gateway import wire
from indoors_server.gateway.failures import Failure

_log = logging.getLogger("indoors.gateway")

# As in `refusals`: the log says once that there are more, and grows no further.
MAX_REFUSALS = 1000
# The log takes no text of a policy, of a path or of a server: it has its own words.
_REASONS: dict[str, str] = {
    "policy": "the policy does not allow it",
    "unknown": "there is no such engine or call",
    "consent": "nobody agreed to it for this workspace",
    "preview": "it is not what a person accepted",
    "secret": "it holds something secret",
    "limit": "the month's limit is reached",
    "config": "the engine's files or keys cannot be used",
    "resolve": "the engine's name has an address that is not allowed, or none",
    "tls": "there is no safe connection to it",
    "redirect": "it answered with a redirection",
    "size": "it is too long",
}

# What ends a request before there is a connection, unless `Refused.sent` says that something left.
_NOT_CONNECTED = ("connect", "timeout", "broken")
_UNSENT = "nothing of it left: it found no connection"


class Records:
    """Those of one process. `open_log` opens the log, and may raise AuditError."""

    def __init__(self, open_log: Callable[[], Log]) -> None:
        self._open_log = open_log
        self._log: Log | None = None
        self._hosts: set[str] = set()
        self._refusals: set[tuple[str, ...]] = set()
        self._writing = asyncio.Lock()

    async def request(self, ask: wire.Ask, host: str, policy_hash: str, *, is_closed: bool) -> None:
        """A request is about to be sent. Raises Failure where it cannot be recorded."""
        if not is_closed and host in self._hosts:
            return
        try:
            await self._append(
                event="sent" if is_closed else "reached",
                host=host,
                path=_path(ask) if is_closed else "",
                decision="allow",
                policy_hash=policy_hash,
                **_what(ask, is_closed=is_closed),
            )
        except AuditError as error:
            raise Failure(
                "audit",
                "Nothing was sent, because it could not be recorded.",
                why=f"{error.what} {error.why}".strip(),
                next_step=error.next_step or "indoors audit verify",
            ) from error
        self._hosts.add(host)

    async def refused(
        self,
        ask: wire.Ask,
        refused: wire.Refused,
        host: str,
        policy_hash: str,
        *,
        is_closed: bool,
    ) -> None:
        """Something was refused. Where this cannot be recorded it stays refused all the same.

        The same refusal of an engine of one's own is recorded once: every key would be one.
        """
        reason = _REASONS.get(refused.kind)
        if reason is None and is_closed and refused.kind in _NOT_CONNECTED and not refused.sent:
            await self._unsent(ask, host, policy_hash)
        if reason is None or len(self._refusals) > MAX_REFUSALS:
            return
        same = (ask.kind, refused.kind, host, _path(ask), str(len(self._refusals)) * is_closed)
        if same in self._refusals:
            return
        self._refusals.add(same)
        if len(self._refusals) > MAX_REFUSALS:
            reason = "further refusals of this session are not listed"
        fields = {"event": "refused", "decision": "deny", "reason": reason, "path": _path(ask)}
        fields |= {"host": host, "policy_hash": policy_hash}
        await self._after(**fields, **_what(ask, is_closed=is_closed))

    async def _unsent(self, ask: wire.Ask, host: str, policy_hash: str) -> None:
        """A request that is recorded as sent to a closed API has not left."""
        fields = {"event": "unsent", "decision": "allow", "reason": _UNSENT, "path": _path(ask)}
        fields |= {"host": host, "policy_hash": policy_hash}
        await self._after(**fields, **_what(ask, is_closed=True))

    async def _after(self, **fields: str | int) -> None:
        """Record what has happened: it stays so whether or not this can be recorded."""
        try:
            await self._append(**fields)
        except AuditError as error:
            _log.error("a refusal was not recorded: %s", type(error).__name__)

    async def _append(self, **fields: str | int) -> None:
        async with self._writing:
            await asyncio.to_thread(self._write, fields)

    def _write(self, fields: dict[str, str | int]) -> None:
        if self._log is None:
            self._log = self._open_log()
        self._log.append(**fields)  # type: ignore[arg-type]


def _what(ask: wire.Ask, *, is_closed: bool) -> dict[str, str | int]:
    """What a request was. Of engines of one's own only its kind."""
    if not is_closed:
        return {"kind": ask.kind}
    return {"kind": ask.kind, "size": len(ask.body), "body_sha256": sha256(ask.body).hexdigest()}


def _path(ask: wire.Ask) -> str:
    if not ask.sources:
        return ""
    return str(Path("/", ask.workspace, ask.sources[0]))
