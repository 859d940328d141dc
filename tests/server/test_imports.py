"""What a process has in memory is part of its promise: asked of fresh interpreters."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CLIENTS = (
    "http.client",
    "urllib.request",
    "requests",
    "httpx",
    "httpcore",
    "aiohttp",
    "websockets",
    "huggingface_hub",
    "indoors_server.fetch",
)


def modules_after(code: str) -> set[str]:
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import indoors_server.app, indoors_server.core, indoors_server.cli.serve",
        "import indoors_server.gateway_client, indoors_server.endpoint_files",
        "import indoors_completion.engine.worker",
        "import indoors_indexing.service, indoors_indexing.keeper, indoors_indexing.build",
    ],
    ids=["server", "gateway client", "worker", "indexer"],
)
def test_the_server_loads_no_http(code: str) -> None:
    assert not modules_after(code) & set(CLIENTS)


def test_the_control_sees_a_client() -> None:
    assert "http.client" in modules_after("import indoors_server.fetch")
    assert "httpx" in modules_after("import indoors_server.gateway.http")


def test_the_server_cannot_run_a_persons_command() -> None:
    """That is for a terminal only: what would do it is not there."""
    server = "import indoors_server.app, indoors_server.core, indoors_server.cli.serve"
    assert not modules_after(server) & {"indoors_server.scratch", "indoors_server.scratch_copy"}
    assert "indoors_server.scratch_copy" in modules_after("import indoors_server.scratch")


def test_the_entry_point_is_light() -> None:
    """Nothing that parses input is imported before the lock-down."""
    loaded = modules_after("import indoors_server.__main__")
    assert not {name.split(".")[0] for name in loaded} & {"pygls", "lsprotocol", "msgspec"}


@pytest.mark.parametrize(
    "code",
    [
        "import indoors_server.app, indoors_server.core, indoors_server.cli.serve",
        "import indoors_server.cli.search, indoors_server.cli.index, indoors_server.cli.status",
        "import indoors_server.health, indoors_server.index_search",
        "import indoors_indexing.service",
    ],
    ids=["server", "commands", "searching", "indexer"],
)
def test_a_database_is_loaded_on_first_use(code: str) -> None:
    """Nothing that starts a process of ours waits for SQLite, or fails where Python lacks it."""
    assert "sqlite3" not in modules_after(code)


def test_the_server_loads_no_parser_and_no_watcher() -> None:
    code = "import indoors_server.app, indoors_server.core, indoors_server.cli.serve"
    loaded = {name.split(".")[0] for name in modules_after(code)}
    assert not loaded & {"tree_sitter", "watchdog", "llama_cpp"}


def test_the_control_sees_the_database() -> None:
    assert "sqlite3" in modules_after("import indoors_indexing.store")
