"""Checks of what definitions do: that their bodies and results are not lost."""

from __future__ import annotations

import re

from indoors_completion.refactor import wishes
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.checks_code import paths_of
from indoors_completion.refactor.types import CALLABLE
from indoors_indexing.types import Defined, Leaf, Span

_STUB = re.compile(
    r"""(?ix) (?: pass | \.\.\. | return (?:\ (?:None|null|nil|undefined|self|this|\(\s*\)))?
    | raise\ NotImplementedError.* | throw\ new\ \w*(?:Error|Exception)\b.*(?:not|todo|implement).*
    | throw\ new\ (?:Unsupported|NotImpl)\w+.* | todo\ ?!.* | TODO\ \(.* | unimplemented\ ?!.*
    | panic\ ?!?\ \(.*(?:not|todo|impl).* | fatalError.* | error\ \(.*(?:not|todo|impl).* )?"""
)
_FEW_TOKENS = 8
# In these languages what a function gives is said by `return` alone.
_RETURNING = frozenset(
    ["python", "javascript", "typescript", "tsx", "go", "java", "c", "cpp", "csharp", "php", "lua"]
)
_ENDS = frozenset(
    {"return", "raise", "throw", "yield", "panic", "break", "continue", "goto", "exit"}
)
_FRAME = frozenset({"{", "}", ":", ";", "end", "=>", "="})


def keeps_bodies(case: Case) -> str:
    """Nothing that did something is a stub now, or gives nothing back any more."""
    if case.outline is None or not case.rules.code:
        return ""
    after = paths_of(list(case.outline.definitions))
    for one in case.old_definitions():
        same = after.get((*one.scope, one.name))
        if one.kind not in CALLABLE or not same:
            continue
        old = case.tokens(_body(one), "code", "string", old=True)
        news = [case.tokens(_body(other), "code", "string", old=False) for other in same]
        is_work = len(old) >= _FEW_TOKENS and not _is_stub(case.texts(old, old=True))
        is_stub = all(_is_stub(case.texts(new, old=False)) for new in news)
        if is_work and is_stub and not wishes.empties(case):
            return f"the answer leaves out what {one.name} does"
        if all(_loses_result(case, old, new) for new in news):
            return f"the answer leaves out what {one.name} returns"
    return ""


def _body(one: Defined) -> Span:
    return Span(one.head.end, one.span.end)


def _is_stub(texts: list[str]) -> bool:
    code = " ".join(text for text in texts if text not in _FRAME)
    return bool(_STUB.fullmatch(code))


def _loses_result(case: Case, old: list[Leaf], new: list[Leaf]) -> bool:
    if case.outline_before.language not in _RETURNING or wishes.changes_result(case):
        return False
    before, after = case.texts(old, old=True), case.texts(new, old=False)
    if not _gives(old, before) or "=>" in after:
        return False
    if "yield" in after or "yield" in before:
        return "yield" in before and "yield" not in after
    if not _gives(new, after):
        return True
    return _ends_in_result(old, before) and not _may_end_in_result(new, after)


def _gives(leaves: list[Leaf], texts: list[str]) -> bool:
    """Whether a value is returned somewhere."""
    return any(
        text == "return" and not following.begins and texts[at + 1] not in (";", "}")
        for at, (text, following) in enumerate(zip(texts, leaves[1:], strict=False))
    )


def _ends_in_result(leaves: list[Leaf], texts: list[str]) -> bool:
    begun = [(leaf.depth, text) for leaf, text in zip(leaves, texts, strict=True) if leaf.begins]
    return bool(begun) and begun[-1] == (begun[0][0], "return")


def _may_end_in_result(leaves: list[Leaf], texts: list[str]) -> bool:
    """Whether the last statement of a body ends it, or holds something that does."""
    begun = [at for at, leaf in enumerate(leaves) if leaf.begins]
    if not begun:
        return True
    depth = leaves[begun[0]].depth
    last = max(at for at in begun if leaves[at].depth == depth)
    ending = texts[last:]
    return ending != ["return"] and not _ENDS.isdisjoint(ending)
