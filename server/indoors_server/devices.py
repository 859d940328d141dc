"""Which graphics cards this system has, and which backend of the engine could use them.

Read from the kernel's own lists (`/sys/bus/pci`, `/dev`, `/proc/driver`) and from the driver's
library, never from a tool's text. A toolkit without a card is a CPU machine; a card with a driver
and no toolkit is a GPU machine. CUDA_VISIBLE_DEVICES is the user's choice and is honoured: a card
hidden by it is not missed.
"""

from __future__ import annotations

import ctypes
import os
import platform as platform_module
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from indoors_server import cuda_driver, machine
from indoors_server.ask_child import ask
from indoors_server.cuda_driver import DriverReport

_DISPLAY_CLASS = "0x03"
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_INTEL_INTEGRATED = "0000:00:02.0"  # where the graphics of every Intel processor sit
_DISCRETE_BYTES = 2_000_000_000  # an AMD processor's own graphics reserve less than this
_QUERY_SECONDS = 30
_VULKAN = ("vulkan-1.dll",) if sys.platform == "win32" else ("libvulkan.so.1",)


class SystemCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card that the system shows.

    `backend` is the engine's backend for it: "cuda", "vulkan", "metal", or "" where a card is too
    small to be worth it (graphics inside the processor). `problem` says why the card cannot be
    used now and `next_step` what to do; both are empty if it can. Bytes are 0 where unknown.
    """

    vendor: str
    name: str
    backend: str
    total_bytes: int = 0
    free_bytes: int = 0
    compute: str = ""
    problem: str = ""
    next_step: str = ""


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """The cards of this system. `cuda` is the newest CUDA version that the driver serves."""

    cards: tuple[SystemCard, ...] = ()
    cuda: tuple[int, int] = (0, 0)
    hidden: str = ""

    @property
    def usable(self) -> tuple[SystemCard, ...]:
        """The cards that an engine could use now."""
        return tuple(card for card in self.cards if card.backend and not card.problem)

    @property
    def backend(self) -> str:
        """The backend for the best usable card, "cpu" if there is none."""
        found = {card.backend for card in self.usable}
        return next((name for name in ("cuda", "metal", "vulkan") if name in found), "cpu")


def find(
    root: Path = Path("/"),
    environment: Mapping[str, str] | None = None,
    query: Callable[[], DriverReport] | None = None,
    has_vulkan: Callable[[], bool] | None = None,
    system: str = sys.platform,
    architecture: str = "",
) -> Devices:
    """Look for cards. Everything that is asked of the machine can be replaced, for tests."""
    variables = os.environ if environment is None else environment
    if system == "darwin":
        return _apple(root, architecture or platform_module.machine())
    bus = list(_display_devices(root))
    nvidia = [name for vendor, name, _ in bus if vendor == "NVIDIA"]
    hidden = _hidden_by(variables)
    report = DriverReport(loaded=False)
    if nvidia or system == "win32" or (root / "dev/dxg").exists() or _nvidia_nodes(root):
        report = (query or query_driver)()
    cards = [
        SystemCard(
            vendor="NVIDIA", name=_with_vendor("NVIDIA", card.name), backend="cuda",
            total_bytes=card.total_bytes, free_bytes=card.free_bytes, compute=card.compute,
        )
        for card in report.cards
    ]  # fmt: skip
    if not cards and not hidden:
        problem, step = _nvidia_problem(root, report)
        cards += [
            SystemCard(vendor="NVIDIA", name=name, backend="cuda", problem=problem, next_step=step)
            for name in nvidia
        ]
    vulkan = (has_vulkan or has_vulkan_loader)()
    cards += [
        _other(vendor, name, path, vulkan) for vendor, name, path in bus if vendor != "NVIDIA"
    ]
    return Devices(cards=tuple(cards), cuda=report.cuda, hidden=hidden if nvidia else "")


def query_driver() -> DriverReport:
    """`cuda_driver.query` in a child process: a broken driver may crash or hang it."""
    try:
        answer = ask("engine", "probe-driver", timeout_s=_QUERY_SECONDS)
        return msgspec.json.decode(answer.stdout, type=DriverReport)
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError):
        # The driver is there but does not answer: a status that no CUDA call returns.
        return DriverReport(loaded=cuda_driver.load_library() is not None, status=-1)


def has_vulkan_loader(names: tuple[str, ...] = _VULKAN) -> bool:
    """Whether this system has Vulkan's loader, without which no Vulkan backend can run."""
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _display_devices(root: Path) -> Iterator[tuple[str, str, Path]]:
    """The (vendor, name, sysfs directory) of each graphics card on the PCI bus."""
    try:
        entries = sorted((root / "sys/bus/pci/devices").iterdir())
    except OSError:
        return
    for entry in entries:
        vendor = _VENDORS.get(_text(entry / "vendor"))
        if vendor and _text(entry / "class").startswith(_DISPLAY_CLASS):
            yield vendor, _bus_name(root, entry, vendor), entry


