"""What every test gets: no network, and a home of its own where it asks for one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import hypothesis
import pytest

# No test asserts time, generated ones included. A run that decides about a change tries the same
# examples every time; at home they differ from run to run, and so find more.
hypothesis.settings.register_profile(
    "indoors", deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("indoors")

_real_connect = socket.socket.connect


def _is_loopback(address: object) -> bool:
    return isinstance(address, tuple) and str(address[0]) in {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections fail: AF_UNIX always works, loopback with the `loopback` marker."""
    allowed = request.node.get_closest_marker("loopback") is not None

    def connect(self: socket.socket, address: object) -> None:
        if self.family == socket.AF_UNIX or (allowed and _is_loopback(address)):
            _real_connect(self, address)  # type: ignore[arg-type]
            return
        raise AssertionError(f"a test tried to reach {address!r}; mark it `loopback` or mend it")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: cache, state and config of Indoors lie in it for this test."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home
