"""The mappings that the pages give to copy: <Tab> takes what is shown, and stays what it was
elsewhere, also in Neovim's own snippets.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim import PLUGIN
from support.nvim_script import Scripted
from support.pages import block

pytestmark = [pytest.mark.editor]

DOCS = PLUGIN.parents[1] / "docs"
HELP = PLUGIN / "doc" / "indoors.txt"
PAGES = (PLUGIN / "README.md", DOCS / "quickstart.md", DOCS / "first-minute-neovim.md", HELP)
# What Neovim maps by itself: `:checkhealth` knows it by this.
NEOVIMS = "vim.snippet.jump if active, otherwise <Tab>"


def mapping(page: Path) -> str:
    """What a page gives to copy for <Tab>."""
    begins = "local function key(" if page == HELP else 'vim.keymap.set("i", "<Tab>"'
    return block(page, begins)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tab_takes_what_is_shown_goes_on_in_a_snippet_and_is_a_tab_elsewhere(
    each: Scripted, workspace: Path, page: Path
) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua("vim.keymap.del('i', '<Tab>'); vim.bo.expandtab = false")
    nvim.lua(mapping(page))
    each.tell(items=["value = 1", "value(one"])
    nvim.type("ivalue ")
    each.wait_ghost("= 1")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1"], "the suggestion", 10)
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1\t"], "a tab", 10)
    nvim.type("<Esc>S")
    nvim.lua("vim.snippet.expand('f($1, $2)$0')")
    nvim.type("a<Tab>b<Tab>c")
    nvim.wait(lambda: nvim.lines() == ["f(a, b)c"], "both places", 10)
    # What is shown is on the screen, and would be gone after the jump; the next place is not.
    nvim.type("<Esc>S")
    nvim.lua("vim.snippet.expand('value($1)$0')")
    nvim.type("on")
    each.wait_ghost("e")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value(one)"], "the suggestion", 10)
    nvim.type("<Tab>;")
    nvim.wait(lambda: nvim.lines() == ["value(one);"], "the end of the snippet", 10)


FAKE_CMP = """
    cmp = {
      visible = function() return false end,
      mapping = setmetatable({ preset = { insert = function(keys) return keys end } }, {
        __call = function(_, run) return run end,
      }),
    }
    local options = { %s }
    vim.keymap.set('i', '<Tab>', function()
      options.mapping['<Tab>'](function() vim.api.nvim_feedkeys('\\t', 'nt', false) end)
    end)
"""


def test_the_mapping_for_nvim_cmp_goes_on_in_a_snippet(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua(FAKE_CMP % block(HELP, "mapping = cmp.mapping.preset"))
    each.nvim.type("i")
    each.nvim.lua("vim.snippet.expand('f($1)$0')")
    each.nvim.type("a<Tab>b")
    each.nvim.wait(lambda: each.nvim.lines() == ["f(a)b"], "the place", 10)


def health(scripted: Scripted) -> str:
    scripted.nvim.lua("vim.cmd('checkhealth indoors')")
    text = "\n".join(scripted.nvim.lines())
    scripted.nvim.lua("vim.cmd.bdelete({ bang = true })")
    return text


TOLD = "no mapping with `indoors` in its description was found"


def test_checkhealth_says_whether_a_key_is_mapped(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    assert nvim.lua("return vim.fn.maparg('<Tab>', 'i', false, true).desc") == NEOVIMS
    own = nvim.lua("own = vim.fn.maparg('<Tab>', 'i', false, true); return own.lhs")
    each.open(workspace / "new.py")
    for key in ("<M-w>", "<M-l>", "<M-]>", "<M-[>", "<C-]>", "<M-a>"):
        nvim.lua("vim.keymap.del('i', ...)", key)
    for lhs, how in (
        (own, "'<Tab>', function() end"),
        (own, "'<Tab>', function() end, { buffer = vim.fn.bufnr('new.py') }"),
        ("<C-y>", "'<C-y>', '<Plug>(indoors-accept)'"),
        ("<C-y>", "'<C-y>', function() end, { desc = 'Indoors: accept' }"),
    ):
        nvim.lua("vim.fn.mapset(own)")
        assert TOLD in health(each), how
        nvim.lua(f"vim.keymap.set('i', {how})")
        assert TOLD not in health(each), how
        nvim.lua(
            "pcall(vim.keymap.del, 'i', ..., { buffer = vim.fn.bufnr('new.py') });"
            "pcall(vim.keymap.del, 'i', ...)",
            lhs,
        )
