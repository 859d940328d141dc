"""Candidates from names: those around the cursor, what is imported, what a package has."""

from __future__ import annotations

from collections.abc import Iterator

from indoors_indexing.follow import (
    FOLDER_IS_SCOPE,
    Seen,
    bound_name,
    is_telling,
    is_type,
    may_be_guessed,
)
from indoors_indexing.gathering import Gathering, members_of, place, typed
from indoors_indexing.lookup import Found
from indoors_indexing.nearby import written_about
from indoors_indexing.rank import Candidate, Why, of_definition
from indoors_indexing.resolve.tree import folder_of

_NEAR_NAMES = 16
_MAX_BESIDE = 40
# What is named nearby is no better than what is called here, however well it fits.
_MAX_FIT, _MAX_IMPORT_FIT = 1.25, 1.75
_OUTLINED_TYPES = 4
_MAX_IMPORTS = 200


def named_nearby(at: Gathering) -> Iterator[Candidate]:
    """The definitions of names that stand around the cursor."""
    said: dict[str, tuple[Why, str]] = {
        "imported": ("named_imported", "imported and named nearby"),
        "here": ("named_here", "in this file and named nearby"),
        "package": ("named_package", "in this package and named nearby"),
        "project": ("named_project", "the only one of this name"),
    }
    highest = max(at.near.names.values(), default=1.0)
    for name, weight in _alone(at):
        for seen in _seen(at, name):
            why, what = said[seen.how]
            if seen.how == "project" and not _is_telling(seen.found, at, name):
                continue
            scale = 0.6 + 0.4 * weight / highest
            fit = at.hints.of(name, is_type=is_type(seen.found.definition))
            scale *= min(_MAX_FIT, fit)
            yield of_definition(why, seen.found, f"{name} is {what}", scale)


def _alone(at: Gathering) -> list[tuple[str, float]]:
    """The names around the cursor that stand by themselves, with how near they are."""
    alone = [item for item in at.near.names.items() if item[0] not in at.near.members]
    return alone[:_NEAR_NAMES]


def _seen(at: Gathering, name: str) -> tuple[Seen, ...]:
    """What a name that stands around the cursor means."""
    return at.names.visible(name, at.path, may_guess=may_be_guessed(name, at.path))[:3]


def outlines(at: Gathering) -> Iterator[Candidate]:
    """The members of types: of those named around the cursor, and of those imported in vain."""
    outlined = 0
    for name, _ in _alone(at):
        for seen in _seen(at, name):
            if is_type(seen.found.definition) and outlined < _OUTLINED_TYPES:
                if seen.how == "project" and not _is_telling(seen.found, at, name):
                    continue
                outlined += 1
                yield from members_of(at, seen.found, "outline", f"of {name}, named nearby", "")
    used = at.hints.used()
    for imp in at.lookup.imports_of(at.path)[:_MAX_IMPORTS]:
        name = bound_name(imp, at.path)
        if not name or name in used:
            continue
        for seen in at.names.visible(name, at.path)[:1]:
            if is_type(seen.found.definition):
                what = f"of {name}, imported and not used yet"
                yield from members_of(at, seen.found, "outline", what, "")


def in_package(at: Gathering) -> Iterator[Candidate]:
    """Where a folder's files share their names: those that the others have, used here or not."""
    extension = at.path.rpartition(".")[2]
    if at.near.receiver is not None or extension not in FOLDER_IS_SCOPE:
        return
    beside = [
        path for path in at.files.within(folder_of(at.path))
        if path != at.path and path.endswith(f".{extension}") and not path.endswith("_test.go")
    ]  # fmt: skip
    used = at.hints.here()
    for path in beside[:_MAX_BESIDE]:
        if at.lookup.late():
            return
        for position, one in enumerate(at.lookup.definitions_in(path)):
            if one.scope or one.kind == "module":
                continue
            scale = place(position) * at.hints.of(one.name, is_type=is_type(one))
            scale *= typed(one.name, at.near.partial)
            if one.name in used:
                what = f"{one.name} is in this package and used in this file"
                yield of_definition("package_used", Found(path, one), what, scale)
            else:
                yield of_definition("package", Found(path, one), "in this package", scale)


def _is_telling(found: Found, at: Gathering, name: str) -> bool:
    """Whether a name says enough to stand for the only thing that is called so: `start` does not,
    nor does the name of a variable.
    """
    if is_type(found.definition):
        return True
    return is_telling(name) and not written_about(at.near, name)


def unused_imports(at: Gathering) -> Iterator[Candidate]:
    """What was imported was imported to be used: most likely what is not used yet."""
    imports = at.lookup.imports_of(at.path)
    used = at.hints.used()
    partial = "" if at.near.receiver else at.near.partial
    hints = at.hints
    for position, imp in enumerate(imports[:_MAX_IMPORTS]):
        name = bound_name(imp, at.path)
        if not name or at.lookup.late():
            continue
        for seen in at.names.visible(name, at.path)[:1]:
            fit = min(_MAX_IMPORT_FIT, hints.of(name, is_type=is_type(seen.found.definition)))
            if len(partial) > 1 and name.startswith(partial):
                yield of_definition("named_imported", seen.found, f"{name} is imported")
            elif name in used:
                scale = place(position) * fit
                yield of_definition("imported", seen.found, f"{name} is imported", scale)
            else:
                what = f"{name} is imported and not used yet"
                yield of_definition("unused_import", seen.found, what, fit)
