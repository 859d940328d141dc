"""What speaks to engines and APIs elsewhere sees of the gateway: ask, and read what is answered.

The server's side is `gateway_client.GatewayClient`; a test may put anything in its place that
keeps what is promised here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from indoors_server.gateway import wire

Answer = wire.Head | wire.Chunk | wire.End | wire.Refused


class Door(Protocol):
    """The one way to an endpoint. Use from one event loop."""

    @property
    def reason(self) -> str:
        """Why nothing can be asked now, in words for people; "" if something can be tried."""
        ...

    def renew(self) -> None:
        """Endpoints, certificates or keys have changed: they are read again for the next request
        that finds no other open.
        """
        ...

    def ask(self, ask: wire.Ask) -> AsyncIterator[Answer]:
        """Send a request and give its answer as it comes: one Head, Chunks, End; or Refused.

        `ask.request` and `ask.v` are set here. The last message is always End or Refused, after
        which the iterator ends; it raises nothing but what ends its task. An iterator that is
        closed before its end stops the request, and with it the connection. A generator that is
        merely dropped is closed late: use `contextlib.aclosing`.

        A gateway that ends answers each open request with Refused of kind "gone" and `sent` True,
        and is started again for the next request.
        """
        ...


class NoDoor:
    """The door of a process that has none."""

    reason = "this process has no way out"

    def renew(self) -> None:
        """There is nothing to read again."""

    async def ask(self, ask: wire.Ask) -> AsyncIterator[Answer]:  # noqa: ARG002 - as `Door.ask`
        """Refuse."""
        yield wire.Refused(kind="policy", what="Nothing can be sent from here.", why=self.reason)
