"""Whether this machine runs on its battery: then nothing is computed that nobody waits for.

Linux tells it in `/sys/class/power_supply` (kernel documentation, ABI/testing/sysfs-class-power),
Windows through `GetSystemPowerStatus`. macOS has no file for it, and asking needs a framework that
this process does not load: there, as everywhere else where it is not known, mains is assumed, and
`completion.background` decides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

# How old an answer may be: nobody notices half a minute, and a key need not cost a file.
_FRESH_S = 30.0
_MOST_SUPPLIES = 32


class Power:
    """Asks the system at most every half minute. `clock` gives seconds; `root` is Linux's place."""

    def __init__(
        self,
        clock: Callable[[], float],
        root: Path = Path("/sys/class/power_supply"),
        platform: str = sys.platform,
    ) -> None:
        self._clock = clock
        self._root = root
        self._platform = platform
        self._asked_s: float | None = None
        self._on_battery = False

    def on_battery(self) -> bool:
        """Whether the machine runs on its battery; False where that cannot be known."""
        now_s = self._clock()
        if self._asked_s is None or now_s - self._asked_s >= _FRESH_S:
            self._asked_s = now_s
            self._on_battery = self._ask()
        return self._on_battery

    def _ask(self) -> bool:
        if self._platform == "linux":
            return _discharging(self._root)
        return self._platform == "win32" and _windows_on_battery()


def _discharging(root: Path) -> bool:
    """Whether no mains supply is online and a battery of the system itself discharges."""
    try:
        supplies = sorted(root.iterdir())[:_MOST_SUPPLIES]
    except OSError:
        return False
    found = False
    for supply in supplies:
        if _read(supply / "type") in ("Mains", "USB", "Wireless"):
            if _read(supply / "online") == "1":
                return False
        elif _read(supply / "scope") != "Device":  # the battery of a mouse, say
            found = found or _read(supply / "status") == "Discharging"
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _windows_on_battery() -> bool:  # pragma: no cover - Windows only
    if sys.platform != "win32":
        return False
    import ctypes

    class Status(ctypes.Structure):
        # SYSTEM_POWER_STATUS (winbase.h).
        _fields_ = (
            ("ac_line", ctypes.c_ubyte),
            ("battery_flag", ctypes.c_ubyte),
            ("battery_percent", ctypes.c_ubyte),
            ("system_flag", ctypes.c_ubyte),
            ("battery_life_s", ctypes.c_ulong),
            ("battery_full_s", ctypes.c_ulong),
        )

    status = Status()
    if not ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status)):
        return False
    return status.ac_line == 0  # 0 offline, 1 online, 255 unknown
