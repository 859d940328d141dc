"""Checks of what definitions do: that their bodies and results are not lost."""

from __future__ import annotations

import re
from collections import Counter

from indoors_completion.refactor import wishes
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.checks_code import counterparts
from indoors_completion.refactor.types import CALLABLE
from indoors_indexing.types import Defined, Leaf, Span

_STUB = re.compile(
    r"""(?ix) (?: pass | \.\.\. | return (?:\ (?:None|null|nil|undefined|self|this|\(\s*\)))?
    | nil | null | : | true | raise\ NotImplementedError.*
    | throw\ new\ \w*(?:Error|Exception)\b.*(?:not|todo|implement).*
    | throw\ new\ (?:Unsupported|NotImpl)\w+.* | todo\ ?!.* | TODO\ \(.* | unimplemented\ ?!.*
    | panic\ ?!?\ \(.*(?:not|todo|impl).* | fatalError.* | error\ \(.*(?:not|todo|impl).*
    | (?:std\ ::\ )?abort\ \(\ \) )?"""
)
# As little, where nobody spoke of what comes back.
_GIVES_NOTHING = re.compile(
    r"""(?ix) return\ (?:nullptr|default|-?\ ?\d|true|false|\"\"|''|\[\ \])"""
)
_FEW_TOKENS = 8
_SAYS = re.compile(r"\w")
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
    for one, same in counterparts(case):
        if one.kind not in CALLABLE:
            continue
        old = case.tokens(_body(one), "code", "string", old=True)
        news = [case.tokens(_body(other), "code", "string", old=False) for other in same]
        is_work = len(old) >= _FEW_TOKENS and not _is_stub(case.texts(old, old=True))
        is_stub = all(_is_stub(case.texts(new, old=False)) for new in news) or (
            not wishes.changes_result(case)
            and all(_is_stub(case.texts(new, old=False), _GIVES_NOTHING) for new in news)
        )
        if is_work and is_stub and not wishes.empties(case):
            return f"the answer leaves out what {one.name} does"
        if all(_loses_result(case, old, new) for new in news):
            return f"the answer leaves out what {one.name} returns"
    return ""


def extracts(case: Case) -> str:
    """Where a function was to be taken out of another one, it was: the old one is shorter by what
    the new one has, and calls it.
    """
    defined, outline = case.target.defined, case.outline
    if not case.rules.extracts or defined is None or outline is None:
        return ""
    known = {(*one.scope, one.name) for one in case.outline_before.definitions}
    new = [
        one
        for one in case.new_definitions()
        if one.kind in CALLABLE and (*one.scope, one.name) not in known
    ]
    if not new:
        return "the answer has no new function"
    rest = next(
        (one for one in case.new_definitions() if one.name == defined.name and one not in new), None
    )
    if rest is None:
        return f"the answer has no {defined.name} any more"
    before = case.texts(case.tokens(_body(defined), "code", "string", old=True), old=True)
    after = case.texts(case.tokens(_body(rest), "code", "string", old=False), old=False)
    called = [one for one in new if one.name in after]
    if not called:
        return f"the answer does not call {new[0].name} in {defined.name}"
    left = Counter(
        line.code for line in case.new_lines if rest.span.start <= line.start < rest.span.end
    )
    if not Counter(line.code for line in case.old_lines if _SAYS.search(line.code)) - left:
        return f"the answer moves nothing out of {defined.name}"
    # What was moved is what was there: most of its words are old ones.
    moved = [text for one in called for text in _words(case, one)]
    if sum(text in before for text in moved) < len(moved) / 2:
        return f"the answer moves other code than that of {defined.name}"
    return ""


def _words(case: Case, one: Defined) -> list[str]:
    texts = case.texts(case.tokens(_body(one), "code", "string", old=False), old=False)
    return [text for text in texts if text[:1].isalpha() and text != "return"]


def _body(one: Defined) -> Span:
    return Span(one.head.end, one.span.end)


def _is_stub(texts: list[str], form: re.Pattern[str] = _STUB) -> bool:
    code = " ".join(text for text in texts if text not in _FRAME)
    return bool(form.fullmatch(code))


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
