"""Answers of the model, kept as they come: who kills the benchmark loses the row it was at.

One JSON object a line, each appended and synced before the next row is asked. The key says all that
the answer depends on: the row's text, the snippets, the settings, the model file and the code that
makes prompts and filters answers. A changed index changes snippets, so only rows whose snippets
changed are asked again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from repo_rows import RepoRow

from indoors_indexing.types import Snippet

_COMPLETION = ("completion/indoors_completion/**/*.py", "completion/indoors_completion/*.json")
# The part of indexing that a completion without snippets depends on: what reads syntax.
_SYNTAX = tuple(
    f"indexing/indoors_indexing/{name}.py"
    for name in ("blocks*", "language*", "lines", "parse", "site", "sources", "types")
)


def code_version(root: Path) -> str:
    """A hash of the sources that turn a row with its snippets into an answer."""
    paths = {path for pattern in (*_COMPLETION, *_SYNTAX) for path in root.glob(pattern)}
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def fingerprint(settings: dict[str, Any]) -> str:
    """A name for a set of settings, in any order."""
    return _short(json.dumps(settings, sort_keys=True))


def key_of(row: RepoRow, context: str, snippets: Sequence[Snippet], settings: str) -> str:
    """What an answer is kept under."""
    shown = [(snippet.path, snippet.text) for snippet in snippets]
    text = json.dumps([row.language, row.path, row.prefix, row.suffix, row.target, shown])
    return f"{row.name} {context} {settings} {_short(text)}"


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Answers:
    """The file of answers. The last line of a killed run may be half written: it is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, dict[str, Any]] = {}
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with path.open("r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            try:
                answer = json.loads(line)
                self._kept[answer["key"]] = answer
            except (KeyError, TypeError, ValueError):
                continue  # of another program, or damaged: asked again

    def get(self, key: str) -> dict[str, Any] | None:
        """A kept answer."""
        return self._kept.get(key)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of `keys` that have no answer yet."""
        return [key for key in keys if key not in self._kept]

    def add(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer: it is on the disk when this returns."""
        kept = {"key": key, **answer}
        with self._path.open("ab") as file:
            file.write(json.dumps(kept).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._kept[key] = kept
