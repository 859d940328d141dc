"""Real Neovims start the real server with the real model, and show its ghost text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.conftest import DISPLAYS, opened
from support.nvim import Nvim, start
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor, pytest.mark.model]


@pytest.fixture(params=DISPLAYS.values(), ids=DISPLAYS)
def shown(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scripted]:
    """Each Neovim, with each of those who can draw in it (the server is the real one)."""
    release, display = request.param
    with opened(tmp_path, release) as editor:
        yield Scripted(editor, display)


def begin(shown: Scripted, file: Path) -> Nvim:
    start(shown.nvim, file, ghost=shown.display)
    return shown.nvim


def test_neovim_shows_and_accepts_a_completion(shown: Scripted, workspace: Path) -> None:
    file = workspace / "shapes.py"
    before = file.read_text()
    nvim = begin(shown, file)
    nvim.type("Go    return wid")
    ghost = nvim.wait(shown.ghost, "ghost text")
    assert ghost.startswith("th")
    assert nvim.lines()[-1] == "    return wid"
    assert file.read_text() == before, "ghost text never touches the file"
    nvim.type("th")
    nvim.lua("vim.wait(1)")
    assert shown.ghost() == ghost[2:], "typed along"
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[-1] != "    return width", "the accepted text")
    assert "width * height" in "\n".join(nvim.lines())
    nvim.lua("vim.cmd('checkhealth indoors')")
    health = "\n".join(nvim.lines())
    assert "ERROR" not in health
    assert "lock: " in health


def test_neovim_negotiates_positions_beyond_ascii(shown: Scripted, workspace: Path) -> None:
    file = workspace / "labels.py"
    file.write_text('LABELS = {"名前": "🎉🎉", "größe": 3}\n\n\ndef label_count() -> int:\n')
    nvim = begin(shown, file)
    nvim.type('Go    print("🎉 größe"); return len(LAB')
    ghost = nvim.wait(shown.ghost, "ghost text")
    assert ghost.startswith("ELS")
    nvim.type("<Tab>")
    nvim.wait(lambda: "LABELS" in nvim.lines()[-1], "the accepted text")
    assert nvim.lines()[-1].startswith('    print("🎉 größe"); return len(LABELS')


def test_a_refused_file_says_why(shown: Scripted, workspace: Path) -> None:
    (workspace / ".indoors.json").write_text('{"completion": {"exclude": ["secrets/*"]}}')
    (workspace / "secrets").mkdir()
    nvim = begin(shown, workspace / "shapes.py")
    nvim.lua("vim.cmd.edit(...)", str(workspace / "secrets" / "keys.py"))
    off = "return require('indoors').status()"
    nvim.wait(lambda: nvim.lua(off) == "⌂ off", "the status of a refused file", 20)
    said = nvim.lua("return table.concat(require('indoors.status').lines(0), '\\n')")
    assert "completion.exclude" in said
    nvim.type("idef area(width, height):<CR>return wid")
    nvim.lua("vim.wait(500)")
    assert shown.ghost() == ""
