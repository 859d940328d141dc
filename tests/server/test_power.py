"""On battery or not, by what Linux tells in a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from indoors_server.power import Power

MAINS_OFF = {"type": "Mains", "online": "0"}
MAINS_ON = {"type": "Mains", "online": "1"}
DRAINING = {"type": "Battery", "status": "Discharging"}
FULL = {"type": "Battery", "status": "Full"}
CHARGING = {"type": "Battery", "status": "Charging"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}
USB_C = {"type": "USB", "online": "1"}


def plug(root: Path, *supplies: dict[str, str]) -> None:
    for number, supply in enumerate(supplies):
        directory = root / f"supply{number}"
        directory.mkdir(parents=True, exist_ok=True)
        for name, value in supply.items():
            (directory / name).write_text(value + "\n")


@pytest.mark.parametrize(
    ("supplies", "on_battery"),
    [
        ((), False),
        ((MAINS_OFF, DRAINING), True),
        ((DRAINING, MAINS_ON), False),
        ((DRAINING, USB_C), False),
        ((DRAINING,), True),
        ((MAINS_OFF, FULL), False),
        ((CHARGING,), False),
        ((MOUSE,), False),
        ((MOUSE, DRAINING), True),
        (({"type": "Battery"},), False),
    ],
)
def test_what_the_supplies_say(
    tmp_path: Path, supplies: tuple[dict[str, str], ...], on_battery: bool
) -> None:
    plug(tmp_path, *supplies)
    assert Power(lambda: 0.0, tmp_path, "linux").on_battery() is on_battery


def test_a_system_without_the_directory_runs_on_mains(tmp_path: Path) -> None:
    assert not Power(lambda: 0.0, tmp_path / "none", "linux").on_battery()
    (tmp_path / "file").write_text("x")
    assert not Power(lambda: 0.0, tmp_path / "file", "linux").on_battery()
    plug(tmp_path / "mac", DRAINING)
    assert not Power(lambda: 0.0, tmp_path / "mac", "darwin").on_battery()


def test_a_key_does_not_cost_a_file(tmp_path: Path) -> None:
    now_s = 0.0
    plug(tmp_path, DRAINING)
    power = Power(lambda: now_s, tmp_path, "linux")
    assert power.on_battery()
    plug(tmp_path, CHARGING)
    now_s = 29.0
    assert power.on_battery(), "an answer is good for half a minute"
    now_s = 31.0
    assert not power.on_battery()
