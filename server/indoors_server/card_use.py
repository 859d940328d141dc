"""Does the engine use the card that this system has? A silent fall back to the CPU is an error.

Shared by the status screen and the server's status, so that both name the same problem.
"""

from __future__ import annotations

import msgspec

from indoors_completion.types import EngineError
from indoors_server import devices, engine_store
from indoors_server.devices import Devices
from indoors_server.engine_store import EngineBuild


class CardUse(msgspec.Struct, frozen=True):
    """The device that answers, and what keeps a card from it ("" if nothing does)."""

    device: str
    problem: str = ""
    next_step: str = ""


def require_seen(build: EngineBuild, found: Devices) -> None:
    """Raise EngineError for a card that the system shows and that an engine for its kind of card
    (`build`) does not find in its own process, which is locked down.
    """
    for card in found.usable:
        if card.backend == build.backend:
            raise EngineError(
                f"{card.name} is not found under the lock-down.",
                why="the system shows it, and the engine's locked-down process does not",
                next_step="run indoors doctor; indoors engine install --cpu works without the card",
            )


def seen_under_server(build: EngineBuild | None) -> bool | None:
    """Whether the worker of an editor's server finds a card; None where the build is for none.

    It is not the worker of a command in a terminal: what the server may not do, it may not either.
    """
    if build is None or not build.matches_cpu or build.backend == "cpu":
        return None
    from indoors_server import engine_probe  # a server does not need it at its start

    try:
        return bool(engine_probe.probe(build, under_server=True).cards)
    except EngineError:
        return False


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
