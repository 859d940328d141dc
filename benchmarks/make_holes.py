"""Holes in real source files: places where the true text is known, for measuring filters.

Nothing here uses the product's own rules: a hole is cut by lines, indentation and the brackets of
one line, so that a mistake of the product cannot hide itself. The same seed gives the same holes.

    line       the rest of a line, from a random point          inner   a part of a line
    statement  a line with the deeper lines that belong to it   block   the body under a header
    span       several lines of one level, up to the level's end or not

`variant` says how the document differs from the finished file: "closed" has the closers that an
editor put behind the cursor, "unwritten" lacks what follows in the same block, "open" lacks the
closing line of a block. Run as a program it writes holes as JSON lines, for a look.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "data" / "holes_sources.jsonl.gz"
MAX_LINES = 24
_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "\"'`"
_TAB = 4


@dataclass(frozen=True)
class Source:
    """One file: `half` is "development" or "held-out", by package."""

    language: str
    path: str
    origin: str
    licence: str
    half: str
    text: str


@dataclass(frozen=True)
class Hole:
    """`text` has the cursor at `offset`; with `target` there the document becomes `whole`.

    `beyond` is what a writer that does not stop would go on with: the text that follows `target`
    in the file, "" where that is as true as the target.
    """

    source: int
    language: str
    half: str
    kind: str
    variant: str
    text: str
    offset: int
    target: str
    whole: str
    beyond: str


def read_sources(path: Path = SOURCES) -> list[Source]:
    """The files to cut from."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    return [Source(**{name: row[name] for name in Source.__dataclass_fields__}) for row in rows]


