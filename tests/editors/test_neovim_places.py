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


COLADD = "return vim.fn.getcurpos()[4]"


def test_beside_the_text_nothing_is_shown_or_asked(scripted: Scripted, workspace: Path) -> None:
    """With 'virtualedit' the cursor can be where no text is, and nothing can be put there."""
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua("vim.o.virtualedit = 'all'")
    scripted.tell(items=["lue = 1"], always=True)
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    nvim.type("<Right><Right>")
    scripted.wait_ghost("")
    assert nvim.lua(COLADD) == 2, "the control"
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    for name in ("accept", "next", "ask"):
        assert not nvim.lua(f"return require('indoors').{name}()")
    nvim.type("<Esc>4li")
    scripted.settle()
    assert nvim.lua(COLADD) > 2
    assert scripted.ghost() == ""
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked
    assert nvim.lines() == ["va"]
    nvim.type(" x")
    scripted.wait_ghost("lue = 1")
    line = nvim.lines()[0]
    assert line.startswith("va  ")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == [f"{line}lue = 1"], "the accepted text", 5)


def test_what_is_accepted_is_not_folded_away(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    each.open(workspace / "new.py")
    nvim.lua("vim.o.foldmethod, vim.o.foldlevel = 'indent', 0")
    item = "def f():\n    if a:\n        one()\n        two()"
    each.tell(items=[item])
    for keys in (("<Tab>",), ("<M-l>", "<M-l>", "<M-l>", "<M-l>")):
        nvim.type("<Esc>:%d<CR>ide")
        each.wait_ghost(item[2:])
        for key in keys:
            nvim.type(key)
            each.settle()
        nvim.wait(lambda: nvim.lines() == item.split("\n"), "the accepted text", 5)
        assert nvim.lua("return vim.fn.foldlevel('.')") == 2, "the control"
        assert nvim.lua("return vim.fn.foldclosed('.')") == -1


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_what_was_accepted_is_counted_as_it_was_sent(
    scripted: Scripted, workspace: Path, ends: str
) -> None:
    nvim = scripted.nvim
    file = workspace / "new.py"
    file.write_bytes(f"x = 1{ends}{ends}".encode())
    scripted.open(file)
    item = f"größe = (🎉,{ends}    1,{ends}    2)"
    scripted.tell(items=[item])
    nvim.type("2Sgr")
    nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 5)
    for keys in ("<M-l>", "<M-l>", "<M-w>"):
        nvim.type(keys)
        scripted.settle()
    counted = [
        one["acceptedLength"] for one in scripted.log("textDocument/didPartiallyAcceptCompletion")
    ]
    sent = item.removeprefix("gr")
    pieces = ["öße = (🎉,", f"{ends}    1,", f"{ends}    2"]
    wanted = ["".join(pieces[: n + 1]) for n in range(3)]
    assert all(sent.startswith(one) for one in wanted)
    assert counted == [len(one.encode("utf-16-le")) // 2 for one in wanted]
