"""Values without quotes that a name gets: yaml, ini, environments, addresses, commands, pairs.

A value without quotes may be code, so that one that looks like a name or a call counts only if
digits stand in it as in no name, or where nothing but text can stand. Each pattern begins where a
name ends or looks back a bounded way, and no repetition in one is without a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_server.closed.secret_quoted import QUOTE, literals
from indoors_server.closed.secret_values import is_made, is_place
from indoors_server.closed.secret_words import Name

# `name: value`, `name=value`, and `name: |` with the value on the next line.
_BARE = re.compile(
    rf"(?:{QUOTE})?(?:=(?![ \t])|[ \t]{{1,8}}=|[ \t]{{0,8}}(?:[:=]=|=>|:))[ \t]{{0,8}}"
    r"(?:[|>][+\-]?[ \t]{0,8}\r?\n[ \t]{1,40})?([^\s'\"`]{6,512})"
)
# `DB_PASSWORD=value`, with no blank: a shell's or an environment's, and no name in code.
_ENV_HEAD = re.compile(
    r"[ \t]{0,40}(?:(?:export|ENV|set)[ \t]{1,8}|[#\-+][ \t]{0,8})?[A-Z][A-Z0-9_]{0,80}="
)
_LINE_HEAD = re.compile(
    r"[ \t]{0,80}(?:(?:export|set)[ \t]{1,8}|[#\-+*/>;]{1,3}[ \t]{0,8})?(?:\w{1,20} ){0,3}"
    r"['\"]?[\w.\-]{0,80}"
)
_LINE_REST = re.compile(r"[ \t]{0,20}(?:\r?\n|$)|[ \t]{1,80}(?:#|;|//)")
# A line's end that is written as one, in a string of code, ends a value, and so does another name:
# were each value of `pass=pass=…` read to its end, the time would not be in proportion to the text.
_END = re.compile(
    r"\\[rn]|(?i:passw?|pwd?|psk|secret|token|credential|string|key)[A-Za-z0-9_\-]{0,40}"
    r"[=:>](?![=\s]|$)"
)
_EXPRESSION = re.compile(r"[A-Za-z_$][\w.$:>?!\-]{0,512}[(\[{<]")
# A name or a path of names; only a path ends with a mark, as `this.token!` does.
_CODE = re.compile(r"[A-Za-z_$][\w$]{0,512}(?:$|(?:(?:\.|::|->|/|-)[\w$]{1,512}){1,64}[?!]{0,2}$)")
# What yaml, decorators, references and formats write before a name.
_MARKS = "@%!*&"
_PARTS = re.compile(r"[.:/\->]{1,2}")
_ENDS = re.compile(r"[^&;,<>(){}\[\]]{6,512}")

# In addresses, connection strings, commands: `?api_key=VALUE&`, `;Pwd=VALUE;`, `--token VALUE`.
_INLINE = re.compile(r"(=|[ ])[ ]?([^\s'\"`&;<>()]{6,512})(?=[&;\s'\"`)]|$)")
_INLINE_HEAD = re.compile(r"([?&;]|--)[ ]?[A-Za-z0-9_.\-]{0,40}$")
_TAGGED = re.compile(r"(?:['\"][^<>\r\n]{0,80})?>[ \t\r\n]{0,20}([^<\s]{6,512})[ \t\r\n]{0,20}</")
_SHELL_DEFAULT = re.compile(r":[\-=+?]([^\s}'\"]{6,200})\}")
# `NAME VALUE` is a whole line, behind a command that sets variables, or for a password.
_SPACED = re.compile(r"[ \t]{1,8}([^\s'\"`=]{6,512})[ \t]{0,8}(?:\r?\n|$)")
_SPACED_HEAD = re.compile(
    r"[ \t]{0,40}(?:[#+\-][ \t]{0,4})?"
    r"((?:ENV|ARG|set|setx|setenv|export)(?:[ \t]{1,4}-\w{1,3}){0,2}[ \t]{1,4})?[\w.\-]{0,40}"
)

# `name: DB_PASSWORD`, then `value: …` beside it, in either order.
_PAIR_HEAD = re.compile(
    r"(?i)(?:(?:name|key|field|variable|var|param|option|id|code)\\{0,3}['\"]?[ \t]{0,4}[:= ]"
    r"[ \t]{0,4}\\{0,3}['\"]?|<)[\w.\-]{0,40}$"
)
_PAIR_VALUE = re.compile(
    r"(?i)(?<![\w\-])[a-z]{0,12}(?:value|default(?:_?value)?|content)\\{0,3}['\"]?"
    r"[ \t]{0,8}[:=][ \t]{0,8}"
)
_PAIR_NEXT = re.compile(r"(?i)(?<![\w\-])(?:name|key|variable)\\{0,3}['\"]?[ \t]{0,4}[:= ]")
_PAIR_BARE = re.compile(r"([^\s'\"`,;{}<>]{6,512})")
_PAIR_END = re.compile(r"['\"]?[ \t\r\n]{0,40},?[ \t\r\n]{0,40}\\{0,3}['\"]?")
_PAIR_ROOM = 240


def has_bare(name: Name) -> bool:
    """Whether a name has a value without quotes that is a secret."""
    return any(name.is_secret(value) for value in _texts(name)) or any(
        name.is_secret(value) for value in _words(name)
    )


def has_pair(name: Name) -> bool:
    """Whether a name is a name's value, and the value beside it is a secret."""
    head = _PAIR_HEAD.search(name.text, max(0, name.at - 80), name.at)
    return head is not None and any(
        name.is_secret(value)
        for values in (_beside(name), _before(name.text, head.start()))
        for value in values
    )


