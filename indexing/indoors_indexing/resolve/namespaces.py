"""C# and PHP: namespaces, which name folders by convention (C#) or by contract (PSR-4)."""

from __future__ import annotations

from indoors_indexing.facts import Import
from indoors_indexing.resolve.project import Place
from indoors_indexing.resolve.tree import (
    MAX_PATHS,
    FileIndex,
    ending_with,
    existing,
    folder_of,
    holds,
    join,
    nearest,
)

_MAX_NAMED = 20


def csharp(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """`using A.B` is a folder of sources; `using X = A.B.C` and `using static` name a class."""
    if imp.name == "*":
        found = _csharp_folder(imp.module, importer, files)
        if found:
            return found
    parts = [*imp.module.split("."), *([imp.name] if imp.name not in ("", "*") else [])]
    named = files.named(f"{parts[-1]}.cs")[:_MAX_NAMED]
    expected = [part.lower() for part in parts[:-1]]

    def unlike(path: str) -> int:
        folders = set(path.lower().replace(".", "/").split("/")[:-1])
        return -sum(part in folders for part in expected)

    # The folders need not follow the namespace, but of several files those that do are likelier;
    # and a namespace of a library must not end in a file that is called like its last part.
    alone = len(named) == 1 and imp.name != "*"
    fitting = [path for path in nearest(named, importer) if unlike(path) or alone]
    return sorted(fitting, key=unlike)[:3]


def _csharp_folder(namespace: str, importer: str, files: FileIndex) -> list[str]:
    found: list[str] = []
    for root in _fitting(files.project.csharp_roots, namespace, "."):
        inside = namespace[len(root.name) :].strip(".").replace(".", "/")
        found += files.within(f"{root.folder}/{inside}".strip("/"))
    if not found:
        parts = namespace.split(".")
        for first in range(min(len(parts), 4)):
            folder = "/".join(parts[first:])
            found += [*files.within(folder), *files.within(f"src/{folder}")]
    sources = [path for path in found if path.endswith(".cs")]
    return nearest(sources, importer)[:MAX_PATHS]


def php(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """A class by PSR-4, as composer.json maps prefixes to folders; an included file by its path."""
    module = imp.module.strip("\\")
    if "/" in module or module.endswith(".php"):
        bases = [join(folder_of(importer), module), join("", module)]
        return existing(files, bases) or ending_with(files, module.strip("./"), importer)[:1]
    whole = f"{module}\\{imp.name}" if imp.name not in ("", "*") else module
    for name in (whole, module):
        for place in _fitting(files.project.psr4, name, "\\"):
            inside = name[len(place.name) :].strip("\\").replace("\\", "/")
            found = existing(files, [join(place.folder, f"{inside}.php")])
            if found:
                return found
    path = whole.replace("\\", "/")
    # A prefix stands for a folder, so the first parts need not be there.
    for _ in range(3):
        found = ending_with(files, f"{path}.php", importer)[:2]
        if found or "/" not in path:
            return found
        path = path.partition("/")[2]
    return []


def _fitting(places: tuple[Place, ...], name: str, mark: str) -> list[Place]:
    """The places whose name begins a namespace, the longest name first."""
    separated = name.replace(mark, "/") + "/"
    fitting = [one for one in places if holds(one.name.replace(mark, "/"), separated)]
    return sorted(fitting, key=lambda one: -len(one.name))[:5]
