"""Completion menus and ghost text live together, in real Neovims.

Neovim's own menu is real. blink.cmp and nvim-cmp are on no package index that tests may use: what
stands for them here has the functions and events that their documentation names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

BLINK = """
    package.loaded['blink.cmp'] = { is_menu_visible = function() return is_open end }
    function menu(open)
      is_open = open
      local pattern = open and 'BlinkCmpMenuOpen' or 'BlinkCmpMenuClose'
      vim.api.nvim_exec_autocmds('User', { pattern = pattern })
    end
"""
CMP = """
    local told = {}
    package.loaded.cmp = {
      visible = function() return is_open end,
      event = { on = function(_, name, run) told[name] = run end },
    }
    function menu(open)
      is_open = open
      told[open and 'menu_opened' or 'menu_closed']()
    end
"""


def type_with_menu(scripted: Scripted) -> None:
    nvim = scripted.nvim
    nvim.lua("vim.o.completeopt = 'menuone,noinsert'")
    nvim.type("ivalue<CR>va")
    scripted.wait_ghost("lue = 1")
    nvim.type("<C-x><C-n>")
    nvim.wait(lambda: nvim.lua("return vim.fn.pumvisible()") == 1, "the menu", 5)


def test_ghost_text_is_hidden_while_the_menu_is_open_and_then_comes_back(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1", "valid = 2"])
    type_with_menu(scripted)
    scripted.wait_ghost("")
    assert not nvim.lua("return require('indoors').is_visible()"), "<Tab> belongs to the menu"
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    nvim.type("l")
    scripted.settle()
    assert scripted.ghost() == ""
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked, "nothing is computed"
    nvim.type("<C-e>")
    scripted.wait_ghost("ue = 1")
    assert nvim.lines()[-1] == "val"


def test_ghost_text_stays_beside_the_menu_where_a_person_wants_that(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py", popup="show")
    scripted.tell(items=["value = 1"])
    type_with_menu(scripted)
    scripted.settle()
    assert scripted.ghost() == "lue = 1"
    nvim.type("l")
    scripted.wait_ghost("ue = 1")
    assert nvim.lua("return vim.fn.pumvisible()") == 1
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[-1] == "value = 1", "the accepted text", 5)


@pytest.mark.parametrize("plugin", [BLINK, CMP], ids=["blink", "cmp"])
def test_menus_of_plugins_are_seen(scripted: Scripted, workspace: Path, plugin: str) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua(plugin)
    scripted.tell(items=["value = 1"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    nvim.lua("menu(true)")
    scripted.wait_ghost("")
    nvim.type("l")
    scripted.settle()
    assert scripted.ghost() == ""
    nvim.lua("menu(false)")
    scripted.wait_ghost("ue = 1")


def test_a_plugin_that_changed_is_taken_for_closed(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua("package.loaded['blink.cmp'] = { is_menu_visible = function() error('x') end }")
    each.nvim.lua("package.loaded.cmp = {}")
    each.tell(items=["value = 1"])
    each.nvim.type("iva")
    each.wait_ghost("lue = 1")
