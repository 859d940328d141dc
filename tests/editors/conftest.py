"""A real Neovim with the plugin, and a workspace to open in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.nvim import PLUGIN, Nvim


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / ".git").mkdir(parents=True)
    (folder / "shapes.py").write_text(
        "import math\n\n\ndef circle_area(radius: float) -> float:\n"
        '    """Area of a circle."""\n    return math.pi * radius**2\n\n\n'
        "def rectangle_area(width: float, height: float) -> float:\n"
        '    """Area of a rectangle."""\n'
    )
    return folder


@pytest.fixture
def nvim(tmp_path: Path) -> Iterator[Nvim]:
    environment = {name: value for name, value in os.environ.items() if name != "NVIM"}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        environment[name] = str(tmp_path / name.lower())
    with Nvim("--cmd", f"set runtimepath^={PLUGIN}", environment=environment) as editor:
        yield editor
