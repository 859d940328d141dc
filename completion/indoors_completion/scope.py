"""Where an answer of several lines ends: while it streams, and when it was cut off.

An answer ends where the block around the cursor ends, where it reaches the text that already
follows, or at `max_lines`. It never ends at a blank line as such: real bodies have blank lines.
"""

from __future__ import annotations

import re

import msgspec

from indoors_completion.brackets import Scanner
from indoors_completion.langfacts import LanguageFacts, facts
from indoors_completion.window import Line
from indoors_indexing.types import SyntaxSite

_TAB_WIDTH = 4
# Lines that begin a definition: at the level where one was just written, the next one is another
# answer.
_DEFINITION = re.compile(
    r"\s*(@|#\[|(async|class|const|def|enum|export|fn|func|function|impl|interface|private|"
    r"protected|pub|public|static|struct|trait|type)\b)"
)


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds an answer, known before it starts.

    `floor` is the least indentation (columns) of its lines, from the second on (from the first, if
    the cursor's line is blank). `closed` says that the bracket around the cursor is closed by the
    text that follows. `next_line` is the next non-blank line below the cursor. `tail` is what
    follows on the cursor's line. `unindented` says that the cursor's line is empty.
    """

    language: LanguageFacts
    floor: int
    unindented: bool
    closed: bool
    next_line: str
    tail: str
    top_level: bool
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
    next_line = next((text.rstrip() for text in below.split("\n") if text.strip()), "")
    header = columns(line.before)
    if opens_block and not line.blank:
        floor = header + 1
    elif site is not None and (opens_block or not line.before):
        floor = columns(site.block_indent)
    else:
        floor = header
    return Frame(
        language=known,
        floor=floor,
        unindented=not line.before and not line.after.strip(),
        closed=_closed(known, suffix, header if opens_block and not line.blank else None),
        next_line=next_line,
        tail=line.after.strip(),
        top_level=floor == 0 and not opens_block,
        max_lines=max(1, max_lines),
    )


def _closed(language: LanguageFacts, suffix: str, header: int | None) -> bool:
    """Whether `suffix` closes the block around the cursor.

    After an opened block, the closer must stand at the indentation of the line that opened it:
    otherwise it is that of a block further out.
    """
    scanner = Scanner(language)
    for number, line in enumerate(suffix.split("\n")):
        scanner.feed(line + "\n")
        if scanner.unmatched:
            return header is None or number == 0 or columns(line) == header
    return False


class Scope:
    """Judges one answer as it streams: `feed` its pieces until `done`, then take `finish`."""

    def __init__(self, bounds: Frame) -> None:
        self._frame = bounds
        self._floor = bounds.floor
        self._scanner = Scanner(bounds.language)
        self._lines: list[str] = []
        self._pending = ""
        self._ends: list[_LineEnd] = []
        self._blank_before = False
        self._deeper = False
        self._last = False
        self.reason = ""

    @property
    def done(self) -> bool:
        """Whether the answer is complete; `reason` then says why."""
        return bool(self.reason)

    @property
    def text(self) -> str:
        """What was accepted so far, with the unfinished last line unless the answer is done."""
        return "".join(self._lines) + ("" if self.done else self._pending)

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
            return self.text.rstrip("\n")
        return self._cut_back()

    def _take(self, line: str) -> None:
        number = len(self._lines)
        if line.strip():
            if number == 0 and self._frame.unindented:
                # The editor put the cursor at column 0 inside a block: the answer indents itself.
                self._floor = max(self._floor, columns(line))
            if number:
                self._judge_start(line)
            if not self.done and number:
                self._judge_whole(line)
            if self.done:
                return
        before = len(self._scanner.unmatched)
        self._scanner.feed(line)
        if len(self._scanner.unmatched) > before and self._leaves(line, before):
            return
        self._lines.append(line)
        scanner = self._scanner
        self._ends.append(_LineEnd(tuple(scanner.open), scanner.in_code))
        if line.strip():
            self._blank_before = False
            self._deeper = self._deeper or columns(line) > self._floor
        else:
            self._blank_before = number > 0
        if self._last:
            self.reason = "the block is closed"
        elif sum(1 for text in self._lines if text.strip()) >= self._frame.max_lines:
            self.reason = "as many lines as allowed"

    def _judge_start(self, line: str) -> None:
        """Judge a line of which at least the first non-blank character is known."""
        if not self._at_level():
            return
        width, bounds = columns(line), self._frame
        if bounds.language.blocks != "braces" and width < self._floor and self._has_text():
            self.reason = "the block ends here"
        elif width <= self._floor and self._blank_before and self._deeper:
            first = next(text for text in self._lines if text.strip())
            if (bounds.top_level and self._floor == 0) or _DEFINITION.match(first):
                self.reason = "the definition ends here"

    def _judge_whole(self, line: str) -> None:
        follows = self._frame.next_line
        # A lone closer is told apart by the bracket count, not by its looks.
        words = any(character.isalnum() for character in follows)
        if words and line.rstrip() == follows and self._at_level():
            self.reason = "the text below is reached"

    def _leaves(self, line: str, before: int) -> bool:
        """Handle closers in `line` that leave the block; True if the line is not to be added."""
        if self._frame.tail or not self._frame.closed:
            # Closers that follow on the cursor's line are replaced through the range, and a block
            # that nothing closes may be closed here. Either way this line is the last.
            self._last = True
            return False
        _, offset = self._scanner.unmatched[before]
        kept = line[: offset - sum(len(text) for text in self._lines)]
        if kept.strip():
            self._lines.append(kept)
        self.reason = "the block is closed below"
        return True

    def _at_level(self) -> bool:
        """Whether the accepted text leaves no bracket, string or comment open."""
        return self._scanner.in_code and not self._scanner.open

    def _has_text(self) -> bool:
        return any(line.strip() for line in self._lines)

    def _cut_back(self) -> str:
        if not self._lines or not self._has_text():
            return self.text.rstrip("\n")
        for strict in (True, False):
            for count in range(len(self._lines), 0, -1):
                kept = self._lines[:count]
                if not kept[-1].strip() or not any(text.strip() for text in kept):
                    continue
                if self._complete(count, strict=strict):
                    return "".join(kept).rstrip("\n")
                # A block left open is better than losing more than half of the answer.
                if strict and count * 2 <= len(self._lines):
                    break
        first = next(index for index, text in enumerate(self._lines) if text.strip())
        return "".join(self._lines[: first + 1]).rstrip("\n")

    def _complete(self, count: int, *, strict: bool) -> bool:
        """Whether the first `count` lines end with a statement (`strict`: and close all blocks)."""
        end = self._ends[count - 1]
        last = self._lines[count - 1].rstrip()
        braces = self._frame.language.blocks == "braces"
        owed = [closer for closer in end.open if strict or not (braces and closer == "}")]
        unfinished = last.endswith(("\\", ",", "(", "[", "=", "+", ".", "&&", "||"))
        header = self._frame.language.blocks == "indent" and last.endswith(":")
        return end.in_code and not owed and not unfinished and not header


class _LineEnd(msgspec.Struct, frozen=True):
    """The scanner's state at the end of one line."""

    open: tuple[str, ...]
    in_code: bool