def _bus_name(root: Path, entry: Path, vendor: str) -> str:
    """The card's name as its kernel driver gives it, else its PCI ids."""
    information = _text(root / "proc/driver/nvidia/gpus" / entry.name / "information")
    for line in information.splitlines():
        field, _, value = line.partition(":")
        if field.strip() == "Model" and value.strip():
            return _with_vendor(vendor, value.strip())
    product = _text(entry / "product_name")
    if product:
        return _with_vendor(vendor, product)
    return f"{vendor} card {_text(entry / 'device').removeprefix('0x')} at {entry.name}"


def _other(vendor: str, name: str, entry: Path, vulkan: bool) -> SystemCard:
    """An AMD or Intel card, which the engine uses through Vulkan."""
    total = int(_text(entry / "mem_info_vram_total") or 0)
    used = int(_text(entry / "mem_info_vram_used") or 0)
    integrated = entry.name == _INTEL_INTEGRATED if vendor == "Intel" else total < _DISCRETE_BYTES
    card = SystemCard(
        vendor=vendor, name=name, backend="" if integrated else "vulkan",
        total_bytes=total, free_bytes=max(0, total - used),
    )  # fmt: skip
    if integrated or vulkan:
        return card
    return msgspec.structs.replace(
        card, problem="Vulkan's loader is not installed", next_step="apt install libvulkan1"
    )


def _nvidia_problem(root: Path, report: DriverReport) -> tuple[str, str]:
    """Why an NVIDIA card on the bus is not among the driver's: (problem, next step)."""
    if not (root / "proc/driver/nvidia").exists() and not report.loaded:
        return "no NVIDIA driver is installed", "install the NVIDIA driver of your distribution"
    if not report.loaded:
        return (
            "the driver's library libcuda.so.1 is missing",
            "apt install libcuda1, or the driver package that holds libcuda.so.1",
        )
    if not _nvidia_nodes(root):
        return (
            "its device files (/dev/nvidia*) are missing",
            "in a container: pass the card in (--gpus all); else load the module (modprobe nvidia)",
        )
    if report.status == -1:
        return "the driver does not answer", "restart the machine, or reinstall the driver"
    if report.status == cuda_driver.REFUSED and sys.platform == "linux" and os.geteuid() == 0:
        return (
            "as root the lock-down keeps its driver from writing in /proc, which it must",
            "run the editor as another user",
        )
    return (
        f"the driver reports error {report.status}",
        "restart the machine (the driver was perhaps updated while running)",
    )


def _apple(root: Path, architecture: str) -> Devices:
    if architecture != "arm64":
        return Devices()
    memory = machine.memory(root)
    card = SystemCard(
        vendor="Apple", name="Apple GPU", backend="metal",
        total_bytes=memory.total_bytes, free_bytes=memory.available_bytes,
    )  # fmt: skip
    return Devices(cards=(card,))


def _hidden_by(variables: Mapping[str, str]) -> str:
    """CUDA_VISIBLE_DEVICES if it hides every card, as its documentation defines that."""
    value = variables.get("CUDA_VISIBLE_DEVICES")
    if value is not None and value.strip() in ("", "-1", "NoDevFiles"):
        return f"CUDA_VISIBLE_DEVICES={value}"
    return ""


def _nvidia_nodes(root: Path) -> bool:
    return any((root / "dev").glob("nvidia[0-9]*"))


def _with_vendor(vendor: str, name: str) -> str:
    return name if name.startswith(vendor) else f"{vendor} {name}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
