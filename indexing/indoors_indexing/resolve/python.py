"""Python: modules and packages, relative or found on one of the roots that Python would have.

The roots are those of the project files, and the folder above the importing file's own package: the
first one upwards without `__init__.py`. What is found on no root is matched by the end of its path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from indoors_indexing.facts import Import
from indoors_indexing.resolve.tree import (
    FileIndex,
    ancestors,
    ending_with,
    existing,
    folder_of,
    join,
)


@dataclass(frozen=True)
class _Known:
    """What was found out for the files of a folder: all of them resolve alike."""

    roots: dict[str, list[str]] = field(default_factory=dict)
    found: dict[tuple[str, str, str, int], list[str]] = field(default_factory=dict)


# As long as there are these files: a file has many imports, and its neighbours have the same.
_known: WeakKeyDictionary[FileIndex, _Known] = WeakKeyDictionary()
_MAX_ROOTS, _MAX_FOUND = 200, 20_000
_SUFFIXES = (".py", "/__init__.py", ".pyi", "/__init__.pyi", ".pyx")


def resolve(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """`from M import n` is the module `M.n` if there is one, and what M itself says of n."""
    known = _known.setdefault(files, _Known()).found
    key = (folder_of(importer), imp.module, imp.name, imp.level)
    found = known.get(key)
    if found is None:
        if len(known) >= _MAX_FOUND:
            known.clear()
        found = known[key] = _resolve(imp, importer, files)
    return found


def _resolve(imp: Import, importer: str, files: FileIndex) -> list[str]:
    path = imp.module.replace(".", "/").strip("/")
    name = imp.name if imp.name != "*" else ""
    if imp.level:
        folder: str | None = folder_of(importer)
        for _ in range(imp.level - 1):
            folder = None if not folder else folder_of(folder)
        # Above the root there is nothing of ours.
        base = None if folder is None else join(folder, path)
        return [] if base is None else _modules(files, base, name)
    if not path or not _is_known(path.rpartition("/")[2], files):
        return []
    for root in _roots(importer, files):
        base = join(root, path)
        found = [] if base is None else _modules(files, base, name)
        if found:
            return found
    if "/" not in path and not name:
        return []  # a single word is rather a library than any file of that name
    found = []
    for whole in [f"{path}/{name}", path] if name else [path]:
        if "/" in whole:
            for suffix in _SUFFIXES:
                found += ending_with(files, whole + suffix, importer)[:3]
    return found


def _is_known(name: str, files: FileIndex) -> bool:
    """Whether any module is called so: most of what is imported is a library's."""
    return any(
        files.named(f"{name}{suffix}") for suffix in (".py", ".pyi", ".pyx")
    ) or files.has_folder(name)


def _modules(files: FileIndex, base: str, name: str) -> list[str]:
    # Most of what is imported is no file of ours, which its folders say at once.
    base = base.lstrip("/")
    below = f"{base}/{name}".lstrip("/")
    inside = bool(files.within(base))
    found: list[str] = []
    if name and (inside or files.within(below)):
        found = [f"{below}{suffix}" for suffix in _SUFFIXES]
    if inside or files.within(folder_of(base)):
        found += [f"{base}{suffix}".lstrip("/") for suffix in _SUFFIXES]
    return existing(files, found)


def _roots(importer: str, files: FileIndex) -> list[str]:
    known = _known.setdefault(files, _Known()).roots
    folder = folder_of(importer)
    if folder not in known:
        if len(known) >= _MAX_ROOTS:
            known.clear()
        known[folder] = _find_roots(folder, files)
    return known[folder]


def _find_roots(folder: str, files: FileIndex) -> list[str]:
    around = ancestors(folder)
    above = next((folder for folder in around if not _is_package(files, folder)), "")
    mine = [root for root in files.project.python_roots if root in around]
    others = [root for root in files.project.python_roots if root not in around]
    return list(dict.fromkeys([above, *mine, "", "src", "lib", "python", *others]))


def _is_package(files: FileIndex, folder: str) -> bool:
    return bool(folder) and files.has(f"{folder}/__init__.py")
