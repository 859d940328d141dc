"""Real Neovims start the real server with the real model, and show its ghost text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.conftest import DISPLAYS, opened
from indoors_server import paths
from support.engines import model_path
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


LINE = "return require('indoors').status()"
STATUS = "return table.concat(require('indoors.status').lines(0), '\\n')"


def test_a_policy_that_refuses_is_named_and_explained(
    nvim: Nvim, workspace: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "xdg_config_home" / "indoors" / "policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"deny_paths": ["contracts/"]}')
    policy.chmod(0o600)
    (workspace / "contracts").mkdir()
    start(nvim, workspace / "shapes.py", ghost="own")
    nvim.type("Go    return wid")
    shown = "return require('indoors').is_visible()"
    nvim.wait(lambda: nvim.lua(shown), "ghost text in a file that may be completed: the control")
    nvim.type("<Esc>")
    nvim.lua("vim.cmd('silent write'); vim.cmd.edit(...)", str(workspace / "contracts" / "a.py"))
    nvim.wait(lambda: nvim.lua(LINE) == "⌂ off", "the status of a refused file", 30)
    assert "contracts/" in nvim.lua(STATUS)
    nvim.type("idef area(width, height):<CR>return wid")
    nvim.lua("vim.wait(500)")
    assert not nvim.lua(shown)
    nvim.type("<Esc>")
    nvim.lua("vim.cmd('Indoors explain')")
    nvim.wait(lambda: nvim.lines()[0].startswith("Not completed here: "), "the explanation", 20)
    assert "contracts/" in nvim.lines()[0]


def test_a_model_that_arrives_is_used_by_the_server_that_runs(
    workspace: Path, tmp_path: Path
) -> None:
    """`:Indoors setup` on a machine without a model. What it does there is an import of a file, the
    way without a network; what it would pull is not there in tests. All else is real.
    """
    cache = tmp_path / "cache" / "indoors"
    cache.mkdir(parents=True)
    (cache / "engines").symlink_to(paths.engines_dir())
    python = tmp_path / "python"
    module = "-I -m indoors_server"
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$*" = "{module} setup" ]; then set -- {module} models import {model_path()}; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    with opened(tmp_path, "0.12", XDG_CACHE_HOME=str(cache.parent)) as nvim:
        nvim.lua(
            "vim.g.indoors = { python = ..., ghost = 'own',"
            " settings = { completion = { deadlineMs = 20000 } } }",
            str(python),
        )
        nvim.lua("vim.lsp.enable('indoors'); vim.o.autoindent = false")
        nvim.lua("vim.cmd('filetype indent off'); vim.cmd.edit(...)", str(workspace / "shapes.py"))
        nvim.wait(lambda: nvim.lua(LINE) == "⌂ !", "an error")
        assert "Next: indoors models pull" in nvim.lua(STATUS)
        assert "(or :Indoors setup)" in nvim.lua(STATUS)
        client = "return vim.lsp.get_clients({ name = 'indoors' })[1].id"
        before = nvim.lua(client)
        nvim.lua("vim.cmd('Indoors setup')")
        nvim.type("<C-\\><C-n><C-w>p")  # it takes keys
        name = model_path().name
        nvim.wait(lambda: (cache / "models" / f"{name}.json").is_file(), "the model", 120)
        # The end of setup is enough: nobody types, and nothing is started again.
        nvim.wait(lambda: nvim.lua(LINE) != "⌂ !", "the model to be found", 60)
        nvim.wait(lambda: nvim.lua(LINE).startswith("⌂ 0.5b"), "the model to be loaded", 180)
        nvim.type("Go    return wid")
        nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 60)
        assert nvim.lua(client) == before, "the same server"
