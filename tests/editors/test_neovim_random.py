"""Many random editing actions: suggestions never change a buffer unless they are accepted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from editors.conftest import DISPLAYS, opened
from support.nvim import Nvim
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

START = "import os\n\n\ndef größe(名前):\n\treturn f(名前, [1, 2])\n\n\nx = {'a': \"🎉\"}\n"
TYPED = ["a", "x = ", "f(", ")", "[0]", "'", '"', "名前", "🎉", " ", "\t", "    ", "def g():", "#"]
INSERTING = [
    *TYPED, *TYPED, "<CR>", "<CR>", "<BS>", "<BS>", "<BS>", "<Del>", "<C-w>", "<C-u>", "<Left>",
    "<Right>", "<Up>", "<Down>", "<Home>", "<End>", "<C-o>dw", "<C-o>x", "<C-r>\"", "<C-t>",
    "<C-d>", "<C-n><C-e>", "<C-]>", "<M-]>", "<M-[>", "<M-a>", "<Esc>", "<Esc>", "<C-g>u",
]  # fmt: skip
NORMAL = [
    "i", "a", "A", "I", "o", "O", "S", "s", "cw", "C", "R", "x", "dd", "yyp", "dw", "J", ">>", "<<",
    "u", "u", "<C-r>", "p", "P", "j", "k", "w", "b", "0", "$", "gg", "G", "~", "yiw", "v$d", "Vjd",
    ".", "qqA!<Esc>q", "@q", "<C-v>jI#<Esc>", ":s/x/y/e<CR>", "xp", ":1m$<CR>",
]  # fmt: skip
PAIRS = "for _, p in ipairs({ '()', '[]', '{}' }) do\
    vim.keymap.set('i', p:sub(1, 1), p .. '<C-g>U<Left>') end"
# At every cursor there is something; some of it begins with what was just typed.
ITEMS = ["a, b)", "x = f(名前)\n    return 🎉", "\n\tnext()", ")", "'quoted'"]


def action(rng: random.Random, mode: str) -> str:
    """Keys that are a whole action in this mode, as somebody might hit them who knows no plan."""
    if mode.startswith("i"):
        return rng.choice(INSERTING)
    if mode.startswith("R"):
        return rng.choice([*TYPED, "<BS>", "<Esc>", "<Esc>"])
    return rng.choice(NORMAL) if mode == "n" else "<Esc>"


def state(nvim: Nvim) -> tuple[list[str], list[int], str]:
    lines = nvim.lines()
    at = nvim.lua("return vim.api.nvim_win_get_cursor(0)")
    return lines, list(at), nvim.request("nvim_get_mode")["mode"]


def prepared(nvim: Nvim) -> None:
    nvim.lua(PAIRS)
    nvim.lua("for _, k in ipairs({ '<Tab>', '<M-w>', '<M-l>' }) do vim.keymap.del('i', k) end")
    nvim.lua(
        "for _, k in ipairs({ '<C-]>', '<M-]>', '<M-[>', '<M-a>' }) do"
        " vim.keymap.set('i', k, '<Nop>') end"
    )
    nvim.lua("vim.o.autoindent = true; vim.o.shiftwidth = 4; vim.o.more = false")


ACT = """
    for key, name in pairs({
      ['<C-]>'] = 'dismiss', ['<M-]>'] = 'next', ['<M-[>'] = 'previous', ['<M-a>'] = 'ask',
    }) do
      vim.keymap.set('i', key, function() require('indoors')[name]() end)
    end
"""
SAME = """
    local row, col, n_gone, piece = ...
    vim.cmd('let &g:undolevels = &g:undolevels')
    local lines = vim.split(piece, '\\n', { plain = true })
    vim.api.nvim_buf_set_text(0, row, col, row, col + n_gone, lines)
    local last = #lines[#lines]
    vim.api.nvim_win_set_cursor(0, { row + #lines, #lines == 1 and col + last or last })
    vim.api.nvim_feedkeys(vim.keycode('<C-g>u'), 'in', false)
"""


def accept(on: Nvim, off: Nvim, name: str) -> bool:
    """Accept in one editor, and write the same into the other; whether anything was accepted."""
    before, (row, col), _ = state(on)
    shown = on.lua(
        "local shown = require('indoors.ghost').shown()"
        f" return require('indoors').{name}() and shown or false"
    )
    if not shown:
        return False
    on.lua("vim.wait(1)")
    after, (row_after, col_after), _ = state(on)
    line = before[row - 1].encode()
    taken = "\n".join(after[row - 1 : row_after]).encode()
    piece = taken[col : len(taken) - len(after[row_after - 1].encode()) + col_after]
    assert shown["text"].encode().startswith(piece), "what is inserted is what was shown"
    behind = after[row_after - 1].encode()[col_after:]
    assert line[col:].endswith(behind), "what stands behind it was there"
    n_gone = len(line) - col - len(behind)
    off.lua(SAME, row - 1, col, n_gone, piece.decode())
    return True


def compare(
    workspace: Path, tmp_path: Path, release: str, display: str, accepts: bool, seed: int, n: int
) -> None:
    """Every key goes to two editors, one without suggestions; after each, both have the same text,
    cursor and mode. What is accepted in one is written into the other.
    """
    n_accepted = 0
    with opened(tmp_path / "on", release) as on, opened(tmp_path / "off", release) as off:
        scripted, plain = Scripted(on, display), Scripted(off, "off")
        for editor, name in ((scripted, "on.py"), (plain, "off.py")):
            (workspace / name).write_text(START)
            editor.open(workspace / name)
            prepared(editor.nvim)
        on.lua(ACT)
        scripted.tell(items=ITEMS, always=True, take_behind=seed % 2 == 0, n_automatic=2)
        rng, mode = random.Random(seed), "n"
        for number in range(n):
            what = key = action(rng, mode)
            if accepts and mode == "i" and rng.random() < 0.2:
                what = rng.choice(["accept", "accept_word", "accept_line"])
                n_accepted += accept(on, off, what)
            else:
                for nvim in (on, off):
                    nvim.type(key)
            assert state(on) == state(off), f"seed {seed}, action {number}: {what!r}"
            mode = state(on)[2]
            if mode == "i" and number % 4 == 0:
                scripted.settle()  # a busy machine answers no one who never waits
        scripted.settle()
        assert scripted.document() == "\n".join(on.lines()) + "\n", "the server has the same"
        n_shown = len(scripted.log("textDocument/didShowCompletion"))
    assert n_shown > n / 20, "there was something to get in the way"
    assert n_accepted > n / 100 or not accepts


EACH = pytest.mark.parametrize(("release", "display"), DISPLAYS.values(), ids=DISPLAYS)
SHORT = pytest.mark.parametrize(
    ("release", "display"), [DISPLAYS["0.11"], DISPLAYS["0.12-builtin"]], ids=["0.11", "builtin"]
)
ACCEPTS = pytest.mark.parametrize("accepts", [False, True], ids=["none", "accepts"])


@SHORT
@ACCEPTS
def test_the_buffer_is_what_it_is_without_suggestions(
    workspace: Path, tmp_path: Path, release: str, display: str, accepts: bool
) -> None:
    compare(workspace, tmp_path, release, display, accepts, seed=1, n=150)


@EACH
@ACCEPTS
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.soak
def test_two_thousand_actions(
    workspace: Path, tmp_path: Path, release: str, display: str, accepts: bool, seed: int
) -> None:
    compare(workspace, tmp_path, release, display, accepts, seed=seed, n=2000)
