"""Try every way out in children of ours, without the lock-down and as each role, and judge.

What counts is what was seen: a way is refused for a role only if the same attempt succeeds without
the lock-down, and ends under it as the lock-down ends it. Everything else is told apart.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from indoors_completion.types import IndoorsError
from indoors_server import children
from indoors_server.ask_child import Spawn, ask
from indoors_server.proof import ways
from indoors_server.proof.targets import Targets
from indoors_server.proof.things import Errand
from indoors_server.proof.verdicts import (
    NO_ANSWER,
    REACHED,
    ROLES,
    UNTRIED,
    Battery,
    Finding,
    Role,
    Tried,
)
from indoors_server.proof.ways import OlderWay, Way

CONTROL = ""
_CHILD_SECONDS = 30


class Answer(msgspec.Struct, frozen=True):
    """What a child said: way -> outcome, and about itself."""

    outcomes: Mapping[str, str]
    about: Role


def run(spawn: Spawn = children.spawn, roles: Sequence[str] = ROLES) -> Battery:
    """Try everything. `spawn` starts the children (replaced by tests only)."""
    answers, arrived = {}, set()
    with Targets() as targets:
        for role in (CONTROL, *roles):
            answers[role] = _ask(spawn, targets, role)
            # At once: a full queue would make the next child wait to be read.
            arrived |= targets.arrived()
    return judge(answers, arrived)


def judge(answers: Mapping[str, Answer], arrived: set[str]) -> Battery:
    """The verdicts. `arrived` are the tokens (ROLE:WAY) that the listeners got."""
    tried = []
    for way in ways.ALL:
        said = {role: _seen(answers[role], way.name, role, arrived) for role in answers}
        control = said.pop(CONTROL)
        verdicts: dict[str, Finding] = {
            role: _verdict(way, control, outcome, answers[role].about)
            for role, outcome in said.items()
        }
        tried.append(
            Tried(name=way.name, line=way.line, control=control, outcomes=said, verdicts=verdicts)
        )
    roles = {role: answer.about for role, answer in answers.items() if role != CONTROL}
    return Battery(roles=roles, tried=tuple(tried))


def _seen(answer: Answer, way: str, role: str, arrived: set[str]) -> str:
    if f"{role or 'control'}:{way}" in arrived:
        return REACHED
    return answer.outcomes.get(way, NO_ANSWER)


def _verdict(way: Way | OlderWay, control: str, outcome: str, about: Role) -> Finding:
    if way.claim not in about.claims:
        return "not restricted"
    if outcome == REACHED:
        return "reached"
    if control != REACHED or outcome.startswith(UNTRIED):
        return "not shown"
    return "refused" if outcome in way.refused else "unclear"


def _ask(spawn: Spawn, targets: Targets, role: str) -> Answer:
    """What a child says. One that dies or hangs has given no answer to what it did not get to."""
    errand = Errand(
        role=role,
        arguments=_arguments(role, targets.folder),
        tcp_port=targets.tcp_port,
        udp_port=targets.udp_port,
        path=targets.path,
        abstract=targets.abstract,
        datagrams=targets.datagrams,
        inherited=targets.inherited,
        home=str(Path.home()),
    )
    start = partial(spawn, inherit=targets.inherited)
    words = "prove-child", json.dumps(errand._asdict())
    try:
        answer = ask(*words, timeout_s=_CHILD_SECONDS, spawn=start)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer({}, Role(reason=f"{NO_ANSWER} ({type(error).__name__})"))
    outcomes, about = {}, Role()
    for line in answer.stdout.splitlines():
        said = json.loads(line)
        if isinstance(said, dict):
            about = msgspec.convert(said, Role)
        else:
            outcomes[said[0]] = said[1]
    return Answer(outcomes, about)


def _arguments(role: str, folder: str) -> Sequence[str]:
    """The command line with which a role is started here, as far as the lock-down reads it."""
    if role == "indexer":
        return children.root_options([folder])
    if role != "worker":
        return ()
    from indoors_server import engine_store, model_choice, model_store, settings

    found = settings.resolve(settings.user_layer())
    try:
        model = str(model_store.locate(found.model or model_choice.chosen()))
    except IndoorsError:
        model = str(Path(folder, "no-model.gguf"))
    build = engine_store.find()
    return ("--engine", build.directory if build else folder, "--model", model)
