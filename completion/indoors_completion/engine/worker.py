"""The engine worker: reads frames, runs jobs on llama.cpp, writes frames.

Two threads. The main one owns llama.cpp and takes work in order of arrival, background jobs last.
The other reads frames, raises cancel flags, stops a background job as soon as any other job
arrives, and answers `GetStats` at once; when the server is gone (end of the stream, or another
parent) it ends the process on the spot, whatever the main thread is doing: llama.cpp runs without
the interpreter's lock, so this also works in the middle of a load.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from indoors_completion import fim
from indoors_completion.engine import failures, threads, wire
from indoors_completion.engine.desk import Desk, Work
from indoors_completion.engine.failures import WorkerFailure
from indoors_completion.engine.generation import N_SEQUENCES, Reuse, Runner
from indoors_completion.engine.llama import Context, Llama, Model
from indoors_completion.engine.sampling import Emission
from indoors_completion.engine.weights import Weights, opened
from indoors_completion.types import Finish, ModelInfo, Prefill

_PARENT_CHECK_S = 1.0


def run(reader: BinaryIO, writer: BinaryIO, lock: str = "unproven") -> int:
    """Serve frames until the server leaves. `lock` is the lock-down's state, for `Stats`."""
    # A Ctrl-C in the terminal reaches every process of the group; the server decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    desk = Desk(reader, writer, lock)
    threading.Thread(target=desk.read, name="frames", daemon=True).start()
    threading.Thread(target=_watch_parent, name="parent", daemon=True).start()
    Worker(desk).work()
    return 0


