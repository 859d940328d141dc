"""How a test starts `altered_process.py`, which must not be imported to be named."""

from __future__ import annotations

import sys
from pathlib import Path

_SCRIPT = Path(__file__).with_name("altered_process.py")


def altered_command(alterations: str, role: str, *arguments: str) -> list[str]:
    """The command line of a role that is altered (see the script for the words)."""
    return [sys.executable, "-I", str(_SCRIPT), alterations, role, *arguments]
