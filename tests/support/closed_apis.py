"""Closed APIs for tests: a door that keeps what it is asked, and what each API would answer."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from indoors_server.closed import consent, locks
from indoors_server.closed.ledger import Ledger
from indoors_server.door import Answer
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire
from indoors_server.policy.decision import Policy, merge
from indoors_server.policy.layers import from_value

APIS = ("openai-api", "openai-responses-api", "anthropic-api", "google-api")
HOST = "https://api.example:443"


def endpoint(api: str = "anthropic-api", **values: Any) -> Endpoint:
    """An endpoint with all that it needs."""
    named = {"name": "theirs", "url": HOST, "model": "big-1", "key": "file:/k"}
    return Endpoint(api=api, **{**named, **values})  # type: ignore[arg-type]


def policy(**values: Any) -> Policy:
    """A person's policy that lets code go to `HOST`."""
    return merge([from_value("user", "u", {"mode": "closed", "closed_hosts": [HOST], **values})])


def stores(folder: Path, *consents: consent.Consent, now_s: float = 0.0) -> locks.Stores:
    """Stores in a folder; the consents are these."""
    return locks.Stores(
        consents=lambda: consents, ledger=Ledger(folder), now_s=lambda: now_s or time.time()
    )


def agreed(
    workspace: Path, one: Endpoint, own: Policy, *, now_s: float = 0.0, **values: Any
) -> consent.Consent:
    """A consent for a folder."""
    real, device, inode = consent.identity(str(workspace))
    now_s = now_s or time.time()
    whole = {
        "workspace": real, "device": device, "inode": inode, "endpoint": one.name, "url": one.url,
        "model": one.model, "policy_hash": own.hash, "given_s": now_s, "ends_s": now_s + 1000,
        "entry": consent.entry_of(one),
    }  # fmt: skip
    return consent.Consent(**{**whole, **values})


def streamed(api: str, text: str, *, ending: str = "stop") -> bytes:
    """An answer as the API's reference says that it comes."""
    half = len(text) // 2
    pieces = (text[:half], text[half:])
    is_cut = ending == "length"
    events: list[tuple[str, Any]] = []
    if api == "openai-api":
        events = [
            ("", {"choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]})
            for one in pieces
        ]
        events += [
            (
                "",
                {
                    "choices": [
                        {"index": 0, "delta": {}, "finish_reason": "length" if is_cut else "stop"}
                    ]
                },
            )
        ]
    elif api == "openai-responses-api":
        events = [("response.output_text.delta", {"delta": one}) for one in pieces]
        last = "response.incomplete" if is_cut else "response.completed"
        why = {"incomplete_details": {"reason": "max_output_tokens"}} if is_cut else {}
        events += [(last, {"response": {**why, "usage": {"input_tokens": 3, "output_tokens": 9}}})]
        events = [(kind, {"type": kind, **value}) for kind, value in events]
    elif api == "anthropic-api":
        events = [
            ("message_start", {"message": {"usage": {"input_tokens": 3, "output_tokens": 1}}})
        ]
        events += [
            ("ping", {}),
            ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ]
        events += [
            ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": one}})
            for one in pieces
        ]
        reason = "max_tokens" if is_cut else "end_turn"
        events += [
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}}),
        ]
        events += [("message_stop", {})]
        events = [(kind, {"type": kind, **value}) for kind, value in events]
    else:
        events = [
            (
                "",
                {
                    "candidates": [
                        {"content": {"parts": [{"text": "hm", "thought": True}, {"text": one}]}}
                    ]
                },
            )
            for one in pieces
        ]
        events += [
            (
                "",
                {
                    "candidates": [
                        {
                            "content": {"parts": []},
                            "finishReason": "MAX_TOKENS" if is_cut else "STOP",
                        }
                    ]
                },
            )
        ]
    lines = [
        (f"event: {kind}\n" if kind else "") + f"data: {json.dumps(value)}\n\n"
        for kind, value in events
    ]
    if api == "openai-api":
        lines.append("data: [DONE]\n\n")
    return "".join(lines).encode()  # fmt: skip


class FakeDoor:
    """A `Door` that keeps what it is asked. `answer` makes of a request the bytes of its answer."""

    def __init__(self, answer: Callable[[wire.Ask], bytes], status: int = 200) -> None:
        self.answer = answer
        self.status = status
        self.retry_after_s: float | None = None
        self.refusal: wire.Refused | None = None
        self.asks: list[wire.Ask] = []
        self.reason = ""

    async def ask(self, ask: wire.Ask) -> AsyncIterator[Answer]:
        self.asks.append(ask)
        if self.refusal is not None:
            yield self.refusal
            return
        yield wire.Head(
            status=self.status,
            content_type="text/event-stream",
            retry_after_s=self.retry_after_s,
        )
        data = self.answer(ask)
        for start in range(0, len(data), 7):  # in pieces that end anywhere
            yield wire.Chunk(data=data[start : start + 7])
        yield wire.End()


def told(body: bytes) -> Mapping[str, Any]:
    """A body as a value."""
    found: Mapping[str, Any] = json.loads(body)
    return found
