"""`:help indoors` is there, complete and up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from indoors_server.settings_table import TABLE
from support.nvim import PLUGIN
from support.nvim_screen import watched
from support.nvim_script import Scripted
from support.pages import block

HELP = PLUGIN / "doc" / "indoors.txt"


def test_the_settings_in_the_help_are_those_of_the_server() -> None:
    """If this fails: python editors/neovim/options.py"""
    check = [sys.executable, str(PLUGIN / "options.py"), "--check"]
    assert subprocess.run(check, check=False).returncode == 0
    text = HELP.read_text()
    assert all(f"*indoors-{setting.key}*" in text for setting in TABLE)


def test_the_help_fits_a_screen() -> None:
    assert [line for line in HELP.read_text().splitlines() if len(line) > 80] == []


@pytest.mark.editor
def test_every_command_function_and_tag_is_there(
    each: Scripted, workspace: Path, tmp_path: Path
) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua("vim.cmd.help('indoors')")
    assert nvim.lua("return vim.fn.expand('%:t')") == "indoors.txt"
    # Neovim makes the same tags of it.
    copy = tmp_path / "doc"
    copy.mkdir()
    (copy / "indoors.txt").write_text(HELP.read_text())
    nvim.lua("vim.cmd.helptags(...)", str(copy))
    tags = (copy / "tags").read_text()
    assert tags == HELP.with_name("tags").read_text()
    for link in re.findall(r"\|(indoors-[\w-]+)\|", HELP.read_text()):
        assert f"\n{link}\t" in f"\n{tags}", link
    written = HELP.read_text()
    commands = nvim.lua("return vim.fn.getcompletion('Indoors ', 'cmdline')")
    assert commands
    assert [name for name in commands if f"Indoors {name}" not in written] == []
    functions = nvim.lua("return vim.tbl_keys(require('indoors'))")
    assert [name for name in functions if f"`{name}(" not in written] == []
    for name in re.findall(r"\*<Plug>\(([\w-]+)\)\*", written):
        assert nvim.lua("return vim.fn.maparg(...) ~= ''", f"<Plug>({name})", "i"), name
    options = nvim.lua("return vim.tbl_keys(require('indoors.config').DEFAULTS)")
    assert [name for name in options if f"*indoors-{name}*" not in written] == []


REPORT = """
    vim.diagnostic.config({ virtual_lines = true, signs = false })
    vim.diagnostic.set(vim.api.nvim_create_namespace('linter'), 0, {
      { lnum = 0, col = 0, message = 'it is wrong' },
    })
"""


@pytest.mark.editor
def test_reports_as_lines_can_be_kept_from_a_suggestion(each: Scripted, workspace: Path) -> None:
    """What the help has for it. The lines are Neovim's, and no priority puts them below ours."""
    screen = watched(each.nvim, 60, 12)
    file = workspace / "new.py"
    file.write_text("de\nend = 2\n")
    each.open(file)
    each.tell(items=["def add(a, b):\n    return a + b"])
    each.nvim.lua(REPORT)
    assert any("it is wrong" in line for line in screen.lines()), "the control"
    each.nvim.lua(block(HELP, "local shown = vim.diagnostic"))
    whole = ["def add(a, b):", "    return a + b", "end = 2"]
    for leave in ("<Esc>", "<C-c>"):
        each.nvim.type("A")
        each.nvim.wait(lambda: screen.lines()[:3] == whole, "the whole suggestion", 10)
        each.nvim.type(leave)
        each.nvim.wait(lambda: "it is wrong" in screen.lines()[1], "the report", 10)
