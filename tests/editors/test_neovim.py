"""A real Neovim starts the real server with the real model, and shows its ghost text."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvim
import pytest
from support.engines import model_path

PLUGIN = Path(__file__).resolve().parents[2] / "editors" / "neovim"
NVIM = Path(sys.executable).parent / "nvim"
NAMESPACE = "vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']"

pytestmark = [pytest.mark.editor, pytest.mark.model]


def wait_for(probe: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = probe()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:.0f} s in vain")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shapes.py").write_text(
        "import math\n\n\ndef circle_area(radius: float) -> float:\n"
        '    """Area of a circle."""\n    return math.pi * radius**2\n\n\n'
        "def rectangle_area(width: float, height: float) -> float:\n"
        '    """Area of a rectangle."""\n'
    )
    return tmp_path


@pytest.fixture
def nvim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pynvim.Nvim]:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.delenv("NVIM", raising=False)
    arguments = ["--embed", "--headless", "--clean", "-i", "NONE", "-n"]
    editor = pynvim.attach(
        "child", argv=[str(NVIM), *arguments, "--cmd", f"set runtimepath^={PLUGIN}"]
    )
    yield editor
    with contextlib.suppress(OSError):  # it may have gone already, which is what was asked
        editor.command("qa!")
    editor.close()


def marks(nvim: pynvim.Nvim) -> list[Any]:
    return list(
        nvim.exec_lua(
            f"return vim.api.nvim_buf_get_extmarks(0, {NAMESPACE}, 0, -1, {{details=true}})"
        )
    )


def start(nvim: pynvim.Nvim, file: Path) -> None:
    settings = {"model": str(model_path())}
    nvim.exec_lua(
        "vim.g.indoors = vim.json.decode(...)",
        json.dumps({"python": sys.executable, "settings": settings}),
    )
    nvim.exec_lua(
        """
        statuses = {}
        vim.lsp.handlers["indoors/status"] = function(_, params)
          table.insert(statuses, params.phase)
        end
        vim.lsp.enable("indoors")
        vim.lsp.inline_completion.enable()
        vim.keymap.set("i", "<Tab>", function()
          if not vim.lsp.inline_completion.get() then return "<Tab>" end
        end, { expr = true })
        """
    )
    nvim.command(f"edit {file}")
    wait_for(
        lambda: nvim.exec_lua(
            "local c = vim.lsp.get_clients({bufnr = 0, name = 'indoors'})[1]\n"
            "return c ~= nil and c.initialized"
        )
    )
    wait_for(lambda: nvim.exec_lua("return vim.tbl_contains(statuses, 'ready')"))


def test_neovim_shows_and_accepts_a_completion(nvim: pynvim.Nvim, workspace: Path) -> None:
    file = workspace / "shapes.py"
    start(nvim, file)
    before = file.read_text()
    nvim.input("Go    return wid")
    (mark, *_) = wait_for(lambda: marks(nvim))
    shown = mark[3]["virt_text"][0][0]
    assert shown.startswith("th")
    assert nvim.current.buffer[-1] == "    return wid"
    assert file.read_text() == before, "ghost text never touches the file"
    nvim.input("<Tab>")
    wait_for(lambda: nvim.current.buffer[-1] != "    return wid")
    assert "width * height" in nvim.current.buffer[-1]


def test_neovim_negotiates_positions_beyond_ascii(nvim: pynvim.Nvim, workspace: Path) -> None:
    file = workspace / "labels.py"
    file.write_text('LABELS = {"名前": "🎉🎉", "größe": 3}\n\n\ndef label_count() -> int:\n')
    start(nvim, file)
    nvim.input('Go    print("🎉 größe"); return len(LAB')
    wait_for(lambda: nvim.current.buffer[-1].endswith("LAB"))
    (mark, *_) = wait_for(lambda: marks(nvim))
    assert mark[3]["virt_text"][0][0].startswith("ELS")
    nvim.input("<Tab>")
    wait_for(lambda: "LABELS" in nvim.current.buffer[-1])
    assert nvim.current.buffer[-1].startswith('    print("🎉 größe"); return len(LABELS')
