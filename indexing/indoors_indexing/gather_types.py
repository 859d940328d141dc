"""Candidates from types: what follows a dot, what a call takes, what a type overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_indexing.chains import Link
from indoors_indexing.follow import is_type
from indoors_indexing.gathering import BASE_STEP, HIDDEN, Gathering, members_of, place, typed
from indoors_indexing.lookup import Found
from indoors_indexing.nearby import written_about
from indoors_indexing.rank import Candidate, of_definition
from indoors_indexing.resolve.tree import nearest

_MAX_TYPES = 3
_NEAR_VARIABLES = 4
# What a value may be is worth less than what it is.
_GUESSED = 0.8
_TYPE_WORD = re.compile(r"\b[A-Z]\w*")


def members_of_receiver(at: Gathering) -> Iterator[Candidate]:
    """After `x.`: what x has."""
    receiver = at.near.receiver
    if receiver is None:
        return
    value = at.inference.value(receiver.chain)
    written = ".".join(link.name + "()" * link.called for link in receiver.chain)
    is_own = len(receiver.chain) == 1 and at.near.is_own(receiver.chain[0].name)
    for kind in value.types[:_MAX_TYPES]:
        name = kind.definition.name
        what = f"of {name}, the type of {written}" if written != name else f"of {name}"
        yield of_definition("receiver", kind, f"{name} is the type of {written}")
        yield from members_of(at, kind, "member", what, receiver.partial, hidden=is_own)
    for path in value.modules[:_MAX_TYPES]:
        for position, (name, found) in enumerate(at.names.of_module(path)):
            shown = found.definition.exported and not name.startswith("_")
            scale = typed(name, receiver.partial) * (1 if shown else HIDDEN)
            what = f"in the module {written}"
            yield of_definition("module_member", found, what, scale * place(position))


def members_of_guessed(at: Gathering) -> Iterator[Candidate]:
    """After `x.`, where nothing says what x is: what it may have."""
    receiver = at.near.receiver
    if receiver is None or at.inference.value(receiver.chain):
        return
    link = receiver.chain[-1]
    visible = [name for name in at.names.bindings(at.path) if name]
    visible += [name for name in at.near.names if name not in visible]
    scale = _GUESSED
    for kind, why in at.guess.types(link.name, at.near.text, visible):
        yield of_definition("receiver", kind, why, scale)
        what = f"of {kind.definition.name}: {why}"
        yield from members_of(at, kind, "member", what, receiver.partial, scale=scale)
        scale *= _GUESSED


def called(at: Gathering) -> Iterator[Candidate]:
    """Inside the brackets of a call: what is called, and the types of what it takes."""
    for depth, call in enumerate(at.near.calls):
        scale = 0.8**depth
        for found in at.inference.called(call.chain):
            name = found.definition.name
            if not is_type(found.definition):
                yield of_definition("called", found, f"{name} is called here", scale)
                yield from _argument_types(at, found, scale)
                continue
            yield of_definition("called", found, f"{name} is made here", scale)
            for member in at.members.of(found):
                kind = member.found.definition.kind
                if kind == "constructor" or (kind == "field" and member.depth == 0):
                    step = scale * (1 if kind == "constructor" else 0.9)
                    yield of_definition("called", member.found, f"makes a {name}", step)
                    if kind == "constructor":
                        yield from _argument_types(at, member.found, scale)


def _argument_types(at: Gathering, found: Found, scale: float) -> Iterator[Candidate]:
    """The types in a signature, as its own file sees them."""
    definition = found.definition
    start = max(definition.start, definition.name_start)
    end = min(definition.head_end, start + 500)
    head = at.lookup.source(found.path, start, end).decode("utf-8", "replace")
    for name in list(dict.fromkeys(_TYPE_WORD.findall(head)))[:6]:
        for seen in at.names.visible(name, found.path)[:1]:
            if is_type(seen.found.definition):
                what = f"{name} is in the signature of {definition.name}"
                yield of_definition("argument_type", seen.found, what, scale)


def overridden(at: Gathering) -> Iterator[Candidate]:
    """In a type that derives from others: what it overrides or could, and how siblings do it."""
    own = at.inference.own_type()
    if own is None:
        return
    writing = at.near.enclosing_function()
    bases = at.members.lineage(own)[1:]
    mine = {one.definition.name for one in at.members.own(own)}
    for base, depth in bases:
        scale = BASE_STEP ** (depth - 1)
        yield of_definition("base", base, f"base of {own.definition.name}", scale)
        for position, one in enumerate(at.members.own(base)):
            member = one.definition.name
            if member == writing:
                yield of_definition("overridden", one, f"{member} overrides it", scale)
            elif not writing and one.definition.kind == "method" and member not in mine:
                what = f"{own.definition.name} may override it"
                yield of_definition("may_override", one, what, scale * place(position))
    if writing and bases:
        names = [own.definition.name, *(base.definition.name for base, _ in bases)]
        yield from _sibling_overrides(at, own, names, writing)


def _sibling_overrides(
    at: Gathering, own: Found, family: list[str], writing: str
) -> Iterator[Candidate]:
    children = {
        (one.path, one.base.child.rpartition(".")[2])
        for one in at.lookup.derived_from(family[:4], 60)
        if one.base.child.rpartition(".")[2] != own.definition.name
    }
    by_path = nearest({path for path, _ in children}, at.path)[:8]
    for path in by_path:
        kinds = {child for where, child in children if where == path}
        for one in at.lookup.definitions_of(path, writing):
            if one.scope and one.scope[-1] in kinds:
                what = f"{one.scope[-1]} overrides {writing}, too"
                yield of_definition("sibling_override", Found(path, one), what)


def members_of_variables(at: Gathering) -> Iterator[Candidate]:
    """The members of what variables around the cursor are: one of them is used next."""
    receiver = at.near.receiver.chain[0].name if at.near.receiver else ""
    seen: set[tuple[str, str]] = set()
    n_variables = 0
    imported = at.names.bindings(at.path)
    for name in at.near.names:
        if n_variables >= _NEAR_VARIABLES or at.lookup.late():
            break
        if name == receiver or name in at.near.members or name in imported:
            continue
        if not written_about(at.near, name):
            continue
        n_variables += 1
        for kind in at.inference.value((Link(name),)).types[:1]:
            key = (kind.path, kind.full_name)
            if key not in seen:
                seen.add(key)
                what = f"of {kind.definition.name}, the type of {name}"
                scale = 0.85 ** (n_variables - 1)
                yield of_definition("variable_member", kind, f"the type of {name}", scale)
                yield from members_of(at, kind, "variable_member", what, "", scale=scale)


def own_members(at: Gathering) -> Iterator[Candidate]:
    """The other members of the type that is being written."""
    own = at.inference.own_type()
    if own is not None:
        yield from members_of(
            at,
            own,
            "own_member",
            f"of {own.definition.name}, which is written here",
            "",
            hidden=True,
        )
