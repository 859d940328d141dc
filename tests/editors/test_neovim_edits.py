"""Every action in a real Neovim with the real model: a diff that a person reads and decides on."""

from __future__ import annotations

from pathlib import Path

import pytest

from indoors_completion.refactor import actions
from support.nvim import Nvim, start
from support.nvim_script import press

PATIENCE_S = 180.0  # asked is what comes, not how fast

pytestmark = [pytest.mark.editor, pytest.mark.model]

CODE = '''\
import json


def area(width, height):
    result = 0
    for _ in range(height):
        result = result + width
    return result


def load(path):
    with open(path) as file:
        text = file.read()
    return json.loads(text)


def greet(name):
    """Give "Hello, NAME!"."""
    raise NotImplementedError


def double(value):
    return vlaue * 2
'''
LONG = "def report(items):\n" + "".join(
    f"    total_{n} = 0\n    for item in items:\n        total_{n} = total_{n} + item[{n}]\n"
    f"    print('{word}', total_{n})\n"
    for n, word in enumerate(
        ["price", "tax", "weight", "volume", "count", "discount", "points", "age", "rank", "size"]
    )
)
# Where each action is asked for, and what is told to a tool that asks.
PLACES = {
    "edit": ("result = 0", "Use multiplication instead of a loop."),
    "fix": ("vlaue", ""),
    "implement": ("raise Not", ""),
    "document": ("result = 0", ""),
    "annotate": ("result = 0", ""),
    "simplify": ("result = 0", ""),
    "handle_errors": ("with open", ""),
    "extract": ("    for _ in range(height):\n        result = result + width\n", ""),
    "split": ("total_0 = 0", ""),
    "tests": ("result = 0", ""),
}
WINDOW = """
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        local buffer = vim.api.nvim_win_get_buf(window)
        if vim.bo[buffer].filetype == 'diff' then
          return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
        end
      end
    end
"""
CHOOSE = """
    local name, said, first, last = ...
    vim.ui.input = function(_, answer) answer(said) end
    vim.ui.select = function(items, _, choose) choose(items[1]) end
    local where = nil
    if last > first then where = { start = { first, 0 }, ['end'] = { last, 0 } } end
    require('indoors.edits').menu({
      range = where,
      apply = true,
      filter = function(one)
        local wish = one.command and one.command.arguments and one.command.arguments[1]
        return type(wish) == 'table' and wish.action == name
      end,
    })
"""
REPORT = """
    local line, first, last = ...
    vim.diagnostic.set(vim.api.nvim_create_namespace('lint'), 0, { {
      lnum = line, col = first, end_lnum = line, end_col = last,
      message = "undefined name 'vlaue'", source = 'lint', severity = vim.diagnostic.severity.ERROR,
    } })
"""


def diff(nvim: Nvim) -> list[str]:
    """The diff, once it is shown; fails at once where the person is told that there is none."""

    def shown() -> list[str] | None:
        said = str(nvim.lua("return vim.fn.execute('messages')"))
        assert "No safe edit" not in said, said
        assert "Nothing was edited" not in said, said
        return list(nvim.lua(WINDOW) or ())

    return list(nvim.wait(shown, "the diff", PATIENCE_S))


def opened(nvim: Nvim, workspace: Path, action: str) -> Path:
    """A file with code for an action, and the cursor where it applies."""
    file = workspace / "shop.py"
    file.write_text(LONG if action == "split" else CODE)
    start(nvim, file)
    return file


@pytest.mark.parametrize("action", [one.name for one in actions.ACTIONS])
def test_every_action_shows_a_diff_and_is_one_step_to_undo(
    nvim: Nvim,
    workspace: Path,
    action: str,
) -> None:
    file = opened(nvim, workspace, action)
    before = nvim.lines()
    at, said = PLACES[action]
    text = "\n".join(before) + "\n"
    line = text[: text.index(at)].count("\n")
    nvim.lua("vim.api.nvim_win_set_cursor(0, { ... })", line + 1, 4)
    if action == "fix":
        column = before[line].index("vlaue")
        nvim.lua(REPORT, line, column, column + 5)
    first, last = (line + 1, line + 1 + at.count("\n")) if at.endswith("\n") else (0, 0)
    nvim.lua(CHOOSE, action, said, first, last)
    shown = diff(nvim)
    assert [row for row in shown if row.startswith("+") and not row.startswith("+++")], shown
    assert any(row.startswith("@@") for row in shown)
    assert any("checks passed" in row for row in shown)
    assert nvim.lua("return vim.fn.bufname('%')") != file.name, "the diff has the focus"
    assert file.read_text() == text, "nothing is written before somebody decides"

    press(nvim, "y")
    nvim.wait(lambda: not nvim.lua(WINDOW), "the end of the diff")
    if action == "tests":
        made = workspace / "tests" / "test_shop.py"
        code = "return vim.api.nvim_buf_get_lines(vim.fn.bufnr(...), 0, -1, false)"
        lines = nvim.lua(code, str(made))
        assert "from shop import area" in lines
        told = nvim.lua("return vim.fn.execute('messages')")
        assert "changed, not saved: " in told
        assert "Next: :edit " in told
        return
    after = nvim.lines()
    assert after != before
    nvim.type("u")
    nvim.wait(lambda: nvim.lines() == before, "one step back")


def test_a_diff_that_is_discarded_or_overtaken_changes_nothing(
    nvim: Nvim,
    workspace: Path,
) -> None:
    opened(nvim, workspace, "document")
    before = nvim.lines()
    for keys, what in (("q", before), ("<Esc>", before)):
        nvim.lua("vim.api.nvim_win_set_cursor(0, { 5, 4 })")
        nvim.lua(CHOOSE, "document", "", 0, 0)
        diff(nvim)
        nvim.type(keys)
        nvim.wait(lambda: not nvim.lua(WINDOW), "the end of the diff")
        assert nvim.lines() == what
    nvim.lua(CHOOSE, "document", "", 0, 0)
    diff(nvim)
    # Somebody else, a formatter say, changes the buffer while the diff is read.
    nvim.lua(
        "local b = vim.fn.bufnr('shop.py'); vim.api.nvim_buf_set_lines(b, 0, 0, false, { '#' })"
    )
    press(nvim, "y")
    nvim.wait(lambda: not nvim.lua(WINDOW), "the end of the diff")
    assert nvim.lines() == ["#", *before]
