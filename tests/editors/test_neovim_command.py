"""`:Indoors`, the status line and `:checkhealth indoors` in real Neovims."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.nvim_script import SAID, Scripted, listen, press, said

pytestmark = [pytest.mark.editor]

CHOICES = """
    local number = ...
    vim.ui.select = function(items, _, choose) offered = items; choose(items[number]) end
"""


@pytest.fixture
def listening(each: Scripted, workspace: Path) -> Scripted:
    return listen(each, workspace)


def run(scripted: Scripted, line: str) -> None:
    scripted.nvim.lua("vim.cmd(...)", line)


ENGINE = {"name": "gpu", "state": "down", "reason": "gpu does not answer."}


def test_the_status_line_and_status_say_what_is_so(listening: Scripted) -> None:
    line = "return require('indoors').status()"
    assert listening.nvim.lua(line) == "⌂ 7b"
    run(listening, "Indoors status")
    assert said(listening) == (
        "Indoors: ready · Scripted Coder 7B Instruct · CPU · 40 tokens/s\n"
        "lock: enforced by the kernel: no network, no files but those it needs"
    )
    refused = 'this file matches a deny rule of the machine policy ("**/secrets/**").'
    for changed, shown in (
        ({"phase": "busy"}, "⌂ 7b …"),
        ({"lock": "network enforced, files not"}, "⌂ 7b, files not"),
        ({"lock": "unproven"}, "⌂? 7b"),
        ({"phase": "loading", "progress": 0.42}, "⌂ 42 %"),
        ({"phase": "inactive", "reason": refused}, "⌂ off"),
        ({"phase": "error", "reason": "There is no model."}, "⌂ !"),
        ({"mode": "onprem"}, "⇄ on-prem 7b"),
        ({"mode": "closed", "phase": "busy"}, "⇄ closed 7b …"),
        ({"mode": "onprem", "lock": "unproven"}, "⇄? on-prem 7b"),
        ({"mode": "onprem", "phase": "loading", "progress": 0.42}, "⇄ on-prem 42 %"),
        ({"mode": "onprem", "phase": "inactive", "reason": refused}, "⇄ off"),
        ({"mode": "local", "engines": [ENGINE]}, "⌂ 7b"),
    ):
        status(listening, **changed)
        listening.nvim.wait(
            lambda shown=shown: listening.nvim.lua(line) == shown, f"the status line {shown}", 5
        )
        run(listening, "Indoors status")
        assert changed.get("reason", "") in said(listening)
    assert "engine gpu: down: gpu does not answer." in said(listening)
    listening.nvim.lua("vim.cmd.enew()")
    assert listening.nvim.lua(line) == "", "nothing where it is not attached"


def test_an_error_has_one_next_step(listening: Scripted) -> None:
    nvim = listening.nvim
    for told, shown in (
        ("indoors models pull m", "Next: indoors models pull m   (or :Indoors setup)"),
        ("indoors setup", "Next: :Indoors setup   (in a terminal: indoors setup)"),
        ("", "Next: :Indoors setup   (in a terminal: indoors setup)"),
    ):
        nvim.lua(SAID)
        status(listening, phase="error", reason="There is no model.", model="", next_step=told)
        nvim.wait(lambda: nvim.lua("return require('indoors').status()") == "⌂ !", "the error", 5)
        run(listening, "Indoors status")
        assert said(listening).split("\n")[:3] == [
            "Indoors: error · CPU", "There is no model.", shown,
        ]  # fmt: skip
        assert said(listening).count("Next") == 1
    assert "There is no model." in checkhealth(listening)


def test_where_code_may_go_is_said_in_words(listening: Scripted) -> None:
    status(listening, mode="onprem")
    run(listening, "Indoors status")
    assert "on-prem: code may go to your own servers" in said(listening)
    assert "on-prem: code may go to your own servers" in checkhealth(listening)
    status(listening, mode="closed")
    run(listening, "Indoors status")
    assert "closed: code may go to servers of others" in said(listening)
    status(listening, mode="local")
    listening.nvim.lua(SAID)
    run(listening, "Indoors status")
    assert "may go" not in said(listening), "the control"
    assert "may go" not in checkhealth(listening)


def status(scripted: Scripted, **changed: object) -> None:
    body = {
        "phase": "ready", "reason": "", "next_step": "", "mode": "local",
        "model": "Scripted Coder 7B Instruct", "device": "CPU", "tokens_per_s": 40.0,
        "lock": "enforced", "launcher": "none", "progress": None, "index": [],
    }  # fmt: skip
    message = {"method": "indoors/status", "params": body | changed}
    scripted.send("fake/send", message)
    scripted.settle()


def test_arguments_are_completed(listening: Scripted) -> None:
    def complete(line: str) -> list[str]:
        return list(listening.nvim.lua("return vim.fn.getcompletion(..., 'cmdline')", line))

    assert {"status", "pause", "model", "explain", "prove", "log", "refactor", "stop"} <= set(
        complete("Indoors ")
    )
    assert complete("Indoors pa") == ["pause"]
    assert complete("Indoors pause ") == ["10", "30", "60", "file", "language", "off"]
    assert complete("Indoors refactor do") == ["document"]
    assert complete("Indoors explain ") == ["terminal"]
    assert complete("Indoors pause file ") == []
    run(listening, "Indoors nonsense")
    assert 'there is no "nonsense". Next: one of explain, log' in said(listening)
    run(listening, "Indoors pause never")
    assert "is no pause" in said(listening)


def test_a_short_or_preceded_command_is_completed_too(listening: Scripted, tmp_path: Path) -> None:
    def complete(line: str) -> list[str]:
        return list(listening.nvim.lua("return vim.fn.getcompletion(..., 'cmdline')", line))

    for line in (
        "Ind ref", "silent Indoors ref", "1,3Indoors ref", "write | Ind ref", "%Indoo ref",
    ):  # fmt: skip
        assert complete(line) == ["refactor"], line
    assert complete("Ind refactor do") == ["document"]
    assert complete("Ind model ") == [], "a server of one's own has no command line"
    python, ran = tmp_path / "python", tmp_path / "ran"
    names = [{"name": name, "completes": name != "asker"} for name in ("large", "small", "asker")]
    lines = "\n".join(map(json.dumps, names))
    python.write_text(f"#!/bin/sh\necho ran >> {ran}\ncat <<END\n{lines}\nEND\n")
    python.chmod(0o755)
    listening.nvim.lua("vim.g.indoors = { python = ... }", str(python))
    assert complete("Ind model ") == ["large", "small"]
    assert complete("Indoors model s") == ["small"]
    assert ran.read_text() == "ran\n", "at every key only what is known"


def test_a_command_can_stand_behind_a_bar(listening: Scripted) -> None:
    run(listening, "Indoors pause off | let g:behind = 1")
    assert listening.nvim.lua("return vim.g.behind") == 1
    assert said(listening) == "Indoors: suggestions come again."


@pytest.mark.parametrize("minutes", ["inf", "-inf", "nan", "1e300", "0", "-1", "525601"])
def test_a_pause_has_an_end(listening: Scripted, minutes: str) -> None:
    run(listening, f"Indoors pause {minutes}")
    assert f'"{minutes}" is no pause. Next: ' in said(listening)
    assert listening.nvim.lua("return require('indoors').status()") == "⌂ 7b"


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
    # The model reads the code while the person writes.
    (told,) = listening.log("indoors/willEdit")
    assert told["action"] == "edit"
    press(nvim, "y")
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
    # It is used once it is there, and that is said.
    nvim.wait(lambda: "Indoors: large, until Neovim ends" in said(listening), "its use", 10)
    nvim.lua("vim.cmd.wincmd('p')")
    sent = listening.log("workspace/didChangeConfiguration")[-1]
    assert sent == {"settings": {"indoors": {"model": "large"}}}
    nvim.lua("vim.cmd.wincmd('p')")
    ran.write_text("")
    nvim.lua("vim.cmd.bdelete({ bang = true })")
    nvim.lua(CHOICES, 2)
    run(listening, "Indoors model large")
    listening.settle()
    assert "pull" not in ran.read_text(), "nobody said yes"
    run(listening, "Indoors model none")
    nvim.wait(lambda: 'there is no model "none"' in said(listening), "the reason", 10)


def test_a_model_that_could_not_be_pulled_is_not_used(listening: Scripted, tmp_path: Path) -> None:
    nvim = listening.nvim
    python = tmp_path / "python"
    model = json.dumps({"name": "large", "completes": True, "installed": False})
    python.write_text(f"#!/bin/sh\necho '{model}'\ntest $5 != pull\n")
    python.chmod(0o755)
    nvim.lua("vim.g.indoors = { python = ... }", str(python))
    nvim.lua(CHOICES, 1)
    run(listening, "Indoors model large")
    nvim.wait(lambda: "[Process exited 1]" in "\n".join(nvim.lines()), "the end of the pull", 10)
    listening.nvim.lua("vim.cmd.wincmd('p')")
    sent = [one["settings"] for one in listening.log("workspace/didChangeConfiguration")]
    assert sent, "the server looks again all the same"
    assert not [one for one in sent if "model" in one["indoors"]]
    assert "until Neovim ends" not in said(listening)


def test_a_server_of_ones_own_has_no_commands_to_run_and_that_is_said(
    listening: Scripted,
) -> None:
    for command in ("prove", "model"):
        listening.nvim.lua("said = {}")
        run(listening, f"Indoors {command}")
        assert "Next: run `indoors` in a terminal" in said(listening)


FLOAT = """
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      local config = vim.api.nvim_win_get_config(window)
      if config.relative ~= '' then
        local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
        return { lines = lines, title = config.title[1][1] }
      end
    end
