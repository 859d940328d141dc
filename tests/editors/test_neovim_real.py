"""Real Neovims with the real server and the real model, where something is in the way: a server
that is killed, settings that change, a second editor.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from editors.conftest import opened
from support.nvim import Nvim, start
from support.nvim_script import Scripted
from support.processes import servers_of

pytestmark = [pytest.mark.editor, pytest.mark.model]

READY = "return (require('indoors.status').get() or {}).phase == 'ready'"
SEEN = "return require('indoors').is_visible()"


def completes(nvim: Nvim) -> None:
    """Type at the end of the file until the model completes the line, and take what it says."""
    nvim.type("<Esc>Go    return wid")
    nvim.wait(lambda: nvim.lua(SEEN), "ghost text")
    nvim.type("<Tab>")
    nvim.wait(lambda: "return width * height" in nvim.lines()[-1], "the accepted text")
    nvim.type("<Esc>u")
    nvim.wait(lambda: "width *" not in nvim.lines()[-1], "the file as it was")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "xdg_config_home"


def test_a_killed_server_comes_back_and_completes(
    each: Scripted, home: Path, workspace: Path
) -> None:
    nvim = each.nvim
    start(nvim, workspace / "shapes.py", ghost="own")
    completes(nvim)
    before = servers_of(XDG_CONFIG_HOME=str(home))
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def another() -> bool:
        now = servers_of(XDG_CONFIG_HOME=str(home))
        return bool(now) and not set(now) & set(before)

    nvim.wait(another, "another server")
    nvim.wait(lambda: nvim.lua(READY), "the model", 120)
    completes(nvim)


def test_settings_that_change_count_for_the_server_that_runs(
    nvim: Nvim, home: Path, workspace: Path
) -> None:
    start(nvim, workspace / "shapes.py", ghost="own")
    completes(nvim)
    before = servers_of(XDG_CONFIG_HOME=str(home))
    switch = """
        local settings = vim.g.indoors
        settings.settings.completion.languages = { off = { ... } }
        vim.g.indoors = settings
        require('indoors').settings_changed()
    """
    nvim.lua(switch, "python")
    line = "return require('indoors').status()"
    nvim.wait(lambda: nvim.lua(line) == "⌂ off", "the language to be off", 20)
    nvim.type("Go    return wid")
    nvim.lua("vim.wait(1000)")
    assert not nvim.lua(SEEN)
    nvim.type("<Esc>u")
    nvim.lua(switch)
    nvim.wait(lambda: nvim.lua(READY), "the language to be on", 20)
    completes(nvim)
    assert servers_of(XDG_CONFIG_HOME=str(home)) == before, "the same server"


def test_two_editors_on_one_workspace_complete_each_for_itself(
    workspace: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "a", "0.11") as one, opened(tmp_path / "b", "0.12") as two:
        (workspace / "more.py").write_text((workspace / "shapes.py").read_text())
        start(one, workspace / "shapes.py", ghost="own")
        start(two, workspace / "more.py", ghost="own")
        completes(one)
        completes(two)
        (gone,) = servers_of(XDG_CONFIG_HOME=str(tmp_path / "a" / "xdg_config_home"))
        one.lua("vim.lsp.stop_client(vim.lsp.get_clients({ name = 'indoors' }))")
        one.wait(lambda: not Path(f"/proc/{gone}").exists(), "its server to end", 20)
        completes(two)
