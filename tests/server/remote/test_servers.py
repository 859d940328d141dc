"""Several servers behind one rule: which is asked, and what each of them is."""

from __future__ import annotations

import pytest

from fakes.model_server import ModelServer
from indoors_completion import fim
from indoors_completion.budget import PromptBudget
from indoors_completion.types import Job, Snippet
from indoors_server.endpoints import Api
from indoors_server.remote.faults import Fault
from support.remote_bench import OWN, Bench, edit_job, job, run

pytestmark = pytest.mark.loopback


def test_a_document_stays_with_its_server_and_goes_to_the_other_when_that_fails() -> None:
    async def test(bench: Bench) -> None:
        uris = [f"file:///w/{n}.py" for n in range(40)]
        for _ in range(2):
            for uri in uris:
                await bench.answer(job(uri=uri))
        first, second = ([ask.endpoint for ask in bench.door.sent][at : at + 40] for at in (0, 40))
        assert first == second
        assert set(first) == {"one", "two"}
        await bench.servers[0].stop()
        for uri in uris:
            text, _, _ = await bench.answer(job(uri=uri))
            assert text == "x = 1\n"
        await bench.servers[0].start()
        bench.now_s += 5
        await bench.answer(job())  # whoever asks next looks for the one that is back
        assert await bench.known.all[0].ready() == bench.known.all[0].found
        n_before = len(bench.door.sent)
        for uri in uris:
            await bench.answer(job(uri=uri))
        assert [ask.endpoint for ask in bench.door.sent[n_before:]] == first

    run(test, ModelServer("openai", "one"), ModelServer("openai", "two"))


def test_a_full_queue_sends_the_next_to_the_other_server() -> None:
    async def test(bench: Bench) -> None:
        for server in bench.servers:
            server.status = 429
        await bench.answer(job())
        assert {ask.endpoint for ask in bench.door.sent} == {"one", "two"}
        bench.now_s += 5
        bench.servers[1].status = 200
        assert (await bench.answer(job()))[0] == "x = 1\n"

    run(test, ModelServer("openai", "one"), ModelServer("openai", "two"))


def test_a_server_that_came_back_with_another_model_is_not_asked_with_the_old_prompt() -> None:
    async def test(bench: Bench) -> None:
        key = bench.engine.model.key if bench.engine.model else ""
        server = bench.servers[0]
        await server.stop()
        assert (await bench.answer(job()))[2].stop_reason == "unavailable"
        server.model = "starcoder2-15b"
        await server.start()
        bench.now_s += 5
        _, _, finish = await bench.answer(job())
        assert finish.stop_reason == "unavailable"
        assert not server.bodies
        assert bench.engine.model is not None
        assert (bench.engine.model.family, bench.engine.model.key != key) == ("starcoder2", True)

    run(test, ModelServer("openai"))


def test_a_server_is_not_probed_more_often_than_its_pauses_and_never_without_a_request() -> None:
    async def test(bench: Bench) -> None:
        await bench.servers[0].stop()
        for _ in range(20):
            await bench.answer(job())
        assert len(bench.door.asked) <= 3

    run(test, ModelServer("openai"))


def infilling(*, model: str, infills: bool) -> ModelServer:
    """A llama-server with a model that has none of the control tokens of our families."""
    server = ModelServer("llama-server", model=model)
    server.tokens, server.infills = {}, infills
    return server


def test_a_llama_server_that_knows_its_model_better_is_given_both_sides() -> None:
    async def test(bench: Bench) -> None:
        model = bench.engine.model
        assert model is not None
        assert (model.family, model.instruct, model.advice) == ("generic-qwen", False, "")
        family = fim.by_name(model.family)
        assert family is not None
        snippet = Snippet(path="b.py", text="b = 1\n", reason="r")
        budget = PromptBudget(
            prefix_tokens=500, suffix_tokens=200, snippets_tokens=300, answer_tokens=16
        )
        parts = fim.render(family, "a = ", "\nc", [snippet], "a.py", "python", budget)
        text, _, finish = await bench.answer(
            Job(parts=parts, uri="file:///w/a.py", root="/w", sources=("a.py",), slot="s",
                max_tokens=16, begin="b", stops=("\n\n",))
        )  # fmt: skip
        assert (text, finish.stop_reason) == ("x = 1\n", "eos")
        assert bench.servers[0].paths[-1] == "/infill"
        body = bench.servers[0].bodies[-1]
        assert body["input_prefix"] == "# Path: b.py\n# b = 1\na = "
        assert (body["input_suffix"], body["prompt"], body["n_predict"]) == ("\nc", "b", 16)
        assert body["stop"] == ["\n\n"]
        _, _, finish = await bench.answer(edit_job())
        assert finish.stop_reason == "unavailable"
        assert "cannot be asked this" in finish.detail

    run(test, infilling(model="our-finetune", infills=True))


