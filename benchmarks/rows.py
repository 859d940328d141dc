"""Rows of an infilling evaluation: reading them, and scoring an answer.

Any gzipped or plain JSON-lines file whose objects hold a text before the cursor (`prompt` or
`prefix`), one after it (`suffix`) and the text that was cut out (`canonical_solution` or
`groundtruth`) will do.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path

# The short names that evaluation sets use, as LSP language ids and file suffixes.
LANGUAGES = {
    "py": ("python", ".py"),
    "python": ("python", ".py"),
    "js": ("javascript", ".js"),
    "javascript": ("javascript", ".js"),
    "ts": ("typescript", ".ts"),
    "typescript": ("typescript", ".ts"),
    "java": ("java", ".java"),
    "go": ("go", ".go"),
    "rs": ("rust", ".rs"),
    "rust": ("rust", ".rs"),
    "cpp": ("cpp", ".cpp"),
}


@dataclass(frozen=True)
class Row:
    """One hole: `target` was cut out between `prefix` and `suffix`."""

    name: str
    language: str
    path: str
    prefix: str
    suffix: str
    target: str


def read_rows(path: Path, limit: int | None = None) -> list[Row]:
    """Read rows; a line that is not one ends the program with its number and the reason."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if limit is not None and len(rows) >= limit:
            break
        if line.strip():
            try:
                rows.append(_row(json.loads(line), number))
            except (KeyError, ValueError) as error:
                sys.exit(f"{path}:{number}: not an infilling row: {error!r}")
    if not rows:
        sys.exit(f"{path}: no rows")
    return rows


def _row(fields: dict[str, str], number: int) -> Row:
    short = fields.get("language", "py")
    language, extension = LANGUAGES.get(short, (short, "." + short))
    return Row(
        name=fields.get("name") or fields.get("task_id") or fields.get("id") or str(number),
        language=language,
        path=fields.get("path", "main" + extension),
        prefix=fields["prompt"] if "prompt" in fields else fields["prefix"],
        suffix=fields["suffix"],
        target=fields.get("canonical_solution") or fields["groundtruth"],
    )


def is_exact(answer: str, target: str) -> bool:
    """Whether the answer's lines, stripped, equal the target's."""
    wanted = [line.strip() for line in target.splitlines() if line.strip()]
    if len(wanted) <= 1:
        lines = answer.split("\n")
        first = lines[1] if not lines[0].strip() and len(lines) > 1 else lines[0]
        return first.strip() == (wanted[0] if wanted else "")
    given = [line.strip() for line in answer.splitlines() if line.strip()]
    return given[: len(wanted)] == wanted


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def spread(values: list[float], n_digits: int) -> dict[str, float]:
    """Median and 95th percentile, rounded, and how many values there are."""
    middle, most = (round(percentile(values, share), n_digits) for share in (0.5, 0.95))
    return {"p50": middle, "p95": most, "n": len(values)}
