"""Layers of policies: random ones, and what a policy allows as a set that can be compared."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from indoors_server.policy.decision import Policy
from indoors_server.policy.files import MachinePlace
from indoors_server.policy.layers import Layer, LayerName, from_value
from indoors_server.policy.table import MODES

A, B, C = "https://a.example:443", "https://b.example:8443", "http://localhost:8080"
PATHS = ("src/a.py", ".env", "deploy/x.pem", "secrets/k", "contracts/a.md", "a/b/private/c", "../x")
PATTERNS = ("contracts/", "*.md", "/src", "a/**/private", "*.PY")
LIMITS = (0, 1, 50, 1_000, 20_000_000, 10**9)
MODELS = ((True, "MIT"), (False, ""), (True, "Apache-2.0"), (True, "GPL-3.0 OR MIT"))

_HOST_LISTS = [[], [A], [B], [C], [A, B], [A, C], [A, B, C], [A, "https://*"]]
_CHOICES: dict[str, list[Any]] = {
    "mode": [*MODES, "shut"],
    "strict": [False, True],
    "complete": [True, False, "no"],
    "index": [True, False],
    "deny_paths": [[], *([p] for p in PATTERNS), [*PATTERNS[:2]], ["!a", "*.md"]],
    "onprem_hosts": _HOST_LISTS,
    "closed_hosts": _HOST_LISTS,
    "closed_monthly_requests": [*LIMITS, -1],
    "closed_monthly_bytes": [*LIMITS, 0.5],
    "allow_unverified_models": [True, False],
    "forbidden_licences": [[], ["mit"], ["GPL-3.0"], ["mit", "GPL-3.0"]],
    "unknown": [1],
}


def _document(number: int) -> dict[str, Any]:
    """One of all documents: the digits of `number` choose each key's value, 0 is "not set"."""
    found = {}
    for key, choices in _CHOICES.items():
        number, digit = divmod(number, len(choices) + 1)
        if digit:
            found[key] = choices[digit - 1]
    return found


# One number instead of a draw for each key: many more examples in the same time.
_COUNT = math.prod(len(choices) + 1 for choices in _CHOICES.values())
documents = st.integers(0, _COUNT - 1).map(_document)
orders = st.integers(0, 1_000)


def layer(name: LayerName, document: Any) -> Layer:
    """A layer as its file would give it."""
    return from_value(name, f"{name}.json", document)


def layers(*names: LayerName) -> st.SearchStrategy[Layer]:
    """Random layers of these names."""
    numbers = st.integers(0, _COUNT * len(names) - 1)
    return numbers.map(lambda n: layer(names[n % len(names)], _document(n // len(names))))


def shuffled(stack: list[Layer], order: int) -> list[Layer]:
    """The layers in an order that `order` determines."""
    return random.Random(order).sample(stack, len(stack))


def allowed(policy: Policy) -> frozenset[tuple[Any, ...]]:
    """All that a policy allows, of a sample: what its verdicts and its values say."""
    found: set[tuple[Any, ...]] = {("mode", n) for n in range(MODES.index(policy.mode) + 1)}
    for path in PATHS:
        found |= {("index", path)} if policy.may_index(path) else set()
        found |= {("complete", path)} if policy.may_complete(path) else set()
        for host in (A, B, C, "https://d.example"):
            for kind in ("inline", "refactor"):
                if policy.may_send(path, host, kind):
                    found.add(("send", path, host, kind))
    for verified, licence in MODELS:
        if policy.may_use_model(verified=verified, licence=licence):
            found.add(("model", verified, licence))
    for name in ("closed_monthly_requests", "closed_monthly_bytes"):
        found |= {(name, limit) for limit in LIMITS if limit <= getattr(policy, name)}
    found |= {("host", host) for host in (*policy.onprem_hosts, *policy.closed_hosts)}
    found |= {("open", pattern) for pattern in PATTERNS if pattern not in policy.deny_paths}
    return frozenset(found | ({("not strict",)} if not policy.strict else set()))


def place_in(folder: Path) -> MachinePlace:
    """A machine's place below `folder`, for whoever runs the tests; the directory is made."""
    directory = folder / "etc" / "indoors"
    directory.mkdir(mode=0o755, parents=True)
    for each in (folder, folder / "etc", directory):
        each.chmod(0o755)
    return MachinePlace(directory=directory, owner=os.geteuid(), top=folder)
