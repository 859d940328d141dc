"""The real server object on two pipes inside the test's process, with a fake core."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fakes.fake_core import FakeCore
from fakes.lsp_client import LspClient
from indoors_server.app import Server
from indoors_server.door import Door
from indoors_server.retrieval import IndexRetrieval


@contextmanager
def serving(
    core: FakeCore, retrieval: IndexRetrieval | None = None, door: Door | None = None
) -> Iterator[LspClient]:
    """Serve `core` in a thread; the client's end closes at the end of the block.

    `retrieval` is the one that the core asks, if it asks for snippets; `door` leads to what is
    elsewhere.
    """
    server_in, client_out = os.pipe()
    client_in, server_out = os.pipe()
    statuses: list[int] = []

    def serve() -> None:
        with os.fdopen(server_in, "rb", buffering=0) as stream:
            server = Server(core, time.monotonic, exit_grace_s=None, retrieval=retrieval, door=door)
            statuses.append(asyncio.run(server.serve(stream, server_out)))
        os.close(server_out)

    thread = threading.Thread(target=serve)
    thread.start()
    client = LspClient(os.fdopen(client_out, "wb", buffering=0), os.fdopen(client_in, "rb"))
    try:
        yield client
    finally:
        client.close()
        thread.join(10)
        assert not thread.is_alive(), "the server did not leave"
