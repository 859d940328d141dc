"""What servers are asked beyond OpenAI's own fields, each by its own name, and without it."""

from __future__ import annotations

import pytest

from fakes.model_server import ModelServer
from indoors_server.endpoints import Api
from support.remote_bench import OWN, Bench, edit_job, job, run

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize(("owner", "says"), [("vllm", 1), ("tensorrt_llm", 1), ("llamacpp", 0)])
def test_a_server_that_hides_control_tokens_is_asked_not_to(owner: str, says: int) -> None:
    async def test(bench: Bench) -> None:
        await bench.answer(job())
        (body,) = bench.servers[0].bodies
        assert [body.get("skip_special_tokens")] == [False if says else None]

    server = ModelServer("openai")
    server.owner = owner
    run(test, server)


@pytest.mark.parametrize("api", OWN)
@pytest.mark.parametrize("owner", ["vllm", "me"])
def test_no_server_punishes_what_was_said_before(api: Api, owner: str) -> None:
    """Code says much again; llama-cpp-python, LM Studio and Ollama would by default."""

    async def test(bench: Bench) -> None:
        await bench.answer(edit_job() if api == "chat" else job())
        body = bench.servers[0].bodies[-1]
        said = body["options"] if api == "ollama" else body
        name = "repetition" if owner == "vllm" and api in ("openai", "chat") else "repeat"
        assert said[f"{name}_penalty"] == 1.0

    server = ModelServer(api)
    server.owner = owner
    run(test, server)


def test_a_server_that_takes_only_what_it_knows_is_asked_without_the_rest() -> None:
    async def test(bench: Bench) -> None:
        server = bench.servers[0]
        server.status = 400
        server.error = {"error": {"message": "Unrecognized request argument: repeat_penalty"}}
        await bench.answer(job())
        server.status = 200
        assert (await bench.answer(job()))[0] == "x = 1\n"
        assert ["repeat_penalty" in body for body in server.bodies] == [True, False, False]

    server = ModelServer("openai")
    server.owner = "me"
    run(test, server)
