"""What would be sent to an API of others, in real Neovims: shown byte for byte, then a yes."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support import sent
from support.nvim_screen import watched
from support.nvim_script import Scripted
from support.nvim_script import press as pressed

pytestmark = [pytest.mark.editor]

METHOD = "indoors/previewSend"
CODE = "def größe(a):\n    return a  # {{{ fold me, \u200b and \u200d are here, and \u202e is\n" * 8
SAID = {"model": "big-1", "messages": [{"role": "user", "content": CODE}]}
BODY = json.dumps(SAID, ensure_ascii=False, indent=2)
# In front: none, or the window that shows what would be sent.
FRONT = """
    local config = vim.api.nvim_win_get_config(0)
    if config.relative == '' then return nil end
    local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
    return { lines = lines, title = config.title[1][1], footer = config.footer[1][1] }
"""
WINDOWS = "return #vim.api.nvim_list_wins()"
LOUD = "said = {}; vim.notify = function(text) table.insert(said, text) end"


def params(body: str = BODY, **more: Any) -> dict[str, Any]:
    """As the server's `Preview.as_json` gives it."""
    return sent.params(body, CODE, **more)


@pytest.fixture
def asked(each: Scripted, workspace: Path) -> Scripted:
    """An editor that was asked, and shows it."""
    each.open(workspace / "new.py")
    each.nvim.lua(LOUD)
    each.ask(7, METHOD, params())
    front(each)
    return each


def front(scripted: Scripted) -> dict[str, Any]:
    """The window, once it is there."""
    return dict(scripted.nvim.wait(lambda: scripted.nvim.lua(FRONT), "the window", 10))


def answered(scripted: Scripted, number: int = 7) -> dict[str, Any]:
    """The answer to a request, once there is one."""

    def look() -> Any:
        return [one for one in scripted.answers() if one["id"] == number]

    (one,) = scripted.nvim.wait(look, "an answer", 10)
    return dict(one)


def press(scripted: Scripted, keys: str) -> None:
    """Press a key as somebody does who has read: not right behind another one."""
    pressed(scripted.nvim, keys)


def test_the_server_is_told_that_this_client_shows_what_would_be_sent(asked: Scripted) -> None:
    (told,) = asked.log("initialize")
    assert told["capabilities"]["experimental"]["indoorsPreviewSend"] is True


def test_the_window_has_the_bytes_and_what_they_mean(asked: Scripted) -> None:
    shown = front(asked)
    data = BODY.encode()
    assert shown["title"] == f" Send {len(data)} bytes to {sent.HOST}? "
    assert shown["footer"] == " y send   q do not send "
    lines = shown["lines"]
    at = lines.index("Sent is exactly this:")
    assert lines[:at] == [
        f"to         {sent.HOST}, model big-1",
        f"operator   whoever runs {sent.HOST} (not known here)",
        "text of    src/shapes.py",
        f"bytes      {len(data)}",
        f"sha256     {sha256(data).hexdigest()}",
        "replaced   /home/me is sent as HOME_1 (a home folder, 2×)",
        "",
    ]
    end = at + 1 + len(BODY.split("\n"))
    assert "\n".join(lines[at + 1 : end]) == BODY
    assert lines[end : end + 2] == ["", "To be read, without JSON's escapes:"]
    assert lines[end + 2 :] == [f"  {line}" for line in CODE.split("\n")]
    asked.nvim.type("xdd:%delete<CR>p")
    asked.settle()
    assert front(asked)["lines"] == lines, "it is read, not written"
    assert asked.answers() == []


def test_all_of_it_can_be_seen_on_the_screen(each: Scripted, workspace: Path) -> None:
    screen = watched(each.nvim, 100, 40)
    each.open(workspace / "new.py")
    each.nvim.lua("vim.o.foldmethod, vim.o.linebreak, vim.o.conceallevel = 'marker', true, 3")
    each.ask(7, METHOD, params())
    front(each)
    each.settle()
    screen.lines()  # it is drawn
    rows = ["".join(text for text, _ in cells[6:96]) for cells in screen.cells]
    at = next(number for number, row in enumerate(rows) if row.startswith("Sent is exactly this:"))
    end = next(number for number, row in enumerate(rows) if row.startswith("To be read"))
    seen = "".join(rows[at + 1 : end]).rstrip()
    # What nobody would see is written out: by Neovim itself, or in its way in front of the cell.
    wanted = BODY.replace("\n", "")
    for hidden, name in {"\u200b": "<200b>", "\u202e": "<202e>", "\u200d": "<U+200D>"}.items():
        wanted = wanted.replace(hidden, name)
    # Spaces are left out: a name that does not fit into the rest of a row begins the next one.
    assert seen.replace("\u200d", "").replace(" ", "") == wanted.replace(" ", "")
    each.nvim.type("G")
    each.settle()
    assert "return a  # {{{ fold me" in "".join(screen.lines())


