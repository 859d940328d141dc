"""The source files of a tree, as the benchmarks of the index see them.

Nothing here uses the product's own scan: what it leaves out by mistake must be missed somewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from indoors_indexing.languages import LanguageRecord, by_path


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables that are read as one."""
    return frozenset(text.split())


# What is copied or built stands beside the source of it, with the same names: holes and
# definitions are taken from what a person writes.
_NOT_WRITTEN_HERE = words(
    """node_modules vendor third_party dist build target out coverage testdata
    site-packages __pycache__"""
)
MAX_BYTES = 400_000
# Longer lines are not read by anyone, and a hole in one says nothing.
MAX_MEAN_LINE = 200


@dataclass(frozen=True)
class SourceFile:
    """One file: `path` is relative to the tree, with slashes; `data` is what is on the disk."""

    path: str
    record: LanguageRecord
    data: bytes

    @cached_property
    def text(self) -> str:
        """The file as text, byte for byte: no line break is changed, no mark is taken off."""
        return self.data.decode()

    @property
    def language(self) -> str:
        """The LSP language id."""
        return self.record.language_ids[0]

    @property
    def folder(self) -> str:
        """The folder it is in, "" at the top."""
        return self.path.rpartition("/")[0]

    @property
    def sha1(self) -> str:
        """The name of this very content."""
        return hashlib.sha1(self.data, usedforsecurity=False).hexdigest()


def source_files(root: Path) -> list[SourceFile]:
    """The readable source files below `root`, in the order of their paths."""
    return [file for path in _paths(root) if (file := _read(root, path)) is not None]


def _paths(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in _NOT_WRITTEN_HERE and not name.startswith(".")
        )
        inside = Path(folder).relative_to(root)
        yield from sorted((inside / name).as_posix() for name in names)


def _read(root: Path, path: str) -> SourceFile | None:
    record = by_path(path)
    full = root / path
    if record is None or full.is_symlink() or not full.is_file():
        return None
    data = full.read_bytes()
    if not data.strip() or len(data) > MAX_BYTES or b"\0" in data[:8192]:
        return None
    if len(data) / (data.count(b"\n") + 1) > MAX_MEAN_LINE:
        return None
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return SourceFile(path, record, data)


def is_test(path: str) -> bool:
    """Whether a path looks like one of a test or an example: no holes are cut there."""
    *folders, name = path.lower().split("/")
    if any(folder.startswith("test_") or folder.endswith("_tests") for folder in folders):
        return True
    if {"test", "tests", "__tests__", "examples", "example", "benches"} & set(folders):
        return True
    stem = name.partition(".")[0]
    return (
        stem.startswith(("test_", "example_"))
        or stem.endswith(("_test", "test", "tests"))
        or any(part in name for part in (".test.", ".spec.", "-test.", "_bench"))
    )
