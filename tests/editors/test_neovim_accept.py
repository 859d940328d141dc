"""A key that accepts: what it does to the keys around it, to undo and to what is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

# As the help has it; as a person may have it instead.
MAPPINGS = {
    "expression": """
        vim.keymap.set('i', '<Tab>', function()
          if not require('indoors').accept() then return '<Tab>' end
        end, { expr = true })
    """,
    "its-result": """
        vim.keymap.set('i', '<Tab>', function()
          return require('indoors').accept() and '' or '<Tab>'
        end, { expr = true })
    """,
    "function": """
        vim.keymap.set('i', '<Tab>', function()
          if require('indoors').accept() then return end
          local key = vim.api.nvim_replace_termcodes('<Tab>', true, false, true)
          vim.api.nvim_feedkeys(key, 'in', false)
        end)
    """,
    "plug": "vim.keymap.set('i', '<Tab>', '<Plug>(indoors-accept)')",
    "vimscript": """
        vim.cmd([[inoremap <expr> <Tab> v:lua.require'indoors'.accept() ? '' : '<Tab>']])
    """,
    "register": """
        vim.cmd([[inoremap <Tab> <C-r>=execute("lua require('indoors').accept()")<CR>]])
    """,
}


def shown(scripted: Scripted, workspace: Path, mapping: str = "expression") -> Scripted:
    scripted.open(workspace / "new.py")
    scripted.nvim.lua("vim.bo.expandtab = false")
    scripted.nvim.lua(MAPPINGS[mapping])
    scripted.tell(items=["value = 1"])
    again(scripted)
    return scripted


def again(scripted: Scripted) -> None:
    scripted.nvim.type("Sval")
    scripted.wait_ghost("ue = 1")


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_keys_behind_the_one_that_accepts_come_behind_what_is_accepted(
    each: Scripted, workspace: Path, mapping: str
) -> None:
    """Whoever types fast, or pastes, has the next key in the same read of the terminal."""
    nvim = shown(each, workspace, mapping).nvim
    for keys, wanted in (
        ("<Tab>;<Esc>", ["value = 1;"]),
        ("<Tab><Esc>", ["value = 1"]),
        ("<Tab><CR>x<Esc>", ["value = 1", "x"]),
        ("ue<Tab>;<Esc>", ["value = 1;"]),
    ):
        nvim.type(keys)
        nvim.wait(lambda: nvim.request("nvim_get_mode")["mode"] == "n", "normal mode", 5)
        each.settle()
        assert nvim.lines() == wanted, keys
        assert each.ghost() == ""
        nvim.type(":%d<CR>")
        again(each)
    # What was on the screen does not fit any more: the key is a key.
    if mapping not in ("plug", "register"):
        nvim.type("x<Tab>;<Esc>")
        each.settle()
        assert nvim.lines() == ["valx\t;"]


def test_words_are_accepted_one_after_the_other_in_one_read(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = shown(scripted, workspace).nvim
    nvim.type("<M-w><M-w>")
    scripted.wait_ghost(" 1")
    assert nvim.lines() == ["value ="]
    nvim.type("<M-w>!<Esc>")
    nvim.wait(lambda: nvim.lines() == ["value = 1!"], "all of it", 5)


@pytest.mark.parametrize("mapping", ["expression", "function"])
def test_what_is_typed_behind_an_accept_is_a_step_of_its_own(
    each: Scripted, workspace: Path, mapping: str
) -> None:
    nvim = shown(each, workspace, mapping).nvim
    nvim.type("<Tab>23<CR>more<Esc>")
    nvim.wait(lambda: nvim.lines() == ["value = 123", "more"], "all of it", 5)
    for wanted in (["value = 1"], ["val"]):
        nvim.type("u")
        nvim.wait(lambda wanted=wanted: nvim.lines() == wanted, f"{wanted}", 5)
    nvim.type("<C-r><C-r>")
    nvim.wait(lambda: nvim.lines() == ["value = 123", "more"], "and forth", 5)
    # Where nothing is typed behind it, there is no step without effect.
    nvim.type(":%d<CR>")
    again(each)
    nvim.type("<Tab><Esc>u")
    nvim.wait(lambda: nvim.lines() == ["val"], "one step", 5)


def test_a_function_that_accepts_and_leaves_insert_mode(each: Scripted, workspace: Path) -> None:
    """What makes the step ends in normal mode is nothing that undoes."""
    nvim = shown(each, workspace).nvim
    nvim.lua(
        "vim.keymap.set('i', '<Tab>', function()"
        " require('indoors').accept() vim.cmd.stopinsert() end)"
    )
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.request("nvim_get_mode")["mode"] == "n", "normal mode", 5)
    each.settle()
    assert nvim.lines() == ["value = 1"]


def test_a_dot_repeats_what_was_typed_around_an_accept(each: Scripted, workspace: Path) -> None:
    nvim = shown(each, workspace).nvim
    nvim.type("<Esc>:%d<CR>oval")
    each.wait_ghost("ue = 1")
    nvim.type("<Tab>23<Esc>.")
    each.settle()
    assert nvim.lines() == ["", "value = 123", "val23"]


def test_nothing_is_accepted_into_a_buffer_that_takes_no_changes(
    each: Scripted, workspace: Path
) -> None:
    nvim = shown(each, workspace).nvim
    nvim.lua("vim.bo.modifiable = false")
    assert nvim.lua("return require('indoors').accept()") is False
    assert nvim.lines() == ["val"]
    nvim.lua("vim.bo.modifiable = true")
    assert nvim.lua("return require('indoors').accept()") is True
    nvim.wait(lambda: nvim.lines() == ["value = 1"], "it", 5)
