"""The six locks of a closed API, each looked at again for every request, in this order.

    1  the policy: its mode is `closed` and it names the host      (the machine's is the ceiling)
    2  the extra `gateway` is installed
    3  an endpoint of the machine or the person names the API, and where its key is
    4  the person agreed for this workspace, and that has not ended
    5  kind and paths: a refactoring that a person asked for, and no file that is denied
    6  the exact bytes are those that a person accepted
    then: nothing secret in them, and room in the month

`check` is asked by the server, before it offers, before it shows and before it asks the gateway;
and by the gateway, which does not believe the server, before it sends. It is pure but for the two
stores, and counts only what is about to be sent.
"""

from __future__ import annotations

import hmac
import json
import shlex
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal

import msgspec

from indoors_server import endpoint_files, gateway_extra
from indoors_server.closed import consent, ledger, secrets
from indoors_server.endpoints import CALLS, Endpoint
from indoors_server.gateway import wire
from indoors_server.policy import whole_paths
from indoors_server.policy.decision import Policy

# Each looks at what the ones before look at, and more:
#   offer    there is no body yet     preview  nobody has accepted it yet     send  all, and counts
Stage = Literal["offer", "preview", "send"]
STAGES: tuple[Stage, ...] = ("offer", "preview", "send")
# A longer path is not said: editors cut a message, and half a path is another folder.
_SHOWN = 200


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a request may go on; if not, which lock holds it (0: secrets and the month), and
    why, as `wire.Refused` has it. No text of a body, no secret and no key is in it.
    """

    allowed: bool
    lock: int = 0
    kind: wire.RefusalKind = "policy"
    what: str = ""
    why: str = ""
    next_step: str = ""

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        text = f"{self.what} {self.why}".strip()
        return f"{text} Next: {self.next_step}" if self.next_step else text

    def refused(self) -> wire.Refused:
        """As the gateway says it."""
        return wire.Refused(kind=self.kind, what=self.what, why=self.why, next_step=self.next_step)


ALLOWED = Verdict(allowed=True)


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """Where consents and the month's count are; `now_s` is seconds since 1970."""

    consents: Callable[[], tuple[consent.Consent, ...]] = consent.read
    ledger: ledger.Ledger
    now_s: Callable[[], float] = time.time


def stores() -> Stores:
    """Those of this person."""
    return Stores(ledger=ledger.Ledger())


def at_the_gateway(kept: Stores | None = None) -> Callable[..., wire.Refused | None]:
    """What the gateway's door asks: why a request is not sent, None if it is (and was counted)."""

    def refusal(ask: wire.Ask, endpoint: Endpoint, policy: Policy) -> wire.Refused | None:
        verdict = check(ask, endpoint, policy, kept or stores(), stage="send")
        return None if verdict else verdict.refused()

    return refusal


def check(
    ask: wire.Ask,
    endpoint: Endpoint,
    policy: Policy,
    kept: Stores,
    *,
    stage: Stage = "send",
    consent_hash: str = "",
    installed: Callable[[], bool] = gateway_extra.is_installed,
) -> Verdict:
    """The first lock that holds a request. `policy` is the narrowest that the caller knows;
    consents are for `consent_hash`, that of machine and user alone (its own, by default).
    """
    now_s = kept.now_s()
    hash_of_own = consent_hash or policy.hash
    in_order: list[Callable[[], Verdict | None]] = [
        lambda: _policy(endpoint, policy),
        lambda: _extra(endpoint, installed),
        lambda: _endpoint(endpoint),
        lambda: _consent(ask, endpoint, hash_of_own, kept, now_s),
        lambda: _paths(ask, endpoint, policy),
    ]
    if stage != "offer":
        in_order += [lambda: _form(ask, endpoint)]
    if stage == "send":
        in_order += [lambda: _preview(ask)]
    if stage != "offer":
        in_order += [lambda: _secrets(ask, endpoint)]
    for lock in in_order:
        # A verdict that refuses is false, so `or` would go on to the next lock.
        if (held := lock()) is not None:
            return held
    return _month(ask, policy, kept, now_s, stage)


# --- the locks ----------------------------------------------------------------------------------


def _policy(endpoint: Endpoint, policy: Policy) -> Verdict | None:
    host = endpoint_files.destination(endpoint)
    if policy.mode != "closed":
        what = f"{endpoint.name} is a closed API, and the policy's mode is {policy.mode}."
        why = f"Decided by {policy.origin('mode').title}."
        return _held(1, "policy", what, why, policy.step_to("closed"))
    if host not in policy.closed_hosts:
        return _held(
            1, "policy", f"{host} is not in the policy's closed_hosts.",
            f"Decided by {policy.origin('closed_hosts').title}.",
            f"indoors policy allow {host} --closed",
        )  # fmt: skip
    return None


def _extra(endpoint: Endpoint, installed: Callable[[], bool]) -> Verdict | None:
    if installed():
        return None
    what = f"There is no HTTP client here to ask {endpoint.name} with."
    return _held(2, "config", what, "", gateway_extra.command())


