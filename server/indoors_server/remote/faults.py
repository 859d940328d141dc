"""Every way in which a server gives no answer: what happened, and what is to be done about it.

A fault is a value, for people and for the engine, and quotes nothing that a server said about a
prompt: error messages of servers repeat what they were sent.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire

# down      nobody answers, or not in time: another server of the rule may; soon tried again
# busy      its queue is full: another one may; tried again when it says
# wrong     it answers, and will not do this until a person has changed something
# context   the prompt is too long: once more with less
# feature   it does not take something that can be left out: once more without it
# refused   the policy or the gateway lets nothing through
# denied    it lets this one request not through, for the files in it: any other may go
Kind = Literal["down", "busy", "wrong", "context", "feature", "refused", "denied"]
Feature = Literal["logprobs", "usage", "begin", "extras"]

_MOST_PAUSE_S = 30.0
_TOO_LONG = (
    "context length", "context size", "context_length", "context window", "n_ctx", "too long",
    "max_model_len", "maximum model length", "max_seq_len", "exceed_context", "max_num_tokens",
    "maximum input length", "maximum allowed input",
)  # fmt: skip
_NO_MEMORY = ("more system memory", "out of memory", "insufficient memory")
# The request came too late, too early, or by a connection of another name: the next one need not.
_PASSING = frozenset({408, 421, 425})
_DOWN = frozenset({"connect", "timeout", "broken", "gone", "resolve"})


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What happened and why, and what to do. `sent` is whether the prompt may have left."""

    kind: Kind
    what: str
    why: str = ""
    next_step: str = ""
    retry_after_s: float = 0.0
    feature: Feature | None = None
    sent: bool = True

    def __str__(self) -> str:
        said = " ".join(part for part in (self.what, self.why) if part)
        return f"{said} Next: {self.next_step}" if self.next_step else said


def of_refusal(refused: wire.Refused, *, has_code: bool) -> Fault:
    """What the gateway said instead of an answer. What the policy says of a request with code in it
    may be about a file, and then says nothing of the server.
    """
    kind: Kind = "down" if refused.kind in _DOWN else "refused"
    if has_code and refused.kind in ("policy", "audit"):
        kind = "denied"
    if refused.kind in ("tls", "redirect"):
        kind = "wrong"
    elif refused.kind == "size":
        kind = "context"
    return Fault(
        kind=kind,
        what=refused.what,
        why=refused.why,
        next_step=refused.next_step,
        sent=refused.sent,
    )


def not_understood(endpoint: Endpoint, why: str) -> Fault:
    """It answered something that is none of its kind of API."""
    return Fault(
        kind="wrong",
        what=f"{endpoint.name} does not answer as a server of the kind {endpoint.api}.",
        why=f"{why}.",
        next_step=f"see which API {endpoint.url} has, and name it in engines.json (docs/teams.md)",
    )


def passed_on(endpoint: Endpoint, model: str = "") -> Fault:
    """It is on the list of one's own engines, and somebody else's machine answers."""
    named = f"{model} of {endpoint.name}" if model else f"The model of {endpoint.name}"
    return Fault(
        kind="wrong",
        what=f"{named} does not run there: Ollama passes what it is asked on to its own company.",
        why="Nothing is sent to a model elsewhere that the policy does not name.",
        next_step="set `model` of the endpoint in engines.json to one that runs there, and start "
        "that Ollama with OLLAMA_NO_CLOUD=1",
    )


def broke_off(endpoint: Endpoint) -> Fault:
    """The answer ended before it was whole."""
    return Fault(kind="down", what=f"{endpoint.name} stopped in the middle of an answer.")


