"""Texts in quotes that a name gets: assigned, compared, as a default, an argument, in JSON.

Each pattern begins where a name ends, and no repetition in one is without a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_server.closed.secret_words import Name

QUOTE = r"\\{0,3}['\"`]"
_SPACE = r"[ \t]{0,20}"
_GAP = r"[ \t]{0,20}(?:\r?\n[ \t]{0,80})?"
_TYPE = r"[&A-Za-z_*(\[](?:[\w.&'<>|?* ]|\[[^\]\r\n]{0,40}\]){0,60}?"

_WAYS = (
    # name = …, name: type = …, name type = …, "name": …, name[16] = …, cfg["name"] == …
    re.compile(
        rf"(?:{QUOTE})?[\])]{{0,2}}(?:\[\w{{0,12}}\])?"
        rf"(?:{_SPACE}:{_SPACE}{_TYPE}{_SPACE}=(?![=>])"
        r"|[ \t]{1,20}(?:As[ \t]{1,4})?[*\[\]A-Za-z_][\w.*\[\]]{0,30}[ \t]{1,8}:?=(?![=>])"
        rf"|{_SPACE}(?::=|=>|->|<-|[!=]={{1,2}}|[+.|?&]{{0,2}}=|=~|:)){_GAP}"
    ),
    # name || …, get("name") ?? …, name | default(…
    re.compile(
        rf"(?:{QUOTE})?[\])]{{0,2}}{_SPACE}(?:\|\||\?\?|\?:|or\b|\|[ ]?default\()[ \t]{{0,8}}"
    ),
    # name.equals(…), get("name").unwrap_or(…)
    re.compile(
        rf"(?:{QUOTE})?[\])]{{0,2}}\??\.(?:equals(?:IgnoreCase)?|eq|isEqualTo|compareTo|toBe|toEqual"
        r"|unwrap_or|getOrElse|orElse|or_else|default)\([ \t]{0,8}"
    ),
)
# get("name", …), set("name", …), ("name", …), and set_name(…)
_AFTER_A_TEXT = re.compile(rf"{QUOTE}{_SPACE},{_GAP}(?:[A-Za-z_]{{1,20}}[ ]?=[ ]?)?")
_CALLED = re.compile(rf"\({_GAP}")
# WITH PASSWORD '…', the password is "…"; for other names only in a #define.
_BESIDE = re.compile(r"[ \t]{1,20}(?:(?:is|was)[ \t]{1,4})?(?=['\"`])")
_DEFINE = re.compile(r"[#%][ \t]{0,8}define[ \t]{1,20}[A-Za-z0-9_]{0,80}$")

_LITERAL = re.compile(
    r"[bruflBRUFLN@$&]{0,3}#{0,2}(?:"
    r"\"\"\"([^\"]{6,512})\"\"\"|'''([^']{6,512})'''|\[\[([^\]\r\n]{6,512})\]\]"
    r"|(?P<escaped>\\{1,3}['\"])([^'\"`\\\r\n]{6,512})(?P=escaped)"
    r"|\"((?:[^\"\\\r\n]|\\[^\r\n]){6,512})\"|'((?:[^'\\\r\n]|\\[^\r\n]){6,512})'"
    r"|`((?:[^`\\\r\n]|\\[^\r\n]){6,512})`)"
)
_SHORT = re.compile(r"['\"`][^'\"`\r\n]{0,5}['\"`]")
_NEXT = re.compile(rf"{_GAP},{_GAP}(?:[A-Za-z_]{{1,20}}[ ]?=[ ]?)?")
# A call or a list around a text, and calls that ask for what the text only names.
_WRAPPER = re.compile(
    rf"((?:new[ \t]{{1,4}})?[A-Za-z_\[\]@&$*]?[\w.:<>!\[\]]{{0,48}})[(\[{{]{_GAP}"
)
_LOOKUP = re.compile(
    r"(?i)(?:^|[.:>_])(?:(?:get|find|read|load|fetch|env|lookup|query|select|input|prompt|ask|conf"
    r"|param|header|form|field|replace|split|strip|match|compile|search|test|join|print|log|error"
    r"|require|import|open|file|path|translate|starts|ends|contains|include|has_?key|pop|count"
    r"|index|remove|raise|exist|resolve)[a-z_]{0,24}|sub|by|t|tr|_|i18n)$"
)
# process.env.X || …, os.getenv("X") or …, ok ? x : …
_FALLBACK = re.compile(
    r"[\w.\[\]\"'()!?$>{}\-]{1,80}[ \t]{1,4}(?:\|\||\?\?|\?:|or|:)[ \t]{1,4}(?=['\"`])"
)
# auth=("user", "password"), login("user", "password"), HTTPBasicAuth("user", "password")
_TWO = re.compile(
    r"(?:entic[a-z]{2,6}|oriz[a-z]{2,6})?['\"]?[ \t]{0,4}[=:]?[ \t]{0,4}[\w.]{0,24}[(\[]" + _GAP
)


def has_quoted(name: Name) -> bool:
    """Whether a name has a text in quotes that is a secret."""
    return any(name.is_secret(value) for value in _given(name)) or any(
        name.is_secret_beside(value) for value in _beside(name)
    )


def pairs(text: str, low: str) -> Iterator[int]:
    """Places where a password stands behind its user's name, and no name says so."""
    for word in ("auth", "login", "wifi.begin"):
        at = low.find(word)
        while at >= 0:
            end = at + len(word)
            two = _TWO.match(text, end)
            if two is not None:
                name = Name(text, at, end, is_password=True)
                if any(name.is_secret(value) for value, _ in _second(text, two.end())):
                    yield at
            at = low.find(word, end)


