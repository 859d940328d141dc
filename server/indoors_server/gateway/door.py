"""Whether a request goes out: all that can refuse it, in order; then it is recorded, and sent.

    known endpoint and call -> sizes -> policy: mode, host, kind, each file -> closed: its locks
        -> its files and keys -> recorded -> site (resolve, judge, connect, TLS) -> the answer

The server is not believed: what it says of an endpoint is a name, and what it says of files is
asked about. What it cannot be asked for here (which files a body has text of) is why closed APIs
have locks of their own, with what a person accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from indoors_server import endpoint_files
from indoors_server.endpoints import CALLS, Endpoint
from indoors_server.gateway import wire
from indoors_server.gateway.failures import Failure
from indoors_server.gateway.in_force import InForce
from indoors_server.gateway.records import Records
from indoors_server.policy import whole_paths
from indoors_server.policy.decision import Policy
from indoors_server.policy.verdict import SendKind

Answer = wire.Head | wire.Chunk | wire.End | wire.Refused

MAX_SOURCES = 1000
# What a question about a server's abilities may carry: the name of a model, a word to count.
MAX_PROBE_BYTES = 4096
_FEWEST_S, _MOST_S = 0.1, 600.0
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Site(Protocol):
    """What `http.Site` is to the door."""

    def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer, None]:
        """The answer, with End or Refused at the end."""
        ...


# Why a request to a closed API is refused, None if it is not. What it counts, it counts before.
ClosedLocks = Callable[[wire.Ask, Endpoint, Policy], wire.Refused | None]


def shut(ask: wire.Ask, endpoint: Endpoint, policy: Policy) -> wire.Refused | None:  # noqa: ARG001
    """The locks of closed APIs where there are none: nothing passes."""
    return wire.Refused(
        kind="consent",
        what=f"{endpoint.name} is a closed API, and this version sends nothing to one.",
    )


class Door:
    """All that is asked passes here. `sites` has for each endpoint its site, or why it has none."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        sites: Mapping[str, Site | Failure],
        in_force: InForce,
        records: Records,
        closed_locks: ClosedLocks = shut,
    ) -> None:
        self._endpoints = endpoints
        self._sites = sites
        self._in_force = in_force
        self._records = records
        self._closed_locks = closed_locks
        # One after the other, and never in the threads that records are written in.
        self._locksmith = ThreadPoolExecutor(max_workers=1, thread_name_prefix="closed-locks")

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer, None]:
        """The answer to a request, with End or Refused at the end."""
        policy = self._in_force.policy()
        endpoint = self._endpoints.get(ask.endpoint)
        host = endpoint_files.destination(endpoint) if endpoint is not None else ""
        is_closed = endpoint is not None and endpoint_files.is_closed(endpoint, policy)
        try:
            site = await self._allowed(ask, endpoint, host, policy, is_closed=is_closed)
            await self._records.request(ask, host, policy.hash, is_closed=is_closed)
            bounded = min(max(ask.timeout_s, _FEWEST_S), _MOST_S)
            asked = msgspec.structs.replace(ask, timeout_s=bounded)
            async with contextlib.aclosing(site.ask(asked)) as answers:
                async for answer in answers:
                    if isinstance(answer, wire.Refused):
                        await self._note(ask, answer, host, policy, is_closed=is_closed)
                    yield answer
        except Failure as failure:
            refused = failure.refused(is_sent=False)
            await self._note(ask, refused, host, policy, is_closed=is_closed)
            yield refused

    async def _note(
        self, ask: wire.Ask, refused: wire.Refused, host: str, policy: Policy, *, is_closed: bool
    ) -> None:
        await self._records.refused(ask, refused, host, policy.hash, is_closed=is_closed)

    async def _allowed(
        self,
        ask: wire.Ask,
        endpoint: Endpoint | None,
        host: str,
        policy: Policy,
        *,
        is_closed: bool,
    ) -> Site:
        """The site of a request that may be sent. Raises Failure."""
        if endpoint is None:
            what = f"There is no engine named {ask.endpoint[:40]!r}."
            raise Failure("unknown", what, next_step="add it to engines.json")
        _check_form(ask, endpoint)
        _check_policy(ask, endpoint, host, policy, is_closed=is_closed)
        site = self._sites[endpoint.name]
        if isinstance(site, Failure):
            raise site
        # Last, because what they count counts as sent.
        if is_closed and (refused := await self._held(ask, endpoint, policy)) is not None:
            raise Failure(refused.kind, refused.what, refused.why, refused.next_step)
        return site

    async def _held(self, ask: wire.Ask, endpoint: Endpoint, policy: Policy) -> wire.Refused | None:
        """What the locks of closed APIs say. They look a whole body through and may wait until
        another process has counted: meanwhile the answers of other engines go on.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._locksmith, self._closed_locks, ask, endpoint, policy
        )


def _check_form(ask: wire.Ask, endpoint: Endpoint) -> None:
    """What does not depend on any policy. Raises Failure."""
    if ask.call not in CALLS[endpoint.api]:
        what = f"{endpoint.name} has no call {ask.call[:60]!r}."
        raise Failure("unknown", what, f"Its api is {endpoint.api}.")
    if len(ask.body) > wire.MAX_BODY_BYTES:
        raise Failure("size", f"The request is longer than {wire.MAX_BODY_BYTES} bytes.")
    if ask.method == "GET" and ask.body:
        raise Failure("size", "A question of this kind has no body.")
    if ask.kind == "probe" and (len(ask.body) > MAX_PROBE_BYTES or ask.sources):
        raise Failure("size", "What asks for abilities carries no code.")
    if len(ask.sources) > MAX_SOURCES:
        raise Failure("size", f"The request has text of more than {MAX_SOURCES} files.")
    if ask.accepted_sha256 and not _SHA256.fullmatch(ask.accepted_sha256):
        raise Failure("preview", "What was accepted is not named as it must be.")


def _check_policy(
    ask: wire.Ask, endpoint: Endpoint, host: str, policy: Policy, *, is_closed: bool
) -> None:
    """Mode, host, kind and each file. Raises Failure."""
    if is_closed and ask.kind != "refactor":
        what = f"{endpoint.name} is a closed API: it gets refactorings that a person asked for."
        raise Failure("policy", what, "Completion never goes to one.")
    sends: SendKind = "refactor" if ask.kind == "refactor" else "inline"
    if ask.kind == "probe":
        verdicts = [policy.may_reach(host, sends)]
    elif not ask.workspace:
        raise Failure("policy", "The document is a file of no folder that is open.")
    elif not ask.sources:
        raise Failure("policy", "It is not said which files the request has text of.")
    else:
        verdicts = [policy.may_send(path, host, sends) for path in ask.sources]
        verdicts += [whole_paths.may_show(ask.workspace, path) for path in ask.sources]
    for verdict in verdicts:
        if not verdict:
            reason, _, step = verdict.reason.partition(". Next: ")
            raise Failure("policy", f"The policy does not allow it: {reason}.", next_step=step)
    # An API of others on the list of one's own engines has been let through as one of them.
    if is_closed and policy.mode != "closed":
        what = f"{endpoint.name} is a closed API, and the policy's mode is {policy.mode}."
        raise Failure("policy", what, next_step=policy.step_to("closed"))
    if is_closed and host not in policy.closed_hosts:
        what = f"{endpoint.name} is a closed API, and {host} is not in closed_hosts."
        raise Failure("policy", what, next_step=f"indoors policy allow {host} --closed")
