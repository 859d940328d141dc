"""Which uses of names find a meaning where they stand: nested scopes, filled by one walk.

Resolution is what the language does, made lenient where only a run could tell: a name that is bound
anywhere in a scope is bound in all of it, except that in Python a function's own name must be bound
above its first use (`x += 1` without `x = 0` is the mistake that this finds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indoors_indexing.types import Named

if TYPE_CHECKING:
    from collections.abc import Callable

    from indoors_indexing.bindings import Binders


class _Scope:
    __slots__ = ("bound", "is_class", "is_passing", "parent")

    def __init__(self, parent: _Scope | None, is_class: bool, is_passing: bool) -> None:
        self.parent = parent
        self.is_class = is_class
        self.is_passing = is_passing
        # Where each name is first bound, as a byte offset.
        self.bound: dict[str, int] = {}


class _Use:
    __slots__ = ("in_head", "is_free_of_order", "name", "needs_own", "scope", "start")

    def __init__(
        self,
        name: str,
        start: int,
        scope: _Scope,
        in_head: bool,
        is_free_of_order: bool,
        needs_own: bool,
    ) -> None:
        self.name = name
        self.start = start
        self.scope = scope
        self.in_head = in_head
        self.is_free_of_order = is_free_of_order
        self.needs_own = needs_own


class Scopes:
    """The scopes of one text. `enter` and `leave` follow the walk."""

    def __init__(self, binders: Binders) -> None:
        self._binders = binders
        self._file = _Scope(None, False, False)
        self._at = self._file
        self._bound: list[tuple[str, int]] = []
        self._uses: list[_Use] = []

    def enter(self, kind: str) -> None:
        """A node that has names of its own begins."""
        binders = self._binders
        self._at = _Scope(self._at, kind in binders.classes, kind in binders.passing)

    def leave(self) -> None:
        """The innermost such node ends."""
        assert self._at.parent is not None
        self._at = self._at.parent

    def bind(self, name: str, start: int, since: int, *, outside: bool, walrus: bool) -> None:
        """A name is given a meaning, from the offset `since` on."""
        scope = self._at
        if outside and scope.parent is not None:
            scope = scope.parent
        while walrus and scope.is_passing and scope.parent is not None:
            # A comprehension has its name before this, in the text, where it is used.
            scope, since = scope.parent, 0
        scope.bound[name] = min(since, scope.bound.get(name, since))
        self._bound.append((name, start))

    def borrow(self, name: str, start: int) -> None:
        """A function says that a name is another scope's; it may give it its meaning there."""
        self._at.bound[name] = 0
        self._file.bound.setdefault(name, 0)
        self._bound.append((name, start))

    def use(self, name: str, start: int, *, in_head: bool, is_type: bool, needs_own: bool) -> None:
        """A name is used; one in an annotation may be bound later, one in a head is around it."""
        self._uses.append(_Use(name, start, self._at, in_head, is_type, needs_own))

    def names(self, offset: Callable[[int], int]) -> tuple[Named, ...]:
        """All names in the order of the text, with code-point offsets."""
        found = [(name, start, True, True) for name, start in self._bound]
        found += [(use.name, use.start, False, self._is_known(use)) for use in self._uses]
        found.sort(key=lambda one: (one[1], one[2]))
        return tuple(
            Named(name, offset(start), is_bound, is_known)
            for name, start, is_bound, is_known in found
        )

    def _is_known(self, use: _Use) -> bool:
        scope: _Scope | None = use.scope
        is_first, through_class = True, True
        while scope is not None:
            since = scope.bound.get(use.name)
            if since is not None and (not scope.is_class or through_class):
                in_order = since <= use.start or use.is_free_of_order or not is_first
                is_lenient = scope.is_class or scope.is_passing or not self._binders.ordered
                return in_order or is_lenient or use.in_head
            if use.needs_own and scope.parent is not None and not scope.is_class:
                return False
            # From a function's body its class's names are not seen; from its head they are.
            through_class = through_class and (
                scope.is_passing or (is_first and use.in_head) or scope.is_class
            )
            is_first = is_first and scope.is_passing
            scope = scope.parent
        return False
