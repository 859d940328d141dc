"""Which engine answers: an ordered list of rules, the first that fits. Pure, and explained.

    [{"use": "local", "kinds": ["completion"], "maxLatencyMs": 400}, {"use": ["gpu-a", "gpu-b"]}]

Rules choose among what the policy allows, and allow nothing. They are read before anything is asked
and never again for the same request, so that a failure goes nowhere: where the chosen engine does
not answer there is no answer. Servers in one rule may stand in for each other, and `local` as the
last of them is chosen where all of them are known to be down; never the other way round. A rule
that cannot be used is skipped with its reason, and then no rule counts that reaches further out
than it does. Without a rule that fits, the engine on this machine answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from indoors_server.language_ids import named

Kind = Literal["completion", "refactor"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Where = Literal["none", "local", "onprem", "closed"]
_REACH: dict[Where, int] = {"none": 0, "local": 0, "onprem": 1, "closed": 2}
LOCAL, NONE = "local", "none"
# What code has, on average, where only the order of magnitude matters.
_CHARACTERS_A_TOKEN = 3

_Name = Annotated[str, Meta(min_length=1, max_length=40)]
_Names = Annotated[list[_Name], Meta(min_length=1, max_length=16)]
_Languages = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=64)]
_Count = Annotated[int, Meta(ge=0, le=10_000_000)]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One rule of `engines.rules`. What it does not say does not matter.

    `context tokens` are those of the whole document, by estimate. `max_latency_ms` bounds how long
    the first text took lately; where nobody knows it fits, so that it becomes known.
    """

    use: _Name | _Names
    kinds: list[Kind] = []
    languages: _Languages = []
    min_context_tokens: _Count = 0
    max_context_tokens: _Count = 0
    max_latency_ms: Annotated[float, Meta(ge=0, le=600_000)] = 0

    def __post_init__(self) -> None:
        if NONE in self.names and len(self.names) > 1:
            raise ValueError("none stands alone")
        if LOCAL in self.names[:-1]:
            raise ValueError("local comes last: what fails here never goes elsewhere")
        if len(set(self.names)) < len(self.names):
            raise ValueError("a name stands there twice")

    @property
    def names(self) -> list[str]:
        """The engines in the order in which they are written."""
        return [self.use] if isinstance(self.use, str) else list(self.use)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    kind: Kind
    language: str
    n_characters: int

    @property
    def n_tokens(self) -> int:
        """The size of the document, by estimate."""
        return self.n_characters // _CHARACTERS_A_TOKEN


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the router may ask of the rest: `where` an endpoint is (None: there is none of this
    name), why it `cannot` do what is asked for at all ("" if it can), why the policy `refuses` it
    for this request ("" if it does not), why it is `down` now ("" if it is not, or nobody knows),
    and how long engines took lately with such a request.
    """

    where: Callable[[str], Where | None]
    cannot: Callable[[str, Kind], str]
    refuses: Callable[[str, Kind], str]
    down: Callable[[str], str]
    latency_ms: Callable[[Sequence[str], Kind], float | None]


class Step(msgspec.Struct, frozen=True):
    """What became of one rule, by its number from 1; 0 stands for what counts without rules."""

    number: int
    use: str
    decision: Literal["used", "does not fit", "skipped"]
    reason: str = ""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What answers: the engines named `use` (elsewhere), the local one, or none, and why."""

    where: Where
    use: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def reason(self) -> str:
        """Why this and nothing else, in one line."""
        if not self.steps:
            return "no rule fits"
        *passed, last = self.steps
        by_rule = f"rule {last.number}" if last.number else "no rule fits"
        if last.number and last.reason:
            by_rule += f" ({last.reason})"
        others = [f"rule {one.number} {one.decision}: {one.reason}" for one in passed]
        return "; ".join([by_rule, *others])


def needs_local(rules: Sequence[Rule], usable: Mapping[Kind, Collection[str]]) -> bool:
    """Whether some request may be the engine's on this machine, if those named `usable` for its
    kind and no other may be asked. A rule that says more than kinds may not fit.
    """
    return any(_may_reach_local(rules, kind, usable[kind]) for kind in KINDS)


def _may_reach_local(rules: Sequence[Rule], kind: Kind, usable: Collection[str]) -> bool:
    for rule in rules:
        if rule.kinds and kind not in rule.kinds:
            continue
        if LOCAL in rule.names:
            return True
        always = msgspec.structs.replace(rule, use=NONE, kinds=[]) == Rule(use=NONE)
        if always and (NONE in rule.names or any(name in usable for name in rule.names)):
            return False
    return True


