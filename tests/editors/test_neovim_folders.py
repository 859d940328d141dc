"""Two projects and a file in none in one real Neovim: one server, with one model in memory, that
knows which folder each file is in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.nvim_script import SAID, Scripted, said

pytestmark = [pytest.mark.editor]

CLIENTS = """
    return vim.tbl_map(function(client)
      local folders = client.workspace_folders or {}
      return {
        id = client.id,
        folders = vim.tbl_map(function(one) return vim.uri_to_fname(one.uri) end, folders),
        buffers = vim.tbl_count(client.attached_buffers),
      }
    end, vim.lsp.get_clients({ name = 'indoors' }))
"""
FOLDERS = "workspace/didChangeWorkspaceFolders"
TOGETHER = """
    for _, file in ipairs({ ... }) do vim.cmd.badd(file) end
    for _, file in ipairs({ ... }) do vim.cmd.buffer(vim.fn.bufnr(file)) end
"""


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """A file of each of two projects, and one of none."""
    made = []
    for name in ("one", "two", "none"):
        folder = tmp_path / name
        folder.mkdir()
        if name != "none":
            (folder / ".git").mkdir()
        made.append(folder / f"{name}.py")
    return made


def paths(folders: list[Any]) -> list[str]:
    return [one["uri"].removeprefix("file://") for one in folders]


def told(scripted: Scripted) -> list[tuple[str, str]]:
    """What the server heard of folders and documents, in this order."""
    heard = []
    for one in scripted._asked()["log"]:
        method, params = one["method"], one["params"]
        if method == "initialize":
            heard += [("folder", path) for path in paths(params.get("workspaceFolders") or [])]
        elif method == FOLDERS:
            assert params["event"]["removed"] == []
            heard += [("folder", path) for path in paths(params["event"]["added"])]
        elif method == "textDocument/didOpen":
            heard += [("file", path) for path in paths([params["textDocument"]])]
    return heard


def only(scripted: Scripted) -> dict[str, Any]:
    (client,) = scripted.nvim.lua(CLIENTS)
    return dict(client)


def test_one_server_has_every_folder_before_its_files(each: Scripted, places: list[Path]) -> None:
    one, two, none = places
    each.open(one)
    for file in (none, two, one.with_name("more.py")):
        each.nvim.lua("vim.cmd.edit(...)", str(file))
        each.ready()
    assert only(each)["folders"] == [str(one.parent), str(two.parent)]
    assert only(each)["buffers"] == 4
    assert told(each) == [
        ("folder", str(one.parent)), ("file", str(one)), ("file", str(none)),
        ("folder", str(two.parent)), ("file", str(two)), ("file", str(one.with_name("more.py"))),
    ]  # fmt: skip
    each.tell(items=["value = 1"])
    for file in places:
        each.nvim.lua("vim.cmd.edit({ args = { (...) }, bang = true })", str(file))
        assert each.nvim.lua("return require('indoors').status()") == "⌂ 7b"
        each.nvim.type("<Esc>Sva")
        each.wait_ghost("lue = 1")


def test_a_server_that_began_without_a_folder_gets_one(each: Scripted, places: list[Path]) -> None:
    one, _, none = places
    each.open(none)
    each.nvim.lua("vim.cmd.edit(...)", str(one))
    each.ready()
    assert only(each)["folders"] == [str(one.parent)]
    assert told(each)[1:] == [("folder", str(one.parent)), ("file", str(one))]


def test_files_that_are_opened_together_find_one_server(each: Scripted, places: list[Path]) -> None:
    """As by a session: the server has not answered yet when the second file comes."""
    one, two, none = places
    each.nvim.lua("vim.g.indoors = { cmd = ... }; vim.lsp.enable('indoors')", each.command())
    each.nvim.lua(TOGETHER, str(one), str(none), str(two))
    each.ready()
    each.nvim.wait(lambda: only(each)["buffers"] == 3, "all files", 10)
    each.settle()
    methods = [one["method"] for one in each._asked()["log"]]
    assert methods.index(FOLDERS) > methods.index("initialized"), "no server need listen before"
    heard = told(each)
    assert sorted(heard) == sorted(
        [("folder", str(file.parent)) for file in (one, two)]
        + [("file", str(file)) for file in places]
    )
    for file in (one, two):
        assert heard.index(("folder", str(file.parent))) < heard.index(("file", str(file)))


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_what_is_started_again_has_all_folders(
    each: Scripted, places: list[Path], how: str
) -> None:
    one, two, none = places
    each.open(one)
    for file in (two, none):
        each.nvim.lua("vim.cmd.edit(...)", str(file))
        each.ready()
    each.nvim.lua(SAID)
    before = only(each)
    if how == "restart":
        each.nvim.lua("vim.cmd('Indoors restart')")
    else:
        each.send("fake/crash")
    each.nvim.wait(
        lambda: [one for one in each.nvim.lua(CLIENTS) if one["id"] != before["id"]],
        "another server",
        20,
    )
    each.ready()
    each.nvim.wait(lambda: only(each)["buffers"] == 3, "all files", 10)
    each.settle()
    assert {**only(each), "id": 0} == {**before, "id": 0}
    assert [what for what, _ in told(each)] == ["folder", "folder", "file", "file", "file"]
    assert "Indoors" not in said(each)


def test_a_command_of_ones_own_is_told_once_it_can_be(each: Scripted, places: list[Path]) -> None:
    one, two, _ = places
    each.nvim.lua("vim.lsp.config('indoors', { cmd = ... })", each.command())
    each.open(one)
    each.nvim.lua("vim.cmd.edit(...)", str(two))
    each.ready()
    assert only(each)["folders"] == [str(one.parent), str(two.parent)]
    assert told(each)[2:] == [("folder", str(two.parent)), ("file", str(two))]


def test_a_project_with_rules_of_its_own_shares_its_server_with_nobody(
    each: Scripted, places: list[Path]
) -> None:
    """What it forbids a model is forbidden to the whole server."""
    one, two, none = places
    (two.parent / ".indoors.json").write_text("{}")
    each.open(one)
    for file in (two, none):
        each.nvim.lua("vim.cmd.edit(...)", str(file))
    each.nvim.wait(lambda: len(each.nvim.lua(CLIENTS)) == 2, "two servers")
    found = sorted((one["folders"], one["buffers"]) for one in each.nvim.lua(CLIENTS))
    assert found == [([str(one.parent)], 2), ([str(two.parent)], 1)]
