"""The extra `gateway`: the HTTP client that the core does without, and how it comes in here.

Only the client is asked of an index, and never ourselves: Indoors is installed from a wheel's file,
and under its name an index may have anybody's package.
"""

from __future__ import annotations

import shlex
import sys
from importlib import util
from pathlib import Path

MODULE = "httpx"
# As in pyproject.toml; a test compares them.
REQUIREMENT = "httpx>=0.28,<1"


def is_installed(module: str = MODULE) -> bool:
    """Whether it is there; it is looked for and not imported."""
    return util.find_spec(module) is not None


def command() -> str:
    """What installs it into this very environment, by what made that."""
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").exists():
        words = ["pipx", "inject", prefix.name, REQUIREMENT]
    elif is_installed("pip"):
        words = [sys.executable, "-I", "-m", "pip", "install", REQUIREMENT]
    else:  # uv makes environments without pip
        words = ["uv", "pip", "install", "--python", sys.executable, REQUIREMENT]
    return shlex.join(words)
