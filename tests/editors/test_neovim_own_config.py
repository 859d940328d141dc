"""What a person configures for the language client in the usual way, and ends in the usual ways,
counts beside what the plugin does.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support.nvim import Nvim
from support.nvim_script import SAID, Scripted, said

pytestmark = [pytest.mark.editor]

OWN = """
    called = {}
    vim.lsp.config('indoors', {
      on_attach = function() table.insert(called, 'attach') end,
      on_exit = function() table.insert(called, 'exit') end,
      on_init = function() table.insert(called, 'init') end,
    })
"""
# Another plugin's, for every client.
EVERYBODYS = "vim.lsp.config('*', { on_attach = function() table.insert(called, 'every') end })"
CLIENT = "return (vim.lsp.get_clients({ name = 'indoors' })[1] or {}).id"
# Of the process, as the script wrote it; no message of a server has it.
PID = "return vim.fn.systemlist({ 'pgrep', '-P', tostring(vim.fn.getpid()), '-f', ... })"


def other_server(nvim: Nvim, before: int) -> None:
    nvim.wait(lambda: nvim.lua(CLIENT) not in (None, before), "another server", 10)


def server_pid(scripted: Scripted) -> int:
    (pid,) = scripted.nvim.lua(PID, scripted.server.name)
    return int(pid)


def test_functions_of_ones_own_stand_beside_ours(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    nvim.lua(OWN)
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    nvim.lua(SAID)
    before = nvim.lua(CLIENT)
    scripted.send("fake/crash")
    other_server(nvim, before)
    scripted.ready()
    assert scripted.ghost() == "", "nothing of the one before"
    scripted.tell(items=["value = 1"])
    nvim.type("<Esc>Sva")
    scripted.wait_ghost("lue = 1")
    assert nvim.lua("return called") == ["init", "attach", "exit", "init", "attach"]


def test_functions_for_every_client_are_called_too(each: Scripted, workspace: Path) -> None:
    each.nvim.lua("called = {}")
    each.nvim.lua(EVERYBODYS)
    each.open(workspace / "new.py")
    assert each.nvim.lua("return called") == ["every"]
    each.tell(items=["value = 1"])
    each.nvim.type("iva")
    each.wait_ghost("lue = 1")


def test_strict_is_not_tried_again_either(each: Scripted, workspace: Path) -> None:
    each.nvim.lua(OWN)
    each.open(workspace / "new.py")
    each.nvim.lua(SAID)
    each.send("fake/crash", {"code": 78})
    each.nvim.wait(lambda: "indoors policy explain strict" in said(each), "the next step", 10)
    assert each.nvim.lua(CLIENT) is None


@pytest.mark.parametrize("own", ["", OWN])
def test_a_command_of_ones_own_is_started_again(each: Scripted, workspace: Path, own: str) -> None:
    """It was set for the client, where the plugin does not look."""
    nvim = each.nvim
    nvim.lua("vim.lsp.config('indoors', { cmd = ... })", each.command())
    each.open(workspace / "new.py")
    before = nvim.lua(CLIENT)
    each.send("fake/crash")
    other_server(nvim, before)


def test_a_server_that_a_person_ends_by_force_stays_ended(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua(SAID)
    nvim.lua("vim.lsp.get_clients({ name = 'indoors' })[1]:stop(true)")
    nvim.wait(lambda: nvim.lua(CLIENT) is None, "the end", 10)
    nvim.lua("vim.wait(300)")
    assert nvim.lua(CLIENT) is None
    assert said(each) == ""
    assert nvim.lua("return require('indoors').status()") == ""
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: nvim.lua("return require('indoors').status()") == "⌂ 7b", "a server", 10)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_server_that_is_killed_by_others_is_started_again(
    each: Scripted, workspace: Path, number: int
) -> None:
    """As by a system that has no memory left."""
    each.open(workspace / "new.py")
    before = each.nvim.lua(CLIENT)
    os.kill(server_pid(each), number)
    other_server(each.nvim, before)
    each.ready()


def test_a_folder_of_ones_own_without_a_server_says_so(
    each: Scripted, workspace: Path, tmp_path: Path
) -> None:
    """And nothing is started, which would end at once and be started again."""
    nvim = each.nvim
    nvim.lua(SAID)
    nvim.lua(
        "local home = ...; vim.uv.os_homedir = function() return home end", str(tmp_path / "home")
    )
    nvim.lua("vim.lsp.config('indoors', { root_dir = ... })", str(workspace))
    nvim.lua("vim.lsp.enable('indoors'); vim.cmd.edit(...)", str(workspace / "new.py"))
    nvim.wait(lambda: said(each), "what is wrong", 10)
    nvim.lua("vim.wait(300)")
    for _ in range(2):
        (told,) = nvim.lua("return said")
        assert told.startswith("Indoors: not started: ")
        assert "uv tool install" in told
        assert told.endswith(", then :Indoors restart")
        nvim.lua("said = {}; vim.cmd('Indoors restart')")
        nvim.wait(lambda: said(each), "the same again", 10)
        nvim.lua("vim.wait(100)")
    assert nvim.lua(CLIENT) is None
    nvim.lua("vim.g.indoors = { cmd = ... }; vim.cmd('Indoors restart')", each.command())
    each.ready()
    assert nvim.lua("return vim.lsp.get_clients()[1].root_dir") == str(workspace)


def test_root_markers_of_ones_own_count(each: Scripted, workspace: Path) -> None:
    inner = workspace / "inner"
    inner.mkdir()
    (inner / ".mine").write_text("")
    each.nvim.lua("vim.lsp.config('indoors', { root_markers = { '.mine' } })")
    each.open(inner / "new.py")
    assert each.nvim.lua("return vim.lsp.get_clients()[1].root_dir") == str(inner)


def test_root_markers_for_every_client_leave_ours(each: Scripted, workspace: Path) -> None:
    inner = workspace / "inner"
    inner.mkdir()
    (inner / ".theirs").write_text("")
    each.nvim.lua("vim.lsp.config('*', { root_markers = { '.theirs' } })")
    each.open(inner / "new.py")
    assert each.nvim.lua("return vim.lsp.get_clients()[1].root_dir") == str(workspace)


GROUPS = """
    local found = {}
    for _, one in ipairs(vim.api.nvim_get_autocmds({})) do
      local name = one.group_name or ''
      if one.buflocal and vim.startswith(name, 'indoors') then table.insert(found, name) end
    end
    return found
"""
KEPT = """
    for index = 1, 60 do
      local name, value = debug.getupvalue(require('indoors.builtin').ask, index)
      if name == 'requests' then return vim.tbl_count(value) end
    end
    return -1
"""


def test_nothing_is_kept_of_a_server_that_ended(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    assert nvim.lua(GROUPS), "the control"
    kept = nvim.lua(KEPT)
    assert kept == (0 if scripted.nvim.release == "0.11" else 1), "the control"
    for _ in range(2):
        before = nvim.lua(CLIENT)
        scripted.send("fake/crash")
        other_server(nvim, before)
        scripted.ready()
    assert nvim.lua(KEPT) == kept
    nvim.lua("vim.lsp.get_clients({ name = 'indoors' })[1]:stop()")
    nvim.wait(lambda: nvim.lua(CLIENT) is None, "the end", 10)
    nvim.wait(lambda: nvim.lua(GROUPS) == [], "the end of what listens", 10)
    assert nvim.lua(KEPT) == 0
