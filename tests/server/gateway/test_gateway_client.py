"""The server's side of the gateway where there can be none."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from indoors_server import prelaunch
from indoors_server.gateway import wire
from indoors_server.gateway_client import GatewayClient
from indoors_server.launching import Launcher, Refusal


async def asked(client: GatewayClient) -> list[Any]:
    ask = wire.Ask(endpoint="team", kind="probe", method="GET", call="/v1/models")
    return [answer async for answer in client.ask(ask)]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_beside_linux_it_is_said_that_linux_is_needed(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prelaunch, "_outcome", "")
    with monkeypatch.context() as other:
        other.setattr(sys, "platform", platform)
        prelaunch.start()

    async def test() -> None:
        launcher = Launcher(prelaunch.outcome())
        client = GatewayClient(launcher)
        assert launcher.state == "none"
        assert "need Linux" in client.reason
        refusal = await launcher.start_role("gateway")
        assert isinstance(refusal, Refusal)
        assert "need Linux" in refusal.reason
        (refused,) = await asked(client)
        assert (refused.kind, refused.sent) == ("policy", False)
        assert "need Linux" in refused.what
        assert "mode was local" not in client.reason + refusal.reason + refused.what

    asyncio.run(test())


def test_without_a_wider_policy_that_is_the_reason() -> None:
    async def test() -> None:
        client = GatewayClient(Launcher(""))
        assert "mode was local" in client.reason
        (refused,) = await asked(client)
        assert "mode was local" in refused.what

    asyncio.run(test())
