"""From an import to the files that it may mean. Pure: it asks a `FileIndex` and nothing else.

One module for each family of languages, one row in `_RESOLVERS` for each file name's end. What
cannot be resolved gives no path; a library's name is no file of the project.
"""

from __future__ import annotations

from collections.abc import Callable

from indoors_indexing.facts import Import
from indoors_indexing.resolve import (
    ecma,
    folders,
    jvm,
    namespaces,
    native,
    python,
    rust,
    scripts,
)
from indoors_indexing.resolve.project import CONFIG_NAMES, Project, project_of
from indoors_indexing.resolve.tree import MAX_PATHS, FileIndex, MemoryFiles

__all__ = [
    "CONFIG_NAMES",
    "MAX_PATHS",
    "FileIndex",
    "MemoryFiles",
    "Project",
    "paths_of",
    "project_of",
]

Resolver = Callable[[Import, str, FileIndex], list[str]]

_MAX_MODULE_CHARS = 500

_FAMILIES: tuple[tuple[Resolver, str], ...] = (
    (python.resolve, "py pyi pyw pyx"),
    (ecma.resolve, "js jsx mjs cjs ts tsx mts cts vue svelte"),
    (folders.go, "go"),
    (folders.swift, "swift"),
    (rust.resolve, "rs"),
    (jvm.resolve, "java kt kts scala sc groovy"),
    (native.resolve, "c h cc cpp cxx c++ hh hpp hxx h++ inl ipp tcc m mm cu cuh"),
    (namespaces.csharp, "cs"),
    (namespaces.php, "php"),
    (scripts.ruby, "rb rake gemspec"),
    (scripts.lua, "lua"),
    (scripts.shell, "sh bash zsh bats"),
)
_RESOLVERS: dict[str, Resolver] = {
    extension: resolver for resolver, extensions in _FAMILIES for extension in extensions.split()
}


def paths_of(imp: Import, importer: str, files: FileIndex) -> tuple[str, ...]:
    """The files of the root that an import may mean, likeliest first; () if none is known.

    `importer` is the path of the importing file, which is never one of them. Never raises.
    """
    resolver = _RESOLVERS.get(importer.rpartition(".")[2].lower())
    if resolver is None or len(imp.module) > _MAX_MODULE_CHARS or "\0" in imp.module:
        return ()
    found = resolver(imp, importer, files)
    return tuple(path for path in dict.fromkeys(found) if path != importer)[:MAX_PATHS]
