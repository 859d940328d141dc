"""A real llama-server as an engine elsewhere, asked in its own way.

It is built by hand (benchmarks/build_peer.py, minutes), so these are among the long tests.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from indoors_completion.types import Job
from indoors_server.remote.dialects import CARRIER
from support import llama_server
from support.engines import running_engine
from support.near_ties import NEAR_TIE, Said, answer, compare, elsewhere, job, places
from support.plain_door import PlainDoor

pytestmark = [pytest.mark.model, pytest.mark.loopback, pytest.mark.soak]

N = 40


def here(jobs: list[Job]) -> list[Said]:
    async def ask() -> list[Said]:
        async with running_engine() as engine:
            return [await answer(engine, one) for one in jobs]

    return asyncio.run(ask())


def there(url: str, jobs: list[Job]) -> tuple[list[Said], PlainDoor, str]:
    """The answers, what was sent, and the family that its model was taken for."""

    async def ask() -> tuple[list[Said], PlainDoor, str]:
        engine = elsewhere(url, "llama-server")
        assert await engine._servers.ready() is None
        found = engine.model
        assert found is not None
        door = engine._door
        assert isinstance(door, PlainDoor)
        return [await answer(engine, one) for one in jobs], door, found.family

    return asyncio.run(ask())


def check(ours: list[Said], theirs: list[Said]) -> None:
    assert all(one.finish.stop_reason != "unavailable" for one in theirs)
    n_equal, ties = compare(ours, theirs)
    print(json.dumps({"equal": n_equal, "others": [round(one[0], 2) for one in ties]}))
    assert n_equal >= len(ours) * 3 // 4, ties
    assert all(logprob <= NEAR_TIE for logprob, _, _ in ties), ties


def test_its_answers_are_those_from_here_but_for_near_ties(tmp_path: Path) -> None:
    jobs = [job(number, *place) for number, place in enumerate(places(N))]
    with llama_server.llama_server(tmp_path) as url:
        theirs, door, family = there(url, jobs)
    assert family == "qwen2.5-coder"
    assert {ask.call for ask in door.sent} == {"/completion"}
    check(here(jobs), theirs)


def test_a_word_that_is_begun_is_spelled_there_as_it_is_here(tmp_path: Path) -> None:
    """The last word of each place is left out of its prompt, and spelled by a grammar there."""
    jobs = []
    for number, (prefix, suffix) in enumerate(places(N)):
        words = prefix.rstrip("\n ").rsplit(" ", 1)
        # The first letters of a word that the model has not seen the rest of.
        jobs.append(job(number, words[0], suffix, f" {words[-1][:3]}".replace("\n", "")))
    with llama_server.llama_server(tmp_path) as url:
        theirs, door, _ = there(url, jobs)
    assert all("grammar" in json.loads(ask.body) for ask in door.sent)
    ours = here(jobs)
    n_equal, others = compare(ours, theirs)
    print(json.dumps({"equal": n_equal, "others": [(one, two) for _, one, two in others]}))
    # Of what a grammar allows the first choice may be another one; then all is.
    assert n_equal >= N * 3 // 4, others


def test_what_no_grammar_can_have_as_it_is_is_spelled_too(tmp_path: Path) -> None:
    begun = ["🎉", "\f", '"', "\\", "\t", "größe", "\x7f"]
    jobs = [job(n, "names = [\n    ", "]\n", begin) for n, begin in enumerate(begun)]
    with llama_server.llama_server(tmp_path) as url:
        theirs, door, _ = there(url, jobs)
    assert all("grammar" in json.loads(ask.body) for ask in door.sent)
    assert len(door.sent) == len(begun)
    assert all(one.finish.stop_reason != "unavailable" for one in theirs)


def test_a_model_of_no_known_family_is_asked_by_its_own_infill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its name nor its tokens say of which family it is: no token is looked for."""
    jobs = [job(number, *place) for number, place in enumerate(places(N))]
    monkeypatch.setattr("indoors_server.remote.probe._control_tokens", set)
    with llama_server.llama_server(tmp_path, name="house") as url:
        theirs, door, family = there(url, jobs)
    assert family == CARRIER
    assert {ask.call for ask in door.sent} == {"/infill"}
    assert all(one.finish.stop_reason != "unavailable" for one in theirs)
    # It puts a header before the prefix that ours has not, so that many answers are other ones.
    n_equal, others = compare(here(jobs), theirs)
    print(json.dumps({"equal": n_equal, "of": N}))
    assert n_equal >= N // 2, others


def test_a_model_of_a_house_is_known_by_its_tokens(tmp_path: Path) -> None:
    jobs = [job(number, *place) for number, place in enumerate(places(5))]
    with llama_server.llama_server(tmp_path, name="house") as url:
        theirs, door, family = there(url, jobs)
    assert family == "generic-qwen"
    assert {ask.call for ask in door.sent} == {"/completion"}
    assert all(one.finish.stop_reason != "unavailable" for one in theirs)
