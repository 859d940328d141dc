"""Buffers that are not simply files on the screen: without a name, closed meanwhile, terminals."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.nvim import Nvim
from support.nvim_script import SAID, Scripted, press, said

pytestmark = [pytest.mark.editor]

BUFFERS = "return #vim.api.nvim_list_bufs()"
MORE = """
    local buffer = vim.api.nvim_get_current_buf()
    local client = vim.lsp.get_clients({ bufnr = buffer, name = 'indoors' })[1]
    local version = vim.lsp.util.buf_versions[buffer]
    local document = { uri = vim.uri_from_bufnr(buffer), version = version }
    client:notify('fake/send', {
      method = 'indoors/completionReady', params = { textDocument = document },
    })
"""
# In front: none, or the lines of a window that came by itself.
FRONT = """
    if vim.api.nvim_win_get_config(0).relative == '' then return nil end
    return vim.api.nvim_buf_get_lines(0, 0, -1, false)
"""
ERRORS = "return vim.fn.execute('messages')"


def no_errors(nvim: Nvim) -> bool:
    return "rror" not in nvim.lua(ERRORS)


def test_a_buffer_without_a_name_is_completed_and_makes_no_other(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    nvim.lua("vim.cmd.cd(...)", str(workspace))
    scripted.open(workspace / "new.py")
    nvim.lua("vim.lsp.get_clients({ name = 'indoors' })[1]:stop(); vim.cmd('%bwipeout!')")
    nvim.wait(lambda: nvim.lua("return #vim.lsp.get_clients()") == 0, "no server", 10)
    nvim.lua("vim.bo.filetype = 'python'")
    scripted.ready()
    scripted.tell(items=["value = 1"])
    before = nvim.lua(BUFFERS)
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    nvim.lua(MORE)
    nvim.wait(lambda: len(scripted.log("textDocument/inlineCompletion")) > n_asked, "the rest", 10)
    scripted.wait_ghost("lue = 1")
    assert nvim.lua(BUFFERS) == before
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 1"], "the accepted text", 10)
    nvim.type("<Esc>")
    nvim.lua(SAID)
    nvim.lua("vim.cmd('Indoors refactor document')")
    nvim.wait(lambda: said(scripted), "why not", 10)
    assert said(scripted) == (
        "Indoors: nothing was edited: this buffer has no name. Next: :write NAME, then ask again"
    )
    assert nvim.lua(BUFFERS) == before
    assert no_errors(nvim)


def test_a_buffer_that_goes_while_it_is_completed(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    for number, how in enumerate(("bwipeout!", "bdelete!", "edit!", "tabedit other.py")):
        scripted.open(workspace / f"new{number}.py")
        scripted.tell(items=["value = 1"], hold=True)
        nvim.type("iva")
        scripted.settle()
        nvim.lua("vim.cmd(...)", f"stopinsert | {how}")
        scripted.send("fake/release")
        scripted.settle()
        assert scripted.ghost() == ""
        nvim.lua("vim.cmd('stopinsert')")
        assert no_errors(nvim)
    # In a file that comes back it goes on.
    scripted.open(workspace / "new1.py")
    nvim.type("Sva")
    scripted.wait_ghost("lue = 1")


def test_an_edit_that_comes_to_a_terminal_leaves_it_to_itself(
    each: Scripted, workspace: Path
) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.type("idef f(): ...<Esc>")
    buffer = nvim.lua("return vim.api.nvim_get_current_buf()")
    # The answer comes once the terminal has the keys.
    nvim.lua(
        "vim.cmd('Indoors refactor document'); vim.cmd('new'); "
        "terminal = vim.fn.jobstart({ 'cat' }, { term = true }); vim.cmd.startinsert()"
    )
    nvim.wait(lambda: nvim.lua(FRONT), "the diff", 10)
    assert nvim.lua("return vim.api.nvim_get_mode().mode") == "n"
    press(nvim, "y")
    lines = "return vim.api.nvim_buf_get_lines(..., 0, -1, false)"
    wanted = ["# document", "def f(): ..."]
    nvim.wait(lambda: nvim.lua(lines, buffer) == wanted, "the edit", 10)
    assert nvim.lua("return vim.bo.buftype") == "terminal"
    assert nvim.lua("return vim.fn.jobwait({ terminal }, 0)[1]") == -1, "it runs on"


@pytest.mark.parametrize("status", [0, 3])
def test_a_command_goes_on_when_its_window_is_closed(
    each: Scripted, workspace: Path, tmp_path: Path, status: int
) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua(SAID)
    python, go, done = tmp_path / "python", tmp_path / "go", tmp_path / "done"
    python.write_text(
        f"#!/bin/sh\nuntil test -e {go}; do sleep 0.05; done\ntouch {done}\nexit {status}\n"
    )
    python.chmod(0o755)
    nvim.lua("vim.g.indoors = { python = ... }", str(python))
    before = nvim.lua(BUFFERS)
    nvim.lua("vim.cmd('Indoors setup'); vim.cmd.wincmd('p'); vim.cmd('only')")
    time.sleep(0.3)
    go.write_text("")
    nvim.wait(done.exists, "the end of the command", 10)
    if status:
        nvim.wait(lambda: said(each), "what became of it", 10)
        (step,) = said(each).split("`indoors setup` has failed. Next: ")[1:]
        nvim.lua("vim.cmd(...)", step.removeprefix(":"))
        assert nvim.lua("return vim.bo.buftype") == "terminal"
    else:
        nvim.wait(lambda: nvim.lua(BUFFERS) == before, "the end of its buffer", 10)
        assert said(each) == ""
