"""Views of a text: parts of it as they are once strings are put together or base64 is read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple


class Found(NamedTuple):
    """A secret: what it is, and its line, from 1, in the text that was given."""

    what: str
    line: int


class View(NamedTuple):
    """A text that is looked at, and for places in it, in order, their lines in the whole text."""

    text: str
    lines: tuple[tuple[int, int], ...] = ((0, 1),)

    def found(self, what: str, offset: int) -> Found:
        """Something at an offset."""
        at, line = next(one for one in reversed(self.lines) if one[0] <= offset)
        return Found(what, line + self.text.count("\n", at, offset))


JOINTS = (
    # "abc" + "def", 'abc' 'def', `abc` . `def`, also over lines. Nothing stands between two runs of
    # blanks that may be missing: then a long run of them could be parted in millions of ways.
    re.compile(
        r"(['\"`])(?!\1)[ \t]{0,80}(?:[+.&][ \t]{0,40})?"
        r"(?:\\?\r?\n[ \t]{0,120}(?:[+.&][ \t]{0,40})?)?\1"
    ),
    re.compile(r"\\\r?\n[ \t]{0,80}"),
)
# Of six characters and more on both sides: other words at the ends of lines are prose and code.
WRAPPED = re.compile(
    r"(?<=[A-Za-z0-9+/_=$%\-]{6})[ \t]{0,8}\r?\n[ \t>*#/|]{0,80}(?=[A-Za-z0-9+/_$%\-]{6})"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{24,65536}")
# So much on both sides of a joint is looked at: keys are shorter.
_AROUND = 600


def without(view: View, joints: tuple[re.Pattern[str], ...]) -> Iterator[View]:
    """The surroundings of the joints of a text, without them."""
    text = view.text
    spots = sorted(match.span() for joint in joints for match in joint.finditer(text))
    group: list[tuple[int, int]] = []
    for spot in spots:
        if group and spot[0] < group[-1][1]:
            continue
        if group and spot[0] - group[-1][1] > _AROUND:
            yield _put_together(text, group)
            group = []
        group.append(spot)
    if group:
        yield _put_together(text, group)


def _put_together(text: str, joints: list[tuple[int, int]]) -> View:
    pieces: list[str] = []
    lines: list[tuple[int, int]] = []
    start, size = max(0, joints[0][0] - _AROUND), 0
    line = text.count("\n", 0, start) + 1
    for begin, end in [*joints, (min(len(text), joints[-1][1] + _AROUND), -1)]:
        pieces.append(text[start:begin])
        lines.append((size, line))
        size += begin - start
        line += text.count("\n", start, max(begin, end))
        start = end
    return View("".join(pieces), tuple(lines))


def decoded(text: str) -> Iterator[tuple[int, str]]:
    """Texts that stand in a text in base64, with their places."""
    for match in _BASE64.finditer(text):
        run = match[0].replace("-", "+").replace("_", "/")
        # What stands before it may have the same letters: four ways to read it.
        for skip in range(4):
            inside = read_base64(run[skip:])
            if inside is not None:
                yield match.start(), inside
                break


def read_base64(run: str) -> str | None:
    """The text that is written as base64, if it is one."""
    run = run[: len(run) // 4 * 4] if len(run) % 4 == 1 else run
    try:
        raw = base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    n_printable = sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw)
    return raw.decode("latin-1") if n_printable >= 0.9 * len(raw) else None
