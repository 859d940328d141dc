"""Row 25 of the threat table: no dependency is added, or learns to open connections, unreviewed.

The reviewed list is the table of docs/dependencies.md. It is compared with the wheel that people
install, with the lock file, and with the code of what is installed.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support import wheel
from support.elf import imported_names, is_library
from support.engines import engine_dir

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "dependencies.md"
# Modules that open connections, wait for them, or start programs; their submodules are meant, too.
NETWORK = {
    "_socket", "_ssl", "aiohttp", "asyncio", "asyncore", "ftplib", "grpc", "httpcore", "http",
    "httpx", "huggingface_hub", "imaplib", "multiprocessing", "nntplib", "poplib", "requests",
    "select", "selectors", "smtplib", "socket", "socketserver", "ssl", "subprocess", "telnetlib",
    "urllib.request", "urllib3", "webbrowser", "websockets", "xmlrpc",
}  # fmt: skip
# What a compiled library would need from the C library to reach anybody.
FUNCTIONS = {
    "socket", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg",
    "getaddrinfo", "gethostbyname", "res_query", "SSL_connect", "curl_easy_perform",
}  # fmt: skip


class Reviewed(NamedTuple):
    """A line of the table."""

    why: str
    modules: set[str]
    compiled: bool


def reviewed() -> dict[str, Reviewed]:
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \| (.+) \| (yes|no) \|$", PAGE.read_text(), re.M)
    # Only what stands before the remark in brackets names modules.
    return {
        name: Reviewed(why, set(re.findall(r"`([\w.]+)`", modules.partition("(")[0])), yes == "yes")
        for name, why, modules, yes in rows
    }


def required(requirements: Iterable[str]) -> set[str]:
    """The names that are needed without any extra."""
    parsed = [Requirement(text) for text in requirements]
    return {
        canonicalize_name(one.name)
        for one in parsed
        if one.marker is None or one.marker.evaluate({"extra": ""})
    }


def closure(names: Iterable[str]) -> set[str]:
    """These packages and all that they need, by the metadata of what is installed."""
    found: set[str] = set()
    new = set(names)
    while new:
        found |= new
        new = {
            other
            for name in new
            for other in required(importlib.metadata.requires(name) or ())
            if other not in found
        }
    return found


def files_of(name: str) -> list[Path]:
    files = importlib.metadata.files(name)
    assert files, f"{name} does not say which files it has"
    return [Path(str(file.locate())) for file in files]


def modules_named(source: str) -> set[str]:
    """The modules of NETWORK that a source imports anywhere, also in a function or under `if`."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {
        module
        for module in NETWORK
        for one in named
        if one == module or f"{one}.".startswith(f"{module}.")
    }


@pytest.fixture(scope="module")
def wheel_requires(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """`Requires-Dist` of the wheel that is made of these sources."""
    return wheel.requires(wheel.build(tmp_path_factory.mktemp("wheel")))


def test_row_25_every_package_that_the_wheel_brings_is_reviewed(wheel_requires: list[str]) -> None:
    assert wheel_requires
    assert closure(required(wheel_requires)) == set(reviewed())
    assert all(len(row.why) > 8 for row in reviewed().values())


def test_row_25_the_lock_file_brings_the_same() -> None:
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.M)
    assert {canonicalize_name(name) for name in locked} == set(reviewed())


def test_row_25_engine_and_gateway_are_the_only_extras(wheel_requires: list[str]) -> None:
    extras = [text for text in wheel_requires if "extra ==" in text]
    assert [Requirement(text).name for text in extras] == ["llama-cpp-python", "httpx"]


def test_row_25_the_core_wheel_brings_no_client_and_its_extra_only_what_is_reviewed(
    wheel_requires: list[str],
) -> None:
    """Which packages the extra "gateway" brings is a table of its own on the page."""
    page = PAGE.read_text().partition("**The gateway**")[2]
    named = set(re.findall(r"^\| `([\w-]+)` \| [^|]+ \|$", page, re.M))
    assert "httpx" in named
    assert closure(["httpx"]) | {"typing-extensions"} == named  # from 3.13 on it is not needed
    assert not closure(required(wheel_requires)) & named - {"typing-extensions"}


@pytest.mark.parametrize("name", sorted(reviewed()))
def test_row_25_no_package_names_a_network_module_that_was_not_reviewed(name: str) -> None:
    sources = [path for path in files_of(name) if path.suffix == ".py"]
    named = set().union(*(modules_named(path.read_text("utf-8")) for path in sources))
    assert named == reviewed()[name].modules


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import http.client", {"http"}),
        ("def f():\n    from urllib import request", {"urllib.request"}),
        ("from urllib.parse import quote", set()),
        ("try:\n    import requests as r\nexcept ImportError: pass", {"requests"}),
        ("from . import http", set()),
    ],
)
def test_row_25_the_control_sees_an_import_in_any_form(source: str, found: set[str]) -> None:
    assert modules_named(source) == found


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")
@pytest.mark.parametrize("name", sorted(reviewed()))
def test_row_25_no_compiled_package_can_open_a_connection(name: str) -> None:
    libraries = [path for path in files_of(name) if is_library(path)]
    assert bool(libraries) is reviewed()[name].compiled
    assert {path.name: imported_names(path) & FUNCTIONS for path in libraries} == {
        path.name: set() for path in libraries
    }


@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")
def test_row_25_no_library_of_the_engine_can_open_a_connection() -> None:
    libraries = [path for path in engine_dir().rglob("*") if path.is_file() and is_library(path)]
    assert {"libllama.so", "libggml-base.so"} <= {path.name for path in libraries}
    assert {path.name: imported_names(path) & FUNCTIONS for path in libraries} == {
        path.name: set() for path in libraries
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")
def test_row_25_the_control_sees_a_library_that_can() -> None:
    """Python's own socket module, or the interpreter where it is built in."""
    import _socket

    native = Path(getattr(_socket, "__file__", None) or sys.executable).resolve()
    assert {"socket", "connect", "sendto"} <= imported_names(native)
