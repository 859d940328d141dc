"""How a long installation looks on a terminal: one line that moves, or a few plain lines."""

from __future__ import annotations

import sys
import time

from indoors_server.cli import screen

_BAR_WIDTH = 24
_REDRAW_SECONDS = 0.1


class ConsoleReport:
    """An `engine_build.Report` on stderr.

    On a terminal the progress is redrawn in place with the time left; in a log each tenth is one
    line.
    """

    def __init__(self) -> None:
        self._label = ""
        self._started = 0.0
        self._drawn_at = 0.0
        self._first = 0
        self._tenth = -1

    def note(self, text: str) -> None:
        """Print one line."""
        self.finish()
        screen.warn(screen.paint(f"  {text}", "dim", sys.stderr))

    def progress(self, label: str, done: int, total: int, step: str = "") -> None:
        """Show that `done` of `total` is done; numbers in the millions are bytes."""
        now = time.monotonic()
        if label != self._label:
            self.finish()
            self._label, self._started, self._first, self._tenth = label, now, done, -1
        fraction = min(1.0, done / total) if total else 0.0
        amount = f"{done}/{total}" if total < 1_000_000 else screen.human_bytes(done)
        text = f"{fraction:4.0%}  {amount}  {self._times(done, total, now)}"
        if not sys.stderr.isatty():
            if int(fraction * 10) > self._tenth:
                self._tenth = int(fraction * 10)
                screen.warn(f"  {label} {text}")
            return
        if now - self._drawn_at < _REDRAW_SECONDS and done < total:
            return
        self._drawn_at = now
        filled = int(fraction * _BAR_WIDTH)
        bar = "━" * filled + "╸" * (filled < _BAR_WIDTH)
        sys.stderr.write(f"\r\x1b[K  {label} {bar:<{_BAR_WIDTH}} {text}  {step}"[:160])
        sys.stderr.flush()

    def finish(self) -> None:
        """End the progress line."""
        if self._label and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._label = ""

    def _times(self, done: int, total: int, now: float) -> str:
        elapsed = now - self._started
        moved = done - self._first
        if moved <= 0 or elapsed < 2 or not total:
            return _clock(elapsed)
        return f"{_clock(elapsed)}, about {_clock(elapsed / moved * (total - done))} left"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
