"""What is on the screen of a real Neovim, cell by cell; the README's pictures come from here.

INDOORS_PICTURES=FOLDER pytest tests/editors/test_neovim_screen.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from editors.conftest import DISPLAYS, opened
from support.nvim import Nvim, start
from support.nvim_screen import Screen, contrast, watched
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

PICTURES = os.environ.get("INDOORS_PICTURES", "")
LOOK = """
    vim.o.number, vim.o.cursorline, vim.o.laststatus, vim.o.ruler = true, true, 2, false
    vim.o.showmode = false
    vim.o.background = 'dark'
    vim.o.statusline = " %t %m%=%{v:lua.require('indoors').status()}   %l:%c "
"""
SHOP = '''\
from dataclasses import dataclass


@dataclass
class Item:
    name: str
    price: float


def total(items: list[Item]) -> float:
    """Price of all items together."""
    return sum(item.price for item in items)


def by_name(items: list[Item]) -> dict[str, list[Item]]:
    """The items of each name."""
    found = {}
'''
AREA = """\
def area(width, height):
    result = 0
    for _ in range(height):
        result = result + width
    return result


print(area(2, 3))
"""


def keep(screen: Screen, name: str) -> None:
    """A picture, where somebody wants it."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        screen.picture(Path(PICTURES).resolve() / f"{name}.png")


def row_of(screen: Screen, text: str) -> int:
    """Where a text stands, once it does."""

    def found() -> list[int]:
        return [row for row, line in enumerate(screen.lines()) if text in line]

    (row, *_) = screen.nvim.wait(found, f"{text!r} on the screen", 20)
    return int(row)


def test_what_is_suggested_stands_apart_and_below(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    screen = watched(nvim, 60, 12)
    file = workspace / "new.py"
    file.write_text("\nend = 2\n")
    scripted.open(file)
    scripted.tell(items=["def add(a, b):\n    return a + b"])
    nvim.type("ide")
    row = row_of(screen, "def add(a, b):")
    assert screen.lines()[row : row + 3] == ["def add(a, b):", "    return a + b", "end = 2"]
    assert screen.cursor == (row, 2)
    # By more than colour: what is not there yet has no line number, and the cursor is before it.
    typed, ghost = screen.colour_at(row, "de"), screen.colour_at(row, "add")
    assert typed != ghost
    assert screen.colour_at(row + 1, "return") == ghost
    nvim.type("<Tab>")
    nvim.wait(lambda: screen.lines() and screen.cursor[0] == row + 1, "the cursor behind it", 10)
    assert screen.lines()[row : row + 3] == ["def add(a, b):", "    return a + b", "end = 2"]
    assert screen.colour_at(row + 1, "a + b") != ghost, "nothing moved, only the colour"


def test_it_is_drawn_like_nothing_beside_it(each: Scripted, workspace: Path) -> None:
    """Behind a bold keyword it is not bold, and on the cursor's line it has that line's ground."""
    nvim = each.nvim
    screen = watched(nvim, 60, 8)
    each.open(workspace / "new.py")
    nvim.lua("vim.o.cursorline = true; vim.cmd('syntax on')")
    each.tell(items=["for a in b:\n    pass"])
    nvim.type("ifor")
    row = row_of(screen, "for a in b:")
    nvim.wait(lambda: screen.lines() and screen.highlight_at(row, "for").is_bold, "the syntax", 10)
    ghost = screen.highlight_at(row, "a in")
    assert ghost.is_italic
    assert not ghost.is_bold
    assert ghost.background == screen.highlight_at(row, "for").background
    below = screen.highlight_at(row + 1, "pass")
    assert (below.foreground, below.is_italic, below.is_bold) == (ghost.foreground, True, False)
    assert contrast(screen.colour_at(row, "a in"), ghost.background or 0) > 3, "it can be read"


@pytest.mark.parametrize(("release", "display"), [DISPLAYS["0.11"]], ids=["0.11"])
@pytest.mark.parametrize("typed", ["é", "名", "🎉", "e\u0301"])
def test_wide_characters_and_tabs_keep_their_cells(
    tmp_path: Path, workspace: Path, release: str, display: str, typed: str
) -> None:
    with opened(tmp_path, release) as nvim:
        scripted = Scripted(nvim, display)
        screen = watched(nvim, 60, 8)
        scripted.open(workspace / "new.py")
        nvim.lua("vim.bo.expandtab, vim.bo.tabstop = false, 4")
        whole = f"\tx = '{typed}名前🎉'\n\t\ty = '{typed}'"
        scripted.tell(items=[whole], take_line=True)
        nvim.type(f"i\tx = '{typed}")
        row = row_of(screen, "名前🎉")
        before = screen.lines()[row : row + 2]
        nvim.type("<Tab>")
        nvim.wait(lambda: nvim.lines() == whole.split("\n"), "the accepted text", 10)
        assert screen.lines()[row : row + 2] == before, "each stands where it will stand"


def test_lines_below_stand_in_their_columns_in_a_window_that_is_scrolled_sideways(
    each: Scripted, workspace: Path
) -> None:
    nvim = each.nvim
    screen = watched(nvim, 44, 10)
    each.open(workspace / "new.py")
    nvim.lua("vim.o.wrap, vim.o.sidescroll = false, 1")
    line = "    result = compute_everything_and_more(first_argument,"
    below = f"    {'=' * 30}second)"
    each.tell(items=[f"{line}\n{below}"])
    nvim.type(f"i{line[:40]}")
    nvim.type(line[40:50])
    row = row_of(screen, "second)")
    left = nvim.lua("return vim.fn.winsaveview().leftcol")
    assert left > 4
    assert screen.lines()[row - 1 : row + 1] == [line[left:][:44], below[left:]]


BELOW = "def f(a):\n    one\n    two\n    three\n    return 1"


@pytest.mark.parametrize("hidden", [4, 1, 0])
def test_what_a_window_has_no_room_for_is_said(
    scripted: Scripted, workspace: Path, hidden: int
) -> None:
    """Nothing is scrolled: what somebody reads stays where it is."""
    nvim = scripted.nvim
    screen = watched(nvim, 50, 12)
    file = workspace / "new.py"
    file.write_text("".join(f"x{n} = {n}\n" for n in range(60)))
    scripted.open(file)
    scripted.tell(items=[BELOW, f"{BELOW}2"])
    nvim.type("Go")
    nvim.lua("vim.fn.winrestview({ topline = ... })", 56 - hidden)
    nvim.type("de")
    said = {4: "def f(a): +4 lines", 1: "def f(a): +1 line", 0: "def f(a):"}[hidden]
    row = row_of(screen, "def f(a):")
    nvim.wait(lambda: screen.lines() and screen.lines()[row] == said, said, 5)
    assert row == 5 + hidden
    top = screen.lines()[0]
    if hidden:
        ghost = screen.colour_at(row, "f(a)")
        assert screen.colour_at(row, "+") != ghost, "it is no part of what is accepted"
    nvim.type("f")
    nvim.wait(lambda: screen.lines() and screen.cursor == (row, 3), "typed along", 5)
    assert screen.lines()[row] == said
    assert screen.lines()[0] == top
    if hidden == 4 and scripted.display == "own":
        nvim.type("<M-a>")
        both = "def f(a): 1/2 +4 lines"
        nvim.wait(lambda: screen.lines() and screen.lines()[row] == both, both, 5)
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[60:] == BELOW.split("\n"), "all of it", 5)
    nvim.wait(lambda: screen.lines() and "    return 1" in screen.lines(), "all on the screen", 5)
    assert not any(" +" in line for line in screen.lines())


