"""The one place where the benchmarks touch the index: building it, updating it, asking it.

Where a part of the index is missing, `Missing` says which one, and a benchmark ends with status 2.
"""

from __future__ import annotations

import importlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from repo_rows import RepoRow, cut_out

from indoors_completion import budget
from indoors_completion.window import CHARS_PER_TOKEN
from indoors_indexing.related import Site
from indoors_indexing.types import Document, Snippet, Span
from indoors_indexing.view import View
from indoors_server import children


class Missing(Exception):
    """A part of the index that is not there; str() names it."""


def part(name: str) -> Any:
    """A module of the index. Raises Missing."""
    try:
        return importlib.import_module(f"indoors_indexing.{name}")
    except ModuleNotFoundError as error:
        raise Missing(f"indoors_indexing.{name} ({error})") from error


class Index:
    """The index of one tree, its database below `cache`. Raises Missing when it is made."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self._build, store = part("build"), part("store")
        self._writer = store.Writer.open(root, cache)
        self.reader = store.Reader.open(root, cache)
        self.view = View(root, cache)

    def bring_up_to_date(self) -> int:
        """A pass over the whole tree, with as many processes as the product takes; files changed.

        Raises RuntimeError if it did not come to its end.
        """
        spawn = partial(children.spawn, "indexer", "--maker", f"--root={self.root}")
        outcome = self._build.bring_up_to_date(self._writer, str(self.root), spawn=spawn)
        if not outcome.is_complete:
            raise RuntimeError(f"the pass ended early: {outcome}")
        return int(outcome.n_changed + outcome.n_removed)

    def update(self, paths: list[str]) -> None:
        """Look at files that changed (relative, with slashes)."""
        if self._build.update(self._writer, str(self.root), paths).needs_pass:
            self.bring_up_to_date()

    def search(self, words: list[str], count: int = 5) -> list[str]:
        """The paths of the pieces that fit best."""
        return [hit.path for hit in self.reader.search(words, count)]

    def counts(self) -> tuple[int, int]:
        """Files and lines."""
        counts = self.reader.counts()
        return counts.n_files, counts.n_lines

    def close(self) -> None:
        """Let go of the database."""
        self.view.close()
        self.reader.close()
        self._writer.close()


@dataclass(frozen=True)
class Cursor:
    """Where something is asked: a file as it is on the screen, and a byte offset into it."""

    path: str
    language: str
    data: bytes
    byte: int

    def site(self, budget_tokens: int) -> Site:
        """The place, with the part of the file that a prompt with such a budget shows anyway."""
        text = self.data.decode("utf-8", "replace")
        offset = len(self.data[: self.byte].decode("utf-8", "replace"))
        rest = budget_tokens / budget.SNIPPETS_SHARE - budget_tokens
        after = int(rest * budget.SUFFIX_SHARE) * CHARS_PER_TOKEN
        before = int(rest * (1 - budget.SUFFIX_SHARE)) * CHARS_PER_TOKEN
        return Site(
            document=Document(
                uri=f"file:///{self.path}",
                path=self.path,
                language=self.language,
                version=1,
                text=text,
            ),
            offset=offset,
            window=Span(max(0, offset - before), min(len(text), offset + after)),
        )


def ours_snippets(index: Index, cursor: Cursor, budget_tokens: int) -> tuple[Snippet, ...]:
    """What the index gives for a cursor, as it is shown, under the deadline that it really has."""
    return index.view.related(cursor.site(budget_tokens), budget_tokens)


def require_all() -> None:
    """Raises Missing if anything is missing that `ours_snippets` needs."""
    for name in ("build", "store", "related"):
        part(name)


class WorkingCopy:
    """A copy of a tree below `place`, in which targets are cut out one at a time."""

    def __init__(self, tree: Path, place: Path) -> None:
        self.root = place / tree.name
        shutil.copytree(tree, self.root, symlinks=True)

    @contextmanager
    def without(self, row: RepoRow) -> Iterator[bytes]:
        """The file's bytes without the row's target, which is gone from the copy meanwhile."""
        file = self.root / row.path
        whole = file.read_bytes()
        left = cut_out(row, whole)
        file.write_bytes(left)
        try:
            yield left
        finally:
            file.write_bytes(whole)


class IndexedCopies:
    """Working copies with an index each, made when a row of a tree first asks for one."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._copies: dict[Path, tuple[WorkingCopy, Index]] = {}
        self.took_ms = 0.0  # how long the last answer took, without the changes to the index

    def snippets(self, row: RepoRow, tree: Path, budget_tokens: int) -> tuple[Snippet, ...]:
        """What the index of the row's tree gives, the target being in no file. Raises Missing."""
        require_all()
        if tree not in self._copies:
            place = self._place / str(len(self._copies))
            copy = WorkingCopy(tree, place / "tree")
            index = Index(copy.root, place / "cache")
            index.bring_up_to_date()
            self._copies[tree] = copy, index
        copy, index = self._copies[tree]
        with copy.without(row) as data:
            index.update([row.path])
            cursor = Cursor(row.path, row.language, data, row.start)
            started = time.perf_counter()
            found = ours_snippets(index, cursor, budget_tokens)
            self.took_ms = (time.perf_counter() - started) * 1000
        index.update([row.path])
        return found

    def close(self) -> None:
        """Close every index."""
        for _, index in self._copies.values():
            index.close()
