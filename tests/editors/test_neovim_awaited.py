"""What a person waits for never gets lost without a word: a server that ends, a command that is
being written when the answer comes, a buffer that has gone meanwhile.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim import PLUGIN, Nvim
from support.nvim_script import SAID, Scripted, press, said

pytestmark = [pytest.mark.editor]

SERVER = PLUGIN.parents[1] / "tests" / "support" / "nvim_edit_server.py"
CODE = "def f(): ..."
CLIENT = "return (vim.lsp.get_clients({ name = 'indoors' })[1] or {}).id"
# In front: none, or the lines of a window that came by itself.
FRONT = """
    if vim.api.nvim_win_get_config(0).relative == '' then return nil end
    return vim.api.nvim_buf_get_lines(0, 0, -1, false)
"""
NOTIFY = "vim.lsp.get_clients({ name = 'indoors' })[1]:notify('fake/done', { [''] = '' })"
FILE = "return vim.api.nvim_buf_get_lines(vim.fn.bufnr('new.py'), 0, -1, false)"
EDIT, EXPLAIN = "nothing was edited", "it was not said"


def run(scripted: Scripted, line: str) -> None:
    scripted.nvim.lua("vim.cmd(...)", line)


def front(nvim: Nvim) -> list[str]:
    return list(nvim.wait(lambda: nvim.lua(FRONT), "the window", 10))


def is_writing(nvim: Nvim) -> bool:
    return str(nvim.request("nvim_get_mode")["mode"]).startswith("c")


@pytest.fixture
def coding(each: Scripted, workspace: Path) -> Scripted:
    """An editor with code, and a server that makes edits slowly."""
    each.server = SERVER
    each.open(workspace / "new.py")
    each.nvim.lua(SAID)
    each.nvim.type(f"i{CODE}<Esc>")
    return each


def ask(scripted: Scripted, action: str = "document") -> None:
    """Have an edit begun."""
    run(scripted, f"Indoors refactor {action}")
    scripted.nvim.wait(lambda: scripted.log("codeAction/resolve"), "the request", 10)


@pytest.mark.parametrize(
    ("code", "next_step"),
    [(9, "ask again"), (78, "indoors policy explain strict   (in a terminal)")],
)
def test_an_edit_that_a_crash_took_is_told(coding: Scripted, code: int, next_step: str) -> None:
    ask(coding)
    coding.nvim.wait(lambda: "editing…" in said(coding), "what is being done", 10)
    coding.send("fake/crash", {"code": code})
    wanted = f"Indoors: {EDIT}: the server ended. Next: {next_step}"
    coding.nvim.wait(lambda: wanted in said(coding).split("\n"), "what became of it", 10)
    assert said(coding).count(EDIT) == 1


def test_of_a_server_that_is_not_started_again_the_next_step_is_its_own(coding: Scripted) -> None:
    coding.nvim.lua("vim.g.indoors = vim.tbl_extend('force', vim.g.indoors, { restart = false })")
    ask(coding)
    coding.send("fake/crash")
    wanted = f"Indoors: {EDIT}: the server ended. Next: :Indoors log, then :Indoors restart"
    coding.nvim.wait(lambda: wanted in said(coding), "what became of it", 10)


def test_an_edit_that_a_restart_took_is_told(coding: Scripted) -> None:
    ask(coding)
    run(coding, "Indoors restart")
    wanted = f"Indoors: {EDIT}: the server ended. Next: ask again"
    coding.nvim.wait(lambda: wanted in said(coding), "what became of it", 20)


def test_an_edit_that_was_made_or_stopped_is_not_lost(coding: Scripted) -> None:
    ask(coding)
    coding.send("fake/done")
    front(coding.nvim)
    coding.nvim.type("q")
    ask(coding)
    run(coding, "Indoors stop")
    before = coding.nvim.lua(CLIENT)
    coding.send("fake/crash")
    coding.nvim.wait(lambda: coding.nvim.lua(CLIENT) not in (None, before), "another server", 10)
    coding.settle()
    assert EDIT not in said(coding)


def test_an_explanation_that_a_crash_took_is_told(coding: Scripted) -> None:
    nvim = coding.nvim
    # In one go: the server reads one after the other, and crashes first.
    nvim.lua(
        "vim.lsp.get_clients({ name = 'indoors' })[1]:notify('fake/crash', { code = 9 })"
        " vim.cmd('Indoors explain') vim.cmd('Indoors refactor document')"
    )
    for loss in (EDIT, EXPLAIN):
        wanted = f"Indoors: {loss}: the server ended. Next: ask again"
        nvim.wait(lambda wanted=wanted: wanted in said(coding), "what became of it", 10)


def test_what_was_written_while_the_server_crashed_is_asked_of_the_next_one(
    coding: Scripted,
) -> None:
    nvim = coding.nvim
    nvim.lua("vim.ui.input = function(_, answer) write = answer end")
    run(coding, "Indoors refactor edit")
    nvim.wait(lambda: nvim.lua("return write ~= nil"), "the prompt", 10)
    before = nvim.lua(CLIENT)
    coding.send("fake/crash")
    nvim.wait(lambda: nvim.lua(CLIENT) not in (None, before), "another server", 10)
    coding.ready()
    nvim.lua("write('shorter')")
    nvim.wait(lambda: coding.log("codeAction/resolve"), "the request", 10)
    coding.send("fake/done")
    assert "+# shorter" in front(nvim)


def test_what_was_written_and_nobody_is_there_to_make_is_told(coding: Scripted) -> None:
    nvim = coding.nvim
    nvim.lua("vim.ui.input = function(_, answer) write = answer end")
    run(coding, "Indoors refactor edit")
    nvim.wait(lambda: nvim.lua("return write ~= nil"), "the prompt", 10)
    nvim.lua("vim.lsp.get_clients({ name = 'indoors' })[1]:stop()")
    nvim.wait(lambda: nvim.lua(CLIENT) is None, "its end", 10)
    nvim.lua("write('shorter')")
    assert said(coding) == f"Indoors: {EDIT}: the server has ended. Next: :Indoors restart"


@pytest.mark.parametrize("keys", ["q:", ":set n", "/f"])
def test_a_diff_waits_for_a_command_that_is_being_written(coding: Scripted, keys: str) -> None:
    nvim = coding.nvim
    ask(coding)
    nvim.type(keys)
    is_window = keys == "q:"
    window = "return vim.fn.getcmdwintype()"
    nvim.wait(lambda: nvim.lua(window) if is_window else is_writing(nvim), "the command", 10)
    nvim.lua(NOTIFY)
    nvim.lua("vim.wait(200)")
    assert nvim.lua(FRONT) is None
    if not is_window:
        nvim.type("u" * ("set" in keys))
        assert is_writing(nvim), "what is written goes on"
    nvim.type(":q<CR>" if is_window else "<CR>")
    assert "+# document" in front(nvim)
    assert nvim.lua(FILE) == [CODE]
    if "set" in keys:
        number = "return vim.wo[vim.fn.bufwinid('new.py')].number"
        assert nvim.lua(number), "the command was for the file"
    press(nvim, "y")
    nvim.wait(lambda: nvim.lines() == ["# document", CODE], "the edit", 10)


def test_an_explanation_waits_for_the_command_line_window(coding: Scripted) -> None:
    nvim = coding.nvim
    nvim.lua("vim.cmd('Indoors explain'); vim.api.nvim_feedkeys('q:', 'n', false)")
    nvim.wait(lambda: nvim.lua("return vim.fn.getcmdwintype()"), "the window for commands", 10)
    nvim.lua("vim.wait(200)")
    assert nvim.lua(FRONT) is None
    nvim.type(":q<CR>")
    assert "Nothing has been asked for" in front(nvim)[0]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("It broke.", "It broke. Next: ask again, or :Indoors log"),
        ("It broke. Next: indoors doctor", "It broke. Next: indoors doctor"),
    ],
)
def test_a_failure_has_a_next_step(coding: Scripted, failure: str, told: str) -> None:
    ask(coding)
    coding.tell(failure=failure)
    coding.send("fake/done")
    wanted = f"Indoors: {EDIT}: {told}"
    coding.nvim.wait(lambda: said(coding) == wanted, "the failure", 10)
    run(coding, "Indoors refactor document")
    coding.nvim.wait(lambda: said(coding) == f"{wanted}\n{wanted}", "that of the menu", 10)


CHANGES = {
    "nvim_buf_set_lines(vim.fn.bufnr('new.py'), 0, 0, false, { '#' })": (
        "the document has changed. Next: ask again"
    ),
    "nvim_buf_delete(vim.fn.bufnr('new.py'), { force = true })": (
        "the document has changed. Next: ask again"
    ),
    "nvim_buf_delete(vim.fn.bufnr('new.py'), { force = true, unload = true })": (
        "the document has changed. Next: ask again"
    ),
    "nvim_set_option_value('modifiable', false, { buf = vim.fn.bufnr('new.py') })": (
        "new.py cannot be changed ('modifiable' is off). Next: :set modifiable, then ask again"
    ),
}


@pytest.mark.parametrize("change", CHANGES, ids=["typed", "wiped", "unloaded", "fixed"])
def test_an_edit_that_does_not_fit_any_more_is_told(
    coding: Scripted, workspace: Path, change: str
) -> None:
    nvim = coding.nvim
    nvim.lua("vim.cmd.cd(...); vim.cmd('silent write')", str(workspace))
    ask(coding)
    run(coding, "enew")  # a buffer on the screen is not unloaded
    coding.send("fake/done")
    front(nvim)
    nvim.lua(f"vim.api.{change}")
    press(nvim, "y")
    wanted = f"Indoors: {EDIT}: {CHANGES[change]}"
    nvim.wait(lambda: wanted in said(coding), "why not", 10)
    assert nvim.lua(FRONT) is None
    assert (workspace / "new.py").read_text() == CODE + "\n"
    assert nvim.lua("return vim.fn.execute('messages')").strip().find("E5108") == -1
