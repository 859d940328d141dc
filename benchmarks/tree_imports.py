"""Which files of a tree another file of it can mean: by the names that it imports.

No path is resolved: a file is near another one if it defines a name that the other imports, if it
is the imported module itself, or if it lies in the same folder. Names that pass through a package's
`__init__.py`, an `index.ts` or a `lib.rs` are found all the same.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from tree_files import SourceFile
from tree_names import Defined, FileNames

MAX_DEFINITIONS = 3
_QUOTED = re.compile(r"""["'`]([^"'`\n]+)["'`]""")
_PYTHON_MODULE = re.compile(r"(?:from|import)\s+([\w.]+)")
_PATH = re.compile(r"[\w:.]+")
# Files that stand for their folder.
_OF_FOLDER = frozenset(("__init__", "index", "mod", "lib", "main"))


def module_name(path: str) -> str:
    """The last part of the name that a file is imported by."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return folder.rpartition("/")[2] if stem in _OF_FOLDER else stem


class Neighbours:
    """Answers for one tree. `table` holds every definition of the tree by its name."""

    def __init__(self, files: list[SourceFile], names: dict[str, FileNames]) -> None:
        self._names = names
        self.table: dict[str, list[Defined]] = defaultdict(list)
        self._by_module: dict[str, list[str]] = defaultdict(list)
        self._by_folder: dict[str, list[str]] = defaultdict(list)
        self._folders: set[str] = set()
        for file in files:
            for name, places in names[file.path].defined.items():
                self.table[name] += places
            self._by_module[module_name(file.path)].append(file.path)
            self._by_folder[file.folder].append(file.path)
            parts = file.path.split("/")
            self._folders.update(part.replace("-", "_") for part in parts[:-1])
            self._folders.add(module_name(file.path))

    def imported(self, file: SourceFile) -> set[str]:
        """The names that a file imports from the tree."""
        return {
            name
            for text, names in self._names[file.path].imports
            if self._is_ours(file, text)
            for name in (*names, *_last_parts(text))
        }

    def foreign(self, file: SourceFile) -> set[str]:
        """The names that a file imports from elsewhere: their members are not the tree's."""
        return {
            name
            for text, names in self._names[file.path].imports
            if not self._is_ours(file, text)
            for name in (*names, *_last_parts(text))
        }

    def near(self, file: SourceFile) -> set[str]:
        """The paths of the other files that this one imports from, and those of its folder."""
        found = set(self._by_folder[file.folder])
        for name in self.imported(file):
            definers = self.top_definers(name)
            if len(definers) <= MAX_DEFINITIONS:
                found |= definers
            found.update(self._by_module.get(name, ()))
            if file.language == "go":
                found.update(self._in_package(name))
        found.discard(file.path)
        return found

    def top_definers(self, name: str) -> set[str]:
        """The files that define a name at their top."""
        return {place.path for place in self.table.get(name, ()) if place.is_top}

    def _in_package(self, name: str) -> Iterable[str]:
        for folder, paths in self._by_folder.items():
            if folder.rpartition("/")[2] == name:
                yield from paths

    def _is_ours(self, file: SourceFile, text: str) -> bool:
        """Whether an import is one from this tree, as far as its text tells."""
        language = file.record.name
        if language == "python":
            first = _PYTHON_MODULE.match(text)
            return first is not None and (
                first[1].startswith(".") or first[1].partition(".")[0] in self._folders
            )
        if language in ("javascript", "typescript", "tsx"):
            quoted = _QUOTED.findall(text)
            return bool(quoted) and quoted[-1].startswith((".", "@/", "~/", "#"))
        if language == "go":
            return any(part in self._folders for part in _last_parts(text))
        if language == "java":
            package = "/".join(_PATH.findall(text)[-1].split(".")[:-1])
            return any(f"/{folder}/".endswith(f"/{package}/") for folder in self._by_folder)
        words = re.findall(r"\w+", text.replace("pub", "", 1))
        first_word = words[1] if len(words) > 1 else ""
        return (
            first_word in ("crate", "self", "super")
            or text.lstrip().startswith("mod ")
            or any(
                first_word == folder or first_word.endswith("_" + folder)
                for folder in self._folders
            )
        )


def _last_parts(text: str) -> list[str]:
    """The last parts of quoted import paths: a Go package's name, a module's."""
    return [path.rstrip("/").rpartition("/")[2].partition(".")[0] for path in _QUOTED.findall(text)]
