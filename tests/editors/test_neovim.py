"""A real Neovim starts the real server with the real model, and shows its ghost text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.engines import model_path
from support.nvim import Nvim

PLUGIN = Path(__file__).resolve().parents[2] / "editors" / "neovim"
NAMESPACE = "vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']"

pytestmark = [pytest.mark.editor, pytest.mark.model]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / ".git").mkdir(parents=True)
    (folder / "shapes.py").write_text(
        "import math\n\n\ndef circle_area(radius: float) -> float:\n"
        '    """Area of a circle."""\n    return math.pi * radius**2\n\n\n'
        "def rectangle_area(width: float, height: float) -> float:\n"
        '    """Area of a rectangle."""\n'
    )
    return folder


@pytest.fixture
def nvim(tmp_path: Path) -> Iterator[Nvim]:
    environment = {name: value for name, value in os.environ.items() if name != "NVIM"}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        environment[name] = str(tmp_path / name.lower())
    with Nvim("--cmd", f"set runtimepath^={PLUGIN}", environment=environment) as editor:
        yield editor


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


def start(nvim: Nvim, file: Path) -> None:
    """Open `file` with the plugin enabled and wait until the model is loaded."""
    nvim.lua(
        """
        local python, model, file = ...
        local patient = { deadlineMs = 20000 } -- asked is what comes, not how fast
        local settings = { model = model, completion = patient }
        vim.g.indoors = { python = python, settings = settings }
        statuses = {}
        vim.lsp.handlers["indoors/status"] = function(_, params)
          table.insert(statuses, params.phase)
        end
        vim.lsp.enable("indoors")
        vim.lsp.inline_completion.enable()
        vim.keymap.set("i", "<Tab>", function()
          if not vim.lsp.inline_completion.get() then return "<Tab>" end
        end, { expr = true })
        vim.cmd("filetype indent off") -- what is typed is what is in the buffer
        vim.o.autoindent = false
        vim.cmd.edit(file)
        """,
        sys.executable,
        str(model_path()),
        str(file),
    )
    ready = "return vim.tbl_contains(statuses, 'ready')"
    nvim.wait(lambda: nvim.lua(ready), "the status 'ready'")


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