def _watch_parent() -> None:
    """End with the parent even if somebody else still holds the other end of our pipe."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(0)


class Worker:
    """The main thread: llama.cpp and the loaded model."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._llama: Llama | None = None
        self._runner: Runner | None = None

    def work(self) -> None:
        """Take work in order, for ever; the reading thread ends the process."""
        while True:
            _last, _arrival, message, received = self._desk.work.get()
            try:
                self._do(message, received)
            except WorkerFailure as failure:
                self._desk.send(_failed(message, failure))
            except MemoryError as error:
                self._desk.send(_failed(message, failures.internal("Memory ran out.", str(error))))
            self._desk.state = "empty" if self._runner is None else "ready"

    def _do(self, message: Work, received: float) -> None:
        if isinstance(message, wire.Generate):
            self._generate(message, received)
        elif isinstance(message, wire.Load):
            self._desk.state = "loading"
            self._load(message)
        elif isinstance(message, wire.Inspect):
            self._inspect(message)
        elif isinstance(message, wire.Forget):
            if self._runner is not None:
                self._runner.slots.forget(message.slot)
                self._desk.n_cells_used = self._runner.slots.n_cells_used
        else:
            self._unload()
            self._desk.send(
                wire.Done(
                    client=message.client, request=message.request, stop_reason="unloaded"
                )
            )  # fmt: skip

    def _library(self) -> Llama:
        if self._llama is None:
            self._llama = Llama()
            self._desk.devices = tuple(name for _, name in self._llama.devices())
        return self._llama

    def _load(self, load: wire.Load) -> None:
        self._unload()
        llama = self._library()
        desk = self._desk
        shown = -1

        def progress(fraction: float) -> None:
            nonlocal shown
            percent = int(fraction * 100)
            if percent > shown:
                shown = percent
                desk.send(
                    wire.Progress(client=load.client, request=load.request, fraction=fraction)
                )  # fmt: skip

        n_threads = load.n_threads or threads.usable_cpus()
        with opened(load.path, load.identity) as weights:
            model = Model(
                llama, load.path, weights, n_gpu_layers=load.n_gpu_layers,
                main_gpu=load.main_gpu, progress=progress,
            )  # fmt: skip
            try:
                n_ctx = min(load.n_ctx, model.n_ctx_train or load.n_ctx)
                n_batch = max(1, min(load.n_batch, n_ctx))
                context = Context(
                    model, load.path, n_ctx=n_ctx, n_batch=n_batch, n_seq=N_SEQUENCES,
                    n_threads=n_threads,
                )  # fmt: skip
            except BaseException:
                model.close()
                raise
        self._runner = Runner(model, context, n_ctx, n_batch, n_threads)
        info = _describe(model, weights, load.path, load.sha256, n_ctx=n_ctx)
        prefill_tps, decode_tps = self._runner.measure()
        reuse, reuse_reason = _probe_reuse(self._runner, info, load)
        desk.n_threads = n_threads
        info = msgspec.structs.replace(
            info, can_shift=context.can_shift, prefill_tps=prefill_tps, decode_tps=decode_tps,
            reuse=reuse, reuse_reason=reuse_reason,
        )  # fmt: skip
        desk.state = "ready"
        desk.send(wire.Loaded(client=load.client, request=load.request, model=info, lock=desk.lock))

    def _inspect(self, inspect: wire.Inspect) -> None:
        with opened(inspect.path) as weights:
            model = Model(self._library(), inspect.path, weights, vocab_only=True)
            try:
                info = _describe(model, weights, inspect.path, "")
            finally:
                model.close()
        self._desk.send(
            wire.Inspected(
                client=inspect.client, request=inspect.request, model=info,
                metadata=model.metadata, advice=info.advice,
            )
        )  # fmt: skip

    def _unload(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        self._desk.n_cells_used = 0

    def _generate(self, message: wire.Generate, received: float) -> None:
        desk, runner = self._desk, self._runner
        if runner is None:
            raise failures.not_loaded()

        def emit(emission: Emission, alternative: int) -> None:
            desk.send(
                wire.Token(
                    client=message.client, request=message.request, slot=message.slot,
                    text=emission.text, logprobs=emission.logprobs, alternative=alternative,
                )
            )  # fmt: skip

        def on_prefill(prefill: Prefill) -> None:
            desk.send(
                wire.Prefilled(
                    client=message.client, request=message.request, slot=message.slot,
                    **msgspec.structs.asdict(prefill),
                )
            )  # fmt: skip

        desk.n_jobs += 1
        desk.n_background_jobs += message.job.background
        desk.state = "busy"
        if not desk.begin(message, runner.context):
            desk.n_cancelled += 1
            desk.send(_done(message, Finish(stop_reason="cancelled")))
            return
        try:
            finish = runner.run(message.job, on_prefill, emit, received, is_enough=desk.is_enough)
        finally:
            was_preempted = desk.end(message)
            desk.n_cells_used = runner.slots.n_cells_used
            desk.n_tokens_evaluated = runner.n_tokens_evaluated
            desk.n_tokens_generated = runner.n_tokens_generated
        desk.n_cancelled += finish.stop_reason == "cancelled"
        if was_preempted and finish.stop_reason == "cancelled":
            finish = msgspec.structs.replace(finish, stop_reason="preempted")
        desk.state = "ready"
        desk.send(_done(message, finish))


def _probe_reuse(runner: Runner, info: ModelInfo, load: wire.Load) -> tuple[Reuse, str]:
    """Try what the model's memory allows, of what was measured for its family and is wanted."""
    family = fim.by_name(info.family)
    why_not = "moving the suffix was not measured for this family"
    if "splice" in load.without:
        why_not = "moving the suffix was not wanted"
    return runner.probe_reuse(
        splice=family is not None and family.splice and "splice" not in load.without,
        anchor=family is not None and family.anchor and "anchor" not in load.without,
        why_not=why_not,
    )


def _describe(
    model: Model, weights: Weights, path: str, sha256: str, *, n_ctx: int = 0
) -> ModelInfo:  # fmt: skip
    metadata, vocab = model.metadata, model.vocab
    family = fim.detect(metadata, lambda text: vocab.special_token(text) is not None)
    if family is not None:
        others = (family.repo_token, family.file_token, *family.stops)
        vocab.guard((*family.sentinels, *(text for text in others if text)))
    name = metadata.get("general.name") or Path(path).stem
    described = f"{name} {metadata.get('general.finetune', '')}".casefold()
    return ModelInfo(
        key=sha256 or "-".join(map(str, weights.identity)),
        name=name,
        family=family.name if family else "",
        architecture=model.architecture,
        instruct="instruct" in described or "chat" in described,
        n_params=model.n_params,
        size_bytes=weights.size_bytes,
        n_ctx=n_ctx,
        n_ctx_train=model.n_ctx_train,
        n_layers=model.n_layers,
        n_gpu_layers=model.n_gpu_layers,
        device=model.card or "cpu",
        can_shift=False,
        advice="" if family else fim.advice(metadata),
    )


def _done(message: wire.Generate, finish: Finish) -> wire.Done:
    return wire.Done(
        client=message.client, request=message.request, slot=message.slot,
        stop_reason=finish.stop_reason, n_prompt=finish.n_prompt, n_reused=finish.n_reused,
        n_evaluated=finish.n_evaluated, n_moved=finish.n_moved, n_stale=finish.n_stale,
        n_typed=finish.n_typed,
        n_generated=finish.n_generated,
        ttft_ms=finish.ttft_ms, total_ms=finish.total_ms,
    )  # fmt: skip


def _failed(message: wire.Message, failure: WorkerFailure) -> wire.Failed:
    return wire.Failed(
        client=message.client, request=message.request, slot=message.slot, kind=failure.kind,
        what=failure.what, why=failure.why, next_step=failure.next_step,
    )  # fmt: skip
