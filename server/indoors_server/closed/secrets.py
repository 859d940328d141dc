"""Secrets in what is to be sent: where one is found, nothing is sent. Pure, and in linear time.

    text -> views: as it is, strings put together, lines joined, base64 decoded
         -> patterns of providers (by what such keys begin with), private keys,
            names with a value, and places such as headers, addresses and files of tools

A pattern is tried only where what it begins with stands in the text, and no repetition in one is
without a bound. A value behind a name counts if it looks made by a machine or like a password, and
not like a word, a path, a call or a placeholder. A key of a provider counts even if it looks made
up, as those of documentation do: nobody can tell, and a mistake costs one refusal. What is found is
named and never repeated: its text stands in no message. Secrets without a form, in a form that is
not known here, or told in words are not found: this is one lock of six, and the person sees what is
sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from indoors_server.closed import secret_keys
from indoors_server.closed.secret_bare import has_bare, has_pair
from indoors_server.closed.secret_forms import PROVIDERS
from indoors_server.closed.secret_places import at_places
from indoors_server.closed.secret_quoted import has_quoted, pairs
from indoors_server.closed.secret_values import is_repeated
from indoors_server.closed.secret_views import JOINTS, WRAPPED, Found, View, decoded, without
from indoors_server.closed.secret_words import names

__all__ = ["MAX_FOUND", "PROVIDERS", "Found", "scan"]

MAX_FOUND = 20


def scan(text: str) -> list[Found]:
    """What is secret in a text; each kind once for a line, and `MAX_FOUND` at most."""
    found: dict[Found, None] = {}
    for one in _scan(text):
        found.setdefault(one)
        if len(found) >= MAX_FOUND:
            break
    return list(found)


def _scan(text: str) -> Iterator[Found]:
    view = View(text)
    yield from _in_view(view)
    for at in secret_keys.lines(text):
        yield view.found("lines that look like a key's", at)
    for joined in without(view, JOINTS):
        yield from _in_view(joined)
    for joined in without(view, (*JOINTS, WRAPPED)):
        yield from _provided(joined)
        yield from _encoded(joined)
    yield from _encoded(view)


def _in_view(view: View) -> Iterator[Found]:
    text = view.text
    yield from _provided(view)
    yield from (view.found("a private key", at) for at in secret_keys.headers(text))
    low = _lower(text)
    for name in names(text, low):
        if has_quoted(name) or has_bare(name) or has_pair(name):
            yield view.found("a value that is named as a secret", name.at)
    yield from (view.found("a value that is named as a secret", at) for at in pairs(text, low))
    for what, at in at_places(text, low):
        yield view.found(what, at)


def _provided(view: View) -> Iterator[Found]:
    text = view.text
    for one in PROVIDERS:
        if not any(hint in text for hint in one.hints):
            continue
        for match in one.pattern.finditer(text):
            if _is_begin(text, match.start()) and not is_repeated(match[0]):
                yield view.found(one.what, match.start())


def _is_begin(text: str, at: int) -> bool:
    """Whether nothing stands before a place that would make a word of both; `\\n` would not."""
    before = text[at - 1] if at else " "
    is_escape = before in "nrt" and at > 1 and text[at - 2] == "\\"
    return is_escape or not (before.isalnum() or before == "_")


def _encoded(view: View) -> Iterator[Found]:
    for at, inside in decoded(view.text):
        for one in _in_view(View(inside)):
            yield view.found(f"{one.what}, in base64", at)


def _lower(text: str) -> str:
    """In lower case, and of the same length."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower()[:1] for c in text)
