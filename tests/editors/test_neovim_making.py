"""While an edit is made, and the moment it is there, in real Neovims with a scripted server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.nvim import PLUGIN
from support.nvim_screen import watched
from support.nvim_script import Scripted, press

pytestmark = [pytest.mark.editor]

SERVER = PLUGIN.parents[1] / "tests" / "support" / "nvim_edit_server.py"
LOUD = """
    said = {}
    local notify = vim.notify
    vim.notify = function(text, level) table.insert(said, text); notify(text, level) end
"""
DIFF = """
    local buffer = vim.api.nvim_get_current_buf()
    if vim.bo[buffer].filetype ~= 'diff' then return nil end
    return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
"""
CODE = "def f(): ..."
# A second file with the edit, as where tests are written.
TWO_FILES = """
    local folder = ...
    local uri = vim.uri_from_fname(folder .. '/tests/test_new.py')
    local start = { line = 0, character = 0 }
    local text = { range = { start = start, ['end'] = start }, newText = 'def test_f(): ...\\n' }
    require('indoors.edits').show({ documentChanges = {
      { kind = 'create', uri = uri, options = { ignoreIfExists = false } },
      { textDocument = { uri = uri }, edits = { text } },
    } }, 'utf-16')
"""


def said(scripted: Scripted) -> str:
    return "\n".join(scripted.nvim.lua("return said"))


def run(scripted: Scripted, line: str) -> None:
    scripted.nvim.lua("vim.cmd(...)", line)


def diff(scripted: Scripted) -> list[str]:
    return list(scripted.nvim.wait(lambda: scripted.nvim.lua(DIFF), "the diff", 10))


@pytest.fixture
def making(each: Scripted, workspace: Path) -> Scripted:
    """An editor in which an edit is being made."""
    each.server = SERVER
    each.open(workspace / "new.py")
    each.nvim.lua(LOUD)
    each.nvim.type(f"i{CODE}<Esc>")
    run(each, "Indoors refactor document")
    each.nvim.wait(lambda: each.log("codeAction/resolve"), "the request", 10)
    return each


@pytest.mark.parametrize("late", [False, True])
def test_an_edit_is_stopped_by_a_person(making: Scripted, late: bool) -> None:
    making.tell(late=late)
    making.nvim.wait(lambda: said(making), "the way to end it", 10)
    assert said(making) == "Indoors: editing… Next: :Indoors stop ends it"
    run(making, "Indoors stop")
    assert said(making).endswith("Indoors: stopped: document new.py. Nothing was changed.")
    making.nvim.wait(lambda: making.log("$/cancelRequest"), "the cancellation", 10)
    making.settle()
    assert making.nvim.lua(DIFF) is None
    assert making.nvim.lines() == [CODE]
    run(making, "Indoors stop")
    assert said(making).endswith("Indoors: no edit is being made. Next: :Indoors refactor")
    assert said(making).count("editing…") == 1
    # The next one is made as ever.
    run(making, "Indoors refactor document")
    making.nvim.wait(lambda: len(making.log("codeAction/resolve")) == 2, "the request", 10)
    making.send("fake/done")
    assert "+# document" in diff(making)


def test_a_server_that_crashes_leaves_no_edit_behind(making: Scripted) -> None:
    client = "return (vim.lsp.get_clients({ name = 'indoors' })[1] or {}).id"
    before = making.nvim.lua(client)
    making.send("fake/crash")
    making.nvim.wait(lambda: making.nvim.lua(client) not in (None, before), "another server", 10)
    assert making.nvim.lua(DIFF) is None
    run(making, "Indoors stop")
    assert said(making).endswith("Indoors: no edit is being made. Next: :Indoors refactor")
    run(making, "Indoors refactor document")
    making.nvim.wait(lambda: making.log("codeAction/resolve"), "the request", 10)
    making.send("fake/done")
    assert "+# document" in diff(making)


def test_what_is_said_meanwhile_asks_for_no_key(each: Scripted, workspace: Path) -> None:
    """Behind a prompt, and on a narrow screen."""
    watched(each.nvim, 60, 20)
    each.server = SERVER
    each.open(workspace / "new.py")
    each.nvim.lua(LOUD)
    each.nvim.type(f"i{CODE}<Esc>")
    each.nvim.lua("vim.schedule(function() vim.cmd('Indoors refactor edit') end)")
    mode = "nvim_get_mode"
    each.nvim.wait(lambda: each.nvim.request(mode)["mode"] == "c", "the prompt", 10)
    each.nvim.type("shorter<CR>")
    each.nvim.wait(lambda: "editing…" in said(each), "the way to end it", 10)
    assert each.nvim.request(mode) == {"mode": "n", "blocking": False}
    each.nvim.type("x")
    each.nvim.wait(lambda: each.nvim.lines() == [CODE[:-1]], "the key to count", 10)


def test_a_key_that_was_being_typed_applies_nothing(making: Scripted) -> None:
    nvim = making.nvim
    nvim.lua("require('indoors.meant').QUIET_MS = 60000; vim.cmd.new()")
    nvim.type("iretr")
    making.nvim.lua(
        "vim.lsp.get_clients({ name = 'indoors' })[1]:notify('fake/done', { [''] = '' })"
    )
    shown = diff(making)
    nvim.type("yyy<CR>y<CR>")
    nvim.lua("vim.wait(1)")
    assert nvim.lua("return vim.api.nvim_get_mode().mode") == "n"
    assert diff(making) == shown, "nothing but a diff"
    assert "not applied: typed too soon. Next: read the diff, then y, or q" in said(making)
    nvim.type("q")
    nvim.wait(lambda: nvim.lua(DIFF) is None, "the end of the diff", 10)
    buffers = "return vim.api.nvim_buf_get_lines(vim.fn.bufnr('new.py'), 0, -1, false)"
    assert nvim.lua(buffers) == [CODE]


@pytest.mark.parametrize("key", ["y", "<CR>"])
def test_a_key_that_was_meant_applies_it(making: Scripted, key: str) -> None:
    making.send("fake/done")
    diff(making)
    press(making.nvim, key)
    making.nvim.wait(lambda: making.nvim.lines() == ["# document", CODE], "the edit", 10)
    assert "changed, not saved" not in said(making), "the person sees it"


def test_what_is_changed_out_of_sight_is_named(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua(LOUD)
    nvim.lua("vim.cmd.cd(...)", str(workspace))
    nvim.lua(TWO_FILES, str(workspace))
    assert "+def test_f(): ..." in diff(each)
    press(nvim, "y")
    nvim.wait(lambda: said(each), "the other file", 10)
    assert said(each) == (
        "Indoors: changed, not saved: tests/test_new.py. Next: :edit tests/test_new.py"
    )
    assert (workspace / "tests" / "test_new.py").read_text() == "", "not saved"
    run(each, "edit tests/test_new.py")
    lines: Any = nvim.lines()
    assert lines[0] == "def test_f(): ..."
    assert nvim.lua("return vim.bo.modified")
