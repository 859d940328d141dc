"""Why a request is not answered, as it is thrown within the gateway."""

from __future__ import annotations

from indoors_server.gateway import wire


class Failure(Exception):
    """What/why/next_step are for people, and hold no code and no key."""

    def __init__(
        self, kind: wire.RefusalKind, what: str, why: str = "", next_step: str = ""
    ) -> None:
        super().__init__(what)
        self.kind: wire.RefusalKind = kind
        self.what = what
        self.why = why
        self.next_step = next_step

    def refused(self, *, is_sent: bool) -> wire.Refused:
        """The message about it."""
        return wire.Refused(
            kind=self.kind,
            what=self.what,
            why=self.why,
            next_step=self.next_step,
            sent=is_sent,
        )
