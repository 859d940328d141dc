"""One root's index as it is asked for snippets: the store, the files' texts, and the list of paths.

    related(site) -> what the store knows, aligned with -> the texts that are now
                                                           (open documents before the disk)

The index may be a moment behind a file that is being written. Offsets are believed only where the
text is the one that was indexed; in an open document they are carried over the last edit.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec

from indoors_indexing import related as relations
from indoors_indexing.facts import Base, Definition, Import
from indoors_indexing.follow import Bindings
from indoors_indexing.reading import (
    Opened,
    Unreadable,
    open_root,
    open_source,
    read_part,
    read_source,
)
from indoors_indexing.recent import Ring
from indoors_indexing.records import digest
from indoors_indexing.related import Site
from indoors_indexing.resolve import CONFIG_NAMES, MemoryFiles, project_of
from indoors_indexing.sift import MAX_SOURCE_BYTES
from indoors_indexing.store_read import Counts, Defined, Derived, FileRow, Hit, Reader
from indoors_indexing.types import Snippet

NO_TEXTS: Mapping[str, str] = MappingProxyType({})
_NO_RING = Ring()
# What listing the files may take of the time: a root with very many is listed less often.
_LISTING_SHARE = 0.05
_MAX_CONFIGS = 2000
# So many files are all that a few cursors look into, and some megabytes.
_MAX_REMEMBERED = 1000
# And so many of them are open at the same time.
_MAX_OPEN = 128
_T = TypeVar("_T")


class View:
    """Asks the index of one root. For one thread; never raises on anything in the root."""

    def __init__(
        self, root: Path, cache: Path, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._root = str(root)
        self._clock = clock
        self._reader = Reader.open(root, cache)
        self._files = MemoryFiles(())
        self._paths: list[str] = []
        self._configs: dict[str, tuple[bytes, str]] = {}
        self._version: tuple[int, ...] = ()
        self._list_at = 0.0
        self._known = _Known(())

    def close(self) -> None:
        """Let go of the database; a later question opens it again."""
        self._reader.close()

    def prepare(self) -> None:
        """Open the database and list the files, so that the next question need not."""
        version = self._reader.version()
        with _Now(self._root, self._reader, NO_TEXTS, self._known) as now:
            self._list(now, version)

    def counts(self) -> Counts:
        """How much the index holds."""
        return self._reader.counts()

    def paths(self) -> frozenset[str]:
        """The files that the index has; none where there is no index."""
        return frozenset(self._reader.paths())

    def related(
        self,
        site: Site,
        budget_tokens: int,
        *,
        ring: Ring = _NO_RING,
        texts: Mapping[str, str] = NO_TEXTS,
        within_s: float = 0.05,
    ) -> tuple[Snippet, ...]:
        """The snippets for a cursor, as `related.related`, from what is known after `within_s`.

        `texts` are the open documents, by their paths in the index.
        """
        late_at = self._clock() + within_s
        texts = {**texts, site.document.path: site.document.text}
        with self._reader.held(), _uncollected():
            version = self._reader.version()
            if version != self._known.version:
                self._known = _Known(version)
            with _Now(self._root, self._reader, texts, self._known) as now:
                self._list(now, version)
                return relations.related(
                    site, budget_tokens, now, self._files, ring,
                    is_late=lambda: self._clock() > late_at, bindings=self._known.bindings,
                )  # fmt: skip

    def _list(self, now: _Now, version: tuple[int, ...]) -> None:
        """Know the files of the root, and what its project files say."""
        started_s = self._clock()
        if started_s < self._list_at:
            return
        if version == self._version:
            return
        self._version = version
        paths = self._reader.paths()
        is_same = paths == self._paths
        # Mostly a file was written that was there before: then only these few are looked at.
        of_project = self._configs if is_same else _configs_of(paths)
        rows = [self._reader.file(path) for path in of_project]
        configs = {row.path: row.hash for row in rows if row is not None}
        known = {path: digest for path, (digest, _) in self._configs.items()}
        if not is_same or configs != known:
            self._configs = {
                path: (digest, now.whole(path).decode("utf-8", "replace"))
                if known.get(path) != digest
                else self._configs[path]
                for path, digest in configs.items()
            }
            project = project_of({path: text for path, (_, text) in self._configs.items()}, paths)
            self._files, self._paths = MemoryFiles(paths, project), paths
        took_s = self._clock() - started_s
        self._list_at = started_s + took_s / _LISTING_SHARE


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Do not look for garbage meanwhile: a question makes thousands of small objects and no cycle
    of them, and to walk all objects of a server took a tenth of the time of a slow question.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Text(msgspec.Struct, frozen=True):
    """A file's bytes as they are now. `shift` is None where they are the ones that were indexed;
    else how much longer they are, all of it in one place.
    """

    data: bytes
    shift: int | None


class _Known:
    """What the index said of files since it was last written to: the next cursor is mostly near."""

    def __init__(self, version: tuple[int, ...]) -> None:
        self.version = version
        self.named: dict[str, list[Defined]] = {}
        self.definitions: dict[str, list[Definition]] = {}
        self.of_files: dict[str, list[Definition]] = {}
        self.imports: dict[str, list[Import]] = {}
        self.bases: dict[str, list[Base]] = {}
        self.files: dict[str, FileRow | None] = {}
        self.bindings = Bindings()


class _Now:
    """A `lookup.Reader` for one question: what the store says, where it is true of the files."""

    def __init__(self, root: str, reader: Reader, texts: Mapping[str, str], known: _Known) -> None:
        self._known = known
        self._name = root
        self._root: int | None = None
        self._reader = reader
        self._open = texts
        self._texts: dict[str, _Text | None] = {}
        # Files that are as they were indexed, None for others.
        self._opened: dict[str, Opened | None] = {}

    def __enter__(self) -> _Now:
        with contextlib.suppress(OSError):
            self._root = open_root(self._name)
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._opened.values():
            if opened is not None:
                os.close(opened.descriptor)
        if self._root is not None:
            os.close(self._root)

    def definitions_named(self, names: Sequence[str], limit: int = 200) -> list[Defined]:
        key = f"{limit} {' '.join(names)}"
        found = _remembered(
            self._known.named, key, lambda _: self._reader.definitions_named(names, limit)
        )
        if not any(one.path in self._open for one in found):
            return found
        aligned = ((one.path, self._aligned(one.path, one.definition)) for one in found)
        return [Defined(path, one) for path, one in aligned if one is not None]

    def definitions_in(self, path: str) -> list[Definition]:
        found = _remembered(self._known.definitions, path, self._reader.definitions_in)
        return self._all_aligned(path, found)

    def definitions_of(self, path: str, name: str) -> list[Definition]:
        if path in self._known.definitions:
            found = [one for one in self._known.definitions[path] if one.name == name]
        else:
            key = f"{path}\0{name}"
            found = _remembered(
                self._known.of_files, key, lambda _: self._reader.definitions_of(path, name)
            )
        return self._all_aligned(path, found)

    def imports_of(self, path: str) -> list[Import]:
        return _remembered(self._known.imports, path, self._reader.imports_of)

    def bases_in(self, path: str) -> list[Base]:
        return _remembered(self._known.bases, path, self._reader.bases_in)

    def derived_from(self, names: Sequence[str], limit: int = 200) -> list[Derived]:
        return self._reader.derived_from(names, limit)

    def alike(
        self, weights: Mapping[str, float], limit: int = 20
    ) -> tuple[list[Hit], dict[str, float]]:
        found, rarities = self._reader.alike(weights, limit)
        # Nearly all of them are read.
        self._know({hit.path for hit in found})
        return [hit for hit in found if not self._is_ahead(hit.path)], rarities

    def containing(self, identifier: str, limit: int = 200) -> list[Hit]:
        found = self._reader.containing(identifier, limit)
        return [hit for hit in found if not self._is_ahead(hit.path)]

    def source(self, path: str, start: int, end: int) -> bytes:
        # Of a large file a few lines are wanted, and to read all of it takes most of the time.
        if path not in self._open and path not in self._texts:
            part = self._part(path, start, end)
            if part is not None:
                return part
        text = self._text(path)
        return b"" if text is None else text.data[start:end]

    def whole(self, path: str) -> bytes:
        """All of a file as it is now; nothing of one that is not as it was indexed."""
        text = self._text(path)
        return b"" if text is None else text.data

    def _is_ahead(self, path: str) -> bool:
        """Whether an open document has changed since it was indexed."""
        if path not in self._open:
            return False
        text = self._text(path)
        return text is None or text.shift is not None

    def _all_aligned(self, path: str, found: list[Definition]) -> list[Definition]:
        if path not in self._open or ((text := self._text(path)) and text.shift is None):
            return found
        return [one for one in (self._aligned(path, each) for each in found) if one is not None]

    def _aligned(self, path: str, definition: Definition) -> Definition | None:
        """A definition of an open document at its place in the text that is open now."""
        if path not in self._open:
            return definition
        text = self._text(path)
        if text is None or text.shift is None:
            return None if text is None else definition
        name, at = definition.name.encode("utf-8", "replace"), definition.name_start
        if text.data.startswith(name, at):
            return definition
        if text.shift and at + text.shift >= 0 and text.data.startswith(name, at + text.shift):
            return _shifted(definition, text.shift)
        return None

    def _text(self, path: str) -> _Text | None:
        """A file's text now; None if it cannot be read, or changed on the disk since."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _know(self, paths: set[str]) -> None:
        """Read what the index says of files."""
        known = self._known.files
        if len(known) >= _MAX_REMEMBERED:
            known.clear()
        if new := paths - known.keys():
            known |= dict.fromkeys(new, None)
            known |= {row.path: row for row in self._reader.files_at(list(new))}

    def _part(self, path: str, start: int, end: int) -> bytes | None:
        """A part of a file that is as it was indexed by its size and time; None for others."""
        if path not in self._opened:
            self._opened[path] = self._as_indexed(path)
        opened = self._opened[path]
        if opened is None:
            return None
        try:
            part = read_part(opened.descriptor, start, min(end, opened.size))
            status = os.fstat(opened.descriptor)
        except OSError:
            return b""
        if (status.st_size, status.st_mtime_ns) == (opened.size, opened.mtime_ns):
            return part
        # It is being written, and these are other lines than those that were indexed.
        self._opened[path] = self._texts[path] = None
        os.close(opened.descriptor)
        return b""

    def _as_indexed(self, path: str) -> Opened | None:
        self._know({path})
        row = self._known.files[path]
        if row is None or self._root is None or len(self._opened) >= _MAX_OPEN:
            return None
        try:
            opened = open_source(self._root, path, MAX_SOURCE_BYTES)
        except Unreadable:
            return None
        if (opened.size, opened.mtime_ns) == (row.size, row.mtime_ns):
            return opened
        os.close(opened.descriptor)
        return None

    def _read(self, path: str) -> _Text | None:
        self._know({path})
        row = self._known.files[path]
        if row is None:
            return None
        if (shown := self._open.get(path)) is not None:
            data = shown.encode("utf-8", "replace")
            same = len(data) == row.size and digest(data) == row.hash
            return _Text(data, None if same else len(data) - row.size)
        if self._root is None:
            return None
        try:
            content = read_source(self._root, path, MAX_SOURCE_BYTES)
        except Unreadable:
            return None
        if len(content.data) != row.size or (
            content.mtime_ns != row.mtime_ns and digest(content.data) != row.hash
        ):
            return None
        return _Text(content.data, None)


def _configs_of(paths: list[str]) -> list[str]:
    """The project files among all files."""
    return [
        path for path in paths
        if path.rpartition("/")[2] in CONFIG_NAMES or path.endswith(".csproj")
    ][:_MAX_CONFIGS]  # fmt: skip


def _remembered(known: dict[str, list[_T]], path: str, ask: Callable[[str], list[_T]]) -> list[_T]:
    found = known.get(path)
    if found is None:
        if len(known) >= _MAX_REMEMBERED:
            known.clear()
        found = known[path] = ask(path)
    return found


def _shifted(definition: Definition, by: int) -> Definition:
    changes = {
        name: getattr(definition, name) + by
        for name in ("start", "end", "head_end", "doc_start", "doc_end", "name_start")
    }
    return msgspec.structs.replace(definition, **changes)
