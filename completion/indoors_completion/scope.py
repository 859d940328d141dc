"""Where an answer of several lines ends: while it streams, and when it was cut off.

An answer ends where the statement or block around the cursor ends, where it reaches the text that
already follows, or at `max_lines`. It never ends at a blank line as such: real bodies have them.
"""

from __future__ import annotations

import re
from itertools import islice

import msgspec

from indoors_completion.brackets import CLOSERS, Scanner
from indoors_completion.langfacts import LanguageFacts, facts
from indoors_completion.window import Line
from indoors_indexing.types import SyntaxSite

_TAB_WIDTH = 4
# Lines that begin a definition: at the level where one was just written, the next one is another
# answer. (`const`, `async with` and a static variable begin statements of a body just as well.)
_DEFINITION = re.compile(
    r"\s*(@|#\[|(async\s+(def|fn|function)|class|def|enum|export|fn|func|function|impl|interface|"
    r"private|protected|pub|public|struct|trait|type|static\b(?=[^=]*\())\b)"
)
# How many of the lines below are looked at to tell that an answer has reached them.
_FOLLOWING = 3
# A line that cannot end a statement in any of our languages.
_UNFINISHED = ("\\", ",", "(", "[", "=", "+", ".", "&&", "||")


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds an answer, known before it starts.

    `before` and `tail` are the cursor's line on both sides. `statement` asks for the statement
    under the cursor with its body, else for the rest of the block. `floor` is the least
    indentation (columns) of its lines, from the second on. `closed_by` is the closer with which
    the text that follows closes the block around the cursor, "" if it does not, and `closed_at` the
    indentation of that closer where it begins its line. `next_lines` are the next non-blank lines
    below the cursor, nearest first.
    """

    language: LanguageFacts
    before: str
    tail: str
    statement: bool
    floor: int
    closed_by: str
    closed_at: int | None
    next_lines: tuple[str, ...]
    max_lines: int


def columns(line: str) -> int:
    """The width of a line's leading whitespace, with tabs at every fourth column."""
    width = 0
    for character in line:
        if character == "\t":
            width += _TAB_WIDTH - width % _TAB_WIDTH
        elif character == " ":
            width += 1
        else:
            break
    return width


def frame(
    language: str,
    line: Line,
    suffix: str,
    site: SyntaxSite | None,
    *,
    opens_block: bool,
    max_lines: int,
) -> Frame:
    """The bounds of an answer at a cursor. `suffix` is the text window after the cursor."""
    known = facts(language)
    below = suffix.partition("\n")[2]
    spoken = (text.rstrip() for text in below.split("\n") if text.strip())
    header = columns(line.before)
    opened_here = opens_block and not line.blank
    if opened_here:
        floor = header + 1
    elif site is not None and (opens_block or not line.before):
        floor = columns(site.block_indent)
    else:
        floor = header
    closed_by, closed_at = _closed_by(known, suffix, header if opened_here else None)
    return Frame(
        language=known,
        before=line.before,
        tail=line.after.strip(),
        statement=not line.blank and not opens_block,
        floor=floor,
        closed_by=closed_by,
        closed_at=closed_at,
        next_lines=tuple(islice(spoken, _FOLLOWING)),
        max_lines=max(1, max_lines),
    )


def _closed_by(language: LanguageFacts, suffix: str, header: int | None) -> tuple[str, int | None]:
    """The first closer in `suffix` of something opened before it, and its indentation.

    After an opened block, it must stand at the indentation of the line that opened it: otherwise
    it is that of a block further out.
    """
    scanner = Scanner(language)
    for number, line in enumerate(suffix.split("\n")):
        scanner.feed(line + "\n")
        if scanner.left:
            closer = scanner.left[0][0]
            first = number > 0 and line.lstrip().startswith(closer)
            ours = header is None or number == 0 or columns(line) == header
            return (closer, columns(line) if first else None) if ours else ("", None)
    return "", None


