"""What linters report is told to the server with a request for edits, in its own columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

LINE = 's = "日本語"; foo()'
UNITS = {"utf-8": (17, 20), "utf-16": (11, 14)}
# As a linter that is no language server does, in bytes.
REPORT = """
    vim.api.nvim_buf_set_lines(0, 0, -1, false, { (...), '', 'foo()' })
    local function found(line, first)
      return {
        lnum = line, col = first, end_lnum = line, end_col = first + 3, message = 'undefined foo',
        severity = vim.diagnostic.severity.ERROR, source = 'lint', code = 'F821',
      }
    end
    local namespace = vim.api.nvim_create_namespace('lint')
    vim.diagnostic.set(namespace, 0, { found(0, 17), found(2, 0) })
    vim.ui.select = function() end
"""
ASKED = ("vim.cmd('Indoors refactor')", "require('indoors.edits').menu()")


@pytest.mark.parametrize("encoding", UNITS)
def test_what_any_linter_reports_is_told(each: Scripted, workspace: Path, encoding: str) -> None:
    each.open(workspace / "new.py", "--encoding", encoding)
    each.nvim.lua(REPORT, LINE)
    first, last = UNITS[encoding]
    for n_before, asked in enumerate(ASKED):
        each.nvim.lua(asked)
        each.nvim.wait(
            lambda n_before=n_before: len(each.log("textDocument/codeAction")) > n_before,
            "the request",
            10,
        )
        assert each.log("textDocument/codeAction")[-1]["context"]["diagnostics"] == [
            {
                "range": {
                    "start": {"line": 0, "character": first},
                    "end": {"line": 0, "character": last},
                },
                "message": "undefined foo", "severity": 1, "source": "lint", "code": "F821",
            }
        ], asked  # fmt: skip
