"""From start to end: which server is started, what is told, and what happens when it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from editors.conftest import opened
from indoors_server import __version__
from indoors_server.handshake import PROTOCOL
from support import code_server
from support.needs import need
from support.nvim import PLUGIN, Nvim
from support.nvim_script import Scripted

pytestmark = [pytest.mark.editor]

SAID = "said = {}; vim.notify = function(text) table.insert(said, text) end"
FIND = "return require('indoors.server').find()"


def said(nvim: Nvim) -> str:
    return "\n".join(nvim.lua("return said"))


@pytest.fixture(params=["0.11", "0.12"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_workspace_never_decides_whose_code_runs(
    release: str, workspace: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    relative = ("tools/indoors", "pipx/venvs/indoors", "share/uv/tools/indoors", "c:/t/indoors")
    environments = [f"{name}/bin/python" for name in relative]
    programs = ("python3", "python", "indoors", "node_modules/.bin/indoors", ".venv/bin/python")
    for name in (*programs, *environments):
        program = workspace / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {name} >> {ran}\n")
        program.chmod(0o755)
    path = f"{workspace}:{workspace}/.venv/bin:{workspace}/node_modules/.bin:/usr/bin:/bin"
    home = {"HOME": str(tmp_path / "home"), "PATH": path, "VIRTUAL_ENV": str(workspace / ".venv")}
    with opened(tmp_path, release, **home) as nvim:
        nvim.lua(SAID)
        # Neovim's own script for Python files would look for a python3 on PATH, and run it.
        nvim.lua("vim.g.loaded_python3_provider = 0")
        nvim.lua("vim.cmd.cd(...)", str(workspace))
        # A variable with a relative folder would mean one of the workspace.
        variables = {"UV_TOOL_DIR": "tools", "PIPX_HOME": "pipx", "XDG_DATA_HOME": "share"}
        for name, folder in [*variables.items(), ("UV_TOOL_DIR", "c:/t")]:
            nvim.lua("local name, folder = ...; vim.env[name] = folder", name, folder)
            assert nvim.lua(FIND)["from"] == "nothing", (name, folder)
        nvim.lua("vim.lsp.enable('indoors')")
        nvim.lua("vim.cmd.edit('shapes.py')")
        nvim.wait(lambda: said(nvim), "what is wrong", 10)
        assert "Indoors is not in ~/.indoors, and neither uv nor pipx has installed it" in said(
            nvim
        )
        assert "Next: in a terminal: uv tool install PATH/TO/indoors-….whl" in said(nvim)
        for given in ("python3", ".venv/bin/python", "./python"):
            nvim.lua("vim.g.indoors = { python = ... }", given)
            assert "is no absolute path" in nvim.lua(FIND)["problem"]
            nvim.lua("vim.g.indoors = { cmd = { ... } }", given)
            assert "is no absolute path" in nvim.lua(FIND)["problem"]
        assert not ran.exists()
        # The control: the same program, named by a person.
        nvim.lua("vim.g.indoors = { python = ... }", str(workspace / "python"))
        nvim.lua("vim.lsp.config('indoors', {}); vim.cmd.edit('other.py')")
        nvim.wait(ran.exists, "the program that was named", 10)


def test_a_command_that_is_not_there_is_named(
    release: str, workspace: Path, tmp_path: Path
) -> None:
    with opened(tmp_path, release) as nvim:
        nvim.lua(SAID)
        gone = str(tmp_path / "gone" / "python")
        nvim.lua("vim.g.indoors = { cmd = { ... } }; vim.lsp.enable('indoors')", gone)
        nvim.lua("vim.cmd.edit(...)", str(workspace / "shapes.py"))
        nvim.wait(lambda: said(nvim), "what is wrong", 10)
        wanted = f'begins with "{gone}", which is not there, or cannot be run.'
        assert wanted in said(nvim)
        assert "\nNext: give the absolute path of the interpreter" in said(nvim)


def test_the_ways_to_install_are_known(release: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    places = {
        "~/.indoors": home / ".indoors/bin/python",
        "pipx": home / ".local/share/pipx/venvs/indoors/bin/python",
        "uv tool": home / ".local/share/uv/tools/indoors/bin/python",
    }
    with opened(tmp_path, release, HOME=str(home)) as nvim:
        nvim.lua("vim.env.XDG_DATA_HOME = nil")
        assert nvim.lua(FIND)["from"] == "nothing"
        for name, program in places.items():
            program.parent.mkdir(parents=True)
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            found = nvim.lua(FIND)
            assert found["from"] == name
            assert found["cmd"] == [str(program), "-I", "-m", "indoors_server", "serve"]
        elsewhere = tmp_path / "tools/indoors/bin/python"
        elsewhere.parent.mkdir(parents=True)
        shutil.copy(places["pipx"], elsewhere)
        nvim.lua("vim.env.UV_TOOL_DIR = ...", str(tmp_path / "tools"))
        assert nvim.lua(FIND)["cmd"][0] == str(elsewhere)


PLACES = """
    local system, home, variables = ...
    vim.uv.os_homedir = function() return home end
    vim.fn.has = function(name) return name == system and 1 or 0 end
    for name, value in pairs(variables) do vim.env[name] = value end
    return vim.tbl_map(function(one) return one[2] end, require('indoors.server').known_places())
