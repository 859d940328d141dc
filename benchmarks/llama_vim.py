"""What llama.vim does between the keys and llama-server, without an editor and without HTTP.

Described from reading ggml-org/llama.vim, autoload/llama.vim, the version of 2026 with its cache in
least-recently-used order; its defaults: 256 lines before, 64 after, `n_predict` 128, 250 cache
entries. What counts for a comparison, in its terms:

- `CursorMovedI` first hides the hint and looks into the cache (`on_move`), then asks (`fim`).
- One job at a time, never cancelled. While a job runs, a call only starts a timer of 100 ms, which
  replaces an earlier one, and tries again when it fires: the newest key wins.
- The cache holds answers by a hash of prefix, prompt and suffix, and by the same with one, two and
  three lines less at the top. A look-up tries the place itself, then up to 128 characters back,
  where the answer must begin with what was typed since; of several the longest rest wins, but the
  one that is found first only if it is alone. A place with an exact entry is not asked for.
- An answer is rendered at once if nothing acceptable is on the screen, for whatever place the
  cursor is at now. Wherever a hint is rendered, the place behind it is asked for as if it were
  accepted (`t_max_predict_ms` 1000; the first request has 250).
- Nothing is asked with more than 8 characters behind the cursor. A line of white space counts as
  empty. Hints that repeat what follows are emptied, and hints of white space cannot be accepted.

Left out, each in llama.vim's favour or without effect here: the process that it starts for every
request (curl), and the ring of chunks from other places (it is fed by yanks, buffer switches and
saves, and processed only in normal mode or three seconds after the last move). Its columns are
bytes; here they are characters.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

N_PREFIX, N_SUFFIX, N_PREDICT = 256, 64, 128
MAX_LINE_SUFFIX = 8
MAX_CACHE_KEYS = 250
LOOK_BACK = 128
RETRY_S = 0.1
FIRST_MS, SPECULATIVE_MS = 250, 1000
_BLANK = re.compile(r"\s*\Z")
# Stands between prompt and suffix in what is hashed, so that moving text across is a change.
_CURSOR = "\0"


@dataclass(frozen=True)
class Context:
    """The local context of a place: what is sent, and the line around the cursor."""

    prefix: str
    middle: str
    suffix: str
    indent: int
    before: str
    after: str


@dataclass(frozen=True)
class Buffer:
    """The editor's buffer: lines, and the cursor's row (from 0) and column."""

    lines: tuple[str, ...]
    row: int
    column: int

    @classmethod
    def at(cls, text: str, offset: int) -> Buffer:
        """The buffer of a text with the cursor at an offset."""
        start = text.rfind("\n", 0, offset) + 1
        return cls(tuple(text.split("\n")), text.count("\n", 0, offset), offset - start)

    def line(self, row: int) -> str:
        """A line, "" outside of the buffer, as `getline` gives it."""
        return self.lines[row] if 0 <= row < len(self.lines) else ""


@dataclass(frozen=True)
class Hint:
    """A suggestion as it is rendered: its lines, the last one with the rest of the cursor's."""

    lines: tuple[str, ...]
    can_accept: bool
    row: int
    column: int


@dataclass(frozen=True)
class Request:
    """One job for the server. `hashes` are where its answer is kept."""

    context: Context
    speculative: bool
    hashes: tuple[str, ...]

    def body(self) -> dict[str, object]:
        """The JSON that goes to /infill."""
        return {
            "id_slot": 0,
            "input_prefix": self.context.prefix,
            "input_suffix": self.context.suffix,
            "input_extra": [],
            "prompt": self.context.middle,
            "n_predict": N_PREDICT,
            "stop": [],
            "n_indent": self.context.indent,
            "top_k": 40,
            "top_p": 0.90,
            "samplers": ["top_k", "top_p", "infill"],
            "stream": False,
            "cache_prompt": True,
            "t_max_prompt_ms": 500,
            "t_max_predict_ms": SPECULATIVE_MS if self.speculative else FIRST_MS,
        }


class Timer(Protocol):
    """What can be called off."""

    def cancel(self) -> None:
        """Do not fire."""


class Cache:
    """Answers by hash, the least recently used one goes first."""

    def __init__(self, capacity: int = MAX_CACHE_KEYS) -> None:
        self._capacity = capacity
        self._answers: OrderedDict[str, str] = OrderedDict()

    def insert(self, key: str, answer: str) -> None:
        """Keep an answer."""
        # Room is made before it is known whether the key is new, as in the original.
        if len(self._answers) > self._capacity - 1:
            self._answers.popitem(last=False)
        self._answers[key] = answer
        self._answers.move_to_end(key)

    def get(self, key: str) -> str | None:
        """An answer, which is the most recently used one from now on."""
        if key not in self._answers:
            return None
        self._answers.move_to_end(key)
        return self._answers[key]

    def __len__(self) -> int:
        return len(self._answers)


def local_context(buffer: Buffer, row: int, column: int, accepted: tuple[str, ...]) -> Context:
    """The context at a place, or behind `accepted` lines as if they were inserted there."""
    line = buffer.line(row)
    if not accepted:
        before, after = line[:column], line[column:]
        indent = len(line) - len(line.lstrip())
        if _BLANK.match(line):
            before = after = ""
            indent = 0
        above = list(buffer.lines[max(0, row - N_PREFIX) : row])
    else:
        # The rest of the line is part of the hint's last line, so it appears twice if the hint has
        # one line: a slip of the original that is kept, because it is what would be asked.
        before = line + accepted[0] if len(accepted) == 1 else accepted[-1]
        after = ""
        indent = -1  # the caller's last one
        above = list(buffer.lines[max(0, row - N_PREFIX + len(accepted) - 1) : row])
        if len(accepted) > 1:
            above += [line + accepted[0], *accepted[1:-1]]
    below = buffer.lines[row + 1 : row + 1 + N_SUFFIX]
    return Context(
        prefix="\n".join(above) + "\n",
        middle=before,
        suffix=after + "\n" + "\n".join(below) + "\n",
        indent=indent,
        before=before,
        after=after,
    )


