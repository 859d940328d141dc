"""How the gateway's HTTP client comes in: into this very environment, by what made it."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from indoors_server import gateway_extra
from indoors_server.closed import locks
from indoors_server.gateway import wire
from support.closed_apis import endpoint, policy, stores

ROOT = Path(__file__).parents[3]
HTTPX = gateway_extra.REQUIREMENT


def test_the_client_is_the_one_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["gateway"] == [HTTPX]
    assert HTTPX.startswith(gateway_extra.MODULE)


@pytest.mark.parametrize(
    ("made_by", "words"),
    [
        ("pip", [sys.executable, "-I", "-m", "pip", "install", HTTPX]),
        ("pipx", ["pipx", "inject", "indoors-2", HTTPX]),
        ("uv", ["uv", "pip", "install", "--python", sys.executable, HTTPX]),
    ],
)
def test_the_command_is_for_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_by: str, words: list[str]
) -> None:
    prefix = tmp_path / "indoors-2"
    prefix.mkdir()
    if made_by == "pipx":
        (prefix / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    # pipx's environments share a pip.
    monkeypatch.setattr(gateway_extra, "is_installed", lambda _module: made_by != "uv")
    assert shlex.split(gateway_extra.command()) == words


def test_whoever_lacks_the_client_for_a_closed_api_gets_the_same_command(tmp_path: Path) -> None:
    ask = wire.Ask(endpoint="theirs", kind="refactor", call="/v1/messages", workspace="/")
    found = locks.check(
        ask, endpoint(), policy(), stores(tmp_path), stage="offer", installed=lambda: False
    )
    assert (found.lock, found.next_step) == (2, gateway_extra.command())


def test_nothing_tells_people_to_ask_an_index_for_indoors() -> None:
    """It is installed from a wheel's file, and under its name there may be anything."""
    asks = re.compile(r"\b(install|download)\s+'?indoors(\[|['`\s]|$)")
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "server").rglob("*.py")]
    assert asks.search("pip install 'indoors[gateway]'")
    wrong = [
        f"{page.relative_to(ROOT)}: {line.strip()}"
        for page in pages
        for line in page.read_text().splitlines()
        if asks.search(line)
    ]
    assert wrong == []
