"""What ranking may ask the index, and one question's memory of what it was told.

`Reader` is what the store offers; results are described by what is read from them, so that neither
side imports the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from indoors_indexing.facts import Base, Definition, Import

# What one question reads from files at most, however much it finds.
_MAX_READS = 160
_SOME, _MANY = 24, 60
# So many names of one file cost as much as all of them.
_MANY_OF_ONE = 6


class DefinedLike(Protocol):
    """A definition and the file it is in."""

    @property
    def path(self) -> str:
        """Relative to the root."""
        ...

    @property
    def definition(self) -> Definition:
        """The definition."""
        ...


class DerivedLike(Protocol):
    """A base as a child names it, and the file that this stands in."""

    @property
    def path(self) -> str:
        """Relative to the root."""
        ...

    @property
    def base(self) -> Base:
        """The inheritance."""
        ...


class HitLike(Protocol):
    """A byte range of a file that a search found; a higher score is better."""

    @property
    def path(self) -> str:
        """Relative to the root."""
        ...

    @property
    def start(self) -> int:
        """Where it begins."""
        ...

    @property
    def end(self) -> int:
        """Where it ends."""
        ...

    @property
    def score(self) -> float:
        """How well it fits."""
        ...


class Reader(Protocol):
    """Answers about one root. Never raises: what is not known gives nothing."""

    def definitions_named(self, names: Sequence[str], limit: int = 200) -> Sequence[DefinedLike]:
        """Definitions that have one of these names, in any file."""
        ...

    def definitions_in(self, path: str) -> Sequence[Definition]:
        """A file's definitions, in order."""
        ...

    def definitions_of(self, path: str, name: str) -> Sequence[Definition]:
        """A file's definitions of one name, in order."""
        ...

    def imports_of(self, path: str) -> Sequence[Import]:
        """What a file imports."""
        ...

    def bases_in(self, path: str) -> Sequence[Base]:
        """Who derives from what in a file."""
        ...

    def derived_from(self, names: Sequence[str], limit: int = 200) -> Sequence[DerivedLike]:
        """Who derives from a base whose last name is one of these."""
        ...

    def alike(
        self, weights: Mapping[str, float], limit: int = 20
    ) -> tuple[Sequence[HitLike], Mapping[str, float]]:
        """The pieces of files that fit weighted words best, and how rare each of the words is."""
        ...

    def containing(self, identifier: str, limit: int = 200) -> Sequence[HitLike]:
        """The pieces of files in which an identifier occurs, in no order."""
        ...

    def source(self, path: str, start: int, end: int) -> bytes:
        """A byte range of a file as it is now; what is not there is left out."""
        ...


class Found(msgspec.Struct, frozen=True, gc=False):
    """A definition in a file."""

    path: str
    definition: Definition

    @property
    def full_name(self) -> str:
        """Its name with what it is in."""
        return ".".join((*self.definition.scope, self.definition.name))


class Lookup:
    """A reader for one question: each thing is asked once, and nothing after the deadline."""

    def __init__(self, reader: Reader, is_late: Callable[[], bool]) -> None:
        self._reader = reader
        self._is_late = is_late
        self._late = False
        self._n_reads = 0
        self._definitions: dict[str, tuple[Definition, ...]] = {}
        self._grouped: dict[str, dict[str, tuple[Definition, ...]]] = {}
        self._members: dict[str, dict[str, list[Definition]]] = {}
        self._single: dict[tuple[str, str], tuple[Definition, ...]] = {}
        self._n_asked: dict[str, int] = {}
        self._imports: dict[str, tuple[Import, ...]] = {}
        self._bases: dict[str, tuple[Base, ...]] = {}
        self._named: dict[tuple[str, bool], tuple[Found, ...]] = {}

    def late(self) -> bool:
        """Whether the time is over; it stays over."""
        self._late = self._late or self._is_late()
        return self._late

    def definitions_in(self, path: str) -> tuple[Definition, ...]:
        """As the reader's."""
        if path not in self._definitions:
            if self.late():
                return ()
            self._definitions[path] = tuple(self._reader.definitions_in(path))
        return self._definitions[path]

    def definitions_of(self, path: str, name: str) -> tuple[Definition, ...]:
        """As the reader's: of a file that little is asked of only what is asked for is read."""
        if path in self._definitions or self._n_asked.get(path, 0) >= _MANY_OF_ONE:
            if path not in self._grouped:
                grouped: dict[str, list[Definition]] = {}
                for one in self.definitions_in(path):
                    grouped.setdefault(one.name, []).append(one)
                if path not in self._definitions:
                    return ()
                self._grouped[path] = {key: tuple(found) for key, found in grouped.items()}
            return self._grouped[path].get(name, ())
        if (path, name) not in self._single:
            if self.late():
                return ()
            self._n_asked[path] = self._n_asked.get(path, 0) + 1
            self._single[path, name] = tuple(self._reader.definitions_of(path, name))
        return self._single[path, name]

    def members_in(self, path: str, owner: str) -> Sequence[Definition]:
        """A file's definitions that stand directly in something of this name, in order."""
        if path not in self._members:
            members: dict[str, list[Definition]] = {}
            for one in self.definitions_in(path):
                if one.scope:
                    members.setdefault(one.scope[-1], []).append(one)
            if path not in self._definitions:
                return ()
            self._members[path] = members
        return self._members[path].get(owner, ())

    def imports_of(self, path: str) -> tuple[Import, ...]:
        """As the reader's."""
        if path not in self._imports:
            if self.late():
                return ()
            self._imports[path] = tuple(self._reader.imports_of(path))
        return self._imports[path]

    def bases_in(self, path: str) -> tuple[Base, ...]:
        """As the reader's."""
        if path not in self._bases:
            if self.late():
                return ()
            self._bases[path] = tuple(self._reader.bases_in(path))
        return self._bases[path]

    def named(self, name: str, *, many: bool = False) -> tuple[Found, ...]:
        """The definitions of one name; of a common one, as many as say that it is common, or more
        of them if it is looked for in a certain place.
        """
        key = (name, many)
        if key not in self._named:
            if self.late():
                return ()
            self._named[key] = tuple(
                Found(one.path, one.definition)
                for one in self._reader.definitions_named([name], _MANY if many else _SOME)
            )
        return self._named[key]

    def derived_from(self, names: Sequence[str], limit: int) -> Sequence[DerivedLike]:
        """As the reader's."""
        return () if self.late() else self._reader.derived_from(names, limit)

    def alike(
        self, weights: Mapping[str, float], limit: int
    ) -> tuple[Sequence[HitLike], Mapping[str, float]]:
        """As the reader's."""
        return ((), {}) if self.late() else self._reader.alike(weights, limit)

    def containing(self, identifier: str, limit: int) -> Sequence[HitLike]:
        """As the reader's."""
        return () if self.late() else self._reader.containing(identifier, limit)

    def source(self, path: str, start: int, end: int) -> bytes:
        """As the reader's, up to a number of times."""
        self._n_reads += 1
        if self._n_reads > _MAX_READS or end <= start:
            return b""
        return self._reader.source(path, max(0, start), end)
