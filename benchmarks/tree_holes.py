"""Holes in any tree of source files that need its other files to be filled: a library.

    xmember   from a member's name to the end of its line; another file defines the member
    xapi      from a name to the end of its line; another file defines it, and this one imports it
    line      a whole line, without its indentation
    block     the whole body of a function, of two to eight lines

`make_rows(root, name, …)` reads a tree and gives the same rows for the same seed and the same
files. A symbol is taken only if it is defined at most three times in the tree, never in the file
itself, and one of these files is imported or lies in the same folder (tree_imports.py). Nothing
is written and nothing printed here. Offsets into files are in bytes, windows in characters.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common_names import COMMON, GLOBALS
from tree_files import SourceFile, is_test, source_files
from tree_imports import MAX_DEFINITIONS, Neighbours
from tree_names import Defined, FileNames, Use, names_of

from indoors_indexing.parse import Trees

PREFIX_CHARACTERS, SUFFIX_CHARACTERS = 6000, 3000
# How many of each kind among a hundred rows: most of them need another file.
# Lines come last, since nearly every line is one.
SHARES = {"xmember": 36, "xapi": 34, "block": 15, "line": 15}
MIN_TARGET, MAX_TARGET = 4, 160
BLOCK_LINES = range(2, 9)
# What is shown of a definition: its first lines, and what stands right above it.
ORACLE_ABOVE, ORACLE_LINES = 2, 12
MAX_PER_SYMBOL = 2


@dataclass(frozen=True)
class Shown:
    """Lines of a file, from line `start_line` (from 1) on."""

    path: str
    start_line: int
    text: str


@dataclass(frozen=True)
class Spot:
    """Where a hole can be cut: bytes `start` to `end` of a file."""

    file: SourceFile
    kind: str
    start: int
    end: int
    symbol: str = ""
    places: tuple[Defined, ...] = ()

    @property
    def target(self) -> str:
        """What would be cut out."""
        return self.file.data[self.start : self.end].decode()


def make_rows(
    root: Path,
    name: str,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[dict[str, Any]]:
    """`count` rows (fewer if the tree has fewer places), in the order of kinds and paths."""
    files = source_files(root)
    trees, names = Trees(), {}
    for number, file in enumerate(files, 1):
        names[file.path] = names_of(file, trees)
        progress(number, len(files))
    tree = _Tree(files, names)
    spots: list[Spot] = []
    left, parts = count, 100
    for kind, share in SHARES.items():
        rng = random.Random(f"{seed}/{name}/{kind}")
        wanted = round(left * share / parts)
        spots += tree.choose(kind, wanted, rng, spots)
        left, parts = left - wanted, parts - share
    return [tree.row(name, spot) for spot in spots]


class _Tree:
    """What is known of the files while holes are chosen."""

    def __init__(self, files: list[SourceFile], names: dict[str, FileNames]) -> None:
        self.files = {file.path: file for file in files}
        self.written = [file for file in files if not is_test(file.path)]
        self.names = names
        self.neighbours = Neighbours(files, names)
        self.lines = Counter(
            line.strip() for file in files for line in file.text.split("\n") if line.strip()
        )

    # --- choosing -------------------------------------------------------------------------------

    def choose(self, kind: str, count: int, rng: random.Random, others: list[Spot]) -> list[Spot]:
        """`count` places of one kind, spread over files and symbols, on no line of `others`."""
        found = [spot for file in self.written for spot in self.spots(file, kind)]
        rng.shuffle(found)
        per_file = max(2, 3 * count // max(1, len({spot.file.path for spot in found})))
        taken = {(spot.file.path, line) for spot in others for line in _lines(spot)}
        files: Counter[str] = Counter()
        symbols: Counter[str] = Counter(spot.symbol for spot in others if spot.symbol)
        chosen: list[Spot] = []
        for spot in found:
            lines = {(spot.file.path, line) for line in _lines(spot)}
            crowded = files[spot.file.path] >= per_file
            if crowded or lines & taken or symbols[spot.symbol] >= MAX_PER_SYMBOL:
                continue
            chosen.append(spot)
            taken |= lines
            files[spot.file.path] += 1
            symbols[spot.symbol] += bool(spot.symbol)
            if len(chosen) == count:
                break
        return sorted(chosen, key=lambda spot: (spot.file.path, spot.start))

    def spots(self, file: SourceFile, kind: str) -> Iterator[Spot]:
        """All places of one kind in a file."""
        names = self.names[file.path]
        if kind == "line":
            yield from _line_spots(file, names)
        elif kind == "block":
            yield from _block_spots(file, names)
        else:
            near, imported = self.neighbours.near(file), self.neighbours.imported(file)
            foreign = (self.neighbours.foreign(file) - imported) | GLOBALS
            for use in names.uses:
                if use.is_member == (kind == "xmember") and use.receiver not in foreign:
                    places = self.definitions(file, use, near, imported)
                    end = _line_end(file.data, use.start)
                    if places and _is_good(file, use.start, end):
                        yield Spot(file, kind, use.start, end, use.name, places)

    def definitions(
        self, file: SourceFile, use: Use, near: set[str], imported: set[str]
    ) -> tuple[Defined, ...]:
        """Where another file defines what is used here; () if that is not clear."""
        places = self.neighbours.table.get(use.name, [])
        paths = {place.path for place in places}
        if not 0 < len(places) <= MAX_DEFINITIONS or file.path in paths or not paths & near:
            return ()
        if use.name in COMMON or len(use.name) < 3:
            return ()
        if use.is_member:
            return tuple(places)
        same_package = file.language in ("go", "java") and any(
            self.files[path].folder == file.folder for path in paths
        )
        is_known = use.name in imported or same_package
        # Without types a parameter cannot be told from an imported variable of the same name.
        after = file.data[use.start + len(use.name.encode()) :].lstrip()[:2]
        is_said = use.name.lower() != use.name or after[:1] in (b"(", b".", b"!") or after == b"::"
        is_clear = is_known and is_said and all(place.is_top for place in places)
        return tuple(places) if is_clear else ()

    # --- rows -----------------------------------------------------------------------------------

    def row(self, name: str, spot: Spot) -> dict[str, Any]:
        """The row of a place, with the fields that other sets of such rows have."""
        file, target = spot.file, spot.target
        before, after = file.data[: spot.start].decode(), file.data[spot.end :].decode()
        paths = sorted({place.path for place in spot.places})
        key = f"{file.path}:{spot.start}:{spot.end}:{file.sha1}"
        return {
            "id": f"{name}/{spot.kind}/{hashlib.sha1(key.encode()).hexdigest()[:8]}",
            "repo": name,
            "language": file.language,
            "path": file.path,
            "kind": spot.kind,
            "line": file.data.count(b"\n", 0, spot.start) + 1,
            "byte_start": spot.start,
            "byte_end": spot.end,
            "file_bytes": len(file.data),
            "file_sha1": file.sha1,
            "prefix": before[-PREFIX_CHARACTERS:],
            "prefix_truncated": len(before) > PREFIX_CHARACTERS,
            "suffix": after[:SUFFIX_CHARACTERS],
            "suffix_truncated": len(after) > SUFFIX_CHARACTERS,
            "groundtruth": target,
            "symbol": spot.symbol or None,
            "def_paths": paths,
            "line_elsewhere_in_repo": self.is_elsewhere(spot),
            "oracle_def": [asdict(self.shown(place)) for place in spot.places],
        }

    def is_elsewhere(self, spot: Spot) -> bool:
        """Whether the whole line (all lines of a block) stands in the tree a second time."""
        data = spot.file.data
        whole = data[data.rfind(b"\n", 0, spot.start) + 1 : _line_end(data, spot.end)].decode()
        lines = [line.strip() for line in whole.split("\n") if line.strip()]
        here = Counter(lines)
        return all(self.lines[line] > here[line] for line in lines)

    def shown(self, place: Defined) -> Shown:
        """The beginning of a definition."""
        data = self.files[place.path].data
        row = data.count(b"\n", 0, place.start)
        first = max(0, row - ORACLE_ABOVE)
        lines = data.decode().split("\n")[first : first + ORACLE_LINES]
        return Shown(place.path, first + 1, "\n".join(lines))


def _line_spots(file: SourceFile, names: FileNames) -> Iterator[Spot]:
    start = 0
    for line in file.data.split(b"\n"):
        text = line.strip()
        first = start + len(line) - len(line.lstrip())
        start += len(line) + 1
        says = sum(character.isalnum() for character in text.decode()) >= MIN_TARGET
        if says and len(text) >= 2 * MIN_TARGET and not names.is_silent(first):
            end = _line_end(file.data, first)
            if _is_good(file, first, end):
                yield Spot(file, "line", first, end)


def _block_spots(file: SourceFile, names: FileNames) -> Iterator[Spot]:
    data = file.data
    for start, end in names.bodies:
        if data[start : start + 1] == b"{":
            # From the line below the bracket to the line above the other one.
            first = data.find(b"\n", start) + 1
            last = data.rfind(b"\n", 0, end)
            if not 0 < first < last or data[start + 1 : first].strip():
                continue
        else:
            first, last = data.rfind(b"\n", 0, start) + 1, end
            if data[first:start].strip():
                continue
        last = first + len(data[first:last].rstrip())
        lines = [line for line in data[first:last].split(b"\n") if line.strip()]
        if len(lines) in BLOCK_LINES and max(map(len, lines)) <= MAX_TARGET:
            yield Spot(file, "block", first, last)


def _line_end(data: bytes, start: int) -> int:
    """Where the line ends that holds byte `start`, white space at its end left out."""
    end = data.find(b"\n", start)
    line = data[start : len(data) if end < 0 else end]
    return start + len(line.rstrip())


def _is_good(file: SourceFile, start: int, end: int) -> bool:
    """Whether a target is neither too short nor too long and ends without a comment."""
    target = file.data[start:end].decode()
    comment = f" {file.record.line_comment}"
    return MIN_TARGET <= len(target) <= MAX_TARGET and comment not in target


def _lines(spot: Spot) -> range:
    first = spot.file.data.count(b"\n", 0, spot.start)
    return range(first, first + spot.target.count("\n") + 1)
