"""A process that brings an index up to date with makers, until it is killed or done.

`python pass_child.py ROOT CACHE`: prints a line when it begins.
"""

from __future__ import annotations

import sys
from pathlib import Path

from indoors_indexing import build
from indoors_indexing.store import Writer
from support.makers import Spawn


def main() -> None:
    root, cache = sys.argv[1:]
    # Many small batches, so that most kills fall into one.
    build._POOL_FROM_FILES = 1
    build._BATCH_S = 0.0
    with Writer.open(Path(root), Path(cache)) as writer:
        print(*writer.notes, flush=True)
        build.bring_up_to_date(writer, root, spawn=Spawn(Path(cache) / "mark"))


if __name__ == "__main__":
    main()
