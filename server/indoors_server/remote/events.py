"""From the bytes of an answer to JSON values: server-sent events, lines of JSON, or one value.

Lines are bounded, because whoever answers may answer anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from indoors_server.event_stream import DONE, EventStream, TooLong

Form = Literal["sse", "lines"]

MAX_LINE_BYTES = 1024 * 1024
# Of what is no stream of events; a page that says so is shorter.
_MOST_FOREIGN_BYTES = 64 * 1024


class NotUnderstood(Exception):
    """What came is nothing that this kind of API says; the message says why, without quoting it."""


class Events:
    """Feed it bytes; it gives values. `is_done` once the stream said that it is over."""

    def __init__(self, form: Form) -> None:
        self._stream: EventStream | _Lines = (
            EventStream(MAX_LINE_BYTES) if form == "sse" else _Lines()
        )
        self._has_any = False
        self._n_bytes = 0
        self.is_done = False

    def feed(self, data: bytes) -> list[Any]:
        """The values that are whole now. Raises NotUnderstood."""
        values = self._values(lambda: self._stream.feed(data))
        self._n_bytes += len(data)
        if self._stream.is_foreign and not self._has_any and self._n_bytes > _MOST_FOREIGN_BYTES:
            raise NotUnderstood("the answer is no stream of events")
        return values

    def end(self) -> list[Any]:
        """What stands at the end without a line end. Raises NotUnderstood, also where all that came
        was something else.
        """
        values = self._values(self._stream.end)
        if self._stream.is_foreign and not self._has_any:
            raise NotUnderstood("the answer is no stream of events")
        return values

    def _values(self, read: Callable[[], list[bytes]]) -> list[Any]:
        values: list[Any] = []
        try:
            for data in read():
                self._has_any = True
                self.is_done = self.is_done or data == DONE
                if not self.is_done:
                    values.append(msgspec.json.decode(data))
        except TooLong:
            raise NotUnderstood("a line of the answer is too long") from None
        except (msgspec.DecodeError, RecursionError):
            raise NotUnderstood("the answer is not JSON") from None
        return values


class _Lines:
    """One value on each line."""

    is_foreign = False

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, (self._rest, *lines))) > MAX_LINE_BYTES:
            raise TooLong
        return [line for line in lines if line.strip()]

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []


def value_of(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The one value that a body is. Raises NotUnderstood."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise NotUnderstood("the answer is not JSON") from None
