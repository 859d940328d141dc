"""Names in languages whose bindings are not known: what can be told by comparing two texts.

A name whose declaration stood in the old text, and which the new one uses without any, has lost it.
A declaration is told by its neighbours: `let x`, `x :=`, `Type x =`, `for x in`, `|x|`. Nothing is
said of names that had no declaration in the target, so fields, functions and imports of other files
are never in question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from indoors_completion.refactor import wishes
from indoors_completion.refactor.case import Case

_WORD = re.compile(r"[^\W\d]\w*\Z")
_NO_TYPES = frozenset(
    [
        "return",
        "new",
        "in",
        "of",
        "else",
        "throw",
        "throws",
        "await",
        "yield",
        "not",
        "and",
        "or",
        "is",
        "as",
        "case",
        "delete",
        "typeof",
        "do",
        "if",
        "while",
        "for",
        "switch",
        "match",
        "when",
        "unless",
        "until",
        "goto",
        "package",
        "import",
        "use",
        "using",
        "extends",
        "implements",
        "break",
        "continue",
        "raise",
        "defer",
        "go",
        "move",
        "ref",
        "dyn",
        "where",
        "puts",
        "echo",
        "print",
        "local",
        "assert",
        "fallthrough",
        "then",
        "elif",
        "instanceof",
        "sizeof",
        "unsafe",
        "try",
        "catch",
        "except",
        "lambda",
        "end",
        "begin",
        "rescue",
        "ensure",
        "super",
        "this",
        "self",
        "try!",
        "alias",
        "export",
    ]
)
_DECLARES = frozenset(
    ["let", "var", "val", "const", "mut", "auto", "final", "int", "my", "foreach", "for"]
)
_PLAIN = frozenset(["go", "rust", "java", "c", "cpp", "csharp", "kotlin", "swift", "scala"])
_TYPE_ENDS = frozenset({">", "]", "*", "&", "?"})
_IMPORT = re.compile(
    r"^\s*(?:import|use|using(?=\s+[\w.:]+\s*;)|#\s*include|require(?:_\w+)?(?=\s*\(?\s*['\"])|from"
    r"|source|\.(?=\s)|include(?:_once)?(?=\s*\(?\s*['\"]))(?!\w)(.*)$"
)
_IN_A_GROUP = re.compile(r"((?:[\w.]+ )?\"[^\"]+\")")
# Where an import does not say which names it brings.
_NAMELESS = frozenset({"c", "cpp", "csharp", "ruby", "swift", "bash", "lua"})
_LAST_FIRST = frozenset({"java", "c", "cpp", "csharp", "php"})
# Here a name has its first value by `=` alone.
_ASSIGNED = frozenset({"ruby", "php", "lua", "bash"})
_HEADS = frozenset({"function", "def", "fn", "lambda"})
_FIRST = frozenset(
    {"local", "for", "foreach", "each", "as", "declare", "global", "read", "-r", "-v", "|", "=>"}
)
_UPDATES = re.compile(r"(?:[-+*/%.^]|<<|>>|\*\*|\|\|?|&&?|\?\?)?=|in|\|")


def lost_name(case: Case) -> str:
    """A name that the new target uses and does not declare any more, "" if there is none."""
    language = case.outline_before.language
    if language not in _PLAIN | _ASSIGNED:
        return _lost_import(case)
    tell = assigned if language in _ASSIGNED else declared
    old, new = case.old_leaves("code", "annotation"), case.new_leaves("code", "annotation")
    gone = {name for name in tell(old) - tell(new) if _begins_with_its_value(old, name, tell)}
    if gone:
        elsewhere = {one.name for one in case.outline.definitions} if case.outline else set()
        used = _used(new)
        for name in sorted(gone - elsewhere):
            if name in used:
                return name
    return _lost_import(case)


def _begins_with_its_value(
    tokens: Sequence[str], name: str, tell: Callable[[Sequence[str]], set[str]]
) -> bool:
    """Whether a name has its declaration where it first stands: else it comes from elsewhere."""
    at = next(
        at
        for at, token in enumerate(tokens)
        if token == name and (not at or tokens[at - 1] not in (".", "::", "->"))
    )
    # What tells a declaration stands at most so far behind it.
    return name in tell(tokens[: at + 10])


def declared(tokens: Sequence[str]) -> set[str]:
    """Names that tokens declare, by their neighbours."""
    found: set[str] = set()
    for at, token in enumerate(tokens):
        if not _WORD.match(token) or token in _NO_TYPES or token in _DECLARES:
            continue
        before = tokens[at - 1] if at else ""
        after = tokens[at + 1] if at + 1 < len(tokens) else ""
        if before == "." or before == "::" or before == "->":
            continue
        is_typed = bool(_WORD.match(before)) and before not in _NO_TYPES
        is_typed = is_typed or (before in _TYPE_ENDS and after in ("=", ";", ",", ")", ":", "["))
        is_listed = before in ("(", ",", "|", "&", "mut")
        if (
            before in _DECLARES
            or (is_typed and after != "(")
            or after == ":="
            or (after == ":" and before in ("(", ",", "|", "mut", "{"))
            or (after == "," and ":=" in tokens[at : at + 8])
            or (is_listed and _is_pattern(tokens, at))
            # Go's `name Type` of a parameter.
            or (before in ("(", ",") and _WORD.match(after) and after not in _NO_TYPES)
        ):
            found.add(token)
    return found


def assigned(tokens: Sequence[str]) -> set[str]:
    """Names that get a value in a script: by `=`, in a list before it, as a parameter, a loop."""
    found: set[str] = set()
    closes = -1
    for at, token in enumerate(tokens):
        if token in _HEADS and "(" in tokens[at : at + 4]:
            opening = tokens.index("(", at)
            closes = tokens.index(")", opening) if ")" in tokens[opening:] else opening
        if not _WORD.match(token) or token in _NO_TYPES:
            continue
        before = tokens[at - 1] if at else ""
        if before in (".", "::", "->", "@", ":"):
            continue
        is_typed = before == "$" and at > 1 and tokens[at - 2] not in _NO_TYPES
        if (
            at < closes
            or before in _FIRST
            or (is_typed and (_WORD.match(tokens[at - 2]) or tokens[at - 2] in _FIRST))
            or _UPDATES.fullmatch(_behind_list(tokens, at))
        ):
            found.add(token)
    return found


def _behind_list(tokens: Sequence[str], at: int) -> str:
    """What stands behind `a, b, c` from a place on: `=`, `in`, `|` where that gives them values."""
    while tokens[at + 1 : at + 2] == [","] or tokens[at + 1 : at + 2] == (",",):
        at += 2 + (tokens[at + 2 : at + 3] == ["$"])
    return "".join(tokens[at + 1 : at + 2])


def _is_pattern(tokens: Sequence[str], at: int) -> bool:
    """Whether around it stands `let (a, b)`, `Some(x) =>`, `|a, b|`, `(a) ->`, `for (k, v) in`."""
    first = max(0, at - 8)
    head = tokens[first:at]
    if "|" in head or any(word in head for word in ("let", "var", "val", "for", "auto")):
        return True
    return any(mark in tokens[at : at + 6] for mark in ("=>", "->", "|", "in", ":="))


def _used(tokens: Sequence[str]) -> set[str]:
    return {
        token
        for at, token in enumerate(tokens)
        if _WORD.match(token)
        and (not at or tokens[at - 1] not in (".", "::", "->"))
        and not (
            at + 1 < len(tokens) and tokens[at + 1] == ":" and at and tokens[at - 1] in ("{", ",")
        )
    }


def _lost_import(case: Case) -> str:
    """A name of an import line that is gone, and is used still; where such a line does not say
    which names it brings, what it takes them from, unless another line came in its place.
    """
    language = case.outline_before.language
    kept = {line.code for line in case.new_lines}
    new = [line.code for line in case.new_lines if _import_of(language, line.code)]
    words = re.findall(r"\w+", " ".join(new))
    has_new = any(code not in {line.code for line in case.old_lines} for code in new)
    may_go = wishes.removes(case) or wishes.repairs(case) or has_new
    for line in case.old_lines:
        path = _import_of(language, line.code)
        if not path or line.code in kept:
            continue
        says_no_names = language in _NAMELESS or path.rstrip("; ").endswith(("*", "_"))
        if says_no_names and not may_go and not set(re.findall(r"\w+", path)) <= set(words):
            return path.strip(" ;\"'<>()")
        for name in () if says_no_names else _brought(path):
            if name not in words and _is_used(case, name):
                return name
    return ""


def _import_of(language: str, code: str) -> str:
    """What a line of code imports, "" for a line that imports nothing."""
    match = _IMPORT.match(code) or (_IN_A_GROUP.fullmatch(code) if language == "go" else None)
    return match[1] if match is not None else ""


def _brought(path: str) -> list[str]:
    """The names that an import gives: all in braces, or the last of a path."""
    inside = re.search(r"\{(.*)\}", path)
    text = inside[1] if inside else path.strip(" ;\"'<>()")
    parts = text.split(",") if inside else [text]
    return [words[-1] for part in parts if (words := re.findall(r"\w+", part))]


def _is_used(case: Case, name: str) -> bool:
    outline, text = case.outline, case.after
    return outline is not None and any(
        leaf.kind in ("code", "annotation") and text[leaf.start : leaf.end] == name
        for leaf in outline.leaves
    )


def parameters(language: str, head: Sequence[str], name: str) -> list[str]:
    """The names of a signature's parameters, by its tokens: the first or last word of each."""
    if name in head:
        head = head[list(head).index(name) + 1 :]
    found: list[str] = []
    words: list[str] = []
    depth = 0
    is_done = False
    for token in [*head, ","]:
        if depth == 1 and token in (",", ")"):
            if words:
                found.append(words[-1] if language in _LAST_FIRST else words[0])
            words = []
            is_done = False
        if token in ("(", "[", "{", "<"):
            if token == "(" or depth:
                depth += 1
        elif token in (")", "]", "}", ">") and depth:
            depth -= 1
            if not depth:
                break
        elif depth == 1 and token in ("=", ":"):
            is_done = True
        elif depth == 1 and not is_done and _WORD.match(token) and token not in ("mut", "self"):
            words.append(token)
    return found
