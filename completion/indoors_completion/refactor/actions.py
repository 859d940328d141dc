"""What can be done to code: one record for each action. To add one is to add a row.

A record says when it applies (by the outline, without a model), what of the document may change,
what the model is asked, and the rules that hold for the result. All checks hold for all actions;
the rules only say how strictly.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

import msgspec

from indoors_completion.refactor import target as targets
from indoors_completion.refactor import tests_place
from indoors_completion.refactor.case import Rules
from indoors_completion.refactor.types import CALLABLE, EditRequest, Target, Writes
from indoors_completion.types import ModelInfo
from indoors_indexing.types import Defined

_ANNOTATED = frozenset({"python", "typescript", "tsx"})
_LONG_LINES = 40
EXTRACT, SPLIT, TESTS = "extract", "split", "tests"
# Tests reach what is not exported too: by its name, from the same package or the same file.
_OPEN = frozenset({"python", "go", "rust", "java"})
_FEW_LINES = 3
_STUB = re.compile(
    r"""(?ix) ^ \s* (?:
        pass | \.\.\. | raise \s+ NotImplementedError .* | throw \s+ new \s+ \w*Error\(.*not.?impl.*
        | todo!\(.*\) ;? | unimplemented!\(.*\) ;? | panic\(.*(?:not\ impl|todo).*\)
        | return \s* (?:null|None|nil|undefined|0|false|"")? ;?
    ) \s* $"""
)
_TODO = re.compile(r"(?:#|//|/\*|--)\s*(?:TODO|FIXME)\b[:\s-]*(.*)")


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do. `kind` is LSP's CodeActionKind; `applies` gives the place, None for none.

    `wish` is what the model is asked, where `{name}` stands for the definition's name and `{what}`
    for what the person or another tool said. `writes` is what of the place the model has to write,
    where the wish is about that. `needs_instruction`: the person says what to do.
    """

    name: str
    title: str
    kind: str
    wish: str
    applies: Callable[[EditRequest], Target | None]
    rules: Rules = Rules()
    writes: Writes = "all"
    needs_instruction: bool = False


def _title_of(defined: Defined | None) -> str:
    return defined.name if defined is not None else "the selection"


def _stub(request: EditRequest) -> Target | None:
    target = targets.of_callable(request)
    if target is None or target.defined is None:
        return None
    body = _body(request, target.defined)
    if _TODO.search(body) or _is_stub(body):
        return target
    return None


def _is_stub(body: str) -> bool:
    code = [
        line
        for line in body.strip().strip("{}").splitlines()
        if line.strip() and not line.strip().startswith(("#", "//", "/*", "*", "--"))
    ]
    return not code or (len(code) == 1 and bool(_STUB.match(code[0])))


def _body(request: EditRequest, defined: Defined) -> str:
    """What stands in a definition behind its signature, documentation aside."""
    text = request.document.text
    body = text[defined.head.end : defined.span.end]
    if defined.head.end <= defined.doc.start < defined.doc.end <= defined.span.end:
        body = text[defined.head.end : defined.doc.start] + text[defined.doc.end : defined.span.end]
    return body.strip().lstrip(":").strip()


def todo_of(target: Target) -> str:
    """What a TODO in the target says, "" if there is none."""
    found = _TODO.search(target.text)
    return found[1].strip() if found else ""


def _problem(request: EditRequest) -> Target | None:
    if not request.problems:
        return None
    first = request.problems[0].span
    at = msgspec.structs.replace(request, selection=first)
    return targets.of_callable(at) or targets.selected(at)


def _whole(request: EditRequest) -> Target | None:
    """A function with a body worth the trouble."""
    target = targets.of_callable(request)
    if target is None or target.defined is None:
        return None
    lines = [line for line in _body(request, target.defined).splitlines() if line.strip()]
    return target if len(lines) >= _FEW_LINES else None


def _long(request: EditRequest) -> Target | None:
    target = targets.of_callable(request)
    is_long = target is not None and target.text.count("\n") >= _LONG_LINES
    return target if is_long else None


def _extractable(request: EditRequest) -> Target | None:
    """A selection of some lines inside of a function."""
    span, text = request.selection, request.document.text
    inside = text[span.start : span.end].strip()
    target = targets.of_callable(request)
    if not inside or target is None or target.defined is None:
        return None
    is_all = inside == text[target.defined.span.start : target.defined.span.end].strip()
    return None if is_all or span.start < target.defined.head.end else target


def _annotatable(request: EditRequest) -> Target | None:
    if request.outline.language not in _ANNOTATED:
        return None
    return targets.of_callable(request)


def _testable(request: EditRequest) -> Target | None:
    """What a test can import: a function, a class, or a method of a class."""
    language, path = request.outline.language, request.document.path
    if language not in tests_place.LANGUAGES or tests_place.is_test(path, language):
        return None
    if posixpath.isabs(path):
        return None  # in no folder of the workspace: there is no project to put tests into
    target = targets.of_callable(request) or targets.of_definition(request)
    if target is None or target.defined is None or tested_name(request, target.defined) == "":
        return None
    return target


def tested_name(request: EditRequest, defined: Defined) -> str:
    """What tests of a definition import: itself, or the class that it is a method of; "" where
    nothing can be imported.
    """
    if defined.kind not in (*CALLABLE, "class") or defined.name.startswith("__"):
        return ""
    if not defined.scope:
        return defined.name if defined.exported or request.outline.language in _OPEN else ""
    classes = [
        one
        for one in request.outline.definitions
        if one.kind == "class" and (one.name,) == defined.scope and not one.scope
    ]
    return classes[0].name if classes else ""


ACTIONS: tuple[Action, ...] = (
    Action(
        name="edit",
        title="Edit {name} with an instruction…",
        kind="refactor.rewrite",
        wish="{what}",
        applies=targets.selected,
        rules=Rules(head=True),
        writes="body",
        needs_instruction=True,
    ),
    Action(
        name="fix",
        title="Fix: {what}",
        kind="quickfix",
        wish="A tool reports this problem: {what}\nFix it, and change nothing else.",
        applies=_problem,
        rules=Rules(head=True),
        writes="body",
    ),
    Action(
        name="implement",
        title="Implement {name}",
        kind="refactor.rewrite",
        wish="Implement `{name}` completely, as its name, signature and documentation say. {what}",
        applies=_stub,
        writes="body",
    ),
    Action(
        name="document",
        title="Document {name}",
        kind="refactor.rewrite",
        wish="Write or update the documentation comment of `{name}`: what it does, what it takes, "
        "what it returns, which errors it raises. Change no code.",
        applies=targets.of_definition,
        rules=Rules(code=False),
        writes="doc",
    ),
    Action(
        name="annotate",
        title="Add type annotations to {name}",
        kind="refactor.rewrite",
        wish="Add type annotations to the parameters and the result of `{name}`. Change nothing "
        "else: no other code, no comments, no imports.",
        applies=_annotatable,
        rules=Rules(annotations_only=True, head=True),
        writes="head",
    ),
    Action(
        name="simplify",
        title="Simplify {name}",
        kind="refactor.rewrite",
        wish="Rewrite `{name}` so that it is simpler and shorter and does exactly the same.",
        applies=_whole,
        rules=Rules(shrinks=True),
        writes="body",
    ),
    Action(
        name="handle_errors",
        title="Handle errors in {name}",
        kind="refactor.rewrite",
        wish="Make `{name}` handle what can go wrong in it: bad arguments, missing files, failing "
        "calls. Keep what it does otherwise.",
        applies=_whole,
        writes="body",
    ),
    Action(
        name=EXTRACT,
        title="Extract the selection into a function",
        kind="refactor.extract.function",
        wish="Move these lines of `{name}` into a new function with a good name, and call it:"
        "\n{what}\nGive both functions.",
        applies=_extractable,
        rules=Rules(extracts=True),
        writes="name",
    ),
    Action(
        name=SPLIT,
        title="Split {name} into smaller functions",
        kind="refactor.extract.function",
        wish="Split `{name}` into smaller functions with good names. `{name}` stays, calls them "
        "and does exactly the same. Give all of them.",
        applies=_long,
        rules=Rules(extracts=True),
    ),
    Action(
        name=TESTS,
        title="Write tests for {name}",
        kind="refactor.rewrite",
        wish="Write tests for `{name}`: an ordinary case, an edge case, and what it does with bad "
        "arguments, each as a test of its own that checks one result.",
        applies=_testable,
    ),
)
BY_NAME = {action.name: action for action in ACTIONS}

# Where what goes in and out of moved lines is worked out here, the model only gives the names.
_MOVED_HERE = frozenset({"python"})
# Elsewhere it writes both functions. Of 18 such edits by a model of 0.5B none passed the checks
# (benchmarks/model_edits.py, its first 111), after 46 seconds each.
_MOVES_CODE_PARAMETERS = 1_000_000_000


def beyond(action: Action, language: str, model: ModelInfo) -> str:
    """Why an action that applies is more than a model can do, with what to do; "" if it is not."""
    if (
        action.rules.extracts
        and language not in _MOVED_HERE
        and 0 < model.n_params < _MOVES_CODE_PARAMETERS
    ):
        return (
            f"moving code into a new function wants a larger model than {model.name}, but for "
            "Python. Next: indoors models list"
        )
    return ""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An action that applies here, with its place."""

    action: Action
    target: Target
    title: str


def offered(request: EditRequest) -> list[Offer]:
    """The actions that make sense at a selection; no model is asked."""
    found = []
    for action in ACTIONS:
        target = action.applies(request)
        if target is not None:
            found.append(
                Offer(action=action, target=target, title=title_of(action, request, target))
            )
    return found


def title_of(action: Action, request: EditRequest, target: Target) -> str:
    """An action's title at a place."""
    name = request.subject.name if request.subject is not None else _title_of(target.defined)
    return action.title.format(name=name, what=_short(said_about(action, request, target)))


def said_about(action: Action, request: EditRequest, target: Target) -> str:
    """What `{what}` stands for: the instruction, the problem, the TODO, the selected lines."""
    if action.name == "fix":
        return request.problems[0].message if request.problems else ""
    if action.name == EXTRACT:
        span = request.selection
        return request.document.text[span.start : span.end].strip("\n")
    if request.instruction:
        return request.instruction
    return todo_of(target) if action.name == "implement" else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"
