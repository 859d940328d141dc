"""One path segment of a gitignore pattern, as a regular expression.

The library's own translation of a segment differs from git's where a set is involved (classes such
as `[[:alpha:]]`, escapes, ranges that run backwards), and its stars can be made to backtrack for
hours by a hostile pattern. Here a star in the middle takes the first place where what follows fits
and never comes back: within a segment the first place is always as good as any other.

Text is bytes, one character each (latin-1), because that is how git compares.
"""

from __future__ import annotations

import re

# A slash inside a set: it is part of the set, not the end of a segment, and yet matches nothing.
SLASH_IN_SET = "\ue000"

# POSIX classes over ASCII, as git has them in its table of characters.
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": "\\ \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": "\\ -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t-\\r\\ ",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class BadSet(ValueError):
    """A `[` that git would never match: it is not closed, or names an unknown class."""


def translate(segment: str) -> str:
    """The regular expression of one segment. Raises ValueError for one that matches nothing."""
    pieces = [""]
    at = 0
    while at < len(segment):
        character = segment[at]
        if character == "*":
            while segment[at : at + 1] == "*":
                at += 1
            pieces.append("")
            continue
        if character == "\\":
            at += 1
            if at == len(segment):
                raise ValueError("a backslash with nothing behind it")
            pieces[-1] += re.escape(segment[at])
        elif character == "?":
            pieces[-1] += "[^/]"
        elif character == "[":
            expression, at = read_set(segment, at)
            pieces[-1] += expression
            continue
        else:
            pieces[-1] += re.escape(character)
        at += 1
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1] if piece)
    return f"{pieces[0]}{middle}[^/]*{pieces[-1]}"


def read_set(text: str, at: int) -> tuple[str, int]:
    """The set that begins with the `[` at `at`, and where it ends. Raises BadSet."""
    at += 1
    negated = text[at : at + 1] in ("!", "^") and at < len(text)
    at += negated
    parts: list[str] = []
    previous = ""
    first = True
    while first or text[at : at + 1] != "]":
        first = False
        character = text[at : at + 1]
        if not character:
            raise BadSet(text)
        if character == "\\":
            at += 1
            previous = _character(text, at)
            parts.append(_one(previous))
        elif character == "-" and previous and text[at + 1 : at + 2] not in ("", "]"):
            at += 1
            if text[at] == "\\":
                at += 1
            last = _character(text, at)
            if _order(previous) <= _order(last):
                parts.append(f"{_one(previous)}-{_one(last)}")
            previous = ""
        elif character == "[" and text[at + 1 : at + 2] == ":":
            end = text.find("]", at + 2)
            if end < 0:
                raise BadSet(text)
            if end - at < 3 or text[end - 1] != ":":
                parts.append(_one("["))  # no ":]": the bracket is an ordinary character
                previous = "["
            else:
                name = text[at + 2 : end - 1]
                if name not in _CLASSES:
                    raise BadSet(text)
                parts.append(_CLASSES[name])
                at, previous = end, ""
        else:
            previous = character
            parts.append(_one(character))
        at += 1
    inside = "".join(parts)
    if negated:
        return f"[^{inside}/]", at + 1
    return (f"(?!/)[{inside}]" if inside else "(?!)"), at + 1


def _character(text: str, at: int) -> str:
    if at >= len(text):
        raise BadSet(text)
    return text[at]


def _order(character: str) -> int:
    return ord("/") if character == SLASH_IN_SET else ord(character)


def _one(character: str) -> str:
    return f"\\x{_order(character):02x}"