"""


def test_the_last_suggestion_is_explained_in_a_window(listening: Scripted) -> None:
    nvim = listening.nvim
    nvim.type("iva")
    listening.wait_ghost("lue = 1")
    nvim.type("<Esc>")
    assert nvim.lua("return vim.bo.modified")
    run(listening, "Indoors explain")
    nothing = nvim.wait(lambda: nvim.lua(FLOAT), "the window", 10)
    assert nothing["lines"] == [
        "Nothing has been asked for in this buffer yet. Next: type, then ask again."
    ]
    nvim.type("q")
    nvim.wait(lambda: not nvim.lua(FLOAT), "its end", 10)
    completion = {
        "id": "1", "shown": True, "source": "run", "totalMs": 84.4,
        "stages": [{"name": "gate", "decision": "admitted", "reason": "größer als 名前"},
                   {"name": "snippets", "decision": "2 of 5", "reason": "defines `Discount`"}],
        "filters": [{"name": "balance", "action": "kept", "reason": ""}],
    }  # fmt: skip
    listening.tell(explained={"refusal": "", "completion": completion})
    run(listening, "Indoors explain")
    shown = nvim.wait(lambda: nvim.lua(FLOAT), "the window", 10)
    assert shown["title"] == " Why this suggestion "
    assert shown["lines"] == [
        "Suggested: from what an earlier request had begun, 84 ms",
        "",
        "Steps",
        "  gate      admitted  größer als 名前",
        "  snippets  2 of 5    defines `Discount`",
        "",
        "Filters",
        "  balance  kept",
        "",
        "Made anew, with the prompt and the raw text: :Indoors explain terminal",
    ]
    (asked, *_) = [
        one for one in listening.log("workspace/executeCommand")
        if one["command"] == "indoors.explain"
    ]  # fmt: skip
    assert asked["arguments"][0].endswith("/new.py")
    assert nvim.lines() == shown["lines"], "the window has the focus"
    nvim.type("x")
    assert nvim.lines() == shown["lines"], "and only shows"
    nvim.type("<Esc>")
    nvim.wait(lambda: not nvim.lua(FLOAT), "its end", 10)
    assert nvim.lines() == ["va"]
    refusal = "this file matches a deny rule of the machine policy"
    listening.tell(explained={"refusal": refusal, "completion": None})
    run(listening, "Indoors explain")
    shown = nvim.wait(lambda: nvim.lua(FLOAT), "the window", 10)
    assert shown["lines"] == [f"Not completed here: {refusal}"]


def test_explain_in_a_terminal_prove_and_log(
    listening: Scripted, workspace: Path, tmp_path: Path
) -> None:
    nvim = listening.nvim
    python, ran = tmp_path / "python", tmp_path / "ran"
    python.write_text(f'#!/bin/sh\necho "$@" >> {ran}\n')
    python.chmod(0o755)
    nvim.lua("vim.g.indoors = { python = ... }", str(python))
    nvim.type("iname = 'größe'<Esc>")
    run(listening, "Indoors explain terminal")
    assert "is no file" in said(listening)
    run(listening, "silent write")
    nvim.type("A")
    nvim.type("<Esc>")
    run(listening, "Indoors explain terminal")
    file = workspace / "new.py"
    nvim.wait(lambda: ran.exists() and ran.read_text(), "the terminal", 10)
    assert ran.read_text() == f"-I -m indoors_server complete {file}:1:14 --explain\n"
    nvim.lua("vim.cmd.bdelete({ bang = true })")
    nvim.type("x")
    run(listening, "Indoors explain terminal")
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
        "none of these is loaded: Amazon Q, Augment, ",
    ):  # fmt: skip
        assert line in good
    assert "ERROR" not in good
    step = "indoors models pull small"
    status(listening, phase="error", reason="There is no model.", next_step=step, lock="unproven")
    nvim.lua("package.loaded.copilot = {}; vim.g.indoors = { python = 'python3' }")
    bad = checkhealth(listening)
    for line in (
        "vim.g.indoors.python (python3) is no absolute path", "`indoors setup` prints it",
        "lock: unproven", "indoors doctor --prove", "There is no model.", step,
        "Indoors is indoors; Copilot is also on",
    ):  # fmt: skip
        assert line in bad
    nvim.lua("vim.g.indoors = { python = ... }", sys.executable)
    assert f"found by vim.g.indoors.python: {sys.executable} -I -m" in checkhealth(listening)