class Scope:
    """Judges one answer as it streams: `feed` its pieces until `done`, then take `finish`."""

    def __init__(self, bounds: Frame) -> None:
        self._frame = bounds
        self._scanner = Scanner(bounds.language)
        self._scanner.feed(bounds.before)
        self._scanner.mark(base=not bounds.statement)
        self._floor = bounds.floor
        self._statement = bounds.statement
        self._lines: list[str] = []
        self._ends: list[_LineEnd] = []
        self._pending = ""
        self._first = ""
        self._blank_before = False
        self._deeper = False
        self._last = False
        self._n_reached = 0
        self._reached_at = 0
        self.reason = ""

    @property
    def done(self) -> bool:
        """Whether the answer is complete; `reason` then says why."""
        return bool(self.reason)

    def feed(self, text: str) -> bool:
        """Read more of the answer; True once it is complete."""
        self._pending += text
        while not self.done and "\n" in self._pending:
            line, _, self._pending = self._pending.partition("\n")
            self._take(line + "\n")
        # Indentation is judged as soon as it is known, not a line later.
        if not self.done and self._pending.strip() and self._lines:
            self._judge_start(self._pending)
        return self.done

    def finish(self, *, complete: bool) -> str:
        """The answer, without trailing blank lines.

        `complete` says that the model ended it by itself. If not (length, deadline), an answer of
        several lines is cut back to its last complete statement; a single line is kept.
        """
        if complete and not self.done and self._pending:
            line, self._pending = self._pending, ""
            self._take(line)
        if self.done or complete:
            return "".join(self._lines).rstrip("\n")
        return self._cut_back()

    def _take(self, line: str) -> None:
        """Judge a whole line, and keep it unless it lies beyond the end."""
        spoken = bool(line.strip())
        if spoken and self._lines:
            self._judge_start(line)
            if not self.done and self._reaches_below(line.rstrip()):
                del self._lines[self._reached_at :]
                self.reason = "the text below is reached"
            if self.done:
                return
        elif spoken and not self._frame.before and not self._frame.tail:
            # The editor left the cursor at column 0: the answer brings its own indentation.
            self._floor = max(self._floor, columns(line))
        self._scanner.feed(line)
        if self._scanner.left and not self._last and not self._stays(line):
            return
        self._lines.append(line)
        self._ends.append(_LineEnd(tuple(self._scanner.open), self._scanner.inside == ""))
        if not spoken:
            self._blank_before = True
            return
        self._first = self._first or line.rstrip()
        self._blank_before = False
        self._deeper = self._deeper or columns(line) > self._floor
        if self._last:
            # `} else {` closes one block and opens the next.
            self.reason = "the block is closed" if self._scanner.at_level else ""
        elif self._statement:
            self._judge_statement(line.rstrip())
        if sum(1 for text in self._lines if text.strip()) >= self._frame.max_lines:
            self.reason = self.reason or "as many lines as allowed"

    def _judge_start(self, line: str) -> None:
        """Judge a line of which at least the first non-blank character is known."""
        if not self._scanner.at_level or not self._first:
            return
        width = columns(line)
        if self._frame.language.blocks != "braces" and width < self._floor:
            self.reason = "the block ends here"
            return
        again = width <= self._floor and self._blank_before and self._deeper
        if again and (self._floor == 0 or _DEFINITION.match(self._first)):
            self.reason = "the definition ends here"

    def _reaches_below(self, line: str) -> bool:
        """Whether the answer's last lines, with `line`, are those that follow the cursor.

        One line that says something is enough in code; in a comment or string, or if the first line
        below has brackets and marks only, the next must be the same, too. A lone closer is told
        apart by the bracket count. Brackets may be open: `foo(` is a whole answer where the
        arguments are already there.
        """
        below = self._frame.next_lines
        if self._n_reached < len(below) and line == below[self._n_reached]:
            self._n_reached += 1
        else:
            self._n_reached = int(bool(below) and line == below[0])
        if self._n_reached == 1:
            self._reached_at = len(self._lines)
        reached = below[: self._n_reached]
        speaks = any(character.isalnum() for text in reached for character in text)
        return speaks and (len(reached) > 1 or self._scanner.inside == "")

    def _judge_statement(self, line: str) -> None:
        """End a statement with its line, unless that opens a bracket, a block or goes on."""
        if not self._scanner.at_level:
            return
        if self._frame.language.blocks == "indent" and len(self._lines) > 1 and line == self._first:
            # It begins below the cursor, deeper: the cursor stands behind a header after all.
            header = columns(self._frame.before)
            if self._frame.before.rstrip().endswith(":") and columns(line) > header:
                self._floor, self._statement = header + 1, False
                return
        # A comma behind a bracket that the answer closes ends an element of a list.
        element = len(self._lines) > 1 and line.lstrip()[0] in CLOSERS and line.endswith(",")
        if line.endswith(_UNFINISHED) and not element:
            return
        if self._frame.language.blocks == "indent" and line.endswith(":"):
            own_line = self._first if len(self._lines) > 1 else self._frame.before
            self._floor = columns(own_line) + 1
            self._statement = False
        else:
            self.reason = "the statement ends here"

    def _stays(self, line: str) -> bool:
        """Handle closers in `line` that leave the block; False if the line ends before them."""
        closer, offset = self._scanner.left[0]
        ours = closer == self._frame.closed_by and self._is_closed_at(line, closer)
        if self._frame.tail or not ours:
            # Closers that follow on the cursor's line are replaced through the range, and a block
            # that nothing closes may be closed here. Either way this line is the last.
            self._last = True
            return True
        kept = line[: offset - sum(len(text) for text in self._lines)]
        if kept.strip():
            self._lines.append(kept)
        self.reason = "the block is closed below"
        return False

    def _is_closed_at(self, line: str, closer: str) -> bool:
        """Whether `closer` may be the one below: not if both begin their lines, at different
        indentations. The one below then closes a block further out.
        """
        shown = line if self._lines else self._frame.before + line
        closed_at = self._frame.closed_at
        begins = closed_at is not None and shown.lstrip().startswith(closer)
        return not begins or columns(shown) == closed_at

    def _cut_back(self) -> str:
        if not self._first:
            return ("".join(self._lines) + self._pending).rstrip("\n")
        first = next(index for index, text in enumerate(self._lines) if text.strip())
        for strict in (True, False):
            for count in range(len(self._lines), first, -1):
                # A block left open is better than losing more than half of the answer.
                if strict and count * 2 < len(self._lines):
                    break
                if self._lines[count - 1].strip() and self._is_whole(count, strict=strict):
                    return "".join(self._lines[:count]).rstrip("\n")
        return "".join(self._lines[: first + 1]).rstrip("\n")

    def _is_whole(self, count: int, *, strict: bool) -> bool:
        """Whether the first `count` lines end with a statement (`strict`: and close all blocks)."""
        end = self._ends[count - 1]
        last = self._lines[count - 1].rstrip()
        braces = self._frame.language.blocks == "braces"
        owed = end.open[len(self._opened_before()) :]
        owed = tuple(closer for closer in owed if strict or not (braces and closer == "}"))
        header = self._frame.language.blocks == "indent" and last.endswith(":")
        return end.in_code and not owed and not header and not last.endswith(_UNFINISHED)

    def _opened_before(self) -> list[str]:
        if self._frame.statement:
            return []
        scanner = Scanner(self._frame.language)
        scanner.feed(self._frame.before)
        return scanner.open


class _LineEnd(msgspec.Struct, frozen=True):
    """The scanner's state at the end of one line."""

    open: tuple[str, ...]
    in_code: bool
