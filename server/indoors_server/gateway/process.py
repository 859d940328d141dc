"""The gateway's process, and the order in which it begins.

    the launcher's lock -> resolver child -> policy, endpoints, certificates, keys into memory
        -> event loop -> its own lock -> Ready -> frames

All that it needs of files and of other processes it has before its own lock-down; nothing that the
server sends is read before that. What it lost since it cannot get back: it ends with its resolver,
and the server starts another.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from functools import partial
from typing import BinaryIO, cast

from indoors_server import children, endpoint_files, keys, paths
from indoors_server.gateway import frames, in_force, lock, wire
from indoors_server.gateway.failures import Failure
from indoors_server.gateway.resolver import Resolver
from indoors_server.lockdown import UNPROVEN_STATUS, LockState

_log = logging.getLogger("indoors.gateway")


def run(arguments: list[str]) -> int:
    """Run the gateway; the exit status. (`--resolver` is its child, which `__main__` runs.)"""
    parser = argparse.ArgumentParser(prog="indoors gateway")
    parser.add_argument("--policy", type=int, default=-1, help="the descriptor of its policy")
    options = parser.parse_args(arguments)
    if not lock.is_inherited():
        return lock.refuse_to_run()
    return _gateway(options.policy)


def _gateway(descriptor: int) -> int:
    lock.keep_private()
    from indoors_indexing import lifeline
    from indoors_server.roles import frame_streams

    if not lifeline.die_with_parent():
        return 1
    reader, writer = frame_streams()
    # First, so that its image has nothing of what is read below.
    child = children.spawn("gateway", "--resolver")
    try:
        policy = in_force.InForce(in_force.given(descriptor))
        resolver = Resolver(child)
        shop = _Shop(resolver)
        with asyncio.Runner() as runner:
            runner.get_loop()  # its pair of sockets is made now
            state = lock.apply_gateway(shop.ports)
            return runner.run(_serve(shop, policy, reader, writer, state))
    finally:
        child.kill()


class _Shop:
    """All endpoints with what they need, in memory."""

    def __init__(self, resolver: Resolver) -> None:
        # A third of the client's time to load, where a command line's packages are installed too.
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
        from indoors_server.gateway import http

        self.resolver = resolver
        found = endpoint_files.load()
        self.endpoints = found.endpoints
        self.problems = list(found.problems)
        self.sites: dict[str, http.Site | Failure] = {}
        self.ports: list[int] = []
        for name, one in found.endpoints.items():
            try:
                self.sites[name] = http.Site(one, keys.read(one.key), resolver.addresses)
                self.ports += [port for _, port in http.places(one)]
            except keys.NoKey as error:
                self._refuse(name, f"The key {error}.", error.next_step)
            except (OSError, ValueError) as error:
                # ssl.SSLError is an OSError, and says which of the files it is about.
                why = f"Its certificates cannot be used: {_words(error)}."
                step = "keep them in the folder of your config.json or below /etc, and readable"
                self._refuse(name, why, step)

    def _refuse(self, name: str, why: str, step: str) -> None:
        self.sites[name] = Failure("config", f"{name} cannot be used.", why, step)
        self.problems.append(f"{name} cannot be used. {why} Next: {step}")


def _words(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or getattr(error, "reason", None)
    return str(reason or type(error).__name__)


async def _serve(
    shop: _Shop,
    policy: in_force.InForce,
    reader: BinaryIO,
    writer: BinaryIO,
    state: LockState,
) -> int:
    from indoors_server.audit import Log
    from indoors_server.closed import locks as closed_locks
    from indoors_server.gateway.desk import Desk
    from indoors_server.gateway.door import Door
    from indoors_server.gateway.records import Records

    said = await _writer(writer)
    is_held = state.state != "unproven"
    problems = shop.problems if is_held else [f"The gateway is not locked: {state.reason}"]
    names = tuple(shop.endpoints) if is_held else ()
    said.write(frames.encode(wire.Ready(lock=state.state, endpoints=names, problems=(*problems,))))
    try:
        await said.drain()
    except ConnectionError:
        return 0  # the server has changed its mind
    if not is_held:
        return UNPROVEN_STATUS
    await shop.resolver.open()
    records = Records(partial(Log.open, paths.state_dir()))
    door = Door(shop.endpoints, shop.sites, policy, records, closed_locks.at_the_gateway())
    working = asyncio.ensure_future(Desk(door, await _reader(reader), said).run())
    losing = asyncio.ensure_future(shop.resolver.lost.wait())
    await asyncio.wait((working, losing), return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        return working.result()
    _log.error("ends: its resolver has ended")
    working.cancel()
    await asyncio.wait((working,))
    return 1


async def _reader(stream: BinaryIO) -> asyncio.StreamReader:
    found = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(found)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, stream)
    return found


async def _writer(stream: BinaryIO) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, stream)
    return asyncio.StreamWriter(transport, cast(asyncio.BaseProtocol, protocol), None, loop)
