"""What a load needs, found on disk and in the settings: the model, the engine, the device."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineState
from indoors_completion.types import ModelError
from indoors_server import card_use, devices, engine_store, fit, machine, model_choice, model_store
from indoors_server.devices import Devices
from indoors_server.engine_store import EngineBuild
from indoors_server.model_store import ResolvedModel
from indoors_server.policies import Policies
from indoors_server.policy.verdict import ALLOWED
from indoors_server.settings import Settings
from indoors_server.status import Facts


class Located(msgspec.Struct, frozen=True):
    """What a load needs: found, checked, and where it goes."""

    model: ResolvedModel
    engine: EngineBuild
    load: wire.Load
    card_problem: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys need no new load."""
        return (self.engine.directory, self.load)

    @property
    def arguments(self) -> list[str]:
        """What a worker is started with for it."""
        engine = ["--engine", self.engine.directory] if self.engine.directory else []
        return [*engine, "--model", self.load.path]


def locate(
    settings: Settings,
    progress: Callable[[float], None] | None = None,
    policies: Policies | None = None,
) -> Located:
    """Find the model and the engine and decide where the model goes. Blocks: it may hash the file.

    `progress` gets the hashed fraction. `policies` say which models may be used. Raises
    IndoorsError.
    """
    engine = engine_store.require()
    path = model_store.locate(settings.model or model_choice.chosen())
    total = max(1, path.stat().st_size if path.is_file() else 1)
    report = None if progress is None else lambda done: progress(min(1.0, done / total))
    model = model_store.resolve_path(path, report)
    licence = model.entry.licence if model.entry else ""
    verdict = ALLOWED
    if policies is not None:
        where = str(model.path)
        verdict = policies.may_use_model(where, verified=model.verified, licence=licence)
    if not verdict:
        step = "choose another model (indoors models list), or ask who made the policy"
        what = f"The policy does not allow {model.name}."
        raise ModelError(what, why=verdict.reason, next_step=step)
    found = devices.find()
    n_gpu_layers, main_gpu = gpu_layers(settings, model, engine, found)
    load = wire.Load(
        path=str(model.path),
        n_ctx=settings.context_tokens,
        n_gpu_layers=n_gpu_layers,
        main_gpu=main_gpu,
        n_threads=settings.threads,
        identity=model.identity,
        sha256=model.sha256,
    )
    card = card_use.of(engine, found)
    problem = f"{card.problem} Next: {card.next_step}" if card.problem else ""
    return Located(model, engine, load, problem)


def gpu_layers(
    settings: Settings, model: ResolvedModel, engine: EngineBuild, found: Devices | None = None
) -> tuple[int, int]:
    """How many layers go to which card: (n_gpu_layers, main_gpu). `found` are the system's cards.

    Raises ModelError if the model does not fit into this machine's memory at all, and EngineError
    if a card that the system shows is not there under the lock-down.
    """
    if isinstance(settings.gpu_layers, int):
        return settings.gpu_layers, settings.main_gpu
    cards: tuple[fit.Card, ...] = ()
    if engine.backend in ("cuda", "metal", "vulkan"):
        from indoors_server import engine_probe

        cards = engine_probe.probe(engine).cards
        if not cards and found is not None:
            card_use.require_seen(engine, found)
    memory = machine.memory()
    plan = fit.plan(
        fit.estimate_shape(model.size_bytes),
        cards,
        memory.available_bytes,
        n_ctx=settings.context_tokens,
    )
    if not plan.fits and plan.needed_bytes > memory.available_bytes:
        raise ModelError(
            f"{model.name} does not fit into memory.",
            why=plan.reason,
            next_step="close other programs, or choose a smaller model (indoors models list)",
        )
    return plan.n_gpu_layers, plan.main_gpu


def facts_of(state: EngineState, found: Located) -> Facts:
    """The facts that a state of a living engine means."""
    if state.phase == "ready" and state.model is not None:
        return Facts(
            phase="ready",
            model=found.model.name,
            device=state.model.device,
            tokens_per_s=round(state.model.decode_tps, 1) or None,
            reason=found.card_problem,
        )
    error = state.error
    reason = f"{error.what} {error.why}".strip() if error is not None else ""
    return Facts(phase="loading", reason=reason, model=found.model.name, progress=state.progress)
