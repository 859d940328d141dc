"""Reading what another process is writing just now."""

from __future__ import annotations

from pathlib import Path


def whole_lines(file: Path) -> list[str]:
    """The lines that are written to their end, none without the file: the last one of a file may be
    half there, as often as somebody writes more than a page at once.
    """
    text = file.read_text() if file.exists() else ""
    return text.rpartition("\n")[0].splitlines()
