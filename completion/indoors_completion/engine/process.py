"""The parent's side of the engine: starts the worker, loads, restarts, and never raises at a key.

starting -> loading -> ready          `load` Failed  -> failed (until `load` is called again)
    ^          |         |            worker died    -> restarting -> starting, with backoff
    '----------+---------'            `close`        -> stopped
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from indoors_completion.engine import replies, wire
from indoors_completion.engine.channel import Channel
from indoors_completion.types import (
    EngineError,
    Finish,
    IndoorsError,
    Job,
    ModelInfo,
    Prefill,
    Steering,
    TokenChunk,
)

Phase = Literal["starting", "loading", "ready", "failed", "restarting", "stopped"]

_STEADY_S = 60.0  # a worker that was ready for so long starts with a clean record
_STATS_S = 5.0
_CLOSE_S = 1.0


_Stream = asyncio.Queue[Prefill | TokenChunk | Finish]
# What one answer says of the speed is a sample; short ones say little.
_MIN_PREFILL, _MIN_DECODE, _WEIGHT = 32, 8, 0.3
_NOTABLE = 1.5  # a speed is published again when it is off by this factor


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine is doing. `progress` is the load's, 0 to 1; `restarts` counts all of them.

    `error` is the reason of "failed", or while "restarting" why the last worker died. `lock` is the
    state of the worker's lock-down, "" before it has loaded.
    """

    phase: Phase
    progress: float = 0.0
    model: ModelInfo | None = None
    error: IndoorsError | None = None
    restarts: int = 0
    lock: str = ""
    pid: int | None = None


