"""The core wheel, installed alone: with what it requires and nothing else beside it."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from server.test_dependencies import closure, modules_named, required
from support.wheel import build, requires

CLIENTS = ("httpx", "httpcore", "h11", "requests", "urllib3", "aiohttp", "websockets", "certifi",
           "huggingface_hub", "pycurl")  # fmt: skip
# What of the standard library speaks HTTP, and who of ours may name it: the fetcher of models that
# a person starts. The gateway brings its own client, as an extra.
STANDARD = {"http", "urllib.request"}
MAY_NAME = {"indoors_server/fetch.py"}
LOOK = """
import importlib.util, json, sys
sys.path.insert(0, {site!r})
found = [name for name in {clients!r} if importlib.util.find_spec(name)]
import indoors_server.app, indoors_server.core, indoors_server.cli.serve, indoors_server.launcher
import indoors_server.gateway_client, indoors_server.elsewhere, indoors_server.closed.editor
import indoors_completion.engine.worker, indoors_completion.pipeline
import indoors_indexing.service, indoors_indexing.keeper, indoors_indexing.build
print(json.dumps([found, sorted(sys.modules), indoors_server.__file__]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the packages that it requires, as a fresh environment has it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for package in closure(required(requires(wheel))):
        for file in importlib.metadata.files(package) or ():
            source = Path(str(file.locate()))
            if ".." not in file.parts and source.is_file():
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    return folder


def look(site: Path) -> tuple[set[str], set[str], str]:
    """Clients that can be imported there, modules that our roles load, and where ours lie."""
    code = LOOK.format(site=str(site), clients=CLIENTS)
    # -S: nothing of the environment that runs the tests is on the path.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found, modules, ours = json.loads(done.stdout)
    return set(found), set(modules), ours


def test_it_contains_no_http_client(wheel: Path) -> None:
    named = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                found = modules_named(archive.read(name).decode())
                named[name] = found & (STANDARD | set(CLIENTS))
    # The control: the gateway's adapter to its extra is seen.
    assert {name for name, one in named.items() if "httpx" in one} == {
        "indoors_server/gateway/http.py"
    }
    assert {name for name, one in named.items() if one & STANDARD} == MAY_NAME
    assert not any(one - STANDARD - {"httpx", "httpcore"} for one in named.values())


def test_it_runs_alone_and_loads_no_http_client(site: Path) -> None:
    clients, modules, ours = look(site)
    assert ours.startswith(str(site))
    assert clients == set()
    assert not modules & {*CLIENTS, "http.client", "urllib.request", "indoors_server.fetch"}
    assert "indoors_server.elsewhere" in modules


def test_the_control_finds_a_client_that_is_there(site: Path) -> None:
    (site / "requests.py").write_text("")
    try:
        assert look(site)[0] == {"requests"}
    finally:
        (site / "requests.py").unlink()
