"""Ways of waiting for what takes long: in a thread, by asking again, and not for too long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from indoors_completion.types import EngineError, IndoorsError

_log = logging.getLogger("indoors.waiting")
_AGAIN_S = 0.05

T = TypeVar("T")


def in_thread(find: Callable[[], T], found: Callable[[T | IndoorsError], None]) -> None:
    """Call `find` in a thread, and `found` on this loop with what it gave or raised.

    A daemon thread, not an executor: leaving must not wait for the hash of 20 GB.
    """
    loop = asyncio.get_running_loop()

    def work() -> None:
        try:
            outcome: T | IndoorsError = find()
        except IndoorsError as error:
            outcome = error
        except (OSError, subprocess.SubprocessError) as error:
            outcome = EngineError("The model or the engine cannot be read.", why=str(error))
        on_loop(loop, found, outcome)

    threading.Thread(target=work, name="indoors-locate", daemon=True).start()


def on_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    """Call something on a loop, from another thread."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        _log.debug("the loop ended before the model was found")


async def patiently(
    ask: Callable[[], Awaitable[T | None]], clock: Callable[[], float], within_s: float
) -> T | None:
    """Ask until there is an answer, or the time is up; once in any case."""
    deadline_s = clock() + within_s
    while True:
        answer = await ask()
        if answer is not None or clock() >= deadline_s:
            return answer
        await asyncio.sleep(_AGAIN_S)


async def at_most(seconds: float, work: Awaitable[object]) -> None:
    """Wait for something, for so long at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work
