"""A real Neovim starts the real server with the real model, and shows its ghost text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.nvim import Nvim, start

NAMESPACE = "vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']"

pytestmark = [pytest.mark.editor, pytest.mark.model]


def ghost(nvim: Nvim) -> list[Any]:
    """The virtual text of the built-in inline completion: first lines of its extmarks."""
    code = f"""
        local shown = {{}}
        local ns = {NAMESPACE}
        if not ns then return shown end
        for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, ns, 0, -1, {{ details = true }})) do
          local text = mark[4].virt_text
          if text then table.insert(shown, text[1][1]) end
        end
        return shown
    """
    return list(nvim.lua(code))


def test_neovim_shows_and_accepts_a_completion(nvim: Nvim, workspace: Path) -> None:
    file = workspace / "shapes.py"
    before = file.read_text()
    start(nvim, file)
    nvim.type("Go    return wid")
    shown = nvim.wait(lambda: ghost(nvim), "ghost text")
    assert shown[0].startswith("th")
    assert nvim.lines()[-1] == "    return wid"
    assert file.read_text() == before, "ghost text never touches the file"
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[-1] != "    return wid", "the accepted text")
    assert "width * height" in nvim.lines()[-1]


def test_neovim_negotiates_positions_beyond_ascii(nvim: Nvim, workspace: Path) -> None:
    file = workspace / "labels.py"
    file.write_text('LABELS = {"名前": "🎉🎉", "größe": 3}\n\n\ndef label_count() -> int:\n')
    start(nvim, file)
    nvim.type('Go    print("🎉 größe"); return len(LAB')
    shown = nvim.wait(lambda: ghost(nvim), "ghost text")
    assert shown[0].startswith("ELS")
    nvim.type("<Tab>")
    nvim.wait(lambda: "LABELS" in nvim.lines()[-1], "the accepted text")
    assert nvim.lines()[-1].startswith('    print("🎉 größe"); return len(LABELS')
