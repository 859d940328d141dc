"""Import statements that are read as text, because they are trees: `use a::{b, c::{d as e}};`."""

from __future__ import annotations

import re
from typing import NamedTuple

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r"[{},]|=>|[^\s{},;=]+")
_MAX_STATEMENT_BYTES = 20_000
_MAX_NAMES = 1000
_MAX_NESTING = 50
_RENAMES = {"as", "=>"}
_EVERYTHING = {"*", "_", "given"}


class Imported(NamedTuple):
    """One name of an import tree: what it is taken from, its own name, its name here."""

    module: str
    name: str
    alias: str


def import_tree(statement: bytes, mark: str) -> list[Imported]:
    """The names that a statement imports; `mark` separates the parts of a path.

    Of words that follow each other without a mark only the last counts, which drops `import`,
    `static`, `pub use`, `use function`.
    """
    text = _COMMENT.sub(" ", statement[:_MAX_STATEMENT_BYTES].decode(errors="replace"))
    prefixes = [""]
    path, alias, renaming = "", "", False
    found: list[Imported] = []
    for token in [*_TOKEN.findall(text), ","]:
        if token in _RENAMES:
            renaming = bool(path)
        elif token == "{":
            if len(prefixes) >= _MAX_NESTING:
                break
            prefixes.append(prefixes[-1] + (path if path.endswith(mark) else ""))
            path = ""
        elif token in ("}", ","):
            if path and len(found) < _MAX_NAMES:
                one = _split(prefixes[-1] + path, mark, alias)
                found += [one] if one.module else []
            if token == "}" and len(prefixes) > 1:
                prefixes.pop()
            path, alias, renaming = "", "", False
        elif renaming:
            alias = token
        else:
            path = path + token if path.endswith(mark) else token
    return found


def _split(path: str, mark: str, alias: str) -> Imported:
    module, _, name = path.rstrip(mark).strip(mark if mark == "\\" else "").rpartition(mark)
    if name in _EVERYTHING:
        name = "*"
    if name == "self" and module:
        name = ""
    if not module:
        module, name = name, ""
    return Imported(module, name, "" if alias == name else alias)
