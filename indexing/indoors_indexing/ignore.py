"""Which files git would ignore, and `.indoorsignore`, which has the same syntax and the last word.

The library (pathspec) reads a pattern: anchors, directories, `**`. What it does not know is where a
file of patterns lies and what git does with a directory: the rules here go down a path one
directory at a time, the nearest file decides, and nothing below an excluded directory comes back.
A test holds all of it against `git check-ignore` on generated trees.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern
from typing_extensions import override

from indoors_indexing import globs
from indoors_indexing.reach import EXCLUDE, GIT_FILE, exclude_files
from indoors_indexing.reading import Unreadable, read_regular, read_source

OWN_FILE = ".indoorsignore"
RULE_FILES = (GIT_FILE, OWN_FILE)
# A file of patterns is written by people. Both limits bound what a hostile one can cost.
_MAX_FILE_BYTES = 512 * 1024
_MAX_PATTERNS = 4000
# Each `**` between two names multiplies the ways in which a long path can be tried. A pattern with
# more of them counts for nothing.
_MAX_DEEP_STARS = 3

_SPECIAL = re.compile(r"[*?\[\\]")
_STARS_AT_END = re.compile(r"(?:^|(?<=/))\*{2,}\Z")
_SUFFIX = re.compile(r"\*\.[^*?\[\\/.]*")
_END = r"(?:(?P<ps_d>/)|$)"


class _Pattern(GitIgnoreSpecPattern):
    """The library's pattern with git's own rules for what stands between two slashes."""

    __slots__ = ()

    @staticmethod
    @override
    def _translate_segment_glob(pattern: str, range_error: str) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        del range_error
        return globs.translate(pattern)


class _Rule(NamedTuple):
    number: int
    negated: bool
    directories_only: bool
    regex: re.Pattern[str] | None = None
    by_name: bool = False


class Rules:
    """The patterns of the ignore files of one directory. The last one that matches decides."""

    def __init__(self, lines: list[str]) -> None:
        self._names: dict[str, list[_Rule]] = {}
        self._suffixes: dict[str, list[_Rule]] = {}
        self._others: list[_Rule] = []
        for index, line in enumerate(lines[:_MAX_PATTERNS]):
            self._add(index, line)
        for rules in (*self._names.values(), *self._suffixes.values(), self._others):
            rules.reverse()

    def decide(self, path: str, name: str, is_directory: bool) -> bool | None:
        """Whether an entry is ignored, None if no pattern speaks about it.

        `path` is relative to the directory of the patterns, `name` its last part; both as bytes,
        one character each.
        """
        best = self._best(self._names.get(name), is_directory, None)
        dot = name.rfind(".")
        if dot >= 0 and self._suffixes:
            best = self._best(self._suffixes.get(name[dot:]), is_directory, best)
        for rule in self._others:
            if best is not None and rule.number < best.number:
                break
            if rule.directories_only and not is_directory:
                continue
            if rule.regex is not None and rule.regex.search(name if rule.by_name else path):
                best = rule
                break
        return None if best is None else not best.negated

    def _best(
        self, rules: list[_Rule] | None, is_directory: bool, best: _Rule | None
    ) -> _Rule | None:
        for rule in rules or ():
            if is_directory or not rule.directories_only:
                return rule if best is None or rule.number > best.number else best
        return best

    def _add(self, index: int, line: str) -> None:
        negated = line.startswith("!")
        line = _without_trailing_spaces(line[1:] if negated else line)
        directories_only = line.endswith("/")
        body = _normal(line.removesuffix("/"))
        if body is None:
            return
        if "/" not in body and not _SPECIAL.search(body):
            rule = _Rule(index, negated, directories_only)
            self._names.setdefault(body, []).append(rule)
            return
        if _SUFFIX.fullmatch(body):
            rule = _Rule(index, negated, directories_only)
            self._suffixes.setdefault(body[1:], []).append(rule)
            return
        regex = _compile(body)
        if regex is not None:
            by_name = "/" not in body
            self._others.append(_Rule(index, negated, directories_only, regex, by_name))


class Level(NamedTuple):
    """The rules of one directory, and how a path below the root becomes one below that directory.

    For a directory above the root `before` is put in front; for one below, `skip` is cut off.
    """

    rules: Rules
    skip: int = 0
    before: str = ""


# From the weakest to the strongest: a walk adds a level as it goes down.
Levels = tuple[Level, ...]


def as_bytes(path: str) -> str:
    """A path as git compares it: its bytes, one character each."""
    return path if path.isascii() else os.fsencode(path).decode("latin-1")


def ignored(levels: Levels, path: str, name: str, is_directory: bool) -> bool:
    """Whether the rules exclude an entry whose directories are all not excluded."""
    path, name = as_bytes(path), as_bytes(name)
    for level in reversed(levels):
        verdict = level.rules.decide(level.before + path[level.skip :], name, is_directory)
        if verdict is not None:
            return verdict
    return False


def base_levels(root: str) -> Levels:
    """What holds for a root before its own files: `.git/info/exclude` and the directories above.

    Those above count up to the top of the repository that the root lies in, as in git.
    """
    above: list[Level] = []
    folder, before = Path(os.path.realpath(root)), ""
    while True:
        marker = folder / ".git"
        if os.path.lexists(marker):
            exclude = _info_exclude(marker)
            rules = Rules(_lines(exclude)) if exclude else None
            return ((Level(rules, before=before),) if rules else ()) + tuple(reversed(above))
        if folder.parent == folder:
            return ()  # no repository: what lies above the root is none of our business
        before = as_bytes(folder.name) + "/" + before
        folder = folder.parent
        try:
            lines = _lines(read_regular(str(folder / GIT_FILE), None, _MAX_FILE_BYTES).data)
        except Unreadable:
            continue
        above.append(Level(Rules(lines), before=before))


def enter(levels: Levels, directory: int, path: str, names: tuple[str, ...] = RULE_FILES) -> Levels:
    """The levels inside an open directory below the root; `path` is "" for the root itself, `names`
    are the files of patterns that count.
    """

    def read(name: str) -> bytes:
        return read_regular(name, directory, _MAX_FILE_BYTES).data

    return _enter(levels, path, read, names)


def is_ignored(levels: Levels, root: int, path: str, is_directory: bool = False) -> bool:
    """Whether one path below an open root is ignored. Reads the ignore files on its way.

    `levels` are the root's base levels.
    """
    parts = path.split("/")
    for depth, name in enumerate(parts):
        before = "".join(part + "/" for part in parts[:depth])

        def read(file: str, before: str = before) -> bytes:
            return read_source(root, before + file, _MAX_FILE_BYTES, any_owner=True).data

        levels = _enter(levels, before[:-1], read)
        is_last = depth + 1 == len(parts)
        if ignored(levels, before + name, name, is_directory if is_last else True):
            return True
    return False


def _enter(
    levels: Levels,
    folder: str,
    read: Callable[[str], bytes],
    names: tuple[str, ...] = RULE_FILES,
) -> Levels:
    lines: list[str] = []
    for name in names:
        try:
            lines += _lines(read(name))
        except Unreadable:
            continue
    if not lines:
        return levels
    return (*levels, Level(Rules(lines), skip=len(as_bytes(folder)) + 1 if folder else 0))


def _info_exclude(marker: Path) -> bytes | None:
    """The first exclude file that a repository has.

    This alone may lie outside the root, where git has it. A hostile `.git` can thereby name another
    file as patterns; they leave out files of its own root, and nobody is shown them.
    """
    for place in exclude_files(marker):
        if place.match(EXCLUDE):
            try:
                return read_regular(str(place), None, _MAX_FILE_BYTES).data
            except Unreadable:
                continue
    return None


def _lines(data: bytes) -> list[str]:
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    lines = (line.removesuffix("\r").partition("\0")[0] for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _without_trailing_spaces(line: str) -> str:
    """Cut spaces off the end as git does: not tabs, and not a space behind a backslash."""
    kept = at = 0
    while at < len(line):
        if line[at] == "\\":
            at += 2
            kept = at
        else:
            at += 1
            kept = kept if line[at - 1] == " " else at
    return line[:kept]


def _normal(line: str) -> str | None:
    """A pattern, without its `!` and its last slash, in a form that the library and git read alike.

    Escaped slashes lose their backslash and slashes in a set become a stand-in. None for a pattern
    that git could never match (an empty segment, a set that is not closed).
    """
    if line.startswith("\\/"):
        return None  # not an anchor, but a slash, and no path begins with one
    out: list[str] = []
    in_set = False
    at = 0
    while at < len(line):
        character = line[at]
        if character == "[":
            try:
                _, end = globs.read_set(line, at)
            except globs.BadSet:
                return None
            in_set = in_set or "/" in line[at:end]
            out.append(line[at:end].replace("/", globs.SLASH_IN_SET))
            at = end
            continue
        if character == "\\":
            if at + 1 == len(line):
                return None
            at += 1
            character = line[at] if line[at] == "/" else "\\" + line[at]
            if character == "/" and (stars := _STARS_AT_END.search("".join(out))):
                # Behind these git expects a folder, where a plain slash would let them be none.
                out = ["".join(out)[: stars.start()], "*/**"]
        out.append(character)
        at += 1
    body = "".join(out)
    # More stars mean no more, and neither do more segments of them.
    body = re.sub(r"(?:^|(?<=/))\*{2,}(?:/\*{2,})*(?=/|$)", "**", body)
    if in_set and "/" not in body:
        body = "/" + body  # git saw the slash in the set, and so a path and not a name
    inner = body.removeprefix("/")
    segments = inner.split("/")
    if "" in segments or segments.count("**") > _MAX_DEEP_STARS:
        return None
    return body


def _compile(body: str) -> re.Pattern[str] | None:
    """The expression that matches exactly what a pattern names, and nothing below it."""
    start = ""
    if "/" in body:
        # Git compares what has no special character first, and then sees the rest as a pattern of
        # its own: stars that are only a part of a segment's end stand at its beginning there.
        first = _SPECIAL.search(body)
        literal = body[: first.start()] if first else ""
        rest = body[len(literal) :]
        if literal and not literal.endswith("/") and re.match(r"\*\*+(?:/|\Z)", rest):
            _, slash, rest = rest.partition("/")
            start = re.escape(literal.removeprefix("/")) + ("(?:.*/)?" if slash else ".*")
            if not rest:
                return re.compile(f"^{start}\\Z", re.DOTALL)
            body = "/" + rest
    text = _translated(body)
    if text is not None and start:
        text = text.removeprefix("^")
        # A whole segment has a character; what is left of one behind the literal may have none.
        for whole, part in (("[^/]+", "[^/]*"), (".", ".*")):
            if text == whole or text.startswith(whole + "\\Z") or text.startswith(whole + "/"):
                text = part + text.removeprefix(whole)
        text = f"^{start}{text}"
    return None if text is None else re.compile(text, re.DOTALL)


def _translated(body: str) -> str | None:
    if body[-1].isspace():
        # The library cuts white space of all kinds off the end.
        body = body[:-1].removesuffix("\\") + f"[{body[-1]}]"
    if body[0] in "#!":
        body = "\\" + body
    try:
        text, _ = _Pattern.pattern_to_regex(body)
    except ValueError:
        return None
    if text is None:
        return None
    text = str(text)
    return text.removesuffix(_END) + r"\Z" if text.endswith(_END) else text
