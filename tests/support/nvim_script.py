"""A real Neovim with the plugin and a server that follows a script: what most editor tests use."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from support.nvim import Nvim

SERVER = Path(__file__).resolve().parents[1] / "fakes" / "scripted_server.py"

SETUP = """
    local cmd, file, options = ...
    vim.g.indoors = vim.tbl_extend('force', { cmd = cmd }, options)
    vim.lsp.enable('indoors')
    for key, name in pairs({
      ['<Tab>'] = 'accept', ['<M-w>'] = 'accept_word', ['<M-l>'] = 'accept_line',
      ['<M-]>'] = 'next', ['<M-[>'] = 'previous', ['<C-]>'] = 'dismiss', ['<M-a>'] = 'ask',
    }) do
      vim.keymap.set('i', key, function()
        if not require('indoors')[name]() then return key end
      end, { expr = true })
    end
    vim.cmd('filetype indent off') -- what is typed is what is in the buffer
    vim.o.autoindent = false
    vim.cmd.edit(file)
"""
SHOWN = """
    local namespace = vim.api.nvim_get_namespaces()[...]
    if not namespace then return {} end
    local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
    local shown = {}
    for _, mark in ipairs(marks) do
      local details, first, below = mark[4], '', {}
      for _, chunk in ipairs(details.virt_text or {}) do first = first .. chunk[1] end
      for _, line in ipairs(details.virt_lines or {}) do
        local text = ''
        for _, chunk in ipairs(line) do text = text .. chunk[1] end
        table.insert(below, text)
      end
      table.insert(shown, {
        id = mark[1], row = mark[2], col = mark[3], text = first, below = below,
        how = details.virt_text_pos,
      })
    end
    return shown
"""
OWN, BUILTIN = "indoors.ghost", "nvim.lsp.inline_completion"


def press(nvim: Nvim, keys: str) -> None:
    """Press a key as somebody does who has read: not right behind another one."""
    time.sleep(0.001 * nvim.lua("return require('indoors.meant').QUIET_MS") + 0.1)
    nvim.type(keys)


# What a person is told, in a list.
SAID = """
    said = {}
    vim.notify = function(text, level) table.insert(said, text) end
"""


class Scripted:
    """The editor and the script. `display` is who draws: "own" or "builtin"."""

    def __init__(self, nvim: Nvim, display: str = "own") -> None:
        self.nvim, self.display, self.server = nvim, display, SERVER
        self._namespace = OWN if display == "own" else BUILTIN

    def open(self, file: Path, *arguments: str, **options: Any) -> None:
        """Open a file and wait until the server has told its status."""
        self.nvim.lua(
            SETUP, self.command(*arguments), str(file), {"ghost": self.display, **options}
        )
        self.ready()

    def command(self, *arguments: str) -> list[str]:
        """What starts the server."""
        return [sys.executable, "-I", str(self.server), *arguments]

    def ready(self) -> None:
        self.nvim.wait(
            lambda: self.nvim.lua("return (require('indoors.status').get() or {}).phase"),
            "the server's status",
        )

    def tell(self, **script: Any) -> None:
        """Change the script."""
        self.send("fake/script", script)

    def send(self, method: str, params: Any = None) -> None:
        """A notification through the editor's client."""
        self.nvim.lua(
            "local method, params = ...\n"
            "vim.lsp.get_clients({ name = 'indoors' })[1]:notify(method, params)",
            method,
            params or {"": ""},
        )

    def log(self, method: str = "") -> list[Any]:
        """The parameters of all messages that the server got (of a method)."""
        return [one["params"] for one in self._asked()["log"] if method in ("", one["method"])]

    def ask(self, number: int, method: str, params: Any) -> None:
        """Have the server ask the editor for something."""
        self.send("fake/ask", {"id": number, "method": method, "params": params})

    def answers(self) -> list[Any]:
        """What the editor answered to the server's requests."""
        return list(self._asked()["answers"])

    def document(self) -> str:
        """The text that the server has of the only document."""
        return str(next(iter(self._asked()["documents"].values())))

    def _asked(self) -> Any:
        return self.nvim.lua(
            "local client = vim.lsp.get_clients({ name = 'indoors' })[1]\n"
            # The buffer is named, not 0: only then are changes sent before the request.
            "local buffer = vim.api.nvim_get_current_buf()\n"
            "return client:request_sync('fake/log', vim.empty_dict(), 5000, buffer).result"
        )

    def marks(self) -> list[Any]:
        """The extmarks of the ghost text."""
        return list(self.nvim.lua(SHOWN, self._namespace))

    def ghost(self) -> str:
        """The ghost text: what is virtual on the line, and the lines below. "" without."""
        marks = self.marks()
        lines = ["".join(one["text"] for one in marks)]
        for one in marks:
            lines += one["below"]
        return "\n".join(lines)

    def wait_ghost(self, wanted: str) -> None:
        """Wait until this is the ghost text."""
        try:
            self.nvim.wait(lambda: self.ghost() == wanted, f"ghost text {wanted!r}", 10)
        except AssertionError as error:
            raise AssertionError(f"{error}\nthere is: {self.ghost()!r}") from None

    def settle(self) -> None:
        """Wait until all keys were worked off, and what the editor had scheduled behind them."""
        self.nvim.lua("vim.wait(1)")
        self._asked()
        self.nvim.lua("vim.wait(1)")


def said(scripted: Scripted) -> str:
    """What the person was told since `listen`."""
    return "\n".join(scripted.nvim.lua("return said"))


def listen(scripted: Scripted, workspace: Path) -> Scripted:
    """A file is open, the server has something to suggest, and what a person is told is kept."""
    scripted.open(workspace / "new.py")
    scripted.nvim.lua(SAID)
    scripted.tell(items=["value = 1"])
    return scripted
