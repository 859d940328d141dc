"""Lines of a function made a function of their own, by what they need and what is needed of them.

    statements of the lines, and around them (`flow`) -> parameters, results -> both functions,
                                                                                but for a name

A small model that is asked to move lines rewrites them, forgets what they need, or calls the old
function from the new one. What goes in and comes out can be worked out, so only the name is left to
the model: it says what the lines do. Where more than names would have to be understood (a `return`
in the middle, a `break` out of the lines, a closure) there is no form, and the model is asked for
all of it. For Python, whose own parser is used.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from indoors_completion.refactor import flow, style
from indoors_completion.refactor.shape import Shape
from indoors_completion.refactor.types import EditRequest, Target
from indoors_indexing.types import Span

_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*$")
# What these names are about is the function that they stand in.
_ITS_OWN = frozenset({"super", "locals", "vars", "exec", "eval", "__class__"})
_PLACE = "\0"
_MOST_RESULTS = 4
# Of a function that is split so much goes, and no more ways are looked at than this.
_LEAST_SHARE, _MOST_SHARE, _MOST_RUNS = 0.2, 0.7, 60


class NameForm(Shape, frozen=True, kw_only=True):
    """The model writes the name; `whole` is the target with a mark where that stands, `taken` what
    it may not be. `moved` is what the new function does, and `n_names` go in and out of it.
    """

    whole: str
    taken: frozenset[str]
    moved: str
    n_names: int

    def code(self, written: str) -> str:
        """Both functions; "" for what is no new name."""
        named = _NAME.match(written)
        if named is None or named[1] in self.taken:
            return ""
        return self.whole.replace(_PLACE, named[1])


class _Block(NamedTuple):
    """A list of statements, and what has them (None for the function itself), outwards."""

    statements: list[ast.stmt]
    owner: ast.stmt | None
    around: _Block | None


class _Run(NamedTuple):
    """Statements side by side: those of a block from `first` up to before `last`."""

    block: _Block
    first: int
    last: int

    @property
    def statements(self) -> list[ast.stmt]:
        return self.block.statements[self.first : self.last]

    @property
    def lines(self) -> tuple[int, int]:
        """The first and the last line, counted from 1."""
        one = self.statements[0]
        decorated = min(
            [one.lineno, *(other.lineno for other in getattr(one, "decorator_list", ()))]
        )
        return decorated, self.statements[-1].end_lineno or one.lineno


def form_of(request: EditRequest, target: Target) -> NameForm | None:
    """How a selection becomes a function; None where that needs more than its names."""
    function = _function(request, target)
    if function is None:
        return None
    first, last = _selected(request, target)
    for block in _blocks(_Block(_body(function), None, None)):
        chosen = [
            number
            for number, one in enumerate(block.statements)
            if first <= one.lineno and (one.end_lineno or 0) <= last
        ]
        touched = [
            one for one in block.statements if one.lineno <= last and first <= (one.end_lineno or 0)
        ]
        if chosen and len(touched) == len(chosen):
            run = _Run(block, chosen[0], chosen[-1] + 1)
            low, high = run.lines
            lines = target.text.split("\n")
            around = [*lines[first - 1 : low - 1], *lines[high:last]]
            if all(not line.strip() or line.lstrip().startswith("#") for line in around):
                return _composed(request, target, function, run, (first, last))
    return None


def part_of(request: EditRequest, target: Target) -> Span | None:
    """The lines of a long function that are best moved out of it: they need and give the least, and
    are about half of it. None where no lines can be moved by their names alone.
    """
    function = _function(request, target)
    if function is None:
        return None
    block = _Block(_body(function), None, None)
    starts = _line_starts(request, target)
    n_lines = (function.end_lineno or 1) - function.body[0].lineno + 1
    runs = []
    for first in range(len(block.statements)):
        for last in range(first + 1, len(block.statements) + 1):
            run = _Run(block, first, last)
            low, high = run.lines
            share = (high - low + 1) / n_lines
            if _LEAST_SHARE <= share <= _MOST_SHARE:
                runs.append((abs(share - 0.45), low, high, run))
    best: tuple[float, Span] | None = None
    for off, low, high, run in sorted(runs, key=lambda one: one[:3])[:_MOST_RUNS]:
        form = _composed(request, target, function, run, (low, high))
        if form is not None and (best is None or form.n_names + 4 * off < best[0]):
            best = (form.n_names + 4 * off, Span(starts[low - 1], starts[high] - 1))
    return None if best is None else best[1]


def _function(request: EditRequest, target: Target) -> ast.FunctionDef | None:
    """The target as a tree, if it is a function that names say everything about."""
    if request.outline.language != "python" or target.defined is None:
        return None
    if "\r" in request.document.text or _PLACE in target.text:
        return None
    try:
        (found,) = ast.parse(target.text).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not isinstance(found, ast.FunctionDef):
        return None
    inside = [node for one in found.body for node in ast.walk(one)]
    if any(isinstance(node, flow.OPAQUE) for node in inside):
        return None
    if any(isinstance(node, ast.Name) and node.id in _ITS_OWN for node in inside):
        return None
    # A function in a function sees names that are not its own.
    outer: dict[tuple[str, ...], str] = {
        (*one.scope, one.name): one.kind for one in request.outline.definitions
    }
    scope = target.defined.scope
    is_nested = any(outer.get(scope[:depth]) != "class" for depth in range(1, len(scope) + 1))
    return None if is_nested else found


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    has_doc = ast.get_docstring(function, clean=False) is not None
    return function.body[1:] if has_doc else function.body


def _line_starts(request: EditRequest, target: Target) -> list[int]:
    """Where the target's lines begin in the document, and where one behind them would."""
    text = request.document.text
    starts = [target.span.start]
    for _ in range(target.text.count("\n")):
        starts.append(text.index("\n", starts[-1]) + 1)
    return [*starts, target.span.end + 1]


