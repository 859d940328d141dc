"""Why a load or a request failed, in words for people: the worker's side of `wire.Failed`.

`classify` reads llama.cpp's own log lines. Its wording is not an interface, so what it does not
recognise becomes "internal" with the line itself: never a wrong reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PULL = "indoors models pull NAME, or indoors models verify to check the stored files"
_REBUILD = "indoors engine install --rebuild"


class WorkerFailure(Exception):
    """A request that failed, as it will be sent. `kind` is one of `wire.Failed`'s kinds."""

    def __init__(self, kind: str, what: str, why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.why = why
        self.next_step = next_step


def missing(path: str, why: str = "no such file") -> WorkerFailure:
    """The file is not there or may not be read."""
    return WorkerFailure(
        "missing", "The model file cannot be opened.", f"{path}: {why}", "indoors models list"
    )


def corrupt(path: str, why: str) -> WorkerFailure:
    """The file is not a whole GGUF file."""
    return WorkerFailure("corrupt", "The model file is damaged.", f"{path}: {why}", _PULL)


def unsupported(path: str, why: str) -> WorkerFailure:
    """The file is sound and this build of llama.cpp cannot run it."""
    return WorkerFailure(
        "unsupported",
        "This engine does not know this kind of model.",
        f"{path}: {why}",
        "indoors engine install (for a newer engine), or indoors models list (for another model)",
    )


def memory(path: str, why: str) -> WorkerFailure:
    """Weights, cache or buffers did not fit."""
    return WorkerFailure(
        "memory",
        "The model does not fit into memory.",
        f"{path}: {why}",
        "take a smaller model (indoors models list), fewer GPU layers or a shorter context",
    )


def identity(path: str, changed: str) -> WorkerFailure:
    """The file is not the one whose sha256 was checked."""
    return WorkerFailure(
        "identity",
        "The model file changed since it was verified; it was not loaded.",
        f"{path}: {changed}",
        "indoors models verify",
    )


def wrong_cpu(why: str) -> WorkerFailure:
    """The engine's library uses instructions this CPU lacks."""
    return WorkerFailure("cpu", "The engine was built for another CPU.", why, _REBUILD)


def broken_engine(why: str) -> WorkerFailure:
    """The binding or its library did not load."""
    return WorkerFailure("internal", "The engine cannot be loaded.", why, "indoors engine install")


def not_loaded() -> WorkerFailure:
    """A generation was asked for and no model is loaded."""
    return WorkerFailure("not_loaded", "No model is loaded.", "", "indoors status")


def internal(what: str, why: str = "") -> WorkerFailure:
    """Something that should not happen."""
    return WorkerFailure("internal", what, why, "indoors doctor")


# (what llama.cpp logs, which failure it means); the first match of the first row wins.
_PATTERNS = (
    (r"unknown model architecture|unknown pre-tokenizer|unsupported model|unknown tokenizer"
     r"|invalid ggml type|has invalid.* type|is not supported|only supports up to version"
     r"|extension", unsupported),
    (r"out of memory|bad_alloc|failed to allocate|unable to allocate|cannot allocate"
     r"|alloc_tensor_range|not enough memory|ErrorOutOfDeviceMemory", memory),
    (r"invalid magic|not within the file bounds|corrupt|incomplete|failed to read|truncated"
     r"|wrong number of tensors|wrong shape|missing tensor|tensor '.*' not found|key not found"
     r"|invalid split|failed to load GGUF|duplicate|failed to seek|unexpectedly reached end",
     corrupt),
)  # fmt: skip


def classify(path: str, opened_as: str, lines: Sequence[str]) -> WorkerFailure:
    """The failure that llama.cpp's error lines (oldest first) explain.

    `opened_as` is the name llama.cpp was given, which is replaced by the person's own `path`.
    """
    shown = [line.replace(opened_as, path).strip() for line in lines if line.strip()]
    for pattern, make in _PATTERNS:
        for line in shown:
            if re.search(pattern, line, re.IGNORECASE):
                return make(path, _plain(line))
    telling = [line for line in shown if "error loading model" in line] or shown
    last = _plain(telling[-1]) if telling else "llama.cpp gave no reason"
    return internal("The model could not be loaded.", f"{path}: {last}")


def _plain(line: str) -> str:
    """A log line without the C++ function names in front."""
    return re.sub(r"^(?:\w+: )+(?:error loading model: )?", "", line)
