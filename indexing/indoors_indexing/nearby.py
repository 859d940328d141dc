"""What stands around a cursor, read without a parser: names, the receiver, open calls, types.

Everything here may be wrong, and nothing raises: it decides what is looked up, and what is not
found is not shown.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

import msgspec

from indoors_indexing.chains import (
    Call,
    Chain,
    Receiver,
    calls_at,
    chain_at,
    partial_at,
    receiver_at,
)
from indoors_indexing.masked import masked, tail_of
from indoors_indexing.scan_rules import NO_TYPES, ScanRules, rules_of

# With what stands before it, where that says that it is a member's.
_NAME = re.compile(r"([.>]?)([^\W\d][\w$]*)")
_LINES_BEFORE, _LINES_AFTER = 40, 15
# A name below the cursor says less about what comes than one above it.
_BELOW = 0.5
_MAX_NAMES = 60
_MAX_HEADER = 600
_MAX_ENCLOSING = 8
_MAX_AROUND = 40
_TYPE_START = re.compile(r"[\s&*?]*[\w$\"'(\[&*\\]")
_MAX_VALUE = 400
_WORDS_GO_ON = re.compile(r"\w")
_MAX_OCCURRENCES = 25
_MAX_WRITTEN = 4
_MAX_IN_A_LINE = 20
_ANY_NAME = r"(?P<variable>[@$]{0,2}[^\W\d][\w$]*)"
_NEEDED = (
    (r"\bfor\b", "for"), (r"\bfor\s", "for"), (r"\bwith\s", "with"), ("@", "@"), (":type", ":type"),
    (r"\bNAME\s*\(", ":"), (r"(?<![\w.$])NAME\s*[?!]?\s*:", ":"),
)  # fmt: skip
# Of what is said at one place the first counts: a written type before the value.
_ROLES = ("declared", "looped", "documented", "made")


class Enclosing(msgspec.Struct, frozen=True):
    """A type or function around the cursor. `own` is what a method calls its object (Go), `owner`
    the type that a method is written for, `at` where its header begins in the text before.
    """

    kind: str
    name: str
    own: str = ""
    owner: str = ""
    at: int = 0


class Written(msgspec.Struct, frozen=True):
    """What is written about a variable: its type, or an expression that it is, or is an item of."""

    type_text: str = ""
    value: Chain = ()
    item: bool = False


class Nearby(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is what stands before the cursor, `code` the same without comments and strings.

    `names` are identifiers with how near they are (0 to 1, more if repeated), nearest first;
    `members` are those of them that only stand behind a dot. `line` is the cursor's own line.
    """

    language: str
    rules: ScanRules
    text: str
    code: str
    names: dict[str, float]
    members: frozenset[str]
    line: str
    partial: str
    receiver: Receiver | None
    calls: tuple[Call, ...]
    enclosing: tuple[Enclosing, ...]
    # Whether there is more before `text`.
    is_cut: bool = False
    # What was asked about variables already; the same for the same text, so nobody sees it change.
    _known: dict[str, list[Written]] = msgspec.field(default_factory=dict)
    _lines: dict[tuple[int, int], list[tuple[str, re.Match[str]]]] = msgspec.field(
        default_factory=dict
    )

    def enclosing_type(self) -> str:
        """The type whose member is being written, "" outside of types."""
        for one in self.enclosing:
            if one.kind == "type":
                return one.name
            if one.owner:
                return one.owner
        return ""

    def enclosing_function(self) -> str:
        """The function that is being written, "" outside of functions."""
        return next((one.name for one in self.enclosing if one.kind == "function"), "")

    def function_start(self) -> int:
        """Where the outermost function around the cursor begins in `text`, 0 outside of one."""
        starts = [one.at for one in self.enclosing if one.kind == "function"]
        return min(starts, default=0)

    def is_own(self, name: str) -> bool:
        """Whether a name is the object that the method being written belongs to."""
        return name in self.rules.own or any(one.own == name for one in self.enclosing if one.own)


def nearby(language: str, before: str, after: str) -> Nearby:
    """Read the surroundings of a cursor between two texts."""
    rules = rules_of(language)
    text = tail_of(before)
    code = masked(text, rules)
    partial = partial_at(code)
    stable = code[: len(code) - len(partial)]
    names, members = _names(stable, after[:3000], rules)
    return Nearby(
        language=language,
        rules=rules,
        text=text,
        code=code,
        names=names,
        members=members,
        line=stable[stable.rfind("\n") + 1 :][-_MAX_VALUE:],
        partial=partial,
        receiver=receiver_at(code, rules),
        calls=calls_at(code, rules),
        enclosing=_enclosing(code, rules),
        is_cut=len(text) < len(before),
    )


