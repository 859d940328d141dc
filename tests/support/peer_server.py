"""llama-cpp-python's own server with the real default model, as an engine elsewhere.

It runs in `.venv/peer`, whose packages `requirements-peer.lock` pins; the library is the engine's,
and the server's own modules come out of the wheel that the engine was built as.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from indoors_server import paths
from support.engines import engine_dir, model_path

PYTHON = Path(__file__).resolve().parents[2] / ".venv/peer/bin/python"
READY_S = 120.0
_START = """
import runpy, sys
sys.path.insert(0, {engine!r})
import llama_cpp
llama_cpp.__path__.append({server!r})
sys.argv = ["server", *sys.argv[1:]]
runpy.run_module("llama_cpp.server", run_name="__main__")
"""


def missing() -> str:
    """What this machine lacks for it, "" if nothing."""
    if not PYTHON.exists():
        return "no .venv/peer: `make .venv/.peer` makes it"
    if not _wheels():
        return "the engine was not built here, so its server's modules are in no wheel"
    return ""


def required() -> None:
    """Fail where a change is decided about, skip elsewhere, if something is missing."""
    if why := missing():
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


class PeerServer:
    """The server; it can be killed and started again at the same port."""

    def __init__(self, folder: Path, model: Path | None = None) -> None:
        self._model = model or model_path()
        with zipfile.ZipFile(_wheels()[-1]) as wheel:
            names = [name for name in wheel.namelist() if name.startswith("llama_cpp/server/")]
            wheel.extractall(folder, names)
        self._modules = folder / "llama_cpp"
        self._log = folder / "server.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        code = _START.format(engine=str(engine_dir()), server=str(self._modules))
        arguments = ["--model", str(self._model), "--host", "127.0.0.1", "--port", str(self.port),
                     "--n_ctx", "2048", "--model_alias", "qwen2.5-coder-0.5b-instruct",
                     # Else a request that comes while another is answered ends that one.
                     "--interrupt_requests", "false", "--n_threads", "2"]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(PYTHON), "-I", "-c", code, *arguments], stdout=log, stderr=log
            )

    def wait(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            assert time.monotonic() < deadline, "the server does not come"
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def n_tokens(self, text: str) -> int:
        """How many tokens its model makes of a prompt."""
        body = json.dumps({"input": text}).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/extras/tokenize", body, headers)
        with urllib.request.urlopen(asked) as answer:
            return len(json.load(answer)["tokens"])

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/v1/models") as got:
            return got.status == 200
        return False


@contextlib.contextmanager
def peer_server(folder: Path, model: Path | None = None) -> Iterator[PeerServer]:
    """The server, ready, with the default model or another one."""
    server = PeerServer(folder, model)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wheels() -> list[Path]:
    return sorted((paths.cache_dir() / "wheels").glob("*/llama_cpp_python-*.whl"))
