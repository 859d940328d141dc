"""Rust: the files of a crate's modules, as the reference describes them (`a.rs` or `a/mod.rs`).

A path may end in an item, a variant or a module that is written inside of a file, so the longest
part of it that is a file counts.
"""

from __future__ import annotations

from indoors_indexing.facts import Import
from indoors_indexing.resolve.tree import FileIndex, ancestors, existing, folder_of, holds, stem_of

_ROOTS = ("lib.rs", "main.rs")
# Folders of a package whose files are crates of their own.
_OWN_CRATES = ("tests", "examples", "benches", "bin")


def resolve(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """The file of the module that a path leads to, or that holds what it ends in."""
    parts = [part for part in imp.module.split("::") if part]
    if imp.name and imp.name != "*":
        parts.append(imp.name)
    if not parts:
        return []
    folder, own = _module_of(importer, files)
    first = parts[0]
    if first == "crate":
        return _deepest(files, folder, parts[1:])
    if first in ("self", "super"):
        while parts and parts[0] in ("self", "super"):
            if parts.pop(0) == "super":
                if not own:
                    return []
                own = own[:-1]
        return _deepest(files, folder, own + parts)
    for crate in files.project.crates:
        if crate.name == first:
            sources = f"{crate.folder}/src".strip("/")
            return _deepest(files, sources, parts[1:])
    # A name that is in scope here: a module below this one (uniform paths of the 2018 edition).
    found = _files(files, folder, [*own, first])
    return _deepest(files, folder, own + parts) if found else []


def _deepest(files: FileIndex, folder: str, parts: list[str]) -> list[str]:
    """The longest part of a module path that is a file."""
    for length in range(min(len(parts), 20), -1, -1):
        found = _files(files, folder, parts[:length])
        if found:
            return found
    return []


def _files(files: FileIndex, folder: str, parts: list[str]) -> list[str]:
    base = f"{folder}/".lstrip("/")
    if not parts:
        return existing(files, [*(base + root for root in _ROOTS), f"{folder}.rs", f"{base}mod.rs"])
    path = base + "/".join(parts)
    return existing(files, [f"{path}.rs", f"{path}/mod.rs"])


def _module_of(path: str, files: FileIndex) -> tuple[str, list[str]]:
    """The folder of the crate's modules, and the path of a file's own module in the crate."""
    folder = folder_of(path)
    crates = [one.folder for one in files.project.crates if holds(one.folder, path)]
    if crates:
        package = max(crates, key=len)
        sources = f"{package}/src".strip("/")
    else:
        around = ancestors(folder)
        sources = next(
            (one for one in around if any(files.has(f"{one}/{r}".lstrip("/")) for r in _ROOTS)),
            folder,
        )
        package = folder_of(sources)
    if folder.rpartition("/")[2] in _OWN_CRATES and folder_of(folder) in (package, sources):
        return folder, []
    if not holds(sources, path):
        return folder, [] if stem_of(path) in ("lib", "main", "mod") else [stem_of(path)]
    inside = path[len(sources) :].strip("/").removesuffix(".rs").split("/")
    if inside[-1] == "mod" or (len(inside) == 1 and inside[0] in ("lib", "main")):
        inside.pop()
    return sources, inside
