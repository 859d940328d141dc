from __future__ import annotations

from pathlib import Path

import pytest

from indoors_completion.engine import threads


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("max 100000\n", None), ("150000 100000\n", 1.5), ("50000 100000", 0.5), ("200000", 2.0),
        ("", None), ("garbage here", None), ("100000 0", None),
    ],
)  # fmt: skip
def test_cgroup_v2(text: str, cpus: float | None) -> None:
    assert threads.parse_cpu_max(text) == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"),
    [("-1\n", "100000\n", None), ("300000", "100000", 3.0), ("", "", None), ("1", "0", None)],
)
def test_cgroup_v1(quota: str, period: str, cpus: float | None) -> None:
    assert threads.parse_cfs(quota, period) == cpus


@pytest.mark.parametrize(
    ("affinity", "quota", "count"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 1), (8, 0.5, 1), (2, 16.0, 2), (0, None, 1)],
)
def test_affinity_and_quota(affinity: int, quota: float | None, count: int) -> None:
    assert threads.combine(affinity, quota) == count


def test_membership() -> None:
    v1 = "12:memory:/m\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n"
    assert threads.parse_membership(v1) == (None, "/docker/abc")
    assert threads.parse_membership("0::/user.slice/a.service\n") == ("/user.slice/a.service", None)
    assert threads.parse_membership(v1 + "0::/\n") == ("/", "/docker/abc")
    assert threads.parse_membership("nonsense\n\n:::") == (None, None)


def _write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_the_tightest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    _write(tmp_path, "proc/self/cgroup", "0::/a/b/c\n")
    _write(tmp_path, "sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n")
    _write(tmp_path, "sys/fs/cgroup/a/b/cpu.max", "250000 100000\n")
    _write(tmp_path, "sys/fs/cgroup/a/cpu.max", "400000 100000\n")
    assert threads.cgroup_quota(tmp_path) == 2.5


def test_a_container_sees_its_quota_at_the_mount(tmp_path: Path) -> None:
    _write(tmp_path, "proc/self/cgroup", "4:cpu,cpuacct:/docker/host-side-name\n")
    _write(tmp_path, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n")
    _write(tmp_path, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert threads.cgroup_quota(tmp_path) == 2.0


def test_a_path_that_leads_out_of_the_mount_does_not(tmp_path: Path) -> None:
    _write(tmp_path, "proc/self/cgroup", "0::/../../../elsewhere\n")
    _write(tmp_path, "elsewhere/cpu.max", "100000 100000\n")
    assert threads.cgroup_quota(tmp_path) is None


def test_no_cgroup_at_all(tmp_path: Path) -> None:
    assert threads.cgroup_quota(tmp_path) is None
    assert threads.usable_cpus(tmp_path) >= 1
