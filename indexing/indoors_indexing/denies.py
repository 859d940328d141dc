"""Which paths a list of deny patterns names. Pure, and linear in the pattern whatever it is.

The syntax is that of gitignore without negation, because a deny list can only grow:

    *.pem             any file or folder of that name, at any depth
    secrets/          any folder of that name, and all that is in it
    /deploy/keys      from the top of the workspace; the same for any `/` before the end
    a/**/private      `**` stands for any number of folders

Matching ignores case: two of the three systems do, and a deny may be too wide but not too narrow.
"""

from __future__ import annotations

import fnmatch
import functools
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterator

MAX_PATTERN_CHARACTERS = 200

# What makes a path one that is tidied, or that some system reads in another way: an empty part, one
# that begins or ends with a dot or ends with a space, a colon, a backslash.
_ODD = re.compile(r"\A\Z|[\\:]|(?:^|/)[./]|[. ](?:/|$)")


class BadPattern(ValueError):
    """Text that is no pattern; the message completes "it ..."."""


def check(pattern: str) -> None:
    """Raise BadPattern if `pattern` would not mean what its writer thinks."""
    if not pattern.strip("/ ") or len(pattern) > MAX_PATTERN_CHARACTERS:
        raise BadPattern(f"must have 1 to {MAX_PATTERN_CHARACTERS} characters and name something")
    if pattern.startswith("!"):
        raise BadPattern("cannot begin with !: a deny list only grows")
    if "\\" in pattern:
        raise BadPattern("cannot have a backslash: write / between folders, [*] for a star")
    if {".", "..", ""} & set(pattern.strip("/").split("/")):
        raise BadPattern('cannot have an empty part, "." or ".." between slashes')
    try:
        Denies((pattern,))
    except re.error:
        raise BadPattern("has a set in [ ] that cannot be read") from None


class Denies:
    """A list of patterns, made ready. Make one with `denies`, which remembers."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        names = [p for p in patterns if "/" not in p.rstrip("/")]
        self._rooted = [(p, _rooted(p)) for p in patterns if "/" in p.rstrip("/")]
        self._files = [p for p in names if not p.endswith("/")]
        self._folders = [p for p in names if p.endswith("/")]
        # One expression for all names: an index asks this about every file of a workspace, and
        # about the same folders again and again.
        self._is_file = _remembering(_either(self._files))
        self._is_folder = _remembering(_either(self._folders))
        # A pattern with a slash names nothing where none of the names is its last one.
        self._is_last = _remembering(_either([_last_name(pattern) for pattern, _ in self._rooted]))

    def match(self, path: str) -> str:
        """The first pattern that names `path` or a folder it is in, "" if none does.

        `path` is relative to the workspace's top; one that ends in `/` is a folder. Backslashes
        are tried both as separators and as part of a name.
        """
        for reading in _readings(path):
            parts = [part for part in reading.split("/") if part]
            if reading.endswith("/"):
                parts.append("")
            if found := self._match_parts(parts):
                return found
        return ""

    def match_inside(self, path: str) -> str:
        """`match` for a file whose folder is known not to be named; sooner, for a walk."""
        name = _fold(path.rpartition("/")[2])
        if _ODD.search(name) or self._is_file(name) or self._is_last(name):
            return self.match(path)
        # A pattern with a slash would have to end with this name, or it would name the folder.
        return ""

    def _match_parts(self, parts: list[str]) -> str:
        for depth, part in enumerate(parts):
            if self._is_file(part):
                return _which(self._files, part)
            if depth < len(parts) - 1 and self._is_folder(part):
                return _which(self._folders, part)
        for pattern, segments in self._rooted if any(map(self._is_last, parts)) else ():
            if _within(segments, parts, folder=pattern.endswith("/")):
                return pattern
        return ""


@functools.lru_cache(maxsize=64)
def denies(patterns: tuple[str, ...]) -> Denies:
    """`patterns` made ready."""
    return Denies(patterns)


def relative(path: str) -> str:
    """`path` without `.` and `..` inside; "" if it is not below the workspace's top.

    Only text is looked at: who has a link must ask about the file that it leads to.
    """
    slashed = path.replace("\\", "/")
    if slashed.startswith("/") or re.match(r"[A-Za-z]:", slashed) or "\0" in path:
        return ""
    normal = posixpath.normpath(slashed)
    return "" if normal in (".", "..") or normal.startswith("../") else normal


def _readings(path: str) -> Iterator[str]:
    plain = _fold(path)
    yield _tidy(plain)
    if not _ODD.search(plain):
        return
    if "\\" in plain:
        yield _tidy(plain.replace("\\", "/"))
    # Windows opens `name.` and `name::$DATA` as `name`.
    bare = "/".join(part.split(":")[0].rstrip(". ") or part for part in plain.split("/"))
    if bare != plain:
        yield _tidy(bare)


def _tidy(path: str) -> str:
    """`path` with `.`, `..` and double slashes resolved, a last slash kept."""
    if not _ODD.search(path):
        return path
    return posixpath.normpath(path) + ("/" if path.endswith("/") else "")


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()  # the same, and much sooner
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _expression(segment: str) -> str:
    # git writes a negated set [!a] or [^a], fnmatch only the first.
    return fnmatch.translate(_fold(segment).replace("[^", "[!"))


def _remembering(expression: re.Pattern[str]) -> Callable[[str], bool]:
    return functools.lru_cache(4096)(lambda part: expression.match(part) is not None)


def _either(patterns: list[str]) -> re.Pattern[str]:
    expressions = [_expression(pattern.rstrip("/")) for pattern in patterns]
    return re.compile("|".join(expressions) if expressions else r"(?!)")


def _which(patterns: list[str], part: str) -> str:
    return next(p for p in patterns if re.match(_expression(p.rstrip("/")), part))


def _rooted(pattern: str) -> list[re.Pattern[str] | None]:
    """One expression per segment; None is `**`."""
    segments = pattern.strip("/").split("/")
    return [None if s == "**" else re.compile(_expression(s)) for s in segments]


def _last_name(pattern: str) -> str:
    names = [segment for segment in pattern.strip("/").split("/") if segment != "**"]
    return names[-1] if names else "*"


def _within(segments: list[re.Pattern[str] | None], parts: list[str], *, folder: bool) -> bool:
    """Whether the segments match `parts`, or (a folder that it is in) its beginning."""
    reached = {0}
    for nth, segment in enumerate(segments):
        if segment is None:
            # At the end `**` is everything inside and not the folder itself, as in gitignore.
            first = min(reached) + (nth == len(segments) - 1)
            reached = set(range(first, len(parts) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(parts) and segment.match(parts[n])}
        if not reached:
            return False
    return any(n < len(parts) or not folder for n in reached)
