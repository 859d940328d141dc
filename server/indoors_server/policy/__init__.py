"""What Indoors may do: layers of JSON, merged to the most restrictive, asked for verdicts.

    table      every key once: type, default, how layers combine
    hosts      destinations in one spelling            layers    strict decoding of one layer
    files      reading them; tamper checks             explain   text for people
    decision   `Policy`, `merge` and the verdicts      guard     hot tightening
    pages      the JSON Schema and the page          operators  hosts known to be closed
    whole_paths  where a workspace folder lies itself

Which paths a pattern names is in `indoors_indexing.denies`, because the index asks it too. Only
`files` does IO. docs/policy.md is for administrators.
"""

from __future__ import annotations

from pathlib import Path

from indoors_server.policy.decision import Policy, merge
from indoors_server.policy.files import (
    MachinePlace,
    editor_layer,
    machine_layers,
    user_layer,
    workspace_layer,
)
from indoors_server.policy.layers import Layer

__all__ = ["load", "load_layers"]


def load_layers(
    folder: Path | None = None,
    editor: object = None,
    *,
    machine: MachinePlace | None = None,
    user: Path | None = None,
) -> tuple[Layer, ...]:
    """The layers for a workspace folder (None: no folder) and an editor's settings. Never raises.

    `machine` and `user` are other places than this system's, for tests.
    """
    workspace = () if folder is None else (workspace_layer(folder),)
    return (*machine_layers(machine), user_layer(user), *workspace, editor_layer(editor))


def load(
    folder: Path | None = None,
    editor: object = None,
    *,
    machine: MachinePlace | None = None,
    user: Path | None = None,
) -> Policy:
    """The policy for a workspace folder: `merge` of its `load_layers`. Never raises."""
    return merge(load_layers(folder, editor, machine=machine, user=user))
