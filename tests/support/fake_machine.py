"""Fake system trees (/sys, /proc, /dev) for the tests of what looks at the machine."""

from __future__ import annotations

from pathlib import Path

ZEN = "fpu sse sse2 ssse3 sse4_1 sse4_2 avx avx2 bmi1 bmi2 fma f16c aes md_clear ibrs"
SKYLAKE_X = ZEN + " avx512f avx512dq avx512bw avx512vl"


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def cpu(root: Path, flags: str = ZEN, field: str = "flags") -> Path:
    write(root, "proc/cpuinfo", f"processor\t: 0\nmodel name\t: A CPU\n{field}\t\t: {flags}\n")
    return root


def pci_card(
    root: Path, vendor: str, *, slot: str = "0000:01:00.0", kind: str = "0x030000", **files: str
) -> Path:
    place = f"sys/bus/pci/devices/{slot}"
    write(root, f"{place}/vendor", vendor + "\n")
    write(root, f"{place}/class", kind + "\n")
    write(root, f"{place}/device", "0x2786\n")
    for name, text in files.items():
        write(root, f"{place}/{name}", text + "\n")
    return root


def nvidia_driver(root: Path, slot: str = "0000:01:00.0", model: str = "") -> Path:
    """The kernel module's files and device nodes, as the driver makes them."""
    if model:
        text = f"Model: \t\t {model}\nIRQ: 130\nBus Location: {slot}\n"
        write(root, f"proc/driver/nvidia/gpus/{slot}/information", text)
    write(root, "proc/driver/nvidia/version", "NVRM version: 580")
    write(root, "dev/nvidia0", "")
    return root
