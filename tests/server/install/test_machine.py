from pathlib import Path

from indoors_server import machine
from support import fake_machine


def test_the_key_names_what_the_compiler_may_emit(tmp_path: Path) -> None:
    zen = fake_machine.cpu(tmp_path / "zen", fake_machine.ZEN)
    wide = fake_machine.cpu(tmp_path / "wide", fake_machine.SKYLAKE_X)
    assert machine.cpu_key(zen, "x86_64") != machine.cpu_key(wide, "x86_64")
    assert machine.cpu_key(zen, "x86_64").startswith("x86_64-")


def test_bug_flags_and_order_do_not_change_the_key(tmp_path: Path) -> None:
    first = fake_machine.cpu(tmp_path / "a", "avx avx2 fma")
    second = fake_machine.cpu(tmp_path / "b", "fma avx2 avx spec_ctrl md_clear retbleed")
    assert machine.cpu_key(first, "x86_64") == machine.cpu_key(second, "x86_64")
    assert machine.cpu_features(second) == ("avx", "avx2", "fma")


def test_arm_lists_its_features_under_another_name(tmp_path: Path) -> None:
    root = fake_machine.cpu(tmp_path, "fp asimd asimddp i8mm sve", field="Features")
    assert machine.cpu_features(root) == ("asimd", "asimddp", "fp", "i8mm", "sve")


def test_without_cpuinfo_the_architecture_still_makes_a_key(tmp_path: Path) -> None:
    assert machine.cpu_features(tmp_path) == ()
    assert machine.cpu_key(tmp_path, "ARM64").startswith("arm64-")


def test_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    fake_machine.write(
        tmp_path, "proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable: 50000000 kB\n"
    )
    assert machine.memory(tmp_path) == (64_000_000 * 1024, 50_000_000 * 1024)
    fake_machine.write(tmp_path, "sys/fs/cgroup/memory.max", "8000000000\n")
    fake_machine.write(tmp_path, "sys/fs/cgroup/memory.current", "3000000000\n")
    fake_machine.write(tmp_path, "sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 1000000000\n")
    assert machine.memory(tmp_path) == (8_000_000_000, 6_000_000_000)
    fake_machine.write(tmp_path, "sys/fs/cgroup/memory.max", "max\n")
    assert machine.memory(tmp_path).total_bytes == 64_000_000 * 1024


def test_unknown_memory_is_zero(tmp_path: Path) -> None:
    assert machine.memory(tmp_path) == (0, 0)


def test_a_build_is_not_kept_apart_for_a_unit_that_it_does_not_use(tmp_path: Path) -> None:
    without = fake_machine.cpu(tmp_path / "a", "avx avx2 avx512f")
    xeon = fake_machine.cpu(tmp_path / "b", "avx avx2 avx512f amx_bf16 amx_int8 amx_tile")
    assert machine.cpu_key(without, "x86_64") == machine.cpu_key(xeon, "x86_64")
    assert "amx_int8" in machine.cpu_features(xeon), "a wheel from elsewhere may use it"
