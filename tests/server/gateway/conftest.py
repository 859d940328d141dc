"""A person's home, a server of theirs, and a locked server that may ask it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.fake_engine_server import serving
from support.gateways import gateway, write_engines


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


@pytest.fixture
def fake():
    with serving() as one:
        yield one


@pytest.fixture
def locked(home, fake):
    """A server that may send to `fake`, which is the engine "team"."""
    write_engines(home, team={"url": fake.url, "api": "openai", "model": "m"})
    with gateway(home, onprem_hosts=[fake.host]) as found:
        yield found
