"""Completion menus and ghost text live together, in real Neovims.

Neovim's own menu is real. blink.cmp and nvim-cmp are on no package index that tests may use: what
stands for them here does what their sources do where we meet them. blink.cmp opens its window, then
tells; it maps keys in the buffer, to a function that tries one command after the other. nvim-cmp
tells that its menu closed after every key that has no entries, also where it was not open, and its
`visible()` first waits for a filter that runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from editors.conftest import opened
from support.nvim import PLUGIN
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]


@pytest.fixture(params=["0.11", "0.12"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


BLINK = """
    local is_open = false
    local cmp = { is_menu_visible = function() return is_open end }
    package.loaded['blink.cmp'] = cmp
    function menu(open)
      if open == is_open then return end
      is_open = open
      local pattern = open and 'BlinkCmpMenuOpen' or 'BlinkCmpMenuClose'
      vim.api.nvim_exec_autocmds('User', { pattern = pattern, modeline = false, data = {} })
    end
    function cmp.snippet_forward() return false end
    function cmp.select_and_accept()
      if not is_open then return false end
      menu(false)
      vim.api.nvim_put({ 'entry' }, 'c', false, true)
      return true
    end
    function keymap(key, commands)
      local function fallback()
        local typed = vim.api.nvim_replace_termcodes(key, true, false, true)
        vim.api.nvim_feedkeys(typed, 'n', false)
      end
      vim.keymap.set('i', key, function()
        for _, command in ipairs(commands) do
          if command == 'fallback' then return fallback() end
          if (type(command) == 'function' and command or cmp[command])(cmp) then return end
        end
      end, { buffer = true })
    end
"""
CMP = """
    local is_open, told, n_asked = false, {}, 0
    local cmp = { event = {} }
    package.loaded.cmp = cmp
    function cmp.event.on(_, name, run)
      told[name] = told[name] or {}
      table.insert(told[name], run)
    end
    function cmp.visible()
      n_asked = n_asked + 1
      return is_open
    end
    function cmp.select_next_item()
      vim.api.nvim_put({ 'entry' }, 'c', false, true)
    end
    function menu(open)
      is_open = open
      for _, run in ipairs(told[open and 'menu_opened' or 'menu_closed'] or {}) do run({}) end
    end
    function times_asked() return n_asked end
    vim.api.nvim_create_autocmd('TextChangedI', { callback = function()
      if not is_open then vim.schedule(function() menu(false) end) end
    end })
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


def test_a_menu_that_was_not_open_and_closes_asks_for_nothing(
    scripted: Scripted, workspace: Path
) -> None:
    """nvim-cmp says so after every key: then the request that runs must not be made again."""
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua(CMP)
    scripted.tell(items=["value = 1"], hold=True)
    for number, key in enumerate(("iv", "a"), start=1):
        nvim.type(key)
        scripted.settle()
        assert len(scripted.log("textDocument/inlineCompletion")) == number
    # What Neovim says of its own menu comes at the same place.
    nvim.lua("require('indoors.ghost').menu_closed()")
    scripted.settle()
    assert len(scripted.log("textDocument/inlineCompletion")) == 2
    assert len(scripted.log("$/cancelRequest")) == 1, "of the key before"
    scripted.send("fake/release")
    scripted.wait_ghost("lue = 1")
    assert nvim.lua("return times_asked()") == 0, "it would wait for a filter that runs"
    # The control: one that was open, and closes, is seen.
    nvim.lua("menu(true)")
    scripted.wait_ghost("")
    nvim.lua("menu(false)")
    scripted.wait_ghost("lue = 1")


def typed_until_shown(scripted: Scripted, workspace: Path, plugin: str) -> None:
    scripted.open(workspace / "new.py")
    scripted.nvim.lua(plugin)
    scripted.nvim.lua("vim.bo.expandtab = false")
    scripted.tell(items=["value = 1"])
    scripted.nvim.type("iva")
    scripted.wait_ghost("lue = 1")


