"""Text without what its comments and strings say: as long as before, line for line."""

from __future__ import annotations

from indoors_indexing.scan_rules import ScanRules

# How far back text is read: a class's head should be in it, a whole generated file need not.
MAX_CHARS = 30_000
# What a comment begins with, in any language.
_COMMENT_STARTS = "#/-"


def tail_of(text: str, limit: int = MAX_CHARS) -> str:
    """The end of a text, whole lines where it has any."""
    if len(text) <= limit:
        return text
    cut = len(text) - limit
    line = text.find("\n", cut)
    return text[line + 1 if line >= 0 else cut :]


def masked(text: str, rules: ScanRules) -> str:
    """Comments become blanks, strings keep their quotes only.

    Where the text ends in a string that is still open, code that is interpolated there stays.
    """
    parts: list[str] = []
    at = 0
    for match in rules.skipped.finditer(text):
        start, end = match.span()
        if start == end:
            continue
        parts.append(text[at:start])
        found = match[0]
        if found[0] in _COMMENT_STARTS:
            parts.append(_blank(found))
        else:
            code = _interpolated(found, rules) if end == len(text) else len(found)
            inside = _blank(found[1:code])
            closed = code == len(found) > 1 and found[-1] == found[0]
            parts.append(found[0] + (inside[:-1] + found[-1] if closed else inside) + found[code:])
        at = end
    parts.append(text[at:])
    return "".join(parts)


def _blank(text: str) -> str:
    if "\n" not in text:
        return " " * len(text)
    return "\n".join([" " * len(line) for line in text.split("\n")])


def _interpolated(string: str, rules: ScanRules) -> int:
    """Where the interpolation begins in which an open string ends; its length if in none."""
    for opener in rules.interpolates:
        at = string.rfind(opener)
        closer = ")" if opener.endswith("(") else "}"
        if at > 0 and closer not in string[at:]:
            return at + len(opener)
    return len(string)
