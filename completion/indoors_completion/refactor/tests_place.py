"""Where the tests of a file belong, by what a project does with the others, and how they import it.

    paths of the project -> the test file of this module, if there is one
                         -> else where the tests of its neighbours are, in the way they are called
                         -> else where its language's people put them

All paths are relative to the project, posix.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

_ECMA = "js|jsx|mjs|cjs|ts|tsx|mts|cts"
# How test files are called; `stem` is what they are about.
_NAMES: dict[str, tuple[str, ...]] = {
    "python": (r"test_(?P<stem>.+)\.py", r"(?P<stem>.+)_test\.py"),
    "javascript": (rf"(?P<stem>.+)\.(?:test|spec)\.(?:{_ECMA})",),
    "go": (r"(?P<stem>.+)_test\.go",),
    "java": (r"(?P<stem>.+)Tests?\.java", r"Test(?P<stem>.+)\.java"),
}
_NAMES["typescript"] = _NAMES["tsx"] = _NAMES["javascript"]
_DEFAULT_NAMES = {
    "python": "test_{stem}.py",
    "javascript": "{stem}.test{extension}",
    "typescript": "{stem}.test{extension}",
    "tsx": "{stem}.test{extension}",
    "go": "{stem}_test.go",
    "java": "{stem}Test.java",
}
# Languages whose tests stand in the file that they test.
INLINE = frozenset({"rust"})
LANGUAGES = frozenset({*_DEFAULT_NAMES, *INLINE})
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "testing"})


class Place(NamedTuple):
    """A test file, and one of the project that shows how its tests are written ("" for none)."""

    path: str
    example: str = ""


def is_test(path: str, language: str) -> bool:
    """Whether a file is one of tests."""
    return _stem(posixpath.basename(path), language) is not None or _is_in_tests(path)


def place_of(path: str, language: str, paths: Collection[str]) -> Place:
    """Where the tests of a file are, or would be."""
    if language in INLINE:
        return Place(path, path)
    folder, name = posixpath.split(path)
    stem, extension = posixpath.splitext(name)
    tests = [one for one in paths if _stem(posixpath.basename(one), language) is not None]
    own = [one for one in tests if _stem(posixpath.basename(one), language) == stem]
    if own:
        found = min(
            own, key=lambda one: (-_shared(one, path), not _is_in_tests(one), len(one), one)
        )
        return Place(found, found)
    sources = _by_stem(path for path in paths if not is_test(path, language))
    pairs = [
        (source, test)
        for test in tests
        for source in sources.get(_stem(posixpath.basename(test), language) or "", ())
        if posixpath.splitext(source)[1] == posixpath.splitext(test)[1]
    ]
    if pairs:
        source, test = min(pairs, key=lambda pair: (-_shared(pair[0], path), pair))
        return Place(
            posixpath.join(_moved(folder, source, test), _renamed(stem, extension, test, language)),
            test,
        )
    if tests:
        test = min(tests, key=lambda one: (-_shared(one, path), one))
        return Place(
            posixpath.join(posixpath.dirname(test), _renamed(stem, extension, test, language)), test
        )
    called = _DEFAULT_NAMES[language].format(stem=stem, extension=extension)
    return Place(posixpath.join(_default_folder(folder, language, paths), called))


def _is_in_tests(path: str) -> bool:
    return not _TEST_FOLDERS.isdisjoint(path.split("/")[:-1])


def _stem(name: str, language: str) -> str | None:
    for pattern in _NAMES.get(language, ()):
        if match := re.fullmatch(pattern, name):
            return match["stem"]
    return None


def _by_stem(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(posixpath.splitext(posixpath.basename(path))[0], []).append(path)
    return found


def _shared(one: str, other: str) -> int:
    """How many folders two paths have in common, from the top or wherever they go alike."""
    first, second = one.split("/")[:-1], other.split("/")[:-1]
    top = 0
    while top < min(len(first), len(second)) and first[top] == second[top]:
        top += 1
    end = 0
    while end < min(len(first), len(second)) - top and first[-1 - end] == second[-1 - end]:
        end += 1
    return top + end


def _moved(folder: str, source: str, test: str) -> str:
    """The folder that is to a folder as a test's is to its source's: what both have in common at
    the end of their paths is what a tree of tests repeats of the tree of sources.
    """
    old, new = _parts(posixpath.dirname(source)), _parts(posixpath.dirname(test))
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    here = _parts(folder)
    if here[: len(old)] == old:
        return "/".join([*new, *here[len(old) :]])
    if len(new) > len(old) and new[: len(old)] == old:
        return "/".join([*here, *new[len(old) :]])  # a folder of tests beside the sources
    return posixpath.dirname(test)


def _parts(folder: str) -> list[str]:
    return folder.split("/") if folder else []


def _renamed(stem: str, extension: str, example: str, language: str) -> str:
    """A test file's name, made as that of another one is."""
    name = posixpath.basename(example)
    there = _stem(name, language) or ""
    if language in ("javascript", "typescript", "tsx"):
        kind = "spec" if ".spec." in name else "test"
        return f"{stem}.{kind}{extension}"
    return name.replace(there, stem, 1) if there else name


def _default_folder(folder: str, language: str, paths: Collection[str]) -> str:
    if language == "java":
        return folder.replace("src/main/java", "src/test/java", 1)
    if language != "python":
        return folder
    tops = {path.split("/", 1)[0] for path in paths if "/" in path}
    return next((name for name in ("tests", "test") if name in tops), "tests")


# --- how a test refers to what it tests ---------------------------------------------------------


def python_module(path: str, paths: Collection[str]) -> str:
    """The module that a file is imported as: below the outermost package that it is in."""
    parts = posixpath.splitext(path)[0].split("/")
    first = len(parts) - 1
    while first > 0 and "/".join([*parts[:first], "__init__.py"]) in paths:
        first -= 1
    if first == len(parts) - 1 and first > 0:
        # No package: its folder is on the path, or the folder that sources are kept in is.
        is_source_root = parts[0] in ("src", "lib", "python")
        first = 1 if is_source_root else 0
    module = parts[first:]
    if module[-1] == "__init__" and len(module) > 1:
        module = module[:-1]
    return ".".join(module)


def relative_import(path: str, test: str, *, with_extension: bool) -> str:
    """What a file is called in an import of another one."""
    found = posixpath.relpath(path, posixpath.dirname(test) or ".")
    found = found if found.startswith(".") else f"./{found}"
    return found if with_extension else posixpath.splitext(found)[0]
