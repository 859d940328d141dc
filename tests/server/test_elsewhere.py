"""Which engine the rules choose, by what is known of servers and policies now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from indoors_completion.types import Document
from indoors_server.door import Answer
from indoors_server.elsewhere import Elsewhere
from indoors_server.endpoint_files import Found
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire
from indoors_server.policies import Policies
from indoors_server.policy.decision import merge
from indoors_server.router import Rule
from support.policies import layer

OPENAI = "https://api.openai.com:443"
DOCUMENT = Document(
    uri="file:///w/src/a.py", path="src/a.py", language="python", version=1, text="a = \n"
)


class RefusingDoor:
    """A door behind which nobody answers, that keeps what it is asked."""

    reason = ""

    def __init__(self) -> None:
        self.asked: list[wire.Ask] = []

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer]:
        self.asked.append(ask)
        yield wire.Refused(kind="connect", what="Nobody answers.")


def test_row_13_a_known_closed_api_is_no_engine_of_ones_own_for_the_router() -> None:
    """However its entry and the policy call it; not even what it can do is asked."""
    near = Endpoint(name="near", url=OPENAI, api="openai", model="m", addresses=("0.0.0.0/0",))

    async def run() -> None:
        door = RefusingDoor()
        elsewhere = Elsewhere(door, lambda: 0.0, lambda: Found({"near": near}, ()))
        own = merge([layer("user", {"mode": "onprem", "onprem_hosts": [OPENAI]})])
        elsewhere.policies = Policies(lambda *_: own)
        elsewhere.policies.read(["/w"], None)
        elsewhere.use([Rule(use="near")])
        await asyncio.sleep(0)
        route = elsewhere.route("completion", DOCUMENT)
        assert route.where == "local"
        assert "near is a closed API" in route.reason
        assert elsewhere.engines[0].state == "closed"
        assert door.asked == []

    asyncio.run(run())
