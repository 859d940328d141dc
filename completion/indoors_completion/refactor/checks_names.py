"""Checks that names are there still: definitions, parameters, and whatever code uses."""

from __future__ import annotations

import re
from collections import Counter

from indoors_completion.refactor import predefined, unbound, wishes
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.checks_code import paths_of
from indoors_completion.refactor.types import CALLABLE, VALUES
from indoors_indexing.types import Defined

_HOLDERS = CALLABLE | frozenset({"class", "interface", "enum", "type", "module", "macro"})
# At the first column: what a function imports is its own.
_IMPORTS = re.compile(r"(?:import|from)\b")
_NAME = re.compile(r"\w+")
_SECOND = ("else", "elif", "except", "#else", "#elif", "#endif", "finally")


def is_the_same_thing(case: Case) -> str:
    """The definition that is edited is still there, as what it was."""
    defined = case.target.defined
    if defined is None or case.rules.renames or wishes.may_go(case, defined.name):
        return ""
    for one in case.new_definitions():
        is_like = defined.kind not in CALLABLE or one.kind in CALLABLE or case.rules.head
        if one.name == defined.name and one.scope == defined.scope and is_like:
            return ""
    return f"the answer has no {defined.kind} {defined.name} any more"


def keeps_definitions(case: Case) -> str:
    """What was defined is there still, in its scope, unless it is nobody's any more."""
    if case.rules.renames or case.outline is None:
        return ""
    there = paths_of(list(case.outline.definitions))
    new_names = {one.name for one in case.new_definitions()}
    bound = _bound_in(case)
    for one in case.old_definitions():
        if wishes.may_go(case, one.name):
            continue
        if same := there.get((*one.scope, one.name)):
            if one.exported and not any(other.exported for other in same):
                return f"the answer hides {one.name} from others"
            continue
        if any(wishes.may_go(case, name) for name in one.scope) and one.name in new_names:
            continue
        if _is_set(case, one) if one.kind == "field" else one.kind in VALUES and one.name in bound:
            continue
        if _is_nobodys(case, one) or _is_a_method_now(case, one):
            continue
        return f"the answer drops {one.name}"
    if name := _lost_import(case):
        return f"the answer drops the import of {name}"
    return ""


def _lost_import(case: Case) -> str:
    """A name that an import gave to the file, and to those who import it from here; "" for none."""
    names, after = case.outline_before.names, case.outline.names if case.outline else None
    if names is None or after is None or wishes.removes(case):
        return ""
    bound = {one.name for one in after if one.is_bound}
    span = case.target.span
    for one in names:
        if not one.is_bound or not span.start <= one.start < span.end or one.name in bound:
            continue
        line = case.before[case.before.rfind("\n", 0, one.start) + 1 : one.start]
        if _IMPORTS.match(line) and not wishes.may_go(case, one.name):
            return one.name
    return ""


def _bound_in(case: Case) -> set[str]:
    names = case.outline.names if case.outline is not None else None
    span = case.new_span
    return {one.name for one in names or () if one.is_bound and span.start <= one.start < span.end}


def _is_set(case: Case, one: Defined) -> bool:
    """Whether a field is set in a way that makes no definition: `self.a, self.b = pair`."""
    pattern = re.compile(rf"(?:^|\.|, ){re.escape(one.name)}\b[^=\n()]*=(?!=)")
    return any(pattern.search(line.code) for line in case.new_lines)


def _is_a_method_now(case: Case, one: Defined) -> bool:
    """Whether a function went into a class that was asked for: that has as many methods at least
    as there were functions. What calls the function elsewhere in the file keeps it.
    """
    if one.kind not in CALLABLE or one.scope or not wishes.makes_class(case):
        return False
    n_old = sum(other.kind in CALLABLE and not other.scope for other in case.old_definitions())
    new = case.new_definitions()
    n_methods = sum(other.kind in CALLABLE and len(other.scope) == 1 for other in new)
    inside = case.target.span
    used_outside = any(
        case.before[leaf.start : leaf.end] == one.name
        for leaf in case.outline_before.leaves
        if leaf.kind == "code" and not inside.start <= leaf.start < inside.end
    )
    return n_methods >= n_old and not used_outside


def _is_nobodys(case: Case, one: Defined) -> bool:
    """Whether a hidden thing was used here, is not any more, and was so dissolved (inlined)."""
    assert case.outline is not None
    is_inner = any(
        other.kind in CALLABLE and (*other.scope, other.name) == one.scope
        for other in case.outline_before.definitions
    )
    if one.exported and not is_inner:
        return False
    before = _count(case, one.name, old=True)
    return before > 1 and _count(case, one.name, old=False) == 0


def _count(case: Case, name: str, *, old: bool) -> int:
    outline, text = (case.outline_before, case.before) if old else (case.outline, case.after)
    assert outline is not None
    return sum(
        leaf.kind != "comment" and name in _NAME.findall(text[leaf.start : leaf.end])
        for leaf in outline.leaves
    )


def defines_once(case: Case) -> str:
    """Nothing is defined twice that was defined once."""
    if case.outline is None:
        return ""
    before = paths_of(list(case.outline_before.definitions))
    after = paths_of(list(case.outline.definitions))
    for path, several in after.items():
        callables = [one for one in several if one.kind in _HOLDERS]
        n_before = sum(one.kind in _HOLDERS for one in before.get(path, ()))
        if len(callables) < 2 or len(callables) <= n_before:
            continue
        heads = Counter(_signature(case, one) for one in callables)
        is_twice = heads.most_common(1)[0][1] > 1
        if is_twice or (_overloads_nothing(case) and not _is_conditional(case, callables)):
            return f"the answer defines {path[-1]} twice"
    return ""


def _signature(case: Case, one: Defined) -> str:
    return " ".join(case.after[one.head.start : one.head.end].split())


def _overloads_nothing(case: Case) -> bool:
    return case.outline_before.language in ("python", "javascript", "go", "rust", "c")


def _is_conditional(case: Case, several: list[Defined]) -> bool:
    """Whether definitions of one name are for different circumstances."""
    if any(_signature(case, one).startswith(("@", "#[")) for one in several):
        return True
    first, last = several[0].span.end, several[-1].span.start
    between = [line.strip() for line in case.after[first:last].splitlines()]
    return any(line.startswith(_SECOND) for line in between)


def uses_known_names(case: Case) -> str:
    """Every name that is used is given a meaning somewhere, or was without one before."""
    outline = case.outline
    if outline is None:
        return ""
    if outline.names is None or case.outline_before.names is None:
        name = unbound.lost_name(case)
        return f"the answer uses {name}, which is not defined" if name else ""
    before = case.outline_before.names
    bound_before = {named.name for named in before if named.is_bound}
    unknown_before = Counter(one.name for one in before if not one.is_known)
    unknown = Counter(one.name for one in outline.names if not one.is_known)
    imports_all = _imports_all(case)
    for name, count in unknown.items():
        if count <= unknown_before[name] or name in case.known:
            continue
        if predefined.has(outline.language, name):
            continue
        if name not in bound_before and (unknown_before[name] or imports_all):
            continue
        return f"the answer uses {name}, which is not defined"
    return ""


def _imports_all(case: Case) -> bool:
    """Whether names may come from `from module import *`."""
    return case.outline_before.language == "python" and bool(
        re.search(r"(?m)^\s*from\s+\S+\s+import\s+\*", case.after)
    )
