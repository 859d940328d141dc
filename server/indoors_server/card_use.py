"""Does the engine use the card that this system has? A silent fall back to the CPU is an error.

Shared by the status screen and the server's status, so that both name the same problem.
"""

from __future__ import annotations

import msgspec

from indoors_server import devices, engine_store
from indoors_server.devices import Devices
from indoors_server.engine_store import EngineBuild


class CardUse(msgspec.Struct, frozen=True):
    """The device that answers, and what keeps a card from it ("" if nothing does)."""

    device: str
    problem: str = ""
    next_step: str = ""


def of(build: EngineBuild | None, found: Devices | None = None) -> CardUse:
    """Which device `build` uses of those that the system has (`found`: looked for if not given)."""
    found = found or devices.find()
    if not found.usable:
        broken = next((card for card in found.cards if card.problem), None)
        if broken is None:
            return CardUse("CPU")
        return CardUse("CPU", f"{broken.name} is not used: {broken.problem}", broken.next_step)
    card = found.usable[0]
    if build is not None and build.backend == "cpu":
        problem = f"{card.name} is not used: the engine is a CPU build."
        return CardUse("CPU", problem, engine_store.INSTALL_HINT)
    return CardUse(card.name)
