"""JavaScript and TypeScript: relative files, `paths` of a tsconfig, packages of the same project.

As TypeScript documents it: extensions may be left out, a folder means its index, an import of
`./x.js` may mean `./x.ts`. What `exports` names was often built and is not in the index, so a file
in a folder of builds is looked for in `src`, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from indoors_indexing.facts import Import
from indoors_indexing.resolve.project import Package
from indoors_indexing.resolve.tree import FileIndex, existing, folder_of, holds, join

_EXTENSIONS = (
    ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mts", ".mjs", ".cts", ".cjs", ".vue", ".svelte",
)  # fmt: skip
_WRITTEN_AS = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
_BUILT = re.compile(r"(^|/)(?:dist|build|lib|out|es|esm|cjs)(?:/(?:esm|cjs|es|src|types))?/")
_MAX_TARGETS = 20


def resolve(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """The file that a specifier means; the name taken from it does not matter."""
    written = imp.module.split("?")[0].split("!")[-1]
    folder = folder_of(importer)
    if written.startswith("."):
        return _files(files, [join(folder, written)])
    if written.startswith("/"):
        return _files(files, [join("", written)])
    package = _own_package(importer, files)
    if written.startswith("#"):
        return _entries(files, package, package.internal, written) if package else []
    return (
        _mapped(written, importer, files)
        or _of_package(written, files)
        or _by_custom(written, package, files)
    )


def _files(files: FileIndex, bases: Iterable[str | None]) -> list[str]:
    """The first base that is a file, a file without its extension, or a folder with an index."""
    for base in bases:
        if base is None:
            continue
        candidates = [base]
        for extension, others in _WRITTEN_AS.items():
            if base.endswith(extension):
                candidates += [base.removesuffix(extension) + other for other in others]
        candidates += [base + extension for extension in _EXTENSIONS]
        candidates += [f"{base}/index{extension}".lstrip("/") for extension in _EXTENSIONS]
        found = existing(files, candidates)
        if found:
            return found[:2]
        for package in files.project.packages:
            if base and package.folder == base and (found := _entries_of(files, package, ".")):
                return found
    return []


def _own_package(importer: str, files: FileIndex) -> Package | None:
    mine = [one for one in files.project.packages if holds(one.folder, importer)]
    return max(mine, key=lambda one: len(one.folder), default=None)


def _mapped(written: str, importer: str, files: FileIndex) -> list[str]:
    """By `paths` and `baseUrl` of the configurations around a file, the innermost first."""
    around = [one for one in files.project.path_maps if holds(one.folder, importer)]
    for config in sorted(around, key=lambda one: -len(one.folder)):
        targets = _matched(config.patterns, written)
        found = _files(files, [join(config.base, target) for target in targets])
        if not found and config.has_base_url:
            found = _files(files, [join(config.base, written)])
        if found:
            return found
    return []


def _matched(patterns: Iterable[tuple[str, tuple[str, ...]]], written: str) -> list[str]:
    """The targets of the pattern that fits best: a whole name, else the longest start."""
    best: tuple[int, list[str]] = (-1, [])
    for pattern, targets in patterns:
        head, star, tail = pattern.partition("*")
        if not star:
            if pattern == written:
                return list(targets[:_MAX_TARGETS])
        elif (
            len(written) >= len(head) + len(tail)
            and written.startswith(head)
            and written.endswith(tail)
            and len(head) > best[0]
        ):
            inside = written[len(head) : len(written) - len(tail)]
            best = len(head), [one.replace("*", inside) for one in targets[:_MAX_TARGETS]]
    return best[1]


def _of_package(written: str, files: FileIndex) -> list[str]:
    named = [
        one
        for one in files.project.packages
        if one.name and (written == one.name or written.startswith(f"{one.name}/"))
    ]
    if not named:
        return []
    package = max(named, key=lambda one: len(one.name))
    return _entries_of(files, package, f".{written[len(package.name) :]}")


def _entries_of(files: FileIndex, package: Package, subpath: str) -> list[str]:
    found = _entries(files, package, package.entries, subpath)
    if found:
        return found
    inside = subpath[2:] or "index"
    return _files(files, [join(package.folder, where + inside) for where in ("", "src/", "lib/")])


def _entries(
    files: FileIndex, package: Package, entries: Iterable[tuple[str, tuple[str, ...]]], name: str
) -> list[str]:
    bases: list[str | None] = []
    for target in _matched(entries, name):
        plain = target.removeprefix("./")
        bases.append(join(package.folder, plain))
        sources = _BUILT.sub(r"\1src/", plain, count=1)
        if sources != plain:
            bases.append(join(package.folder, re.sub(r"\.d\.([mc]?ts)$", r".\1", sources)))
            bases.append(join(package.folder, re.sub(r"(\.d)?\.[mc]?[jt]s$", "", sources)))
    return _files(files, bases)


def _by_custom(written: str, package: Package | None, files: FileIndex) -> list[str]:
    """`@/x` and `~/x` mean the sources by the custom of many templates, without a tsconfig."""
    if not written.startswith(("@/", "~/")):
        return []
    folder = package.folder if package else ""
    return _files(files, [join(folder, where + written[2:]) for where in ("src/", "", "app/")])