@pytest.mark.parametrize("said_at", ["/api/tags", "/api/show"])
def test_an_ollama_that_passes_prompts_on_is_no_engine_of_ones_own(said_at: str) -> None:
    async def test(bench: Bench) -> None:
        fault = await bench.known.ready()
        assert fault is not None
        assert fault.kind == "wrong"
        assert "passes what it is asked on" in fault.what
        assert (await bench.answer(job()))[2].stop_reason == "unavailable"
        assert bench.servers[0].bodies == []

    server = ModelServer("ollama")
    server.passes_on = {said_at}
    run(test, server, ready=False)


@pytest.mark.parametrize("api", ["ollama", "openai", "chat"])
@pytest.mark.parametrize(
    ("model", "is_elsewhere"),
    [
        ("qwen2.5-coder:480b-cloud", True),
        ("qwen2.5-coder:Cloud", True),
        ("qwen2.5-coder:7b", False),
        ("cloud-qwen2.5-coder:7b", False),
    ],
)
def test_a_model_is_known_by_its_tag_as_one_of_somebody_else(
    api: Api, model: str, is_elsewhere: bool
) -> None:
    async def test(bench: Bench) -> None:
        fault = await bench.known.ready()
        assert (fault is not None and "passes what it is asked on" in fault.what) == is_elsewhere
        # Not even the model's name goes on.
        assert not (is_elsewhere and "/api/show" in bench.servers[0].paths)

    run(test, ModelServer(api, model=model), ready=False)


def test_an_ollama_that_begins_to_pass_on_is_asked_nothing_more() -> None:
    async def test(bench: Bench) -> None:
        bench.servers[0].passes_on = {"/api/generate"}
        text, _, finish = await bench.answer(job())
        assert (text, finish.stop_reason) == ("", "unavailable")
        assert "passes what it is asked on" in finish.detail
        await bench.answer(job())
        assert len(bench.servers[0].bodies) == 1

    run(test, ModelServer("ollama"))


def test_a_model_that_never_learned_it_is_not_asked_whatever_its_server_says() -> None:
    async def test(bench: Bench) -> None:
        assert bench.engine.model is not None
        assert not bench.engine.model.family
        assert "/infill" not in bench.servers[0].paths

    run(test, infilling(model="Qwen2.5-7B-Instruct", infills=True))


def test_an_unknown_model_is_no_engine_until_a_person_says_its_family() -> None:
    async def unknown(bench: Bench) -> None:
        assert bench.engine.model is not None
        assert not bench.engine.model.family
        assert "set `family`" in bench.engine.model.advice

    async def named(bench: Bench) -> None:
        assert bench.engine.model is not None
        assert bench.engine.model.family == "qwen2.5-coder"

    run(unknown, ModelServer("openai", model="our-finetune"))
    run(unknown, infilling(model="our-finetune", infills=False))
    run(named, ModelServer("openai", model="our-finetune"), family="qwen2.5-coder")


@pytest.mark.parametrize("api", OWN)
def test_a_model_that_is_not_there_is_said_with_those_that_are(api: Api) -> None:
    async def test(bench: Bench) -> None:
        fault = await bench.known.ready()
        if api == "llama-server":
            assert fault is None  # it has one model, whatever it is called
            return
        assert isinstance(fault, Fault)
        assert "no model called wrong" in str(fault)
        assert "Qwen2.5-Coder-7B" in str(fault)

    run(test, ModelServer(api), ready=False, model="wrong")


@pytest.mark.parametrize(
    ("wanted", "is_said"),
    [
        ("qwen2.5-coder-7b", False),
        ("Qwen2.5-Coder-7B.gguf", False),
        ("/srv/m/Qwen2.5-Coder-7B.gguf", False),
        ("Qwen/Qwen2.5-Coder-7B-GGUF:Q8_0", False),
        ("", False),
        ("Qwen2.5-Coder-32B", True),
    ],
)
def test_a_llama_server_answers_with_what_it_has_and_that_is_said(
    wanted: str, is_said: bool
) -> None:
    async def test(bench: Bench) -> None:
        assert bench.engine.model is not None
        (server,) = bench.known.all
        assert server.found is not None
        advice = server.found.advice
        assert ("Qwen2.5-Coder-7B.gguf and not Qwen2.5-Coder-32B" in advice) == is_said
        assert (await bench.answer(job()))[2].stop_reason == "eos"

    run(test, ModelServer("llama-server"), model=wanted)


@pytest.mark.parametrize(
    ("said", "counts"), [(0, 8192), (4096, 4096), (16384, 16384), (99999, 32768)]
)
def test_an_ollama_gets_the_context_that_a_person_says(said: int, counts: int) -> None:
    async def test(bench: Bench) -> None:
        await bench.answer(job())
        assert bench.servers[0].bodies[-1]["options"]["num_ctx"] == counts

    run(test, ModelServer("ollama"), context_tokens=said)


@pytest.mark.parametrize("api", ["openai", "llama-server", "chat"])
def test_another_kind_of_server_is_told_apart(api: Api) -> None:
    async def test(bench: Bench) -> None:
        fault = await bench.known.ready()
        assert isinstance(fault, Fault)
        assert fault.kind == "wrong"
        assert "engines.json" in fault.next_step

    server = ModelServer("ollama")
    server.status, server.error = 404, {"error": "404 page not found"}
    run(test, server, ready=False, api=api)
