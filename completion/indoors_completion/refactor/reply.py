"""What of an answer is code: a model was asked for one block and may write around it."""

from __future__ import annotations

import re

# The answer is begun for the model, so that the first thing it writes is code.
FENCE = "```"
# At the first column only: a fence that is indented belongs to documentation in the code.
_OPENING = re.compile(r"^(?:```|~~~)[\w+#.-]*[ \t]*$", re.MULTILINE)
_CLOSING = re.compile(r"^(?:```|~~~)[ \t]*$", re.MULTILINE)
_LINE_ENDS = re.compile(r"\r+\n")
_NAMED = re.compile(r"^(?:```|~~~)[\w+#.-]+[ \t]*$", re.MULTILINE)


def opening(language: str) -> str:
    """The beginning of an answer in code of a language."""
    return f"{FENCE}{language}\n"


def stops() -> tuple[str, ...]:
    """What ends an answer that was begun with `opening`."""
    return (f"\n{FENCE}",)


def code_of(answer: str) -> str:
    """The code of an answer that was begun with `opening`: up to the fence that closes it.

    A model that opens a block of its own, after an empty one or after talk, means that one.
    """
    text = _LINE_ENDS.sub("\n", answer)
    if text.lstrip("\n").startswith(FENCE):
        text = text.lstrip("\n").partition("\n")[2]
    closing = _CLOSING.search(text)
    named = _NAMED.search(text, 0, closing.start() if closing is not None else len(text))
    if named is not None:
        # Talk stood before it: the block that has a language is the one that is meant.
        text = text[named.end() :].removeprefix("\n")
        closing = _CLOSING.search(text)
    inside = text if closing is None else text[: closing.start()]
    if not inside.strip() and closing is not None:
        again = _OPENING.search(text, closing.end())
        if again is not None:
            inside = text[again.end() :].removeprefix("\n")
            end = _CLOSING.search(inside)
            inside = inside if end is None else inside[: end.start()]
    return inside.strip("\n")
