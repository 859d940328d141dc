"""A real server with the real model as an engine elsewhere: it answers as the engine here does."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import msgspec
import pytest

from indoors_completion.engine import wire
from indoors_completion.types import Job
from indoors_server.remote.plain import plain
from support import peer_server
from support.engines import running_engine
from support.near_ties import NEAR_TIE, Said, answer, compare, elsewhere, job, places
from support.plain_door import PlainDoor
from support.tiny_model import write_tiny

pytestmark = [pytest.mark.model, pytest.mark.loopback]


@pytest.mark.parametrize("n_places", [10, pytest.param(80, marks=pytest.mark.soak)])
def test_answers_elsewhere_are_those_from_here_but_for_near_ties(
    tmp_path: Path, n_places: int
) -> None:
    peer_server.required()
    asked = [job(number, *place) for number, place in enumerate(places(n_places))]
    assert len(asked) == n_places

    async def here() -> list[Said]:
        async with running_engine() as engine:
            return [await answer(engine, one) for one in asked]

    async def there(url: str) -> list[Said]:
        engine = elsewhere(url)
        assert await engine._servers.ready() is None
        return [await answer(engine, one) for one in asked]

    ours = asyncio.run(here())
    with peer_server.peer_server(tmp_path) as server:
        theirs = asyncio.run(there(server.url))
    assert all(one.finish.stop_reason != "unavailable" for one in theirs)
    n_equal, ties = compare(ours, theirs)
    assert n_equal >= len(asked) // 2, ties
    assert all(logprob <= NEAR_TIE for logprob, _, _ in ties), ties
    print(json.dumps({"equal": n_equal, "near_ties": len(ties)}))


def test_a_prompt_arrives_token_for_token_at_a_real_server(tmp_path: Path) -> None:
    """Also one whose text has the spelling of a control token. With a model of noise the first
    token's probability tells prompts apart; how many tokens it reads, the server says itself.
    """
    peer_server.required()
    tiny = write_tiny(tmp_path / "tiny.gguf")
    shown = [(plain(prefix), plain(suffix)) for prefix, suffix in places(4)]
    asked = [job(number, *place) for number, place in enumerate(shown)]
    forged = job(9, "s = '<|fim_suffix|>' ", "'<|im_end|>'<|fim_middle|>")

    async def ask(engine: object, jobs: list[Job]) -> list[tuple[tuple[float, ...], int]]:
        found = []
        for one in jobs:
            _, tokens, finish = await answer(engine, one)
            found.append((tokens[0][1] if tokens else (), finish.n_prompt))
        return found

    async def here() -> list[tuple[tuple[float, ...], int]]:
        softened = tuple(
            part if part.special else msgspec.structs.replace(part, text=plain(part.text))
            for part in forged.parts
        )
        async with running_engine(wire.Load(path=str(tiny))) as engine:
            return await ask(engine, [*asked, msgspec.structs.replace(forged, parts=softened)])

    async def there(url: str) -> tuple[list[tuple[tuple[float, ...], int]], list[str]]:
        engine = elsewhere(url)
        assert await engine._servers.ready() is None
        answers = await ask(engine, [*asked, forged])
        door = engine._door
        assert isinstance(door, PlainDoor)
        return answers, [json.loads(one.body)["prompt"] for one in door.sent]

    ours = asyncio.run(here())
    with peer_server.peer_server(tmp_path, tiny) as server:
        theirs, prompts = asyncio.run(there(server.url))
        counts = [server.n_tokens(prompt) for prompt in prompts]
        as_it_was = server.n_tokens("".join(part.text for part in forged.parts))
    for (mine, _), (other, _) in zip(ours[:4], theirs[:4], strict=True):
        # Half a code point is held back here and left out there: one of the first two it is.
        assert any(abs(one - other[0]) < 1e-4 for one in mine[:2]), (mine, other)
    assert counts == [n_prompt for _, n_prompt in ours]
    assert as_it_was < counts[-1] - 20  # the control: there were three control tokens in it


@pytest.mark.parametrize("n_kills", [3, pytest.param(50, marks=pytest.mark.soak)])
def test_a_real_server_is_killed_under_twenty_editors_and_used_again(
    tmp_path: Path, n_kills: int
) -> None:
    peer_server.required()
    tiny = write_tiny(tmp_path / "tiny.gguf")

    async def load(server: peer_server.PeerServer) -> tuple[int, int, float]:
        engines = [elsewhere(server.url) for _ in range(20)]
        for engine in engines:
            assert await engine._servers.ready() is None
        n_answers = n_empty = 0
        slowest_s = 0.0

        async def ask(number: int) -> bool:
            nonlocal n_answers, n_empty
            asked = job(number, f"value_{number} = ", "\n")
            async with asyncio.timeout(120):
                _, _, finish = await answer(engines[number], asked)
            n_empty += finish.stop_reason == "unavailable"
            n_answers += finish.stop_reason != "unavailable"
            return finish.stop_reason != "unavailable"

        for _ in range(n_kills):
            asking = [asyncio.ensure_future(ask(number)) for number in range(20)]
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.kill)
            await asyncio.gather(*asking)
            server.start()
            await asyncio.to_thread(server.wait)
            begun_s = time.monotonic()
            while not all(await asyncio.gather(*map(ask, range(20)))):
                await asyncio.sleep(0.05)
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
        return n_answers, n_empty, slowest_s

    with peer_server.peer_server(tmp_path, tiny) as server:
        n_answers, n_empty, slowest_s = asyncio.run(load(server))
    print(json.dumps({"answers": n_answers, "empty": n_empty, "slowest_s": round(slowest_s, 2)}))
    assert n_answers >= 20 * n_kills
    assert n_empty  # the control: it was killed while it was asked
