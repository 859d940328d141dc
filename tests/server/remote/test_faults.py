"""What servers say that is no answer, and what a person is told of it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from fakes.model_server import ModelServer
from indoors_completion.types import Finish
from indoors_server.gateway import wire
from indoors_server.remote.engine import RemoteEngine
from support.plain_door import PlainDoor
from support.remote_bench import Bench, edit_job, job, run

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize(
    ("status", "error", "headers", "kind", "said"),
    [
        (
            404,
            {"error": {"message": "The model `m` does not exist."}},
            "",
            "wrong",
            "no model called",
        ),
        (404, {"detail": "Not Found"}, "", "wrong", "has nothing at /v1/completions"),
        (401, {"error": "no"}, "", "wrong", "does not accept the key"),
        (429, {"error": "queue"}, "Retry-After: 7\r\n", "busy", "too much to do"),
        (503, {"error": {"message": "Loading model"}}, "", "busy", "still loading"),
        (500, {"error": "bad"}, "", "down", "failed inside"),
        (408, {"error": "late"}, "", "down", "did not take the request"),
        (425, {"error": "early"}, "", "down", "did not take the request"),
        (501, {"error": "no such thing here"}, "", "wrong", "cannot do what it is asked for"),
        (
            500,
            {"error": "model requires more system memory (9.1 GiB) than is available"},
            "",
            "wrong",
            "has not enough memory",
        ),
    ],
)
def test_a_status_says_what_to_do(
    status: int, error: Any, headers: str, kind: str, said: str
) -> None:
    async def test(bench: Bench) -> None:
        server = bench.servers[0]
        server.status, server.error, server.headers = status, error, headers
        text, _, finish = await bench.answer(job())
        assert (text, finish.stop_reason) == ("", "unavailable")
        assert said in finish.detail
        (known,) = bench.known.all
        assert known.fault is not None
        assert known.fault.kind == kind
        assert known.is_resting
        if headers:
            bench.now_s += 6.5
            assert known.is_resting
            bench.now_s += 1
            assert not known.is_resting

    run(test, ModelServer("openai"))


def test_what_a_server_says_of_a_prompt_is_not_repeated() -> None:
    async def test(bench: Bench) -> None:
        server = bench.servers[0]
        server.status, server.error = 422, {"detail": [{"input": "canary_in_the_code"}]}
        _, _, finish = await bench.answer(job("canary_in_the_code = "))
        assert finish.stop_reason == "unavailable"
        assert "canary" not in finish.detail

    run(test, ModelServer("openai"))


@pytest.mark.parametrize("raw", [b"hello", b"data: {\n\n", b'data: []\n\n', b'data: {"a": 1}\n\n',
                                 b"data: " + b"[" * 3000 + b"\n", b"x" * (1 << 21),
                                 b'data: {"choices": [{"text": 3}]}\n\n',
                                 b'data: {"choices": 3}\n\n',
                                 b'data: {"choices": [{"text": "x", "logprobs": '
                                 b'{"token_logprobs": [' + b"9" * 400 + b"]}}]}\n\n",
                                 b""])  # fmt: skip
def test_whatever_answers_costs_one_empty_answer(raw: bytes) -> None:
    async def test(bench: Bench) -> None:
        bench.servers[0].raw = raw
        text, _, finish = await bench.answer(job())
        assert (text, finish.stop_reason) == ("", "unavailable")

    run(test, ModelServer("openai"))


@pytest.mark.parametrize("said", ["Context size has been exceeded.", "logprobs is not supported"])
def test_an_answer_that_fails_in_the_middle_is_not_begun_again_behind_itself(said: str) -> None:
    async def test(bench: Bench) -> None:
        for server in bench.servers:
            server.fail_after, server.error = 2, {"error": {"message": said, "code": 500}}
        text, _, finish = await bench.answer(job())
        assert (text, finish.stop_reason) == ("x = 1", "unavailable")
        assert len(bench.door.sent) == 1

    run(test, ModelServer("openai", "one"), ModelServer("openai", "two"))


def test_an_answer_without_an_end_is_none_and_no_other_server_goes_on_with_it() -> None:
    async def test(bench: Bench) -> None:
        for server in bench.servers:
            server.break_after = 2
        _, _, finish = await bench.answer(job())
        assert finish.stop_reason == "unavailable"
        assert len(bench.door.sent) == 1

    run(test, ModelServer("openai", "one"), ModelServer("openai", "two"))


def test_every_kind_of_refusal_ends_an_answer() -> None:
    class Shut(PlainDoor):
        async def ask(self, ask: wire.Ask) -> Any:
            self.asked.append(ask)
            yield wire.Refused(kind=self.kind, what="No.")

    async def test(bench: Bench) -> None:
        shut = Shut()
        engine = RemoteEngine(bench.known, shut, bench.clock)
        for kind in get_args(wire.RefusalKind):
            shut.kind = kind
            bench.now_s += 60
            items = [item async for item in engine.generate(job())]
            assert msgspec.structs.replace(items[-1], detail="") == Finish(
                stop_reason="unavailable"
            )

    run(test, ModelServer("openai"))


def test_a_prompt_that_a_chat_cannot_be_asked_says_nothing_of_its_server() -> None:
    async def test(bench: Bench) -> None:
        _, _, finish = await bench.answer(job())
        assert finish.stop_reason == "unavailable"
        assert "cannot be asked this" in finish.detail
        assert bench.known.all[0].state == "up"
        assert (await bench.answer(edit_job()))[2].stop_reason == "eos"

    run(test, ModelServer("chat"))
