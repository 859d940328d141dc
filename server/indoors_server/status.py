"""What the server says about itself: one value, computed from facts, sent when it changes."""

from __future__ import annotations

from typing import Literal

import msgspec

# Of the process that may start a gateway (`launching`): none is the default, and there is none
# without a policy that lets code leave. Gone means that it ended, and stays so.
LauncherState = Literal["none", "starting", "waiting", "gone"]
Phase = Literal["loading", "ready", "busy", "error", "inactive"]


class IndexStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The index of one workspace folder (its path). `done` of `total` files while it is indexed.

    "waiting" is for another process that writes the same index, "gone" is a folder that is not
    there, "off" one that is not indexed.
    """

    root: str
    phase: Literal["waiting", "indexing", "ready", "gone", "off"]
    done: int | None = None
    total: int | None = None


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An engine that a rule names: one elsewhere, or `local` where that cannot answer. `state`
    "unknown" is one that was not asked yet, "wrong" one that a person has to see to, "refused" one
    that the policy does not allow.
    """

    name: str
    state: Literal["unknown", "up", "busy", "down", "wrong", "refused", "closed"]
    reason: str = ""
    model: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of `indoors/status`.

    `reason` is for people ("" when ready), and `next_step` what they can do about an error, ""
    where nothing is known; `mode` is the policy's, the widest of all folders: how far code may
    go at most; `model` is the model's name, "" while none is loaded;
    `device` says where it runs; `tokens_per_s` is how fast it was seen to write when it was loaded,
    null until then; `lock` is the least of the lock-down states of our processes;
    `progress` is a load's fraction from 0 to 1, null when nothing loads; `index` has one entry for
    each workspace folder; `engines` those that rules name.
    """

    phase: Phase
    reason: str = ""
    next_step: str = ""
    mode: str = "local"
    model: str = ""
    device: str = ""
    tokens_per_s: float | None = None
    lock: str = "unproven"
    launcher: LauncherState = "none"
    progress: float | None = None
    index: tuple[IndexStatus, ...] = ()
    engines: tuple[EngineStatus, ...] = ()


class Counters(msgspec.Struct):
    """What happened since the server started: numbers only, no text, nothing leaves the machine.

    `from_run` were answered by a generation that an earlier request had started. `accepted_units`
    are the UTF-16 units taken by partial accepts.
    """

    requested: int = 0
    answered: int = 0
    from_cache: int = 0
    from_run: int = 0
    superseded: int = 0
    shown: int = 0
    accepted: int = 0
    partially_accepted: int = 0
    accepted_units: int = 0


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline did; fields as in `indoors_completion.pipeline.Counts`."""

    runs: int = 0
    joined: int = 0
    speculated: int = 0
    ahead_hits: int = 0
    exact: int = 0


class EngineStats(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker did since it started; fields as in `engine.wire.Stats`."""

    n_jobs: int = 0
    n_background_jobs: int = 0
    n_cancelled: int = 0
    n_tokens_evaluated: int = 0
    n_tokens_generated: int = 0


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the core knows about its engine: the part of a status that is not about requests.

    `phase` "error" means that nothing will complete until a person did `next_step`.
    """

    phase: Literal["loading", "ready", "error"]
    reason: str = ""
    next_step: str = ""
    model: str = ""
    device: str = ""
    tokens_per_s: float | None = None
    progress: float | None = None


def status_of(
    facts: Facts,
    *,
    busy: bool,
    inactive: str,
    lock: str,
    launcher: LauncherState = "none",
    mode: str = "local",
    index: tuple[IndexStatus, ...] = (),
    engines: tuple[EngineStatus, ...] = (),
) -> Status:
    """The status that follows from the facts. `inactive` is why nothing completes, "" if it may.

    An error outranks everything, then loading, then inactive, then busy.
    """
    phase: Phase = facts.phase
    reason = facts.reason
    if facts.phase == "ready" and inactive:
        phase, reason = "inactive", inactive
    elif facts.phase == "ready" and busy:
        phase = "busy"
    return Status(
        phase=phase,
        reason=reason,
        next_step=facts.next_step if facts.phase == "error" else "",
        mode=mode,
        model=facts.model,
        device=facts.device,
        tokens_per_s=facts.tokens_per_s,
        lock=lock,
        launcher=launcher,
        progress=facts.progress if facts.phase == "loading" else None,
        index=index,
        engines=engines,
    )
