"""The server's side of the gateway: a `Door` over the two pipes that the launcher gives.

    ask -> one is running? else start it (launching) -> frames -> an iterator of answers
    it ends -> all that is open is answered "gone" -> the next `ask` starts another
    it keeps none of its own limits -> it hangs: what is open is answered "gone", and as above
    what it has read of files may be old (an edited engines.json, `renew`, a key that is not
        accepted) -> the next `ask` that finds nothing open starts another

Nothing here raises or waits without an end: each request has a limit of its own, whatever the
gateway does. Use from one event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Callable

import msgspec

from indoors_server import policy_state
from indoors_server.door import Answer
from indoors_server.gateway import frames, wire
from indoors_server.launching import Launcher, Pipes, Refusal

_log = logging.getLogger("indoors.gateway")

ROLE = "gateway"
# It reads files and imports its client; a keyring may be slow.
READY_S = 20.0
# How long a request waits for a launcher that pauses between starts.
PATIENCE_S = 5.0
_STEP_S = 0.1
# What the gateway needs beyond the request's own time: a resolver that hangs, a slow log.
GRACE_S = 15.0
# A person may have put right what was wrong with a key, a certificate or an entry, which only a
# gateway may read, when it begins. One younger than this is not ended for it, because whoever asks
# next waits for the start of another, also who asks another engine.
RENEW_S = 30.0
_OF_FILES = frozenset({"config", "unknown", "tls"})
_TOO_LATE = wire.Refused(
    kind="timeout", what="There was no answer in time.", next_step="ask again", sent=True
)


class GatewayClient:
    """A `Door`. `on_change` is called when `ready` or `reason` may have changed; `state` tells that
    a file was edited which a gateway reads once, when it begins.
    """

    def __init__(
        self, launcher: Launcher, state: Callable[[], object] = policy_state.of_engines
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._launcher = launcher
        self._starting: asyncio.Task[_Link | wire.Refused] | None = None
        self._link: _Link | None = None
        self._ids = itertools.count(1)
        self._refusal = ""
        self._is_old = self._may_be_old = False
        self._state = state
        self._seen: object = None
        self._started_s = 0.0
        self.n_starts = 0

    @property
    def reason(self) -> str:
        """Why nothing can be asked, "" if it can be tried."""
        if self._launcher.state in ("starting", "waiting"):
            return self._refusal
        return self._launcher.reason

    @property
    def ready(self) -> wire.Ready | None:
        """What the gateway said of itself, None while there is none."""
        return self._link.ready if self._link is not None and self._link.is_alive else None

    async def ask(self, ask: wire.Ask) -> AsyncGenerator[Answer, None]:
        """As `Door.ask`."""
        link = await self._running()
        if isinstance(link, wire.Refused):
            yield link
            return
        number = next(self._ids)
        answers = link.begin(number)
        ended = False
        deadline = asyncio.get_running_loop().time() + ask.timeout_s + GRACE_S
        try:
            link.send(msgspec.structs.replace(ask, request=number, v=wire.PROTOCOL_VERSION))
            while not ended:
                answer = await _next(answers, deadline)
                if answer is None:
                    # Every request has a limit in the gateway, and this one is long over.
                    answer = _TOO_LATE
                    self._drop(link)
                    self.on_change()
                self._may_be_old = self._may_be_old or _is_about_files(answer)
                ended = isinstance(answer, wire.End | wire.Refused)
                yield answer
        except frames.ProtocolError:
            yield wire.Refused(
                kind="size", what=f"The request is longer than {wire.MAX_BODY_BYTES} bytes."
            )
        finally:
            link.finish(number, is_stopped=not ended)

    def renew(self) -> None:
        """As `Door.renew`: another gateway reads them."""
        self._is_old, self._refusal = True, ""

    async def close(self) -> None:
        """End the gateway for good."""
        self.on_change = lambda: None
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait((self._starting,))
        self._drop(self._link)

    async def _running(self) -> _Link | wire.Refused:
        """A gateway that takes requests, started if there is none."""
        if self._starting is None:
            link = self._link
            if link is not None and link.is_alive and not self._is_outdated(link):
                return link
            self._starting = asyncio.get_running_loop().create_task(self._begun())
            self._starting.add_done_callback(self._has_begun)
        # Who waits may be cancelled by the next key; it is started for that one too.
        starting = self._starting
        await asyncio.wait((starting,))
        if starting.cancelled() or starting.exception() is not None:
            return _gone("The gateway did not start.", "ask again")
        return starting.result()

    async def _begun(self) -> _Link | wire.Refused:
        self._drop(self._link)
        self._started_s = asyncio.get_running_loop().time()
        self._is_old = self._may_be_old = False
        self._seen = self._state()
        found = await self._start()
        if isinstance(found, _Link):
            self._link, self._refusal = found, ""
            self.on_change()
        return found

    def _has_begun(self, task: asyncio.Task[_Link | wire.Refused]) -> None:
        self._starting = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the gateway could not be started: %s", type(error).__name__)

    def _is_outdated(self, link: _Link) -> bool:
        """Whether a gateway is to be ended for what it has read of files; never under a request."""
        age_s = asyncio.get_running_loop().time() - self._started_s
        may_be_old = self._may_be_old and age_s >= RENEW_S
        return not link.is_busy and (self._is_old or may_be_old or self._state() != self._seen)

    def _drop(self, link: _Link | None) -> None:
        if link is not None:
            link.close()
            self._link = None if self._link is link else self._link

    async def _start(self) -> _Link | wire.Refused:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while isinstance(found := await self._launcher.start_role(ROLE), Refusal):
            if found.kind != "rate" or loop.time() > until:
                return self._refused(found)
            await asyncio.sleep(_STEP_S)
        self.n_starts += 1
        link = _Link(found, lambda: self.on_change())
        try:
            ready = await link.open()
        except BaseException:
            link.close()
            raise
        if ready is None:
            link.close()
            return _gone("The gateway did not start.", "look into the log; then restart the server")
        for problem in ready.problems:
            _log.warning("%s", problem)
        if ready.lock == "unproven":
            link.close()
            reason = "; ".join(ready.problems) or "the gateway is not locked"
            self._refusal = reason
            return _gone(f"Nothing is sent: {reason}.", "indoors doctor")
        return link

    def _refused(self, refusal: Refusal) -> wire.Refused:
        reason, _, step = refusal.reason.partition(". Next: ")
        if refusal.kind in ("policy", "not installed"):
            # Rules pass over it. Whoever looks whether it came back asks all the same.
            self._refusal = refusal.reason
            self.on_change()
        kind: wire.RefusalKind = "policy" if refusal.kind == "policy" else "gone"
        return wire.Refused(kind=kind, what=f"Nothing was sent: {reason}.", next_step=step)


class _Link:
    """One gateway process, from its start to its end."""

    def __init__(self, pipes: Pipes, on_end: Callable[[], None]) -> None:
        self._pipes = pipes
        self._on_end = on_end
        self._open: dict[int, asyncio.Queue[Answer]] = {}
        self._incoming: asyncio.ReadTransport | None = None
        self._outgoing: asyncio.WriteTransport | None = None
        self._reading: asyncio.Task[None] | None = None
        self.is_alive = True
        self.ready: wire.Ready | None = None

    async def open(self) -> wire.Ready | None:
        """Take over the pipes; what it says first, None if it does not."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        reading, writing = asyncio.StreamReaderProtocol(reader), asyncio.Protocol()
        self._incoming, _ = await loop.connect_read_pipe(lambda: reading, self._pipes.reader)
        self._outgoing, _ = await loop.connect_write_pipe(lambda: writing, self._pipes.writer)
        try:
            async with asyncio.timeout(READY_S):
                first = await frames.read_from_gateway(reader)
        except (TimeoutError, OSError, frames.ProtocolError):
            return None
        if not isinstance(first, wire.Ready):
            return None
        self.ready = first
        self._reading = loop.create_task(self._read(reader))
        return first

    @property
    def is_busy(self) -> bool:
        """Whether some request has no end yet."""
        return bool(self._open)

    def begin(self, number: int) -> asyncio.Queue[Answer]:
        """Where the answers to a request will be."""
        queue: asyncio.Queue[Answer] = asyncio.Queue()
        self._open[number] = queue
        if not self.is_alive:
            queue.put_nowait(_gone("The gateway has ended.", "ask again"))
        return queue

    def send(self, message: wire.ToGateway) -> None:
        """Queue a frame. Raises ProtocolError if it is too long."""
        data = frames.encode(message)
        if self._outgoing is not None and not self._outgoing.is_closing():
            self._outgoing.write(data)

    def finish(self, number: int, *, is_stopped: bool) -> None:
        """A request has ended, or nobody wants it any more."""
        self._open.pop(number, None)
        if is_stopped and self.is_alive:
            self.send(wire.Stop(request=number))

    def close(self) -> None:
        """Let go of it: at the end of its stream it ends."""
        if self._reading is not None:
            self._reading.cancel()
        if self._incoming is not None:
            self._incoming.close()
        if self._outgoing is not None and not self._outgoing.is_closing():
            self._outgoing.abort()  # what it does not read any more is not waited for
        if self._incoming is None or self._outgoing is None:
            self._pipes.close()
        self._lost()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while (message := await frames.read_from_gateway(reader)) is not None:
                queue = self._open.get(message.request)
                if queue is not None and not isinstance(message, wire.Ready):
                    queue.put_nowait(message)
        except (OSError, frames.ProtocolError) as error:
            _log.error("the gateway's stream ended: %s", error)
        self._lost()
        self._on_end()

    def _lost(self) -> None:
        self.is_alive = False
        for queue in self._open.values():
            queue.put_nowait(_gone("The gateway has ended.", "ask again", is_sent=True))


def _is_about_files(answer: Answer) -> bool:
    """Whether an answer may be another one once a key, a certificate or an entry is read again."""
    if isinstance(answer, wire.Head):
        return answer.status in (401, 403)
    return isinstance(answer, wire.Refused) and answer.kind in _OF_FILES


async def _next(answers: asyncio.Queue[Answer], deadline: float) -> Answer | None:
    """What comes next, None if nothing does in time."""
    try:
        async with asyncio.timeout_at(deadline):
            return await answers.get()
    except TimeoutError:
        return None


def _gone(what: str, step: str, *, is_sent: bool = False) -> wire.Refused:
    return wire.Refused(kind="gone", what=what, next_step=step, sent=is_sent)
