"""One run of the engine for a command: load with progress shown, complete, end the processes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from indoors_completion.types import Document, EngineError
from indoors_indexing.types import Retrieval
from indoors_server import lockdown, log, prelaunch, settings
from indoors_server.cli import screen
from indoors_server.core import EngineCore
from indoors_server.elsewhere import Elsewhere
from indoors_server.gateway_client import GatewayClient
from indoors_server.launching import Launcher
from indoors_server.policies import Policies
from indoors_server.router import Kind
from indoors_server.settings import Settings
from indoors_server.status import Facts

# A load that ends sooner needs no progress bar.
_QUIET_S = 1.0


def prepare(model: str = "") -> Settings:
    """Lock this process down and read the person's settings; `model` replaces theirs.

    Call it before an event loop exists: the lock-down closes sockets, also the loop's own.
    """
    lockdown.apply("cli")
    user = settings.user_layer()
    for problem in user.problems:
        screen.warn(str(problem))
    resolved = settings.resolve(user)
    log.configure(resolved.log_level, resolved.log_file)
    return msgspec.structs.replace(resolved, model=model) if model else resolved


def policies_for(folder: Path | None = None) -> Policies:
    """The policies of this machine and user, and of a workspace folder; what is wrong is said."""
    policies = Policies()
    for problem in policies.read([str(folder)] if folder else [], None):
        screen.warn(problem)
    if policies.strict and (lock := lockdown.state()).state == "unproven":
        raise EngineError(
            "The policy is strict, and the lock-down is not proven here.",
            why=lock.reason,
            next_step="indoors doctor",
        )
    return policies


@contextlib.asynccontextmanager
async def loaded_core(
    resolved: Settings,
    quiet: bool = False,
    retrieval: Retrieval | None = None,
    policies: Policies | None = None,
    asked: tuple[Kind, Document] | None = None,
) -> AsyncIterator[EngineCore]:
    """A core whose model is there, if `policies` allow it. Raises IndoorsError if it cannot be.

    `asked` is what it will be asked, which decides the engine; without it, the one here is loaded.
    """
    launcher = Launcher(prelaunch.outcome(), "this command")
    await launcher.open()
    core = EngineCore(
        retrieval=retrieval, elsewhere=Elsewhere(GatewayClient(launcher), time.monotonic)
    )
    core.obey(policies or policies_for())
    progress = None if quiet else _LoadBar()
    changed = asyncio.Event()

    def on_change() -> None:
        changed.set()
        if progress is not None:
            progress.show(core.facts)

    core.start(resolved, on_change)
    try:
        await core.wait_ready(core.route(*asked) if asked is not None else None)
        if progress is not None:
            progress.finish()
        yield core
    finally:
        await core.close()
        await launcher.close()


class _LoadBar:
    """The load's progress, drawn only once it lasts long enough to matter."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._bar: screen.Progress | None = None
        self._reason = ""

    def show(self, facts: Facts) -> None:
        if facts.phase != "loading" or facts.progress is None:
            return
        if time.monotonic() - self._started_s < _QUIET_S:
            return
        if self._bar is None or facts.reason != self._reason:
            self._reason = facts.reason
            self._bar = screen.Progress(facts.reason or "loading the model", 1.0, unit="")
        self._bar.update(facts.progress)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.finish()


def line_and_column(document: Document, offset: int) -> tuple[int, int]:
    """An offset as people and compilers count: line and column from 1, in code points."""
    from indoors_server.positions import Lines

    line, character = Lines(document.text).position(offset, "utf-32")
    return line + 1, character + 1
