"""How many threads the engine may use: the CPUs of this process's affinity, capped by the cgroup.

A quota of 1.5 CPUs is taken as 1: llama.cpp's threads wait for each other by spinning, and a
throttled one holds all of them up for the rest of the period.

Sources: Documentation/admin-guide/cgroup-v2.rst (`cpu.max`: "$MAX $PERIOD", "max" for none) and
Documentation/scheduler/sched-bwc.rst (`cpu.cfs_quota_us`, -1 for none) of the Linux kernel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cpus(root: Path = Path("/")) -> int:
    """The CPUs this process may really use, at least 1. `root` is where /proc and /sys are read."""
    if sys.platform == "linux":
        affinity = len(os.sched_getaffinity(0))
        return combine(affinity, cgroup_quota(root))
    return os.cpu_count() or 1


def combine(affinity: int, quota: float | None) -> int:
    """The thread count for `affinity` CPUs and a quota in CPUs (None for no quota)."""
    if quota is None:
        return max(1, affinity)
    return max(1, min(affinity, int(quota)))


def cgroup_quota(root: Path) -> float | None:
    """The tightest CPU quota above this process, in CPUs; None without one."""
    quotas = [quota for quota in _quotas(root) if quota is not None]
    return min(quotas, default=None)


def parse_cpu_max(text: str) -> float | None:
    """cgroup v2 `cpu.max` as CPUs: "150000 100000" is 1.5, "max 100000" is None."""
    fields = text.split()
    if not fields or not fields[0].isdigit():
        return None
    period = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 100_000
    return int(fields[0]) / period if period else None


def parse_cfs(quota_us: str, period_us: str) -> float | None:
    """cgroup v1 quota and period in microseconds as CPUs; a quota of -1 is none."""
    try:
        quota, period = int(quota_us), int(period_us)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def parse_membership(text: str) -> tuple[str | None, str | None]:
    """The paths of /proc/self/cgroup: (v2, v1 `cpu` controller), None where there is none."""
    unified = cpu = None
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path.startswith("/"):
            continue
        if controllers == "":
            unified = path
        elif "cpu" in controllers.split(","):
            cpu = path
    return unified, cpu


def _quotas(root: Path) -> Iterator[float | None]:
    unified, cpu = parse_membership(_read(root / "proc/self/cgroup"))
    mount = root / "sys/fs/cgroup"
    if unified is not None:
        for directory in _upwards(mount, unified):
            yield parse_cpu_max(_read(directory / "cpu.max"))
    if cpu is not None:
        for base in (mount / "cpu", mount / "cpu,cpuacct"):
            for directory in _upwards(base, cpu):
                yield parse_cfs(
                    _read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us")
                )


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The group's directory and its ancestors up to the mount: each may hold a quota.

    In a container the path may be the host's and not exist here; then the mount itself is ours.
    """
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
    for count in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:count])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