def test_a_y_sends(asked: Scripted) -> None:
    asked.settle()
    assert asked.answers() == [], "nothing is answered before a person does"
    press(asked, "y")
    assert answered(asked)["result"] == {"accepted": True}
    assert asked.nvim.lua(WINDOWS) == 1
    assert asked.nvim.lua("return vim.fn.expand('%:t')") == "new.py"


@pytest.mark.parametrize(
    "keys",
    [
        "q",
        "<Esc>",
        "n",
        ":quit<CR>",
        ":close<CR>",
        "<C-w>c",
        "<C-w>p<C-w>o",
        ":edit other.py<CR>",
        ":bwipeout<CR>",
    ],
)
def test_everything_else_that_ends_it_refuses(asked: Scripted, keys: str) -> None:
    press(asked, keys)
    assert answered(asked)["result"] == {"accepted": False}
    asked.nvim.wait(lambda: asked.nvim.lua(WINDOWS) == 1, "the window to be closed", 10)
    press(asked, "y")
    asked.settle()
    assert len(asked.answers()) == 1


def test_keys_that_decide_nothing(asked: Scripted) -> None:
    press(asked, "<CR><Space>jkGgg/model<CR>vly<C-w>p")
    asked.settle()
    assert asked.answers() == []
    asked.nvim.type("<C-w>w")
    press(asked, "q")
    assert answered(asked)["result"] == {"accepted": False}


def test_a_y_that_was_being_typed_sends_nothing(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua(LOUD)
    each.nvim.lua("require('indoors.meant').QUIET_MS = 60000")
    each.nvim.type("iretr")
    each.ask(7, METHOD, params())
    front(each)
    each.nvim.type("yyy")
    each.settle()
    assert each.nvim.lua("return vim.api.nvim_get_mode().mode") == "n"
    assert each.answers() == []
    assert "right behind another key" in each.nvim.lua("return said[1]")
    each.nvim.type("q")
    assert answered(each)["result"] == {"accepted": False}


def test_a_y_that_nobody_typed_sends_nothing(asked: Scripted) -> None:
    press(asked, "j")
    asked.nvim.lua("vim.wait(require('indoors.meant').QUIET_MS + 100)")
    asked.nvim.lua("vim.api.nvim_feedkeys('y', 'm', false); vim.cmd('normal y')")
    asked.nvim.lua("vim.fn.setreg('a', 'y'); vim.api.nvim_feedkeys('@a', 'm', false)")
    asked.settle()
    assert asked.answers() == []
    press(asked, "q")
    assert answered(asked)["result"] == {"accepted": False}


def test_one_at_a_time_and_one_after_the_other(asked: Scripted) -> None:
    asked.ask(8, METHOD, params("{}"))
    assert answered(asked, 8)["error"]["code"] == -32803
    assert "something else" in asked.nvim.lua("return said[1]")
    press(asked, "q")
    assert answered(asked, 7)["result"] == {"accepted": False}
    asked.ask(9, METHOD, params("{}"))
    assert "{}" in front(asked)["lines"]
    press(asked, "y")
    assert answered(asked, 9)["result"] == {"accepted": True}


@pytest.mark.parametrize(
    "wrong", [{"sha256": "0" * 64}, {"bytes": 1}, {"body": "{}"}, {"body": None}, {"body": "a\0b"}]
)
def test_what_is_not_what_would_be_sent_is_not_shown(
    each: Scripted, workspace: Path, wrong: dict[str, Any]
) -> None:
    each.open(workspace / "new.py")
    each.nvim.lua(LOUD)
    each.ask(7, METHOD, params() | wrong)
    assert answered(each)["error"]["code"] == -32803
    assert each.nvim.lua(WINDOWS) == 1
    assert "nothing is sent" in each.nvim.lua("return said[1]")


def test_the_window_goes_with_the_edit_that_was_cancelled(asked: Scripted) -> None:
    message = {"method": "$/cancelRequest", "params": {"id": 7}}
    asked.send("fake/send", message)
    assert answered(asked)["result"] == {"accepted": False}
    asked.nvim.wait(lambda: asked.nvim.lua(WINDOWS) == 1, "the window to be closed", 10)


def test_the_window_goes_with_the_server_that_asked(asked: Scripted) -> None:
    asked.send("fake/crash")
    asked.nvim.wait(lambda: asked.nvim.lua(WINDOWS) == 1, "the window to be closed", 10)
    asked.ready()
    asked.ask(8, METHOD, params())
    front(asked)
    press(asked, "y")
    assert answered(asked, 8)["result"] == {"accepted": True}
