"""A maker that misbehaves where a file's name says so: `python maker_child.py [MARK]`.

"kill" in a name kills the process, "stall" stops it for good, "once" kills it if MARK is not there
yet, and makes it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from indoors_indexing import maker

_make = maker.make


def make(root: int, task: maker.Task) -> maker.Result:
    """Do the task, or what the name says."""
    if "kill" in task.path:
        os.kill(os.getpid(), signal.SIGKILL)
    if "stall" in task.path:
        time.sleep(1000)
    if "once" in task.path:
        mark = Path(sys.argv[1])
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return _make(root, task)


if __name__ == "__main__":
    maker.make = make
    reader, writer = os.fdopen(0, "rb"), os.fdopen(1, "wb", buffering=0)
    sys.exit(maker.run(reader, writer))
