"""A policy in words: what `indoors policy show` and `explain` print. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from indoors_server.policy.decision import Policy
from indoors_server.policy.layers import GRANTING, Layer
from indoors_server.policy.table import TABLE, Key

_RULES = {
    "lowest": "the smallest value counts",
    "any": "true if any layer says so",
    "all": "true only if no layer says false",
    "union": "the entries of all layers count",
    "common": "only what every list has counts",
}


def value_text(value: object) -> str:
    """A value as one line of JSON."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def rule_text(key: Key) -> str:
    """How layers combine, in words."""
    if not key.granted:
        return _RULES[key.merge]
    return _RULES[key.merge] + "; only the machine and the user can go beyond the default"


def overview(policy: Policy) -> list[str]:
    """One line per key, with who decided; then one per problem."""
    width = max(len(key.name) for key in TABLE)
    lines = []
    for key in TABLE:
        value, origin = policy.values[key.name], policy.origin(key.name)
        shown = value_text(value)
        if isinstance(value, tuple) and len(shown) > 60:
            shown = f"{len(value)} entries (indoors policy explain {key.name})"
        lines.append(f"{key.name:<{width}}  {shown}  ({origin.title})")
    return lines + [f"{problem.severity}: {problem}" for problem in policy.problems]


def one_key(key: Key, policy: Policy, layers: Iterable[Layer]) -> list[str]:
    """What every layer says about a key, what counts and why."""
    value = policy.values[key.name]
    lines = [key.text, f"Layers: {rule_text(key)}.", ""]
    gives_way = key.granted and any(
        key.name in layer.values for layer in layers if layer.name in GRANTING
    )
    default = value_text(key.default)
    lines.append(f"  built in: {default}" + (" (gives way)" if gives_way else ""))
    for layer in layers:
        said = value_text(layer.values[key.name]) if key.name in layer.values else "not set"
        lines.append(f"  {layer.title}: {said}" + (" (INVALID)" if layer.is_invalid else ""))
    counts = f"{len(value)} entries" if isinstance(value, tuple) else value_text(value)
    lines += ["", f"{key.name} = {counts}, decided by: {policy.origin(key.name).title}"]
    if isinstance(value, tuple):
        lines += [f"  {item}  ({policy.origin(key.name, item).title})" for item in value]
    lines += [f"{p.severity}: {p}" for p in policy.problems if p.key in ("", key.name)]
    return lines
