"""The process that index_scale.py measures: it holds an index and does what it is told.

Commands are lines of JSON on stdin, each answered by one on stdout: {"do": "pass"} brings the index
up to date with the whole tree, {"do": "update", "paths": […]} looks at single files, {"do":
"retrieve", "cursors": […]} asks at places in files. It ends with its stdin.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from index_under_test import Cursor, Index, Missing, ours_snippets

BUDGET_TOKENS = 600


def answer(index: Index, command: dict[str, Any]) -> dict[str, Any]:
    """Do one thing; times are in seconds, single retrievals in milliseconds."""
    started = time.perf_counter()
    if command["do"] == "pass":
        n_changed = index.bring_up_to_date()
        return {"s": time.perf_counter() - started, "n_changed": n_changed}
    if command["do"] == "update":
        index.update(command["paths"])
        return {"s": time.perf_counter() - started}
    times: list[float] = []
    n_found = 0
    for path, language, byte in command["cursors"]:
        cursor = Cursor(path, language, (index.root / path).read_bytes(), byte)
        began = time.perf_counter()
        n_found += bool(ours_snippets(index, cursor, BUDGET_TOKENS))
        times.append((time.perf_counter() - began) * 1000)
    return {"ms": times, "n_found": n_found}


def main() -> None:
    root, cache = (Path(name) for name in sys.argv[1:3])
    try:
        index = Index(root, cache)
    except Missing as error:
        sys.stdout.write(json.dumps({"missing": str(error)}) + "\n")
        return
    sys.stdout.write(json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        try:
            said = answer(index, json.loads(line))
        except Missing as error:
            said = {"missing": str(error)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    index.close()


if __name__ == "__main__":
    main()