def _endpoint(endpoint: Endpoint) -> Verdict | None:
    if endpoint.layer not in ("machine", "user") or not endpoint.model:
        return _held(
            3, "config", f"{endpoint.name} is not whole.", "", "give it url, api and model"
        )
    if not endpoint.url.startswith("https://"):
        what = f"{endpoint.name} is not reached by https://, so anybody on the way could read it."
        return _held(3, "config", what, "", "correct its url in engines.json")
    if not endpoint.key.startswith(("file:", "keyring:")):
        what = f"{endpoint.name} does not say where its key is."
        step = 'give it "key": "file:/absolute/path" (mode 0600) in engines.json'
        return _held(3, "config", what, "", step)
    return None


def _consent(
    ask: wire.Ask, endpoint: Endpoint, policy_hash: str, kept: Stores, now_s: float
) -> Verdict | None:
    try:
        consent.given(kept.consents(), ask.workspace, endpoint, policy_hash, now_s)
    except consent.NoConsent as error:
        what = f"Code of this workspace may not go to {endpoint.name}: {error}."
        if not ask.workspace:
            return _held(4, "consent", what, "", "open the folder that the file is in")
        where = f" --workspace {shlex.quote(ask.workspace)}"
        is_one_line = " ".join(where.split()) == where.strip() and where.isprintable()
        if not is_one_line or len(where) > _SHOWN:
            where = ", in a terminal in the workspace's folder"  # an editor would show another path
        return _held(4, "consent", what, "", f"indoors closed allow {endpoint.name}{where}")
    return None


def _paths(ask: wire.Ask, endpoint: Endpoint, policy: Policy) -> Verdict | None:
    if ask.kind != "refactor":
        what = f"{endpoint.name} is a closed API: it gets refactorings that a person asked for."
        return _held(5, "policy", what, "Completion never goes to one.")
    if not ask.sources:
        return _held(5, "policy", "It is not said which files the request has text of.")
    host = endpoint_files.destination(endpoint)
    for path in ask.sources:
        verdict = policy.may_send(path, host, "refactor") and whole_paths.may_show(
            ask.workspace, path
        )
        if not verdict:
            reason, _, step = verdict.reason.partition(". Next: ")
            return _held(5, "policy", f"A file may not be sent: {reason}.", "", step)
    return None


def _form(ask: wire.Ask, endpoint: Endpoint) -> Verdict | None:
    if ask.method != "POST" or ask.call not in CALLS[endpoint.api]:
        return _held(5, "unknown", f"{endpoint.name} has no such call.")
    if len(ask.body) > wire.MAX_BODY_BYTES:
        return _held(5, "size", f"The request is longer than {wire.MAX_BODY_BYTES} bytes.")
    if texts_of(ask.body) is None:
        what = "What is to be sent is not JSON with each name once, so it cannot be looked through."
        return _held(5, "policy", what)
    return None


def _secrets(ask: wire.Ask, endpoint: Endpoint) -> Verdict | None:
    found = secrets.scan("\n".join((*(texts_of(ask.body) or ()), *ask.sources)))
    if not found:
        return None
    kinds = list(dict.fromkeys(one.what for one in found))
    more = f" and {len(kinds) - 3} more" if len(kinds) > 3 else ""
    return _held(
        0, "secret", f"Nothing was sent to {endpoint.name}: the text has a secret in it.",
        f"Found: {', '.join(kinds[:3])}{more} (line {found[0].line} of what was to be sent).",
        "take it out of the code, or edit with the model on this machine",
    )  # fmt: skip


def _preview(ask: wire.Ask) -> Verdict | None:
    if hmac.compare_digest(ask.accepted_sha256.encode(), _hex(ask.body)):
        return None
    return _held(6, "preview", "What was to be sent is not what a person accepted.")


def _month(ask: wire.Ask, policy: Policy, kept: Stores, now_s: float, stage: Stage) -> Verdict:
    limits = policy.closed_monthly_requests, policy.closed_monthly_bytes
    try:
        if stage == "send":
            kept.ledger.take(len(ask.body), *limits, now_s)
        else:
            kept.ledger.require_room(len(ask.body), *limits, now_s)
    except ledger.Full as error:
        text = str(error)
        step = "wait for the next month, or raise the limit in your policy"
        return _held(0, "limit", f"Nothing was sent: {text}.", "", step)
    return ALLOWED


def _hex(body: bytes) -> bytes:
    return sha256(body).hexdigest().encode()


def texts_of(body: bytes) -> tuple[str, ...] | None:
    """Every text in a body, names too, in order; None if it is not JSON, or has a name twice in one
    object: what stands behind one of the two would be sent and not looked through.
    """
    try:
        whole = json.loads(body.decode(), object_pairs_hook=_each_once, parse_constant=_not_json)
        found = _texts_in(whole)
        "".join(found).encode()  # half a character is none, though JSON can spell it
    except (ValueError, RecursionError):
        return None
    return found


def _texts_in(whole: object) -> tuple[str, ...]:
    found: list[str] = []
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            waiting += [part for pair in reversed(one.items()) for part in reversed(pair)]
        elif isinstance(one, list):
            waiting += reversed(one)
    return tuple(found)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _not_json(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _held(
    lock: int, kind: wire.RefusalKind, what: str, why: str = "", next_step: str = ""
) -> Verdict:
    return Verdict(allowed=False, lock=lock, kind=kind, what=what, why=why, next_step=next_step)
