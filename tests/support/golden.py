"""Golden files: prose on top for the reader, then the text that a test renders.

A file is `prose`, a line of `=====`, and the golden text. `INDOORS_UPDATE_GOLDEN=1` rewrites the
text and keeps the prose.
"""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent / "golden"
_RULE = "=====\n"


def check(relative: str, actual: str) -> None:
    path = ROOT / relative
    actual = actual.rstrip("\n") + "\n"
    if os.environ.get("INDOORS_UPDATE_GOLDEN") == "1":
        prose = path.read_text("utf-8").partition(_RULE)[0] if path.exists() else "(say why)\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(prose + _RULE + actual, "utf-8", newline="\n")
    assert path.exists(), f"{path} is missing: run with INDOORS_UPDATE_GOLDEN=1, then write prose"
    prose, rule, expected = path.read_text("utf-8").partition(_RULE)
    assert rule, f"{path} has no rule"
    assert prose.strip() not in ("", "(say why)"), f"{path} has no prose"
    assert actual == expected