def of_status(endpoint: Endpoint, head: wire.Head, body: bytes, call: str) -> Fault:
    """What an HTTP status of 300 and more means."""
    name, status = endpoint.name, head.status
    said = _said(body).casefold()
    if status in (429, 503) or (status == 500 and "loading model" in said):
        return _busy(endpoint, head, is_loading="loading" in said)
    if status == 413 or (status in (400, 422, 500) and any(one in said for one in _TOO_LONG)):
        return Fault(
            kind="context",
            what=f"The prompt is too long for {name}.",
            next_step="set context_tokens in engines.json to what the server was started with",
        )
    if status in (401, 403):
        return Fault(
            kind="wrong",
            what=f"{name} does not accept the key (HTTP {status}).",
            next_step="see that `key` of the endpoint names the file or keyring entry that the "
            "server was given",
        )
    if status == 404:
        return _missing(endpoint, said, call)
    if status in (400, 422, 500, 501) and (feature := _feature(said)):
        return Fault(kind="feature", what=f"{name} does not take {feature}.", feature=feature)
    if status >= 500 and any(one in said for one in _NO_MEMORY):
        return Fault(
            kind="wrong",
            what=f"{name} has not enough memory for its model (HTTP {status}).",
            next_step="ask who runs it for a smaller model or more memory (docs/teams.md has the "
            "arithmetic)",
        )
    if status == 501:
        return Fault(
            kind="wrong",
            what=f"{name} cannot do what it is asked for (HTTP 501).",
            next_step=f"see which API {endpoint.url} has, and name it in engines.json "
            "(docs/teams.md)",
        )
    if status in _PASSING:
        return Fault(kind="down", what=f"{name} did not take the request (HTTP {status}).")
    if status >= 500:
        return Fault(kind="down", what=f"{name} failed inside (HTTP {status}).")
    return Fault(
        kind="wrong",
        what=f"{name} refused the request (HTTP {status}).",
        next_step=f"indoors engines check {name}",
    )


def of_error(endpoint: Endpoint, error: Any) -> Fault:  # noqa: ANN401 - any JSON value
    """An error that stands in the stream of an answer whose status was good."""
    body = msgspec.json.encode({"error": error})
    status = error.get("code") if isinstance(error, dict) else None
    known = status if isinstance(status, int) and 300 <= status <= 599 else 500
    return of_status(endpoint, wire.Head(status=known), body, "")


def _busy(endpoint: Endpoint, head: wire.Head, *, is_loading: bool) -> Fault:
    pause_s = min(_MOST_PAUSE_S, max(0.0, head.retry_after_s or 0.0))
    if is_loading:
        return Fault(
            kind="busy", what=f"{endpoint.name} is still loading its model.", retry_after_s=pause_s
        )
    return Fault(
        kind="busy",
        what=f"{endpoint.name} has too much to do (HTTP {head.status}).",
        why="Its queue is full.",
        next_step="wait, or ask who runs it for more room (docs/teams.md has the arithmetic)",
        retry_after_s=pause_s,
    )


def _missing(endpoint: Endpoint, said: str, call: str) -> Fault:
    if "model" in said:
        model = endpoint.model or "(none named)"
        return Fault(
            kind="wrong",
            what=f"{endpoint.name} has no model called {model}.",
            next_step=f"indoors engines check {endpoint.name} shows what it has; set `model` in "
            "engines.json",
        )
    return Fault(
        kind="wrong",
        what=f"{endpoint.name} has nothing at {call or 'this path'} (HTTP 404).",
        next_step=f"see which API {endpoint.url} has, and name it in engines.json (docs/teams.md)",
    )


def _feature(said: str) -> Feature | None:
    """What it was asked for and does not know, by the names of the fields."""
    if "logprobs" in said or "logits_all" in said or "n_probs" in said:
        return "logprobs"
    if "grammar" in said:
        return "begin"
    if "stream_options" in said or "include_usage" in said:
        return "usage"
    names = ("skip_special_tokens", "repeat_penalty", "repetition_penalty", "extra", "unrecognized")
    if any(one in said for one in names):
        return "extras"
    return None


def _said(body: bytes) -> str:
    """A server's own words, to look for known ones in: never to be shown."""
    return body[:4096].decode("utf-8", "replace")
