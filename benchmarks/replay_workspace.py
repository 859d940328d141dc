"""A workspace for a typing replay with an index: the traces' files among those of other projects.

The files are those of data/holes_sources.jsonl.gz. A trace's own file stands among them as it is
before the first key, so nothing that will be typed is in any file.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path

from replay_trace import Trace

_SOURCES = Path(__file__).resolve().parent / "data" / "holes_sources.jsonl.gz"


def lay_out(folder: Path, traces: Sequence[Trace]) -> int:
    """Write the workspace into `folder`; how many files it has."""
    count = 0
    with gzip.open(_SOURCES, "rt", encoding="utf-8") as lines:
        for line in lines:
            source = json.loads(line)
            _write(folder / slug(source["origin"]) / source["path"], source["text"])
            count += 1
    for trace in traces:
        _write(folder / path_of(trace), trace.text)
    return count + len(traces)


def path_of(trace: Trace) -> str:
    """Where the file of a trace is in the workspace."""
    return f"{slug(trace.origin)}/{trace.path}"


def slug(origin: str) -> str:
    """A folder's name for a project: its name, without version and registry."""
    return re.sub(r"[^\w.-]+", "-", origin.split(" ")[0]).strip("-") or "project"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="")
