"""What statements of Python need and what they give: the names that are read before they are set,
those that are set in any case, and those that are set at all. For names of one function.

A comprehension and a lambda have names of their own; what they read of others counts where they
stand. What is only set on some way counts as not set, what is only read on some way as read: so
the answer may be more names than needed, never fewer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

Names = frozenset[str]
NONE: Names = frozenset()
_INNER = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# With these a function cannot be taken apart by its names.
OPAQUE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Global, ast.Nonlocal,
    ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.NamedExpr, ast.Delete,
    ast.Import, ast.ImportFrom,
)  # fmt: skip


def read(node: ast.AST | None) -> Names:
    """The names that an expression reads."""
    if node is None:
        return NONE
    if isinstance(node, _INNER):
        own = _targets(generator.target for generator in node.generators)
        return _all(read(child) for child in ast.iter_child_nodes(node)) - own
    if isinstance(node, ast.Name):
        return frozenset({node.id}) if isinstance(node.ctx, ast.Load) else NONE
    return _all(read(child) for child in ast.iter_child_nodes(node))


def needed(statements: Sequence[ast.stmt]) -> Names:
    """The names that statements, one after the other, read before they have set them."""
    found, given = NONE, NONE
    for one in statements:
        found |= _needed(one) - given
        given |= _given(one)
    return found


def given(statements: Sequence[ast.stmt]) -> Names:
    """The names that statements have set whatever way was taken through them."""
    return _all(_given(one) for one in statements)


def changed(statements: Iterable[ast.AST]) -> Names:
    """The names that statements set at all."""
    found = set()
    for statement in statements:
        for node in _outside_inner(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                found.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                found.add(node.rest)
    return frozenset(found)


def _outside_inner(node: ast.AST) -> Iterable[ast.AST]:
    """A node and all in it, but for what has names of its own."""
    yield node
    if not isinstance(node, _INNER):
        for child in ast.iter_child_nodes(node):
            yield from _outside_inner(child)


def _all(several: Iterable[Names]) -> Names:
    return frozenset().union(*several)


def _targets(targets: Iterable[ast.AST]) -> Names:
    """The names that are set by assigning to these; parts of things (`a.b`, `a[0]`) are none."""
    return changed(targets)


def _needed(one: ast.stmt) -> Names:
    if isinstance(one, ast.Assign):
        return read(one.value) | _all(read(target) for target in one.targets)
    if isinstance(one, ast.AugAssign):
        old = frozenset({one.target.id}) if isinstance(one.target, ast.Name) else NONE
        return read(one.value) | read(one.target) | old
    if isinstance(one, ast.For):
        inside = needed(one.body) - _targets([one.target])
        return read(one.iter) | read(one.target) | inside | needed(one.orelse)
    if isinstance(one, ast.While | ast.If):
        return read(one.test) | needed(one.body) | needed(one.orelse)
    if isinstance(one, ast.With):
        found, before = NONE, NONE
        for item in one.items:
            found |= (read(item.context_expr) | read(item.optional_vars)) - before
            before |= _targets([item.optional_vars] if item.optional_vars else [])
        return found | (needed(one.body) - before)
    if isinstance(one, ast.Try):
        handled = [
            read(handler.type) | (needed(handler.body) - frozenset({handler.name or ""}))
            for handler in one.handlers
        ]
        # What the body sets may not be set where it failed.
        return needed(one.body) | _all(handled) | needed(one.orelse) | needed(one.finalbody)
    if isinstance(one, ast.Match):
        cases = [
            read(case.pattern) | ((read(case.guard) | needed(case.body)) - changed([case.pattern]))
            for case in one.cases
        ]
        return read(one.subject) | _all(cases)
    return read(one)


def _given(one: ast.stmt) -> Names:
    if isinstance(one, ast.Assign):
        return _targets(one.targets)
    if isinstance(one, ast.AnnAssign):
        return _targets([one.target]) if one.value is not None else NONE
    if isinstance(one, ast.AugAssign):
        return _targets([one.target])
    if isinstance(one, ast.If):
        return given(one.body) & given(one.orelse)
    if isinstance(one, ast.With):
        opened = [item.optional_vars for item in one.items if item.optional_vars is not None]
        # A manager may swallow an exception: what its body sets may not be set behind it.
        return _targets(opened)
    if isinstance(one, ast.Try):
        return given(one.finalbody)
    return NONE
