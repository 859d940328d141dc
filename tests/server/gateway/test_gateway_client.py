"""The server's side of the gateway: where there can be none, and where one hangs or starts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from typing import Any, cast

import msgspec
import pytest

from indoors_server import gateway_client, prelaunch
from indoors_server.gateway import frames, wire
from indoors_server.gateway_client import GatewayClient
from indoors_server.launching import Launcher, Pipes, Refusal

TO_GATEWAY = msgspec.msgpack.Decoder(wire.ToGateway)


async def asked(client: GatewayClient, timeout_s: float = 60.0) -> list[Any]:
    ask = wire.Ask(
        endpoint="team", kind="probe", method="GET", call="/v1/models", timeout_s=timeout_s
    )
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


@pytest.mark.usefixtures("private_home")
@pytest.mark.parametrize("asker", ["the server", "this command"])
def test_without_a_wider_policy_that_is_the_reason_and_what_to_do_is_said(asker: str) -> None:
    async def test() -> None:
        client = GatewayClient(Launcher("", asker))
        assert f"mode was local when {asker} started" in client.reason
        (refused,) = await asked(client)
        assert refused.what.endswith(f"mode was local when {asker} started.")
        assert refused.next_step == "indoors policy mode onprem"

    asyncio.run(test())


class Pretended:
    """A launcher whose gateways are threads of this process: they say `ready` after a while, and
    then nothing, or End to each request.
    """

    state, reason = "waiting", ""

    def __init__(self, *, ready_after_s: float = 0.0, answers: bool = True) -> None:
        self._ready_after_s, self._answers = ready_after_s, answers
        self.n_starts = self.n_ended = 0

    async def start_role(self, _name: str) -> Pipes:
        self.n_starts += 1
        (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()
        threading.Thread(target=self._serve, args=(theirs_in, theirs_out), daemon=True).start()
        return Pipes(os.fdopen(ours_in, "rb", 0), os.fdopen(ours_out, "wb", 0))

    def _serve(self, incoming: int, outgoing: int) -> None:
        with os.fdopen(incoming, "rb") as asked, os.fdopen(outgoing, "wb", 0) as said:
            time.sleep(self._ready_after_s)
            with contextlib.suppress(BrokenPipeError):
                said.write(frames.encode(wire.Ready(lock="enforced")))
                while head := asked.read(4):
                    message = TO_GATEWAY.decode(asked.read(int.from_bytes(head, "big")))
                    if self._answers and isinstance(message, wire.Ask):
                        said.write(frames.encode(wire.End(request=message.request)))
            self.n_ended += 1


def test_an_extra_that_is_installed_meanwhile_needs_no_restart() -> None:
    """Until then rules pass over it, so that the model here answers where it may."""

    class Missing(Pretended):
        is_there = False

        async def start_role(self, name: str) -> Pipes | Refusal:  # type: ignore[override]
            if not self.is_there:
                return Refusal("not installed", "the gateway is not installed. Next: install it")
            return await super().start_role(name)

    async def test() -> None:
        launcher = Missing()
        client = GatewayClient(cast(Any, launcher))
        (refused,) = await asked(client)
        assert (refused.what, refused.next_step) == (
            "Nothing was sent: the gateway is not installed.",
            "install it",
        )
        assert client.reason.startswith("the gateway is not installed"), "rules pass over it"
        launcher.is_there = True
        (end,) = await asked(client)  # as by a look whether it came back
        assert isinstance(end, wire.End)
        assert client.reason == ""
        await client.close()

    asyncio.run(test())


def test_a_gateway_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped, or waits for a disk that is gone: no request has the end it promised."""
    monkeypatch.setattr(gateway_client, "GRACE_S", 0.0)

    async def test() -> None:
        launcher = Pretended(answers=False)
        client = GatewayClient(cast(Any, launcher))
        (late,) = await asked(client, timeout_s=0.05)
        assert (late.kind, late.sent) == ("timeout", True)
        launcher._answers = True
        (end,) = await asked(client)
        assert isinstance(end, wire.End)
        assert launcher.n_starts == 2
        await client.close()
        while launcher.n_ended < 2:
            await asyncio.sleep(0.001)

    asyncio.run(test())


def test_a_request_that_is_cancelled_does_not_end_the_gateway_that_is_being_started() -> None:
    async def test() -> None:
        launcher = Pretended(ready_after_s=0.3)
        client = GatewayClient(cast(Any, launcher))
        for _ in range(20):
            request = asyncio.ensure_future(asked(client))
            await asyncio.sleep(0.01)
            request.cancel()
            await asyncio.wait((request,))
        both = await asyncio.gather(asked(client), asked(client))
        assert [type(one[-1]) for one in both] == [wire.End, wire.End]
        assert launcher.n_starts == 1
        await client.close()

    asyncio.run(test())


def test_closing_ends_a_gateway_that_is_being_started() -> None:
    async def test() -> None:
        launcher = Pretended(ready_after_s=0.2)
        client = GatewayClient(cast(Any, launcher))
        request = asyncio.ensure_future(asked(client))
        await asyncio.sleep(0.02)
        await client.close()
        (gone,) = await request
        assert (gone.kind, gone.sent) == ("gone", False)
        while not launcher.n_ended:
            await asyncio.sleep(0.001)

    asyncio.run(test())
