"""From a name in a file to its definition: through imports, re-exports, packages and includes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec

from indoors_indexing.facts import Definition, Import
from indoors_indexing.lookup import Found, Lookup
from indoors_indexing.resolve import FileIndex, paths_of
from indoors_indexing.resolve.tree import folder_of, nearest, stem_of
from indoors_indexing.scan_rules import words

_T = TypeVar("_T")
How = Literal["here", "imported", "package", "project"]

TYPES = frozenset({"class", "interface", "enum", "type"})
_NO_DEFAULT = frozenset({"variable", "constant", "module"})
MEMBERS = frozenset({"method", "field", "constructor"})
_NOT_FREE = MEMBERS | {"module"}
_MAX_DEPTH = 5
_MAX_FILES = 40
# Where a name from any file of the same folder is visible without an import.
FOLDER_IS_SCOPE = words("go java kt kts scala cs swift php tf")
# Where names are shared by a whole project: by a build, an autoloader, or one namespace.
_PROJECT_IS_SCOPE = words("rb cs swift php c h cc cpp cxx hpp hh m mm")
# Where importing a file means to have all of its names.
_FILE_IS_INCLUDED = words("c h cc cpp cxx c++ hpp hh hxx inl m mm rb lua sh bash zsh php swift")
# Where a whole module may be a class or a function: `const Parent = require("./parent")`.
_MODULE_IS_VALUE = words("js jsx ts tsx mjs cjs mts cts vue svelte lua")
# Where what a file imports is there for who imports it.
_PASSES_ON = words("py pyi js jsx ts tsx mjs cjs mts cts rs")
# Where the name of a type is in small letters too rarely to be looked for.
_TYPES_ARE_CAPITAL = words("py pyi js jsx ts tsx mjs cjs mts cts go rs java kt kts scala swift cs")
# Where a name that is imported means nothing else, also if what it means is not here.
_ONE_MEANING = words("py pyi js jsx ts tsx mjs cjs mts cts go java kt kts scala")
_MAX_OF_MODULE = 120
_SEPARATORS = re.compile(r"::|\.|\\")
# Of a name that is found nowhere near, more definitions than this leave too much doubt.
_MAX_GUESSES = 2
# So many files are all that a few cursors look into.
_MAX_REMEMBERED = 1000


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A definition, and how a file sees it."""

    found: Found
    how: How


def bound_name(imp: Import, importer: str) -> str:
    """The name that an import gives to what it imports, "" if it gives none."""
    if imp.alias or imp.name == "*":
        return "" if imp.alias in ("_", ".") else imp.alias
    if imp.name:
        return imp.name
    parts = [part for part in re.split(r"[./\\]|::", imp.module) if part]
    if not parts:
        return ""
    if importer.endswith(".py"):
        return parts[0]
    if importer.endswith(".go") and re.fullmatch(r"v\d+", parts[-1]) and len(parts) > 1:
        return parts[-2]
    return parts[-1]


class Bindings:
    """What files import, by the names that it gets there: of a database as it is now, so that
    several questions may share it.
    """

    def __init__(self) -> None:
        self.bound: dict[str, list[tuple[str, Import]]] = {}
        self.by_name: dict[str, dict[str, list[Import]]] = {}


