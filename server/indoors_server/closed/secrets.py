"""Secrets in what is to be sent: where one is found, nothing is sent. Pure, and in linear time.

    text -> views: as it is, strings put together, lines joined, base64 decoded
         -> patterns of providers (by what such keys begin with), then names with a value

A pattern is tried only where what it begins with stands in the text, and no repetition in one is
without a bound. A value behind a name counts if it looks made by a machine or like a password, and
not like a word, a path, a call or a placeholder. A key of a provider counts even if it looks made
up, as those of documentation do: nobody can tell, and a mistake costs one refusal. What is found is
named and never repeated: its text stands in no message. Secrets without a form, in a form that is
not known here, or told in words are not found: this is one lock of six, and the person sees what is
sent.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from indoors_server.closed.secret_forms import PROVIDERS

MAX_FOUND = 20


class Found(NamedTuple):
    """A secret: what it is, and its line, from 1, in the text that was given."""

    what: str
    line: int


_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:\\n|\s){0,8}[A-Za-z0-9+/:]{8}"
    r"|PuTTY-User-Key-File-\d"
)
_URI = re.compile(
    r"[A-Za-z0-9]://([^\s/:@'\"`<>]{0,80}):([^\s/@'\"`<>]{3,200})@"
    r"[A-Za-z0-9\[]"
)
# Words for secrets in a name: what stands behind one, and what gives the name a value.
_WORDS = ("passw", "passphrase", "pwd", "secret", "token", "credential", "connectionstring", "key")
_KEY_OF = re.compile(
    r"(?:api|access|auth|private|signing|encryption|account|master|client|licen[sc]e|secret|shared"
    r"|storage|session|service|admin|deploy|webhook|app)[_-]?$"
)
_QUOTED = re.compile(
    r"[A-Za-z0-9_\-]{0,40}['\"`\]]{0,2}[ \t]{0,20}(?::=|=>|={1,2}|:)[ \t]{0,20}"
    r"(?:[A-Za-z_.]{0,20}\()?[bruf]{0,2}(['\"`])([^\s'\"`]{6,512})\1"
)
# In files without quotes `NAME=value` and `name: value` are whole lines.
_BARE = re.compile(
    r"[A-Za-z0-9_\-]{0,30}[ \t]{0,8}[=:][ \t]{0,8}([^\s'\"`#;,(){}\[\]<>$]{8,512})[ \t]{0,8}"
    r"(?:\r?\n|$)"
)
# `DB_PASSWORD=value`, with no blank: a shell's or an environment's, and no name in code.
_ENV_HEAD = re.compile(r"[ \t]*(?:export[ \t]+|ENV[ \t]+|#[ \t]*)?[A-Z][A-Z0-9_]*=")
_BARE_HEAD = re.compile(r"[ \t]*(?:export[ \t]+|ENV[ \t]+|-[ \t]+|#[ \t]*)?[A-Za-z0-9_.\-]*")
# In addresses, connection strings, commands: `?api_key=VALUE&`, `;Pwd=VALUE;`, `--token VALUE`.
_INLINE = re.compile(r"[A-Za-z0-9_\-]{0,30}[= ][ ]?([^\s'\"`&;<>()]{6,512})(?=[&;\s'\"`)]|$)")
_INLINE_HEAD = re.compile(r"(?:[?&;]|--)[ ]?[A-Za-z0-9_.\-]{0,40}$")
_TAGGED = re.compile(r"[A-Za-z0-9_\-]{0,30}>[ \t\r\n]{0,20}([^<\s]{6,512})[ \t\r\n]{0,20}</")
_AFTER_SCHEME = re.compile(r"\s{1,4}([A-Za-z0-9+/=._~\-]{16,2048})")
_NETRC = re.compile(
    r"(?i)\bmachine\s{1,8}[^\s]{1,200}\s{1,20}login\s{1,8}[^\s]{1,200}\s{1,20}"
    r"password\s{1,8}([^\s]{3,200})"
)
_PASSWORDS = ("passw", "passphrase", "pwd", "credential")

_PLACEHOLDER = re.compile(
    r"(?i)^(?:x{3,}|\*{3,}|\.{3,}|-{3,}|_{3,}|0+|1+|a+|foo\w*|bar\w*|baz|n/?a|none|null|nil|true"
    r"|false|undefined|default|empty|string|text|test\w*|change[_-]?me|change[_-]?it|todo|fixme"
    r"|redacted|hidden|masked|optional|required|hunter|dummy\w*|fake\w*|mock\w*|sample\w*"
    r"|example\w*|placeholder|secret|token|password|passwd|user|username|admin|key|value)$"
    r"|example|changeme|placeholder|your[_-]|[_-]here|<\w|\$\{|\{\{|%\(|^%\w$|\{\w*\}|^\$\w|xxxx"
    r"|\*\*\*|\\[dwsbn]|\(\?|A-Z|a-z"
)
_CODE = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|::|->|/|-)[A-Za-z0-9_]+)*(?:[(\[].*)?$|[/~.]|https?:"
)
_JOINTS = (
    # "abc" + "def", 'abc' 'def', `abc` . `def`, also over lines
    re.compile(
        r"(['\"`])(?!\1)[ \t]{0,40}[+.&]?[ \t]{0,40}\\?\r?\n?[ \t]{0,80}[+.&]?[ \t]{0,40}\1"
    ),
    re.compile(r"\\\r?\n[ \t]{0,80}"),
)
# Of six characters and more on both sides: other words at the ends of lines are prose and code.
_WRAPPED = re.compile(
    r"(?<=[A-Za-z0-9+/_=\-]{6})[ \t]{0,8}\r?\n[ \t>*#/|]{0,80}(?=[A-Za-z0-9+/_\-]{6})"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{24,65536}")
_RANDOM = re.compile(r"(['\"`])([A-Za-z0-9+/_\-]{32,128}={0,2})\1")
_SEQUENCES = "abcdefghijklmnopqrstuvwxyz0123456789"


def scan(text: str) -> list[Found]:
    """What is secret in a text; each kind once for a line, and `MAX_FOUND` at most."""
    found: dict[Found, None] = {}
    for one in _scan(text):
        found.setdefault(one)
        if len(found) >= MAX_FOUND:
            break
    return list(found)


def _scan(text: str) -> Iterator[Found]:
    yield from _in_view(_View(text))
    joined = _without(_View(text), _JOINTS)
    for view in joined:
        yield from _in_view(view)
    for view in _without(_View(text), (*_JOINTS, _WRAPPED)):
        yield from _provided(view)
        yield from _encoded(view)
    yield from _encoded(_View(text))


class _View(NamedTuple):
    """A text that is looked at, and for places in it, in order, their lines in the whole text."""

    text: str
    lines: tuple[tuple[int, int], ...] = ((0, 1),)

    def found(self, what: str, offset: int) -> Found:
        """Something at an offset."""
        at, line = next(one for one in reversed(self.lines) if one[0] <= offset)
        return Found(what, line + self.text.count("\n", at, offset))


def _in_view(view: _View) -> Iterator[Found]:
    yield from _provided(view)
    yield from _named(view)
    yield from _others(view)


def _provided(view: _View) -> Iterator[Found]:
    text = view.text
    for one in PROVIDERS:
        if not any(hint in text for hint in one.hints):
            continue
        for match in one.pattern.finditer(text):
            begins = match.start() == 0 or not _is_word(text[match.start() - 1])
            if begins and not _is_repeated(match[0]):
                yield view.found(one.what, match.start())
    if "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text:
        for match in _PEM.finditer(text):
            yield view.found("a private key", match.start())


def _named(view: _View) -> Iterator[Found]:
    text = view.text
    low = _lower(text)
    for word in _WORDS:
        at = low.find(word)
        while at >= 0:
            end = at + len(word)
            is_named = word != "key" or bool(_KEY_OF.search(low, max(0, at - 12), at))
            if is_named and _is_value(text, at, end, is_password=word in _PASSWORDS):
                yield view.found("a value that is named as a secret", at)
            at = low.find(word, end)


def _is_value(text: str, at: int, end: int, *, is_password: bool) -> bool:
    """Whether a name with a word for a secret in it has a value that is one."""
    if (quoted := _QUOTED.match(text, end)) is not None:
        return _is_secret(quoted[2], is_password=is_password)
    if (tagged := _TAGGED.match(text, end)) is not None:
        return _is_secret(tagged[1], is_password=is_password)
    inline = _INLINE.match(text, end)
    if inline is not None and _INLINE_HEAD.search(text, max(0, at - 45), at):
        return _is_secret(inline[1], is_password=is_password)
    bare = _BARE.match(text, end)
    if bare is None:
        return False
    start = text.rfind("\n", max(0, at - 120), at) + 1
    is_env = bool(_ENV_HEAD.fullmatch(text, start, bare.start(1))) and not _is_place(bare[1])
    is_text = is_env or not _CODE.match(bare[1])
    is_named = bool(_BARE_HEAD.fullmatch(text, start, at))
    return is_named and is_text and _is_secret(bare[1], is_password=is_password)


def _others(view: _View) -> Iterator[Found]:
    text = view.text
    if "://" in text and "@" in text:
        for match in _URI.finditer(text):
            if not _is_placeholder_password(match[1], match[2]):
                yield view.found("a password in an address", match.start())
    low = _lower(text)
    for word in ("bearer", "basic"):
        at = low.find(word)
        while at >= 0:
            header = _AFTER_SCHEME.match(text, at + len(word))
            if header is not None and (_is_basic(header[1]) or _looks_random(header[1], least=3.0)):
                yield view.found("an authorization header", at)
            at = low.find(word, at + 1)
    if "machine" in low:
        for match in _NETRC.finditer(text):
            if not _PLACEHOLDER.search(match[1]):
                yield view.found("a password for a host", match.start())
    for match in _RANDOM.finditer(text):
        if _is_random_key(match[2]) and not _is_checksum(text, match.start()):
            yield view.found("a random text, as keys are", match.start())


def _encoded(view: _View) -> Iterator[Found]:
    for at, inside in _decoded(view.text):
        for one in _in_view(_View(inside)):
            yield view.found(f"{one.what}, in base64", at)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _lower(text: str) -> str:
    """In lower case, and of the same length."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower()[:1] for c in text)