def hash_of(prefix: str, middle: str, suffix: str) -> str:
    """What an answer is filed under."""
    return hashlib.sha256(f"{prefix}{middle}{_CURSOR}{suffix}".encode()).hexdigest()


def hashes_of(context: Context) -> tuple[str, ...]:
    """The place's own hash, and those with up to three lines less at the top."""
    prefix = context.prefix
    found = [hash_of(prefix, context.middle, context.suffix)]
    for _ in range(3):
        prefix = prefix.partition("\n")[2]
        if not prefix:
            break
        found.append(hash_of(prefix, context.middle, context.suffix))
    return tuple(found)


def look_up(cache: Cache, context: Context) -> str | None:
    """The cached text for a place: its own, or what is left of one further back."""
    exact = cache.get(hash_of(context.prefix, context.middle, context.suffix))
    if exact is not None:
        return exact
    text = context.prefix + context.middle
    found: str | None = None
    longest = 0  # the first find does not count for it, as in the original
    for size in range(1, min(LOOK_BACK, len(text)) + 1):
        answer = cache.get(hash_of(text[:-size], "", context.suffix))
        if not answer or not answer.startswith(text[-size:]) or len(answer) == size:
            continue
        if found is None:
            found = answer[size:]
        elif len(answer) - size > longest:
            found = answer[size:]
            longest = len(found)
    return found


def render(buffer: Buffer, text: str) -> Hint:
    """What is put on the screen for an answer, with llama.vim's rules against repetition."""
    row, column = buffer.row, buffer.column
    lines = text.split("\n")
    while lines and lines[-1] == "":
        lines.pop()
    can_accept = bool(lines)
    lines = lines or [""]
    line = buffer.line(row)
    if _BLANK.match(line):
        # On a line of white space the answer's own indentation counts, as far as it is there.
        lead = min(len(lines[0]) - len(lines[0].lstrip()), len(line))
        line, lines[0] = lines[0][:lead], lines[0][lead:]
    before, after = line[:column], line[column:]
    if _repeats(buffer, lines, before, after):
        lines = [""]
    lines[-1] += after
    return Hint(
        lines=tuple(lines),
        can_accept=can_accept and not all(_BLANK.match(one) for one in lines),
        row=row,
        column=column,
    )


def _repeats(buffer: Buffer, lines: list[str], before: str, after: str) -> bool:
    row = buffer.row
    below = list(buffer.lines[row + 1 : row + len(lines)])
    if len(lines) > 1 and lines[0] == "" and lines[1:] == below:
        return True
    if len(lines) == 1 and lines[0] == after:
        return True
    next_row = row + 1
    while next_row < len(buffer.lines) - 1 and _BLANK.match(buffer.line(next_row)):
        next_row += 1
    if before + lines[0] != buffer.line(next_row):
        return False
    if len(lines) == 1:
        return True
    if len(lines) == 2:
        return buffer.line(next_row + 1).startswith(lines[1])
    return lines[1:] == list(buffer.lines[next_row + 1 : next_row + len(lines)])


class Client:
    """The plugin's state. `send` gives a job to the server, `timer` calls back later."""

    def __init__(
        self,
        send: Callable[[Request], None],
        timer: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self.cache = Cache()
        self.hint: Hint | None = None
        self._send = send
        self._timer = timer
        self._retry: Timer | None = None
        self._busy = False
        self._indent = -1
        self._buffer = Buffer(("",), 0, 0)

    @property
    def is_idle(self) -> bool:
        """Whether no job runs and none waits for its turn."""
        return not self._busy and self._retry is None

    def moved(self, buffer: Buffer) -> None:
        """The cursor moved in insert mode, by typing or otherwise."""
        self._buffer = buffer
        self.hint = None
        self._try_hint()
        self._fim(None, ())

    def answered(self, request: Request, text: str) -> None:
        """The server answered a job. The job is over only after the answer was looked at."""
        for key in request.hashes:
            self.cache.insert(key, text)
        if self.hint is None or not self.hint.can_accept:
            self._try_hint()
        self._busy = False

    def failed(self) -> None:
        """The server gave no answer."""
        self._busy = False

    def leave(self) -> None:
        """Insert mode ends: nothing is shown, nothing is tried again."""
        self.hint = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _try_hint(self) -> None:
        buffer = self._buffer
        text = look_up(self.cache, local_context(buffer, buffer.row, buffer.column, ()))
        if text is not None:
            self.hint = render(buffer, text)
            self._fim((buffer.row, buffer.column), self.hint.lines)

    def _fim(self, place: tuple[int, int] | None, accepted: tuple[str, ...]) -> None:
        """Ask for a place (None: wherever the cursor is then), or later if a job runs."""
        if self._busy:
            if self._retry is not None:
                self._retry.cancel()
            self._retry = self._timer(RETRY_S, lambda: self._fire(place, accepted))
            return
        row, column = place or (self._buffer.row, self._buffer.column)
        context = local_context(self._buffer, row, column, accepted)
        if len(context.after) > MAX_LINE_SUFFIX:
            return
        hashes = hashes_of(context)
        if any(self.cache.get(key) is not None for key in hashes):
            return
        if accepted:
            context = replace(context, indent=self._indent)
        self._indent = context.indent
        self._busy = True
        self._send(Request(context, bool(accepted), hashes))

    def _fire(self, place: tuple[int, int] | None, accepted: tuple[str, ...]) -> None:
        self._retry = None
        self._fim(place, accepted)
