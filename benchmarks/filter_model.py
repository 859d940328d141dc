"""What the filters do to answers of a real model, right ones and wrong ones.

    python benchmarks/filter_model.py collect   asks the model, keeps what it said (resumes)
    python benchmarks/filter_model.py           judges the kept outputs again; needs no model

Places are rows of single-line evaluations (as requests that a person made, because their answers
begin with a line break) and holes of make_holes.py (as automatic ones). A place is asked through
the pipeline's own recipe, with short windows so that hundreds can be asked, and the raw text with
its log-probabilities is kept. An answer is right if the document becomes what it was (of a row: if
its first line is the target). Judging cuts it as the pipeline does, then asks each filter in order:
which one first acts, and was that wrong or right?

The threshold of the confidence filter is chosen on the places with even numbers and confirmed on
the others. The last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from filters import FAMILY, HERE, Spot, rate, spot_of
from make_holes import Hole, cut, read_sources
from rows import read_rows

from indoors_completion.budget import PromptBudget
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.postprocess import FILTERS, Context, syntax_delta
from indoors_completion.postprocess.confidence import THRESHOLD, confidence, line_score, line_values
from indoors_completion.recipe import WHOLE
from indoors_completion.settle import Reading
from indoors_completion.types import Finish, TokenChunk
from indoors_indexing.parse import DirectSyntax
from indoors_server import children, engine_store, model_store

OUTPUTS = HERE / "data" / "filter_outputs.jsonl.gz"
ROW_FILES = ("hmfim_py100", "hmfim_60")
HOLES, SEED = 2200, 11
BUDGET = PromptBudget(prefix_tokens=256, suffix_tokens=80, snippets_tokens=0, answer_tokens=96)
DEADLINE_MS = 10_000.0


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What the model said at a place: pieces of text with their tokens' log-probabilities."""

    place: str
    language: str
    kind: str
    stop_reason: str
    pieces: tuple[tuple[str, tuple[float, ...]], ...]
    correct: bool


def places() -> list[tuple[str, Hole]]:
    """All places with their names, in the order in which they are asked."""
    found = []
    for name in ROW_FILES:
        for number, row in enumerate(read_rows(HERE / "data" / f"{name}.jsonl.gz")):
            hole = Hole(
                source=-1, language=row.language, half="row", kind="row", variant="",
                text=row.prefix + row.suffix, offset=len(row.prefix), target=row.target,
                whole=row.prefix + row.target + row.suffix, beyond="",
            )  # fmt: skip
            found.append((f"{name}-explicit:{number}", hole))
    for number, hole in enumerate(cut(read_sources(), HOLES, SEED)):
        # Long targets are rarely met by a small model, and cost most of the time.
        if hole.target.count("\n") <= 5 and len(hole.target) <= 200:
            found.append((f"holes-{SEED}:{number}", hole))
    return found


def read_outputs(path: Path) -> list[Output]:
    if not path.exists():
        return []
    lines = gzip.decompress(path.read_bytes()).splitlines()
    return [msgspec.json.decode(line, type=Output) for line in lines]


def write_outputs(path: Path, outputs: list[Output]) -> None:
    data = b"".join(msgspec.json.encode(output) + b"\n" for output in outputs)
    path.write_bytes(gzip.compress(data, 9, mtime=0))


# --- asking the model -----------------------------------------------------------------------------


async def collect(options: argparse.Namespace) -> None:
    """Ask for places that are not there yet, for `--seconds` at most."""
    build = engine_store.find()
    if build is None:
        sys.exit("no engine: indoors engine install")
    process = EngineProcess(
        partial(children.spawn, "worker", "--engine", str(build.directory or "")),
        wire.Load(
            path=str(model_store.resolve(options.model).path),
            n_ctx=2048,
            n_threads=options.threads,
        ),
    )
    outputs = read_outputs(options.outputs)
    asked = places()
    names = {name for name, _ in asked}
    outputs = [output for output in outputs if output.place in names]
    known = {output.place for output in outputs}
    syntax = DirectSyntax()
    await process.start()
    try:
        await process.wait_ready(300)
        stop_at = time.monotonic() + options.seconds
        for number, (name, hole) in enumerate(asked):
            if time.monotonic() > stop_at:
                break
            if name in known:
                continue
            spot = await spot_of(number, hole, syntax, BUDGET)
            if isinstance(spot, Spot):
                outputs.append(await ask(process, name, spot))
    finally:
        await process.close()
        write_outputs(options.outputs, outputs)
    right = sum(output.correct for output in outputs)
    sys.stderr.write(f"{len(outputs)} outputs, {right} right\n")


async def ask(process: EngineProcess, name: str, spot: Spot) -> Output:
    """One answer, read as a run reads it."""
    reading = Reading(spot.recipe)
    job = msgspec.structs.replace(spot.recipe.job, max_tokens=BUDGET.answer_tokens)
    stream = process.generate(job)
    try:
        async for item in stream:
            if isinstance(item, TokenChunk):
                reading.add(item)
                if reading.stop_reason:
                    break
            elif isinstance(item, Finish):
                reading.end(item.stop_reason)
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
    if reading.stop_reason in ("unavailable", "cancelled"):
        raise SystemExit(f"the engine gave up: {reading.stop_reason}")
    process.forget(job.slot)
    return Output(
        place=name,
        language=spot.hole.language,
        kind=spot.hole.kind,
        stop_reason=reading.stop_reason,
        pieces=tuple((text, tuple(round(v, 3) for v in values)) for text, values in reading.pieces),
        correct=spot.is_right(reading.cut()),
    )


