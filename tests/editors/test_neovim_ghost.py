"""Ghost text in real Neovims, with a server that follows a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

ADD = "def add(a, b):\n    return a + b"


def test_what_is_typed_character_by_character_keeps_what_is_shown(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=[ADD])
    nvim.type("id")
    scripted.wait_ghost("ef add(a, b):\n    return a + b")
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    for typed, left in (("e", "f add(a, b):"), ("f", " add(a, b):"), (" a", "dd(a, b):")):
        nvim.type(typed)
        scripted.settle()
        assert scripted.ghost() == f"{left}\n    return a + b"
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked, "nothing was asked again"
    nvim.type("x")
    scripted.settle()
    assert scripted.ghost() == "", "what is not typed along is gone at once"
    assert nvim.lines() == ["def ax"]


def test_a_suggestion_is_accepted_whole_by_word_and_by_line(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=[ADD])
    nvim.type("ide")
    scripted.wait_ghost("f add(a, b):\n    return a + b")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ADD.split("\n"), "the accepted text")
    assert scripted.ghost() == ""
    nvim.type("!")
    scripted.settle()
    assert nvim.lines() == ["def add(a, b):", "    return a + b!"], "the cursor is behind it"
    (accepted,) = scripted.log("workspace/executeCommand")
    assert accepted["command"] == "indoors.accepted"
    (shown,) = scripted.log("textDocument/didShowCompletion")
    assert shown["item"]["command"]["arguments"] == accepted["arguments"]
    assert scripted.document() == "\n".join(nvim.lines()) + "\n"

    nvim.type("<Esc>:%d<CR>ide")
    scripted.wait_ghost("f add(a, b):\n    return a + b")
    words = []
    for _ in range(4):
        nvim.type("<M-w>")
        scripted.settle()
        words.append(nvim.lines()[0])
    assert words == ["def", "def add", "def add(", "def add(a"]
    scripted.wait_ghost(", b):\n    return a + b")
    nvim.type("<M-l>")
    nvim.wait(lambda: nvim.lines() == ["def add(a, b):"], "the line")
    scripted.wait_ghost("\n    return a + b")
    nvim.type("<M-l>")
    nvim.wait(lambda: nvim.lines() == ADD.split("\n"), "the next line")
    assert scripted.ghost() == ""
    lengths = [
        one["acceptedLength"] for one in scripted.log("textDocument/didPartiallyAcceptCompletion")
    ]
    assert lengths == [1, 5, 6, 7, 12], "of what was inserted, from its beginning"
    assert len(scripted.log("workspace/executeCommand")) == 2, "all of it is an accept"


def test_alternatives_are_asked_for_and_chosen(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1", "value = 2", "value = 3"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    for key, shown in (
        ("<M-]>", "lue = 2 2/3"), ("<M-]>", "lue = 3 3/3"), ("<M-]>", "lue = 1 1/3"),
        ("<M-[>", "lue = 3 3/3"),
    ):  # fmt: skip
        nvim.type(key)
        scripted.wait_ghost(with_hint(scripted, shown))
    kinds = [one["context"]["triggerKind"] for one in scripted.log("textDocument/inlineCompletion")]
    assert kinds[-1] == 1, "a person asked"
    assert kinds.count(1) == 1, "once: the others were there"
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["value = 3"], "the chosen alternative")
    (accepted,) = scripted.log("workspace/executeCommand")
    assert accepted["arguments"][0].endswith(".2")


def with_hint(scripted: Scripted, shown: str) -> str:
    """Neovim's own display has no numbers unless its own function chose."""
    return shown if scripted.display == "own" else shown.rpartition(" ")[0]


def test_dismissed_means_hidden_until_something_else_is_typed(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1", "var = 2"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    nvim.type("<C-]>")
    scripted.wait_ghost("")
    assert nvim.lines() == ["va"]
    assert nvim.request("nvim_get_mode")["mode"] == "i"
    nvim.type("l")
    scripted.settle()
    assert scripted.ghost() == "", "the same is not shown again"
    nvim.type("<BS>r")
    scripted.wait_ghost(" = 2")