def _names(code: str, after: str, rules: ScanRules) -> tuple[dict[str, float], frozenset[str]]:
    weights: dict[str, float] = {}
    alone: set[str] = set()
    above = code[-6000:].split("\n")[-_LINES_BEFORE:]
    below = masked("\n".join(after.split("\n", _LINES_AFTER)[:_LINES_AFTER]), rules).split("\n")
    above.reverse()
    for lines, most in ((above, 1.0), (below, _BELOW)):
        for distance, line in enumerate(lines):
            weight = most / (1 + distance / 4)
            for mark, name in _NAME.findall(line):
                known = weights.get(name, 0.0)
                weights[name] = (
                    known + 0.1 * weight if known > weight else weight + 0.1 * known
                )  # fmt: skip
                if not mark:
                    alone.add(name)
    chosen = sorted(
        (-weight, name) for name, weight in weights.items()
        if len(name) > 1 and name not in rules.keywords and name not in rules.noise
    )[:_MAX_NAMES]  # fmt: skip
    return (
        {name: -weight for weight, name in chosen},
        frozenset(name for _, name in chosen if name not in alone),
    )


# --- what encloses the cursor ---------------------------------------------------------------------


def _enclosing(code: str, rules: ScanRules) -> tuple[Enclosing, ...]:
    found: list[Enclosing] = []
    headers = _indented(code) if rules.blocks == "indent" else _braced(code)
    for at, header in headers:
        one = _header(at, header, rules)
        if one is not None:
            found.append(one)
            if len(found) >= _MAX_ENCLOSING:
                break
    return tuple(found)


def _header(at: int, header: str, rules: ScanRules) -> Enclosing | None:
    match = rules.functions.match(header)
    name = _group(match, "name") or _group(match, "method") or _group(match, "bound")
    if match is not None and name and name not in rules.keywords:
        return Enclosing("function", name, _group(match, "own"), _group(match, "owner"), at)
    if match is not None and rules.blocks == "indent":
        return Enclosing("function", "", at=at)  # its name is being written
    match = rules.types.match(header)
    if match is not None and match["name"] not in rules.keywords:
        return Enclosing("type", match["name"], at=at)
    return None


def _group(match: re.Match[str] | None, name: str) -> str:
    return (match.groupdict().get(name) or "") if match is not None else ""


def _indented(code: str) -> list[tuple[int, str]]:
    """The lines that the last one is indented below, innermost first; the last line too."""
    found: list[tuple[int, str]] = []
    start = code.rfind("\n") + 1
    line = code[start:]
    # The cursor's own line counts by where the cursor stands, if it is blank.
    limit = len(line) - len(line.lstrip())
    found.append((start, line[:_MAX_HEADER]))
    blanks = " " * limit
    while limit and start and len(found) < _MAX_AROUND:
        at = start - 1
        start = code.rfind("\n", 0, at) + 1
        # Most lines are indented as deep, which is seen without cutting them out.
        if code.startswith(blanks, start, at):
            continue
        line = code[start:at]
        stripped = line.lstrip()
        if stripped:
            indent = len(line) - len(stripped)
            if indent < limit and stripped[0] not in ")]}":
                found.append((start, line[:_MAX_HEADER]))
                limit = indent
                blanks = " " * limit
    return found


def _braced(code: str) -> list[tuple[int, str]]:
    """What stands before each brace that is still open, innermost first."""
    found: list[tuple[int, str]] = []
    depth = 0
    for match in reversed(list(re.finditer(r"[{}]", code))):
        if match[0] == "}":
            depth += 1
        elif depth:
            depth -= 1
        else:
            at = match.start()
            start = max(code.rfind(mark, 0, at) for mark in ";{}") + 1
            start = max(start, at - _MAX_HEADER)
            found.append((start, code[start:at].strip()))
            if len(found) >= _MAX_AROUND:
                break
    return found


# --- what is written about a variable -------------------------------------------------------------


def written_about(near: Nearby, name: str) -> list[Written]:
    """What the text before the cursor says a variable is, the latest first.

    What is said in the function around the cursor counts alone; what other functions say of a
    variable of this name is better than nothing.
    """
    if name not in near._known:
        start = near.function_start()
        found = _written(near, name, start, len(near.text))
        near._known[name] = found or (_written(near, name, 0, start) if start else [])
    return near._known[name]


def written_in(language: str, signature: str, name: str) -> list[Written]:
    """What a signature says a parameter is."""
    if name not in signature:
        return []
    rules = rules_of(language)
    text = tail_of(signature)
    alone = Nearby(
        language=language, rules=rules, text=text, code=masked(text, rules), names={},
        members=frozenset(), line="", partial="", receiver=None, calls=(), enclosing=(),
    )  # fmt: skip
    return written_about(alone, name)