@pytest.mark.model
def test_the_real_model_on_the_screen(nvim: Nvim, workspace: Path) -> None:
    screen = watched(nvim, 80, 26)
    file = workspace / "shop.py"
    file.write_text(SHOP)
    nvim.lua("vim.cmd.cd(...)", str(workspace))
    nvim.lua(LOOK)
    start(nvim, file, ghost="own")
    nvim.type("Go    for")
    nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 60)
    row = row_of(screen, "    for item in items")
    assert screen.colour_at(row, "for") != screen.colour_at(row, "item"), screen.lines()
    # The rest of the block comes when it is written, without a key.
    nvim.wait(lambda: screen.lines()[row + 1].strip(" 0123456789") != "~", "its body", 60)
    nvim.wait(lambda: "⌂ 0.5b  " in screen.lines()[-2], "the status line", 20)
    keep(screen, "neovim-ghost")
    nvim.type("<Esc>")


CHOOSE = """
    vim.ui.select = function(items, _, choose) choose(items[1]) end
    vim.cmd('Indoors refactor document')
"""
DIFF: Any = """
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      local buffer = vim.api.nvim_win_get_buf(window)
      if vim.bo[buffer].filetype == 'diff' then return true end
    end
"""


@pytest.mark.model
def test_a_diff_on_the_screen(nvim: Nvim, workspace: Path) -> None:
    screen = watched(nvim, 80, 28)
    file = workspace / "shapes.py"
    file.write_text(AREA)
    nvim.lua("vim.cmd.cd(...)", str(workspace))
    nvim.lua(LOOK)
    start(nvim, file, ghost="own")
    nvim.lua("vim.api.nvim_win_set_cursor(0, { 2, 4 })")
    nvim.lua(CHOOSE)
    nvim.wait(lambda: nvim.lua(DIFF), "the diff", 180)
    row = row_of(screen, '+    """')
    assert any("<CR> apply   q discard" in line for line in screen.lines())
    assert screen.colour_at(row, "+") != screen.foreground
    keep(screen, "neovim-edit")
    nvim.type("q")
    nvim.wait(lambda: not nvim.lua(DIFF), "the end of the diff", 10)
    assert nvim.lines() == AREA.splitlines()