# --- judging what it said -------------------------------------------------------------------------


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One output: was it right before the filters, who acted first and how, is it right now?"""

    number: int
    right: bool
    by: str
    action: str
    right_after: bool
    scores: dict[str, float]


async def judge(outputs: list[Output]) -> list[Judged]:
    """All outputs through all filters, the confidence filter apart (its scores are kept)."""
    syntax = DirectSyntax()
    spots = {name: (number, hole) for number, (name, hole) in enumerate(places())}
    found = []
    for output in outputs:
        number, hole = spots[output.place]
        spot = await spot_of(number, hole, syntax, BUDGET)
        assert isinstance(spot, Spot)
        found.append(await judge_one(number, output, spot, syntax))
    return found


async def judge_one(number: int, output: Output, spot: Spot, syntax: DirectSyntax) -> Judged:
    reading = Reading(spot.recipe)
    for text, logprobs in output.pieces:
        reading.add(TokenChunk(text=text, logprobs=logprobs))
    reading.end(output.stop_reason)
    text = reading.cut()
    context = spot.recipe.context(
        ended=reading.stop_reason in WHOLE, logprobs=tuple(reading.pieces)
    )
    right = spot.is_right(text)
    by = action = ""
    if text.strip():
        for apply in (*(f for f in FILTERS if f is not confidence), None):
            step = (
                apply(text, context)
                if apply
                else await syntax_delta.check(
                    text, spot.recipe.place, context, syntax, deadline_ms=DEADLINE_MS
                )
            )
            # A change that shows nowhere (space at a line's end) is none.
            shows = step.action == "dropped" or spot.is_right(step.text) != right
            if step.action != "kept" and not by and (shows or step.name != "trailing space"):
                by, action = step.name, step.action
            text = step.text
            if step.action == "dropped":
                break
    else:
        by, action = "empty", "empty"
    return Judged(
        number=number,
        right=right,
        by=by,
        action=action,
        right_after=bool(text) and spot.is_right(text),
        scores=scores(text, context) if text else {},
    )


def scores(text: str, context: Context) -> dict[str, float]:
    """Statistics of the first line's log-probabilities: the whole line, the mean, the least."""
    values = line_values(text, context)
    if not values:
        return {}
    return {
        "line": line_score(text, context),
        "mean": sum(values) / len(values),
        "least": min(values),
        "first": values[0],
    }


def report(found: list[Judged]) -> dict[str, Any]:
    """Per filter: what it removed wrongly and rightly, and what it mended."""
    names = [apply(" ", Context(family=FAMILY)).name for apply in FILTERS]
    counts: Counter[tuple[str, str]] = Counter()
    for one in found:
        if one.by and one.by != "empty":
            what = (
                "wrongly_removed"
                if one.right and not one.right_after
                else "mended"
                if not one.right and one.right_after
                else "rightly_dropped"
                if not one.right and one.action == "dropped"
                else "changed_wrong_to_wrong"
                if not one.right
                else "kept_right"
            )
            counts[one.by, what] += 1
    n_right = sum(one.right for one in found)
    wrongly = sum(one.right and not one.right_after for one in found)
    return {
        "n": len(found),
        "n_right": n_right,
        "n_empty": sum(one.by == "empty" for one in found),
        "filters": {
            name: {what: n for (by, what), n in sorted(counts.items()) if by == name}
            for name in dict.fromkeys((*names, syntax_delta.NAME))
        },
        "in_all": rate(wrongly, n_right),
        "confidence": confidence_report(found),
    }


def confidence_report(found: list[Judged]) -> dict[str, Any]:
    """Each statistic with the threshold that loses <= 0.5 % of the right answers of one half, and
    what it does on both halves.
    """
    scored = [one for one in found if one.scores]
    halves = [[o for o in scored if o.number % 2 == half] for half in (0, 1)]
    result: dict[str, Any] = {"in_use": {}}
    for name in scored[0].scores if scored else ():
        rights = sorted(o.scores[name] for o in halves[0] if o.right_after)
        # The share of 0.5 % of some hundred answers is none: the threshold lies under all of them.
        cutoff = rights[int(0.005 * len(rights))] if rights else float("-inf")
        result[name] = {
            "threshold": round(cutoff, 3),
            "chosen_on": removed(halves[0], name, cutoff),
            "confirmed_on": removed(halves[1], name, cutoff),
        }
    if scored:
        cutoff = THRESHOLD
        result["in_use"] = {"statistic": "line", "threshold": cutoff}
        for name, part in (("chosen_on", halves[0]), ("confirmed_on", halves[1])):
            result["in_use"][name] = removed(part, "line", cutoff)
    return result


def removed(found: list[Judged], name: str, cutoff: float) -> dict[str, Any]:
    rights = [o.scores[name] for o in found if o.right_after]
    wrongs = [o.scores[name] for o in found if not o.right_after]
    return {
        "right": rate(sum(score < cutoff for score in rights), len(rights)),
        "wrong": rate(sum(score < cutoff for score in wrongs), len(wrongs)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("judge", "collect"), default="judge")
    parser.add_argument("--outputs", type=Path, default=OUTPUTS)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--seconds", type=float, default=170, help="collect for so long")
    options = parser.parse_args()
    if options.action == "collect":
        asyncio.run(collect(options))
        return
    found = asyncio.run(judge(read_outputs(options.outputs)))
    sys.stdout.write(json.dumps(report(found)) + "\n")


if __name__ == "__main__":
    main()
