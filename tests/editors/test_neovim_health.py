"""`:checkhealth indoors` in real Neovims: what stands beside Indoors, and that it can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

CLIENT = """
    vim.lsp.start({
      name = ...,
      cmd = function(dispatchers)
        return {
          request = function(method, _, answered)
            answered(nil, method == 'initialize' and { capabilities = {} } or vim.NIL)
            return true, 1
          end,
          notify = function(method)
            if method == 'exit' then dispatchers.on_exit(0, 0) end
            return true
          end,
          is_closing = function() return false end,
          terminate = function() end,
        }
      end,
    })
"""


GONE = "return vim.lsp.get_client_by_id(started) == nil"


def health(scripted: Scripted) -> str:
    scripted.nvim.lua("vim.cmd('checkhealth indoors')")
    text = "\n".join(scripted.nvim.lines())
    scripted.nvim.lua("vim.cmd.bdelete({ bang = true })")
    return text


KNOWN = [
    ("vim.g.loaded_codeium", "Codeium/Windsurf"),
    ("vim.g.loaded_copilot", "Copilot"),
    ("vim.g.loaded_augment", "Augment"),
    ("package.loaded.neocodeium", "NeoCodeium"),
    ("package.loaded.tabnine", "Tabnine"),
    ("package.loaded['cmp_tabnine.source']", "Tabnine"),
    ("package.loaded['supermaven-nvim.config']", "Supermaven"),
    ("package.loaded['copilot-lsp.nes']", "Copilot"),
    ("package.loaded.amazonq", "Amazon Q"),
]
CLIENTS = [("GitHub Copilot", "Copilot"), ("copilot_ls", "Copilot"), ("llm-ls", "llm.nvim")]


def test_who_else_completes_with_a_model_is_named(each: Scripted, workspace: Path) -> None:
    def named(name: str) -> bool:
        text = health(each)
        assert ("none of these is loaded: " in text) == ("is also on" not in text)
        return f"WARNING Indoors is indoors; {name} is also on, and may send your code" in text

    each.open(workspace / "new.py")
    # That nobody else is there cannot be known.
    assert "OK none of these is loaded: " not in health(each)
    for what, name in KNOWN:
        each.nvim.lua(f"{what} = {{}}")
        assert named(name), what
        each.nvim.lua(f"{what} = nil")
        assert not named(name), what
    for client, name in CLIENTS:
        each.nvim.lua(f"started = {CLIENT.strip()}", client)
        assert named(name), client
        each.nvim.lua("vim.lsp.get_client_by_id(started):stop()")
        each.nvim.wait(lambda: each.nvim.lua(GONE), "its end", 5)


def test_other_language_clients_are_none_of_those(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua(CLIENT, "lua_ls")
    each.nvim.lua("package.loaded['copilots'] = {}; package.loaded['my.copilot'] = {}")
    assert "is also on" not in health(each)


def test_the_help_is_named_so_that_it_is_a_link(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    for key in ("<Tab>", "<M-w>", "<M-l>", "<M-]>", "<M-[>", "<C-]>", "<M-a>"):
        each.nvim.lua("vim.keymap.del('i', ...)", key)
    text = health(each)
    assert "was found, and none of <Tab>; to copy: :help |indoors-mappings|\n" in text
    # The help is what Neovim makes of it: nothing stands in the link that is none of its name.
    assert "`|" not in text
