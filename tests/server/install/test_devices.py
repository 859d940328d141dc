"""What the system shows, from fake /sys, /proc and /dev trees and a fake driver library."""

import ctypes
import os
import sys
from pathlib import Path

import pytest

from indoors_server import cuda_driver, devices
from indoors_server.cuda_driver import DriverCard, DriverReport
from indoors_server.devices import Devices
from support import fake_machine

NVIDIA, AMD, INTEL, VIRTUAL = "0x10de", "0x1002", "0x8086", "0x1234"
RTX = DriverCard(
    name="NVIDIA GeForce RTX 4070 Laptop GPU", total_bytes=8_000_000_000,
    free_bytes=7_100_000_000, compute="89",
)  # fmt: skip
WORKING = DriverReport(loaded=True, cuda=(13, 0), cards=(RTX,))


def find(
    root: Path, report: DriverReport | None = None, *, vulkan: bool = False, **environment: str
) -> Devices:
    def query() -> DriverReport:
        if report is None:
            raise AssertionError("the driver was asked although there is no card")
        return report

    return devices.find(root, environment, query, lambda: vulkan, "linux")


def test_a_driver_and_no_toolkit_is_a_gpu_machine(tmp_path: Path) -> None:
    fake_machine.nvidia_driver(fake_machine.pci_card(tmp_path, NVIDIA))
    found = find(tmp_path, WORKING)
    assert found.backend == "cuda"
    assert found.usable[0].name == "NVIDIA GeForce RTX 4070 Laptop GPU"
    assert found.usable[0].free_bytes == 7_100_000_000
    assert found.cuda == (13, 0)


def test_a_toolkit_and_no_card_is_a_cpu_machine(tmp_path: Path) -> None:
    fake_machine.write(tmp_path, "usr/local/cuda/bin/nvcc", "")
    found = find(tmp_path)
    assert found.cards == ()
    assert found.backend == "cpu"


def test_a_headless_card_without_a_display_is_seen(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, NVIDIA, kind="0x030200")
    assert find(tmp_path, WORKING).backend == "cuda"


def test_its_sound_function_is_no_card(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, NVIDIA, slot="0000:01:00.1", kind="0x040300")
    assert find(tmp_path).cards == ()


def test_a_virtual_machines_display_is_no_card(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, VIRTUAL)
    assert find(tmp_path, vulkan=True).cards == ()


def problem_of(found: Devices) -> str:
    assert found.usable == ()
    assert found.backend == "cpu"
    (card,) = found.cards
    assert card.next_step
    return card.problem


def test_a_card_without_a_driver_is_named(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, NVIDIA)
    found = find(tmp_path, DriverReport(loaded=False))
    assert "no NVIDIA driver" in problem_of(found)
    assert found.cards[0].name == "NVIDIA card 2786 at 0000:01:00.0"


def test_a_driver_without_its_library_is_named(tmp_path: Path) -> None:
    fake_machine.nvidia_driver(fake_machine.pci_card(tmp_path, NVIDIA), model="NVIDIA L4")
    found = find(tmp_path, DriverReport(loaded=False))
    assert "libcuda" in problem_of(found)
    assert found.cards[0].name == "NVIDIA L4"


def test_a_container_without_the_cards_device_files_is_named(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, NVIDIA)
    found = find(tmp_path, DriverReport(loaded=True, status=100))
    assert "/dev/nvidia" in problem_of(found)
    assert "--gpus all" in found.cards[0].next_step


@pytest.mark.parametrize(("status", "word"), [(-1, "does not answer"), (803, "error 803")])
def test_a_driver_that_fails_is_named(tmp_path: Path, status: int, word: str) -> None:
    fake_machine.nvidia_driver(fake_machine.pci_card(tmp_path, NVIDIA))
    assert word in problem_of(find(tmp_path, DriverReport(loaded=True, status=status)))


@pytest.mark.parametrize(("uid", "word"), [(0, "as root the lock-down"), (1000, "error 304")])
def test_a_driver_that_the_lock_down_keeps_from_starting_is_told_from_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, word: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(sys, "platform", "linux")
    fake_machine.nvidia_driver(fake_machine.pci_card(tmp_path, NVIDIA))
    report = DriverReport(loaded=True, status=cuda_driver.REFUSED)
    assert word in problem_of(find(tmp_path, report))


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles"])
def test_a_hidden_card_is_not_missed(tmp_path: Path, value: str) -> None:
    fake_machine.nvidia_driver(fake_machine.pci_card(tmp_path, NVIDIA))
    report = DriverReport(loaded=True, status=cuda_driver.NO_DEVICE)
    found = find(tmp_path, report, CUDA_VISIBLE_DEVICES=value)
    assert found.cards == ()
    assert found.hidden == f"CUDA_VISIBLE_DEVICES={value}"


def test_one_of_two_cards_chosen_by_the_user_is_the_one_seen(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, NVIDIA)
    fake_machine.pci_card(tmp_path, NVIDIA, slot="0000:02:00.0")
    assert len(find(tmp_path, WORKING, CUDA_VISIBLE_DEVICES="1").cards) == 1


