"""Places where a suggestion has no room, or where it leaves something behind, in real Neovims."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted, listen

pytestmark = [pytest.mark.editor]

COUNT = """
    local offers = require('indoors.offers')
    local lines_changed = offers.lines_changed
    counted = 0
    offers.lines_changed = function(...)
      counted = counted + 1
      return lines_changed(...)
    end
"""


def test_whoever_attaches_again_listens_once(each: Scripted, workspace: Path) -> None:
    nvim = listen(each, workspace).nvim
    nvim.lua(
        "local client = vim.lsp.get_clients({ name = 'indoors' })[1].id\n"
        "for _ = 1, 5 do\n"
        "  vim.lsp.buf_detach_client(0, client)\n"
        "  vim.lsp.buf_attach_client(0, client)\n"
        "end"
    )
    nvim.type("iva")
    each.wait_ghost("lue = 1")
    nvim.lua(COUNT)
    nvim.type("l")
    each.settle()
    assert each.ghost() == "ue = 1"
    assert nvim.lua("return counted") == 1
