"""The settings of `vim.g.indoors` as the server gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indoors_server import settings
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

# Each means: nothing is set. In Lua an empty section and an empty list are the same.
EMPTY = (
    {},
    {"completion": {}},
    {"completion": {"languages": {"off": []}, "exclude": []}},
    {"completion.exclude": [], "index": {}, "policy": {}},
)
# An empty list in a policy rules everything out.
POLICY = {"deny_paths": ["secrets/**"], "models": []}


def problems(sent: Any) -> list[str]:
    return [str(one) for one in settings.editor_layer(sent).problems]


def test_empty_tables_are_no_mistake(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py", settings={})
    (started,) = each.log("initialize")
    assert started["initializationOptions"]["settings"] == {}
    changed = "vim.g.indoors = { settings = ... }; require('indoors').settings_changed()"
    for empty in EMPTY:
        each.nvim.lua(changed, empty)
    filled = {"completion": {"exclude": ["*.env"], "languages": {}, "maxLines": 3}}
    each.nvim.lua(changed, filled | {"policy": POLICY, "policy.models": []})
    each.settle()
    *sent, last = [
        one["settings"]["indoors"] for one in each.log("workspace/didChangeConfiguration")
    ]
    assert len(sent) == len(EMPTY)
    assert [problems(one) for one in sent] == [[]] * len(EMPTY)
    assert problems([]), "the control"
    assert last == {
        "completion": {"exclude": ["*.env"], "maxLines": 3},
        "policy": POLICY, "policy.models": [],
    }  # fmt: skip


def test_what_is_no_section_is_left_to_the_server_to_say(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua("vim.g.indoors = { settings = 'x' }; require('indoors').settings_changed()")
    each.settle()
    (sent,) = each.log("workspace/didChangeConfiguration")
    assert sent["settings"] == {"indoors": "x"}
    assert problems("x")
