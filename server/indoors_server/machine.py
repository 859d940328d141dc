"""What this computer is, as far as the engine cares: CPU features and memory.

A source build of llama.cpp uses `-march=native`, so a build is tied to what the compiler may emit
for this CPU. `cpu_key` names exactly that set: a build with another key can die of SIGILL here.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path
from typing import NamedTuple

# The x86 flags that `-march=native` turns into instructions (GCC's i386 options). Other flags of
# /proc/cpuinfo, such as bug mitigations, come and go with kernels and must not change the key.
_X86_FLAGS = frozenset({
    "abm", "adx", "aes", "bmi1", "bmi2", "cldemote", "clflushopt", "clwb", "clzero", "cx16",
    "f16c", "fma", "fma4", "fsgsbase", "fxsr", "gfni", "lahf_lm", "lwp", "mmx", "movbe",
    "movdir64b", "movdiri", "mwaitx", "pclmulqdq", "pku", "popcnt", "ptwrite", "rdpid",
    "rdrand", "rdseed", "serialize", "sha_ni", "sm3", "sm4", "ssse3", "tbm", "vaes",
    "vpclmulqdq", "waitpkg", "wbnoinvd", "xop", "xsave", "xsavec", "xsaveopt", "xsaves",
})  # fmt: skip
_X86_PREFIXES = ("sse", "avx", "amx")


class Memory(NamedTuple):
    """Main memory; `available_bytes` is what can be used without swapping, 0 if unknown."""

    total_bytes: int
    available_bytes: int


def cpu_features(root: Path = Path("/")) -> tuple[str, ...]:
    """The CPU features that decide which instructions run here, sorted; empty if unknown."""
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return tuple(
                sorted(
                    flag
                    for flag in set(value.split())
                    if flag in _X86_FLAGS or flag.startswith(_X86_PREFIXES)
                )
            )
        if name.strip() == "Features":  # Arm lists little else than instructions
            return tuple(sorted(set(value.split())))
    return ()


def cpu_key(root: Path = Path("/"), architecture: str = "") -> str:
    """A short name for this CPU's instruction set: `x86_64-1f3a9c0d`.

    Where the features cannot be read (macOS, Windows) it is the architecture and a digest of the
    processor's name. AMX is no part of it: no build uses it (`engine_build.WITHOUT_AMX`).
    """
    machine = (architecture or platform.machine() or "unknown").lower()
    features = [name for name in cpu_features(root) if not name.startswith("amx")]
    known = " ".join(features) if features else platform.processor()
    return f"{machine}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"


def cpu_name(root: Path = Path("/")) -> str:
    """The processor's name as it gives it itself, else the architecture."""
    try:
        text = (root / "proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown CPU"


def cpu_count() -> int:
    """The CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory(root: Path = Path("/")) -> Memory:
    """Main memory, within the cgroup's limit (a container sees the host's in /proc/meminfo)."""
    values: dict[str, int] = {}
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return Memory(0, 0)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        parts = value.split()
        if parts and parts[0].isdigit():
            values[name] = int(parts[0]) * 1024
    total = values.get("MemTotal", 0)
    available = values.get("MemAvailable", total)
    limit = _number(root / "sys/fs/cgroup/memory.max")
    if limit is not None and limit < total:
        used = _number(root / "sys/fs/cgroup/memory.current") or 0
        # Page cache counts as used in memory.current but is given back under pressure.
        cached = _stat(root / "sys/fs/cgroup/memory.stat", "inactive_file")
        total = limit
        available = min(available, max(0, limit - used + cached))
    return Memory(total, available)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _stat(path: Path, wanted: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    for line in lines:
        name, _, value = line.partition(" ")
        if name == wanted and value.isdigit():
            return int(value)
    return 0
