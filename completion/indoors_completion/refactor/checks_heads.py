"""Checks of signatures: what a definition takes, and what it is to others."""

from __future__ import annotations

import itertools
import re

from indoors_completion.refactor import unbound, wishes
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.checks_code import counterparts
from indoors_completion.refactor.types import CALLABLE, VALUES
from indoors_indexing.types import Defined

_DECORATOR = re.compile(r"(?m)^\s*(?:@|#?\[)(?:\w+:\s*)?([\w.]+)")
# What a definition is to others, whatever it takes: these go only if one of them was spoken of.
_MODIFIERS = wishes.words(
    """abstract async const constexpr default explicit export extern final fileprivate friend
    implicit inline inner internal lateinit lazy mutating native noexcept nonisolated open
    operator override private protected pub public readonly sealed static suspend synchronized
    tailrec throws transient unsafe virtual volatile"""
)
_ABOUT_MODIFIERS = re.compile(r"(?i)expos|hid(?:e|den)|visib|encapsul|access|scope|modifier")
_ASYNC = re.compile(r"(?i)a?sync|await|coroutine")
_NAME = re.compile(r"\w+")


def keeps_parameters(case: Case) -> str:
    """Definitions keep their signatures, annotations aside; where those may change, what they take
    is still taken, in the same order.
    """
    if case.outline is None:
        return ""
    for one, same in counterparts(case):
        if one.kind in VALUES:
            continue
        if not case.rules.head:
            head = _head(case, one, old=True)
            if all(_head(case, other, old=False) != head for other in same):
                return f"the answer changes what {one.name} takes"
        elif all(_lacks(case, one, other) for other in same):
            return f"the answer changes what {one.name} takes"
    return ""


def _lacks(case: Case, one: Defined, other: Defined) -> bool:
    """Whether a new signature has not all that the old one had: parameters, decorators, bases."""
    old_head, new_head = (
        case.before[one.head.start : one.head.end],
        case.after[other.head.start : other.head.end],
    )
    gone = set(_DECORATOR.findall(old_head)) - set(_DECORATOR.findall(new_head))
    if any(not wishes.may_go(case, name.rpartition(".")[2]) for name in gone):
        return True
    if one.kind not in CALLABLE:
        # A class, with what it inherits from.
        names = set(_NAME.findall(old_head)) - set(_NAME.findall(new_head))
        return any(not wishes.may_go(case, name) for name in names)
    if _loses_modifier(case, one, other):
        return True
    if _is_async(old_head) != _is_async(new_head) and not _ASYNC.search(wishes.said(case)):
        return True
    old, new = _parameters(case, one, old=True), _parameters(case, other, old=False)
    kept = [name for name in old if not wishes.may_go(case, name)]
    if not _has_in_order(new, kept):
        return True
    # A new one that was spoken of may be needed; an old one needs not be given without a word.
    said = set(_NAME.findall(wishes.said(case))) - set(old)
    needed = _needed(case, other, old=False) - _needed(case, one, old=True) - said
    return bool(needed) and not wishes.changes_signature(case)


def _loses_modifier(case: Case, one: Defined, other: Defined) -> bool:
    words = set(_NAME.findall(wishes.said(case)))
    if words & _MODIFIERS or _ABOUT_MODIFIERS.search(wishes.said(case)):
        return False
    return bool(_modifiers(case, one, old=True) - _modifiers(case, other, old=False))


def _modifiers(case: Case, one: Defined, *, old: bool) -> frozenset[str]:
    """The words before a definition's name that say who may use it, and how."""
    found = case.texts(case.tokens(one.head, "code", "annotation", old=old), old=old)
    until = found.index(one.name) if one.name in found else len(found)
    return _MODIFIERS & {word for text in found[:until] for word in text.split()}


def _is_async(head: str) -> bool:
    return re.search(r"(?m)^\s*async\b", head) is not None


def _needed(case: Case, one: Defined, *, old: bool) -> set[str]:
    """Parameters that a call must give, in Python; elsewhere they may be left out."""
    if case.outline_before.language != "python":
        return set()
    head = _head(case, one, old=old)
    names = _parameters(case, one, old=old)
    with_default = {name for name, sign in itertools.pairwise(head) if sign == "="}
    with_star = {name for sign, name in itertools.pairwise(head) if sign in ("*", "**")}
    return set(names) - with_default - with_star


def _has_in_order(found: list[str], wanted: list[str]) -> bool:
    rest = iter(found)
    return all(name in rest for name in wanted)


def _head(case: Case, one: Defined, *, old: bool) -> list[str]:
    """A signature's tokens without annotations, and without commas that mean nothing."""
    leaves = case.tokens(one.head, "code", "string", old=old)
    found = case.texts(leaves, old=old)
    return [
        token.replace("'", '"')
        for at, token in enumerate(found)
        if not (token == "," and found[at + 1 : at + 2] in ([")"], ["]"], [">"]))
    ]


def _parameters(case: Case, one: Defined, *, old: bool) -> list[str]:
    """The names of parameters: those bound in the signature, or what looks like them."""
    outline = case.outline_before if old else case.outline
    assert outline is not None
    if outline.names is not None:
        opening = next(
            (
                leaf.start
                for leaf in case.tokens(one.head, "code", old=old)
                if (case.before if old else case.after)[leaf.start] == "("
                and (case.before if old else case.after)[one.span.start] != "@"
            ),
            one.head.start,
        )
        names = [
            named.name
            for named in outline.names
            if named.is_bound
            and opening <= named.start < one.head.end
            and named.name not in ("self", "cls")
        ]
        if opening == one.head.start and one.name in names:
            names.remove(one.name)  # its own; a parameter may be called so too
        return names
    texts = case.texts(case.tokens(one.head, "code", "annotation", old=old), old=old)
    return unbound.parameters(outline.language, texts, one.name)
