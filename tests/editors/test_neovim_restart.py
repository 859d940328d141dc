"""`:Indoors restart` in real Neovims: what hangs is replaced, and what was set stays so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.nvim_script import SAID, Scripted, said

pytestmark = [pytest.mark.editor]

PROCESSES = "return vim.api.nvim_get_proc_children(vim.fn.getpid())"
EXPLAINED = """
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then return true end
    end
"""
STARTED = """
    return vim.tbl_map(function(one) return one.id end,
      vim.lsp.get_clients({ name = 'indoors', _uninitialized = true }))
"""
LINE = "return require('indoors').status()"
SETTINGS: dict[str, Any] = {"model": "other"}


def processes(scripted: Scripted) -> list[int]:
    return list(scripted.nvim.lua(PROCESSES))


def sent_at_the_start(scripted: Scripted) -> Any:
    (sent,) = [one["initializationOptions"]["settings"] for one in scripted.log("initialize")]
    return sent


def test_a_server_that_hangs_is_ended_and_replaced(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    nvim.lua(SAID)
    scripted.open(workspace / "new.py")
    (before,) = processes(scripted)
    scripted.send("fake/hang")
    nvim.lua("vim.cmd('Indoors explain')")
    for _ in range(2):  # as one does who sees nothing happen
        nvim.lua("vim.cmd('Indoors restart')")
    assert nvim.lua(LINE) == "", "nothing is said of the one that is being ended"
    nvim.wait(lambda: len(processes(scripted)) == 1 != (before in processes(scripted)), "one", 30)
    scripted.ready()
    assert len(nvim.lua(STARTED)) == 1
    assert said(scripted) == ("Indoors: it was not said: the server ended. Next: ask again"), (
        "and nothing else, as of a crash"
    )
    assert nvim.lua(LINE) == "⌂ 7b"
    nvim.lua("vim.cmd('Indoors explain')")
    nvim.wait(lambda: nvim.lua(EXPLAINED), "an explanation", 10)
    nvim.type("q")
    scripted.tell(items=["value = 1"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")


def test_a_server_that_hangs_from_the_start_is_replaced(
    each: Scripted, workspace: Path, tmp_path: Path
) -> None:
    nvim = each.nvim
    nvim.lua(SAID)
    hung = tmp_path / "hung"
    command = each.command("--hang-once", str(hung))
    nvim.lua("vim.g.indoors = { cmd = ... }; vim.lsp.enable('indoors')", command)
    nvim.lua("vim.cmd.edit(...)", str(workspace / "new.py"))
    nvim.wait(hung.exists, "a server that hangs", 10)
    (before,) = processes(each)
    nvim.lua("vim.cmd('Indoors restart')")
    each.ready()
    assert before not in processes(each)
    assert len(nvim.lua(STARTED)) == 1
    assert nvim.lua(LINE) == "⌂ 7b"


def test_where_the_old_one_does_not_go_the_new_one_is_asked(
    scripted: Scripted, workspace: Path
) -> None:
    """A process that is stopped (a debugger, a frozen group) does not end before it goes on."""
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua(SAID)
    (before,) = processes(scripted)
    nvim.lua("vim.uv.kill(..., 'sigstop')", before)
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: len(nvim.lua(STARTED)) == 2, "another server", 30)
    scripted.ready()
    old, new = sorted(nvim.lua(STARTED))
    assert nvim.lua(LINE) == "⌂ 7b"
    nvim.lua("vim.cmd('Indoors explain')")
    nvim.wait(lambda: nvim.lua(EXPLAINED), "an explanation", 10)
    nvim.type("q")
    nvim.lua("vim.ui.select = function(items) offered = items end; vim.cmd('Indoors refactor')")
    nvim.wait(lambda: nvim.lua("return offered ~= nil"), "the menu of edits", 10)
    nvim.lua("vim.cmd('checkhealth indoors')")
    assert "ERROR" not in "\n".join(nvim.lines())
    nvim.lua("vim.cmd.bdelete({ bang = true })")
    nvim.lua("vim.uv.kill(..., 'sigcont')", before)
    nvim.wait(lambda: nvim.lua(STARTED) == [new], "the end of the old one", 10)
    assert old != new
    scripted.tell(items=["value = 1"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")


@pytest.mark.parametrize("how", ["restart", "crash", "another", "by hand"])
def test_what_was_set_meanwhile_counts_for_every_server_that_is_started_later(
    each: Scripted, workspace: Path, tmp_path: Path, how: str
) -> None:
    nvim = each.nvim
    nvim.lua("vim.lsp.config('indoors', { before_init = function() end })")
    each.open(workspace / "new.py", settings={"completion": {"maxLines": 8}})
    (before,) = nvim.lua(STARTED)
    nvim.lua("vim.g.indoors = vim.tbl_extend('force', vim.g.indoors, { settings = ... })", SETTINGS)
    if how != "by hand":
        nvim.lua("require('indoors').settings_changed()")
    if how == "another":
        folder = tmp_path / "other"
        (folder / ".git").mkdir(parents=True)
        (folder / ".indoors.json").write_text("{}")
        nvim.lua("vim.cmd.edit(...)", str(folder / "new.py"))
        nvim.wait(lambda: len(nvim.lua(STARTED)) == 2, "another server", 10)
        nvim.lua("vim.lsp.get_client_by_id(...):stop()", before)
    elif how == "crash":
        each.send("fake/crash")
    else:
        nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: nvim.lua(STARTED) not in ([], [before]), "another server", 20)
    nvim.wait(lambda: before not in nvim.lua(STARTED), "the end of the first", 10)
    each.ready()
    assert sent_at_the_start(each) == SETTINGS


def test_what_was_set_for_the_client_itself_stays(each: Scripted, workspace: Path) -> None:
    more = {"completion": {"deadlineMs": 700}}
    nvim = each.nvim
    nvim.lua("vim.lsp.config('indoors', { init_options = { settings = ... } })", more)
    each.open(workspace / "new.py")
    nvim.lua("vim.g.indoors = vim.tbl_extend('force', vim.g.indoors, { settings = ... })", SETTINGS)
    (before,) = nvim.lua(STARTED)
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: nvim.lua(STARTED) not in ([], [before]), "another server", 20)
    each.ready()
    assert sent_at_the_start(each) == {**SETTINGS, **more}


def test_a_good_restart_leaves_no_error(each: Scripted, workspace: Path) -> None:
    """Also where a buffer of the server that ended was put away meanwhile."""
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua("vim.o.hidden = true; vim.cmd.edit(...)", str(workspace / "shapes.py"))
    each.ready()
    each.send("fake/crash", {"code": 78})
    nvim.wait(lambda: nvim.lua(LINE) == "⌂ !", "its end", 10)
    nvim.lua("vim.cmd('bunload new.py')")
    nvim.lua("vim.cmd('checkhealth indoors')")
    assert "ERROR the policy allows nothing here" in "\n".join(nvim.lines()), "the control"
    nvim.lua("vim.cmd.bdelete({ bang = true }); vim.cmd('Indoors restart')")
    nvim.wait(lambda: nvim.lua(LINE) == "⌂ 7b", "the server", 20)
    nvim.lua("vim.cmd('checkhealth indoors')")
    assert "ERROR" not in "\n".join(nvim.lines())