def test_wsl_has_no_pci_card_and_is_still_a_gpu_machine(tmp_path: Path) -> None:
    fake_machine.write(tmp_path, "dev/dxg", "")
    assert find(tmp_path, WORKING).backend == "cuda"


def test_an_amd_card_is_used_through_vulkan(tmp_path: Path) -> None:
    fake_machine.pci_card(
        tmp_path, AMD, product_name="Radeon RX 7900",
        mem_info_vram_total="20000000000", mem_info_vram_used="1500000000",
    )  # fmt: skip
    found = find(tmp_path, vulkan=True)
    assert found.backend == "vulkan"
    assert found.cards[0].name == "AMD Radeon RX 7900"
    assert found.cards[0].free_bytes == 18_500_000_000
    without = find(tmp_path, vulkan=False)
    assert without.backend == "cpu"
    assert "Vulkan" in without.cards[0].problem


def test_graphics_inside_the_processor_make_no_gpu_machine(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, INTEL, slot="0000:00:02.0")
    fake_machine.pci_card(tmp_path, AMD, slot="0000:0c:00.0", mem_info_vram_total="536870912")
    found = find(tmp_path, vulkan=True)
    assert found.backend == "cpu"
    assert [card.problem for card in found.cards] == ["", ""]


def test_an_arc_card_beside_them_does(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, INTEL, slot="0000:00:02.0")
    fake_machine.pci_card(tmp_path, INTEL, slot="0000:03:00.0")
    assert find(tmp_path, vulkan=True).backend == "vulkan"


def test_nvidia_goes_before_other_cards(tmp_path: Path) -> None:
    fake_machine.nvidia_driver(fake_machine.pci_card(tmp_path, NVIDIA))
    fake_machine.pci_card(tmp_path, AMD, slot="0000:05:00.0", mem_info_vram_total="8000000000")
    assert find(tmp_path, WORKING, vulkan=True).backend == "cuda"


def test_apples_own_chips_have_metal_and_intel_macs_are_cpu_machines(tmp_path: Path) -> None:
    fake_machine.pci_card(tmp_path, NVIDIA)
    for architecture, backend in (("arm64", "metal"), ("x86_64", "cpu")):
        found = devices.find(tmp_path, {}, None, None, "darwin", architecture)
        assert found.backend == backend


def test_this_machine_can_be_looked_at() -> None:
    assert devices.find().backend in ("cpu", "cuda", "metal", "vulkan")


class FakeDriver:
    """The calls of libcuda that are used, for one card of capability 8.9."""

    def __init__(self, init: int = 0, retain: int = 0) -> None:
        self.init, self.retain, self.released = init, retain, 0

    def cuInit(self, flags: int) -> int:
        return self.init

    def cuDriverGetVersion(self, out: object) -> int:
        out._obj.value = 13_010  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetCount(self, out: object) -> int:
        out._obj.value = 1  # type: ignore[attr-defined]
        return 0

    def cuDeviceGet(self, out: object, index: int) -> int:
        return 0

    def cuDeviceGetName(self, buffer: ctypes.Array[ctypes.c_char], size: int, device: int) -> int:
        buffer.value = b"NVIDIA L4"
        return 0

    def cuDeviceTotalMem_v2(self, out: object, device: int) -> int:
        out._obj.value = 24_000_000_000  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetAttribute(self, out: object, attribute: int, device: int) -> int:
        out._obj.value = {75: 8, 76: 9}[attribute]  # type: ignore[attr-defined]
        return 0

    def cuDevicePrimaryCtxRetain(self, out: object, device: int) -> int:
        return self.retain

    def cuCtxSetCurrent(self, context: object) -> int:
        return 0

    def cuMemGetInfo_v2(self, free: object, total: object) -> int:
        free._obj.value = 20_000_000_000  # type: ignore[attr-defined]
        return 0

    def cuDevicePrimaryCtxRelease_v2(self, device: int) -> int:
        self.released += 1
        return 0


def test_the_driver_is_asked_for_names_memory_and_capability() -> None:
    driver = FakeDriver()
    report = cuda_driver.query(lambda: driver)
    assert report.cuda == (13, 1)
    (card,) = report.cards
    assert (card.name, card.compute) == ("NVIDIA L4", "89")
    assert (card.free_bytes, card.total_bytes) == (20_000_000_000, 24_000_000_000)
    assert driver.released == 1, "the context that was made for the question is given back"


def test_a_full_card_has_nothing_free() -> None:
    report = cuda_driver.query(lambda: FakeDriver(retain=2))
    assert report.cards[0].free_bytes == 0


def test_a_driver_that_does_not_start_has_a_status_and_no_cards() -> None:
    report = cuda_driver.query(lambda: FakeDriver(init=803))
    assert (report.loaded, report.status, report.cards) == (True, 803, ())
    assert cuda_driver.query(lambda: None) == DriverReport(loaded=False)


def test_the_child_that_asks_the_driver_answers() -> None:
    report = devices.query_driver()
    assert report.loaded == (cuda_driver.load_library() is not None)