# --- what a value looks like --------------------------------------------------------------------


def _is_secret(value: str, *, is_password: bool) -> bool:
    """Whether a value that is named as a secret is one."""
    if _is_placeholder(value) or _is_repeated(value):
        return False
    if is_password:
        # People choose passwords, so they are not random; a word or names of code are none.
        is_mixed = any(c.isdigit() or c in "!@#$^&*?~+=|" for c in value)
        is_name = _is_dotted(value) and not value.isalnum()
        return _kinds(value) >= 2 and is_mixed and not is_name
    return len(value) >= 12 and _looks_random(value, least=2.8)


def _is_basic(value: str) -> bool:
    """Whether it is a name and a password as HTTP's basic scheme writes them."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return False
    user, colon, password = text.partition(":")
    return bool(user and colon and password) and text.isprintable()


def _looks_random(value: str, *, least: float) -> bool:
    """Whether letters and digits stand in it as nobody writes them."""
    if _is_placeholder(value) or _is_repeated(value) or _is_dotted(value):
        return False
    n_digits = sum(c.isdigit() for c in value)
    has_letters = any(c.isalpha() for c in value)
    return n_digits >= 2 and has_letters and entropy(value) >= least


def _is_random_key(value: str) -> bool:
    core = value.rstrip("=")
    n_digits = sum(c.isdigit() for c in core)
    n_upper, n_lower = sum(c.isupper() for c in core), sum(c.islower() for c in core)
    if min(n_digits, n_upper, n_lower) < 4 or _is_repeated(core) or "/" in core[:1]:
        return False
    if _is_alphabet(core):
        return False
    words = re.findall(r"[A-Z]?[a-z]{4,}|[A-Z]{5,}", core)
    return entropy(core) >= 4.3 and sum(map(len, words)) < 0.5 * len(core)


def _is_checksum(view: str, at: int) -> bool:
    """Whether what stands before it on its line says that it is a hash, which is no secret."""
    start = max(view.rfind("\n", 0, at), at - 80) + 1
    before = view[start:at].lower()
    return any(word in before for word in ("sha", "md5", "hash", "integrity", "digest", "checksum"))


def _is_dotted(value: str) -> bool:
    """Whether it is words with something between them, as names of things in code and paths are."""
    parts = re.split(r"[._/:@\-\\]", value)
    return all(re.fullmatch(r"[A-Za-z]*\d{0,4}", part) for part in parts)


def _is_placeholder(value: str) -> bool:
    """Whether it stands for a secret; a long and random text does not, whatever words it has."""
    n_digits = sum(c.isdigit() for c in value)
    is_random = len(value) >= 24 and n_digits >= 4 and entropy(value) >= 3.8
    is_key = is_random and bool(re.fullmatch(r"[A-Za-z0-9_+/=\-]*", value))
    return bool(_PLACEHOLDER.search(value)) and not is_key


def _is_place(value: str) -> bool:
    """Whether it is an address or a path."""
    return value[0] in "/~.%" or "://" in value


def _is_repeated(value: str) -> bool:
    """Whether a person wrote it as an example: a few characters again and again."""
    return len(set(value.lower()[-16:])) <= 3


def _is_alphabet(value: str) -> bool:
    """Whether a long part of the alphabet, or of the digits, stands in it."""
    low = value.lower()
    return (
        any(
            _SEQUENCES[start : start + 10] in low or _SEQUENCES[start : start + 10][::-1] in low
            for start in range(len(_SEQUENCES) - 9)
        )
        or "1234567890" in low
    )


def _is_placeholder_password(user: str, password: str) -> bool:
    if _PLACEHOLDER.search(password) or (_PLACEHOLDER.search(user) and user == password):
        return True
    return password.lower() in ("pass", "pwd", "port", "pw") or password.isdigit()


def _kinds(value: str) -> int:
    return sum(
        (
            any(c.isalpha() for c in value),
            any(c.isdigit() for c in value),
            any(not c.isalnum() for c in value),
        )
    )


def entropy(value: str) -> float:
    """Bits for each character, by how often each stands in it."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0


