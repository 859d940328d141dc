"""What a value may be where nothing says what it is: by what is done with it, and by its name.

`config.timeout` and `config.retries` stand somewhere, and one type has both: it is that. Or a type
that the file can see is called `ServerConfig`. Neither is sure, so both come behind what is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_indexing.facts import Definition
from indoors_indexing.follow import MEMBERS, Names, is_type, same_language
from indoors_indexing.lookup import Found, Lookup
from indoors_indexing.resolve import FileIndex
from indoors_indexing.resolve.tree import folder_of, nearest

_MAX_TEXT = 60_000
_MAX_USED = 10
# A name that so many types have says of none that it is this one.
_MAX_OWNERS = 12
_ENOUGH_USED = 3
_MAX_PIECES = 6
_MAX_PIECE_BYTES = 4000
_MAX_HITS = 60
# Half a type's worth of evidence: two types have a name that is used.
_ENOUGH = 0.5
_SEEN = 0.6
_MAX_GUESSED = 2
_MIN_NAME = 3
_PART = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_MEMBER = r"\s*(?:\?\.|!\.|->|::|\.)\s*(?P<member>[^\W\d][\w$]*)"


def used_after(name: str, text: str, own: bool = False) -> list[str]:
    """The members that are taken of a name in a text, in order, each once."""
    before = r"(?:\b(?:self|this)\s*(?:\?\.|->|\.)\s*)" if own else r"(?<![\w$])"
    pattern = re.compile(before + re.escape(name) + _MEMBER)
    return list(dict.fromkeys(match["member"] for match in pattern.finditer(text)))


class Guess:
    """Guesses types at one cursor, in the file `path`, whose whole text is `text`."""

    def __init__(
        self, path: str, text: str, lookup: Lookup, files: FileIndex, names: Names
    ) -> None:
        self._path = path
        self._text = text
        self._lookup = lookup
        self._files = files
        self._names = names

    def types(self, name: str, near: str, visible: list[str]) -> list[tuple[Found, str]]:
        """The types that a name may be of, each with why; `near` is the text before the cursor.

        `visible` are the names that the file knows and that may be types.
        """
        if len(name) < _MIN_NAME or self._lookup.late():
            return []
        found: dict[Found, str] = {}
        for one in self._called_alike(name, visible):
            found.setdefault(one, f"{name} is called like {one.definition.name}")
        used = used_after(name, near[-_MAX_TEXT:])
        if len(used) < _ENOUGH_USED:
            used += [one for one in used_after(name, self._text[:_MAX_TEXT]) if one not in used]
        if len(used) < _ENOUGH_USED:
            used += [one for one in self._used_elsewhere(name) if one not in used]
        for one, shared in self._owners(used[:_MAX_USED], set(visible)):
            what = ", ".join(shared[:3])
            found.setdefault(one, f"{one.definition.name} has {what}, used of {name}")
        return list(found.items())[: 2 * _MAX_GUESSED]

    def _called_alike(self, name: str, visible: list[str]) -> Iterator[Found]:
        """Types whose name ends like the variable's: `config` for `ServerConfig`."""
        wanted = _words(name)
        fitting = [one for one in visible if _words(one)[-len(wanted) :] == wanted]
        n_found = 0
        for one in sorted(fitting, key=lambda one: len(_words(one))):
            for seen in self._names.visible(one, self._path)[:1]:
                if is_type(seen.found.definition) and n_found < _MAX_GUESSED:
                    n_found += 1
                    yield seen.found

    def _used_elsewhere(self, name: str) -> list[str]:
        """The members that other files take of a variable of this name, the nearest first."""
        if self._lookup.late():
            return []
        extension = self._path.rpartition(".")[2]
        pieces: dict[str, list[tuple[int, int]]] = {}
        for hit in self._lookup.containing(name, _MAX_HITS):
            if hit.path.endswith(f".{extension}") and hit.path != self._path:
                pieces.setdefault(hit.path, []).append((hit.start, hit.end))
        used: dict[str, None] = {}
        for path in nearest(pieces, self._path)[:_MAX_PIECES]:
            start, end = min(pieces[path])
            data = self._lookup.source(path, start, min(end, start + _MAX_PIECE_BYTES))
            used.update(dict.fromkeys(used_after(name, data.decode("utf-8", "replace"))))
        return list(used)

    def _owners(self, used: list[str], visible: set[str]) -> list[tuple[Found, list[str]]]:
        """The types that have these members: those that explain most of them first."""
        votes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        worth: dict[tuple[str, tuple[str, ...]], float] = {}
        for name in used:
            owners = {
                (one.path, one.definition.scope)
                for one in self._lookup.named(name)
                if one.definition.kind in MEMBERS
                and one.definition.scope
                and same_language(one.path, self._path)
            }
            if not owners or len(owners) > _MAX_OWNERS:
                continue
            for owner in owners:
                votes.setdefault(owner, []).append(name)
                worth[owner] = worth.get(owner, 0.0) + 1 / len(owners)
        for path, scope in worth:
            if scope[-1] in visible or folder_of(path) == folder_of(self._path):
                worth[path, scope] += _SEEN
        ranked = sorted(worth, key=lambda one: (-len(votes[one]) - worth[one], one))
        found: list[tuple[Found, list[str]]] = []
        for path, scope in ranked[: 2 * _MAX_GUESSED]:
            if worth[path, scope] >= _ENOUGH and (kind := self._type(path, scope)) is not None:
                found.append((kind, votes[path, scope]))
        return found[:_MAX_GUESSED]

    def _type(self, path: str, scope: tuple[str, ...]) -> Found | None:
        def fits(one: Definition) -> bool:
            return one.name == scope[-1] and is_type(one)

        for one in self._lookup.definitions_in(path):
            if fits(one) and (*one.scope, one.name) == scope:
                return Found(path, one)
        # A method may stand in another file than its type.
        for seen in self._names.visible(scope[-1], path)[:1]:
            if is_type(seen.found.definition):
                return seen.found
        return None


def _words(name: str) -> list[str]:
    return [part.lower() for part in _PART.findall(name)]
