"""Ghost text that Neovim 0.12 draws itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.conftest import opened
from support.nvim_screen import watched
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

SELECT = "vim.lsp.inline_completion.select({ count = ... })"


@pytest.fixture
def drawn(tmp_path: Path) -> Iterator[Scripted]:
    with opened(tmp_path, "0.12") as editor:
        yield Scripted(editor, "builtin")


def three(drawn: Scripted) -> None:
    drawn.nvim.type("<Esc>Sval")
    drawn.wait_ghost("ue = 1")
    drawn.nvim.type("<M-a>")
    drawn.settle()


@pytest.mark.parametrize("pause_ms", [0, 400])
def test_what_neovims_own_select_shows_is_what_is_accepted(
    drawn: Scripted, workspace: Path, pause_ms: int
) -> None:
    nvim = drawn.nvim
    drawn.open(workspace / "new.py")
    # As Neovim's help maps it: what it is at that time is what is called.
    nvim.lua("vim.keymap.set('i', '<C-g>', vim.lsp.inline_completion.select)")
    drawn.tell(items=["value = 1", "value = 2", "value = 3"])
    three(drawn)
    nvim.lua("vim.wait(...)", pause_ms)  # Neovim's own part asks again after 200 ms
    nvim.lua(SELECT, 1)
    assert drawn.ghost() == "ue = 2 (2/3)"
    nvim.lua("vim.wait(...)", pause_ms)
    assert drawn.ghost().startswith("ue = 2")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 2"], "what is shown", 5)
    (accepted,) = drawn.log("workspace/executeCommand")
    assert accepted["arguments"][0].endswith(".1")
    # From there on, by either's keys, and while it is typed along.
    three(drawn)
    nvim.lua(SELECT, -1)
    assert drawn.ghost() == "ue = 3 (3/3)"
    nvim.type("<M-[>")
    drawn.wait_ghost("ue = 2")
    nvim.type("<C-g>")
    drawn.settle()
    assert drawn.ghost().startswith("ue = 3")
    nvim.type("u")
    drawn.wait_ghost("e = 3")
    nvim.type("<M-w>")
    drawn.wait_ghost(" = 3")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 3"], "what is shown", 5)


def test_what_stands_behind_the_cursor_stays_to_be_seen(drawn: Scripted, workspace: Path) -> None:
    nvim = drawn.nvim
    screen = watched(nvim, 60, 8)
    file = workspace / "new.py"
    file.write_text("print(va, other)  # comment\n")
    drawn.open(file)
    drawn.tell(items=["lue_of_it"], always=True)
    nvim.type("0f,i")
    whole = "print(value_of_it, other)  # comment"
    nvim.wait(lambda: screen.lines() and screen.lines()[0] == whole, "both", 10)
    # In the window where the cursor is; Neovim takes the first one of a buffer for it.
    nvim.type("<Esc>")
    nvim.lua("vim.cmd('split | wincmd j | normal! 0')")
    nvim.type("A")
    drawn.wait_ghost("lue_of_it")
    assert [(one["row"], one["col"]) for one in drawn.marks()] == [(0, 27)]


def test_neovims_own_get_inserts_what_is_shown(drawn: Scripted, workspace: Path) -> None:
    nvim = drawn.nvim
    file = workspace / "new.py"
    file.write_text("if a: (b)\n")
    drawn.open(file)
    nvim.lua("vim.o.autoindent = true; vim.bo.textwidth = 20")
    nvim.lua("vim.keymap.set('i', '<C-f>', vim.lsp.inline_completion.get)")
    drawn.tell(items=["one(\n    two,\n    'a rather long word or two',\n)"], always=True)
    nvim.type("0f(i")
    nvim.wait(drawn.ghost, "ghost text", 10)
    nvim.type("<C-f>")
    wanted = ["if a: one(", "    two,", "    'a rather long word or two',", ")(b)"]
    nvim.wait(lambda: nvim.lines() == wanted, "what is shown", 5)
    nvim.type("!")
    drawn.settle()
    assert nvim.lines()[-1] == ")!(b)"
    assert len(drawn.log("workspace/executeCommand")) == 1
    nvim.type("<Esc>u")
    nvim.wait(lambda: nvim.lines() == ["if a: (b)"], "one step", 5)


def test_what_a_window_has_no_room_for_is_that_of_the_one_that_is_shown(
    drawn: Scripted, workspace: Path
) -> None:
    nvim = drawn.nvim
    screen = watched(nvim, 50, 8)
    file = workspace / "new.py"
    file.write_text("\n" * 20)
    drawn.open(file)
    drawn.tell(items=["one(\n    1,\n)", "one(1,\n2)", "one(1)"])
    nvim.type("Goon")
    for said in ("one( +2 lines", "one(1, +1 line", "one(1) (3/3)"):
        nvim.wait(lambda said=said: said in screen.lines(), said, 5)
        if said.startswith("one( "):
            nvim.type("<M-a>")
            drawn.settle()
        nvim.lua(SELECT, 1)
