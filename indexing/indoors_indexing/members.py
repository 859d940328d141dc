"""The members of a type, with those of its bases, and what a method overrides."""

from __future__ import annotations

import re

import msgspec

from indoors_indexing.follow import Names, is_type
from indoors_indexing.lookup import Found, Lookup
from indoors_indexing.resolve import FileIndex
from indoors_indexing.resolve.tree import folder_of, stem_of
from indoors_indexing.scan_rules import words
from indoors_indexing.type_text import parse

_MAX_BASES = 12
_MAX_DEPTH = 4
_MAX_MEMBERS = 400
# Where a type's members may stand in other files of its folder, and how many are looked into.
_SPREAD = words("go rs swift cs rb")
_PAIRED = words("c cc cpp cxx h hh hpp hxx")
_MAX_FOLDER = 30
_MAX_TYPE_BYTES = 4000
_MAX_ALIAS = 300
# `type A = B & C` (also of Python, Rust and Swift), and `type A B` in Go.
_ALIAS = re.compile(
    r"\s*+(?>(?:(?:export|declare|pub(?:\([^)\n]{0,40}\))?)\s++)*)(?:type(?:alias)?\s++)?\w++"
    r"(?:\s*+<[^=;{}]{0,300}>)?(?:\s*+:\s*+[\w.]++)?"
    r"(?:\s*+=\s*+|\s++(?=[*\w.]++\s*+\Z))(?!(?:struct|interface|func)\b)([^;]+)"
)
# A line of a struct or an interface in Go that has a type's name only.
_EMBEDDED = re.compile(
    r"^[ \t]+\*?((?:\w+\.)?[A-Za-z_]\w*)(?:\[[^\]\n]*\])?[ \t]*(?:`[^\n]*|//[^\n]*)?$", re.M
)


class Member(msgspec.Struct, frozen=True, gc=False):
    """A member of a type, or one that it inherits: `depth` bases away, from `owner`."""

    found: Found
    owner: str
    depth: int


class Members:
    """Answers about types, each asked once."""

    def __init__(self, lookup: Lookup, files: FileIndex, names: Names) -> None:
        self._lookup = lookup
        self._files = files
        self._names = names
        self._own: dict[tuple[str, str], list[Found]] = {}
        self._named: dict[tuple[str, str], dict[str, Found]] = {}
        self._lineages: dict[tuple[str, str], list[tuple[Found, int]]] = {}

    def bases_of(self, kind: Found) -> list[Found]:
        """The types that a type derives from, as far as they are of this root."""
        found: list[Found] = []
        full = kind.full_name
        for base in self._lookup.bases_in(kind.path):
            if base.child in (full, kind.definition.name):
                found += [
                    seen.found
                    for seen in self._names.written(base.base, kind.path)
                    if is_type(seen.found.definition) and seen.found != kind
                ]
        for name in self._written_bases(kind):
            found += [
                seen.found
                for seen in self._names.written(name, kind.path)
                if is_type(seen.found.definition) and seen.found != kind
            ]
        return list(dict.fromkeys(found))[:_MAX_BASES]

    def _written_bases(self, kind: Found) -> list[str]:
        """Types whose members a type has without deriving from them: it is another name for them,
        or they are embedded in it.
        """
        definition = kind.definition
        if definition.kind != "type" and not kind.path.endswith(".go"):
            return []
        end = min(definition.end, definition.start + _MAX_TYPE_BYTES)
        text = self._lookup.source(kind.path, definition.start, end).decode("utf-8", "replace")
        alias = _ALIAS.match(text)
        if alias is not None and "{" not in alias[1][:1]:
            parts = re.split(r"[&|]", alias[1][:_MAX_ALIAS])
            return [name for part in parts for name in parse(part).names][:_MAX_BASES]
        if kind.path.endswith(".go"):
            return [match[1] for match in _EMBEDDED.finditer(text)][:_MAX_BASES]
        return []

    def lineage(self, kind: Found) -> list[tuple[Found, int]]:
        """A type and all its bases with how far away they are, nearest first, each once."""
        key = (kind.path, kind.full_name)
        if key not in self._lineages:
            self._lineages[key] = self._lineage(kind)
        return self._lineages[key]

    def _lineage(self, kind: Found) -> list[tuple[Found, int]]:
        found = [(kind, 0)]
        known = {(kind.path, kind.full_name)}
        for one, depth in found:
            if depth >= _MAX_DEPTH or len(found) > _MAX_BASES:
                break
            for base in self.bases_of(one):
                if (base.path, base.full_name) not in known:
                    known.add((base.path, base.full_name))
                    found.append((base, depth + 1))
        return found

    def of(self, kind: Found) -> list[Member]:
        """All members, own ones first; what a type redefines is not listed again."""
        members: dict[str, Member] = {}
        for one, depth in self.lineage(kind):
            for found in self.own(one):
                name = found.definition.name
                if name not in members:
                    members[name] = Member(found, one.definition.name, depth)
        return list(members.values())[:_MAX_MEMBERS]

    def named(self, kind: Found, name: str) -> Member | None:
        """One member of a type, from the nearest of its bases that has it."""
        for one, depth in self.lineage(kind):
            found = self._own_named(one).get(name)
            if found is not None:
                return Member(found, one.definition.name, depth)
        return None

    def _own_named(self, kind: Found) -> dict[str, Found]:
        """What a type itself has, by name; of several that are called alike the first."""
        key = (kind.path, kind.full_name)
        if key not in self._named:
            self._named[key] = {one.definition.name: one for one in reversed(self.own(kind))}
        return self._named[key]

    def own(self, kind: Found) -> list[Found]:
        """What a type itself has, in its own file and (in some languages) in others beside it."""
        key = (kind.path, kind.full_name)
        if key not in self._own:
            scope = (*kind.definition.scope, kind.definition.name)
            found = self._inside(kind.path, scope)
            for path in self._others(kind.path):
                known = {one.definition.name for one in found}
                found += [
                    one
                    for one in self._inside(path, scope[-1:])
                    if one.definition.name not in known
                ]
            self._own[key] = found
        return self._own[key]

    def _inside(self, path: str, scope: tuple[str, ...]) -> list[Found]:
        """The definitions whose scope ends so: a method outside its type says less of its place."""
        return [
            Found(path, one)
            for one in self._lookup.members_in(path, scope[-1])
            if one.scope[-len(scope) :] == scope
        ]

    def _others(self, path: str) -> list[str]:
        extension = path.rpartition(".")[2]
        beside = self._files.within(folder_of(path)) if extension in _SPREAD | _PAIRED else ()
        if extension in _PAIRED:
            return [
                one for one in beside
                if one != path and stem_of(one) == stem_of(path)
                and one.rpartition(".")[2] in _PAIRED
            ]  # fmt: skip
        return [
            one for one in beside
            if one != path and one.endswith(f".{extension}") and not one.endswith("_test.go")
        ][:_MAX_FOLDER]  # fmt: skip
