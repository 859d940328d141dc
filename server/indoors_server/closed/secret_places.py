"""Secrets by the place they stand at: addresses, headers, files of tools, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_server.closed.secret_values import (
    is_basic,
    is_placeholder,
    is_placeholder_password,
    is_random_key,
    is_secret,
    looks_random,
)

_ADDRESS = "a password in an address"
_HEADER = "an authorization header"
_HOST = "a password for a host"
_COMMAND = "a password in a command"

_URI = re.compile(
    r"[A-Za-z0-9]://([^\s/:@'\"`<>]{0,80}):([^\s/@'\"`<>]{3,200})@"
    r"([A-Za-z0-9\[][A-Za-z0-9.\-]{0,100})"
)
# A token instead of a user, as Git takes it. A DSN of Sentry has one too, which is made public.
_URI_TOKEN = re.compile(r"[a-z]://([A-Za-z0-9_\-]{20,255})@([A-Za-z0-9][A-Za-z0-9.\-]{0,100})")
_ORACLE = re.compile(r"jdbc:oracle:[a-z0-9]{1,10}:[^\s/:@'\"]{1,60}/([^\s@/'\"]{3,100})@")
_AFTER_SCHEME = re.compile(r"\s{1,4}([A-Za-z0-9+/=._~\-]{16,2048})")
_AUTHORIZATION = re.compile(
    r"(?i)authorization\\{0,3}['\"`]?\]?[ \t]{0,8}[:=,][ \t]{0,8}\\{0,3}['\"`]?"
    r"(?:[A-Za-z][A-Za-z0-9\-]{1,20}[ \t=]{1,4})?([A-Za-z0-9+/=._~\-]{16,2048})"
)
# `"auth": "…"` of Docker and `_auth=…` of npm: a name and a password in base64.
_AUTH = re.compile(
    r"auth\\{0,3}['\"]?[ \t]{0,8}[:=][ \t]{0,8}\\{0,3}['\"]?([A-Za-z0-9+/]{12,512}={0,2})"
)
_AUTH_TOKEN = re.compile(r":_(?:authToken|password)=[ \t]{0,4}['\"]?([A-Za-z0-9+/_\-=]{16,512})")
_NETRC = re.compile(
    r"(?i)\b(?:machine\s{1,8}[^\s]{1,200}|default)\s{1,20}"
    r"((?:(?:login|user|account)\s{1,8}[^\s]{1,200}\s{1,20}){0,2})password[ \t]{1,8}([^\s]{3,200})"
)
_STRING_END = re.compile(r"\\[rn]|['\"]")
# One line of PostgreSQL's: host:port:database:user:password
_PGPASS = re.compile(
    r"(?m)^[^\s:#/]{1,200}:(?:\*|\d{4,5}):[^\s:]{1,64}:[^\s:]{1,64}:([^\s:]{6,200})[ \t]{0,8}\r?$"
)
_COMMANDS = (
    (
        ("curl", "wget", "http"),
        re.compile(
            r"\b(?:curl|wget|https?)\b[^\r\n|]{0,200}?[ \t](?:-u|--user|-a|--auth)[ \t=]{0,2}"
            r"['\"]?[^\s:'\"]{1,80}:([^\s'\"]{6,200})"
        ),
    ),
    (("sshpass",), re.compile(r"\bsshpass[ \t]{1,4}-p[ \t]{0,4}['\"]?([^\s'\"]{6,200})")),
    (
        ("login", "mysql", "redis-cli", "psql"),
        re.compile(
            r"\b(?:login|mysql(?:dump|admin)?|redis-cli)\b[^\r\n|]{0,200}?[ \t]"
            r"(?:-p[ \t]{0,2}|-a[ \t]{1,2})['\"]?([^\s'\"]{6,200})"
        ),
    ),
)
_RANDOM = re.compile(r"(['\"`])([A-Za-z0-9+/_\-]{32,128}={0,2})\1")
_WORDS_OF_A_WALLET = re.compile(
    r"(?i)(?:mnemonic|(?:seed|recovery)[_ \-]?phrase)[A-Za-z0-9_]{0,20}['\"]?[ \t]{0,8}[:=]{1,2}"
    r"[ \t]{0,8}['\"]?(?:[a-z]{3,8}[ \t]){11,23}[a-z]{3,8}(?![A-Za-z \t])"
)


def at_places(text: str, low: str) -> Iterator[tuple[str, int]]:
    """What is found in a text, with its place. `low` is the text in lower case."""
    if "://" in text and "@" in text:
        yield from _in_addresses(text)
    yield from _in_headers(text, low)
    yield from _in_files(text, low)
    for hints, pattern in _COMMANDS:
        if any(hint in low for hint in hints):
            for match in pattern.finditer(text):
                if is_secret(match[1], is_password=True):
                    yield _COMMAND, match.start()
    for match in _RANDOM.finditer(text):
        if match[2][0] != "/" and is_random_key(match[2]) and not _is_checksum(text, match.start()):
            yield "a random text, as keys are", match.start()
    if "mnemonic" in low or "phrase" in low:
        for match in _WORDS_OF_A_WALLET.finditer(text):
            yield "the words of a wallet", match.start()


def _in_addresses(text: str) -> Iterator[tuple[str, int]]:
    for match in _URI.finditer(text):
        if not is_placeholder_password(match[1], match[2], match[3]):
            yield _ADDRESS, match.start()
    for match in _URI_TOKEN.finditer(text):
        if looks_random(match[1], least=3.0) and "sentry" not in match[2]:
            yield _ADDRESS, match.start()


def _in_headers(text: str, low: str) -> Iterator[tuple[str, int]]:
    for word in ("bearer", "basic"):
        at = low.find(word)
        while at >= 0:
            header = _AFTER_SCHEME.match(text, at + len(word))
            if header is not None and _is_of_a_header(header[1]):
                yield _HEADER, at
            at = low.find(word, at + 1)
    if "authorization" in low:
        for match in _AUTHORIZATION.finditer(text):
            if _is_of_a_header(match[1]):
                yield _HEADER, match.start()


def _is_of_a_header(value: str) -> bool:
    return is_basic(value) or looks_random(value, least=3.0)


def _in_files(text: str, low: str) -> Iterator[tuple[str, int]]:
    if "auth" in low:
        for match in _AUTH.finditer(text):
            if is_basic(match[1]):
                yield "a name and a password in base64", match.start()
        for match in _AUTH_TOKEN.finditer(text):
            if looks_random(match[1], least=3.0):
                yield "an npm token", match.start()
    if "password" in low and ("machine" in low or "default" in low):
        for match in _NETRC.finditer(text):
            value = _STRING_END.split(match[2], maxsplit=1)[0]
            is_login = bool(match[1] and value) and match[0][:1] in "mM"
            if (is_login and not is_placeholder(value)) or is_secret(value, is_password=True):
                yield _HOST, match.start()
    if ":" in text:
        for match in _PGPASS.finditer(text):
            if is_secret(match[1], is_password=True):
                yield _HOST, match.start()
    if "jdbc:oracle" in text:
        for match in _ORACLE.finditer(text):
            if is_secret(match[1], is_password=True):
                yield _ADDRESS, match.start()


def _is_checksum(view: str, at: int) -> bool:
    """Whether what stands before it on its line says that it is a hash, which is no secret."""
    start = max(view.rfind("\n", 0, at), at - 80) + 1
    before = view[start:at].lower()
    return any(word in before for word in ("sha", "md5", "hash", "integrity", "digest", "checksum"))