# --- views --------------------------------------------------------------------------------------

# So much on both sides of a joint is looked at: keys are shorter.
_AROUND = 600


def _without(view: _View, joints: tuple[re.Pattern[str], ...]) -> Iterator[_View]:
    """The surroundings of the joints of a text, without them."""
    text = view.text
    spots = sorted(match.span() for joint in joints for match in joint.finditer(text))
    group: list[tuple[int, int]] = []
    for spot in spots:
        if group and spot[0] < group[-1][1]:
            continue
        if group and spot[0] - group[-1][1] > _AROUND:
            yield _put_together(text, group)
            group = []
        group.append(spot)
    if group:
        yield _put_together(text, group)


def _put_together(text: str, joints: list[tuple[int, int]]) -> _View:
    pieces: list[str] = []
    lines: list[tuple[int, int]] = []
    start, size = max(0, joints[0][0] - _AROUND), 0
    line = text.count("\n", 0, start) + 1
    for begin, end in [*joints, (min(len(text), joints[-1][1] + _AROUND), -1)]:
        pieces.append(text[start:begin])
        lines.append((size, line))
        size += begin - start
        line += text.count("\n", start, max(begin, end))
        start = end
    return _View("".join(pieces), tuple(lines))


def _decoded(view: str) -> Iterator[tuple[int, str]]:
    """Texts that stand in a view in base64, with their places."""
    for match in _BASE64.finditer(view):
        run = match[0].replace("-", "+").replace("_", "/")
        # What stands before it may have the same letters: four ways to read it.
        for skip in range(4):
            part = run[skip:]
            part = part[: len(part) // 4 * 4] if len(part) % 4 == 1 else part
            try:
                raw = base64.b64decode(part + "=" * (-len(part) % 4), validate=True)
            except (binascii.Error, ValueError):
                continue
            text = raw.decode("latin-1")
            if sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw) >= 0.9 * len(raw):
                yield match.start(), text
                break
