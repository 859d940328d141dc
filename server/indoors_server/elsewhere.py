"""Engines elsewhere for one server: the rules, the servers that they name, a pipeline for each.

    route(document) -> Route        what the rules say, with the policy and what is known by now
    lane(route)     -> Lane         the servers of a rule, with the pipeline that asks them

Each lane has a pipeline of its own, because prompts and windows follow from a model. In it nothing
is computed that nobody waits for. Everything belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from indoors_completion.pipeline import Pipeline
from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    EngineError,
    Span,
    Stage,
)
from indoors_server import endpoint_files, policy_state, router
from indoors_server.door import Door
from indoors_server.endpoints import Endpoint
from indoors_server.policies import Policies, names_of
from indoors_server.policy import whole_paths
from indoors_server.policy.verdict import SendKind
from indoors_server.remote.engine import RemoteEngine
from indoors_server.remote.faults import Fault
from indoors_server.remote.servers import Server, Servers
from indoors_server.router import LOCAL, Asked, Kind, Known, Route, Rule, Where
from indoors_server.status import EngineStatus, Facts

_log = logging.getLogger("indoors.elsewhere")

# How long the first request to a server nobody has asked yet waits until it has said what it is.
PATIENCE_S = 30.0
_LATENCY_S, _WEIGHT = 60.0, 0.3


class Lane:
    """The servers of one rule, and what asks them."""

    def __init__(
        self, servers: Servers, door: Door, clock: Callable[[], float], make: MakePipeline
    ) -> None:
        self.servers = servers
        self.editor = RemoteEngine(servers, door, clock, "refactor")
        self.pipeline = make(RemoteEngine(servers, door, clock))


MakePipeline = Callable[[RemoteEngine], Pipeline]


class Elsewhere:
    """`load` reads the endpoints. `make` and `on_change` are the core's (`connect`)."""

    def __init__(
        self,
        door: Door,
        clock: Callable[[], float],
        load: Callable[[], endpoint_files.Found] = endpoint_files.load,
        state: Callable[[], object] = policy_state.of_engines,
    ) -> None:
        self._door, self._clock, self._load, self._state = door, clock, load, state
        self._seen: object = None
        self._make: MakePipeline | None = None
        self._on_change: Callable[[], None] = lambda: None
        self.policies = Policies()
        self.rules: tuple[Rule, ...] = ()
        self._endpoints: dict[str, Endpoint] = {}
        self._problems: tuple[str, ...] = ()
        self._servers: dict[str, Server] = {}
        self._lanes: dict[tuple[str, ...], Lane] = {}
        self._local_ms: tuple[float, float] | None = None  # (milliseconds, when)

    def connect(self, make: MakePipeline, on_change: Callable[[], None]) -> None:
        """Lanes get their pipelines from `make`; `on_change` hears of servers that came or went."""
        self._make, self._on_change = make, on_change

    def use(self, rules: Sequence[Rule]) -> None:
        """These rules count from now on, with the endpoints as their files name them now."""
        self.rules = tuple(rules)
        if not self.rules:
            return
        self._seen = self._state()
        found = self._load()
        self._problems = found.problems
        if found.endpoints != self._endpoints:
            self._door.renew()
        changed = {name for name in self._servers
                   if found.endpoints.get(name) != self._endpoints.get(name)}  # fmt: skip
        for name in changed:
            self._servers.pop(name).close()
        for names in [names for names in self._lanes if changed & set(names)]:
            self._lanes.pop(names).pipeline.cancel()
        self._endpoints = found.endpoints
        self.look()

    def look(self) -> None:
        """Ask the servers that rules name what they are, unless they rest. No code is sent."""
        for name in dict.fromkeys(name for rule in self.rules for name in rule.names):
            server = self._server(name)
            allowed = self.policies.of("").may_reach(_destination(server), "inline")
            if server is not None and allowed and self._where(name) != "closed":
                server.look()

    def look_again(self) -> None:
        """Look at what failed, once its pause is over: what is answered in the place of a server,
        or not at all because of it, asks it nothing, so that one that came back would stay unused.
        """
        if any(server.is_to_be_looked_at for server in self._servers.values()):
            self.look()

    # --- choosing -------------------------------------------------------------------------------

    def route(self, kind: Kind, document: Document) -> Route:
        """What answers a request about a document."""
        if not self.rules:
            return Route(where="local")
        if self._state() != self._seen:  # an entry was edited
            self.use(self.rules)
            self._on_change()
        asked = Asked(kind=kind, language=document.language, n_characters=len(document.text))
        known = Known(
            where=self._where,
            cannot=self._cannot,
            refuses=lambda name, kind: self._refusal(name, kind, document),
            down=self._down,
            latency_ms=self._latency_ms,
        )
        route = router.choose(self.rules, asked, known)
        if route.where == "local":
            self.look_again()
        return route

    def _where(self, name: str) -> Where | None:
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            return None
        is_closed = endpoint_files.is_closed(endpoint, self.policies.of(""))
        return "closed" if is_closed else "onprem"

    def _cannot(self, name: str, kind: Kind) -> str:
        endpoint = self._endpoints.get(name)
        return "" if endpoint is None else endpoint_files.cannot(endpoint, kind)

    def _refusal(self, name: str, kind: Kind, document: Document) -> str:
        """Why the policy does not let a document's text go to an engine; "" if it does. The gateway
        asks again, for every file in a prompt.
        """
        endpoint = self._endpoints[name]
        if self._door.reason:
            return f"there is no way out: {self._door.reason}"
        if not document.root:
            return "the document is a file of no folder that is open"
        policy, place = self.policies.of(document.root), endpoint_files.destination(endpoint)
        sends: SendKind = "refactor" if kind == "refactor" else "inline"
        verdicts = (
            policy.may_send(path, place, sends) and whole_paths.may_show(document.root, path)
            for path in names_of(document.root, document.path)
        )
        return next((one.reason for one in verdicts if not one), "")

    def _down(self, name: str) -> str:
        server = self._server(name)
        if server is None or server.fault is None or server.fault.kind == "busy":
            return ""
        return server.fault.what

    def _latency_ms(self, names: Sequence[str], kind: Kind) -> float | None:
        """How long engines took lately, each of them that was asked for as much. Of the engine here
        only completions are measured: what they take says nothing of an edit.
        """
        if list(names) == [LOCAL]:
            if kind != "completion":
                return None
            known = self._local_ms
            is_old = known is None or self._clock() - known[1] > _LATENCY_S
            return None if known is None or is_old else known[0]
        asked = [self._servers[name] for name in names if name in self._servers]
        took_ms = [ms for one in asked if (ms := one.latency_ms(kind)) is not None]
        return sum(took_ms) / len(took_ms) if took_ms else None

    def learn_local(self, milliseconds: float) -> None:
        """The engine on this machine took so long to its first text."""
        known = self._latency_ms([LOCAL], "completion")
        mean = milliseconds if known is None else known + _WEIGHT * (milliseconds - known)
        self._local_ms = (mean, self._clock())

    # --- asking ---------------------------------------------------------------------------------

    def _server(self, name: str) -> Server | None:
        if name not in self._servers:
            endpoint = self._endpoints.get(name)
            if endpoint is None:
                return None
            # Looked up when it is called: `connect` may come later.
            server = Server(endpoint, self._door, self._clock, lambda: self._on_change())
            self._servers[name] = server
        return self._servers[name]

    def lane(self, route: Route) -> Lane:
        """What asks the servers of a route that leads to some."""
        if route.use not in self._lanes:
            assert self._make is not None
            found = [server for name in route.use if (server := self._server(name)) is not None]
            servers = Servers(found, self._clock)
            self._lanes[route.use] = Lane(servers, self._door, self._clock, self._make)
        return self._lanes[route.use]

    async def wait_ready(self, route: Route) -> None:
        """Wait until a server of the route is known. Raises EngineError with what keeps it."""
        if route.where != "onprem":
            return
        fault = await self._ready(self.lane(route), PATIENCE_S)
        if fault is not None:
            raise EngineError(fault.what, why=fault.why, next_step=fault.next_step)

    async def _ready(self, lane: Lane, within_s: float) -> Fault | None:
        try:
            async with asyncio.timeout(within_s):
                return await lane.servers.ready()
        except TimeoutError:
            return Fault(kind="down", what=f"{lane.servers.name} has not said what it is yet.")

    async def answer(
        self,
        request: CompletionRequest,
        here: Callable[[CompletionRequest], Awaitable[Completion]],
    ) -> Completion:
        """Complete with the engine that the rules choose; `here` is the one on this machine."""
        if not self.rules:
            return await here(request)
        route = self.route("completion", request.document)
        if route.where == "onprem":
            completion = await self._complete(route, request)
        elif route.where == "local":
            completion = await here(request)
            if completion.source == "model" and completion.ttft_ms > 0:
                self.learn_local(completion.ttft_ms)
        else:
            completion = nothing(request, "none", "a rule says so")
        chosen = ", ".join(route.use) or route.where
        stage = Stage(name="route", decision=chosen, reason=route.reason)
        return msgspec.structs.replace(completion, stages=(stage, *completion.stages))

    async def _complete(self, route: Route, request: CompletionRequest) -> Completion:
        """Complete with the servers of a route; an empty completion where none answers."""
        lane = self.lane(route)
        fault = await self._ready(lane, request.deadline_ms / 1000)
        if fault is not None:
            return nothing(request, fault.what, str(fault))
        # Nothing is sent that nobody waits for.
        found = await lane.pipeline.complete(msgspec.structs.replace(request, background=False))
        if found.stop_reason != "unavailable":
            return found
        why = lane.servers.why(request.document.uri)
        stage = Stage(name="server", decision=route.use[0], reason=why)
        return msgspec.structs.replace(found, stages=(*found.stages, stage))

    def is_ready(self, route: Route, request: CompletionRequest) -> bool:
        """Whether a request would be answered without asking anything new."""
        if route.where == "none":
            return True
        return route.use in self._lanes and self._lanes[route.use].pipeline.is_ready(request)

    # --- what the editor does -------------------------------------------------------------------

    def changed(self, document: Document, offset: int | None) -> None:
        """A document changed: what is computed for a text that it does not lead to ends."""
        for lane in self._lanes.values():
            lane.pipeline.changed(document, offset)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        for lane in self._lanes.values():
            lane.pipeline.forget(uri)

    def close(self) -> None:
        """End all that runs."""
        for lane in self._lanes.values():
            lane.pipeline.cancel()
        self.rules = ()
        for server in self._servers.values():
            server.close()

    # --- status ---------------------------------------------------------------------------------

    @property
    def engines(self) -> tuple[EngineStatus, ...]:
        """The engines that rules name, as they are now."""
        names = dict.fromkeys(name for rule in self.rules for name in rule.names)
        return tuple(self._status(name) for name in names if name not in (LOCAL, router.NONE))

    def _status(self, name: str) -> EngineStatus:
        server = self._server(name)
        if server is None:
            told = [one for one in self._problems if f": {name}: " in one]
            return EngineStatus(
                name=name, state="wrong", reason="; ".join(told) or f"engines.json names no {name}"
            )
        if self._where(name) == "closed":
            reason = "a closed API: it edits only where you ask for it by its name"
            return EngineStatus(name=name, state="closed", reason=reason)
        allowed = self.policies.of("").may_reach(_destination(server), "inline")
        if reason := self._door.reason or allowed.reason:
            return EngineStatus(name=name, state="refused", reason=reason)
        model = server.found.abilities.model if server.found is not None else ""
        advice = server.found.advice if server.found is not None else ""
        fault = str(server.fault) if server.fault is not None else advice
        return EngineStatus(name=name, state=server.state, reason=fault, model=model)

    def beside(self, local: Facts) -> tuple[EngineStatus, ...]:
        """The engines that rules name, and before them the one on this machine, where it has some
        requests to answer and cannot: what it was to do, no other does.
        """
        if local.phase != "error" or not self.engines:
            return self.engines
        # Where no engine elsewhere is ready, the whole status says what is wrong with this one.
        is_hidden = self.facts(local) is not local
        is_named = any(LOCAL in rule.names for rule in self.rules)
        if not (is_named or (is_hidden and self._needs_local())):
            return self.engines
        told = f"{local.reason} Next: {local.next_step}" if local.next_step else local.reason
        return (EngineStatus(name=LOCAL, state="wrong", reason=told), *self.engines)

    def _needs_local(self) -> bool:
        usable: dict[Kind, list[str]] = {
            kind: [name for name in self._endpoints if self._is_usable(name, kind)]
            for kind in router.KINDS
        }
        return router.needs_local(self.rules, usable)

    def _is_usable(self, name: str, kind: Kind) -> bool:
        """Whether an engine may be asked for such a thing at all."""
        place = endpoint_files.destination(self._endpoints[name])
        is_own = self._where(name) == "onprem" and not self._cannot(name, kind)
        return is_own and bool(self.policies.of("").may_reach(place, "inline"))

    def facts(self, local: Facts) -> Facts:
        """What is known of the engines together: one that answers is enough, and one that failed
        once is asked again by the next request.
        """
        if local.phase == "ready" or not self.rules:
            return local
        for one in self.engines:
            may_answer = one.state == "down" and self._servers[one.name].failed_once
            if one.model and (may_answer or one.state in ("up", "busy")):
                return Facts(phase="ready", model=one.model, device=one.name)
        return local


def _destination(server: Server | None) -> str:
    return endpoint_files.destination(server.endpoint) if server is not None else ""


def nothing(request: CompletionRequest, decision: str, reason: str = "") -> Completion:
    """An empty completion that says why."""
    return Completion(
        id="",
        text="",
        span=Span(request.offset, request.offset),
        source="none",
        stop_reason="unavailable",
        stages=(Stage(name="server", decision=decision, reason=reason),),
    )