def _selected(request: EditRequest, target: Target) -> tuple[int, int]:
    """The first and the last selected line of the target, blank ones aside."""
    text, span = request.document.text, request.selection
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    first = text.count("\n", target.span.start, start) + 1
    return first, first + text.count("\n", start, end)


def _blocks(block: _Block) -> Iterator[_Block]:
    """A block and all in it."""
    yield block
    for one in block.statements:
        for inner in _inner(one):
            yield from _blocks(_Block(inner, one, block))


def _inner(one: ast.stmt) -> list[list[ast.stmt]]:
    lists = [getattr(one, name, []) for name in ("body", "orelse", "finalbody")]
    lists += [handler.body for handler in getattr(one, "handlers", [])]
    lists += [case.body for case in getattr(one, "cases", [])]
    return [found for found in lists if found]


def _composed(
    request: EditRequest,
    target: Target,
    function: ast.FunctionDef,
    run: _Run,
    selected: tuple[int, int],
) -> NameForm | None:
    """Both functions; the selected lines are moved, with comments among them."""
    moved, (first, last) = run.statements, selected
    own = _own(function, target)
    if own is None or not _can_move(moved):
        return None
    arguments = frozenset(one.arg for one in _arguments(function))
    local = arguments | flow.changed(function.body)
    results = flow.changed(moved) & _wanted(run)
    sometimes = results - flow.given(moved)
    parameters = (flow.needed(moved) & local) | sometimes
    if parameters - arguments - _given_before(run) or len(results) > _MOST_RESULTS:
        return None
    order = _in_order(moved)
    out = sorted(results, key=order)
    into = sorted(parameters - {own}, key=order)
    lines = target.text.split("\n")
    begin = lines[moved[0].lineno - 1]
    indent = begin[: len(begin) - len(begin.lstrip())]
    if moved[0].col_offset != len(indent.encode()) or begin.lstrip().startswith("elif"):
        return None  # the line is another statement's
    body = style.with_indent(
        style.without_indent("\n".join(lines[first - 1 : last]), indent), request.indent_unit
    )
    ends = f"\n{request.indent_unit}return {', '.join(out)}" if out else ""
    taken_over = f"{', '.join(out)} = " if out else ""
    receiver = f"{own}." if own else ""
    call = f"{indent}{taken_over}{receiver}{_PLACE}({', '.join(into)})"
    head = ", ".join([own, *into] if own else into)
    old = "\n".join([*lines[: first - 1], call, *lines[last:]])
    gap = "\n\n" if own else "\n\n\n"
    known = {one.name for one in request.outline.names or ()}
    known |= {one.name for one in request.outline.definitions}
    return NameForm(
        given="def",
        stops=("(",),
        whole=f"{old}{gap}def {_PLACE}({head}):\n{body}{ends}",
        taken=frozenset(known),
        moved=style.without_indent("\n".join(lines[first - 1 : last]), indent),
        n_names=len(into) + len(out),
    )