def test_leaving_insert_mode_hides_and_cancels(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1"], hold=True)
    nvim.type("iva")
    nvim.wait(lambda: scripted.log("textDocument/inlineCompletion"), "a request")
    nvim.type("<Esc>")
    nvim.wait(lambda: scripted.log("$/cancelRequest"), "the cancellation")
    scripted.tell(hold=False)
    nvim.type("a")
    scripted.wait_ghost("lue = 1")
    nvim.type("<Esc>")
    scripted.wait_ghost("")


def test_every_way_out_of_insert_mode_hides_it(scripted: Scripted, workspace: Path) -> None:
    """<C-c> leaves without InsertLeave, and <Insert> goes to replace mode without it."""
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    nvim.type("<C-c>")
    nvim.wait(lambda: nvim.request("nvim_get_mode")["mode"] == "n", "normal mode", 5)
    scripted.wait_ghost("")
    nvim.lua("vim.wait(300)")  # Neovim's own part asks later than we do
    assert scripted.ghost() == ""
    nvim.type("a")
    scripted.wait_ghost("lue = 1")
    nvim.type("<Insert>")
    nvim.wait(lambda: nvim.request("nvim_get_mode")["mode"] == "R", "replace mode", 5)
    scripted.wait_ghost("")
    nvim.type("<Insert>")
    scripted.wait_ghost("lue = 1")
    nvim.type("<C-o>")
    scripted.wait_ghost("")
    nvim.type("zz")
    scripted.wait_ghost("lue = 1")
    # A request that runs is for nobody any more.
    scripted.tell(hold=True)
    nvim.type("<C-u>v")
    scripted.settle()
    n_cancelled = len(scripted.log("$/cancelRequest"))
    nvim.type("<C-c>")
    nvim.wait(lambda: len(scripted.log("$/cancelRequest")) > n_cancelled, "the cancellation", 5)


def test_an_outdated_request_is_cancelled_and_its_answer_never_shown(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["value = 1", "var = 2"], hold=True)
    nvim.type("iv")
    nvim.wait(lambda: scripted.log("textDocument/inlineCompletion"), "a request")
    nvim.type("a")
    nvim.wait(lambda: len(scripted.log("textDocument/inlineCompletion")) >= 2, "another")
    nvim.type("x")
    scripted.settle()
    requests = scripted.log("textDocument/inlineCompletion")
    assert len(scripted.log("$/cancelRequest")) == len(requests) - 1, "all but the last"
    scripted.send("fake/release")
    scripted.settle()
    assert scripted.ghost() == ""

    # The text changes, and before the editor has looked at that, the answer is there.
    nvim.type("<BS>")
    scripted.wait_ghost("lue = 1")
    # (In its own line too, where the answer would fit into what is no longer what was asked about.)
    for change in ("", "vim.api.nvim_buf_set_text(0, 0, 0, 0, 1, { 'w' })"):
        scripted.tell(hold=True)
        nvim.type("r")
        nvim.wait(lambda: scripted.ghost() == "", "nothing of the old")
        scripted.settle()
        nvim.lua(f"vim.o.eventignore = 'all'; {change}")
        scripted.send("fake/release")
        scripted.settle()
        assert scripted.ghost() == ("" if change else " = 2")
        if change:
            nvim.lua("vim.api.nvim_buf_set_text(0, 0, 0, 0, 1, { 'v' })")
        nvim.lua("vim.o.eventignore = ''")
        nvim.type("<BS>")
        scripted.wait_ghost("lue = 1")


def test_brackets_and_quotes_that_an_editor_closed_are_not_doubled(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    # What plugins for pairs do: the closing one is typed with the opening one.
    for opening, closing in ("()", "[]", "{}", '""'):
        nvim.lua("vim.keymap.set('i', ...)", opening, f"{opening}{closing}<C-g>U<Left>")
    scripted.tell(items=['total(prices[0], "x")', "rows[index]", 'name = "someone"'])
    nvim.type("ito")
    scripted.wait_ghost('tal(prices[0], "x")')
    nvim.type("tal(")
    nvim.wait(lambda: nvim.lines() == ["total()"], "the pair")
    scripted.settle()
    assert nvim.lua("return require('indoors').is_visible()")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ['total(prices[0], "x")'], "one closing bracket")
    # By word, over the closing character.
    for typed, whole in (("rows[", "rows[index]"), ('name = "', 'name = "someone"')):
        nvim.type("<End><CR>" + typed[:2])
        nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 5)
        nvim.type(typed[2:])
        scripted.settle()
        while nvim.lua("return require('indoors').is_visible()"):
            nvim.type("<M-w>")
            scripted.settle()
        assert nvim.lines()[-1] == whole
    # The server takes in what it sees behind the cursor.
    scripted.tell(items=["print(all, of, it)"], take_behind=True)
    nvim.type("<End><CR>pri")
    nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 5)
    nvim.type("nt(")
    scripted.settle()
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines()[-1] == "print(all, of, it)", "one closing bracket")