def literals(text: str, at: int) -> Iterator[tuple[str, int]]:
    """The text in quotes that stands at a place, also in a call or a list, and where it ends."""
    fallback = _FALLBACK.match(text, at)
    at = at if fallback is None else fallback.end()
    for _ in range(3):
        literal = _LITERAL.match(text, at)
        if literal is not None:
            escaped = literal["escaped"]
            yield next(one for one in literal.groups() if one and one != escaped), literal.end()
            return
        wrapper = _WRAPPER.match(text, at)
        if wrapper is None:
            return
        at = wrapper.end()
        called = wrapper[1]
        if text[wrapper.end(1)] == "[" and called[-1:].isalnum():
            # `form["password1"]`: what is in the quotes is a name.
            return
        if _LOOKUP.search(called):
            yield from _second(text, at)
            return


def _given(name: Name) -> Iterator[str]:
    """Texts that the name itself gets or is compared with."""
    text = name.text
    for way in _WAYS:
        match = way.match(text, name.end)
        if match is not None and not _is_closing(name, match.end()):
            yield from (value for value, _ in literals(text, match.end()))
    beside = _BESIDE.match(text, name.end)
    if beside is not None:
        is_defined = bool(_DEFINE.search(text, max(0, name.at - 90), name.at))
        if is_defined or (name.is_password and not name.is_short):
            yield from (value for value, _ in literals(text, beside.end()))


def _is_closing(name: Name, at: int) -> bool:
    """Whether a quote ends the text that the name stands in: `"pass:" + x + "…"`."""
    text, quote = name.text, name.text[at : at + 1]
    if quote not in ("'", '"', "`") or text[name.end : name.end + 1] == quote:
        return False
    if text[at + 1 : at + 2] not in tuple(" \t\r\n+,);.%}]&|:?"):
        # So that the mark in `it's` says nothing.
        return False
    before = text[max(0, name.at - 400) : name.at]
    return before[before.rfind("\n") + 1 :].count(quote) % 2 == 1


def _beside(name: Name) -> Iterator[str]:
    """Texts that stand beside a name in quotes, or that something with the name is called with."""
    text = name.text
    for place in (_AFTER_A_TEXT, _CALLED):
        match = place.match(text, name.end)
        if match is not None:
            yield from (value for value, _ in literals(text, match.end()))
            if place is _CALLED:
                yield from (value for value, _ in _second(text, match.end()))


def _second(text: str, at: int) -> Iterator[tuple[str, int]]:
    """The second of two texts: a lookup's default, or a password behind its user's name."""
    first = _LITERAL.match(text, at) or _SHORT.match(text, at)
    second = None if first is None else _NEXT.match(text, first.end())
    literal = None if second is None else _LITERAL.match(text, second.end())
    if literal is not None:
        escaped = literal["escaped"]
        yield next(one for one in literal.groups() if one and one != escaped), literal.end()
