"""The index of a large tree: how long it takes to make, keep and ask, and what it costs.

Everything is done to a copy of PATH, by a process of its own (index_worker.py) whose memory is
sampled together with that of all it starts. The last line of stdout is one JSON object:

    files, loc          what the index holds after the first pass; lines of every indexed file
    cold_s              from starting that process without an index until all files are in it
    peak_rss_mb         the most its process tree held in that time (of 10^6 bytes)
    db_mb               all files of the database when it is closed
    warm_s              from starting it again, nothing having changed, until it knows so
    update_ms           from handing it one changed file until a search finds the new word; median
    switch_10k_s        10,000 files change at once (the tree is filled up with copies of itself;
                        `switch_files` says how many there are): until all are in the index
    retrieve_p50_ms, retrieve_p95_ms   snippets for a cursor, at random places
    floor_s             CPU time to parse the same files and run our query over each once, on one
                        core, keeping nothing: what this machine is like. `cold_x_floor` is cold_s
                        in that measure; times of two machines compare as their floors do.

Exit status 2: a part of the index is missing, and stderr says which. `--without retrieve` measures
the rest. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from index_under_test import Missing, part
from process_tree import PeakRss
from rows import percentile
from tree_files import SourceFile, source_files

HERE = Path(__file__).resolve().parent
SWITCHED = 10_000
N_UPDATES, N_CURSORS = 30, 300
FOUND_WITHIN_S = 10.0


class Worker:
    """index_worker.py as a child. Raises Missing for what it misses."""

    def __init__(self, root: Path, cache: Path) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(HERE / "index_worker.py"), str(root), str(cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._child.pid

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._child.kill()
        self._child.communicate()

    def ready(self) -> None:
        """Wait until the index is open."""
        self._heard()

    def does(self, what: str, **fields: Any) -> dict[str, Any]:
        """Have one thing done."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"do": what, **fields}) + "\n")
        self._child.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            sys.exit("the process with the index ended early; its message is above")
        said: dict[str, Any] = json.loads(line)
        if "missing" in said:
            raise Missing(said["missing"])
        return said


def started(root: Path, cache: Path) -> dict[str, float]:
    """Start the process, have one pass, end it: seconds of wall time, and the peak of memory."""
    began = time.perf_counter()
    with Worker(root, cache) as worker, PeakRss(worker.pid) as memory:
        worker.ready()
        said = worker.does("pass")
        took_s = time.perf_counter() - began
    return {
        "s": round(took_s, 2),
        "pass_s": round(said["s"], 2),
        "rss_mb": memory.peak_mb,
        "n_changed": said["n_changed"],
    }


def floor_s(root: Path) -> float:
    """Seconds of CPU time to parse every source file and run its language's query over it once."""
    parse, symbols = part("parse"), part("symbols")
    matchers: dict[str, Any] = {}
    files = source_files(root)
    began = time.process_time()
    for file in files:
        name = file.record.name
        if name not in matchers:
            matchers[name] = parse.Matcher(file.record, symbols.query_text(file.record))
        try:
            matches, _ = matchers[name].matches(file.data)
        except parse.SyntaxUnavailable:
            continue
        for _ in matches:
            pass
    return time.process_time() - began


def updates(worker: Worker, reader: Any, root: Path, rng: random.Random) -> list[float]:
    """Milliseconds from handing over a changed file until a search finds what is new in it."""
    # Generated and vendored files are sources, too, and are not indexed.
    indexed = set(reader.paths())
    files = [file for file in source_files(root) if file.path in indexed]
    times: list[float] = []
    for number, file in enumerate(rng.sample(files, min(N_UPDATES, len(files)))):
        word = f"needle{rng.randrange(10**9)}word{number}"
        path = root / file.path
        path.write_bytes(file.data + f"\n{file.record.line_comment} {word}\n".encode())
        began = time.perf_counter()
        worker.does("update", paths=[file.path])
        while not any(hit.path == file.path for hit in reader.search([word], 5)):
            if time.perf_counter() - began > FOUND_WITHIN_S:
                sys.exit(f"{file.path}: a new word is not found after {FOUND_WITHIN_S:.0f} s")
            time.sleep(0.001)
        times.append((time.perf_counter() - began) * 1000)
    return times