def _texts(name: Name) -> Iterator[str]:
    """Values that stand where nothing but text can stand."""
    text, at, end = name.text, name.at, name.end
    for pattern in (_TAGGED, _SHELL_DEFAULT):
        match = pattern.match(text, end)
        if match is not None:
            yield _until_end(match[1])
    inline = _INLINE.match(text, end)
    if inline is not None:
        head = _INLINE_HEAD.search(text, max(0, at - 45), at)
        if head is not None and (inline[1] == "=" or head[1] == "--"):
            yield _until_end(inline[2])
    spaced = _SPACED.match(text, end)
    if spaced is not None and not _EXPRESSION.match(spaced[1]):
        head = _SPACED_HEAD.fullmatch(text, _line_start(name), at)
        if head is not None and (head[1] or (name.is_password and is_made(spaced[1]))):
            yield spaced[1]


def _words(name: Name) -> Iterator[str]:
    """Values that stand where code can stand, and are none."""
    text, at = name.text, name.at
    bare = _BARE.match(text, name.end)
    if bare is None or text[at - 1 : at] == text[name.end : name.end + 1] == ":":
        # `arn:…:secret:name` is an address.
        return
    value, start = _until_end(bare[1]), _line_start(name)
    if not value:
        return
    if _ENV_HEAD.fullmatch(text, start, bare.start(1)):
        if not is_place(value):
            yield value
        return
    if value[0] in "$<|>([{" or _EXPRESSION.match(value.lstrip(_MARKS)):
        return
    is_line = bool(_LINE_HEAD.fullmatch(text, start, at) and _LINE_REST.match(text, bare.end()))
    until = _ENDS.match(value)
    for one in (value if is_line else "", "" if until is None else until[0]):
        word = one.rstrip(",;")
        if word and _is_text(word, is_line=is_line):
            yield word


def _is_text(word: str, *, is_line: bool) -> bool:
    """Whether a word without quotes is no path and no code.

    Something else than a name or a path of names is text where it is all that its line gives.
    """
    if is_place(word):
        return False
    is_no_name = is_line and not _CODE.match(word.lstrip(_MARKS))
    return is_no_name or any(is_made(part) for part in _PARTS.split(word))


def _until_end(value: str) -> str:
    end = _END.search(value)
    return value if end is None else value[: end.start()]


def _line_start(name: Name) -> int:
    return name.text.rfind("\n", max(0, name.at - 120), name.at) + 1


def _beside(name: Name) -> Iterator[str]:
    """The value that stands behind a name that is a name's value."""
    room = name.text[name.end : name.end + _PAIR_ROOM]
    value = _PAIR_VALUE.search(room)
    following = _PAIR_NEXT.search(room)
    if value is not None and (following is None or value.start() < following.start()):
        yield from (one for one, _ in _value_at(name.text, name.end + value.end()))


def _before(text: str, at: int) -> Iterator[str]:
    """The value that stands right before a name: `"value": "…", "key": "…"`."""
    start = max(0, at - _PAIR_ROOM)
    for value in _PAIR_VALUE.finditer(text, start, at):
        for one, end in _value_at(text, value.end()):
            if _PAIR_END.fullmatch(text, end, at):
                yield one


def _value_at(text: str, at: int) -> Iterator[tuple[str, int]]:
    is_found = False
    for found in literals(text, at):
        is_found = True
        yield found
    bare = None if is_found else _PAIR_BARE.match(text, at)
    if bare is not None and not _EXPRESSION.match(bare[1]) and _is_text(bare[1], is_line=True):
        yield bare[1], bare.end()
