"""Servers of `fakes.model_server` in a thread of their own, for tests that drive a process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from fakes.model_server import ModelServer


class Running:
    """Starts and stops servers from another thread than theirs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def start(self, server: ModelServer) -> None:
        self.run(server.start())

    def stop(self, server: ModelServer) -> None:
        self.run(server.stop())


@contextmanager
def running(*servers: ModelServer) -> Iterator[Running]:
    """The servers run until this ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    control = Running(loop)
    try:
        for server in servers:
            control.start(server)
        yield control
    finally:
        for server in servers:
            control.stop(server)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