class Names:
    """Looks names up as the files of one root see them."""

    def __init__(self, lookup: Lookup, files: FileIndex, bindings: Bindings | None = None) -> None:
        self._lookup = lookup
        self._files = files
        self._known = bindings or Bindings()
        self._paths: dict[tuple[Import, str], tuple[str, ...]] = {}
        self._visible: dict[tuple[str, str, bool], tuple[Seen, ...]] = {}
        self._all_of: dict[str, list[str]] = {}

    def paths_of(self, imp: Import, importer: str) -> tuple[str, ...]:
        """The files that an import may mean."""
        key = (imp, importer)
        if key not in self._paths:
            self._paths[key] = paths_of(imp, importer, self._files)
        return self._paths[key]

    def bindings(self, path: str) -> dict[str, list[Import]]:
        """What a file imports, by the names that it gives; under "" all of a module's names."""
        known = self._known.by_name.get(path)
        if known is not None:
            return known
        found: dict[str, list[Import]] = {}
        for bound, imp in self._bound(path):
            found.setdefault(bound, []).append(imp)
        for imp in self._lookup.imports_of(path):
            if imp.name == "*":
                found.setdefault("", []).append(imp)
        return self._remember(self._known.by_name, path, found)

    def _bound(self, path: str) -> list[tuple[str, Import]]:
        """What a file imports by name, with the name that each gets."""
        known = self._known.bound.get(path)
        if known is not None:
            return known
        found = [
            (bound_name(imp, path), imp) for imp in self._lookup.imports_of(path) if imp.name != "*"
        ]
        return self._remember(self._known.bound, path, found)

    def _remember(self, known: dict[str, _T], path: str, found: _T) -> _T:
        # After the deadline nothing is looked up, and what was not looked up is not known.
        if not self._lookup.late():
            if len(known) >= _MAX_REMEMBERED:
                known.clear()
            known[path] = found
        return found

    def visible(self, name: str, path: str, *, may_guess: bool = True) -> tuple[Seen, ...]:
        """What a name by itself means in a file: the definitions that are nearest to it.

        What the file does not lead to is a guess, by the name alone.
        """
        key = (name, path, may_guess)
        if key not in self._visible:
            self._visible[key] = tuple(self._find(name, path, may_guess=may_guess))
        return self._visible[key]

    def written(self, text: str, path: str) -> tuple[Seen, ...]:
        """What a name with dots (or `::`) in it means in a file."""
        parts = [part for part in _SEPARATORS.split(text) if part]
        if not parts:
            return ()
        if len(parts) == 1:
            return self.visible(parts[0], path)
        modules = self.modules(parts[:-1], path)
        found = self.exported(modules, parts[-1])
        if found:
            return tuple(Seen(one, "imported") for one in found)
        # The first name may be a type, and what follows is in it.
        for seen in self.visible(parts[0], path):
            if seen.found.definition.kind in TYPES:
                outer = (*seen.found.definition.scope, *parts[:-1])
                inner = [
                    Seen(Found(seen.found.path, one), seen.how)
                    for one in self._lookup.definitions_of(seen.found.path, parts[-1])
                    if one.scope == outer
                ]
                if inner:
                    return tuple(inner)
        return tuple(one for one in self.visible(parts[-1], path) if one.how != "here")

    def modules(self, parts: list[str], path: str) -> tuple[str, ...]:
        """The files of a module that is called so in a file; () if it is none of ours."""
        dotted = ".".join(parts)
        found: list[str] = []
        for bound, imp in self._bound(path):
            if bound == dotted and path.endswith(".py") and not imp.name and not imp.alias:
                # `import a.b` gives the name of the package a.
                package = Import(module=bound, name="", alias="", level=0, start=0)
                found += self.paths_of(package, path)
            elif bound == dotted or (not imp.alias and not imp.name and imp.module == dotted):
                paths = self.paths_of(imp, path)
                # `from pkg import name`: a module if there is a file of its own.
                found += [one for one in paths if not imp.name or _is_called(one, imp.name)]
            elif len(parts) > 1 and bound == parts[0]:
                inner = Import(
                    module=".".join(part for part in (imp.module, imp.name) if part),
                    name=".".join(parts[1:]), alias="", level=imp.level, start=0,
                )  # fmt: skip
                found += [one for one in self.paths_of(inner, path) if _is_called(one, parts[-1])]
        if not found and path.endswith(".rs"):
            module = Import(module="::".join(parts), name="", alias="", level=0, start=0)
            found += self.paths_of(module, path)
        return tuple(dict.fromkeys(found))[:_MAX_FILES]

    def of_module(self, path: str) -> list[tuple[str, Found]]:
        """What a module has: its own names, and those that it passes on as it calls them."""
        found = [
            (one.name, Found(path, one))
            for one in self._lookup.definitions_in(path)
            if not one.scope and one.kind != "module"
        ]
        if path.rpartition(".")[2] not in _PASSES_ON:
            return found
        for imp in self._lookup.imports_of(path):
            if len(found) > _MAX_OF_MODULE:
                break
            if imp.name == "*":
                for inner in self.paths_of(imp, path)[:1]:
                    found += [
                        (one.name, Found(inner, one))
                        for one in self._lookup.definitions_in(inner)
                        if one.exported and not one.scope and one.kind != "module"
                    ]
            elif imp.name and (name := bound_name(imp, path)):
                found += [(name, one) for one in self.exported(self.paths_of(imp, path), imp.name)]
        return found

    def exported(self, paths: Iterable[str], name: str) -> list[Found]:
        """What files give under a name, also if they only pass it on."""
        seen: set[str] = set()
        level = list(paths)
        wanted = {name: level}
        for _ in range(_MAX_DEPTH):
            following: dict[str, list[str]] = {}
            n_following = 0
            for one, files in wanted.items():
                for path in files:
                    if path in seen or len(seen) >= _MAX_FILES:
                        continue
                    seen.add(path)
                    found = self._free(path, one)
                    if found:
                        return found
                    for imp, inner in self._passed_on(path, one):
                        # A package may pass on hundreds of modules, more than are looked into.
                        if n_following >= 2 * _MAX_FILES:
                            break
                        new = [each for each in self.paths_of(imp, path) if each not in seen]
                        following.setdefault(inner, []).extend(new)
                        n_following += len(new)
            if not following:
                break
            wanted = following
        return []

    def _passed_on(self, path: str, name: str) -> list[tuple[Import, str]]:
        """The imports through which a file may have a name, and what it is called there."""
        bindings = self.bindings(path)
        own = [(imp, imp.name) for imp in bindings.get(name, ()) if imp.name]
        return own or [(imp, name) for imp in bindings.get("", ()) if imp.name == "*"]

    def _free(self, path: str, name: str) -> list[Found]:
        """A file's own definitions of a name that are not members of something."""
        found = [
            one for one in self._lookup.definitions_of(path, name)
            if one.kind not in _NOT_FREE
        ]  # fmt: skip
        if not found:
            return []
        least = min([len(one.scope) for one in found])
        return [Found(path, one) for one in found if len(one.scope) == least]

    def _find(self, name: str, path: str, *, may_guess: bool) -> list[Seen]:
        here = self._free(path, name)
        if here:
            return [Seen(one, "here") for one in here]
        extension = path.rpartition(".")[2]
        imports = self.bindings(path).get(name, ())
        for imp in imports:
            if not imp.name and extension not in _MODULE_IS_VALUE:
                continue  # a module, which is no definition
            paths = self.paths_of(imp, path)
            if imp.name == "default" or not imp.name:
                found = self._default(paths, name)
            else:
                # A static import names a member of a class.
                found = self.exported(paths, imp.name) or self._members(paths, imp.name)
            if found:
                return [Seen(one, "imported") for one in found]
        included = self._included(path, extension)
        found = self.exported(included, name) if included else []
        if found:
            return [Seen(one, "imported") for one in found]
        if imports and extension in _ONE_MEANING:
            return []  # it is of a library, and what is called so here is something else
        in_folder = extension in FOLDER_IS_SCOPE
        if not in_folder and not may_guess:
            return []
        elsewhere = [
            one for one in self._lookup.named(name, many=in_folder)
            if one.definition.kind not in MEMBERS and one.definition.kind != "module"
            and same_language(one.path, path)
        ]  # fmt: skip
        if in_folder:
            mine = [one for one in elsewhere if folder_of(one.path) == folder_of(path)]
            if mine:
                return [Seen(one, "package") for one in mine]
        shown = {one.path for one in elsewhere if one.definition.exported}
        limit = _MAX_GUESSES * 2 if extension in _PROJECT_IS_SCOPE else _MAX_GUESSES
        if not shown or len(shown) > limit:
            return []
        first = nearest(shown, path)[0]
        return [Seen(one, "project") for one in elsewhere if one.path == first]

    def _included(self, path: str, extension: str) -> list[str]:
        """The files whose names are all there without being named."""
        if path not in self._all_of:
            everything = extension in _FILE_IS_INCLUDED
            self._all_of[path] = [
                one
                for imp in self._lookup.imports_of(path)
                if imp.name == "*" or (everything and not imp.name)
                for one in self.paths_of(imp, path)
            ][:_MAX_FILES]
        return self._all_of[path]

    def _default(self, paths: tuple[str, ...], name: str) -> list[Found]:
        """What a file is for: what has this name, or the file's own, or is exported first."""
        for path in paths[:3]:
            shown = [
                one for one in self._lookup.definitions_in(path)
                if one.exported and not one.scope and one.kind not in _NO_DEFAULT
            ]  # fmt: skip
            stem = _plain(stem_of(path))
            for wanted in (_plain(name), stem):
                fitting = [one for one in shown if _plain(one.name) == wanted]
                if fitting:
                    return [Found(path, fitting[0])]
            if shown and path.rpartition(".")[2] in _MODULE_IS_VALUE:
                return [Found(path, shown[0])]
        return []

    def _members(self, paths: tuple[str, ...], name: str) -> list[Found]:
        return [
            Found(path, one)
            for path in paths[:3]
            for one in self._lookup.definitions_of(path, name)
        ][:3]


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _is_called(path: str, name: str) -> bool:
    """Whether a file (or its folder, for a package) has a name."""
    stem = stem_of(path)
    if stem in ("__init__", "mod", "index", "init", "lib"):
        stem = folder_of(path).rpartition("/")[2]
    return stem == name.rpartition(".")[2]


_FAMILIES = (
    {"js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte"},
    {"c", "h", "cc", "cpp", "cxx", "hpp", "hh", "hxx", "m", "mm", "inl"},
    {"java", "kt", "kts", "scala", "groovy"},
    {"py", "pyi", "pyx"},
)


def same_language(one: str, other: str) -> bool:
    """Whether two files are of one language, or of two that share their names."""
    mine, theirs = one.rpartition(".")[2], other.rpartition(".")[2]
    return mine == theirs or any(mine in family and theirs in family for family in _FAMILIES)


def is_telling(name: str) -> bool:
    """Whether a name says enough to stand for the only thing that is called so: not `start`."""
    return "_" in name.strip("_") or not name.islower()


def may_be_guessed(name: str, path: str) -> bool:
    """Whether it is worth looking for a name that nothing in a file leads to."""
    return is_telling(name) or path.rpartition(".")[2] not in _TYPES_ARE_CAPITAL


def is_type(definition: Definition) -> bool:
    """Whether a definition is a type that may have members."""
    return definition.kind in TYPES
