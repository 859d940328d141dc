"""Suggestions that are wider than the window of a real Neovim: what is on the screen before an
accept is what is there behind it, so nothing is accepted that could not be read.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from support.nvim_screen import Screen, watched
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

VISIBLE = "return require('indoors').is_visible()"
PLACE = """
    local before, behind, item = ...
    vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'top', before .. behind, 'end' })
    vim.api.nvim_win_set_cursor(0, { 2, #before })
"""
HINT = """
    local namespace = vim.api.nvim_create_namespace('hints')
    vim.api.nvim_buf_clear_namespace(0, namespace, 0, -1)
    vim.api.nvim_buf_set_extmark(0, namespace, 1, ..., {
      virt_text = { { 'width: ', 'LspInlayHint' } }, virt_text_pos = 'inline',
    })
"""
BEGINS_A_ROW = """
    local window = vim.fn.getwininfo(vim.api.nvim_get_current_win())[1]
    return (vim.fn.virtcol('.') - 1) % (window.width - window.textoff) == 0
"""
# Where nothing else draws: no `~`, no message.
BARE = """
    vim.o.laststatus, vim.o.ruler, vim.o.showmode, vim.o.showcmd = 0, false, false, false
    vim.o.fillchars, vim.o.smartindent, vim.o.autoindent = 'eob: ', false, false
    vim.bo.tabstop, vim.bo.expandtab = 4, false
"""


def begin(each: Scripted, workspace: Path, width: int, height: int = 24) -> Screen:
    screen = watched(each.nvim, width, height)
    each.open(workspace / "new.py")
    each.nvim.lua(BARE)
    return screen


def suggest(
    each: Scripted, before: str, behind: str, item: str, hinted: int = -1, **more: bool
) -> None:
    """Have `item` suggested at the cursor between two texts, maybe with an inlay hint at a byte."""
    nvim = each.nvim
    nvim.type("<Esc>")
    each.settle()
    nvim.lua(PLACE, before, behind)
    if hinted >= 0:
        nvim.lua(HINT, hinted)
    each.tell(items=[item], always=True, **more)
    nvim.type("i" if behind else "A")
    nvim.wait(lambda: nvim.lua(VISIBLE), "ghost text", 10)


def text(screen: Screen, width: int = 200) -> list[str]:
    """What is in the rows of text, in a window of this width at the left."""
    screen.lines()
    rows = ["".join(text for text, _ in row[:width]) for row in screen.cells[:-1]]
    # A wide character that does not fit a row leaves a `>` there, once it is text.
    return [row.rstrip(" >") for row in rows]


def accepted(each: Scripted, screen: Screen, lines: list[str], width: int = 200) -> list[str]:
    """What is on the screen once it is accepted."""
    each.tell(items=[])
    each.nvim.type("<Tab>")
    each.nvim.wait(lambda: each.nvim.lines() == lines, "the accepted text", 10)
    return text(screen, width)


CALL = "compute_all(first_argument, second_argument, third,\n    fourth_argument)"


def test_a_first_line_that_leaves_the_window_goes_on_below_it(
    each: Scripted, workspace: Path
) -> None:
    """As with a bracket that was closed automatically and comes again on the last line."""
    screen = begin(each, workspace, 30)
    suggest(each, "compute_all(", ")", CALL.removeprefix("compute_all("), take_behind=True)
    before = text(screen)
    assert before[1:5] == [
        "compute_all(first_argument, se", "cond_argument, third,", "    fourth_argument)", "end",
    ]  # fmt: skip
    ghost = screen.colour_at(1, "first")
    assert screen.colour_at(2, "cond") == ghost != screen.colour_at(4, "end")
    assert accepted(each, screen, ["top", *CALL.split("\n"), "end"]) == before


def test_what_is_covered_is_covered_in_each_of_its_rows(each: Scripted, workspace: Path) -> None:
    screen = begin(each, workspace, 30)
    behind = "a_name, another_name, and_another, and_more)"
    suggest(each, "call(", behind, "\n    ")
    before = text(screen)
    assert before[1:5] == ["call(", "    a_name, another_name, and_", "another, and_more)", "end"]
    after = accepted(each, screen, ["top", "call(", f"    {behind}", "end"])
    assert after[1:5] == before[1:5]


@pytest.mark.parametrize("wrap", [True, False])
def test_lines_below_are_as_wide_as_they_will_be(
    each: Scripted, workspace: Path, wrap: bool
) -> None:
    screen = begin(each, workspace, 30)
    each.nvim.lua("vim.wo.wrap, vim.wo.number = ..., true", wrap)
    item = f"lue = (\n{'a' * 60},\n\t{'名' * 20})\n"
    suggest(each, "va", "", f"{item}# {'-' * 40}")
    before = text(screen)
    # The lines are numbered once they are there.
    unnumbered = [line[4:] for line in before]
    after = accepted(each, screen, ["top", *f"va{item}# {'-' * 40}".split("\n"), "end"])
    if wrap:
        assert unnumbered[1:10] == [
            "value = (", "a" * 26, "a" * 26, "a" * 8 + ",", "    " + "名" * 11, "名" * 9 + ")",
            "# " + "-" * 24, "-" * 16, "end",
        ]  # fmt: skip
        assert [line[4:] for line in after] == unnumbered
    else:
        assert unnumbered[1:6] == [
            "value = (",
            "a" * 26,
            "    " + "名" * 11,
            "# " + "-" * 24,
            "end",
        ]


@pytest.mark.parametrize("options", ["", "vim.wo.number = true"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_the_width(each: Scripted, workspace: Path, seed: int, options: str) -> None:
    """Tabs, wide characters and lines of any length: each stands where it will stand."""
    rng = random.Random(seed)
    screen = begin(each, workspace, 40, 40)
    nvim = each.nvim
    nvim.lua(options)
    pieces = ["a", "bc ", "名", "\t", "f(x)", "🎉", "é"]

    def some(most: int) -> str:
        return "".join(rng.choice(pieces) for _ in range(rng.randint(0, most)))

    nvim.lua("vim.cmd('botright vnew | wincmd p')")
    for number in range(12):
        width = rng.randint(7, 38)
        nvim.lua("vim.cmd('vertical resize ' .. ...)", width)
        before, behind, tail = some(12), some(20), rng.choice(["", ")", "]})"])
        rest = "\n".join(some(20) for _ in range(rng.randint(1, 4))) + tail
        if not rest.strip() or before.endswith("\t") or not before.strip():
            before, rest = f"{before}x", f"{rest}\nx{tail}"
        suggest(each, before, tail + behind, rest + behind, take_behind=True)
        if nvim.lua(BEGINS_A_ROW):  # there it is one row more, for the cursor
            continue
        shown = text(screen, width)
        lines = ["top", *f"{before}{rest}{behind}".split("\n"), "end"]
        after = accepted(each, screen, lines, width)
        what = f"{number}: {width} {before!r} {tail!r} {behind!r} {rest!r}"
        n_left = 4 if options else 0  # line numbers come once there are lines
        assert [line[n_left:] for line in shown] == [line[n_left:] for line in after], what


@pytest.mark.parametrize("wrap", [True, False])
def test_what_stands_behind_an_inlay_hint_is_covered_too(
    each: Scripted, workspace: Path, wrap: bool
) -> None:
    """A hint takes room on the screen, and none in the text."""
    screen = begin(each, workspace, 30)
    each.nvim.lua("vim.wo.wrap = ...", wrap)
    behind = "one, two, four)"
    for hinted, first in ((10, "call("), (5, "call(width:")):
        suggest(each, "call(", behind, "\n    ", hinted=hinted)
        assert text(screen)[1:4] == [first, f"    {behind}", "end"]


def test_an_inlay_hint_over_the_edge_takes_nothing_of_a_suggestion(
    each: Scripted, workspace: Path
) -> None:
    screen = begin(each, workspace, 20)
    behind = "one, two, three, four, five)"
    for hinted in range(5, 5 + len(behind)):
        suggest(each, "call(", behind, "first_argument,\n    ", hinted=hinted)
        whole = "".join(text(screen)).replace("width:", "").replace(" ", "")
        wanted = f"topcall(first_argument,{behind}end".replace(" ", "")
        # Of a hint that goes over the edge some letters stay: it is no place for other text.
        left = whole
        for one in wanted:
            assert one in left, (hinted, text(screen))
            left = left[left.index(one) + 1 :]
        assert whole.count("three") == 1, (hinted, text(screen))


@pytest.mark.parametrize("room", [0, 1, 2, 3, 4])
def test_what_a_window_has_no_room_for_is_said_of_lines_not_of_rows(
    each: Scripted, workspace: Path, room: int
) -> None:
    nvim = each.nvim
    screen = begin(each, workspace, 30, 3 + room)
    shown = CALL.replace("    fourth", "    a_long_name, third, fourth")
    suggest(each, "compute_all(", ")", shown.removeprefix("compute_all("), take_behind=True)
    rows = [
        "compute_all(first_argument, se", "cond_argument, third,",
        "    a_long_name, third, fourth", "_argument)", "end",
    ]  # fmt: skip
    if room == 0:
        rows[0] = "compute_all(first_arg +2 lines"
    elif room < 3:
        rows[1] += " +1 line"
    assert text(screen)[1:] == rows[: room + 1]
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[1:-1] == shown.split("\n"), "the accepted text", 10)


def test_it_is_drawn_again_where_the_window_gets_another_width(
    each: Scripted, workspace: Path
) -> None:
    screen = begin(each, workspace, 60)
    each.nvim.lua("vim.cmd('botright vnew | wincmd p'); vim.cmd('vertical resize 45')")
    suggest(each, "compute_all(", ")", CALL.removeprefix("compute_all("), take_behind=True)
    assert text(screen, 45)[1:3] == ["compute_all(first_argument, second_argument,", "third,"]
    each.nvim.lua("vim.cmd('vertical resize 30')")
    rows = ["compute_all(first_argument, se", "cond_argument, third,"]
    each.nvim.wait(lambda: text(screen, 30)[1:3] == rows, "the new width", 10)
