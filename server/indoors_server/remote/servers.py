"""What is known of the servers that one rule names: which of them answer, how fast, what they are.

unknown -> (probe) -> up -> a request fails -> resting, longer every time -> (probe) -> up | resting
                      up -> busy (429, 503) -> resting as long as it says
                      up -> says nothing for a while -> (ping) -> up | resting

Nothing is probed that nobody waits for: a server that rests is looked at by the first request after
its pause, which is short, so that one that came back is used soon; also by a request that another
server, or the engine here, answers in its place. One that is silent takes a probe's whole time, so
nobody waits for that while another server answers. A probe carries no code.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec

from indoors_completion import chat, fim
from indoors_completion.types import ModelInfo
from indoors_server.door import Door
from indoors_server.endpoints import Endpoint
from indoors_server.remote.faults import Fault, Feature
from indoors_server.remote.probe import Found, ping, probe
from indoors_server.router import Kind

# Pauses before a server is looked at again, by how often in a row it failed.
PAUSES_S = (0.1, 0.3, 1.0)
BUSY_S = 1.0
# What a person has to change is looked at again when they may have.
WRONG_S = 3.0
# A measured speed is a sample; and it is told again only when it is off by this factor, because
# windows follow from it, and one that moves costs the server its cache.
_WEIGHT, _NOTABLE = 0.3, 1.5
_LATENCY_S = 60.0
_MOST_DENIED = 64
# Of a model whose size nobody says: those that teams run are larger than what runs here.
_UNKNOWN_PARAMETERS = 7_000_000_000

State = Literal["unknown", "up", "busy", "down", "wrong", "refused"]


class Server:
    """One endpoint, as it is seen from here. `on_change` is called when a probe has ended. Belongs
    to one event loop.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        door: Door,
        clock: Callable[[], float],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.found: Found | None = None
        self.fault: Fault | None = None
        self._door = door
        self._clock = clock
        self._on_change = on_change
        self._is_sure = self._is_closed = False
        self._n_failures = 0
        self._rests_until_s = 0.0
        self._latency: dict[Kind, tuple[float, float]] = {}  # (milliseconds, when it was measured)
        self._probing: asyncio.Task[Found | Fault] | None = None
        self._pinging: asyncio.Task[Fault | None] | None = None

    @property
    def state(self) -> State:
        """What a person would call its state."""
        if self.fault is None:
            return "up" if self._is_sure else "unknown"
        kind = self.fault.kind
        return kind if kind in ("busy", "wrong", "refused") else "down"

    @property
    def is_resting(self) -> bool:
        """Whether it is left alone for now."""
        return self._clock() < self._rests_until_s

    @property
    def is_to_be_looked_at(self) -> bool:
        """Whether it failed, and its pause is over, and nobody has looked again."""
        return self.fault is not None and not self.is_resting and self._probing is None

    @property
    def is_doubtful(self) -> bool:
        """Whether any other is better asked: nobody knows by now whether this one answers."""
        return not self._is_sure or self.is_resting or self._pinging is not None

    @property
    def failed_once(self) -> bool:
        """Whether it is down by one failure alone, and nobody has looked since: a request finds
        out as well whether that was a moment's.
        """
        return self.state == "down" and self._n_failures == 1

    def look(self) -> None:
        """Begin to ask it what it is, unless that is known, or it is being asked, or it rests."""
        if self.is_resting:
            return
        if self._is_sure:
            self.fault = None
        else:
            self._probe()

    def doubt(self) -> asyncio.Task[Fault | None] | None:
        """It owes somebody an answer, and has said nothing for a while: see whether it lives. What
        comes out of that; None if it is asked nothing, because that is known.
        """
        if self._is_sure and self._pinging is None and not self._is_closed:
            self._pinging = asyncio.get_running_loop().create_task(ping(self._door, self.endpoint))
            self._pinging.add_done_callback(self._pinged)
        return self._pinging

    async def ready(self, *, surely: bool = False) -> Found | Fault:
        """What it is, asking it where that is not known (any more); else why it cannot be used.
        `surely` also waits for a sign of life that it is being asked for.
        """
        if surely and self._pinging is not None:
            await asyncio.wait((self._pinging,))
        self.look()
        if self.is_resting and self.fault is not None:
            return self.fault
        if self._is_sure and self.found is not None:
            return self.found
        if (probing := self._probing) is not None:
            # Whoever waits may be cancelled; others wait for the same answer.
            await asyncio.wait((probing,))
            if not probing.cancelled():
                return probing.result()
        return Fault(kind="down", what=f"{self.endpoint.name} is not asked any more.")

    def _probe(self) -> None:
        if self._probing is None and not self._is_closed:
            self._probing = asyncio.get_running_loop().create_task(probe(self._door, self.endpoint))
            self._probing.add_done_callback(self._probed)

    def _probed(self, task: asyncio.Task[Found | Fault]) -> None:
        self._probing = None
        if task.cancelled() or task.exception() is not None:
            return
        outcome = task.result()
        if isinstance(outcome, Fault):
            self.failed(outcome)
        else:
            lacks = self.found.abilities.lacks if self.found is not None else frozenset[Feature]()
            abilities = msgspec.structs.replace(outcome.abilities, lacks=lacks)
            self.found = msgspec.structs.replace(outcome, abilities=abilities)
            self._is_sure, self.fault, self._rests_until_s = True, None, 0.0
        self._on_change()

    def _pinged(self, task: asyncio.Task[Fault | None]) -> None:
        self._pinging = None
        if task.cancelled() or task.exception() is not None:
            return
        if (fault := task.result()) is not None and self._is_sure:
            self.failed(fault)
            self._on_change()

    def answered(self) -> None:
        """It gave an answer."""
        self._n_failures, self.fault, self._rests_until_s = 0, None, 0.0

    def failed(self, fault: Fault) -> None:
        """It did not: leave it alone for a while."""
        if fault.kind in ("context", "feature", "denied"):
            return  # it answers, or was not asked: this is about one prompt
        self.fault = fault
        if fault.kind == "busy":
            pause_s = fault.retry_after_s or BUSY_S
        elif fault.kind == "down":
            pause_s = PAUSES_S[min(self._n_failures, len(PAUSES_S) - 1)]
            self._n_failures += 1
            self._is_sure = False
        else:
            pause_s, self._is_sure = WRONG_S, False
        self._rests_until_s = self._clock() + pause_s

    def lacks(self, feature: Feature) -> None:
        """It does not take something that can be left out."""
        if self.found is not None:
            able = self.found.abilities
            able = msgspec.structs.replace(able, lacks=able.lacks | {feature})
            self.found = msgspec.structs.replace(self.found, abilities=able)

    def latency_ms(self, kind: Kind) -> float | None:
        """How long the first text took lately, None if nobody has asked this for a while."""
        took_ms, when_s = self._latency.get(kind, (0.0, self._clock() - 2 * _LATENCY_S))
        return None if self._clock() - when_s > _LATENCY_S else took_ms

    def learn_latency(self, kind: Kind, milliseconds: float) -> None:
        """The first text of an answer took so long. Edits have other prompts than completions."""
        known = self.latency_ms(kind)
        mean = milliseconds if known is None else known + _WEIGHT * (milliseconds - known)
        self._latency[kind] = (mean, self._clock())

    def close(self) -> None:
        """Nothing more is asked."""
        self._is_closed = True
        for task in (self._probing, self._pinging):
            if task is not None:
                task.cancel()