def test_the_replaced_range_and_what_stands_behind_it(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    file = workspace / "new.py"
    file.write_text("x = f()  # note\n")
    scripted.open(file)
    scripted.tell(items=["x = f(one)  # note"], take_line=True, take_behind=True)
    nvim.type("0f(a")
    nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 5)
    if scripted.display == "own":
        (mark,) = scripted.marks()
        assert (mark["col"], mark["text"], mark["how"]) == (6, "one", "inline")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["x = f(one)  # note"], "the accepted text")
    nvim.type("!")
    scripted.settle()
    assert scripted.document() == "\n".join(nvim.lines()) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_beyond_ascii_tabs_and_line_ends(
    scripted: Scripted, workspace: Path, encoding: str
) -> None:
    nvim = scripted.nvim
    file = workspace / "new.py"
    file.write_bytes("größe = 1\r\n名前 = 🎉\r\n\r\n".encode())
    scripted.open(file, "--encoding", encoding)
    assert nvim.lua("return vim.bo.fileformat") == "dos"
    whole = '\tx = "🎉 größe", "名前🎉"\r\n\t\tif 名前:\r\n\t\t\tpass'
    scripted.tell(items=[whole], take_line=True)
    nvim.lua("vim.bo.expandtab = false; vim.bo.tabstop = 4")
    nvim.type('3GS\tx = "🎉')
    nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 5)
    if scripted.display == "own":
        assert scripted.ghost() == ' größe", "名前🎉"\n        if 名前:\n            pass'
    nvim.type("<M-w>")
    nvim.wait(lambda: nvim.lines()[2] == '\tx = "🎉 größe', "a word")
    (part,) = scripted.log("textDocument/didPartiallyAcceptCompletion")
    assert part["acceptedLength"] == len('\tx = "🎉 größe'.encode("utf-16-le")) // 2
    nvim.type("<Tab>")
    nvim.wait(lambda: len(nvim.lines()) == 5, "the accepted text")
    assert nvim.lines()[2:] == ['\tx = "🎉 größe", "名前🎉"', "\t\tif 名前:", "\t\t\tpass"]
    scripted.settle()
    assert scripted.document() == "\r\n".join(nvim.lines()) + "\r\n"
    nvim.type("<Esc>:w<CR>")
    nvim.wait(lambda: file.read_bytes().count(b"\r\n") == 5, "the file")
    assert file.read_bytes().count(b"\n") == 5


def test_an_accept_is_one_step_to_undo(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=[ADD])
    nvim.type("ide")
    scripted.wait_ghost("f add(a, b):\n    return a + b")
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ADD.split("\n"), "the accepted text")
    nvim.type(" # more<Esc>u")
    nvim.wait(lambda: nvim.lines() == ADD.split("\n"), "without what was typed behind it")
    nvim.type("u")
    nvim.wait(lambda: nvim.lines() == ["de"], "back to what was typed")
    nvim.type("<C-r><C-r>")
    nvim.wait(lambda: nvim.lines() == f"{ADD} # more".split("\n"), "and forth")


def test_the_rest_of_a_line_stays_behind_a_suggestion_of_several(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    file = workspace / "new.py"
    file.write_text("call()\n")
    scripted.open(file)
    scripted.tell(items=["call(\n    one,\n)"], take_line=True, take_behind=True)
    nvim.type("0f(a")
    nvim.wait(lambda: nvim.lua("return require('indoors').is_visible()"), "ghost text", 5)
    if scripted.display == "own":
        (mark,) = scripted.marks()
        assert (mark["text"], mark["how"]) == (" ", "overlay"), "the bracket moves down"
        assert mark["below"] == ["    one,", ")"]
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["call(", "    one,", ")"], "the accepted text")


def test_more_than_was_answered_is_fetched_without_a_key(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    scripted.tell(items=["for x in y:"])
    nvim.type("ifor")
    scripted.wait_ghost(" x in y:")
    scripted.tell(items=["for x in y:\n    print(x)"])
    ready = {
        "textDocument": {
            "uri": nvim.lua("return vim.uri_from_bufnr(0)"),
            "version": nvim.lua("return vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()]"),
        }
    }
    message = {"method": "indoors/completionReady", "params": ready}
    scripted.send("fake/send", message)
    scripted.wait_ghost(" x in y:\n    print(x)")
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    nvim.type(" ")
    scripted.settle()
    scripted.send("fake/send", message)  # of a version that was
    scripted.settle()
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked


def test_the_cursor_keeps_its_column_when_it_leaves_a_suggestion(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    file = workspace / "new.py"
    file.write_text("0123456789012345678901234567890123456789\nabcd()\n")
    scripted.open(file)
    scripted.tell(items=["ghost text"], always=True)
    nvim.type("jA<Left>x")
    scripted.wait_ghost("ghost text")
    for key in ("<Right>", "<Up>"):
        nvim.type(key)
        scripted.settle()
    assert nvim.lua("return vim.api.nvim_win_get_cursor(0)") == [1, 7]
    assert scripted.ghost() == ""
    n_asked = len(scripted.log("textDocument/inlineCompletion"))
    nvim.type("<Down><Left><Home><End>")
    scripted.settle()
    assert len(scripted.log("textDocument/inlineCompletion")) == n_asked, "nobody typed"


def test_a_bracket_may_be_typed_over(scripted: Scripted, workspace: Path) -> None:
    nvim = scripted.nvim
    scripted.open(workspace / "new.py")
    nvim.lua("vim.keymap.set('i', '(', '()<C-g>U<Left>')")
    nvim.lua("vim.keymap.set('i', ')', '<C-g>U<Right>')")
    scripted.tell(items=["f(x) + g(y)"])
    nvim.type("if")
    scripted.wait_ghost("(x) + g(y)")
    nvim.type("(x)")
    scripted.settle()
    assert nvim.lines() == ["f(x)"]
    assert scripted.ghost() == " + g(y)"
    nvim.type("<Tab>")
    nvim.wait(lambda: nvim.lines() == ["f(x) + g(y)"], "one of each", 5)
