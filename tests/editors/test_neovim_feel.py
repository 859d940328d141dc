"""How it feels, as far as a test can say: no flicker, large files, indentation, several windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import OWN, Scripted

pytestmark = [pytest.mark.editor]

# What is on the screen is what there is when it is drawn: every redraw counts the ghost text.
COUNT = """
    local ghost = vim.api.nvim_get_namespaces()[...]
    redraws = {}
    vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('count'), {
      on_win = function(_, _, buffer)
        table.insert(redraws, #vim.api.nvim_buf_get_extmarks(buffer, ghost, 0, -1, {}))
      end,
    })
"""


def test_nothing_flickers_while_it_is_typed_along(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    nvim.request("nvim_ui_attach", 80, 24, {})
    each.open(workspace / "new.py")
    line = "total = sum(one.price for one in items)"
    each.tell(items=[f"{line}\nprint(total)"])
    nvim.type("ito")
    each.wait_ghost(f"{line[2:]}\nprint(total)")
    nvim.lua(COUNT, OWN)
    marks = [one["id"] for one in each.marks()]
    for number, character in enumerate(line[2:30]):
        nvim.type(character)
        each.settle()
        assert each.ghost() == f"{line[3 + number :]}\nprint(total)"
        assert [one["id"] for one in each.marks()] == marks, "the same mark"
    for _ in range(5):
        nvim.type("<BS>")
        each.settle()
    nvim.type("<M-w>")
    each.settle()
    redraws = nvim.lua("return redraws")
    assert len(redraws) > 20, "the screen was drawn"
    assert all(redraws), "and never without ghost text"
    # The control: what flickers is seen.
    nvim.lua("vim.schedule(function() require('indoors.view').clear(0) end)")
    nvim.wait(lambda: not all(nvim.lua("vim.cmd.redraw({ bang = true }); return redraws")), "", 5)


def test_a_large_file_costs_its_edits_only(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    file = workspace / "large.py"
    file.write_text("".join(f"value_{n} = {n}\n" for n in range(10_000)))
    each.open(file)
    each.tell(items=["value = 1"])
    nvim.type("5000Gova")
    each.wait_ghost("lue = 1")
    (mark,) = each.marks()
    assert mark["row"] == 5000
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[5000] == "value = 1", "the accepted text", 10)
    each.settle()
    sent = [
        one for change in each.log("textDocument/didChange") for one in change["contentChanges"]
    ]
    assert max(len(one["text"]) for one in sent) < 100, "never the whole file"
    assert each.document() == "\n".join(nvim.lines()) + "\n"


def test_a_line_break_typed_with_its_indentation_goes_along(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua("vim.o.autoindent = true")
    body = "    if a:\n        return b\n    return c"
    scripted.tell(items=[f"    one()\n{body}"])
    nvim.type("i    on")
    scripted.wait_ghost(f"e()\n{body}")
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    nvim.type("e()<CR>")
    scripted.settle()
    assert nvim.lines() == ["    one()", "    "]
    assert scripted.ghost() == body[4:]
    nvim.type("if a:<CR>    ret")
    scripted.settle()
    assert scripted.ghost() == "urn b\n    return c"
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == f"    one()\n{body}".split("\n"), "the accepted text", 5)


def test_a_macro_is_replayed_without_suggestions(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    each.tell(items=["value = 1"])
    nvim.type("qqova<Esc>q")
    each.settle()
    n_asked = len(each.log("textDocument/inlineCompletion"))
    nvim.type("20@q")
    each.settle()
    assert nvim.lines() == ["", *["va"] * 21]
    assert len(each.log("textDocument/inlineCompletion")) == n_asked


def test_a_buffer_in_two_windows_shows_it_where_the_cursor_is(
    each: Scripted, workspace: Path
) -> None:
    nvim = each.nvim
    each.open(workspace / "shapes.py")
    each.tell(items=["value = 1"])
    nvim.lua("vim.cmd.split()")
    nvim.type("Gova")
    each.wait_ghost("lue = 1")
    nvim.type("<Esc>")
    each.wait_ghost("")
    nvim.type("<C-w>jggOva")
    each.wait_ghost("lue = 1")
    assert each.marks()[0]["row"] == 0
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[0] == "value = 1", "the accepted text", 5)
    nvim.lua("vim.cmd.edit({ bang = true })")
    nvim.type("<Esc>ggOva")
    each.wait_ghost("lue = 1")


# What plugins for pairs do: close what is opened, step over what is closed already, delete both.
PAIRS = """
    local closing = { ['('] = ')', ['['] = ']', ['{'] = '}', ['"'] = '"' }
    local function behind()
      local at = vim.api.nvim_win_get_cursor(0)[2]
      return vim.api.nvim_get_current_line():sub(at + 1, at + 1)
    end
    local function before()
      local at = vim.api.nvim_win_get_cursor(0)[2]
      return vim.api.nvim_get_current_line():sub(at, at)
    end
    for open, close in pairs(closing) do
      vim.keymap.set('i', open, function()
        if open == close and behind() == close then return '<C-g>U<Right>' end
        return open .. close .. '<C-g>U<Left>'
      end, { expr = true })
      if open ~= close then
        vim.keymap.set('i', close, function()
          return behind() == close and '<C-g>U<Right>' or close
        end, { expr = true })
      end
    end
    vim.keymap.set('i', '<BS>', function()
      return closing[before()] == behind() and behind() ~= '' and '<BS><Del>' or '<BS>'
    end, { expr = true })
    vim.keymap.set('i', '<CR>', function()
      return closing[before()] == behind() and behind() ~= '' and '<CR><C-o>O' or '<CR>'
    end, { expr = true })
