"""`indoors refactor … --with NAME`: the edit by a closed API, with its preview in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_completion.types import Document, InputError
from indoors_indexing.types import Outline
from indoors_server import prelaunch
from indoors_server.cli import screen
from indoors_server.closed.preview import Preview

if TYPE_CHECKING:
    from indoors_server.door import Door
    from indoors_server.policies import Policies
    from indoors_server.syntax_client import SyntaxClient

PATIENCE_S = 5.0
# Makes the request, once there is somebody who knows outlines.
RequestOf = Callable[["SyntaxClient"], Awaitable[EditRequest]]


async def make(
    request_of: RequestOf, endpoint: str, root: str, policies: Policies
) -> tuple[Edit | NoSafeEdit, str, float, str]:
    """What came of it, who made it, how long the answer took, and "" (no formatter is asked).

    Raises InputError where nothing was sent or no answer came.
    """
    from indoors_server import edit_request, endpoint_files, policy
    from indoors_server.closed import locks, sending

    async with syntax_alone(policies) as syntax, _door() as door:
        request = await edit_request.with_context(await request_of(syntax), None, None)
        around = sending.Around(
            door=door,
            endpoints=lambda: endpoint_files.load().endpoints,
            policy_of=policies.of,
            own_policy=policy.load,
            written_policy=policy.load,
            stores=locks.stores(),
            machine=sending.this_machine(),
            outlines=syntax,
            record=sending.record,
        )
        begun_s = time.monotonic()
        try:
            found = await sending.Closed(around).edit(request, endpoint, root, show)
        except InputError as error:
            raise InputError("Nothing was edited.", why=screen.clean(error.what)) from error
        return found, endpoint, time.monotonic() - begun_s, ""


async def show(preview: Preview) -> bool | None:
    """Print what would be sent, byte for byte, and ask. Raises InputError without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError("there is no terminal to show it on and to ask, so nothing was sent")
    for line in told(preview):
        screen.warn(screen.clean(line))
    sys.stderr.write(f"Send these {len(preview.body)} bytes to {preview.host}? [y/N] ")
    sys.stderr.flush()
    answer = await asyncio.to_thread(sys.stdin.readline)
    return answer.strip().lower() in ("y", "yes")


def told(preview: Preview) -> list[str]:
    """A preview in lines: first the body as it is, then what it means."""
    return [
        *preview.body.decode().split("\n"),
        "",
        "To be read, without JSON's escapes:",
        *(f"  {line}" for line in preview.text.split("\n")),
        "",
        f"to         {preview.host}, model {preview.model}",
        f"operator   {preview.operator}",
        f"text of    {', '.join(preview.sources)}",
        f"sha256     {preview.sha256}",
        *(f"replaced   {one}" for one in preview.redactions),
        *([f"price      {preview.price}"] if preview.price else []),
    ]


@contextlib.asynccontextmanager
async def _door() -> AsyncIterator[Door]:
    from indoors_server.gateway_client import GatewayClient
    from indoors_server.launching import Launcher

    launcher = Launcher(prelaunch.outcome(), "this command")
    await launcher.open()
    try:
        yield GatewayClient(launcher)
    finally:
        await launcher.close()


@contextlib.asynccontextmanager
async def syntax_alone(policies: Policies) -> AsyncIterator[SyntaxClient]:
    """An indexer of its own for outlines, because no model is needed."""
    from indoors_server import children
    from indoors_server.indexer_process import IndexerProcess
    from indoors_server.syntax_client import SyntaxClient

    strict = ["--strict"] if policies.strict else []
    syntax = SyntaxClient(
        IndexerProcess(lambda *options: children.spawn("indexer", *strict, *options))
    )
    await syntax.start()
    try:
        yield syntax
    finally:
        await syntax.close()


async def outline_of(syntax: SyntaxClient, document: Document) -> Outline | None:
    """An outline; a parser that is only just started is waited for."""
    end_s = time.monotonic() + PATIENCE_S
    while (found := await syntax.outline(document.language, document.text)) is None:
        if time.monotonic() >= end_s:
            break
        await asyncio.sleep(0.05)
    return found
