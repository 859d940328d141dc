"""llama.cpp's own server with the real default model, built by benchmarks/build_peer.py."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engines import model_path
from support.peer_server import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_S = 120.0


def binary() -> Path:
    """Where it is. Skips the test if it was not built: that takes minutes."""
    found = subprocess.run(
        [sys.executable, "-c", "import build_peer; print(build_peer.server_path())"],
        cwd=ROOT / "benchmarks", capture_output=True, text=True, check=True,
    )  # fmt: skip
    path = Path(found.stdout.strip())
    if not path.exists():
        pytest.skip("no llama-server: `python benchmarks/build_peer.py` builds it")
    return path


@contextlib.contextmanager
def llama_server(folder: Path, name: str = "") -> Iterator[str]:
    """Its address, once it is ready. `name` is what its file and its model are called then."""
    model = model_path()
    if name:
        (folder / f"{name}.gguf").symlink_to(model)
        model = folder / f"{name}.gguf"
    port = free_port()
    command = [
        str(binary()), "-m", str(model), "--host", "127.0.0.1", "--port", str(port),
        "-c", "4096", "-np", "1", "-t", "2", *(("--alias", name) if name else ()),
    ]  # fmt: skip
    with (folder / "llama-server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_S
        while not _is_ready(port):
            assert process.poll() is None, (folder / "llama-server.log").read_text()[-3000:]
            assert time.monotonic() < deadline, "the server does not come"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_ready(port: int) -> bool:
    with (
        contextlib.suppress(OSError, ValueError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as got,
    ):
        return bool(json.load(got)["status"] == "ok")
    return False
