"""Languages whose imports name a folder: Go (a package) and Swift (a target)."""

from __future__ import annotations

from indoors_indexing.facts import Import
from indoors_indexing.resolve.tree import FileIndex, holds, join

# A forge's name, an owner and a repository stand before a package's path in an import.
_PARTS_OF_A_REPOSITORY = 3


def go(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """The files of a package, without its tests: by go.mod, else by the end of the path."""
    path = imp.module
    if path.startswith("."):
        return _go_files(files, join(importer.rpartition("/")[0], path))
    modules = sorted(
        (one for one in files.project.go_modules if holds(one.name, f"{path}/")),
        # Of modules that fit equally (copies of an example) the one around the importing file.
        key=lambda one: (-len(one.name), not holds(one.folder, importer), one.folder),
    )
    for module in modules[:3]:
        found = _go_files(files, join(module.folder, path[len(module.name) :]))
        if found:
            return found
    # A path from the root on: the sources of Go itself, or a folder that is no module yet.
    found = _go_files(files, path)
    parts = path.split("/")
    if found or files.project.go_modules or len(parts) <= _PARTS_OF_A_REPOSITORY:
        return found
    return _go_files(files, "/".join(parts[_PARTS_OF_A_REPOSITORY:]))


def _go_files(files: FileIndex, folder: str | None) -> list[str]:
    inside = () if folder is None else files.within(folder)
    return [path for path in inside if path.endswith(".go") and not path.endswith("_test.go")]


def swift(imp: Import, importer: str, files: FileIndex) -> list[str]:  # noqa: ARG001 - one signature
    """The files directly in a target's folder; a target's name says no more."""
    target = imp.module.partition(".")[0]
    places = [one.folder for one in files.project.swift_targets if one.name == target]
    for folder in [*places, f"Sources/{target}", target]:
        found = [path for path in files.within(folder) if path.endswith(".swift")]
        if found:
            return found
    return []
