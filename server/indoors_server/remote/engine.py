"""An engine elsewhere, behind the protocol of the engine on this machine.

job -> fitted to the context -> a question in the server's dialect -> Door -> events -> text

A failure costs an empty answer, or the next server of the same rule: never another rule, never an
engine on this machine in the place of one elsewhere or the other way round. Once any text came, no
other server goes on with it. What nobody waits for (prewarming, what may be accepted next) is not
sent at all: a shared server has others to serve, and code leaves only where somebody asked.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Literal, cast

from indoors_completion.types import Finish, Job, ModelInfo, Prefill, Steering, TokenChunk
from indoors_server.door import Door
from indoors_server.gateway import wire
from indoors_server.policies import names_of
from indoors_server.remote import dialects, faults, talk
from indoors_server.remote.alive import while_alive
from indoors_server.remote.answer import Answer
from indoors_server.remote.dialects import Piece, Question
from indoors_server.remote.events import Events, NotUnderstood
from indoors_server.remote.faults import Fault
from indoors_server.remote.probe import Found
from indoors_server.remote.prompt import Fitted, fitted
from indoors_server.remote.servers import Server, Servers

_log = logging.getLogger("indoors.remote")

# A server that finds a prompt too long is asked once more with this much of it.
_LESS = 0.75
# Once as it is, once shorter, and once without each of what a server may not take.
_TRIES = 6
# The longest that a whole answer takes, unless a person waits longer for a piece of one (read_s).
_COMPLETION_S, _REFACTOR_S = 30.0, 300.0
_MAX_ERROR_BYTES = 64 * 1024
_MIN_PREFILL, _MIN_DECODE = 128, 8
# Of what is estimated at most, so much is there in any code.
_SURELY = 0.6
_MOST_KNOWN = 256

Item = Prefill | TokenChunk | Finish


class RemoteEngine:
    """A `types.Engine`. `kind` is what its requests are for, as the policy asks."""

    def __init__(
        self,
        servers: Servers,
        door: Door,
        clock: Callable[[], float],
        kind: Literal["completion", "refactor"] = "completion",
    ) -> None:
        self._servers = servers
        self._door = door
        self._clock = clock
        self._kind: Literal["completion", "refactor"] = kind
        self._known: OrderedDict[str, None] = OrderedDict()  # documents that were asked about

    @property
    def model(self) -> ModelInfo | None:
        """The model there, None until a server has said what it is."""
        return self._servers.model

    async def generate(
        self,
        job: Job,
        steering: Steering | None = None,  # noqa: ARG002 - one answer is all there is
    ) -> AsyncGenerator[Item]:
        """Stream the answer to a job; see `types.Engine`."""
        if job.background or job.max_tokens <= 0:
            yield Finish(stop_reason="preempted", detail="nobody waits for it")
            return
        model = self.model
        fault = self._servers.fault
        if model is not None:
            self._servers.denied(job.uri or job.slot, None)
            async with aclosing(self._servers.turns(job.uri or job.slot)) as turns:
                async for server, found in turns:
                    if isinstance(found, Fault):
                        fault = found
                        continue
                    if found.family != model.family:
                        continue  # the prompt is not made for it
                    has_text = False
                    async with aclosing(self._tried(server, job)) as items:
                        async for item in items:
                            if isinstance(item, Fault):
                                fault = item
                                if fault.kind == "denied":
                                    self._servers.denied(job.uri or job.slot, fault)
                                break
                            has_text = has_text or isinstance(item, TokenChunk)
                            yield item
                            if isinstance(item, Finish):
                                return
                    if has_text:
                        break
        _log.info("no answer from %s: %s", self._servers.name, fault.kind if fault else "unknown")
        detail = str(fault) if fault is not None else f"{self._servers.name} is not known yet"
        yield Finish(stop_reason="unavailable", detail=detail)

    async def _tried(self, server: Server, job: Job) -> AsyncGenerator[Item | Fault]:
        """Ask one server, again where it only wants less; the Fault it ends with comes last."""
        share, has_text = 1.0, False
        for _ in range(_TRIES):
            found = server.found
            if found is None:
                return
            fault: Fault | None = None
            async with aclosing(self._asked(server, found, job, share)) as items:
                async for item in items:
                    if isinstance(item, Fault):
                        fault = item
                    else:
                        has_text = has_text or isinstance(item, TokenChunk)
                        yield item
            if fault is None:
                return
            # Behind the beginning of an answer no second one may stand.
            is_new = fault.feature is not None and fault.feature not in found.abilities.lacks
            if fault.kind == "context" and share == 1.0 and not has_text:
                share = _LESS
            elif fault.feature is not None and is_new and not has_text:
                server.lacks(fault.feature)
            else:
                server.failed(fault)
                yield fault
                return

    async def _asked(
        self, server: Server, found: Found, job: Job, share: float
    ) -> AsyncGenerator[Item | Fault]:
        """One request. Ends with a Finish or a Fault, unless whoever reads has enough."""
        endpoint = server.endpoint
        prompt = fitted(job, found.abilities.n_ctx, share)
        try:
            question = dialects.question(endpoint, job, prompt, found.abilities)
        except ValueError as error:
            # That is about this one prompt, and says nothing of the server.
            what = f"{endpoint.name} cannot be asked this."
            yield Fault(kind="denied", what=what, why=str(error), sent=False)
            return
        exchange = _Exchange(server, question, job, prompt, self._clock)
        stream = cast(Any, self._door.ask(self._ask(server, question, job)))
        try:
            async with aclosing(while_alive(stream, server, self._door)) as messages:
                async for message in messages:
                    if isinstance(message, Fault):
                        yield message
                        return
                    for item in exchange.take(message):
                        yield item
                    if exchange.is_over:
                        break
            if not exchange.is_over:
                yield faults.broke_off(endpoint)
        finally:
            # Whoever has the end of an answer, or enough of it, asks for nothing more.
            if exchange.first_ms:
                server.answered()
                self._learn(server, exchange, job)

    def _ask(self, server: Server, question: Question, job: Job) -> wire.Ask:
        whole_s = _COMPLETION_S if self._kind == "completion" else _REFACTOR_S
        return wire.Ask(
            endpoint=server.endpoint.name,
            kind=self._kind,
            call=question.call,
            body=question.body,
            workspace=job.root,
            sources=sources_of(job),
            timeout_s=max(whole_s, server.endpoint.read_s),
        )

    def _learn(self, server: Server, exchange: _Exchange, job: Job) -> None:
        """What an answer says about speed. The whole of a prompt is evaluated where its document
        was not asked about before; of any other only the server knows how much of it was.
        """
        server.learn_latency(self._kind, exchange.first_ms)
        last, key = exchange.last, job.uri or job.slot
        is_new = key not in self._known
        self._known[key] = None
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        if last.prefill_ms > 0 and last.n_cached >= 0:
            n_evaluated = last.n_prompt - last.n_cached
            if n_evaluated >= _MIN_PREFILL:
                self._servers.learn("prefill", n_evaluated, last.prefill_ms)
        elif is_new and exchange.n_prompt >= _MIN_PREFILL and last.n_cached <= 0:
            self._servers.learn("prefill", exchange.n_prompt, exchange.first_ms)
        if exchange.n_generated >= _MIN_DECODE:
            took_ms = exchange.total_ms - exchange.first_ms
            self._servers.learn("decode", exchange.n_generated - 1, took_ms)


class _Exchange:
    """One question and what comes back: messages in, items out."""

    def __init__(
        self,
        server: Server,
        question: Question,
        job: Job,
        prompt: Fitted,
        clock: Callable[[], float],
    ) -> None:
        self._endpoint = server.endpoint
        self._question = question
        self._prompt = prompt
        self._clock = clock
        self._started_s = clock()
        self._answer = Answer(job, question.begin)
        self._unbegun = talk.Unbegun(question.echo)
        self._events = Events(question.form)
        self._head: wire.Head | None = None
        self._error = b""
        self._n_pieces = 0
        self._finished_as = ""
        self.first_ms = 0.0
        self.last = Piece()
        self.is_over = False

    @property
    def total_ms(self) -> float:
        """Since the question was asked."""
        return (self._clock() - self._started_s) * 1000

    @property
    def n_prompt(self) -> int:
        """The tokens of the prompt: the server's count, else fewer than there are."""
        return self.last.n_prompt or int(self._prompt.n_tokens * _SURELY)

    @property
    def n_generated(self) -> int:
        """The tokens of the answer, by the server's count if it gave one."""
        return self.last.n_generated or self._n_pieces

    def take(self, message: wire.FromGateway) -> list[Item | Fault]:
        """What a message of the gateway means for whoever reads the answer."""
        try:
            if isinstance(message, wire.Chunk):
                return self._take_data(message.data)
            if isinstance(message, wire.End):
                return self._take_end(is_stopped=message.stopped)
        except NotUnderstood as error:
            return self._over(faults.not_understood(self._endpoint, str(error)))
        if isinstance(message, wire.Head):
            self._head = message
        elif isinstance(message, wire.Refused):
            return self._over(faults.of_refusal(message, has_code=True))
        return []

    def _take_data(self, data: bytes) -> list[Item | Fault]:
        if self._head is None:
            raise NotUnderstood("an answer without a status")
        if self._head.status >= 300:
            self._error = (self._error + data)[:_MAX_ERROR_BYTES]
            return []
        items: list[Item | Fault] = []
        for event in self._events.feed(data):
            items += self._take_event(event)
            if self.is_over:
                return items
        # The stream says itself that it is over: nobody has to wait for the connection's end.
        is_whole = self._events.is_done and self._finished_as
        return [*items, *self._take_end(is_stopped=False)] if is_whole else items

    def _take_event(self, event: object) -> list[Item | Fault]:
        piece = dialects.read(self._endpoint, event)
        if piece.error is not None:
            return self._over(faults.of_error(self._endpoint, piece.error))
        if piece.is_passed_on:
            return self._over(faults.passed_on(self._endpoint))
        items: list[Item | Fault] = []
        if piece.n_prompt or piece.n_generated:
            self.last = piece
        text = self._unbegun.feed(piece.text)
        self._n_pieces += max(len(piece.logprobs), bool(piece.text))
        if piece.text and not self.first_ms:
            self.first_ms = max(0.01, self.total_ms)
            items.append(self._prefill())
        items += self._answer.feed(text, piece.logprobs)
        if self._answer.stopped:
            return [*items, *self._over(self._finish(self._answer.stopped))]
        if piece.finish:
            self._finished_as = piece.finish
        return items

    def _take_end(self, *, is_stopped: bool) -> list[Item | Fault]:
        if self._head is not None and self._head.status >= 300:
            call = self._question.call
            return self._over(faults.of_status(self._endpoint, self._head, self._error, call))
        items: list[Item | Fault] = []
        for event in self._events.end():
            items += self._take_event(event)
        if self.is_over:
            return items
        if not self._finished_as or is_stopped:
            return [*items, *self._over(faults.broke_off(self._endpoint))]
        rest = self._unbegun.end()
        items += [*self._answer.feed(rest), *self._answer.end()]
        if not self.first_ms:
            self.first_ms = max(0.01, self.total_ms)
            items.insert(0, self._prefill())
        return [*items, *self._over(self._finish(self._answer.stopped or self._finished_as))]

    def _over(self, item: Finish | Fault) -> list[Item | Fault]:
        self.is_over = True
        return [item]

    def _prefill(self) -> Prefill:
        n_prompt = self._prompt.n_tokens
        return Prefill(
            n_prompt=n_prompt, n_reused=0, n_evaluated=n_prompt, prefill_ms=self.first_ms
        )

    def _finish(self, stop_reason: str) -> Finish:
        n_prompt = self.last.n_prompt or self._prompt.n_tokens
        n_reused = min(n_prompt, max(0, self.last.n_cached))
        return Finish(
            stop_reason=stop_reason,
            n_prompt=n_prompt,
            n_reused=n_reused,
            n_evaluated=n_prompt - n_reused,
            n_generated=self.n_generated,
            ttft_ms=self.first_ms,
            total_ms=self.total_ms,
            detail=self._endpoint.name,
        )


def sources_of(job: Job) -> tuple[str, ...]:
    """The names of all files with text in a job, also where links lead to. Of a document that is in
    no folder there are none: then the gateway lets nothing pass.
    """
    if not job.root:
        return ()
    names = (name for path in job.sources for name in names_of(job.root, path))
    return tuple(dict.fromkeys(names))
