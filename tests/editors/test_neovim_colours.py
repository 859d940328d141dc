"""Ghost text can be read on a dark ground and on a light one, also where Neovim learns which it is
only after the plugin was loaded.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from editors.conftest import opened
from support.nvim import PLUGIN, Nvim, nvim_binary
from support.nvim_screen import contrast, watched
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

READABLE = 3.0
GHOST = "return vim.api.nvim_get_hl(0, { name = 'IndoorsGhost', link = ... })"
COMMENT = "return vim.api.nvim_get_hl(0, { name = 'Comment', link = false })"


@pytest.fixture(params=["0.11", "0.12"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def has_comments_colour(nvim: Nvim) -> bool:
    return bool(nvim.lua(GHOST, False)["fg"] == nvim.lua(COMMENT)["fg"])


def test_it_can_be_read_whichever_ground_is_set(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    screen = watched(nvim, 60, 8)
    each.open(workspace / "new.py")
    each.tell(items=["value = 1"])
    nvim.type("iva")
    each.wait_ghost("lue = 1")
    seen = set()
    for ground in ("light", "dark", "light"):
        nvim.lua("vim.o.background = ...", ground)
        row = next(row for row, line in enumerate(screen.lines()) if "value = 1" in line)
        colour = screen.colour_at(row, "lue")
        assert contrast(colour, screen.background) > READABLE, ground
        seen.add(colour)
    assert len(seen) == 2, "the control: the two grounds have two colours"


def test_it_is_set_again_after_the_start(release: str, tmp_path: Path) -> None:
    """A plugin loaded later sets the ground: no event says so before Neovim has started."""
    later = tmp_path / "later" / "plugin"
    later.mkdir(parents=True)
    (later / "ground.lua").write_text("vim.o.background = 'light'\n")
    arguments = ("--cmd", f"set runtimepath^={PLUGIN} runtimepath+={later.parent}")
    with Nvim(*arguments, environment=dict(os.environ), release=release) as nvim:
        assert nvim.lua("return vim.o.background") == "light", "the control"
        assert has_comments_colour(nvim)


@pytest.mark.parametrize("how", ["highlight IndoorsGhost guifg=#123456",
                                 "highlight link IndoorsGhost Error"])  # fmt: skip
def test_what_a_person_chose_stays(release: str, tmp_path: Path, how: str) -> None:
    with opened(tmp_path, release) as nvim:
        nvim.lua("vim.cmd(...)", how)
        chosen = nvim.lua(GHOST, True)
        for ground in ("light", "dark"):
            nvim.lua("vim.o.background = ...", ground)
            assert nvim.lua(GHOST, True) == chosen
        # As is usual, it is chosen again for each colour scheme; theirs is the last word there too.
        nvim.lua("local how = ...; vim.api.nvim_create_autocmd('ColorScheme', {"
                 " callback = function() vim.cmd(how) end })", how)  # fmt: skip
        nvim.lua("vim.cmd.colorscheme('habamax')")
        assert nvim.lua(GHOST, True) == chosen


def test_a_colour_scheme_brings_its_own_comments(release: str, tmp_path: Path) -> None:
    with opened(tmp_path, release) as nvim:
        before = nvim.lua(GHOST, False)["fg"]
        nvim.lua("vim.cmd.colorscheme('habamax')")
        assert has_comments_colour(nvim)
        assert nvim.lua(GHOST, False)["fg"] != before, "the control"
        assert nvim.lua(GHOST, False)["italic"]


def test_a_light_terminal_is_learned_of_late(release: str, tmp_path: Path) -> None:
    """Neovim asks its terminal for the ground; the answer comes when plugins are loaded."""
    ours, theirs = pty.openpty()
    told = tmp_path / "told"
    environment = os.environ | {"TERM": "xterm-256color", "COLORFGBG": ""}
    plugin = f"set runtimepath^={PLUGIN}"
    command = [str(nvim_binary(release)), "--clean", "-i", "NONE", "-n", "--cmd", plugin]
    watch = (
        "lua vim.api.nvim_create_autocmd('OptionSet', { pattern = 'background', callback ="
        " vim.schedule_wrap(function() local function fg(name)"
        " return vim.api.nvim_get_hl(0, { name = name, link = false }).fg end"
        f" vim.fn.writefile({{ vim.o.background, fg('IndoorsGhost'), fg('Comment') }}, '{told}')"
        " end) })"
    )
    with subprocess.Popen(
        [*command, "-c", watch], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        seen, end = b"", time.monotonic() + 20
        is_answered = False
        while time.monotonic() < end and not told.exists():
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 65536)
            if b"\x1b]11;?" in seen and not is_answered:
                is_answered = True
                os.write(ours, b"\x1b]11;rgb:ffff/ffff/ffff\x07")
        process.kill()
    os.close(ours)
    os.close(theirs)
    assert is_answered, "the control: it asked"
    ground, ghost, comment = told.read_text().split()
    assert ground == "light"
    assert ghost == comment


@pytest.mark.parametrize("group", ["Comment", "@comment"])
def test_in_a_comment_in_italics_it_has_another_shape(
    each: Scripted, workspace: Path, group: str
) -> None:
    """Where a colour scheme has comments in italics, colour and italics say nothing there."""
    nvim = each.nvim
    screen = watched(nvim, 60, 8)
    each.open(workspace / "new.py")
    nvim.lua("vim.cmd('syntax on')")
    each.tell(items=["# the value\n    of it"])
    nvim.type("i# th")
    each.wait_ghost("e value\n    of it")
    for shape in ("NONE", "italic"):
        nvim.lua("vim.cmd(...)", f"highlight {group} gui={shape} cterm={shape} guifg=#808080")
        nvim.lua("vim.api.nvim_exec_autocmds('ColorScheme', {})")
        row = next(row for row, line in enumerate(screen.lines()) if "# the value" in line)
        ghost = screen.highlight_at(row, "e value")
        assert ghost.is_italic
        assert ghost.is_dotted == (shape == "italic")
        below = screen.highlights.get(screen.cells[row + 1][0][1])
        assert below is None or not below.is_dotted, "no line below what is indented"
        assert screen.highlight_at(row + 1, "of it").is_dotted == ghost.is_dotted
    in_terminal = nvim.lua(GHOST, False)["cterm"]
    assert in_terminal == {"italic": True, "underdotted": True}
