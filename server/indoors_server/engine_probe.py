"""What an engine build is able to do on this machine, asked of the build itself.

`measure` runs in a child (`indoors engine probe DIRECTORY`): a build for another CPU kills its
process with an illegal instruction, and that must not be ours. It loads the build's own library
and lists ggml's devices with their memory; no model and no Python code of the build is touched.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from indoors_completion.types import EngineError
from indoors_server import children, engine_store, machine
from indoors_server.ask_child import Spawn, ask
from indoors_server.engine_store import EngineBuild
from indoors_server.fit import Card

_PROBE_SECONDS = 120  # a CUDA build compiles its kernels for a new card at first use
_LIBRARY = {"win32": "llama.dll", "darwin": "libllama.dylib"}.get(sys.platform, "libllama.so")
_TYPES = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accelerator"}  # enum ggml_backend_dev_type
_ILLEGAL_INSTRUCTION = 0xC000001D  # what Windows gives as exit status
# What `ggml_cpu_has_X` reports as compiled in -> the flag that /proc/cpuinfo must then show.
_COMPILED = {
    "ssse3": "ssse3", "avx": "avx", "avx2": "avx2", "avx_vnni": "avx_vnni", "f16c": "f16c",
    "fma": "fma", "bmi2": "bmi2", "avx512": "avx512f", "avx512_vbmi": "avx512vbmi",
    "avx512_vnni": "avx512_vnni", "avx512_bf16": "avx512_bf16", "amx_int8": "amx_int8",
    "dotprod": "asimddp", "sve": "sve", "matmul_int8": "i8mm", "sme": "sme",
}  # fmt: skip


class EngineDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device as ggml lists it. `kind`: cpu, gpu, igpu or accelerator. Memory in bytes."""

    name: str
    description: str
    kind: str
    total_bytes: int
    free_bytes: int


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a build said of itself.

    `missing` are CPU features that it was compiled for and this CPU lacks: it would crash.
    """

    offload: bool
    devices: tuple[EngineDevice, ...]
    missing: tuple[str, ...] = ()
    ggml_version: str = ""

    @property
    def cards(self) -> tuple[Card, ...]:
        """The graphics cards among the devices, numbered as llama.cpp's `main_gpu` counts."""
        gpus = [device for device in self.devices if device.kind == "gpu"]
        # llama.cpp uses graphics inside the processor only where there is no card.
        gpus = gpus or [device for device in self.devices if device.kind == "igpu"]
        return tuple(
            Card(
                index=index, name=device.description or device.name,
                total_bytes=device.total_bytes, free_bytes=device.free_bytes,
            )
            for index, device in enumerate(gpus)
        )  # fmt: skip


def probe(
    build: EngineBuild, spawn: Spawn = children.spawn, *, under_server: bool = False
) -> Probe:
    """Ask a build what it can do here. Raises EngineError if it crashes, hangs or does not load.

    It is asked under the lock-down of a worker, `under_server` of one that a server started.
    """
    directory = engine_store.package_dir(build)
    options = ("--under-server",) if under_server else ()
    try:
        answer = ask(
            "engine", "probe", *options, str(directory), timeout_s=_PROBE_SECONDS, spawn=spawn
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            "The engine did not start.",
            why=f"no answer within {_PROBE_SECONDS} s",
            next_step="indoors doctor",
        ) from error
    if answer.status != 0:
        raise _death(build, answer.status, answer.stderr.decode("utf-8", "replace"))
    try:
        found = msgspec.json.decode(answer.stdout, type=Probe)
    except msgspec.DecodeError as error:
        raise EngineError("The engine's answer cannot be read.", why=str(error)) from error
    if found.missing:
        raise wrong_cpu(build, f"it uses {', '.join(found.missing)}, which this CPU lacks")
    return found


def can_load(names: Sequence[str], spawn: Spawn = children.spawn) -> bool:
    """Whether a worker finds these libraries by their names alone."""
    try:
        answer = ask("engine", "probe-libraries", *names, timeout_s=_PROBE_SECONDS, spawn=spawn)
    except subprocess.TimeoutExpired:
        return False
    return answer.status == 0


def wrong_cpu(build: EngineBuild, why: str) -> EngineError:
    """The error for a build that cannot run on this CPU."""
    return EngineError(
        f"The engine ({build.backend}, {build.version}) was built for another CPU.",
        why=why,
        next_step=f"{engine_store.INSTALL_HINT} --rebuild",
    )


def measure(package: Path) -> Probe:
    """Load the library in `package`/lib and ask it. Runs in the child; may kill the process."""
    directory = package / "lib"
    library = ctypes.CDLL(str(directory / _LIBRARY))
    library.llama_backend_init()
    library.llama_supports_gpu_offload.restype = ctypes.c_bool
    return Probe(
        offload=bool(library.llama_supports_gpu_offload()),
        devices=_devices(library),
        missing=_missing(library, machine.cpu_features()),
        ggml_version=_string(library, "ggml_version"),
    )


def _devices(library: ctypes.CDLL) -> tuple[EngineDevice, ...]:
    """ggml's device list. Symbols resolve through the library's own dependencies."""
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    get = library.ggml_backend_dev_get
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    texts = []
    for function in (library.ggml_backend_dev_name, library.ggml_backend_dev_description):
        function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
        texts.append(function)
    kind = library.ggml_backend_dev_type
    kind.restype, kind.argtypes = ctypes.c_int, [ctypes.c_void_p]
    memory = library.ggml_backend_dev_memory
    size_pointer = ctypes.POINTER(ctypes.c_size_t)
    memory.restype, memory.argtypes = None, [ctypes.c_void_p, size_pointer, size_pointer]
    found = []
    for index in range(library.ggml_backend_dev_count()):
        device = get(index)
        free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
        memory(device, ctypes.byref(free), ctypes.byref(total))
        name, description = (text(device).decode("utf-8", "replace") for text in texts)
        found.append(
            EngineDevice(
                name=name, description=description, kind=_TYPES.get(kind(device), "unknown"),
                total_bytes=total.value, free_bytes=free.value,
            )
        )  # fmt: skip
    return tuple(found)


def _missing(library: ctypes.CDLL, features: Sequence[str]) -> tuple[str, ...]:
    """The features compiled in that this CPU lacks; nothing is known without /proc/cpuinfo."""
    if not features:
        return ()
    lacking = []
    for compiled, flag in _COMPILED.items():
        # Absent in builds that carry every CPU variant and choose at start: those fit any CPU.
        function = getattr(library, f"ggml_cpu_has_{compiled}", None)
        if function is not None and function() and flag not in features:
            lacking.append(flag)
    return tuple(lacking)


def _string(library: ctypes.CDLL, name: str) -> str:
    function = getattr(library, name, None)
    if function is None:
        return ""
    function.restype = ctypes.c_char_p
    return (function() or b"").decode("utf-8", "replace")


def _death(build: EngineBuild, status: int, stderr: str) -> EngineError:
    if status == -signal.SIGILL or status & 0xFFFFFFFF == _ILLEGAL_INSTRUCTION:
        return wrong_cpu(build, "it died of an illegal instruction (SIGILL)")
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
    name = f"signal {-status}" if status < 0 else f"exit status {status}"
    return EngineError(
        f"The engine ({build.backend}, {build.version}) does not start here: {name}.",
        why=last.strip(),
        next_step=f"{engine_store.INSTALL_HINT} --rebuild",
    )
