"""A locked server that has the real launcher, the real gateway and its client: for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.launchers import Remote, children_of, server, write_policy

# `asked` gives what a request was answered, as plain values; `kinds` their kinds only.
HELPERS = """
from contextlib import aclosing
from indoors_server.gateway import wire
from indoors_server.gateway_client import GatewayClient
import msgspec
client = GatewayClient(launcher)
def plain(message):
    found = msgspec.to_builtins(message)
    found["t"] = type(message).__name__
    if isinstance(message, wire.Chunk): found["data"] = message.data.decode("latin1")
    return found
def ask_of(endpoint="team", kind="completion", call="/v1/completions", body=None, **more):
    values = dict(workspace="/w", sources=("src/a.py",)) if kind != "probe" else {}
    if not isinstance(body, bytes): body = b"" if body is None else json.dumps(body).encode()
    return wire.Ask(endpoint=endpoint, kind=kind, call=call, body=body, **(values | more))
async def asked(**values):
    found = []
    async with aclosing(client.ask(ask_of(**values))) as answers:
        async for answer in answers: found.append(plain(answer))
    return found
def text_of(found): return "".join(one["data"] for one in found if one["t"] == "Chunk")
say(ok=True)
"""


def write_engines(home: Path, **engines: dict[str, object]) -> None:
    """The person's engines.json."""
    file = home / ".config/indoors/engines.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(engines))


@contextmanager
def gateway(home: Path, user: str = "as it is", **policy: object) -> Iterator[Remote]:
    """The server; its person's policy has these values."""
    if policy:
        write_policy(home, **{"mode": "onprem", **policy})
    with server(home, user, mode="", real=True) as locked:
        locked.run(HELPERS)
        yield locked


def ends(found: dict[str, object]) -> list[tuple[str, str]]:
    """How each of some requests ended: (End or the kind of its refusal, whether it was sent)."""
    return [(one[-1].get("kind", one[-1]["t"]), one[-1].get("sent", "")) for one in found["all"]]  # type: ignore[attr-defined]


def gateway_of(launcher: int) -> tuple[int, int]:
    """The gateway and its resolver."""
    (pid,) = children_of(launcher)
    (resolver,) = children_of(pid)
    return pid, resolver
