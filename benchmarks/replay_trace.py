"""Typing traces: what they look like, how they are read, and the document that they change.

A trace file is JSON lines (gzipped if its name ends in .gz), UTF-8, one trace a line:

    {"name": "…",                 names the trace in messages
     "path": "pkg/module.py",     relative, with forward slashes
     "language": "python",        an LSP language id
     "text": "…",                 the document when it is opened, line breaks are \\n
     "cursor": [line, character], where typing begins, both from 0, characters are code points
     "licence": "…", "origin": "…",          optional, for whoever publishes the file
     "events": [{"at": 0, "insert": "x"},    at: milliseconds since typing began, never decreasing
                {"at": 180, "backspace": 1}, how many characters before the cursor go
                {"at": 900, "accept": "…"},  the person accepts: this text is inserted whatever the
                                             system shows, so that every system gets the same keys
                {"at": 2500, "cursor": [line, character]}]}   the cursor jumps

An insertion may be longer than one character: a line break with the indentation that an editor adds
is one. Only insertions, deletions and accepts are keys at which a completion is asked for.

**Which text would have been right** is not written down; it follows from the events. A visit to a
line lasts until a line break is inserted or the cursor jumps; the line as it stands then is what
the person wanted from the start. A key counts towards `lines_right` if its line, from its start to
the cursor, begins that finished line (no typing error stands) and something is still missing.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["insert", "backspace", "accept", "cursor"]
KINDS: tuple[Kind, ...] = ("insert", "backspace", "accept", "cursor")
# An editor session of a quarter of an hour; more than that is surely in another unit.
_LONGEST_MS = 15 * 60 * 1000


class TraceError(ValueError):
    """A trace that cannot be replayed; the text says where, what is wrong, and what to do."""


@dataclass(frozen=True)
class Event:
    """One thing that the person did. `text` for insert and accept, `count` for backspace."""

    at_ms: float
    kind: Kind
    text: str = ""
    count: int = 0
    line: int = 0
    character: int = 0

    @property
    def is_key(self) -> bool:
        """Whether it changes the text: then a completion is asked for."""
        return self.kind != "cursor"


@dataclass(frozen=True)
class Trace:
    """A document, where the cursor stands, and what is done to it."""

    name: str
    path: str
    language: str
    text: str
    cursor: tuple[int, int]
    events: tuple[Event, ...]
    licence: str = ""
    origin: str = ""

    @property
    def duration_ms(self) -> float:
        """From the first moment of typing to the last event."""
        return self.events[-1].at_ms


@dataclass(frozen=True)
class Change:
    """One change of a document, as LSP's incremental synchronisation has it (UTF-16 units)."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


class Document:
    """A text with a cursor, as an editor holds it."""

    def __init__(self, text: str, line: int, character: int) -> None:
        self.text = text
        self.version = 1
        self.offset = 0
        self.move(line, character)

    def move(self, line: int, character: int) -> None:
        """Put the cursor there. Raises ValueError if the document has no such place."""
        lines = self.text.split("\n")
        if not (0 <= line < len(lines) and 0 <= character <= len(lines[line])):
            raise ValueError(f"there is no place [{line}, {character}] in the document")
        self.offset = sum(len(text) + 1 for text in lines[:line]) + character

    @property
    def before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.text[self.text.rfind("\n", 0, self.offset) + 1 : self.offset]

    @property
    def after(self) -> str:
        """The cursor's line from the cursor on."""
        end = self.text.find("\n", self.offset)
        return self.text[self.offset : end if end >= 0 else len(self.text)]

    @property
    def line(self) -> int:
        """The cursor's line, from 0."""
        return self.text.count("\n", 0, self.offset)

    def position(self, offset: int | None = None) -> tuple[int, int]:
        """An offset (the cursor's if not given) as line and UTF-16 character."""
        at = self.offset if offset is None else offset
        start = self.text.rfind("\n", 0, at) + 1
        return self.text.count("\n", 0, at), units(self.text[start:at])

    def apply(self, event: Event) -> Change | None:
        """Do what the event says; the change, None for a jump. ValueError if it cannot be done."""
        if event.kind == "cursor":
            self.move(event.line, event.character)
            return None
        count = event.count if event.kind == "backspace" else 0
        if count > self.offset:
            raise ValueError(f"{count} characters cannot go, {self.offset} are before the cursor")
        start = self.offset - count
        change = Change(self.position(start), self.position(), event.text)
        self.text = self.text[:start] + event.text + self.text[self.offset :]
        self.offset = start + len(event.text)
        self.version += 1
        return change


def units(text: str) -> int:
    """The length in UTF-16 units, which is what LSP counts in."""
    return len(text.encode("utf-16-le")) // 2


def offset_of(text: str, line: int, character: int) -> int:
    """The offset of a line and a UTF-16 character; beyond the line's end is its end."""
    lines = text.split("\n")
    if line >= len(lines):
        return len(text)
    data = lines[line].encode("utf-16-le")[: 2 * max(0, character)]
    return sum(len(one) + 1 for one in lines[:line]) + len(data.decode("utf-16-le", "ignore"))


