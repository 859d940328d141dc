"""The messages between the server and the gateway, in frames as the engine's (`engine.wire`).

Many requests run at a time. Each `Ask` is answered by one `Head`, any number of `Chunk` and one
`End`; or, at any point, by one `Refused`, which is then the last. `Stop` ends a request: its
connection is closed and nothing more is said of it but one `End` or `Refused`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PROTOCOL_VERSION = 1
# Of a request's body, and of a whole answer.
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_ANSWER_BYTES = 16 * 1024 * 1024

# "probe" asks what a server can do: it carries no code.
Kind = Literal["completion", "refactor", "probe"]

# policy    not allowed, by mode, host list or a path       unknown   no such endpoint, or call
# consent   closed: nobody agreed for this workspace        preview   closed: not what was accepted
# secret    closed: the body holds something secret         limit     closed: the month's limit
# audit     it could not be recorded, so it was not sent    config    the endpoint's files or keys
# resolve   the name, or an address that is not allowed     connect   nobody answers there
# tls       certificate or client certificate               redirect  the server sends us elsewhere
# timeout   no answer in time                               size      too long
# broken    the connection ended early, or no HTTP          gone      the gateway ended
RefusalKind = Literal[
    "policy", "unknown", "consent", "preview", "secret", "limit", "audit", "config", "resolve",
    "connect", "tls", "redirect", "timeout", "size", "broken", "gone",
]  # fmt: skip


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True):
    """What every frame carries."""

    v: int = PROTOCOL_VERSION
    request: int = 0


# --- to the gateway ---------------------------------------------------------------------------


class Ask(Message, frozen=True, kw_only=True, tag="ask"):
    """One HTTP request to the endpoint named `endpoint`.

    `call` is a path below the endpoint's address, one of those that its kind of API has
    (`endpoints.CALLS`), and `body` JSON ("" for GET). `workspace` is the folder, `sources` are the
    paths in it, relative, of every file with text in the body: each is asked about in the policy.
    `accepted_sha256` is for closed APIs: the sha256, in hex, of the body that a person accepted.
    Keys and headers are added by the gateway; the server never has them.
    """

    endpoint: str
    kind: Kind
    method: Literal["GET", "POST"] = "POST"
    call: str
    body: bytes = b""
    workspace: str = ""
    sources: tuple[str, ...] = ()
    accepted_sha256: str = ""
    timeout_s: float = 60.0


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """Nothing more of `request` is wanted. Unknown numbers are fine."""


# --- from the gateway -------------------------------------------------------------------------


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Said once, first. `lock` is the state of its own lock-down, `problems` are for people."""

    lock: str
    endpoints: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Head(Message, frozen=True, kw_only=True, tag="head"):
    """An answer has begun. Any status: 4xx and 5xx are answers too, with their body."""

    status: int
    content_type: str = ""
    retry_after_s: float | None = None


class Chunk(Message, frozen=True, kw_only=True, tag="chunk"):
    """Bytes of the answer's body, as they came (decoded from any transfer coding)."""

    data: bytes


class End(Message, frozen=True, kw_only=True, tag="end"):
    """The answer is whole, or the request was stopped."""

    stopped: bool = False


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """No answer, or no more of it. what/why/next_step are for people and hold no code or key.

    `sent` says whether any byte of the body may have left: only where it is False may a request
    that is not free of effects be asked again.
    """

    kind: RefusalKind
    what: str
    why: str = ""
    next_step: str = ""
    sent: bool = False


ToGateway = Ask | Stop
FromGateway = Ready | Head | Chunk | End | Refused
