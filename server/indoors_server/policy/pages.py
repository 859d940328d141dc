"""docs/policy.schema.json and docs/policy.md, made from the table.

`python -I -m indoors_server.policy.pages schema` (or `page`) prints one; a test fails if the file
differs.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from indoors_indexing.denies import MAX_PATTERN_CHARACTERS
from indoors_server.policy import hosts
from indoors_server.policy.explain import rule_text, value_text
from indoors_server.policy.table import (
    BUILT_IN_DENIES,
    MAX_ITEM_CHARACTERS,
    MAX_ITEMS,
    MAX_NUMBER,
    MODES,
    TABLE,
    Key,
)

_HEAD = """\
# Policy: what Indoors may do on this machine

<!-- Generated from server/indoors_server/policy/pages.py; do not edit. -->

For administrators, and for anyone who wants to rule something out. Without any policy the mode is
`local`: the model runs on this machine and code goes nowhere.

A policy is a JSON object with the keys below ([JSON Schema](policy.schema.json)):

```json
{ "mode": "onprem", "onprem_hosts": ["https://models.example:8443"], "deny_paths": ["contracts/"] }
```

## Layers

| layer | where | may grant |
|---|---|---|
| machine | Linux: `/etc/indoors/policy.json`, `/etc/indoors/policy.d/*.json` | yes |
| | macOS: the same names in `/Library/Application Support/Indoors/` | |
| | Windows: the same names in `%ProgramData%\\Indoors\\` (the folder that the registry names) | |
| user | `policy.json` beside the user's `config.json` ([configuration](configuration.md)) | yes |
| workspace | the object `policy` in `.indoors.json` | no |
| editor | `policy` in the editor's settings | no |

All layers apply at once, and **the most restrictive wins**. No layer can give back what another
takes, in whatever order they are read. What goes beyond the defaults (`mode`, hosts, monthly
limits) must be granted by the machine or the user, and neither can grant more than the other
allows where it speaks: `"closed_hosts": []` in a machine's policy rules out every host that a user
might add. A repository and an editor's settings can only narrow, because a server
cannot tell a person's setting from one that came with a repository; what they ask for in vain is
reported with the command that a person may run instead.

What gets narrower counts for the next request, whoever wrote it: files are looked at each time.
What gets wider needs a restart of the server.

The built-in patterns of `deny_paths` are asked about the whole path as well: a folder like `~/.aws`
or `secrets/` that is opened by itself stays denied. What a layer adds is about a workspace's paths.

**In this version** the server and the commands `complete`, `index` and `search` obey all keys that
are about this machine: a denied file is not completed, stands in no prompt and in no index (where
a policy gets narrower, the index is made anew); `strict` keeps processes from running where the
lock-down is not proven, and keeps models from being loaded that are not known to be their
publisher's. What is refused stands in the [audit log](audit.md), once per file, reason and session.
Beyond `local`, a mode and a host only allow: code goes to an engine of your own where rules name it
too ([teams](teams.md)), and to an API of others only edit by edit, behind a preview
([closed APIs](closed.md)). The gateway, the one process with a network, reads the policies of the
machine and the user itself before each request. Keep the configuration apart from cache and state,
where our processes write.
[Privacy](privacy.md) says what the kernel enforces.

## Files that cannot be used

Strict JSON in UTF-8, 256 KiB at most. A key twice, an unknown key, a wrong type, NaN or anything
after the object makes a file invalid; what could be read of it still narrows, and you are told:

| what | then |
|---|---|
| machine file invalid, unreadable or **tampered** | mode `local` at most, and `strict` |
| user file invalid, of another user, or writable by everybody | mode `local` at most |
| `.indoors.json` or editor settings invalid | mode `local` at most in that workspace or editor |

A machine's file is tampered if it, or any folder from `/` down to it, is not owned by root, can be
written by group or others, or is a symbolic link. Nothing in it is used then. Users must be able
to read it: `chmod 644`, folders `755`. On Windows ownership is not checked, and neither Windows
nor macOS has been tried: treat a policy there as a default, not as a barrier.

## Commands

```
indoors policy show             what counts, who decided, and what is wrong
indoors policy explain KEY      what every layer says about one key
indoors policy check FILE       check a file before you install it (exit status 1 if it is bad)
indoors policy mode MODE        set the mode in your own policy; asks before it widens
indoors policy allow HOST       allow an engine of your own (--closed: an API of others)
```

## Keys
"""

_TAIL = f"""
Hosts are exact: scheme, host and port, no wildcard, no path; `http` only for this machine.

Patterns are those of `.gitignore` without `!`, compared without regard to case: a name or `*.name`
matches at any depth, `name/` only folders, `/` in the middle or in front counts from the top of the
workspace, `**` is any number of folders. Paths are compared as text, with links followed first.

Always in `deny_paths`: {", ".join(f"`{p}`" for p in BUILT_IN_DENIES)}.
"""


def schema() -> str:
    """The text of docs/policy.schema.json."""
    properties: dict[str, Any] = {"$schema": {"type": "string"}}
    for key in TABLE:
        properties[key.name] = _type(key) | {"description": f"{key.text} Layers: {rule_text(key)}."}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Indoors policy",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(whole, indent=2) + "\n"


def page() -> str:
    """The text of docs/policy.md."""
    rows = ["| key | default | what it does | layers |", "|---|---|---|---|"]
    for key in TABLE:
        long = key.kind == "patterns"
        default = "see below" if long else f"`{value_text(key.default)}`"
        rows.append(f"| `{key.name}` | {default} | {key.text} | {rule_text(key)} |")
    return f"{_HEAD}\n" + "\n".join(rows) + "\n" + _TAIL


def _type(key: Key) -> dict[str, Any]:
    if key.kind == "mode":
        return {"enum": list(MODES)}
    if key.kind == "switch":
        return {"type": "boolean"}
    if key.kind == "number":
        return {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
    item: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_ITEM_CHARACTERS}
    if key.kind == "patterns":
        # What `denies.check` can say in a regular expression: no negation, no backslash.
        item |= {"maxLength": MAX_PATTERN_CHARACTERS, "pattern": r"^[^!\\][^\\]*$"}
    if key.kind == "hosts":
        item |= {"pattern": hosts.ADDRESS}
    return {"type": "array", "items": item, "maxItems": MAX_ITEMS}


if __name__ == "__main__":
    print(schema() if sys.argv[1:] == ["schema"] else page(), end="")  # noqa: T201 - prints a page
