"""Expressions, read backwards from where they end: `a.b(c)[0].d` as the names it leads over."""

from __future__ import annotations

import re

import msgspec

from indoors_indexing.scan_rules import ScanRules

# How far back an expression and a call's open bracket are looked for.
_MAX_CHARS = 4000
_MAX_LINKS = 12
_MAX_NAME = 100
_MAX_BEFORE_CALL = 600
_NO_VALUES = ("return", "await", "in", "and", "or", "not", "if")
_NAME = re.compile(r"[@$#]?[^\W\d][\w$]*[!?]?\Z")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_BRACKETS = re.compile(r"[()\[\]{},;]")
_GENERIC = re.compile(r"(?:::)?<[\w\s,.:<>\[\]&'?|]{0,120}>\Z")
# With the receiver of a method in Go.
_DEFINES = re.compile(
    r"\b(?:def|func|fn|fun|function|class|sub|macro)\b(?:\s*\([^()]*\))?[^()=]*\Z"
)
_AWAIT = re.compile(r"\s*(?:await|new|yield|try[?!]?|&mut|&|\*)\s*")


class Link(msgspec.Struct, frozen=True):
    """One step of an expression: a name, whether it is called, and whether an item is taken."""

    name: str
    called: bool = False
    indexed: bool = False


Chain = tuple[Link, ...]


class Call(msgspec.Struct, frozen=True):
    """A call whose arguments are being written: what is called, and how many commas came so far.

    `literal` says that it is not a call but a value of a type: `Point{x: `.
    """

    chain: Chain
    n_arguments: int
    literal: bool = False


class Receiver(msgspec.Struct, frozen=True):
    """The expression before the member that is being written, and what of its name is there."""

    chain: Chain
    partial: str


def receiver_at(text: str, rules: ScanRules) -> Receiver | None:
    """What stands before the last `.` (or `->`, `::`) if a member's name is being written there.

    `text` is masked, and ends at the cursor.
    """
    text = text[-_MAX_CHARS:]
    partial = partial_at(text)
    mark = _mark(text[: len(text) - len(partial)], rules)
    if mark is None:
        return None
    chain = chain_at(text[:mark], rules)
    return Receiver(chain, partial) if chain else None


def partial_at(text: str) -> str:
    """The part of a name that stands before the cursor."""
    match = re.search(r"[$@]?[^\W\d][\w$]*\Z", text[-200:])
    return match[0] if match else ""


def chain_at(text: str, rules: ScanRules, depth: int = 0) -> Chain:
    """The expression that ends where `text` does; () if it is none of names."""
    links: list[Link] = []
    text = text[-_MAX_CHARS:].rstrip()
    while len(links) < _MAX_LINKS:
        called = indexed = False
        while text and text[-1] in ")]?!>":
            last = text[-1]
            if last in "?!":
                text = text[:-1].rstrip()
            elif last == ">":
                match = _GENERIC.search(text)
                if match is None:
                    return ()
                text = text[: match.start()]
            else:
                opening = _opening(text)
                if opening is None:
                    return ()
                before = text[:opening].rstrip()
                if last == ")" and not _ends_in_value(before):
                    # Brackets around an expression: what it is inside.
                    inner = _AWAIT.sub("", text[opening + 1 : -1], count=1)
                    group = chain_at(inner, rules, depth + 1) if depth < 2 else ()
                    return (*group, *reversed(links)) if group else ()
                called, indexed = called or last == ")", indexed or last == "]"
                text = before
        name = _last_name(text)
        if not name:
            return ()
        links.append(Link(name.rstrip("!?"), called, indexed))
        text = text[: len(text) - len(name)]
        mark = _mark(text, rules)
        if mark is None:
            break
        text = text[:mark].rstrip()
    return tuple(reversed(links))


def calls_at(text: str, rules: ScanRules, limit: int = 2) -> tuple[Call, ...]:
    """The calls that the end of `text` stands in, innermost first."""
    text = text[-_MAX_CHARS:]
    found: list[Call] = []
    closed: list[str] = []
    n_commas = 0
    brackets = _BRACKETS.findall(text)
    # Where they stand; most are closed again, and of those it is not asked.
    places: list[int] = []
    for number in range(len(brackets) - 1, -1, -1):
        character = brackets[number]
        if character in _CLOSING:
            closed.append(_PAIRS[character])
        elif character == ",":
            n_commas += not closed
        elif character == ";":
            if not closed:
                break
        elif closed:
            if closed.pop() != character:
                break
        else:
            places = places or [match.start() for match in _BRACKETS.finditer(text)]
            at = places[number]
            before = text[max(0, at - _MAX_BEFORE_CALL) : at].rstrip()
            if character == "(":
                chain = chain_at(before, rules)
                if chain and chain[-1].name not in rules.keywords and not _defines(before):
                    found.append(Call(chain, n_commas))
            elif character == "{":
                chain = chain_at(before, rules)
                inside_call = before[-1:] in ("(", ",", "[", ":")
                if chain and chain[-1].name[:1].isupper() and _is_literal(before):
                    found.append(Call(chain, n_commas, literal=True))
                elif not inside_call:
                    break
            n_commas = 0
            if len(found) >= limit:
                break
    return tuple(found)


def _mark(text: str, rules: ScanRules) -> int | None:
    match = rules.members.search(text[-200:])
    return None if match is None else len(text) - (min(len(text), 200) - match.start())


def _ends_in_value(text: str) -> bool:
    """Whether a bracket behind this is a call's, and not one around an expression."""
    if text[-1:] in (")", "]", ">", "!", "?"):
        return True
    return _last_name(text) not in ("", *_NO_VALUES)


def _last_name(text: str) -> str:
    match = _NAME.search(text[-_MAX_NAME:])
    return match[0] if match else ""


def _opening(text: str) -> int | None:
    """Where the bracket opens that the last character closes."""
    closed: list[str] = []
    for at in range(len(text) - 1, -1, -1):
        character = text[at]
        if character in _CLOSING:
            closed.append(_PAIRS[character])
        elif character in _OPENING:
            if closed.pop() != character:
                return None
            if not closed:
                return at
    return None


def _defines(before: str) -> bool:
    """Whether what is called is rather being defined: its brackets hold parameters."""
    return _DEFINES.search(before[before.rfind("\n") + 1 :]) is not None


def _is_literal(before: str) -> bool:
    """Whether a brace behind a name begins a value: no block's header goes before it."""
    line = before[before.rfind("\n") + 1 :]
    return not re.search(
        r"\b(?:class|struct|interface|impl|trait|enum|for|if|while|match|switch|func|fn|object)\b"
        r"|\)\s*[\w.*\[\]]*\Z|->",
        line,
    )
