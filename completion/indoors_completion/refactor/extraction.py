"""Lines of a function made a function of their own, by what they use and what is used of them.

    names in the lines, and around them -> parameters, results -> both functions, but for a name

A small model that is asked to move lines rewrites them, forgets what they need, or calls the old
function from the new one. What goes in and comes out is in the names that the outline has, so only
the name is left to the model: it says what the lines do. Where more than names would have to be
understood (a `return` in the middle, a `break` out of the lines, a closure) there is no form, and
the model is asked for all of it. So far for Python.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from indoors_completion.refactor import style
from indoors_completion.refactor.shape import Shape
from indoors_completion.refactor.types import CALLABLE, EditRequest, Target
from indoors_indexing.types import Defined, Named, Span

_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*$")
# Of these the lines cannot be told apart from what is around them.
_BOUND_TO_ITS_PLACE = re.compile(r"\b(?:yield|await|global|nonlocal|super|locals|exec|eval)\b")
_UPDATES = re.compile(r"\s*(?:\+|-|\*{1,2}|/{1,2}|%|@|&|\||\^|<<|>>)=")
_SOMETIMES = re.compile(r"(?:async|for|while|if|elif|else|try|except|finally|match|def|class)\b")
_LOOP = re.compile(r"\s*(?:async\s+)?(?:for|while)\b")
_LEAVES_LOOP = re.compile(r"\s*(?:break|continue)\b")
_PLACE = "\0"
_MOST_RESULTS = 4


class NameForm(Shape, frozen=True, kw_only=True):
    """The model writes the name; `whole` is the target with a mark where that stands, `taken` what
    it may not be.
    """

    whole: str
    taken: frozenset[str]

    def code(self, written: str) -> str:
        """Both functions; "" for what is no new name."""
        named = _NAME.match(written)
        if named is None or named[1] in self.taken:
            return ""
        return self.whole.replace(_PLACE, named[1])


class _Lines(NamedTuple):
    """The selected lines: their span in the document, and how far they are indented."""

    span: Span
    text: str
    indent: str


def form_of(request: EditRequest, target: Target) -> NameForm | None:
    """How a selection becomes a function; None where that needs more than its names."""
    outline, defined = request.outline, target.defined
    if outline.language != "python" or outline.names is None or defined is None:
        return None
    if "\r" in request.document.text or _is_nested(request, defined):
        return None
    lines = _lines_of(request, defined)
    if lines is None or not _can_move(request, defined, lines):
        return None
    own = "" if defined.kind == "function" else _first_parameter(request, defined)
    if own == "" and defined.kind != "function":
        return None
    return _composed(request, target, defined, lines, own)


def _is_nested(request: EditRequest, defined: Defined) -> bool:
    """Whether a function sees the names of another one, or another one sees its names."""
    path = (*defined.scope, defined.name)
    for one in request.outline.definitions:
        if one.kind in CALLABLE and (*one.scope, one.name) == defined.scope[: len(one.scope) + 1]:
            return True
        if one.scope[: len(path)] == path and one.kind in (*CALLABLE, "class"):
            return True
    return "lambda" in request.document.text[defined.head.end : defined.span.end]


def _first_parameter(request: EditRequest, defined: Defined) -> str:
    """What a method has first: the object; "" for one that has none."""
    head = request.document.text[defined.head.start : defined.head.end]
    found = re.search(r"\bdef\s+\w+\(\s*(self)\b", head)
    return found[1] if found is not None and "@staticmethod" not in head else ""


def _lines_of(request: EditRequest, defined: Defined) -> _Lines | None:
    """The whole lines of the selection, if they are statements side by side."""
    text, span = request.document.text, request.selection
    start = text.rfind("\n", 0, span.start) + 1
    last = span.end - 1 if text[span.end - 1 : span.end] == "\n" else span.end
    end = text.find("\n", last)
    end = len(text) if end < 0 else end
    body = defined.doc.end if defined.doc.start >= defined.head.end else defined.head.end
    inside = text[start:end]
    if start < body or end > defined.span.end or not inside.strip():
        return None
    first = next(line for line in inside.split("\n") if line.strip())
    indent = first[: len(first) - len(first.lstrip())]
    if any(line.strip() and not line.startswith(indent) for line in inside.split("\n")):
        return None
    begun = [leaf.start for leaf in request.outline.leaves if leaf.begins]
    after = next(
        (line for line in text[end + 1 : defined.span.end].split("\n") if line.strip()), ""
    )
    # Behind the lines another statement begins, none that belongs to theirs (`else`, an argument).
    follows = end + 1 + text[end + 1 :].find(after) + len(after) - len(after.lstrip())
    if after and follows not in begun:
        return None
    if start + inside.find(first) + len(indent) not in begun:
        return None
    return _Lines(Span(start, end), inside, indent)


def _can_move(request: EditRequest, defined: Defined, lines: _Lines) -> bool:
    """Whether the lines do the same elsewhere, given what they use."""
    text, span = request.document.text, lines.span
    head = text[defined.head.start : defined.head.end]
    if re.match(r"(?s).*\basync\s+def\b", head) or "@classmethod" in head:
        return False
    leaves = [one for one in request.outline.leaves if span.start <= one.start < span.end]
    if any(one.kind == "string" and "\n" in text[one.start : one.end] for one in leaves):
        return False
    if any(one.end > span.end for one in leaves):
        return False
    code = " ".join(text[one.start : one.end] for one in leaves if one.kind == "code")
    if _BOUND_TO_ITS_PLACE.search(text[defined.head.end : defined.span.end]):
        return False
    return "return" not in code.split() and "del" not in code.split() and not _leaves(lines)


def _leaves(lines: _Lines) -> bool:
    """Whether a `break` or `continue` is about a loop around the lines."""
    loops: list[int] = []
    for line in lines.text.split("\n"):
        width = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        loops = [one for one in loops if one < width]
        if _LEAVES_LOOP.match(line) and not loops:
            return True
        if _LOOP.match(line):
            loops.append(width)
    return False


def _composed(
    request: EditRequest, target: Target, defined: Defined, lines: _Lines, own: str
) -> NameForm | None:
    names = [
        one
        for one in request.outline.names or ()
        if defined.span.start <= one.start < defined.span.end
    ]
    text, span = request.document.text, lines.span
    inside = [one for one in names if span.start <= one.start < span.end]
    before = [one for one in names if one.start < span.start]
    after = [one for one in names if one.start >= span.end]
    local = {one.name for one in before if one.is_bound} - {defined.name}
    given = {one.name for one in inside if _gives(one, text)}
    is_repeated = _is_in_loop(request, defined, lines)
    late = {one.name for one in after if one.is_bound} - local if is_repeated else set()
    if any(not one.is_bound and one.name in late for one in inside):
        return None  # given in one round for the next
    again = before if is_repeated else []
    wanted = {one.name for one in [*after, *again] if not one.is_bound}
    results = [name for name in _in_order(inside) if name in given and name in wanted]
    uses = {one.name for one in inside if not one.is_bound or _updates(one, text)}
    # What is only sometimes given anew has its old value else.
    parameters = [
        name for name in _in_order(inside) if name in local and (name in uses or name in results)
    ]
    if any(
        name not in local and not _is_always_given(name, inside, text, lines) for name in results
    ):
        return None
    if len(results) > _MOST_RESULTS:
        return None
    parameters = [name for name in parameters if name != own]
    unit = request.indent_unit
    head = ", ".join([own, *parameters] if own else parameters)
    body = style.with_indent(style.without_indent(lines.text, lines.indent), unit).rstrip()
    ends = f"\n{unit}return {', '.join(results)}" if results else ""
    function = f"def {_PLACE}({head}):\n{body}{ends}"
    receiver = f"{own}." if own else ""
    taken_over = f"{', '.join(results)} = " if results else ""
    call = f"{lines.indent}{taken_over}{receiver}{_PLACE}({', '.join(parameters)})"
    rest = f"{text[target.span.start : span.start]}{call}{text[span.end : target.span.end]}"
    gap = "\n\n" if own else "\n\n\n"
    known = {one.name for one in request.outline.names or ()}
    known |= {one.name for one in request.outline.definitions}
    return NameForm(
        given="def",
        stops=("(",),
        whole=f"{style.without_indent(rest, target.indent)}{gap}{function}",
        taken=frozenset(known),
    )


def _in_order(names: list[Named]) -> list[str]:
    """The names, each once, as they come."""
    return list(dict.fromkeys(one.name for one in names))


def _updates(one: Named, text: str) -> bool:
    """Whether a name is given a value that is made of its old one."""
    return _UPDATES.match(text, one.start + len(one.name)) is not None


def _gives(one: Named, text: str) -> bool:
    return one.is_bound or _updates(one, text)


def _is_always_given(name: str, inside: list[Named], text: str, lines: _Lines) -> bool:
    """Whether a statement of the lines themselves, none in a block of theirs, gives a name."""
    for one in inside:
        start = text.rfind("\n", 0, one.start) + 1 + len(lines.indent)
        is_plain = not text[start : start + 1].isspace() and not _SOMETIMES.match(text, start)
        if one.name == name and one.is_bound and is_plain:
            return True
    return False


def _is_in_loop(request: EditRequest, defined: Defined, lines: _Lines) -> bool:
    """Whether the lines are done again and again in their function."""
    width = len(lines.indent)
    above = request.document.text[defined.head.end : lines.span.start].split("\n")
    for line in reversed(above):
        here = len(line) - len(line.lstrip())
        if not line.strip() or here >= width:
            continue
        if _LOOP.match(line):
            return True
        width = here
    return False
