"""How many tokens a text has at most, in a vocabulary that is not here.

A prompt that is too long is refused or, worse, cut by the server where it likes. So the estimate
errs upwards: five letters count as one token, as does every part of a word that begins with a
capital (what is random has many), every digit and every run of spaces, and three marks as two; a
single space belongs to what follows it. What is not ASCII counts as its bytes, which is all that a
byte-level vocabulary can make of it. For source code that is mostly a quarter to a half more than
there are (tests/server/remote/test_estimate.py compares it with a real vocabulary).
"""

from __future__ import annotations

import re
from typing import Literal

_PIECES = re.compile(
    r"(?P<letters>[A-Z]?[a-z]+|[A-Z]+)|(?P<digit>[0-9])"
    r"|(?P<lines>[ \t]*(?:\r?\n)+)|(?P<spaces>[ \t]+)"
    r"|(?P<marks>[!-~]+?(?=[0-9A-Za-z]|[^!-~]|\Z))"
    r"|(?P<others>.)",
    re.DOTALL,
)
_LETTERS_A_TOKEN = 5
_SPACES_A_TOKEN = 16
_LINES_A_TOKEN = 4


def n_tokens(text: str) -> int:
    """At most so many tokens."""
    count = 0
    for match in _PIECES.finditer(text):
        kind = match.lastgroup
        size = match.end() - match.start()
        if kind == "letters":
            count += -(-size // _LETTERS_A_TOKEN)
        elif kind == "lines":
            count += -(-size // _LINES_A_TOKEN)
        elif kind == "spaces":
            count += -(-(size - 1) // _SPACES_A_TOKEN)
        elif kind == "digit":
            count += 1
        elif kind == "marks":
            count += -(-size * 2 // 3)
        else:
            count += len(match[0].encode("utf-8", "replace"))
    return count


def clipped(text: str, budget: int, keep: Literal["head", "tail"]) -> str:
    """What of `text` is within `budget` tokens: whole lines, if at least one remains.

    As the engine on this machine clips, a tail keeps the line of the cursor however it ends.
    """
    if budget <= 0:
        return ""
    # Nothing has less than a token for so many characters, so a longer text need not be counted.
    most = budget * (_SPACES_A_TOKEN + 2)
    is_whole = len(text) <= most
    if is_whole and n_tokens(text) <= budget:
        return text
    near = text if is_whole else (text[-most:] if keep == "tail" else text[:most])
    lines = near.splitlines(keepends=True)
    kept: list[str] = []
    left = budget
    for number, line in enumerate(reversed(lines) if keep == "tail" else lines):
        size = n_tokens(line)
        is_cut = not is_whole and number == len(lines) - 1
        if size > left or is_cut:
            break
        left -= size
        kept.append(line)
    if kept:
        return "".join(reversed(kept) if keep == "tail" else kept)
    # Not even one line: so many characters are in no case more tokens than there is room for.
    part = near.encode("utf-8", "replace")
    part = part[-budget:] if keep == "tail" else part[:budget]
    return part.decode("utf-8", "ignore")
