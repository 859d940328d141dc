"""Which file tests which, by the customs of the languages: `test_x.py` and `x.py`, `XTest.java`."""

from __future__ import annotations

import re
from collections.abc import Collection

from indoors_indexing.resolve import FileIndex
from indoors_indexing.resolve.tree import nearest

_TEST = re.compile(
    r"(?:test_(?P<head>.+)|(?P<tail>.+?)(?:[._-](?:test|tests|spec|unittest)|_test|Test|Tests|Spec|IT))"
    r"(?P<extension>\.[^.]+)\Z"
)
# How a test of `{}` is called, for each end of a file's name.
_TEST_NAMES: dict[str, tuple[str, ...]] = {
    ".py": ("test_{}.py", "{}_test.py", "tests_{}.py"),
    ".js": ("{}.test.js", "{}.spec.js", "{}-test.js"),
    ".jsx": ("{}.test.jsx", "{}.spec.jsx"),
    ".ts": ("{}.test.ts", "{}.spec.ts"),
    ".tsx": ("{}.test.tsx", "{}.spec.tsx"),
    ".go": ("{}_test.go",),
    ".rs": ("{}_test.rs", "test_{}.rs"),
    ".java": ("{}Test.java", "{}Tests.java", "{}IT.java"),
    ".kt": ("{}Test.kt", "{}Spec.kt"),
    ".scala": ("{}Test.scala", "{}Spec.scala"),
    ".cs": ("{}Tests.cs", "{}Test.cs"),
    ".swift": ("{}Tests.swift",),
    ".php": ("{}Test.php",),
    ".rb": ("{}_spec.rb", "{}_test.rb", "test_{}.rb"),
    ".c": ("test_{}.c", "{}_test.c"),
    ".cc": ("{}_test.cc", "{}_unittest.cc", "test_{}.cc"),
    ".cpp": ("{}_test.cpp", "test_{}.cpp", "{}Test.cpp"),
    ".lua": ("{}_spec.lua", "test_{}.lua"),
}
_OTHER_ENDS = {
    ".tsx": (".tsx", ".ts"), ".ts": (".ts", ".tsx"),
    ".jsx": (".jsx", ".js"), ".js": (".js", ".jsx"),
    ".cc": (".cc", ".h"), ".cpp": (".cpp", ".hpp", ".h"), ".c": (".c", ".h"),
}  # fmt: skip


def is_test(path: str) -> bool:
    """Whether a file is called as tests are."""
    return _TEST.fullmatch(path.rpartition("/")[2]) is not None


def subject_of(path: str, files: FileIndex, imported: Collection[str] = ()) -> str | None:
    """The file that a test is about, None for what is no test or where none is found.

    Of several that are called so, the one that it imports.
    """
    match = _TEST.fullmatch(path.rpartition("/")[2])
    if match is None:
        return None
    stem, extension = match["head"] or match["tail"], match["extension"]
    for end in _OTHER_ENDS.get(extension, (extension,)):
        for name in (f"{stem}{end}", f"_{stem}{end}"):
            found = [one for one in files.named(name) if one != path]
            if found:
                known = [one for one in found if one in imported]
                return nearest(known or found, path)[0]
    return None


def tester_of(path: str, files: FileIndex) -> str | None:
    """The file that tests this one, None if none is called so."""
    name = path.rpartition("/")[2]
    if is_test(path) or name.startswith("__init__"):
        return None
    stem, _, extension = name.rpartition(".")
    for pattern in _TEST_NAMES.get(f".{extension}", ()):
        found = files.named(pattern.format(stem.lstrip("_")))
        if found:
            return nearest(found, path)[0]
    return None
