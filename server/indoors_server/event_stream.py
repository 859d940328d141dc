"""From the bytes of an answer to the data of its server-sent events, in whatever pieces they come.

The rules are those of the HTML standard (9.2.6, interpreting an event stream): a line ends in CR,
LF or both; a mark of byte order may stand in front; the lines of `data` of one event belong
together; what is no known field is nothing. Two liberties, because servers take them: data that is
whole needs no blank line behind it, and `error` is a field as `data` is (llama.cpp's servers).
"""

from __future__ import annotations

import re

import msgspec

# The end of a stream, as OpenAI's API says it.
DONE = b"[DONE]"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_FIELDS = frozenset({b"data", b"error"})
_OTHERS = frozenset({b"", b"event", b"id", b"retry"})


class TooLong(Exception):
    """A line, or an event, is longer than it may be: whoever answers may answer anything."""


class EventStream:
    """Feed it bytes; it gives the data of events. `is_foreign` once something came that is no part
    of such a stream, which is ignored.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._rest: list[bytes] = []
        self._n_rest = 0
        self._data: list[bytes] = []
        self._n_bytes = 0  # of what is known of the next event
        self._is_first, self._skips_lf = True, False
        self.is_foreign = False

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that are whole now. Raises TooLong."""
        if not data:
            return []
        if self._skips_lf:
            data = data.removeprefix(b"\n")
        self._skips_lf = data.endswith(b"\r")
        # A line that comes in many pieces is put together once, at its end.
        *lines, rest = _LINE_END.split(data)
        if lines:
            lines[0] = b"".join((*self._rest, lines[0]))
            self._rest, self._n_rest = [], 0
        self._rest.append(rest)
        self._n_rest += len(rest)
        if self._n_rest > self._most_bytes:
            self._rest, self._n_rest = [], 0
            raise TooLong
        return [event for line in lines for event in self._event(line)]

    def end(self) -> list[bytes]:
        """What no blank line, or not even the end of a line, stands behind. Raises TooLong."""
        rest, self._rest, self._n_rest = b"".join(self._rest), [], 0
        return [*self._event(rest), *self._event(b"")]

    def _event(self, line: bytes) -> list[bytes]:
        """The event that this line ends, if it ends one."""
        if self._is_first:
            line, self._is_first = line.removeprefix(_BOM), False
        if not line:
            data, self._data, self._n_bytes = b"\n".join(self._data), [], 0
            return [data] if data.strip() else []
        name, _, value = line.partition(b":")
        if name not in _FIELDS:
            self.is_foreign = self.is_foreign or name not in _OTHERS
            return []
        self._n_bytes += len(value) + 1
        if self._n_bytes > self._most_bytes:
            self._data, self._n_bytes = [], 0
            raise TooLong
        value = value.strip()
        if not self._data and _is_whole(value):
            self._n_bytes = 0
            return [value]
        self._data.append(value)
        return []


def _is_whole(value: bytes) -> bool:
    """Whether nothing can belong to this any more."""
    if value == DONE:
        return True
    if not value.endswith(b"}"):
        return False
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
