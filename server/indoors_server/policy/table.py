"""Every key of a policy, once: decoding, merging, the JSON Schema and the page are made from this.

How layers combine is part of a key. Every way is commutative, associative and idempotent, and none
can give more than any value that goes in; `tests/server/policy` tries that on random layers.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Mode = Literal["off", "local", "onprem", "closed"]
MODES: tuple[Mode, ...] = ("off", "local", "onprem", "closed")

# What a value is:
#   mode     one of MODES          switch    true or false      number  0 or more
#   patterns deny patterns         hosts     destinations       names   licences
Kind = Literal["mode", "switch", "number", "patterns", "hosts", "names"]

# How values combine:
#   lowest  the smallest (of modes: the first in MODES)
#   any     true if one is                  all     true if all are
#   union   what any list has               common  what every list has
Merge = Literal["lowest", "any", "all", "union", "common"]

MAX_ITEMS = 500
MAX_ITEM_CHARACTERS = 300
MAX_NUMBER = 2**53 - 1  # beyond it, JSON readers disagree about whole numbers

# What nobody wants in a prompt: keys, passwords, tokens. Always denied; layers add to it.
BUILT_IN_DENIES: tuple[str, ...] = (
    ".env*",
    "*.env",
    "secrets/",
    ".secrets/",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".ssh/",
    ".gnupg/",
    ".aws/",
    ".kube/",
    "**/.docker/config.json",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key: its name in files and in `Policy`, what it takes, and how layers combine.

    `default` counts where no layer sets the key. With `granted` it stands for "nobody allowed
    more" and gives way to what the machine or user layers say; without, it combines like a layer.
    """

    name: str
    kind: Kind
    default: Any
    merge: Merge
    granted: bool = False
    text: str


TABLE: tuple[Key, ...] = (
    Key(
        name="mode",
        kind="mode",
        default="local",
        merge="lowest",
        granted=True,
        text="How far code may go. `off`: nothing is completed or indexed. `local`: nowhere, the "
        "model runs on this machine. `onprem`: to the engines in `onprem_hosts` too. `closed`: "
        "also to the APIs in `closed_hosts`, for a refactoring that a person asked for and never "
        "for inline completion.",
    ),
    Key(
        name="strict",
        kind="switch",
        default=False,
        merge="any",
        text="Run only where the lock-down is proven, and refuse models whose file is not known to "
        "be the publisher's.",
    ),
    Key(
        name="complete",
        kind="switch",
        default=True,
        merge="all",
        text="Complete at all.",
    ),
    Key(
        name="index",
        kind="switch",
        default=True,
        merge="all",
        text="Index workspaces.",
    ),
    Key(
        name="deny_paths",
        kind="patterns",
        default=BUILT_IN_DENIES,
        merge="union",
        text="Files that are not completed, in no prompt and never sent.",
    ),
    Key(
        name="onprem_hosts",
        kind="hosts",
        default=(),
        merge="common",
        granted=True,
        text="Engines of your own. A host that any layer names in `closed_hosts` is none, nor is "
        "one that is known to be an API of others (api.openai.com and its like).",
    ),
    Key(
        name="closed_hosts",
        kind="hosts",
        default=(),
        merge="common",
        granted=True,
        text="APIs of others.",
    ),
    Key(
        name="closed_monthly_requests",
        kind="number",
        default=1_000,
        merge="lowest",
        granted=True,
        text="The most requests that go to `closed_hosts` in a calendar month.",
    ),
    Key(
        name="closed_monthly_bytes",
        kind="number",
        default=20_000_000,
        merge="lowest",
        granted=True,
        text="The most bytes that go to `closed_hosts` in a calendar month.",
    ),
    Key(
        name="allow_unverified_models",
        kind="switch",
        default=True,
        merge="all",
        text="Use models whose file is not known to be the publisher's.",
    ),
    Key(
        name="forbidden_licences",
        kind="names",
        default=(),
        merge="union",
        text="Licences (SPDX identifiers) whose models are not used; `restricted` stands for "
        "those with conditions that a person must accept.",
    ),
)

BY_NAME: dict[str, Key] = {key.name: key for key in TABLE}


def combine(key: Key, values: list[Any]) -> Any:  # noqa: ANN401 - any key's value
    """The value that allows only what each of `values` (one at least) allows."""
    if key.merge == "lowest":
        return min(values, key=MODES.index if key.kind == "mode" else None)
    if key.merge == "any":
        return any(values)
    if key.merge == "all":
        return all(values)
    if key.merge == "union":
        return tuple(sorted(set().union(*values)))
    return tuple(sorted(set(values[0]).intersection(*values[1:])))


def is_within(key: Key, value: Any, limit: Any) -> bool:  # noqa: ANN401 - any key's value
    """Whether `value` allows nothing that `limit` does not."""
    return bool(combine(key, [value, limit]) == combine(key, [value]))