def fill_up(root: Path, wanted: int) -> int:
    """Put copies of the tree into it until it has `wanted` source files; how many it has then."""
    files = source_files(root)
    count = len(files)
    for number in range(2, 2 + (wanted - 1) // max(1, count)):
        for file in files:
            _write(root / f"copy{number}" / file.path, file.data)
    return len(source_files(root))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def switch(root: Path, wanted: int, rng: random.Random) -> int:
    """Change up to `wanted` files, as another branch would: a line more in each."""
    files = source_files(root)
    chosen = rng.sample(files, min(wanted, len(files)))
    for file in chosen:
        line = f"{file.record.line_comment} of branch {rng.randrange(10**9)}\n"
        _write(root / file.path, line.encode() + file.data)
    return len(chosen)


def cursors(files: list[SourceFile], count: int, rng: random.Random) -> list[list[Any]]:
    """Places inside of lines that say something: path, language, byte."""
    found: list[list[Any]] = []
    while len(found) < count and files:
        file = rng.choice(files)
        lines = file.data.split(b"\n")
        number = rng.randrange(len(lines))
        text = lines[number].rstrip()
        if len(text.strip()) > 3:
            start = sum(len(line) + 1 for line in lines[:number])
            first = len(text) - len(text.lstrip())
            byte = start + rng.randrange(first + 1, len(text))
            # Not inside of a character.
            while file.data[byte] & 0xC0 == 0x80:
                byte += 1
            found.append([file.path, file.language, byte])
    return found


def measure(tree: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises Missing."""
    store = part("store")
    rng = random.Random(options.seed)
    result: dict[str, Any] = {"files": None, "loc": None}
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        root, cache = Path(folder) / tree.name, Path(folder) / "cache"
        shutil.copytree(tree, root, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        cold = started(root, cache)
        say("cold", cold)
        result["db_mb"] = round(_size(cache) / 1e6, 1)
        warm = started(root, cache)
        say("warm", warm)
        result |= {
            "cold_s": cold["s"],
            "cold_pass_s": cold["pass_s"],
            "peak_rss_mb": cold["rss_mb"],
            "warm_s": warm["s"],
            "warm_pass_s": warm["pass_s"],
            "warm_rss_mb": warm["rss_mb"],
            "warm_n_changed": warm["n_changed"],
        }
        floor = floor_s(root)
        say("floor", round(floor, 2))
        result |= {"floor_s": round(floor, 2), "cold_x_floor": round(cold["s"] / floor, 2)}
        reader = store.Reader.open(root, cache)
        counts = reader.counts()
        result |= {"files": counts.n_files, "loc": counts.n_lines}
        with Worker(root, cache) as worker:
            worker.ready()
            if "retrieve" not in options.without:
                places = cursors(source_files(root), options.cursors, rng)
                said = worker.does("retrieve", cursors=places)
                result |= {
                    "retrieve_p50_ms": round(percentile(said["ms"], 0.50), 2),
                    "retrieve_p95_ms": round(percentile(said["ms"], 0.95), 2),
                    "retrieve_n": len(places),
                    "retrieve_n_found": said["n_found"],
                }
                say("retrieve", said["n_found"])
            times = updates(worker, reader, root, rng)
            result["update_ms"] = round(statistics.median(times), 1)
            result["update_p95_ms"] = round(percentile(times, 0.95), 1)
            say("update", result["update_ms"])
            if "switch" not in options.without:
                n_files = fill_up(root, SWITCHED)
                worker.does("pass")
                n_switched = switch(root, SWITCHED, rng)
                began = time.perf_counter()
                said = worker.does("pass")
                result["switch_10k_s"] = round(time.perf_counter() - began, 2)
                result |= {"switch_files": n_switched, "switch_n_changed": said["n_changed"]}
                say("switch", f"{n_switched} of {n_files}")
        reader.close()
    return result


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def say(label: str, what: object) -> None:
    sys.stderr.write(f"{label}: {what}\n")
    sys.stderr.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="a tree of sources; it is copied first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cursors", type=int, default=N_CURSORS, help="places to ask at")
    parser.add_argument("--without", nargs="*", default=[], choices=("retrieve", "switch"))
    parser.add_argument("--scratch", type=Path, help="where the copy goes, else the system's place")
    parser.add_argument("--json", action="store_true", help="the default; kept for scripts")
    options = parser.parse_args()
    tree = options.path.resolve()
    if not tree.is_dir():
        sys.exit(f"{tree}: not a folder")
    try:
        for name in ("build", "store", *(() if "retrieve" in options.without else ("related",))):
            part(name)
        result = measure(tree, options)
    except Missing as error:
        sys.stderr.write(f"a part of the index is missing: {error}\n")
        sys.exit(2)
    result |= {"tree": tree.name, "seed": options.seed}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