"""


def test_pairs_that_a_plugin_closes_and_steps_over(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua(PAIRS)
    whole = 'rows = [f("a"), g({"b": (1, 2)})]'
    scripted.tell(items=[whole])
    nvim.type("iro")
    scripted.wait_ghost(whole[2:])
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    for at, character in enumerate(whole[2:], start=3):
        nvim.type(character.replace("<", "<lt>"))
        scripted.settle()
        line = nvim.lines()[0]
        assert line.startswith(whole[:at])
        visible = nvim.lua("return require('indoors').is_visible()")
        assert visible is (at < len(whole) and any(c not in ')]}"' for c in whole[at:])), line
    assert nvim.lines() == [whole], "nothing is there twice"
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked, "it went along"
    # Accepted in the middle of three open pairs.
    scripted.tell(take_behind=True)
    nvim.type('<Esc>Srows = [f("')
    nvim.wait(lambda: nvim.lines() == ['rows = [f("")]'], "the pairs", 5)
    scripted.settle()
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == [whole], "one of each", 5)
    nvim.type("<Esc>u")
    nvim.wait(lambda: nvim.lines() == ['rows = [f("")]'], "one step back", 5)


def test_repeating_with_a_dot_types_what_was_typed(scripted: Scripted, workspace: Path) -> None:
    """`.` repeats keys of an insert, as Vim has it; an accept in it is the text that it gave."""
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1"])
    nvim.type("ova<Esc>")
    scripted.settle()
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    nvim.type("3.")
    scripted.settle()
    assert nvim.lines() == ["", "va", "va", "va", "va"], "what is shown is never repeated"
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked, "and nobody is asked"
    assert scripted.ghost() == ""
    nvim.type("u")
    nvim.wait(lambda: nvim.lines() == ["", "va"], "one step to undo", 5)
    assert scripted.document() == "\n".join(nvim.lines()) + "\n"


def test_an_accept_while_a_macro_is_recorded_is_in_it_as_a_key(
    each: Scripted, workspace: Path
) -> None:
    """A macro holds keys, so the replay of an accept types the key where nothing is shown."""
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua("vim.bo.expandtab = false")
    each.tell(items=["value = 1"])
    nvim.type("qqova")
    each.wait_ghost("lue = 1")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["", "value = 1"], "the accepted text", 5)
    nvim.type("<Esc>q@q")
    each.settle()
    assert nvim.lua("return vim.fn.keytrans(vim.fn.getreg('q'))") == "ova<Tab><Esc>"
    assert nvim.lines() == ["", "value = 1", "va\t"]


def test_two_carets_of_a_block_insert_are_left_alone(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    file = workspace / "new.py"
    file.write_text("a\nb\nc\n")
    each.open(file)
    each.tell(items=["value = 1"])
    nvim.type("<C-v>jjIval<Esc>")
    nvim.wait(lambda: nvim.lines() == ["vala", "valb", "valc"], "the block", 5)
    each.settle()
    assert each.ghost() == ""
    nvim.type("u")
    nvim.wait(lambda: nvim.lines() == ["a", "b", "c"], "one step back", 5)


def test_replace_mode_is_left_alone(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    each.tell(items=["value = 1"])
    nvim.type("ixxxx<Esc>0Rva")
    each.settle()
    assert each.ghost() == ""
    assert nvim.lines() == ["vaxx"]