def _own(function: ast.FunctionDef, target: Target) -> str | None:
    """What a method calls its object, "" for a function; None for a method that has none."""
    assert target.defined is not None
    if not target.defined.scope:
        return ""
    special = {node.id for node in function.decorator_list if isinstance(node, ast.Name)}
    first = [*function.args.posonlyargs, *function.args.args][:1]
    if special & {"staticmethod", "classmethod"} or not first or first[0].arg != "self":
        return None
    return "self"


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    given = function.args
    several = [given.vararg, given.kwarg]
    return [
        *given.posonlyargs,
        *given.args,
        *given.kwonlyargs,
        *(one for one in several if one is not None),
    ]


def _can_move(moved: Sequence[ast.stmt]) -> bool:
    """Whether statements do the same in another place, given what they need."""
    for one in moved:
        for node in ast.walk(one):
            if isinstance(node, ast.Return):
                return False
            # Its lines would be indented otherwise.
            if isinstance(node, ast.JoinedStr | ast.Constant) and node.lineno != node.end_lineno:
                return False
    return not _leaves_loop(moved)


def _leaves_loop(statements: Sequence[ast.stmt]) -> bool:
    """Whether a `break` or `continue` is about a loop around the statements."""
    for one in statements:
        if isinstance(one, ast.Break | ast.Continue):
            return True
        if isinstance(one, ast.For | ast.While):
            if _leaves_loop(one.orelse):
                return True
        elif any(_leaves_loop(inner) for inner in _inner(one)):
            return True
    return False


def _wanted(run: _Run) -> flow.Names:
    """What may be read of names behind the statements, also in the next round of a loop."""
    found = flow.needed(run.block.statements[run.last :])
    block = run.block
    while block.owner is not None and block.around is not None:
        owner, around = block.owner, block.around
        if isinstance(owner, ast.For | ast.While):
            found |= flow.needed([owner])
        elif isinstance(owner, ast.Try):
            others = [inner for inner in _inner(owner) if inner is not block.statements]
            found |= frozenset().union(*(flow.needed(inner) for inner in others))
        at = next(number for number, one in enumerate(around.statements) if one is owner)
        found |= flow.needed(around.statements[at + 1 :])
        block = around
    return found


def _given_before(run: _Run) -> flow.Names:
    """The names that are set in any case when the statements begin."""
    found = flow.given(run.block.statements[: run.first])
    block = run.block
    while block.owner is not None and block.around is not None:
        owner, around = block.owner, block.around
        at = next(number for number, one in enumerate(around.statements) if one is owner)
        found |= flow.given(around.statements[:at])
        if isinstance(owner, ast.For) and block.statements is owner.body:
            found |= flow.changed([owner.target])
        elif isinstance(owner, ast.With):
            found |= flow.given([owner])
        elif isinstance(owner, ast.Try):
            found |= frozenset(
                handler.name
                for handler in owner.handlers
                if handler.name and handler.body is block.statements
            )
        block = around
    return found


def _in_order(moved: Sequence[ast.stmt]) -> Callable[[str], tuple[int, int, str]]:
    """Sorts names by where they stand first."""
    places: dict[str, tuple[int, int]] = {}
    for node in (inner for one in moved for inner in ast.walk(one)):
        if isinstance(node, ast.Name):
            place = (node.lineno, node.col_offset)
            places[node.id] = min(places.get(node.id, place), place)
    return lambda name: (*places.get(name, (0, 0)), name)
