"""`:Indoors`, the status line and `:checkhealth indoors` in real Neovims."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

SAID = """
    said = {}
    vim.notify = function(text, level) table.insert(said, text) end
"""
CHOICES = """
    local number = ...
    vim.ui.select = function(items, _, choose) offered = items; choose(items[number]) end
"""


def said(scripted: Scripted) -> str:
    return "\n".join(scripted.nvim.lua("return said"))


def listen(scripted: Scripted, workspace: Path) -> Scripted:
    scripted.open(workspace / "new.py")
    scripted.nvim.lua(SAID)
    scripted.tell(items=["value = 1"])
    return scripted


@pytest.fixture
def listening(each: Scripted, workspace: Path) -> Scripted:
    return listen(each, workspace)


def run(scripted: Scripted, line: str) -> None:
    scripted.nvim.lua("vim.cmd(...)", line)


def test_the_status_line_and_status_say_what_is_so(listening: Scripted) -> None:
    line = "return require('indoors').status()"
    assert listening.nvim.lua(line) == "⌂ 7b"
    run(listening, "Indoors status")
    assert said(listening) == (
        "Indoors: ready · Scripted Coder 7B Instruct · CPU\n"
        "lock: enforced by the kernel: no network, no files but those it needs"
    )
    refused = 'this file matches a deny rule of the machine policy ("**/secrets/**").'
    for changed, shown in (
        ({"phase": "busy"}, "⌂ 7b …"),
        ({"lock": "unproven"}, "⌂? 7b"),
        ({"phase": "loading", "progress": 0.42}, "⌂ 42 %"),
        ({"phase": "inactive", "reason": refused}, "⌂ off"),
        ({"phase": "error", "reason": "There is no model. indoors models pull m"}, "⌂ !"),
    ):
        status(listening, **changed)
        listening.nvim.wait(
            lambda shown=shown: listening.nvim.lua(line) == shown, f"the status line {shown}", 5
        )
        run(listening, "Indoors status")
        assert changed.get("reason", "") in said(listening)
    listening.nvim.lua("vim.cmd.enew()")
    assert listening.nvim.lua(line) == "", "nothing where it is not attached"


def status(scripted: Scripted, **changed: object) -> None:
    body = {
        "phase": "ready", "reason": "", "model": "Scripted Coder 7B Instruct", "device": "CPU",
        "lock": "enforced", "launcher": "none", "progress": None, "index": [],
    }  # fmt: skip
    message = {"method": "indoors/status", "params": body | changed}
    scripted.send("fake/send", message)
    scripted.settle()


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


def test_arguments_are_completed(listening: Scripted) -> None:
    def complete(line: str) -> list[str]:
        return list(listening.nvim.lua("return vim.fn.getcompletion(..., 'cmdline')", line))

    assert {"status", "pause", "model", "explain", "prove", "log", "refactor"} <= set(
        complete("Indoors ")
    )
    assert complete("Indoors pa") == ["pause"]
    assert complete("Indoors pause ") == ["10", "30", "60", "file", "language", "off"]
    assert complete("Indoors refactor do") == ["document"]
    assert complete("Indoors pause file ") == []
    run(listening, "Indoors nonsense")
    assert 'there is no "nonsense". Next: one of explain, log' in said(listening)
    run(listening, "Indoors pause never")
    assert "is no pause" in said(listening)


def test_an_edit_is_shown_as_a_diff_and_applied(listening: Scripted) -> None:
    nvim = listening.nvim
    nvim.type("idef f(): ...<Esc>")
    listening.nvim.lua(CHOICES, 1)
    diff = (
        "for _, one in ipairs(vim.api.nvim_list_bufs()) do"
        "  if vim.bo[one].filetype == 'diff' then"
        "    return vim.api.nvim_buf_get_lines(one, 0, -1, false) end end"
    )
    run(listening, "Indoors refactor document")
    shown = nvim.wait(lambda: nvim.lua(diff), "the diff", 10)
    assert "+# document" in shown
    nvim.type("q")
    nvim.wait(lambda: not nvim.lua(diff), "the end of the diff", 5)
    assert nvim.lines() == ["def f(): ..."]
    nvim.lua("vim.ui.input = function(_, answer) answer('shorter') end")
    run(listening, "Indoors refactor edit")
    nvim.wait(lambda: "+# shorter" in (nvim.lua(diff) or []), "the diff", 10)
    nvim.type("y")
    nvim.wait(lambda: nvim.lines() == ["# shorter", "def f(): ..."], "the edit", 5)
    run(listening, "Indoors refactor")
    nvim.wait(lambda: "+# document" in (nvim.lua(diff) or []), "the first of the menu", 10)
    nvim.type("q")
    run(listening, "Indoors refactor split")
    nvim.wait(lambda: "cannot be done here" in said(listening), "the reason", 5)


def test_a_model_is_chosen_and_one_that_is_missing_is_offered(
    listening: Scripted, workspace: Path, tmp_path: Path
) -> None:
    nvim = listening.nvim
    # The command line is the same installation as the server; here it is one that we wrote.
    models = [
        {"name": "small", "completes": True, "installed": True},
        {"name": "large", "completes": True, "installed": False},
        {"name": "talker", "completes": False, "installed": True},
    ]
    python = tmp_path / "python"
    ran = tmp_path / "ran"
    lines = "\n".join(map(json.dumps, models))
    python.write_text(f'#!/bin/sh\necho "$@" >> {ran}\ncat <<END\n{lines}\nEND\n')
    python.chmod(0o755)
    nvim.lua("vim.g.indoors = { python = ... }", str(python))
    nvim.lua(CHOICES, 1)
    run(listening, "Indoors model")
    nvim.wait(lambda: "until Neovim ends" in said(listening), "the choice", 10)
    assert [one["name"] for one in nvim.lua("return offered")] == ["small", "large"]
    sent = listening.log("workspace/didChangeConfiguration")[-1]
    assert sent == {"settings": {"indoors": {"model": "small"}}}
    run(listening, "Indoors model large")
    nvim.wait(lambda: "models pull large" in ran.read_text(), "the terminal", 10)
    assert nvim.lua("return offered[1]") == "Pull it in a terminal: indoors models pull large"
    assert nvim.lua("return vim.bo.buftype") == "terminal"
    ran.write_text("")
    nvim.lua("vim.cmd.bdelete({ bang = true })")
    nvim.lua(CHOICES, 2)
    run(listening, "Indoors model large")
    listening.settle()
    assert "pull" not in ran.read_text(), "nobody said yes"
    run(listening, "Indoors model none")
    nvim.wait(lambda: 'there is no model "none"' in said(listening), "the reason", 10)


def test_explain_prove_and_log(listening: Scripted, workspace: Path, tmp_path: Path) -> None:
    nvim = listening.nvim
    python, ran = tmp_path / "python", tmp_path / "ran"
    python.write_text(f'#!/bin/sh\necho "$@" >> {ran}\n')
    python.chmod(0o755)
    nvim.lua("vim.g.indoors = { python = ... }", str(python))
    nvim.type("iname = 'größe'<Esc>")
    run(listening, "Indoors explain")
    assert "is no file" in said(listening)
    run(listening, "silent write")
    nvim.type("A")
    nvim.type("<Esc>")
    run(listening, "Indoors explain")
    file = workspace / "new.py"
    nvim.wait(lambda: ran.exists() and ran.read_text(), "the terminal", 10)
    assert ran.read_text() == f"-I -m indoors_server complete {file}:1:14 --explain\n"
    nvim.lua("vim.cmd.bdelete({ bang = true })")
    nvim.type("x")
    run(listening, "Indoors explain")
    assert "this buffer has changes" in said(listening)
    run(listening, "Indoors prove")
    nvim.wait(lambda: "doctor --prove" in ran.read_text(), "the terminal", 10)
    nvim.lua("vim.cmd.bdelete({ bang = true })")
    nvim.lua("vim.lsp.log.set_level('trace'); vim.lsp.log.trace('a line')")
    run(listening, "Indoors log")
    assert nvim.lua("return vim.fn.expand('%:t')") == "lsp.log"
    assert not nvim.lua("return vim.bo.modifiable")


def checkhealth(scripted: Scripted) -> str:
    scripted.nvim.lua("vim.cmd('checkhealth indoors')")
    text = "\n".join(scripted.nvim.lines())
    scripted.nvim.lua("vim.cmd.bdelete({ bang = true })")
    return text


def test_checkhealth_names_the_next_step_of_each_problem(listening: Scripted) -> None:
    nvim = listening.nvim
    good = checkhealth(listening)
    for line in (
        "found by vim.g.indoors.cmd", "server 9.9.9, protocol 1; plugin 0.1.0, protocol 1",
        "lock: enforced by the kernel", "model: Scripted Coder 7B Instruct, on CPU",
        "no other plugin that completes with a model is loaded",
    ):  # fmt: skip
        assert line in good
    assert "ERROR" not in good
    status(listening, phase="error", reason="There is no model.", lock="unproven")
    nvim.lua("package.loaded.copilot = {}; vim.g.indoors = { python = 'python3' }")
    bad = checkhealth(listening)
    for line in (
        "vim.g.indoors.python (python3) is no absolute path", "`indoors setup` prints it",
        "lock: unproven", "indoors doctor --prove", "There is no model.",
        "Indoors is indoors; copilot is also on",
    ):  # fmt: skip
        assert line in bad
    nvim.lua("vim.g.indoors = { python = ... }", sys.executable)
    assert f"found by vim.g.indoors.python: {sys.executable} -I -m" in checkhealth(listening)
