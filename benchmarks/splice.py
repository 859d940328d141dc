"""What it costs and gains not to evaluate the suffix at every key, by how much was typed since.

Each row is a line with the cursor somewhere in it. For every distance the prompt is first evaluated
exactly as it was that many characters before; then the same characters are "typed", and the line is
completed in three ways:

    exact    the whole prompt is evaluated for this very cursor (what all others do)
    anchor   what was typed stands behind the middle marker of the older prompt
    splice   the older suffix is moved behind the longer prefix, its marker evaluated anew

A distance `line` is the start of the cursor's line, `previous` that of the line above it.

The answer is right if it is the rest of the line, spaces at its start included. With `--no-heal` a
partial word stays in the prompt. The last line of stdout is one JSON object: lines right in
percent, median time to the first token, median of tokens evaluated, by form and distance; and the
crossover: how many tokens a suffix needs before each way beats evaluating it, at measured speeds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rows import Row, read_rows

from indoors_completion import heal
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.types import Finish, Job, Part, TokenChunk
from indoors_server import children, engine_store, model_store

HERE = Path(__file__).resolve().parent
DISTANCES = (6, 12, 24, 48, 96, 200)
FORMS: dict[str, tuple[Literal["anchor", "splice"], ...]] = {
    "exact": ("anchor", "splice"),
    "anchor": ("splice",),
    "splice": ("anchor",),
}
WINDOW = (2000, 800)  # characters before and after the cursor
MAX_TOKENS = 40


class Case:
    """A line of a row with the cursor in it."""

    def __init__(self, row: Row, line: str, at: int) -> None:
        self.before = (row.prefix + line[:at])[-WINDOW[0] :]
        self.after = row.suffix[: WINDOW[1]]
        self.rest = line[at:].rstrip()


def cases(rows: list[Row], seed: int, limit: int | None) -> list[Case]:
    """One cursor a row: half of them inside a word, half behind one."""
    choose = random.Random(seed)
    found = []
    for row in rows:
        line = row.target.strip("\n").split("\n")[0].rstrip()
        start = len(line) - len(line.lstrip()) + 2
        word = [i for i in range(start, len(line) - 1) if line[i - 1 : i + 1].isalpha()]
        between = [i for i in range(start, len(line) - 1) if not line[i - 1].isalnum()]
        places = word if word and (not between or choose.random() < 0.5) else between
        if places:
            found.append(Case(row, line, choose.choice(places)))
    choose.shuffle(found)
    return found[:limit]


def evaluated_before(before: str, distance: str) -> str:
    """What stood before the cursor when the prompt was last evaluated exactly."""
    if distance not in ("line", "previous"):
        return before[: max(0, len(before) - int(distance))]
    start = before.rfind("\n") + 1
    if distance == "previous":
        start = before.rfind("\n", 0, max(0, start - 1)) + 1
    return before[:start]


def parts(before: str, after: str) -> tuple[Part, ...]:
    """The prompt of the Qwen2.5-Coder family."""
    return (
        Part(text="<|fim_prefix|>", special=True),
        Part(text=before),
        Part(text="<|fim_suffix|>", special=True),
        Part(text=after, keep="head", movable=True),
        Part(text="<|fim_middle|>", special=True),
    )


async def answer(engine: EngineProcess, job: Job) -> tuple[str, Finish]:
    """The text of a job and how it ended."""
    text = ""
    async for item in engine.generate(job):
        if isinstance(item, TokenChunk):
            text += item.text
        elif isinstance(item, Finish):
            return text, item
    raise SystemExit("the engine ended early")


async def measure(
    found: list[Case], form: str, distances: tuple[str, ...], options: argparse.Namespace
) -> dict[str, Any]:
    """One form over all cases: lines right, times and tokens by distance."""
    build = engine_store.find()
    if build is None:
        sys.exit("no engine: indoors engine install")
    engine = EngineProcess(
        partial(children.spawn, "worker", "--engine", str(build.directory or "")),
        wire.Load(
            path=str(model_store.resolve(options.model).path),
            n_ctx=8192,
            n_threads=options.threads,
            without=FORMS[form],
        ),
    )
    await engine.start()
    model = await engine.wait_ready(300)
    assert model is not None
    figures: dict[str, list[tuple[bool, Finish]]] = {distance: [] for distance in distances}
    try:
        for number, case in enumerate(found, 1):
            stable, begin = (case.before, "") if options.no_heal else heal.split(case.before)
            for distance in distances:
                old = evaluated_before(case.before, distance)
                warm = Job(parts=parts(old, case.after), slot="a", max_tokens=0, suffix="exact")
                await answer(engine, warm)
                text, finish = await answer(
                    engine,
                    Job(
                        parts=parts(stable, case.after),
                        slot="a",
                        max_tokens=MAX_TOKENS,
                        stop_at_newline=True,
                        begin=begin,
                        suffix="exact" if form == "exact" else "auto",
                    ),
                )
                is_right = text.split("\n")[0].rstrip() == case.rest
                figures[distance].append((is_right, finish))
                if options.verbose and not is_right:
                    sys.stderr.write(f"{form} {distance} {case.rest!r} {text!r}\n")
            engine.forget("a")
            if number % 10 == 0 or number == len(found):
                sys.stderr.write(f"{form} {number}/{len(found)}\n")
                sys.stderr.flush()
    finally:
        await engine.close()
    return {
        "prefill_tps": round(model.prefill_tps, 1),
        "decode_tps": round(model.decode_tps, 1),
        "by_distance": {distance: summary(figures[distance]) for distance in distances},
    }


def summary(figures: list[tuple[bool, Finish]]) -> dict[str, float]:
    """Percent of lines right; medians of the rest."""
    finishes = [finish for _, finish in figures]
    return {
        "lines_right": round(100 * sum(right for right, _ in figures) / len(figures), 1),
        "ttft_ms": round(statistics.median(f.ttft_ms for f in finishes), 1),
        "tokens_evaluated": statistics.median(f.n_evaluated for f in finishes),
        "n_moved": statistics.median(f.n_moved for f in finishes),
        "n_stale": statistics.median(f.n_stale for f in finishes),
        "n_typed": statistics.median(f.n_typed for f in finishes),
    }


def crossover(results: dict[str, Any], speed: float) -> dict[str, float]:
    """The length of suffix, in tokens, at which a way costs as much as evaluating it exactly.

    What a way spends before its first token beyond one step of the model, in tokens of prefill.
    """
    found = {}
    for form in ("anchor", "splice"):
        if form in results:
            near = next(iter(results[form]["by_distance"].values()))
            step_ms = 1000 / results[form]["decode_tps"]
            found[form] = round(max(0.0, near["ttft_ms"] - step_ms) / 1000 * speed, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, nargs="+", default=None)
    parser.add_argument("--limit", type=int, help="only so many cursors")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--forms", default="exact,anchor,splice")
    parser.add_argument(
        "--distances", default=",".join(map(str, DISTANCES)), help="characters, line, previous"
    )
    parser.add_argument("--no-heal", action="store_true", help="keep a partial word in the prompt")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--verbose", action="store_true", help="show each miss on stderr")
    options = parser.parse_args()

    data = HERE / "data"
    files = options.rows or [data / "hmfim_py100.jsonl.gz", data / "hmfim_60.jsonl.gz"]
    found = cases([row for file in files for row in read_rows(file)], options.seed, options.limit)
    distances = tuple(options.distances.split(","))
    results: dict[str, Any] = {}
    for form in options.forms.split(","):
        # An exact evaluation is the same whatever was evaluated before: one distance will do.
        wanted = distances[-1:] if form == "exact" else distances
        results[form] = asyncio.run(measure(found, form, wanted, options))
    speed = next(iter(results.values()))["prefill_tps"]
    made = {
        "forms": results,
        "crossover_suffix_tokens": crossover(results, speed),
        "n": len(found),
        "heal": not options.no_heal,
        "rows": [file.name for file in files],
        "model": options.model,
        "threads": options.threads,
    }
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
