"""Which part of a document goes into a prompt, and the facts of the cursor's line.

The windows are *anchored*. A window that slides by a line on every Enter changes the first token of
the prompt and so throws away the whole KV cache; here the start of the prefix window is a multiple
of a quarter of the window, moved on to a block or line boundary, and stays put until the text has
outgrown the window by a quarter. Then it may be kept for another quarter, until there is a pause to
evaluate what follows from where the window begins next.
"""

from __future__ import annotations

import re

import msgspec

from indoors_completion import heal
from indoors_completion.budget import PromptBudget

# Characters per token, on the low side: code has 3 to 4 with the tokenizers of code models. The
# worker clips by exact tokens; a window this size rarely needs it, which keeps the anchor.
CHARS_PER_TOKEN = 3
# How much of the cursor's own line is looked at: enough for any rule, bounded for minified files.
LINE_LIMIT = 2000
# A partial word, what is glued to it, and the character before that.
_HEALED = heal.MAX_BEGIN + 2
# What may follow the cursor on its line without being text of its own: the closers that editors
# insert by themselves. field.md gives /^\W*$/, which would also take operators for closers.
_CLOSERS_ONLY = re.compile(r"[\s)\]}>\"'`;:,]*")
# How many quarters of its size a window may have too much: where a pause moves it, and where a key
# has to. So every move is by two quarters at least, and rarely a key is what waits for it.
GROWN_QUARTERS, KEPT_QUARTERS = 1, 2
_BLOCK_START = re.compile(r"\n[^\S\n]*\n(?=\S)")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The cursor's line. `start` and `end` are offsets; `end` stands before the line break.

    `before` and `after` are the text on both sides of the cursor, at most `LINE_LIMIT` characters
    each (the nearest ones). `newline` is the document's line break.
    """

    start: int
    end: int
    before: str
    after: str
    newline: str

    @property
    def blank(self) -> bool:
        """Whether the line has no text."""
        return not self.before.strip() and not self.after.strip()

    @property
    def at_end(self) -> bool:
        """Whether nothing but closers, punctuation and space follows the cursor."""
        return len(self.after) < LINE_LIMIT and _CLOSERS_ONLY.fullmatch(self.after) is not None

    @property
    def before_text(self) -> bool:
        """Whether the cursor stands before the first text of a line: new lines go above it."""
        return not self.before.strip() and not self.at_end

    @property
    def indent(self) -> str:
        """The whitespace before the line's first text (before the cursor, on a blank line)."""
        return self.before[: len(self.before) - len(self.before.lstrip())]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The text for a prompt, with `\\n` line breaks whatever the document has.

    `begin` is the partial word before the cursor, left out of `prefix` (`heal`). Both windows are
    the same whatever its length, so that the prompt is the same while somebody types it.
    """

    prefix: str
    suffix: str
    prefix_start: int
    suffix_end: int
    begin: str = ""

    def describe(self) -> str:
        """One line for `--explain`."""
        healed = f", {len(self.begin)} healed" if self.begin else ""
        return f"{len(self.prefix)} characters before{healed}, {len(self.suffix)} after"


def line_at(text: str, offset: int) -> Line:
    """The line of `text` that holds `offset` (0 <= offset <= len(text))."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    if end > offset and text[end - 1] == "\r":
        end -= 1
    first = text.find("\n")
    return Line(
        start=start,
        end=end,
        before=text[max(start, offset - LINE_LIMIT) : offset],
        after=text[offset : min(end, offset + LINE_LIMIT)],
        newline="\r\n" if first > 0 and text[first - 1] == "\r" else "\n",
    )


def around(
    text: str,
    offset: int,
    budget: PromptBudget,
    *,
    healed: bool = False,
    kept_start: int | None = None,
    quarters: int = KEPT_QUARTERS,
) -> Window:
    """The windows on both sides of `offset`, of about the sizes that `budget` allows.

    `healed` leaves the partial word before `offset` out of the prefix. The prefix begins at
    `kept_start` instead, if that gives it more text, but no more than so many `quarters` too much.
    """
    begin = heal.split(text[max(0, offset - _HEALED) : offset])[1] if healed else ""
    stable = offset - len(begin)
    size = budget.prefix_tokens * CHARS_PER_TOKEN
    start = _prefix_start(text, stable, size)
    if kept_start is not None and stable - size - quarters * _step(size) <= kept_start < start:
        start = kept_start
    end = _suffix_end(text, offset, budget.suffix_tokens * CHARS_PER_TOKEN)
    return Window(
        prefix=text[start:stable].replace("\r\n", "\n"),
        suffix=text[offset:end].replace("\r\n", "\n"),
        prefix_start=start,
        suffix_end=end,
        begin=begin,
    )


def _prefix_start(text: str, offset: int, size: int) -> int:
    if offset <= size:
        return 0
    step = _step(size)
    anchor = -(-(offset - size) // step) * step
    if anchor >= offset:
        return offset
    # A block boundary in the next half quarter, else the next line, else (one giant line) here.
    block = _BLOCK_START.search(text, max(0, anchor - 1), min(offset, anchor + step // 2))
    if block:
        return block.end()
    if text[anchor - 1] == "\n":
        return anchor
    line = text.find("\n", anchor, min(offset, anchor + step))
    return anchor if line < 0 else line + 1


def _step(size: int) -> int:
    """The distance of the places where a prefix window of `size` characters may begin."""
    return max(1, size // 4)


def _suffix_end(text: str, offset: int, size: int) -> int:
    end = offset + size
    if end >= len(text):
        return len(text)
    line = text.rfind("\n", offset, end)
    # Without a whole line in reach (or with the cursor's own line only), cut where the size ends.
    return end if line <= offset else line + 1
