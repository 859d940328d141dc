"""What `:Indoors` runs in a terminal can be read to its end, and answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import nvim_screen
from support.nvim_script import SAID, Scripted

pytestmark = [pytest.mark.editor]

# More than a screen, then a question.
ASKING = """#!/bin/sh
for number in $(seq 1 60); do echo "line $number"; done
printf 'Download 4.7 GB? [y/N] '
read answer
echo "answered $answer" >> {answers}
echo "all done"
sleep "$PAUSE"
"""
MODE = "return vim.api.nvim_get_mode().mode"
PULL = """
    require('indoors.command').terminal({ 'models', 'pull', 'large' })
"""


@pytest.fixture
def answers(each: Scripted, tmp_path: Path) -> Path:
    """Where the command writes what it was answered."""
    python, answers = tmp_path / "python", tmp_path / "answers"
    python.write_text(ASKING.format(answers=answers))
    python.chmod(0o755)
    each.nvim.lua("vim.g.indoors = { python = ... }; vim.env.PAUSE = '60'", str(python))
    each.nvim.lua(SAID)
    return answers


@pytest.mark.parametrize("how", ["vim.cmd('Indoors setup')", PULL])
def test_a_question_is_seen_and_answered(each: Scripted, answers: Path, how: str) -> None:
    nvim = each.nvim
    screen = nvim_screen.watched(nvim, 60, 20)
    nvim.lua(how)
    nvim.wait(lambda: "[y/N]" in "\n".join(screen.lines()), "the question on the screen", 10)
    assert nvim.lua(MODE) == "t"
    nvim.type("y<CR>")
    nvim.wait(lambda: answers.exists() and answers.read_text(), "the answer", 10)
    assert answers.read_text() == "answered y\n"


def test_what_it_said_stays_to_be_read(each: Scripted, answers: Path) -> None:
    """In terminal mode any key would close the window of a command that has ended."""
    nvim = each.nvim
    screen = nvim_screen.watched(nvim, 60, 20)
    nvim.lua("vim.env.PAUSE = '0'; vim.cmd('Indoors setup')")
    nvim.wait(lambda: "[y/N]" in "\n".join(screen.lines()), "the question on the screen", 10)
    nvim.type("y<CR>")
    nvim.wait(lambda: nvim.lua(MODE) == "nt", "the end", 10)
    nvim.type("jk")
    nvim.lua("vim.wait(50)")
    assert "all done" in "\n".join(screen.lines())


def test_another_window_keeps_its_mode_when_a_command_ends(each: Scripted, answers: Path) -> None:
    nvim = each.nvim
    nvim.lua("vim.env.PAUSE = '0'; vim.cmd('Indoors setup'); job = vim.bo.channel")
    nvim.wait(lambda: nvim.lua(MODE) == "t", "terminal mode", 10)
    nvim.type("<C-\\><C-n><C-w>pi")
    nvim.wait(lambda: nvim.lua(MODE) == "i", "insert mode", 10)
    nvim.lua("vim.fn.chansend(job, 'n\\n')")
    nvim.wait(lambda: nvim.lua("return vim.fn.jobwait({ job }, 0)[1] ~= -1"), "the end", 10)
    nvim.lua("vim.wait(50)")
    assert nvim.lua(MODE) == "i"


def test_prove_is_followed_to_its_end(each: Scripted, answers: Path) -> None:
    nvim = each.nvim
    screen = nvim_screen.watched(nvim, 60, 20)
    nvim.lua("vim.cmd('Indoors prove')")
    nvim.wait(lambda: "[y/N]" in "\n".join(screen.lines()), "the last line on the screen", 10)
    assert nvim.lua(MODE) == "nt", "it asks nothing"
