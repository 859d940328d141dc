"""Java, Kotlin and Scala: a package is a folder below a source root, a class mostly a file.

Only Java insists on that. Kotlin's conventions leave out the packages that all files share, and a
file may have any name, so what is not found by its class is looked for in its package's folder.
"""

from __future__ import annotations

from collections.abc import Iterator

from indoors_indexing.facts import Import
from indoors_indexing.resolve.tree import MAX_PATHS, FileIndex, ending_with, folder_of, nearest

_EXTENSIONS = (".java", ".kt", ".scala", ".kts", ".groovy")
_MAX_OUTER = 3


def resolve(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """The file of a class, or of the class around it; else the files of the package."""
    package = imp.module.replace(".", "/").strip("/")
    if not package:
        return []
    own = "." + importer.rpartition(".")[2]
    extensions = [own, *(one for one in _EXTENSIONS if one != own)]
    if imp.name in ("", "*"):
        # The module itself: a package, or (with `static`, or of an object) a class.
        return _in_package(package, importer, files) or _of_class(
            package, importer, files, extensions
        )
    return _of_class(f"{package}/{imp.name}", importer, files, extensions) or _in_package(
        package, importer, files
    )


def _of_class(path: str, importer: str, files: FileIndex, extensions: list[str]) -> list[str]:
    for _ in range(_MAX_OUTER):
        # A class has a capital; what ends in another word is no class, but may be in one.
        if path.rpartition("/")[2][:1].isupper():
            for extension in extensions:
                found = ending_with(files, path + extension, importer)
                if not found and extension in (".kt", ".scala"):
                    found = ending_with(files, path.partition("/")[2] + extension, importer)[:1]
                if found:
                    return found[:3]
        path = folder_of(path)
        if "/" not in path:
            break
    return []


def _in_package(package: str, importer: str, files: FileIndex) -> list[str]:
    """The files of a package below the source roots, the importing file's own first."""
    for folder in _folders(package, importer):
        found: list[str] = []
        for root in [*nearest(files.project.jvm_roots, importer), "", "src", "app"]:
            for path in files.within(f"{root}/{folder}".strip("/")):
                if path.endswith(_EXTENSIONS):
                    found.append(path)
            if len(found) >= MAX_PATHS:
                break
        if found:
            return found
    return []


def _folders(package: str, importer: str) -> Iterator[str]:
    yield package
    if not importer.endswith(".java"):
        parts = package.split("/")
        for first in range(1, min(len(parts), 4)):
            yield "/".join(parts[first:])
