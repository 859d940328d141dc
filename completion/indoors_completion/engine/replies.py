"""From the worker's messages, and from its death, to the values and errors that callers see."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from indoors_completion.engine import wire
from indoors_completion.types import (
    EngineError,
    Finish,
    IndoorsError,
    ModelError,
    Prefill,
    TokenChunk,
)

_MODEL_KINDS = frozenset({"missing", "corrupt", "unsupported", "unfit", "memory", "identity"})
# How a process of ours ends that would have to run without a proven lock-down under a strict policy
# (EX_CONFIG of sysexits.h).
UNPROVEN_STATUS = 78
_ILLEGAL_INSTRUCTION = 0xC000001D  # what Windows gives as exit status
_REBUILD = "indoors engine install --rebuild"


def prefill_of(message: wire.Prefilled) -> Prefill:
    """What callers see of a prompt that was evaluated."""
    return Prefill(
        n_prompt=message.n_prompt, n_reused=message.n_reused,
        n_evaluated=message.n_evaluated, prefill_ms=message.prefill_ms,
        n_moved=message.n_moved, n_stale=message.n_stale, n_typed=message.n_typed,
    )  # fmt: skip


def chunk_of(message: wire.Token) -> TokenChunk:
    """What callers see of generated text."""
    return TokenChunk(text=message.text, logprobs=message.logprobs, alternative=message.alternative)


def finish_of(message: wire.FromWorker) -> Finish:
    """How an answer ended; whatever is no `Done` ended it as unavailable."""
    if isinstance(message, wire.Done):
        return Finish(
            stop_reason=message.stop_reason, n_prompt=message.n_prompt,
            n_reused=message.n_reused, n_evaluated=message.n_evaluated,
            n_moved=message.n_moved, n_stale=message.n_stale, n_typed=message.n_typed,
            n_generated=message.n_generated, ttft_ms=message.ttft_ms, total_ms=message.total_ms,
        )  # fmt: skip
    why = message.what if isinstance(message, wire.Failed) else "an answer of another kind"
    return Finish(stop_reason="unavailable", detail=why)


def error_of(failed: wire.Failed) -> IndoorsError:
    """The error for a failed request."""
    kind = ModelError if failed.kind in _MODEL_KINDS else EngineError
    return kind(failed.what, why=failed.why, next_step=failed.next_step)


def is_illegal_instruction(status: int) -> bool:
    """Whether a process died of an instruction that its CPU does not know."""
    if sys.platform == "win32":
        return status & 0xFFFFFFFF == _ILLEGAL_INSTRUCTION
    return status == -signal.SIGILL


def is_hopeless(status: int) -> bool:
    """Whether another process would end in the same way."""
    return status == UNPROVEN_STATUS or is_illegal_instruction(status)


def death_error(statuses: Sequence[int], problem: str) -> EngineError:
    """The error for a worker's death; `statuses` are the return codes of the deaths in a row."""
    status = statuses[-1]
    if is_illegal_instruction(status):
        return EngineError(
            "The engine was built for another CPU.",
            why="it died of an illegal instruction (SIGILL)",
            next_step=_REBUILD,
        )
    if status == UNPROVEN_STATUS:
        return EngineError(
            "The engine does not run here.",
            why="the policy is strict, and the lock-down of its process is not proven",
            next_step="indoors doctor",
        )
    killed = getattr(signal, "SIGKILL", None)
    if killed is not None and len(statuses) > 1 and statuses[-2:] == [-killed] * 2:
        return EngineError(
            "The engine was killed more than once.",
            why="most often the system was out of memory",
            next_step="take a smaller model (indoors models list) or a shorter context",
        )
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    why = f"{problem} ({how})" if problem else how
    return EngineError("The engine's process ended.", why=why, next_step="indoors doctor")
