"""Names that say that a value is secret: the words in them, and what such a value is like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from indoors_server.closed.secret_values import (
    SPECIAL,
    is_machine_made,
    is_made,
    is_place,
    is_secret,
    is_secret_with_blanks,
)


class _Word(NamedTuple):
    """A word for secrets, in lower case, and what must stand around it where that matters."""

    text: str
    is_password: bool = False
    before: re.Pattern[str] | None = None
    is_whole: bool = False


_KEY_OF = re.compile(
    r"(?:api|access|auth|private|signing|encryption|account|master|client|licen[sc]e|secret|shared"
    r"|storage|session|service|admin|deploy|webhook|app|subscription|consumer|hmac|jwt|aes|wallet"
    r"|openai)[_\-. ]?$|[?&]$"
)
_ALONE = re.compile(r"(?:^|[^a-z])$")
_PASS_OF = re.compile(
    r"(?:^|[^a-z]|db|user|usr|my|ftp|smtp|mail|root|admin|ssh|sql|http|proxy|ldap|bind|login|auth"
    r"|key|store|pg|redis|wifi|require|host|test)$"
)
_WORDS = (
    _Word("passw", is_password=True),
    _Word("passphrase", is_password=True),
    _Word("pwd", is_password=True),
    _Word("credential", is_password=True),
    _Word("identified by", is_password=True),
    _Word("securestring", is_password=True),
    _Word("pass", is_password=True, before=_PASS_OF, is_whole=True),
    _Word("pw", is_password=True, before=_PASS_OF, is_whole=True),
    _Word("psk", is_password=True, before=_ALONE, is_whole=True),
    _Word("pat", before=_ALONE, is_whole=True),
    _Word("secret"),
    _Word("token"),
    _Word("connectionstring"),
    _Word("key", before=_KEY_OF),
)
_REST = re.compile(r"[A-Za-z0-9_\-]{0,40}")
# What takes texts apart is no secret, and is named with a model's name in much code.
_TOKENIZER = re.compile(r"tokeni[sz][ae]")
# A name that ends with one of these names something about a secret.
_ABOUT = re.compile(
    r"(?i)(?:field|input|label|name|placeholder|regexp?|pattern|ur[il]|path|file|dir|type|id|hint"
    r"|help|prompt|error|message|msg|text|title|strength|policy|rules?|validators?|length|len|min"
    r"|max|count|column|selector|element|endpoint|header|prefix|suffix|format|template|algorithm"
    r"|algo|scheme|hash|hashers?|env|var|attr|attribute|param|parameter|option|class|icon|button"
    r"|page|view|form|expir\w{0,8}|ttl|version|status|state|provider|arn|ref)s?$"
)
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{20,512}")
# A character that is written as its number, in a string of code.
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))")


class Name(NamedTuple):
    """A name of a secret in a text: from where its word stands to where the name ends."""

    text: str
    at: int
    end: int
    is_password: bool
    # Whether the name speaks of something about a secret, as `password_field` does.
    is_about: bool = False
    # Whether its word is short and may be one of prose: `pass "…"`.
    is_short: bool = False

    def is_secret(self, value: str) -> bool:
        """Whether a value that this name has is a secret."""
        value = _ESCAPE.sub(_unescaped, value).strip()
        if self.is_short and not self.is_password:
            return _TOKEN.fullmatch(value) is not None and is_machine_made(value)
        if self.is_about:
            return is_machine_made(value)
        if " " in value:
            return self.is_password and is_secret_with_blanks(value)
        return is_secret(value, is_password=self.is_password)

    def is_secret_beside(self, value: str) -> bool:
        """Whether a value that only stands beside this name is one: a list has names as well."""
        is_special = self.is_password and any(c in SPECIAL for c in value)
        return (is_made(value) or is_special) and not is_place(value) and self.is_secret(value)


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1] or match[2], 16))


def names(text: str, low: str) -> Iterator[Name]:
    """All names of secrets in a text, each once. `low` is the text in lower case."""
    for word in _WORDS:
        at = low.find(word.text)
        while at >= 0:
            end = at + len(word.text)
            if _is_name(word, text, low, at):
                rest = _REST.match(text, end)
                end = end if rest is None else rest.end()
                is_about = bool(rest and _ABOUT.search(rest[0]))
                yield Name(text, at, end, word.is_password, is_about, word.is_whole)
            at = low.find(word.text, at + len(word.text))


def _is_name(word: _Word, text: str, low: str, at: int) -> bool:
    """Whether a word stands in a name as one for a secret."""
    if _TOKENIZER.match(low, at):
        return False
    if word.is_whole:
        after = text[at + len(word.text) : at + len(word.text) + 1]
        if after.isalpha() or after in ("_", "-"):
            return False
        if at > 0 and text[at].isupper() and text[at - 1].islower():
            # A large letter begins it, as in `dbPass`.
            return True
    return word.before is None or bool(word.before.search(low, max(0, at - 12), at))
