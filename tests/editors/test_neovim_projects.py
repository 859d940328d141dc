"""Two projects in one real Neovim where a person wants a server for each, as the help says."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim import PLUGIN, Nvim
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

BODY = """
    local file, name, more = ...
    local client = vim.lsp.get_clients({ bufnr = vim.fn.bufnr(file), name = 'indoors' })[1]
    local body = vim.tbl_extend('force', {
      phase = 'ready', reason = '', next_step = '', mode = 'local', model = name, device = 'CPU',
      tokens_per_s = 40, lock = 'enforced', launcher = 'none', index = {},
    }, more)
    client:notify('fake/send', { method = 'indoors/status', params = body })
"""
CRASH = """
    local client = vim.lsp.get_clients({ bufnr = vim.fn.bufnr(...), name = 'indoors' })[1]
    client:notify('fake/crash', { code = 9 })
"""
LINE = "return require('indoors').status(vim.fn.bufnr(...))"
LINES = "return table.concat(require('indoors.status').lines(vim.fn.bufnr(...)), '\\n')"
CLIENT = """
    local client = vim.lsp.get_clients({ bufnr = vim.fn.bufnr(...), name = 'indoors' })[1]
    return client and client.id
"""

HAS_GONE = "return vim.lsp.get_client_by_id(...) == nil"
SETTLED = "return vim.tbl_contains({ '⌂ !', '⌂ 7b' }, require('indoors').status(...))"


EACH_ITS_OWN = """
    vim.lsp.config('indoors', {
      reuse_client = function(client, config)
        return not client:is_stopped() and client.name == config.name
          and client.root_dir == config.root_dir
      end,
    })
"""


def test_the_help_has_this() -> None:
    assert EACH_ITS_OWN.strip("\n ") in (PLUGIN / "doc" / "indoors.txt").read_text()


@pytest.fixture
def two(each: Scripted, tmp_path: Path) -> tuple[Scripted, list[str]]:
    """An editor with a file of each of two projects."""
    files = []
    for name in ("one", "two"):
        (tmp_path / name / ".git").mkdir(parents=True)
        files.append(str(tmp_path / name / f"{name}.py"))
    each.nvim.lua(EACH_ITS_OWN)
    each.open(Path(files[0]))
    each.nvim.lua("vim.cmd.edit(...)", files[1])
    each.ready()
    assert each.nvim.lua(CLIENT, files[0]) != each.nvim.lua(CLIENT, files[1])
    each.nvim.lua("said = {}; vim.notify = function(text) table.insert(said, text) end")
    return each, files


def wait_line(nvim: Nvim, file: str, wanted: str) -> None:
    nvim.wait(lambda: nvim.lua(LINE, file) == wanted, f"{wanted} in {file}", 10)


def others(nvim: Nvim, files: list[str], before: list[int]) -> bool:
    """Whether each file has a server, and another one than before."""
    now = [nvim.lua(CLIENT, file) for file in files]
    return all(one is not None and one not in before for one in now)


def test_each_buffer_has_the_status_of_its_own_server(two: tuple[Scripted, list[str]]) -> None:
    scripted, (one, other) = two
    nvim = scripted.nvim
    nvim.lua(BODY, one, "Coder 3B", {"phase": "inactive", "reason": "not in this one."})
    nvim.lua(BODY, other, "Coder 14B", {"mode": "onprem"})
    wait_line(nvim, one, "⌂ off")
    wait_line(nvim, other, "⇄ on-prem 14b")
    assert "not in this one." in nvim.lua(LINES, one)
    assert "on-prem" not in nvim.lua(LINES, one)
    assert "not in this one." not in nvim.lua(LINES, other)
    nvim.lua("vim.cmd('checkhealth indoors')")
    health = "\n".join(nvim.lines())
    assert "nothing is completed in the file you came from: not in this one." in health
    assert "model: Coder 14B, on CPU" in health
    assert f"for {Path(one).parent}:" in health


def test_restart_brings_both_back(two: tuple[Scripted, list[str]]) -> None:
    scripted, files = two
    nvim = scripted.nvim
    before = [nvim.lua(CLIENT, file) for file in files]
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: others(nvim, files, before), "two other servers", 20)
    for file in files:
        wait_line(nvim, file, "⌂ 7b")


def test_one_that_ends_leaves_the_other_and_restart_brings_it_back(
    two: tuple[Scripted, list[str]],
) -> None:
    scripted, (one, other) = two
    nvim = scripted.nvim
    left = nvim.lua(CLIENT, other)
    buffer = nvim.lua("return vim.fn.bufnr(...)", one)
    for _ in range(4):
        before = nvim.lua(CLIENT, one)
        nvim.lua(CRASH, one)
        nvim.wait(lambda before=before: nvim.lua(HAS_GONE, before), "its end", 10)
        nvim.wait(lambda: nvim.lua(SETTLED, buffer), "what came of it", 10)
    assert nvim.lua(LINE, one) == "⌂ !"
    assert nvim.lua(LINE, other) == "⌂ 7b"
    assert nvim.lua(CLIENT, other) == left
    assert "Next: :Indoors log, then :Indoors restart" in nvim.lua(LINES, one)
    # Its crashes are not the other's: that one is started again.
    nvim.lua(CRASH, other)
    nvim.wait(lambda: others(nvim, [other], [left]), "the other again", 10)
    nvim.lua("vim.cmd('Indoors restart')")
    for file in (one, other):
        wait_line(nvim, file, "⌂ 7b")
    assert nvim.lua(CLIENT, one) != nvim.lua(CLIENT, other)