def choose(rules: Sequence[Rule], asked: Asked, known: Known) -> Route:
    """The first rule that fits and may be used."""
    steps: list[Step] = []
    reach = max(_REACH.values())
    for number, rule in enumerate(rules, 1):
        shown = ", ".join(rule.names)
        names, cannot = _able(rule, asked, known)
        if misfit := _misfit(rule, names, asked, known) or ("" if names else cannot):
            steps.append(Step(number, shown, "does not fit", misfit))
            continue
        # An unknown name may have meant anything: as far as this goes nothing leaves.
        is_known = all(_where_is(name, known) is not None for name in names)
        if _reach(names, known) > reach:
            why = "a rule before it could not be used, and this one reaches further out"
            steps.append(Step(number, shown, "skipped", why))
            reach = reach if is_known else 0
            continue
        usable, why = _usable(names, asked, known)
        why = "; ".join(part for part in (cannot, why) if part)
        if usable:
            steps.append(Step(number, shown, "used", why))
            return Route(where=_where_of(usable, known), use=_elsewhere(usable), steps=tuple(steps))
        steps.append(Step(number, shown, "skipped", why))
        reach = min(reach, _reach(names, known) if is_known else 0)
    steps.append(Step(0, LOCAL, "used", "no rule fits"))
    return Route(where="local", steps=tuple(steps))


def _able(rule: Rule, asked: Asked, known: Known) -> tuple[list[str], str]:
    """The engines of a rule that can do what is asked for, and why the others cannot."""
    reasons = {name: known.cannot(name, asked.kind) for name in rule.names}
    able = [name for name in rule.names if not reasons[name]]
    return able, "; ".join(filter(None, reasons.values()))


def _misfit(rule: Rule, names: Sequence[str], asked: Asked, known: Known) -> str:
    """Why a rule is not about this request; "" if it is."""
    if rule.kinds and asked.kind not in rule.kinds:
        return f"it is for {', '.join(rule.kinds)}"
    if rule.languages and not named(asked.language, rule.languages):
        return f"it is for {', '.join(rule.languages)}"
    if rule.min_context_tokens and asked.n_tokens < rule.min_context_tokens:
        return f"the document has about {asked.n_tokens} tokens"
    if rule.max_context_tokens and asked.n_tokens > rule.max_context_tokens:
        return f"the document has about {asked.n_tokens} tokens"
    if rule.max_latency_ms:
        took_ms = known.latency_ms(names, asked.kind)
        if took_ms is not None and took_ms > rule.max_latency_ms:
            return f"the first text took {took_ms:.0f} ms lately"
    return ""


def _reach(names: Sequence[str], known: Known) -> int:
    """How far out a rule reaches, by those of its engines that there are."""
    return max((_REACH[_where_is(name, known) or "none"] for name in names), default=0)


def _where_is(name: str, known: Known) -> Where | None:
    if name == LOCAL:
        return "local"
    return "none" if name == NONE else known.where(name)


def _where_of(names: Sequence[str], known: Known) -> Where:
    return _where_is(names[0], known) or "none"


def _elsewhere(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in (LOCAL, NONE))


def _usable(names: Sequence[str], asked: Asked, known: Known) -> tuple[list[str], str]:
    """What of a rule's engines may be used, and why not all of them."""
    usable, reasons = [], []
    for name in names:
        if why := _refusal(name, asked, known):
            reasons.append(why)
        else:
            usable.append(name)
    servers = [name for name in usable if name not in (LOCAL, NONE)]
    if servers and LOCAL in usable:
        # Inwards only, and only on what is known now: nothing is tried first.
        downs = [known.down(name) for name in servers]
        if all(downs):
            return [LOCAL], "; ".join(dict.fromkeys([*reasons, *downs]))
        usable = servers
    return usable, "; ".join(reasons)


def _refusal(name: str, asked: Asked, known: Known) -> str:
    where = _where_is(name, known)
    if where is None:
        return f"engines.json names no {name}"
    if where == "closed":
        # Each request to one needs its own preview and consent.
        return f"{name} is a closed API, which edits only where a person asks for it by its name"
    return known.refuses(name, asked.kind) if where == "onprem" else ""
