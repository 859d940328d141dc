"""What commands print: colour on a terminal, plain otherwise, progress that shows the rest.

`NO_COLOR` (no-color.org) and a non-terminal turn colour off. Progress goes to stderr, redrawn in
place on a terminal and as a few plain lines otherwise, so that logs stay readable.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_BAR_WIDTH = 32


def has_colour(stream: TextIO) -> bool:
    """Whether to colour what is written to `stream`."""
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    )


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """`text` in a style (bold, dim, red, green, yellow, cyan) where `stream` takes colour."""
    if not has_colour(stream or sys.stdout):
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """Print one line to stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_text(text: str) -> None:
    """Print a text as it is, for whoever reads it from a pipe; on a terminal it steers nothing."""
    if sys.stdout.isatty():
        text = "".join(f"{clean(line)}\n" for line in text.splitlines())
    sys.stdout.write(text)
    sys.stdout.flush()


def warn(text: str) -> None:
    """Print one line to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def clean(text: str) -> str:
    """Text of a file or a file's name, so that nothing in it can steer a terminal.

    Control characters, and those that are invisible or turn the direction of writing, become a dot.
    """
    return "".join(
        character if character.isprintable() else "·" for character in text.replace("\t", " ")
    )


def human_bytes(count: float) -> str:
    """A byte count with a decimal unit, as download pages give it: `491 MB`, `1.1 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            number = count / size
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{count:.0f} B"


class Progress:
    """A progress bar for a known amount of work.

    Call `update(done)` as often as you like; it redraws at most ten times a second on a terminal
    and prints a line at every quarter otherwise. `unit` "bytes" adds a rate and the time left.
    """

    def __init__(self, label: str, total: float, unit: str = "bytes") -> None:
        self._label = label
        self._total = max(total, 1)
        self._unit = unit
        self._started = time.monotonic()
        self._drawn_at = 0.0
        self._quarter = -1
        self._first: float | None = None

    def update(self, done: float) -> None:
        """Show that `done` of the total is done."""
        if self._first is None:
            self._first = done  # what a resumed download already had says nothing about its rate
        now = time.monotonic()
        fraction = min(done / self._total, 1.0)
        if sys.stderr.isatty():
            if now - self._drawn_at < 0.1 and fraction < 1:
                return
            self._drawn_at = now
            filled = int(fraction * _BAR_WIDTH)
            bar = "━" * filled + "╸" * (filled < _BAR_WIDTH)
            line = f"{self._label} {bar:<{_BAR_WIDTH}} {fraction:4.0%}{self._rate(done, now)}"
            sys.stderr.write(f"\r\x1b[K  {line}")
        elif int(fraction * 4) > self._quarter:
            self._quarter = int(fraction * 4)
            sys.stderr.write(f"  {self._label} {fraction:.0%}{self._rate(done, now)}\n")
        sys.stderr.flush()

    def finish(self) -> None:
        """End the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _rate(self, done: float, now: float) -> str:
        elapsed = now - self._started
        moved = done - (self._first or 0)
        if self._unit != "bytes" or elapsed < 0.5 or moved <= 0:
            return ""
        rate = moved / elapsed
        left = max(0.0, (self._total - done) / rate)
        return f"  {human_bytes(rate)}/s  {int(left // 60)}:{int(left % 60):02d} left"
