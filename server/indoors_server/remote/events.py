"""From the bytes of an answer to JSON values: server-sent events, lines of JSON, or one value.

Lines are bounded, because whoever answers may answer anything.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Form = Literal["sse", "lines"]

MAX_LINE_BYTES = 1024 * 1024
# The end of a stream, as OpenAI's API says it.
DONE = "[DONE]"


class NotUnderstood(Exception):
    """What came is nothing that this kind of API says; the message says why, without quoting it."""


class Events:
    """Feed it bytes; it gives values. `is_done` once the stream said that it is over."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._rest = b""
        self.is_done = False

    def feed(self, data: bytes) -> list[Any]:
        """The values that are whole now. Raises NotUnderstood."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, (self._rest, *lines))) > MAX_LINE_BYTES:
            raise NotUnderstood("a line of the answer is too long")
        return [value for line in lines for value in self._values(line)]

    def end(self) -> list[Any]:
        """What stands in a last line without a line end."""
        rest, self._rest = self._rest, b""
        return self._values(rest)

    def _values(self, line: bytes) -> list[Any]:
        line = line.strip(b"\r\n \t")
        if not line or self.is_done:
            return []
        if self._form == "sse":
            name, colon, rest = line.partition(b":")
            if not colon or name not in (b"data", b"error"):
                # Comments keep a connection alive; other fields say nothing that is needed here.
                if name in (b"", b"event", b"id", b"retry"):
                    return []
                raise NotUnderstood("the answer is no stream of events")
            line = rest.strip()
            if line == DONE.encode():
                self.is_done = True
                return []
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            raise NotUnderstood("the answer is not JSON") from None
        return [value]


def value_of(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The one value that a body is. Raises NotUnderstood."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise NotUnderstood("the answer is not JSON") from None
