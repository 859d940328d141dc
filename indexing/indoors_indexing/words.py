"""The words that text is found by: identifiers, whole and by their parts.

`HTTPServer.read_line` is found as `httpserver`, `http`, `server`, `read_line`, `read` and `line`.
Case is folded here and not by the full-text engine, which then only has to split at spaces.
"""

from __future__ import annotations

import re
from collections import Counter

_IDENTIFIER = re.compile(r"[^\W\d]\w+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^A-Z]+|[A-Z]+")

# Longer ones are hashes and encoded data.
_MAX_WORD = 64
_MAX_WORDS_IN_A_CHUNK = 1500
# Splitting is the same for every occurrence of an identifier; most of a project is few of them.
_MAX_REMEMBERED = 100_000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Reserved words and articles stand in nearly every chunk: a third of all postings, and no help.
STOP_WORDS = _words(
    """and as assert async await break case catch class const continue def default del do
    elif else except export extends false finally for from func function if import in is
    lambda let new none not null or pass private public raise return self static super
    switch this throw true try undefined var void while with yield an are be by it of on
    that the to"""
)

_remembered: dict[str, tuple[str, ...]] = {}


def words_of(text: str) -> str:
    """The words of a text, separated by spaces; one that occurs often is there twice."""
    found: list[str] = []
    for identifier, count in Counter(_IDENTIFIER.findall(text)).items():
        words = _remembered.get(identifier)
        if words is None:
            words = _remember(identifier)
        found += words
        if count > 2:
            found += words
        if len(found) > _MAX_WORDS_IN_A_CHUNK:
            break
    return " ".join(found)


def split(identifier: str) -> tuple[str, ...]:
    """An identifier as it is searched for: whole, then its parts; () for one that is not kept."""
    if not 2 <= len(identifier) <= _MAX_WORD:
        return ()
    whole = identifier.lower()
    parts = [
        part.lower()
        for piece in identifier.split("_")
        if piece
        for part in _PART.findall(piece)
        if len(part) > 1
    ]
    candidates = dict.fromkeys([whole, *parts])
    return tuple(word for word in candidates if word not in STOP_WORDS and not word.isdigit())


def is_kept(word: str) -> bool:
    """Whether a word in lower case can be found at all."""
    return 2 <= len(word) <= _MAX_WORD and word not in STOP_WORDS and not word.isdigit()


def query_words(texts: list[str]) -> list[str]:
    """The distinct words of a query, in the order in which they were first met."""
    found: dict[str, None] = {}
    for text in texts:
        for identifier in _IDENTIFIER.findall(text):
            found.update(dict.fromkeys(split(identifier)))
    return list(found)


def _remember(identifier: str) -> tuple[str, ...]:
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    words = _remembered[identifier] = split(identifier)
    return words
