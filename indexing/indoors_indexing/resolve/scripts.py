"""Ruby, Lua and shells: a file beside this one, or on one of the usual load paths."""

from __future__ import annotations

import msgspec

from indoors_indexing.facts import Import
from indoors_indexing.resolve.tree import (
    FileIndex,
    ancestors,
    ending_with,
    existing,
    folder_of,
    join,
)


class _Rules(msgspec.Struct, frozen=True):
    """Where a language looks: the ends of file names, and folders that are often on its path."""

    suffixes: tuple[str, ...]
    roots: tuple[str, ...]


_RUBY = _Rules(("", ".rb"), ("lib", "", "app", "spec", "test"))
# `package.path` has `?.lua` and `?/init.lua` (the Lua manual); editors have a folder `lua`.
_LUA = _Rules((".lua", "/init.lua"), ("", "lua", "src", "lib"))
_SHELL = _Rules(("", ".sh"), ("",))


def ruby(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """`require_relative` beside the file (level 1), `require` on the load path."""
    if imp.level or imp.module.startswith("."):
        return _at(files, _RUBY, [join(folder_of(importer), imp.module)])
    return _found(imp.module, importer, files, _RUBY)


def lua(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """Dots are folders."""
    return _found(imp.module.replace(".", "/").strip("/"), importer, files, _LUA)


def shell(imp: Import, importer: str, files: FileIndex) -> list[str]:
    """A path beside the script, or at the root; a variable in front is taken for its folder."""
    path = imp.module
    if path.startswith("$") or path.startswith("`"):
        path = path.partition("/")[2]
    return _at(files, _SHELL, [join(folder_of(importer), path), join("", path)])


def _found(path: str, importer: str, files: FileIndex, rules: _Rules) -> list[str]:
    around = ancestors(folder_of(importer))
    bases = [join(f"{one}/{root}", path) for one in around for root in rules.roots]
    found = _at(files, rules, bases)
    if found or "/" not in path:
        return found
    return [
        match for suffix in rules.suffixes for match in ending_with(files, path + suffix, importer)
    ][:3]


def _at(files: FileIndex, rules: _Rules, bases: list[str | None]) -> list[str]:
    return existing(files, [base + end for base in bases if base for end in rules.suffixes])[:3]