"""
TOOL_PATHS = """
    const [file, around] = process.argv.slice(1);
    const { toolPaths } = await import(file);
    console.log(JSON.stringify(toolPaths(JSON.parse(around))));
"""


@pytest.mark.parametrize(
    ("system", "platform"), [("linux", "linux"), ("mac", "darwin"), ("win32", "win32")]
)
@pytest.mark.parametrize("is_moved", [False, True])
def test_vscode_looks_in_the_same_places_in_the_same_order(
    nvim: Nvim, system: str, platform: str, is_moved: bool
) -> None:
    need(code_server.NODE.is_file(), "no Node here: make check")
    windows = platform == "win32"
    home = "C:/Users/me" if windows else "/home/me"
    root = "C:/" if windows else "/"
    names = {"UV_TOOL_DIR": "tools", "PIPX_HOME": "pipx", "XDG_DATA_HOME": "d", "APPDATA": "a"}
    variables = {name: (root + where if is_moved else where) for name, where in names.items()}
    around = json.dumps({"env": variables, "home": home, "platform": platform})
    launch = PLUGIN.parent / "vscode" / "src" / "launch.ts"
    command = [str(code_server.NODE), "--input-type=module", "-e", TOOL_PATHS, str(launch), around]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    theirs = [path.replace("\\", "/") for path in json.loads(done.stdout)]
    ours = nvim.lua(PLACES, system, home, variables)
    assert list(dict.fromkeys(ours)) == theirs


def test_a_server_installed_while_neovim_runs_is_started_by_restart(
    scripted: Scripted, workspace: Path, tmp_path: Path
) -> None:
    nvim = scripted.nvim
    nvim.lua(SAID)
    nvim.lua("local home = ...; vim.uv.os_homedir = function() return home end",
             str(tmp_path / "home"))  # fmt: skip
    nvim.lua("vim.g.indoors = { ghost = ... }; vim.lsp.enable('indoors')", scripted.display)
    nvim.lua("vim.cmd.edit(...)", str(workspace / "new.py"))
    nvim.wait(lambda: said(nvim), "what is wrong", 10)
    assert said(nvim).endswith(", then :Indoors restart")
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: said(nvim).count("not started: ") == 2, "the same again", 10)
    python = tmp_path / "home/.indoors/bin/python"
    python.parent.mkdir(parents=True)
    command = " ".join(f"'{word}'" for word in scripted.command())
    python.write_text(f"#!/bin/sh\nexec {command}\n")
    python.chmod(0o755)
    nvim.lua("vim.cmd('Indoors restart')")
    scripted.ready()
    assert said(nvim).count("\n") == 3, "two warnings of two lines, and no more"
    scripted.tell(items=["value = 1"])
    nvim.type("iva")
    scripted.wait_ghost("lue = 1")
    assert len(clients(scripted)) == 1


def clients(scripted: Scripted) -> list[int]:
    return list(
        scripted.nvim.lua(
            "return vim.tbl_map(function(one) return one.id end,"
            " vim.lsp.get_clients({ name = 'indoors' }))"
        )
    )


def test_a_server_that_crashes_is_started_again_three_times(
    scripted: Scripted, workspace: Path
) -> None:
    nvim = scripted.nvim
    nvim.lua(SAID)
    scripted.open(workspace / "new.py")
    for n_crashes in range(4):
        (before,) = clients(scripted)
        scripted.tell(items=["value = 1"])
        nvim.type("<Esc>Sva")
        scripted.wait_ghost("lue = 1")
        scripted.send("fake/crash")
        if n_crashes == 3:
            break
        nvim.wait(lambda before=before: clients(scripted) not in ([], [before]), "another server")
        scripted.ready()
        assert scripted.ghost() == "", "nothing of the one before"
    nvim.wait(lambda: "Next: :Indoors log" in said(nvim), "the next step", 10)
    assert "the server ended (exit status 9)" in said(nvim)
    assert scripted.ghost() == ""
    assert nvim.lua("return require('indoors').status()") == "⌂ !"
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: clients(scripted), "a server", 10)
    nvim.wait(lambda: nvim.lua("return require('indoors').status()") == "⌂ 7b", "its status", 10)
    scripted.tell(items=["value = 1"])
    nvim.type("<Esc>Sva")
    scripted.wait_ghost("lue = 1")
    (before,) = clients(scripted)
    nvim.lua("vim.cmd('Indoors restart')")
    nvim.wait(lambda: clients(scripted) not in ([], [before]), "another server", 10)


def test_a_server_that_a_person_stops_stays_stopped(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    nvim.lua(SAID)
    each.open(workspace / "new.py")
    nvim.lua("vim.lsp.get_clients({ name = 'indoors' })[1]:stop()")
    nvim.wait(lambda: not clients(each), "the end", 10)
    nvim.lua("vim.wait(200)")
    assert not clients(each)
    assert said(nvim) == ""
    assert nvim.lua("return require('indoors').status()") == ""
    nvim.type("iva<Esc>")
    assert nvim.lines() == ["va"]


def test_strict_without_a_proof_is_not_tried_again(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    nvim.lua(SAID)
    each.open(workspace / "new.py")
    each.send("fake/crash", {"code": 78})
    nvim.wait(lambda: "indoors policy explain strict" in said(nvim), "the next step", 10)
    assert not clients(each)


def test_what_the_server_says_of_versions_is_shown_once(each: Scripted, workspace: Path) -> None:
    nvim = each.nvim
    nvim.lua(SAID)
    each.open(workspace / "new.py", "--protocol", "2")
    (sent,) = [one["initializationOptions"]["client"] for one in each.log("initialize")]
    assert sent["protocol"] == 1, "the server can tell who is too old"
    assert sent["refresh"] is True
    assert sent["waits"] is False, "asked is at every key"
    nvim.lua("vim.cmd('checkhealth indoors')")
    text = "\n".join(nvim.lines())
    assert "WARNING server 9.9.9, protocol 2; plugin 0.1.0, protocol 1" in text
    assert "Update the plugin." in text


def test_settings_are_sent_at_the_start_and_when_they_change(
    each: Scripted, workspace: Path
) -> None:
    settings = {"completion": {"maxLines": 8}}
    each.open(workspace / "new.py", settings=settings)
    (sent,) = [one["initializationOptions"]["settings"] for one in each.log("initialize")]
    assert sent == settings
    each.nvim.lua("vim.g.indoors = { settings = { completion = { enabled = false } } }")
    each.nvim.lua("require('indoors').settings_changed()")
    (changed,) = each.log("workspace/didChangeConfiguration")
    assert changed == {"settings": {"indoors": {"completion": {"enabled": False}}}}


def test_two_editors_in_one_workspace(release: str, workspace: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "a", release) as one, opened(tmp_path / "b", release) as two:
        both = [Scripted(one), Scripted(two)]
        for number, editor in enumerate(both):
            editor.open(workspace / f"new{number}.py")
            editor.tell(items=[f"value = {number}"])
            editor.nvim.type("iva")
        for number, editor in enumerate(both):
            editor.wait_ghost(f"lue = {number}")
        both[0].send("fake/crash")
        both[1].nvim.type("<Tab>")
        two.wait(lambda: two.lines() == ["value = 1"], "the accepted text", 10)


def test_the_server_is_told_where_typing_may_begin(each: Scripted, workspace: Path) -> None:
    each.open(workspace / "shapes.py")
    each.nvim.lua("vim.cmd.normal({ 'Go', bang = true })")
    each.nvim.type("Go")
    each.nvim.wait(lambda: len(each.log("textDocument/didFocus")) >= 2, "the focus", 10)
    last = each.log("textDocument/didFocus")[-1]
    assert last["textDocument"]["uri"].endswith("/shapes.py")
    assert last["position"]["line"] >= 10


def test_setup_is_enough(release: str, workspace: Path, tmp_path: Path) -> None:
    with opened(tmp_path, release) as nvim:
        scripted = Scripted(nvim)
        command = nvim.lua("return ...", [*scripted.command()])
        nvim.lua("local cmd = ...; require('indoors').setup({ cmd = cmd, ghost = 'own' })", command)
        nvim.lua("vim.cmd.edit(...)", str(workspace / "new.py"))
        scripted.ready()
        scripted.tell(items=["value = 1"])
        nvim.lua("vim.keymap.set('i', '<Tab>', '<Plug>(indoors-accept)')")
        nvim.type("iva")
        scripted.wait_ghost("lue = 1")
        nvim.type("<Tab>")
        nvim.wait(lambda: nvim.lines() == ["value = 1"], "the accepted text", 10)


def test_without_a_model_the_next_step_is_named(
    release: str, workspace: Path, tmp_path: Path
) -> None:
    """The real server, on a machine that has no model yet."""
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with opened(tmp_path, release, **home) as nvim:
        nvim.lua(SAID)
        nvim.lua("vim.g.indoors = { python = ... }; vim.lsp.enable('indoors')", sys.executable)
        nvim.lua("vim.cmd.edit(...)", str(workspace / "shapes.py"))
        line = "return require('indoors').status()"
        nvim.wait(lambda: nvim.lua(line) == "⌂ !", "the status", 60)
        nvim.lua("vim.cmd('Indoors status')")
        assert "Indoors: error" in said(nvim)
        assert "\nNext: indoors engine install   (or :Indoors setup)" in said(nvim)
        nvim.lua("vim.cmd('checkhealth indoors')")
        text = "\n".join(nvim.lines())
        assert f"server {__version__}, protocol {PROTOCOL}; plugin 0.1.0, protocol 1" in text
        assert "ERROR" in text
        nvim.lua("vim.cmd.bdelete({ bang = true }); vim.cmd('stopinsert')")
        nvim.type("Goreturn wid<Esc>")
        assert nvim.lines()[-1].endswith("return wid")


def test_an_older_plugin_is_told_to_update(release: str, workspace: Path, tmp_path: Path) -> None:
    """The real server says so where the editor shows what servers say."""
    with opened(tmp_path, release) as nvim:
        nvim.lua("told = {}; local show = vim.lsp.handlers['window/showMessage']")
        nvim.lua(
            "vim.lsp.handlers['window/showMessage'] = function(_, params)"
            " table.insert(told, params.message) end"
        )
        nvim.lua("require('indoors.life').PROTOCOL = 99; vim.g.indoors = { python = ... }",
                 sys.executable)  # fmt: skip
        nvim.lua("vim.lsp.enable('indoors'); vim.cmd.edit(...)", str(workspace / "shapes.py"))
        nvim.wait(lambda: nvim.lua("return #told > 0"), "what the server says", 60)
        told = "\n".join(nvim.lua("return told"))
        assert "indoors.nvim 0.1.0 speaks protocol 99, this server" in told
        assert "Next: update the server" in told
