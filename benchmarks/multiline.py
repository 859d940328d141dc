"""Answers of several lines: do they run, are they right, are they too long or too short?

    randomspan  pass@1: prompt + answer + suffix + test run in a child process
    block       exact match and edit similarity with the block that was cut out

Three systems answer the same rows with the same model: Indoors, Indoors with one line only
(`multiline=False`), and benchmarks/plain.py. Lengths are counted in non-blank lines against the
target's, over all rows. Edit similarity is 100 x the ratio of difflib.SequenceMatcher.

The tests of the rows are other people's code: they run isolated (`-I`), in an empty directory, with
limits on time, memory, files and processes. The last line of stdout is one JSON object:
{"systems": {NAME: {"pass_at_1", "em", "es", "too_long", "too_short", …}}, "n": …}
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from infill import HERE, baseline, inserted, ours, share
from rows import Row, is_exact, read_rows

from indoors_completion.engine.threads import usable_cpus
from indoors_server import engine_store, model_store

SPANS = HERE / "data" / "randomspan_40.jsonl.gz"
BLOCKS = HERE / "data" / "block_rows.jsonl.gz"
RUN_TIMEOUT_S = 15
# What the child does to itself before it reads the program from its stdin.
LIMITS = """
import resource, sys
for name, value in (
    ("RLIMIT_CPU", 10), ("RLIMIT_AS", 1 << 30), ("RLIMIT_FSIZE", 1 << 20),
    ("RLIMIT_NOFILE", 32), ("RLIMIT_NPROC", 0), ("RLIMIT_CORE", 0),
):
    resource.setrlimit(getattr(resource, name), (value, value))
program = sys.stdin.read()
exec(compile(program, "row", "exec"), {"__name__": "row"})
"""


def passes(program: str) -> bool:
    """Whether a program ends without an error within the limits."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", LIMITS],
                input=program.encode(),
                cwd=folder,
                env={},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=RUN_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def similarity(answer: str, target: str) -> float:
    """100 x matching characters x 2 / (both lengths); 100 for two empty texts."""
    return 100 * difflib.SequenceMatcher(None, answer, target, autojunk=False).ratio()


def spoken(text: str) -> int:
    """How many lines say something."""
    return sum(1 for line in text.split("\n") if line.strip())


def accepted(row: Row, answer: Any) -> str:
    """The text between the row's prefix and suffix once the answer was accepted."""
    whole = (
        (row.prefix + row.suffix)[: answer.span.start]
        + answer.text
        + (row.prefix + row.suffix)[answer.span.end :]
    )
    if whole.startswith(row.prefix) and whole.endswith(row.suffix):
        return whole[len(row.prefix) : len(whole) - len(row.suffix)]
    return inserted(row, answer)


def score(
    spans: list[Row], tests: list[str], blocks: list[Row], texts: list[str]
) -> dict[str, Any]:
    """One system's figures; `texts` are its answers to the spans, then to the blocks."""
    said, built = texts[: len(spans)], texts[len(spans) :]
    runs = [
        passes(row.prefix + text + row.suffix + "\n" + test)
        for row, text, test in zip(spans, said, tests, strict=True)
    ]
    extra = [
        spoken(text) - spoken(row.target)
        for row, text in zip([*spans, *blocks], texts, strict=True)
    ]
    hits = [is_exact(text, row.target) for row, text in zip(blocks, built, strict=True)]
    near = [
        similarity(text.strip(), row.target.strip())
        for row, text in zip(blocks, built, strict=True)
    ]
    return {
        "pass_at_1": share(runs),
        "em": share(hits),
        "es": round(sum(near) / len(near), 1) if near else 0.0,
        "too_long": share([number > 0 for number in extra]),
        "too_short": share([number < 0 for number in extra]),
        "empty": share([not text.strip() for text in texts]),
    }


def read_tests(path: Path, limit: int | None) -> list[str]:
    """What to run after each row's program."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [f"{row['test']}\ncheck({row['entry_point']})\n" for row in rows][:limit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, help="only the first N rows of each file")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--deadline-ms", type=float, default=60_000)
    parser.add_argument("--context", type=int, default=4096, help="context length in tokens")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--gpu-layers", type=int, default=0, help="on the card; -1: all of them")
    parser.add_argument("--systems", nargs="+", default=["indoors", "indoors-line", "plain"])
    parser.add_argument("--verbose", action="store_true", help="show each answer on stderr")
    options = parser.parse_args()

    spans, blocks = read_rows(SPANS, options.limit), read_rows(BLOCKS, options.limit)
    tests, rows = read_tests(SPANS, options.limit), [*spans, *blocks]
    build = engine_store.find()
    if build is None:
        sys.exit("no engine: indoors engine install")
    engine = str(build.directory or "")
    model = model_store.resolve(options.model).path

    truth = score(spans, tests, blocks, [row.target for row in rows])
    if truth["pass_at_1"] < 100:
        sys.stderr.write(f"of the true texts only {truth['pass_at_1']} % pass here\n")
    systems: dict[str, Any] = {}
    for name in options.systems:
        if name == "plain":
            texts = [answer["text"] for answer in baseline(rows, model, engine, options)]
        else:
            several = name == "indoors"
            quiet = argparse.Namespace(**{**vars(options), "verbose": False})
            answers = asyncio.run(ours(rows, model, engine, quiet, multiline=several))
            texts = [accepted(row, answer) for row, answer in zip(rows, answers, strict=True)]
        systems[name] = score(spans, tests, blocks, texts)
        if options.verbose:
            for row, text in zip(rows, texts, strict=True):
                extra = spoken(text) - spoken(row.target)
                sys.stderr.write(f"{name} {row.name} {extra:+}\n  {row.target!r}\n  {text!r}\n")
    result = {
        "systems": systems,
        "true_text": truth,
        "n": {"randomspan": len(spans), "block": len(blocks)},
        "model": options.model,
        "threads": options.threads,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