@pytest.mark.parametrize("preset", ["default", "super-tab"])
def test_the_mapping_for_blink(each: Scripted, workspace: Path, preset: str) -> None:
    """As `:help indoors-menus` has it."""
    nvim = each.nvim
    typed_until_shown(each, workspace, BLINK)
    commands = "'select_and_accept', " if preset == "super-tab" else ""
    nvim.lua(
        "keymap('<Tab>', { function() return require('indoors').accept() end,"
        f" {commands}'snippet_forward', 'fallback' }})"
    )
    nvim.lua("menu(true)")
    each.wait_ghost("")
    nvim.type("<Tab>")
    wanted = "vaentry" if commands else "va\t"
    nvim.wait(lambda: nvim.lines() == [wanted], "the menu's own <Tab>", 10)
    nvim.lua("menu(false)")
    nvim.type("<Esc>Sva")
    each.wait_ghost("lue = 1")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1"], "the accepted text", 10)
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1\t"], "a tab where nothing is shown", 10)


def test_the_mapping_for_nvim_cmp(each: Scripted, workspace: Path) -> None:
    """As `:help indoors-menus` has it; `cmp.mapping` makes a mapping of the buffer."""
    nvim = each.nvim
    typed_until_shown(each, workspace, CMP)
    nvim.lua(
        """
        local cmp = package.loaded.cmp
        local typed = vim.api.nvim_replace_termcodes('<Tab>', true, false, true)
        local function fallback() vim.api.nvim_feedkeys(typed, 'n', false) end
        vim.keymap.set('i', '<Tab>', function()
          if cmp.visible() then cmp.select_next_item()
          elseif not require('indoors').accept() then fallback() end
        end, { buffer = true })
        """
    )
    nvim.lua("menu(true)")
    each.wait_ghost("")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["vaentry"], "the menu's own <Tab>", 10)
    nvim.lua("menu(false)")
    nvim.type("<Esc>Sva")
    each.wait_ghost("lue = 1")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1"], "the accepted text", 10)
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1\t"], "a tab where nothing is shown", 10)


def test_a_plugin_manager_that_calls_setup(release: str, workspace: Path, tmp_path: Path) -> None:
    """What lazy.nvim does with `{ dir = …, lazy = false, opts = {} }`: the folder is put on the
    runtime path, its plugin files are sourced, and `setup` of its only module is called.
    """
    with opened(tmp_path, release) as nvim:
        scripted = Scripted(nvim)
        assert [one.name for one in (PLUGIN / "lua").iterdir()] == ["indoors"], "its only module"
        nvim.lua(
            """
            local dir, cmd = ...
            vim.opt.runtimepath:append(dir)
            vim.cmd.source(dir .. '/plugin/indoors.lua')
            require('indoors').setup({ cmd = cmd, ghost = 'own' })
            """,
            str(PLUGIN),
            scripted.command(),
        )
        nvim.lua("vim.cmd.edit(...)", str(workspace / "new.py"))
        scripted.ready()
        scripted.tell(items=["value = 1"])
        nvim.type("iva")
        scripted.wait_ghost("lue = 1")
        assert nvim.lua("return vim.fn.exists(':Indoors')") == 2


def test_a_plugin_manager_that_loads_the_plugin_anew(each: Scripted, workspace: Path) -> None:
    """What lazy.nvim's `:Lazy reload` does: `deactivate`, no module left, all from the start."""
    each.open(workspace / "new.py")
    nvim, client = each.nvim, "return (vim.lsp.get_clients({ name = 'indoors' })[1] or {}).id"
    before = nvim.lua(client)
    nvim.lua(
        """
        require('indoors').deactivate()
        for name in pairs(package.loaded) do
          if vim.split(name, '.', { plain = true })[1] == 'indoors' then
            package.loaded[name] = nil
          end
        end
        vim.g.loaded_indoors = nil
        vim.cmd.source(... .. '/plugin/indoors.lua')
        require('indoors').setup({})
        """,
        str(PLUGIN),
    )
    nvim.wait(lambda: nvim.lua(client) not in (None, before), "another client", 10)
    each.ready()
    each.tell(items=["value = 1"])
    nvim.type("iva")
    each.wait_ghost("lue = 1")
    assert nvim.lua("return require('indoors').accept()")
    nvim.wait(lambda: nvim.lines() == ["value = 1"], "the accepted text", 10)
    assert nvim.lua("return #vim.lsp.get_clients({ name = 'indoors' })") == 1


def test_a_plugin_that_changed_is_taken_for_closed(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua("package.loaded['blink.cmp'] = { is_menu_visible = function() error('x') end }")
    each.nvim.lua("package.loaded.cmp = {}")
    each.tell(items=["value = 1"])
    each.nvim.type("iva")
    each.wait_ghost("lue = 1")
