"""A home in which closed mode is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.closed_home import Home


@pytest.fixture
def home(private_home: Path) -> Home:
    return Home(private_home)