def _written(near: Nearby, name: str, first: int, last: int) -> list[Written]:
    found: list[Written] = []
    wanted = name.lstrip("$")
    # Only lines that have the name are matched: it is in a few of them, and a search for words is
    # much faster than one for patterns.
    text = near.text
    at = last
    n_lines = 0
    while n_lines < _MAX_OCCURRENCES and len(found) < _MAX_WRITTEN:
        at = text.rfind(name, first, at)
        if at < 0:
            break
        if _WORDS_GO_ON.match(text, at + len(name)) or (at and _WORDS_GO_ON.match(text, at - 1)):
            continue
        n_lines += 1
        start = max(text.rfind("\n", 0, at) + 1, at - _MAX_VALUE)
        end = text.find("\n", at)
        end = min(len(text) if end < 0 else end, at + _MAX_VALUE)
        here: list[tuple[int, int, Written]] = []
        for role, match in _roles_in(near, start, end):
            if match["variable"].lstrip("$") == wanted:
                one = _read(near, role, match)
                if one is not None:
                    here.append((-match.start("variable"), _ROLES.index(role), one))
        found += [one for _, _, one in sorted(here, key=lambda item: item[:2])]
        at = max(first, start)
    return found


def _roles_in(near: Nearby, start: int, end: int) -> list[tuple[str, re.Match[str]]]:
    """All that a line says of any variable: near a cursor several are looked for in each line."""
    key = (start, end)
    if key not in near._lines:
        line = near.text[start:end]
        near._lines[key] = [
            (role, match)
            for role, needed, pattern in _patterns(near.language)
            if needed in line
            for match in itertools.islice(
                pattern.finditer(near.text if role == "documented" else near.code, start, end),
                _MAX_IN_A_LINE,
            )
        ]
    return near._lines[key]


def _read(near: Nearby, role: str, match: re.Match[str]) -> Written | None:
    if role in ("declared", "documented"):
        if "type" in match.re.groupindex and match["type"] is not None:
            # Taken from the text: a type may be quoted, and what is quoted was masked.
            text = near.text[match.start("type") : match.end("type")]
        else:
            text = near.text[match.end() : match.end() + _MAX_VALUE]
            text = text.partition("\n")[0] if _TYPE_START.match(text) else ""
        return Written(type_text=text) if text and text.split()[0] not in NO_TYPES else None
    if "value" in match.re.groupindex:
        value = match["value"]
    else:
        value = _value(near.code, match.end(), before_block=role == "looped")
    cast = re.search(r"\bas[?!]?\s+([\w.$]+)\s*\Z", value)
    if cast:
        return Written(type_text=cast[1])
    chain = chain_at(value, near.rules)
    return Written(value=chain, item=role == "looped") if chain else None


def _value(code: str, at: int, *, before_block: bool) -> str:
    """An expression from where it begins to the end of its line, over lines inside brackets.

    A brace behind it begins a value of a type (`Point{`, as good as a call), or a block.
    """
    depth = 0
    end = min(len(code), at + _MAX_VALUE)
    for position in range(at, end):
        character = code[position]
        if character in "([{":
            if character == "{" and depth == 0:
                value = code[at:position].strip()
                return f"{value}()" if value and not before_block else value
            depth += 1
        elif character in ")]}":
            if depth == 0:
                return code[at:position]
            depth -= 1
        elif character in "\n;" and depth == 0:
            following = code[position + 1 : position + 80].lstrip()
            if not following.startswith((".", "?.")):
                return code[at:position].rstrip(" :")
    return code[at:end] if depth == 0 else ""


@lru_cache(maxsize=64)
def _patterns(language: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """For each role: what a line has to have, and what is then looked for in it."""
    rules = rules_of(language)
    # Assignments look alike in all languages; what follows `:=` and `=` is the value.
    made = (
        r"(?<![\w.$])NAME\s*(?::[^=\n(){}]{1,80})?(?::=|=(?![=>]))\s*"
        r"(?:(?:await|new|try[?!]?|&mut|&|\*)\s*)*",
        r"(?<![\w.$])NAME\s*,\s*\w+\s*:?=\s*",
    )
    found = [("made", pattern) for pattern in made]
    for role in ("declared", "looped", "documented"):
        found += [(role, pattern) for pattern in getattr(rules, role)]
    if language == "python":
        found.append(("made", r"\bwith\s+(?P<value>[^\n]{1,200}?)\s+as\s+NAME\b"))
    # Compiled once for all names: to compile takes longer than to match.
    return tuple(
        (role, _needed(role, one), re.compile(one.replace("NAME", _ANY_NAME)))
        for role, one in found
    )


def _needed(role: str, pattern: str) -> str:
    """What is in every text that a pattern matches: most lines have nothing of the kind."""
    for beginning, needed in _NEEDED:
        if pattern.startswith(beginning):
            return needed
    return "=" if role == "made" else ""
