"""A sweep names what differs, a slice at a time, and nothing that does not."""

import os
import shutil
from pathlib import Path

import pytest

from indoors_indexing import sweep as sweeping
from indoors_indexing.records import Known
from indoors_indexing.scan import Scan, walk
from indoors_indexing.sweep import Sweep
from support.watching import make


def known(root: Path) -> dict[str, Known]:
    return {found.path: Known(found.size, found.mtime_ns, b"") for found in walk(str(root), Scan())}


def run(sweep: Sweep, budget_s: float = 10.0) -> list[list[str]]:
    slices: list[list[str]] = []
    while not sweep.is_done:
        slices.append(sweep.step(budget_s))
    return slices


def test_what_differs_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.py", "pkg/c.py", "pkg/d.py", "gone/e.py")
    before = known(tmp_path)
    make(tmp_path, "a.py", text="another size\n")
    os.utime(tmp_path / "b.py", ns=(1, 1))
    shutil.rmtree(tmp_path / "gone")
    make(tmp_path, "new.py")
    assert run(Sweep(str(tmp_path), before)) == [["a.py", "b.py", "new.py", "gone/e.py"]]
    assert run(Sweep(str(tmp_path), known(tmp_path))) == [[]]


def test_without_time_a_slice_is_one_file(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.py", "c.py")
    assert run(Sweep(str(tmp_path), {}), 0.0) == [["a.py"], ["b.py"], ["c.py"], []]


def test_a_slice_names_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MAX_NAMED", 2)
    make(tmp_path, *(f"{number}.py" for number in range(5)))
    gone = {f"old{number}.py": Known(1, 1, b"") for number in range(3)}
    slices = run(Sweep(str(tmp_path), gone))
    assert all(len(named) <= 2 for named in slices)
    assert sorted(path for named in slices for path in named) == sorted([*known(tmp_path), *gone])


def test_what_was_not_seen_is_not_gone(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "pkg/b.py")
    before = known(tmp_path)
    assert run(Sweep(str(tmp_path), before, cancelled=lambda: True)) == [[]]
    assert run(Sweep(str(tmp_path / "none"), before)) == [[]]


def test_a_sweep_can_be_given_up(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a.py", "pkg/b.py")
    n_open = n_descriptors()
    sweep = Sweep(str(tmp_path), {})
    assert sweep.step(0.0) == ["pkg/a.py"]
    sweep.close()
    assert sweep.is_done
    assert n_descriptors() == n_open


def n_descriptors() -> int:
    open_now = Path("/proc/self/fd")
    return len(list(open_now.iterdir())) if open_now.is_dir() else 0
