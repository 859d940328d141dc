"""Rows whose holes need other files: reading them, finding their tree, cutting the target out.

The fields are those of `tree_holes.make_rows`. A row belongs to a tree if its file lies there with
the very same bytes; anything else would be another place.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rows import LANGUAGES

from indoors_indexing.types import Snippet


@dataclass(frozen=True)
class RepoRow:
    """One hole: `target` was cut out between `prefix` and `suffix`, bytes `start` to `end`."""

    name: str
    repo: str
    language: str
    path: str
    kind: str
    prefix: str
    suffix: str
    target: str
    start: int
    end: int
    file_sha1: str
    symbol: str
    def_paths: tuple[str, ...]
    is_elsewhere: bool
    own_bm25: tuple[Snippet, ...]
    oracle: tuple[Snippet, ...]

    @property
    def needs_symbol(self) -> bool:
        """Whether another file defines what the hole begins with."""
        return bool(self.symbol and self.def_paths)


def read_repo_rows(path: Path) -> list[RepoRow]:
    """Read rows; a line that is not one ends the program with its number and the reason."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    found: list[RepoRow] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(_row(json.loads(line)))
            except (KeyError, TypeError, ValueError) as error:
                sys.exit(f"{path}:{number}: not a row of this kind: {error!r}")
    if not found:
        sys.exit(f"{path}: no rows")
    if len({row.name for row in found}) < len(found):
        sys.exit(f"{path}: two rows have the same id")
    return found


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows, gzipped if the name ends in `.gz`; the same rows give the same bytes."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


def sample(rows: list[RepoRow], count: int | None, seed: int) -> list[RepoRow]:
    """`count` rows drawn by the seed, in the order of the file; all of them without a count."""
    if count is None or count >= len(rows):
        return rows
    chosen = random.Random(seed).sample(range(len(rows)), count)
    return [rows[index] for index in sorted(chosen)]


def _row(fields: dict[str, Any]) -> RepoRow:
    short = fields["language"]
    return RepoRow(
        name=fields["id"],
        repo=fields["repo"],
        language=LANGUAGES.get(short, (short, ""))[0],
        path=fields["path"],
        kind=fields["kind"],
        prefix=fields["prefix"],
        suffix=fields["suffix"],
        target=fields["groundtruth"],
        start=int(fields["byte_start"]),
        end=int(fields["byte_end"]),
        file_sha1=fields["file_sha1"],
        symbol=fields.get("symbol") or "",
        def_paths=tuple(fields.get("def_paths") or ()),
        is_elsewhere=bool(fields.get("line_elsewhere_in_repo")),
        own_bm25=_snippets(fields.get("bm25"), "bm25"),
        oracle=_snippets(fields.get("oracle_def"), "definition"),
    )


def _snippets(given: list[dict[str, Any]] | None, reason: str) -> tuple[Snippet, ...]:
    return tuple(
        Snippet(path=one["path"], text=one["text"], reason=reason, score=float(one.get("score", 0)))
        for one in given or ()
    )


def tree_of(row: RepoRow, trees: Path | None) -> Path | None:
    """The tree that a row was cut from, below `trees`; None if it is not there or is another one.

    It may be called like the row's repository, or like that with a version behind a hyphen.
    """
    if trees is None:
        return None
    for root in (trees / row.repo, *sorted(trees.glob(f"{row.repo}-*"))):
        file = root / row.path
        if file.is_file():
            found = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
            if found == row.file_sha1:
                return root
    return None


def cut_out(row: RepoRow, data: bytes) -> bytes:
    """The file's bytes without the target. Raises ValueError if they are not the row's file."""
    if data[row.start : row.end].decode(errors="replace") != row.target:
        raise ValueError(f"{row.name}: the target does not stand in {row.path} at {row.start}")
    return data[: row.start] + data[row.end :]
