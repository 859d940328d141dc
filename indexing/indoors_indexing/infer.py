"""What type an expression before a cursor has, as far as it is written somewhere.

From annotations, parameters, constructors, fields and results of functions; no flow of values. A
type that is inferred wrongly costs a few lines of context, so the last thing that was written
counts, and unions count with all their parts.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from indoors_indexing.chains import Chain, Link
from indoors_indexing.facts import Definition
from indoors_indexing.follow import Names, is_type
from indoors_indexing.lookup import Found, Lookup
from indoors_indexing.members import Members
from indoors_indexing.nearby import Nearby, written_about, written_in
from indoors_indexing.type_text import TypeNames, parse

_MAX_DEPTH = 6
_MAX_TYPES = 4
# How many names stand in front of one, at most, to say in which module it is.
_MAX_QUALIFIED = 4
# Functions of a type that give one of its values, where no result is written.
_MAKERS = frozenset(
    {"new", "create", "default", "from", "getInstance", "of", "instance", "builder"}
)
# What gives an item of a container.
_TAKES_ITEM = frozenset(
    {"get", "pop", "first", "last", "next", "front", "back", "at", "find", "peek", "iter", "values"}
)


class Value(msgspec.Struct, frozen=True):
    """What is known of a value: its types and those of its items; or the files of a module.

    `static` says that it is a type itself and not a value of that.
    """

    types: tuple[Found, ...] = ()
    items: tuple[Found, ...] = ()
    modules: tuple[str, ...] = ()
    static: bool = False

    def __bool__(self) -> bool:
        return bool(self.types or self.items or self.modules)


_NOTHING = Value()


class Inference:
    """Infers types at one cursor, in the file `path`; `at` is its byte."""

    def __init__(
        self, near: Nearby, path: str, lookup: Lookup, names: Names, members: Members, at: int = 0
    ) -> None:
        self._near = near
        self._at = at
        self._own: tuple[Found | None] | None = None
        self._path = path
        self._lookup = lookup
        self._names = names
        self._members = members

    def own_type(self) -> Found | None:
        """The type whose member is being written."""
        if self._own is None:
            self._own = (self._own_type(),)
        return self._own[0]

    def _own_type(self) -> Found | None:
        name = self._near.enclosing_type()
        for seen in self._names.visible(name, self._path) if name else ():
            if is_type(seen.found.definition):
                return seen.found
        # A long file's type begins before what is read of it; the index knows where.
        around = [
            one for one in self._lookup.definitions_in(self._path)
            if is_type(one) and one.start < self._at <= one.end
        ]  # fmt: skip
        if not around or name or not self._near.is_cut:
            return None
        return Found(self._path, max(around, key=lambda one: one.start))

    def value(self, chain: Chain, depth: int = 0) -> Value:
        """What an expression is."""
        if not chain or depth > _MAX_DEPTH or self._lookup.late():
            return _NOTHING
        value = self._first(chain[0], depth)
        for position, link in enumerate(chain[1:], 1):
            value = self._step(value, link)
            if not value and position < _MAX_QUALIFIED:
                value = self._qualified(chain[: position + 1])
        return value

    def called(self, chain: Chain) -> list[Found]:
        """What is called by an expression: a function, a method, or a type and its constructor."""
        if len(chain) == 1:
            name = chain[0].name
            found = [seen.found for seen in self._names.visible(name, self._path)]
            own = self.own_type()
            if not found and own and (member := self._members.named(own, name)):
                found = [member.found]
        else:
            value = self.value(chain[:-1])
            found = self._names.exported(value.modules, chain[-1].name)
            for one in value.types:
                if member := self._members.named(one, chain[-1].name):
                    found.append(member.found)
            if not found and not value:
                written = ".".join(link.name for link in chain)
                found = [seen.found for seen in self._names.written(written, self._path)]
        return found[:_MAX_TYPES]

    def _first(self, link: Link, depth: int) -> Value:
        near, name = self._near, link.name
        if name in near.rules.bases:
            own = self.own_type()
            return Value(types=tuple(self._members.bases_of(own))) if own else _NOTHING
        if near.is_own(name):
            own = self.own_type()
            return Value(types=(own,) if own else (), static=name == "Self")
        if not link.called:
            for written in written_about(near, name):
                if written.type_text:
                    value = self._typed(parse(written.type_text), self._path)
                elif any(one.name == name for one in written.value):
                    continue  # `x = x.strip()` says nothing that an earlier line would not
                else:
                    value = self.value(written.value, depth + 1)
                    if written.item:
                        value = Value(types=value.items)
                if value:
                    return _taken(value, link)
            if value := self._overridden_parameter(name):
                return _taken(value, link)
        for seen in self._names.visible(name, self._path):
            value = self._of_definition(seen.found, link)
            if value:
                # In JavaScript a name may be a module and what the module is for.
                modules = self._names.modules([name], self._path) if value.static else ()
                return msgspec.structs.replace(value, modules=modules)
        own = self.own_type()
        member = self._members.named(own, name.lstrip("@$#")) if own else None
        if own and member is not None:
            return self._of_definition(member.found, link, own)
        return Value(modules=self._names.modules([name], self._path))

    def _overridden_parameter(self, name: str) -> Value:
        """The type of a parameter that is written where the method is first declared."""
        near = self._near
        writing, own = near.enclosing_function(), self.own_type()
        if not writing or own is None:
            return _NOTHING
        for base, _ in self._members.lineage(own)[1:]:
            member = self._members.named(base, writing)
            if member is not None:
                one = member.found.definition
                end = min(one.head_end, one.start + 600)
                head = self._lookup.source(member.found.path, one.start, end)
                for written in written_in(near.language, head.decode("utf-8", "replace"), name):
                    if written.type_text:
                        return self._typed(parse(written.type_text), member.found.path)
        return _NOTHING

    def _qualified(self, chain: Chain) -> Value:
        """A name with its module in front, where the module alone says nothing: `pkg.mod`."""
        names = [link.name for link in chain]
        for seen in self._names.written(".".join(names), self._path):
            if value := self._of_definition(seen.found, chain[-1]):
                return value
        return Value(modules=self._names.modules(names, self._path))

    def _step(self, value: Value, link: Link) -> Value:
        if value.modules:
            for found in self._names.exported(value.modules, link.name):
                if known := self._of_definition(found, link):
                    return known
        types: list[Found] = []
        items: list[Found] = []
        static = False
        for one in value.types:
            member = self._members.named(one, link.name)
            if member is not None:
                known = self._of_definition(member.found, link, one)
                types += known.types
                items += known.items
                static = static or known.static
            elif value.static and link.called and link.name in _MAKERS:
                types.append(one)
        if not types and not items and link.called and link.name in _TAKES_ITEM:
            types += value.items
        return Value(_distinct(types), _distinct(items), static=static)

    def _of_definition(self, found: Found, link: Link, owner: Found | None = None) -> Value:
        """What a name that leads to a definition is worth, called or not."""
        definition = found.definition
        if is_type(definition):
            return Value(types=(found,), static=not link.called)
        if definition.kind == "constructor":
            return Value(types=(owner,)) if owner else _NOTHING
        names = parse(definition.type_name)
        if owner and (names.own or _makes_own(definition, owner)):
            return Value(types=(owner,))
        if owner and not definition.type_name and definition.kind == "constant":
            return Value(types=(owner,))  # a case of an enumeration
        return _taken(self._typed(names, found.path), link)

    def _typed(self, names: TypeNames, path: str) -> Value:
        own = self.own_type() if names.own else None
        types = self._types(names.names, path)
        return Value(_distinct([*types, *([own] if own else [])]), self._types(names.items, path))

    def _types(self, names: Iterable[str], path: str) -> tuple[Found, ...]:
        found: list[Found] = []
        for name in names:
            found += [
                seen.found
                for seen in self._names.written(name, path)
                if is_type(seen.found.definition)
            ]
        return _distinct(found)


def _makes_own(definition: Definition, owner: Found) -> bool:
    """Whether a method without a written result is known to give its type's value."""
    return (
        not definition.type_name
        and definition.name in _MAKERS
        and owner.definition.kind != ("interface")
    )


def _taken(value: Value, link: Link) -> Value:
    """A value, or an item of it."""
    if link.indexed and not value.static:
        return Value(types=value.items)
    return value


def _distinct(found: Iterable[Found]) -> tuple[Found, ...]:
    return tuple(dict.fromkeys(found))[:_MAX_TYPES]
