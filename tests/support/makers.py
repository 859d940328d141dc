"""Starting makers for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import maker_child

ROOT = Path(__file__).resolve().parents[2]


class Spawn:
    """Starts makers that misbehave, and remembers them."""

    def __init__(self, mark: Path, *command: str) -> None:
        self.command = command or (sys.executable, maker_child.__file__, str(mark))
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self) -> subprocess.Popen[bytes]:
        places = os.pathsep.join(str(ROOT / part) for part in ("tests", "indexing"))
        child = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={"PYTHONPATH": places, "PATH": os.environ["PATH"]},
        )
        self.started.append(child)
        return child