class Servers:
    """The servers of one rule, and the model that they serve. Rules may share servers."""

    def __init__(self, servers: Sequence[Server], clock: Callable[[], float]) -> None:
        self.all = tuple(servers)
        self._clock = clock
        self._speeds: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._denied: OrderedDict[str, Fault] = OrderedDict()

    @property
    def name(self) -> str:
        """The names of all."""
        return ", ".join(server.endpoint.name for server in self.all)

    @property
    def fault(self) -> Fault | None:
        """Why none of them can be used, None if one may be."""
        faults = [server.fault for server in self.all]
        return None if any(fault is None for fault in faults) else faults[0]

    def why(self, key: str = "") -> str:
        """What keeps all of them, or one of them, from answering, also only about the document
        `key`; "" if nothing does.
        """
        faults = [server.fault for server in self.all if server.fault is not None]
        faults += [self._denied[key]] if key in self._denied else []
        return " ".join(str(fault) for fault in faults)

    def denied(self, key: str, fault: Fault | None) -> None:
        """The last request about a document was not let through; None: it is asked again."""
        self._denied.pop(key, None)
        if fault is not None:
            self._denied[key] = fault
        while len(self._denied) > _MOST_DENIED:
            self._denied.popitem(last=False)

    @property
    def model(self) -> ModelInfo | None:
        """The model of the first that is known: prompts are made for it, and only servers with a
        model of the same family are asked.
        """
        first = next((one for one in self.all if one.found is not None), None)
        if first is None or (found := first.found) is None:
            return None
        return self._described(first.endpoint, found)

    async def ready(self) -> Fault | None:
        """Wait until one of them is known, whatever the others do; why none is, else None."""
        if self.model is not None:
            return None
        faults: dict[Server, Fault] = {}
        async with aclosing(_as_ready(self.all)) as outcomes:
            async for server, outcome in outcomes:
                if isinstance(outcome, Found):
                    return None
                faults[server] = outcome
        return faults[self.all[0]]

    async def turns(self, key: str) -> AsyncGenerator[tuple[Server, Found | Fault]]:
        """The servers as they are asked about a document, with what each is or why it cannot be
        used: in its order those that are known to answer, and behind them the others, each as soon
        as its probe has ended. Who failed is looked at meanwhile.
        """
        left = self.order(key)
        for server in left:
            server.look()
        while sure := next((one for one in left if not one.is_doubtful and one.found), None):
            left.remove(sure)
            assert sure.found is not None
            yield sure, sure.found
        # The only one is asked whether or not it is silent.
        async with aclosing(_as_ready(left, surely=len(self.all) > 1)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    def order(self, key: str) -> list[Server]:
        """The servers, the one that knows this document first.

        Rendezvous hashing: each document has an order of its own, so that its prompts meet the
        cache that they are in; one server more or less moves no other document.
        """

        def weight(server: Server) -> bytes:
            return hashlib.sha256(f"{server.endpoint.name}\0{key}".encode()).digest()

        return sorted(self.all, key=weight)

    def _described(self, endpoint: Endpoint, found: Found) -> ModelInfo:
        able = found.abilities
        identity = "\0".join((self.name, endpoint.url, able.model, found.family))
        family = fim.by_name(found.family) if endpoint.api != "chat" else None
        is_instruct = endpoint.instruct and any(one.family == found.family for one in chat.CHATS)
        return ModelInfo(
            key=f"elsewhere:{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
            name=able.model or endpoint.name,
            family=found.family,
            architecture="",
            instruct=is_instruct,
            n_params=found.n_params or _UNKNOWN_PARAMETERS,
            size_bytes=0,
            n_ctx=able.n_ctx,
            n_ctx_train=able.n_ctx,
            n_layers=0,
            n_gpu_layers=0,
            device=self.name,
            can_shift=False,
            reuse="prefix",
            reuse_reason="the server keeps what prompts begin with",
            prefill_tps=self._told.get("prefill", 0.0),
            decode_tps=self._told.get("decode", 0.0),
            advice=found.advice if family is None and endpoint.api != "chat" else "",
        )

    # --- measured -------------------------------------------------------------------------------

    def learn(self, what: Literal["prefill", "decode"], n_tokens: int, took_ms: float) -> None:
        """So many tokens took so long."""
        if took_ms <= 0:
            return
        sample = n_tokens / took_ms * 1000
        before = self._speeds.get(what, sample)
        speed = self._speeds[what] = before + _WEIGHT * (sample - before)
        told = self._told.get(what, 0.0)
        if not (told > 0 and told / _NOTABLE < speed < told * _NOTABLE):
            self._told[what] = speed


async def _as_ready(
    servers: Sequence[Server], *, surely: bool = False
) -> AsyncGenerator[tuple[Server, Found | Fault]]:
    """What each of them is or why it cannot be used, as soon as that is known."""
    waiting = {asyncio.ensure_future(one.ready(surely=surely)): one for one in servers}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in [one for one in waiting if one in done]:  # in the order they were given
                yield waiting.pop(task), task.result()
    finally:
        for task in waiting:
            task.cancel()
