"""Where candidates come from: one small function for each relation of code to a cursor.

Each asks the index, none reads a file. They run in the order of what they are worth for what they
cost, so that a deadline leaves out the least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from indoors_indexing import pairs
from indoors_indexing.chains import Link
from indoors_indexing.follow import Names, bound_name, is_type
from indoors_indexing.infer import Inference
from indoors_indexing.lookup import Found, Lookup
from indoors_indexing.members import Members
from indoors_indexing.nearby import Nearby, written_about
from indoors_indexing.rank import WEIGHTS, Candidate, Why, of_definition
from indoors_indexing.recent import Ring
from indoors_indexing.resolve import FileIndex
from indoors_indexing.resolve.tree import nearest

_MAX_TYPES = 3
_NEAR_NAMES = 30
_NEAR_VARIABLES = 6
_OUTLINED_TYPES = 4
_QUERY_WORDS = 24
_SIMILAR = 12
_USAGES = 60
_SHOWN_USAGES = 6
# A member of a base is a little less likely than one of the type itself.
_BASE_STEP = 0.9
_HIDDEN = 0.35
_KINDS = {"field": 0.97, "constant": 0.93}
# `style = console.` is rather `get_style` than what stands before it.
_SAME_WORD = 1.2
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Members that do not begin with what is typed already.
_NOT_TYPED = 0.4
_TYPE_WORD = re.compile(r"\b[A-Z]\w*")
_WORD = re.compile(r"[^\W\d]\w*")
# Statements that import something, in all languages that have them; also over several lines.
_IMPORTING = re.compile(
    r"^[ \t]*(?:from\s+\S+\s+import\b\s*(?:\([^)]*\)|[^\n]*)|(?:pub\s+)?use\s[^;\n]*(?:\{[^;]*)?;"
    r"|(?:import|export)\b(?:\s+type)?\s*(?:[\w$]+\s*,\s*)?(?:\{[^}]*\}|\([^)]*\)|\*[^\n]*)?[^\n{]*$"
    r"|#\s*include[^\n]*|using\s[^\n]*|(?:require|require_relative)\b[^\n]*)",
    re.MULTILINE,
)
_MAX_IMPORTS = 80
# Enough to see a file's words; a longer one hardly has an import that is not used.
_COUNTED_CHARS = 60_000


class Gathering(msgspec.Struct, frozen=True, kw_only=True):
    """All that a source of candidates may use. `text` is the whole document."""

    path: str
    text: str
    near: Nearby
    lookup: Lookup
    files: FileIndex
    names: Names
    members: Members
    inference: Inference
    ring: Ring


Source = Callable[[Gathering], Iterator[Candidate]]


def gather(at: Gathering) -> list[Candidate]:
    """The candidates of all sources, up to the deadline."""
    found: list[Candidate] = []
    for source in SOURCES:
        if at.lookup.late():
            break
        found += source(at)
    return found


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
        yield from _members(at, kind, "member", what, receiver.partial, hidden=is_own)
    for path in value.modules[:_MAX_TYPES]:
        for position, (name, found) in enumerate(at.names.of_module(path)):
            shown = found.definition.exported and not name.startswith("_")
            scale = _typed(name, receiver.partial) * (1 if shown else _HIDDEN)
            what = f"in the module {written}"
            yield of_definition("module_member", found, what, scale * _place(position))


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
        scale = _BASE_STEP ** (depth - 1)
        yield of_definition("base", base, f"base of {own.definition.name}", scale)
        for position, one in enumerate(at.members.own(base)):
            member = one.definition.name
            if member == writing:
                yield of_definition("overridden", one, f"{member} overrides it", scale)
            elif not writing and one.definition.kind == "method" and member not in mine:
                what = f"{own.definition.name} may override it"
                yield of_definition("may_override", one, what, scale * _place(position))
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
        for one in at.lookup.definitions_in(path):
            if one.name == writing and one.scope and one.scope[-1] in kinds:
                what = f"{one.scope[-1]} overrides {writing}, too"
                yield of_definition("sibling_override", Found(path, one), what)


def named_nearby(at: Gathering) -> Iterator[Candidate]:
    """The definitions of names that stand around the cursor, and outlines of the types."""
    outlined = 0
    said: dict[str, tuple[Why, str]] = {
        "imported": ("named_imported", "imported and named nearby"),
        "here": ("named_here", "in this file and named nearby"),
        "package": ("named_package", "in this package and named nearby"),
        "project": ("named_project", "the only one of this name"),
    }
    highest = max(at.near.names.values(), default=1.0)
    alone = [item for item in at.near.names.items() if item[0] not in at.near.members]
    for name, weight in alone[:_NEAR_NAMES]:
        for seen in at.names.visible(name, at.path)[:3]:
            why, what = said[seen.how]
            if seen.how == "project" and not _is_telling(seen.found, at, name):
                continue
            scale = 0.6 + 0.4 * weight / highest
            yield of_definition(why, seen.found, f"{name} is {what}", scale)
            if is_type(seen.found.definition) and outlined < _OUTLINED_TYPES:
                outlined += 1
                yield from _members(at, seen.found, "outline", f"of {name}, named nearby", "")


def _is_telling(found: Found, at: Gathering, name: str) -> bool:
    """Whether a name says enough to stand for the only thing that is called so: `start` does not,
    nor does the name of a variable.
    """
    if is_type(found.definition):
        return True
    return ("_" in name.strip("_") or not name.islower()) and not written_about(at.near, name)


def members_of_variables(at: Gathering) -> Iterator[Candidate]:
    """The members of what variables around the cursor are: one of them is used next."""
    receiver = at.near.receiver.chain[0].name if at.near.receiver else ""
    seen: set[tuple[str, str]] = set()
    n_variables = 0
    for name in at.near.names:
        if n_variables >= _NEAR_VARIABLES or at.lookup.late():
            break
        if name == receiver or name in at.near.members or not written_about(at.near, name):
            continue
        n_variables += 1
        for kind in at.inference.value((Link(name),)).types[:1]:
            key = (kind.path, kind.full_name)
            if key not in seen:
                seen.add(key)
                what = f"of {kind.definition.name}, the type of {name}"
                scale = 0.85 ** (n_variables - 1)
                yield of_definition("variable_member", kind, f"the type of {name}", scale)
                yield from _members(at, kind, "variable_member", what, "", scale=scale)


def own_members(at: Gathering) -> Iterator[Candidate]:
    """The other members of the type that is being written."""
    own = at.inference.own_type()
    if own is not None:
        yield from _members(
            at,
            own,
            "own_member",
            f"of {own.definition.name}, which is written here",
            "",
            hidden=True,
        )


def unused_imports(at: Gathering) -> Iterator[Candidate]:
    """What was imported was imported to be used: most likely what is not used yet."""
    imports = at.lookup.imports_of(at.path)
    body = _IMPORTING.sub("", at.text[:_COUNTED_CHARS]) if imports else ""
    used = set(_WORD.findall(body))
    partial = "" if at.near.receiver else at.near.partial
    for position, imp in enumerate(imports[:_MAX_IMPORTS]):
        name = bound_name(imp, at.path)
        if not name or at.lookup.late():
            continue
        for seen in at.names.visible(name, at.path)[:1]:
            if len(partial) > 1 and name.startswith(partial):
                yield of_definition("named_imported", seen.found, f"{name} is imported")
            elif name in used:
                scale = _place(position)
                yield of_definition("imported", seen.found, f"{name} is imported", scale)
            else:
                what = f"{name} is imported and not used yet"
                yield of_definition("unused_import", seen.found, what)
                if is_type(seen.found.definition):
                    yield from _members(
                        at, seen.found, "outline", f"of {name}, imported and not used yet", ""
                    )


def test_and_subject(at: Gathering) -> Iterator[Candidate]:
    """What this test tests; or the test of the function that is being written."""
    imported = {
        path
        for imp in (at.lookup.imports_of(at.path) if pairs.is_test(at.path) else ())
        for path in at.names.paths_of(imp, at.path)
    }
    subject = pairs.subject_of(at.path, at.files, imported)
    if subject is not None:
        for position, one in enumerate(at.lookup.definitions_in(subject)):
            if one.exported and one.kind not in ("module", "field", "variable"):
                scale = _place(position) * (1 if len(one.scope) < 2 else 0.7)
                yield of_definition("subject", Found(subject, one), "tested here", scale)
        return
    test = pairs.tester_of(at.path, at.files)
    writing = at.near.enclosing_function()
    if test is None or not writing:
        return
    wanted = writing.replace("_", "").lower()
    for one in at.lookup.definitions_in(test):
        if wanted in one.name.replace("_", "").lower() and one.kind in ("function", "method"):
            yield of_definition("test", Found(test, one), f"tests {writing}")


def recent(at: Gathering) -> Iterator[Candidate]:
    """What was edited and seen lately, the latest first."""
    positions: dict[str, int] = {}
    for span in at.ring.spans:
        why: Why = "edited" if span.edited else "viewed"
        position = positions[why] = positions.get(why, -1) + 1
        yield Candidate(
            why=why, path=span.path, score=WEIGHTS[why] * 0.92**position,
            reason="edited lately" if span.edited else "looked at lately",
            start=span.start, end=span.end, text=span.text,
        )  # fmt: skip


def usages(at: Gathering) -> Iterator[Candidate]:
    """How others call what is called here."""
    for depth, call in enumerate(at.near.calls[:1]):
        name = call.chain[-1].name
        hits = [hit for hit in at.lookup.containing(name, _USAGES) if hit.path != at.path]
        defined = {found.path for found in at.inference.called(call.chain)}
        by_path: dict[str, list[tuple[int, int]]] = {}
        for hit in hits:
            by_path.setdefault(hit.path, []).append((hit.start, hit.end))
        order = [path for path in nearest(by_path, at.path) if path not in defined]
        for position, path in enumerate(order[:_SHOWN_USAGES]):
            span = _usage(at, path, name, *min(by_path[path]))
            if span is not None:
                yield Candidate(
                    why="usage", path=path, score=WEIGHTS["usage"] * 0.9**position * 0.8**depth,
                    reason=f"calls {name}", start=span[0], end=span[1],
                )  # fmt: skip


def _usage(at: Gathering, path: str, name: str, start: int, end: int) -> tuple[int, int] | None:
    """The lines around the first call in a piece of a file."""
    data = at.lookup.source(path, start, min(end, start + 8000))
    match = re.search(rb"(?<!\w)" + re.escape(name.encode()) + rb"\s*\(", data)
    if match is None:
        return None
    low, high = match.start(), match.end()
    for _ in range(4):
        low = data.rfind(b"\n", 0, max(0, low - 1)) + 1
    for _ in range(6):
        line = data.find(b"\n", high)
        high = len(data) if line < 0 else line + 1
    return start + low, start + high


def similar(at: Gathering) -> Iterator[Candidate]:
    """Code that has the same rare words."""
    words = list(at.near.names)[:_QUERY_WORDS]
    writing = at.near.enclosing_function()
    words = [*([writing] if writing else []), *words]
    hits = at.lookup.search(words, _SIMILAR) if len(words) > 1 else ()
    best = max((hit.score for hit in hits), default=0.0)
    for position, hit in enumerate(hits):
        if best <= 0:
            break
        yield Candidate(
            why="similar", path=hit.path, reason="similar code", start=hit.start, end=hit.end,
            score=WEIGHTS["similar"] * max(0.0, hit.score) / best * _place(position),
        )  # fmt: skip


SOURCES: tuple[Source, ...] = (
    members_of_receiver, called, overridden, named_nearby, recent, members_of_variables,
    own_members, unused_imports, test_and_subject, similar, usages,
)  # fmt: skip


def _members(
    at: Gathering, kind: Found, why: Why, what: str, partial: str, *, hidden: bool = False,
    scale: float = 1.0,
) -> Iterator[Candidate]:  # fmt: skip
    parts = _parts(at.near.line)
    for position, member in enumerate(at.members.of(kind)):
        definition = member.found.definition
        if is_type(definition) or (definition.kind == "constructor" and why != "own_member"):
            continue
        worth = scale * _typed(definition.name, partial) * _place(position)
        worth *= _BASE_STEP**member.depth * _KINDS.get(definition.kind, 1.0)
        if parts & _parts(definition.name):
            worth *= _SAME_WORD
        if not definition.exported and not hidden:
            worth *= _HIDDEN
        yield of_definition(why, member.found, f"member {what}", worth)


def _parts(text: str) -> set[str]:
    """The words that names are made of."""
    return {part.lower() for part in _PART.findall(text) if len(part) > 2}


def _typed(name: str, partial: str) -> float:
    """How well a name goes on from what is typed already."""
    if not partial or name.startswith(partial):
        return 1.0
    return 0.9 if name.lower().startswith(partial.lower()) else _NOT_TYPED


def _place(position: int) -> float:
    """Of things that are equal, those that stand first; so little that it decides nothing else."""
    return 1 - min(position, 100) * 0.001
