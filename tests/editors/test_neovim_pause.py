"""Pauses in real Neovims: what they keep back, when they end, and what is said meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted, listen, said

pytestmark = [pytest.mark.editor]


def run(scripted: Scripted, line: str) -> None:
    scripted.nvim.lua("vim.cmd(...)", line)


@pytest.mark.parametrize(
    ("how", "words"),
    [("", "for another 10 min"), ("30", "for another 30 min"), ("file", "in this file"),
     ("language", "in python files")],
)  # fmt: skip
def test_a_pause_hides_and_asks_nothing_until_it_ends(
    scripted: Scripted, workspace: Path, how: str, words: str
) -> None:
    listening = listen(scripted, workspace)
    nvim = listening.nvim
    nvim.type("iva")
    listening.wait_ghost("lue = 1")
    run(listening, f"Indoors pause {how}")
    assert said(listening) == f"Indoors: paused {words}. Next: :Indoors pause off"
    listening.wait_ghost("")
    n_asked = len(listening.log("textDocument/inlineCompletion"))
    nvim.type("l")
    listening.settle()
    assert listening.ghost() == ""
    assert len(listening.log("textDocument/inlineCompletion")) == n_asked
    assert nvim.lua("return require('indoors').status()") == "⌂ paused"
    nvim.type("<Esc>")
    nvim.lua("vim.cmd('silent write'); vim.cmd.edit(...)", str(workspace / "other.py"))
    nvim.type("iva")
    if how == "file":
        listening.wait_ghost("lue = 1")
    else:
        listening.settle()
        assert listening.ghost() == ""
    nvim.type("<Esc>")
    run(listening, "Indoors pause off")
    nvim.type("S" + "va")
    listening.wait_ghost("lue = 1")


def test_the_end_of_one_pause_is_not_the_end_of_another(each: Scripted, workspace: Path) -> None:
    listening = listen(each, workspace)
    nvim = listening.nvim
    paused = "return require('indoors.status').paused(0)"
    run(listening, "Indoors pause file")
    run(listening, "Indoors pause 30")
    run(listening, "Indoors pause 0.005")
    nvim.wait(lambda: nvim.lua(paused) == "in this file", "the end of the minutes", 10)
    nvim.lua("vim.wait(100)")
    assert nvim.lua(paused) == "in this file"
    assert nvim.lua("return require('indoors').status()") == "⌂ paused"
    run(listening, "Indoors pause off")
    assert nvim.lua(paused) == ""


@pytest.mark.parametrize("key", ["<M-a>", "<M-]>"])
def test_a_key_that_asks_while_paused_is_told_why_nothing_comes(
    scripted: Scripted, workspace: Path, key: str
) -> None:
    listening = listen(scripted, workspace)
    nvim = listening.nvim
    nvim.type("iva")
    listening.wait_ghost("lue = 1")
    run(listening, "Indoors pause file")
    nvim.lua("said = {}")
    n_asked = len(listening.log("textDocument/inlineCompletion"))
    nvim.type(key)
    nvim.wait(lambda: said(listening), "the reason", 10)
    assert said(listening) == "Indoors: paused in this file. Next: :Indoors pause off"
    listening.settle()
    assert listening.ghost() == ""
    assert len(listening.log("textDocument/inlineCompletion")) == n_asked
    assert nvim.lines() == ["va"], "the key is not typed"
    run(listening, "Indoors pause off")
    nvim.type("<M-a>")
    listening.wait_ghost("lue = 1")