def finished_lines(trace: Trace) -> list[str | None]:
    """For every event the line that the person was after; None where a typing error stands.

    Also None where nothing is missing any more, and for a jump.
    """
    document = Document(trace.text, *trace.cursor)
    states: list[tuple[str, str]] = []  # the line before and after the cursor, after each event
    visits: list[int] = []
    finished: list[str] = []  # per visit
    for event in trace.events:
        first, line_break, _ = event.text.partition("\n")
        if event.kind == "cursor":
            finished.append(document.before + document.after)
        elif line_break:
            finished.append(document.before + first)
        document.apply(event)
        states.append((document.before, document.after))
        visits.append(len(finished))
    finished.append(document.before + document.after)
    return [
        _wanted(finished[visit], *state) if event.is_key else None
        for event, visit, state in zip(trace.events, visits, states, strict=True)
    ]


def _wanted(finished: str, before: str, after: str) -> str | None:
    missing = finished[len(before) : len(finished) - len(after)]
    fits = finished.startswith(before) and finished.endswith(after)
    return finished if fits and missing.strip() else None


def final_text(trace: Trace) -> str:
    """The document after the last event."""
    document = Document(trace.text, *trace.cursor)
    for event in trace.events:
        document.apply(event)
    return document.text


def read_traces(path: Path, limit: int | None = None) -> list[Trace]:
    """Read a trace file; TraceError names the line, the fault and the next step."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}: give a readable file") from error
    except (UnicodeDecodeError, EOFError) as error:
        raise TraceError(f"{path}: not UTF-8 JSON lines ({error}): save it as UTF-8") from error
    traces: list[Trace] = []
    for number, line in enumerate(text.split("\n"), 1):
        if limit is not None and len(traces) >= limit:
            break
        if line.strip():
            try:
                traces.append(parse_trace(json.loads(line)))
            except json.JSONDecodeError as error:
                raise TraceError(
                    f"{path}:{number}: not JSON ({error}): write one object a line"
                ) from error
            except TraceError as error:
                raise TraceError(f"{path}:{number}: {error}") from error
    if not traces:
        raise TraceError(f"{path}: no traces: benchmarks/README.md says what a line looks like")
    return traces


def parse_trace(raw: object) -> Trace:
    """Check one trace and replay it once on paper. Raises TraceError."""
    if not isinstance(raw, dict):
        raise TraceError("a trace is a JSON object: see benchmarks/README.md")
    fields = {key: _string(raw, key) for key in ("name", "path", "language", "text")}
    if fields["path"].startswith("/") or ".." in fields["path"].split("/"):
        raise TraceError('"path" must be relative without "..": remove what is before the project')
    if "\r" in fields["text"]:
        raise TraceError('"text" has carriage returns: write line breaks as \\n')
    cursor = _place(raw.get("cursor"), '"cursor"')
    listed = raw.get("events")
    if not isinstance(listed, list) or not listed:
        raise TraceError('"events" must be a list with at least one event: add what was typed')
    events = tuple(_event(item, number) for number, item in enumerate(listed, 1))
    trace = Trace(
        **fields,
        cursor=cursor,
        events=events,
        licence=str(raw.get("licence", "")),
        origin=str(raw.get("origin", "")),
    )
    _replay_on_paper(trace)
    return trace


def _replay_on_paper(trace: Trace) -> None:
    try:
        document = Document(trace.text, *trace.cursor)
    except ValueError as error:
        raise TraceError(f'"cursor": {error}: lines and characters count from 0') from error
    last_ms = 0.0
    for number, event in enumerate(trace.events, 1):
        if event.at_ms < last_ms:
            raise TraceError(
                f"event {number}: at {event.at_ms:g} ms comes before {last_ms:g} ms: "
                "sort the events by time"
            )
        last_ms = event.at_ms
        try:
            document.apply(event)
        except ValueError as error:
            raise TraceError(
                f"event {number}: {error}: the events before it lead somewhere else"
            ) from error


def _event(raw: object, number: int) -> Event:
    where = f"event {number}"
    if not isinstance(raw, dict):
        raise TraceError(f'{where}: an event is an object such as {{"at": 0, "insert": "x"}}')
    at = raw.get("at")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= _LONGEST_MS:
        raise TraceError(f'{where}: "at" must be milliseconds from 0 to {_LONGEST_MS}, not {at!r}')
    named = [kind for kind in KINDS if kind in raw]
    if len(named) != 1:
        raise TraceError(f"{where}: exactly one of {', '.join(KINDS)} must be there, not {named}")
    kind, value = named[0], raw[named[0]]
    if kind == "cursor":
        line, character = _place(value, where)
        return Event(float(at), kind, line=line, character=character)
    if kind == "backspace":
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise TraceError(f'{where}: "backspace" is a number of characters, not {value!r}')
        return Event(float(at), kind, count=value)
    if not isinstance(value, str) or not value or "\r" in value:
        raise TraceError(f'{where}: "{kind}" must be text that is not empty, with \\n line breaks')
    return Event(float(at), kind, text=value)


def _string(raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not (value or key == "text"):
        raise TraceError(f'"{key}" must be text: add it (benchmarks/README.md has an example)')
    return value


def _place(value: object, where: str) -> tuple[int, int]:
    if (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(number, int) and not isinstance(number, bool) for number in value)
    ):
        return value[0], value[1]
    raise TraceError(f"{where}: a place is [line, character], both from 0, not {value!r}")


def read_or_leave(path: Path, limit: int | None = None) -> list[Trace]:
    """`read_traces` for commands: a fault ends the program with its text."""
    try:
        return read_traces(path, limit)
    except TraceError as error:
        sys.exit(str(error))