def cut(sources: list[Source], count: int, seed: int) -> list[Hole]:
    """`count` different holes (fewer if the files do not have them), spread over all files."""
    rng = random.Random(seed)
    found: dict[tuple[str, int, str], Hole] = {}
    files = [_File(index, source) for index, source in enumerate(sources)]
    for _ in range(6 * count // max(1, len(files))):
        for file in files:
            hole = file.hole(rng)
            if hole is not None and len(found) < count:
                found.setdefault((hole.text, hole.offset, hole.target), hole)
        if len(found) >= count:
            break
    return list(found.values())


def columns(line: str) -> int:
    """The width of the leading whitespace."""
    space = line[: len(line) - len(line.lstrip())]
    return len(space.expandtabs(_TAB))


class _File:
    """The lines of a file, and the cutters that pick from them."""

    def __init__(self, index: int, source: Source) -> None:
        self.index = index
        self.source = source
        self.lines = source.text.rstrip("\n").split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.spoken = [number for number, line in enumerate(self.lines) if line.strip()]
        opener = ":" if source.language == "python" else "{"
        self.headers = [
            number
            for number in self.spoken
            if self.lines[number].rstrip().endswith(opener)
            and self.lines[number].lstrip()[0] not in "#*/"
        ]

    def hole(self, rng: random.Random) -> Hole | None:
        """One random hole, None where the dice fell on a place without one."""
        kinds: tuple[Callable[[random.Random, int], Hole | None], ...] = (
            self.line,
            self.line,
            self.inner,
            self.statement,
            self.block,
            self.span,
        )
        kind = rng.choice(kinds)
        # Headers are rare among lines, and the bodies under them are what is worth most.
        numbers = self.headers if kind == self.block else self.spoken
        return kind(rng, rng.choice(numbers)) if numbers else None

    # --- the kinds ----------------------------------------------------------------------------

    def line(self, rng: random.Random, number: int) -> Hole | None:
        """The rest of a line."""
        text = self.lines[number].rstrip()
        first = len(text) - len(text.lstrip())
        variant = rng.choice(("", "", "closed", "closed", "unwritten"))
        at = rng.randrange(first, len(text))
        openers = [n + 1 for n in range(first, len(text) - 1) if text[n] in "([{" + _QUOTES]
        if variant == "closed" and openers:
            at = rng.choice(openers) + rng.choice((0, 0, 1, 3))
        before, target = text[:at], text[at:]
        if not target.strip():
            return None
        owed = auto_closed(before, target) if variant == "closed" else ""
        if variant == "closed" and not owed:
            variant = ""
        return self._make(
            "line", variant, number, at, number, len(text),
            tail=owed, unwritten=variant == "unwritten",
        )  # fmt: skip

    def inner(self, rng: random.Random, number: int) -> Hole | None:
        """A part of a line; what follows does not begin inside a word."""
        text = self.lines[number].rstrip()
        first = len(text) - len(text.lstrip())
        ends = [
            at for at in range(first + 1, len(text)) if not (text[at].isalnum() or text[at] == "_")
        ]
        if not ends:
            return None
        end = rng.choice(ends)
        at = rng.randrange(first, end)
        if not text[at:end].strip():
            return None
        return self._make("inner", "", number, at, number, end)

    def statement(self, rng: random.Random, number: int) -> Hole | None:
        """A line with the deeper lines under it, and the closing line of what it opened."""
        last = self._statement_end(number)
        if last is None:
            return None
        return self._lines_hole(rng, "statement", number, last)

    def block(self, rng: random.Random, number: int) -> Hole | None:
        """The lines under a header that ends in `{` (or `:` in Python)."""
        header = self.lines[number].rstrip()
        braces = self.source.language != "python"
        last = self._level_end(number + 1, columns(header) + 1)
        if last is None or self._spoken(number + 1, last) > MAX_LINES:
            return None
        closing = last + 1
        closed = (
            braces
            and closing < len(self.lines)
            and columns(self.lines[closing]) == columns(header)
            and self.lines[closing].lstrip().startswith("}")
        )
        variant = rng.choice(("", "line", "open", "closed")) if closed else rng.choice(("", "line"))
        if variant == "line":
            first = next(n for n in range(number + 1, last + 1) if self.lines[n].strip())
            return self._lines_hole(rng, "block", first, last)
        if variant in ("open", "closed"):
            end = self.lines[closing].rstrip()
            size = len(end) - len(end.lstrip("}) ]\t"))
            tail = end[:size].strip() if variant == "closed" else ""
            # What stands behind the closers (`} else {`) is another matter.
            if end[size:].strip(" ;,") or len(tail) > 2:
                return None
            return self._make("block", variant, number, len(header), closing, len(end), tail=tail)
        return self._make("block", "", number, len(header), last, len(self.lines[last].rstrip()))

    def span(self, rng: random.Random, number: int) -> Hole | None:
        """Two or more statements of one level, up to the level's end in half of the cases."""
        level = columns(self.lines[number])
        end = self._level_end(number, level)
        if end is None:
            return None
        last = self._statement_end(number)
        wanted = rng.randrange(2, 6) if rng.random() < 0.5 else MAX_LINES
        for _ in range(wanted - 1):
            if last is None or last >= end:
                break
            following = next((n for n in range(last + 1, end + 1) if self.lines[n].strip()), None)
            if following is None or columns(self.lines[following]) != level:
                break
            further = self._statement_end(following)
            if further is None or self._spoken(number, further) > MAX_LINES:
                break
            last = further
        if last is None or last == number:
            return None
        return self._lines_hole(rng, "span", number, last)

    # --- helpers ------------------------------------------------------------------------------

    def _lines_hole(self, rng: random.Random, kind: str, first: int, last: int) -> Hole | None:
        text = self.lines[first]
        indent = len(text) - len(text.lstrip())
        unwritten = rng.random() < 0.3
        return self._make(
            kind, "unwritten" if unwritten else "", first, indent,
            last, len(self.lines[last].rstrip()), unwritten=unwritten,
        )  # fmt: skip

    def _statement_end(self, number: int) -> int | None:
        """The last line of the statement that begins on line `number`; None if it is too long."""
        level, last = columns(self.lines[number]), number
        for following in range(number + 1, len(self.lines)):
            line = self.lines[following]
            if not line.strip():
                continue
            if columns(line) > level:
                last = following
            elif columns(line) == level and line.lstrip()[0] in ")]}":
                last = following
                if line.rstrip()[-1] not in "([{:":
                    break
            else:
                break
            if self._spoken(number, last) > MAX_LINES:
                return None
        return last

    def _level_end(self, number: int, level: int) -> int | None:
        """The last line of the run of lines from `number` that stand at `level` or deeper."""
        last = None
        for following in range(number, len(self.lines)):
            line = self.lines[following]
            if line.strip() and columns(line) < level:
                break
            if line.strip():
                last = following
        return last

    def _spoken(self, first: int, last: int) -> int:
        return sum(1 for line in self.lines[first : last + 1] if line.strip())

    def _make(
        self,
        kind: str,
        variant: str,
        first: int,
        at: int,
        last: int,
        end: int,
        *,
        tail: str = "",
        unwritten: bool = False,
    ) -> Hole | None:
        """The hole from column `at` of line `first` to column `end` of line `last`."""
        whole = self.source.text
        start, stop = self.starts[first] + at, self.starts[last] + end
        rest = stop
        if unwritten:
            level = columns(self.lines[first])
            gone = self._level_end(last + 1, level) if level else None
            if gone is None:
                variant = ""
            else:
                rest = self.starts[gone] + len(self.lines[gone])
        if variant not in ("unwritten", "closed", "open"):
            variant = ""
        target = whole[start:stop]
        if target.strip() == tail:
            return None  # there is nothing to write
        return Hole(
            source=self.index,
            language=self.source.language,
            half=self.source.half,
            kind=kind,
            variant=variant,
            text=whole[:start] + tail + whole[rest:],
            offset=start,
            target=target,
            whole=whole[:stop] + whole[rest:],
            beyond="" if variant == "unwritten" else whole[stop : stop + 400],
        )


def auto_closed(before: str, target: str) -> str:
    """The closers that an editor has put behind `before`, where `target` brings them; else "".

    Lines with quotes are left out but for one string that was just begun: what is a bracket and
    what is text would need the language's own rules.
    """
    quote = before[-1:] if before[-1:] in _QUOTES and before[-1:] else ""
    plain = before[:-1] if quote else before
    if any(mark in plain for mark in _QUOTES) or "//" in plain or "#" in plain:
        return ""
    owed: list[str] = []
    for character in plain:
        if character in _CLOSER_OF:
            owed.append(_CLOSER_OF[character])
        elif owed and character == owed[-1]:
            owed.pop()
    if quote:
        if target.count(quote) != 1 or "\\" in target:
            return ""
        owed.append(quote)
        target = target[target.index(quote) :]
    elif any(mark in target for mark in _QUOTES) or "//" in target or "#" in target:
        return ""
    tail = "".join(reversed(owed))
    if not tail or len(tail) > 4:
        return ""
    return tail if _closes(target, tail) else ""


def _closes(target: str, tail: str) -> bool:
    """Whether `target` closes exactly `tail` beyond what it opens itself."""
    depth: list[str] = []
    left = ""
    for character in target:
        if character in _CLOSER_OF:
            depth.append(_CLOSER_OF[character])
        elif depth and character == depth[-1]:
            depth.pop()
        elif character in ")]}" or character in _QUOTES:
            left += character
    return left == tail and not depth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="gzipped JSON lines; else to stdout")
    options = parser.parse_args()
    holes = cut(read_sources(), options.count, options.seed)
    lines = "".join(json.dumps(asdict(hole)) + "\n" for hole in holes)
    if options.out:
        options.out.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))
    else:
        sys.stdout.write(lines)
    sys.stderr.write(json.dumps(tally(holes)) + "\n")


def tally(holes: list[Hole]) -> dict[str, int]:
    """How many holes there are of each language, kind and variant."""
    counts: dict[str, int] = {}
    for name in _names(holes):
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _names(holes: list[Hole]) -> Iterator[str]:
    for hole in holes:
        yield hole.language
        yield f"{hole.kind}/{hole.variant or 'plain'}"


if __name__ == "__main__":
    main()