class EngineProcess:
    """An `Engine` in a worker process. All methods belong to one event loop.

    `spawn` starts a worker with pipes on stdin and stdout (`children.spawn` in the server).
    `backoff_s` are the pauses before the first, second, … restart in a row; the last one repeats
    for a worker that did load, and a worker that never does is given up after them.
    """

    def __init__(
        self,
        spawn: Callable[[], subprocess.Popen[bytes]],  # noqa: TID251 - a type; it is given
        load: wire.Load | None,
        *,
        on_state: Callable[[EngineState], None] | None = None,
        backoff_s: Sequence[float] = (0.2, 1, 5, 15, 60),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spawn = spawn
        self._load = load
        self._on_state = on_state or (lambda _state: None)
        self._backoff_s = tuple(backoff_s)
        self._clock = clock
        self._state = EngineState(phase="stopped")
        self._channel: Channel | None = None
        self._ids = itertools.count(1)
        self._load_id = 0
        self._streams: dict[int, _Stream] = {}
        self._replies: dict[int, asyncio.Future[wire.FromWorker]] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        self._ended: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ready_at: float | None = None
        self._deaths: list[int] = []  # return codes in a row, since the record was clean
        self._has_loaded = False
        self._closed = False
        self._speeds: dict[str, float] = {}  # running estimates, by field of ModelInfo

    @property
    def state(self) -> EngineState:
        """The present state."""
        return self._state

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model, None while none is."""
        return self._state.model

    def start(self) -> Awaitable[None]:
        """Spawn the worker and begin to load. Done when it returns; it may be awaited all the same.

        Without a load the worker is "ready" for `inspect` and has no model.
        """
        if self._channel is None and not self._closed:
            self._launch()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def load(self, load: wire.Load) -> None:
        """Begin to load another model, or the same again after a failure; returns at once.

        Another one only where `spawn` starts workers that may open it.
        """
        if self._closed:
            return
        busy_loading = self._state.phase == "loading"
        self._load = load
        self._deaths.clear()
        self._has_loaded = False
        if self._channel is not None and busy_loading:
            # A load cannot be taken back; a new worker is quicker than waiting for its end.
            self._drop(self._channel)
        if self._channel is None:
            self._launch()
        else:
            self._send_load(self._channel)

    async def wait_ready(self, timeout_s: float) -> ModelInfo | None:
        """Wait until the model is loaded. Raises the IndoorsError of a failed load or a timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._state.phase not in ("ready", "failed", "stopped"):
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError as error:
            raise EngineError(
                f"The model was not loaded within {timeout_s:g} s.",
                why=str(self._state.error or f"the engine is {self._state.phase}"),
                next_step="indoors doctor",
            ) from error
        if self._state.phase == "ready":
            return self._state.model
        raise self._state.error or EngineError("The engine was stopped.")

    async def generate(
        self, job: Job, steering: Steering | None = None
    ) -> AsyncIterator[Prefill | TokenChunk | Finish]:
        """Stream the answer to a job; see `types.Engine`."""
        channel = self._channel
        if channel is None or self._state.model is None:
            yield Finish(stop_reason="unavailable", detail=self._state.phase)
            return
        request = next(self._ids)
        stream: _Stream = asyncio.Queue()
        self._streams[request] = stream
        finished = False

        def enough(alternative: int) -> None:
            if request in self._streams and channel is self._channel:
                channel.send(
                    wire.Enough(request=request, slot=job.slot, alternative=alternative)
                )  # fmt: skip

        if steering is not None:
            steering.connect(enough)
        try:
            try:
                channel.send(wire.Generate(request=request, slot=job.slot, job=job))
            except wire.ProtocolError as error:
                stream.put_nowait(Finish(stop_reason="unavailable", detail=str(error)))
            while not finished:
                item = await stream.get()
                finished = isinstance(item, Finish)
                yield item
        finally:
            self._streams.pop(request, None)
            if not finished and channel is self._channel:
                channel.send(wire.Cancel(request=request, slot=job.slot))

    def forget(self, slot: str) -> None:
        """A document was closed: its part of the KV cache is given back."""
        if self._channel is not None and self._state.model is not None:
            self._channel.send(wire.Forget(slot=slot))

    async def stats(self) -> wire.Stats:
        """What the worker is doing, also while it loads. Raises EngineError without a worker."""
        reply = await self._ask(wire.GetStats(request=next(self._ids)), _STATS_S)
        assert isinstance(reply, wire.Stats)
        return reply

    async def inspect(self, path: str, timeout_s: float = 60.0) -> wire.Inspected:
        """Read a model file's own description, after what the worker does now.

        Raises ModelError (missing, corrupt, unsupported) or EngineError.
        """
        reply = await self._ask(wire.Inspect(request=next(self._ids), path=path), timeout_s)
        if isinstance(reply, wire.Failed):
            raise replies.error_of(reply)
        assert isinstance(reply, wire.Inspected)
        return reply

    async def close(self) -> None:
        """End the worker within two seconds; everything in flight finishes as unavailable."""
        self._closed = True
        self._cancel_timer()
        channel = self._channel
        if channel is not None:
            channel.close_input()
            self._detach()
        self._become(EngineState(phase="stopped", restarts=self._state.restarts))
        ending = list(self._ended)
        if ending:
            _done, waiting = await asyncio.wait(ending, timeout=_CLOSE_S)
            if waiting and channel is not None:
                channel.kill()
                await asyncio.wait(waiting, timeout=_CLOSE_S)

    # --- the worker's life --------------------------------------------------------------------

    def _launch(self) -> None:
        self._cancel_timer()
        self._ready_at = None
        try:
            process = self._spawn()
        except OSError as error:
            self._fail(EngineError("The engine's process cannot be started.", why=str(error)))
            return
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended.add(ended)

        def on_message(message: wire.FromWorker) -> None:
            if self._channel is channel:
                self._take(message)

        def on_end(status: int, problem: str) -> None:
            self._ended.discard(ended)
            if not ended.done():
                ended.set_result(None)
            if self._channel is channel:
                self._died(status, problem)

        channel = self._channel = Channel(process, on_message, on_end)
        self._become(self._next("starting"))
        if self._load is None:
            self._become(self._next("ready"))
        else:
            self._send_load(channel)

    def _send_load(self, channel: Channel) -> None:
        assert self._load is not None
        self._load_id = next(self._ids)
        channel.send(msgspec.structs.replace(self._load, request=self._load_id))
        self._become(self._next("loading"))

    def _drop(self, channel: Channel) -> None:
        """Let go of a worker that is no longer wanted."""
        channel.kill()
        self._detach()

    def _detach(self) -> None:
        self._channel = None
        self._end_requests()

    def _died(self, status: int, problem: str) -> None:
        self._detach()
        if self._ready_at is not None and self._clock() - self._ready_at > _STEADY_S:
            self._deaths.clear()
        self._deaths.append(status)
        error = replies.death_error(self._deaths, problem)
        given_up = not self._has_loaded and len(self._deaths) > len(self._backoff_s)
        if replies.is_hopeless(status) or given_up:
            self._fail(error)
            return
        delay = self._backoff_s[min(len(self._deaths), len(self._backoff_s)) - 1]
        self._become(
            EngineState(phase="restarting", error=error, restarts=self._state.restarts + 1)
        )
        self._timer = asyncio.get_running_loop().call_later(delay, self._launch)

    def _fail(self, error: IndoorsError) -> None:
        self._become(msgspec.structs.replace(self._next("failed"), error=error))

    def _take(self, message: wire.FromWorker) -> None:
        if isinstance(message, wire.Token):
            if stream := self._streams.get(message.request):
                stream.put_nowait(replies.chunk_of(message))
        elif isinstance(message, wire.Prefilled):
            self._learn(message.n_evaluated, message.prefill_ms, "prefill_tps", _MIN_PREFILL)
            if stream := self._streams.get(message.request):
                stream.put_nowait(replies.prefill_of(message))
        elif message.request == self._load_id and isinstance(
            message, wire.Progress | wire.Loaded | wire.Failed
        ):
            self._take_load(message)
        elif isinstance(message, wire.Done):
            spent_ms = message.total_ms - message.ttft_ms
            self._learn(message.n_generated - 1, spent_ms, "decode_tps", _MIN_DECODE)
            if stream := self._streams.get(message.request):
                stream.put_nowait(replies.finish_of(message))
        elif stream := self._streams.get(message.request):
            stream.put_nowait(replies.finish_of(message))
        elif (reply := self._replies.get(message.request)) and not reply.done():
            reply.set_result(message)

    def _take_load(self, message: wire.Progress | wire.Loaded | wire.Failed) -> None:
        if isinstance(message, wire.Progress):
            state = self._next("loading")
            self._become(msgspec.structs.replace(state, progress=message.fraction))
        elif isinstance(message, wire.Loaded):
            self._ready_at = self._clock()
            self._has_loaded = True
            self._speeds.clear()
            state = self._next("ready")
            state = msgspec.structs.replace(state, progress=1.0, model=message.model)
            self._become(msgspec.structs.replace(state, lock=message.lock))
        else:
            self._fail(replies.error_of(message))

    def _learn(self, n_tokens: int, spent_ms: float, field: str, n_least: int) -> None:
        """Refresh a measured speed: the machine is busier or idler than it was at load."""
        model = self._state.model
        if model is None or n_tokens < n_least or spent_ms <= 0:
            return
        known = getattr(model, field)
        sample = n_tokens / spent_ms * 1000
        before = self._speeds.get(field, known) or sample
        speed = self._speeds[field] = before + _WEIGHT * (sample - before)
        if known > 0 and known / _NOTABLE < speed < known * _NOTABLE:
            # Budgets and windows follow the speed: one that wavers would move the window at every
            # key, and so throw away the cache that makes keys cheap.
            return
        refreshed = msgspec.structs.replace(model, **{field: speed})
        # Nobody is told: a speed is no new state.
        self._state = msgspec.structs.replace(self._state, model=refreshed)

    async def _ask(self, message: wire.Message, timeout_s: float) -> wire.FromWorker:
        channel = self._channel
        if channel is None:
            raise self._state.error or EngineError("The engine is not running.")
        reply: asyncio.Future[wire.FromWorker] = asyncio.get_running_loop().create_future()
        self._replies[message.request] = reply
        try:
            channel.send(message)
            async with asyncio.timeout(timeout_s):
                return await reply
        except TimeoutError as error:
            raise EngineError(f"The engine did not answer within {timeout_s:g} s.") from error
        finally:
            self._replies.pop(message.request, None)

    def _end_requests(self) -> None:
        for stream in self._streams.values():
            stream.put_nowait(Finish(stop_reason="unavailable", detail="the engine ended"))
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(EngineError("The engine ended before it answered."))

    def _next(self, phase: Phase) -> EngineState:
        pid = self._channel.pid if self._channel is not None else None
        return EngineState(phase=phase, restarts=self._state.restarts, pid=pid)

    def _become(self, state: EngineState) -> None:
        self._state = state
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._on_state(state)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
