"""What the filters and the scope rules do to text that is known to be right.

Without a model: every filter sees the true text of holes cut from real files (make_holes.py), in
the Context that the pipeline would give it, with real syntax trees. A filter is wrong where it
drops the true text, or changes it so that the document no longer becomes the file it was cut from.
The scope is measured apart: what it takes off the true text, and where it stops a writer that
goes on with what follows in the file. Counts are of holes; bounds are Clopper-Pearson's.

The last line of stdout is one JSON object: {"n", "by_language", "filters", "in_all", "scope", …}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from make_holes import Hole, cut, read_sources, tally
from rows import is_exact
from statistics_of import upper_bound

from indoors_completion import fim, gate, recipe, scope, window
from indoors_completion.budget import PromptBudget
from indoors_completion.place import locate
from indoors_completion.postprocess import FILTERS, Context, run, syntax_delta
from indoors_completion.recipe import Recipe
from indoors_completion.types import CompletionRequest, Document, ModelInfo
from indoors_indexing.parse import DirectSyntax
from indoors_indexing.types import Syntax

HERE = Path(__file__).resolve().parent
FAMILY = fim.by_name("qwen2.5-coder")
MODEL = ModelInfo(
    key="", name="", family="qwen2.5-coder", architecture="", instruct=True, n_params=0,
    size_bytes=0, n_ctx=8192, n_ctx_train=8192, n_layers=0, n_gpu_layers=0, device="cpu",
    can_shift=True,
)  # fmt: skip
# Windows as on a slow machine and on a fast one, by turns: what a filter cannot see, it must not
# guess.
BUDGETS = (
    PromptBudget(prefix_tokens=1152, suffix_tokens=384, snippets_tokens=0, answer_tokens=256),
    PromptBudget(prefix_tokens=3072, suffix_tokens=1024, snippets_tokens=0, answer_tokens=256),
)


@dataclass(frozen=True)
class Spot:
    """A hole as the pipeline sees it. `target` is the part of the hole that is asked for."""

    hole: Hole
    recipe: Recipe
    context: Context
    target: str
    whole: str

    @property
    def shape(self) -> str:
        """How much is asked for."""
        return self.recipe.shape.kind

    def document_with(self, answer: str) -> str:
        """The document after `answer` was accepted."""
        text, span = self.recipe.place.answer(answer, self.context)
        return self.hole.text[: span.start] + text + self.hole.text[span.end :]

    def is_right(self, answer: str) -> bool:
        """Whether `answer` makes the document what it was (space at line ends aside).

        A row of an evaluation has its own rule: the first line is the target.
        """
        if self.hole.kind == "row":
            return is_exact(answer, self.hole.target)
        return normal(self.document_with(answer)) == normal(self.whole)

    def judge(self) -> scope.Scope:
        """The stop rules for this place."""
        assert self.recipe.bounds is not None
        return scope.Scope(self.recipe.bounds)


@dataclass
class Tally:
    """What was found, over all holes that were asked for."""

    n: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    halves: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    scope: Counter[str] = field(default_factory=Counter)


async def spot_of(number: int, hole: Hole, syntax: Syntax, budget: PromptBudget) -> Spot | str:
    """A hole as the pipeline sees it; a reason if nothing is asked there."""
    document = Document(
        uri=f"file:///{number}", path="file", language=hole.language, version=1, text=hole.text
    )
    request = CompletionRequest(
        document=document,
        offset=hole.offset,
        trigger="explicit" if hole.kind == "row" else "automatic",
    )
    place = locate(request)
    if not gate.admit(request, place.line).yes:
        return "not admitted"
    site = await syntax.site(document, hole.offset) if place.line.at_end else None
    around = window.around(place.text, place.offset, budget, healed=FAMILY.heal)
    parts = fim.render(FAMILY, around.prefix, around.suffix, (), "file", hole.language, budget)
    prompt = recipe.Prompt(family=FAMILY, budget=budget, around=around, parts=parts)
    made = recipe.recipe(prompt, request, place, ("", "", 0), MODEL, site, reuse="exact", slot="")
    target, whole = hole.target, hole.whole
    if made.shape.kind == "line" and "\n" in target.strip("\n"):
        # One line is asked for, so its first line is the whole truth.
        if hole.variant in ("closed", "open") or target.startswith("\n"):
            return "one line is asked for"
        target = target.partition("\n")[0].rstrip()
        whole = hole.text[: hole.offset] + target + hole.text[hole.offset :]
    if not made.may_start_below and target.startswith("\n"):
        return "nothing is asked for below"
    return Spot(hole, made, made.context(ended=number % 5 > 0, logprobs=()), target, whole)


def normal(text: str) -> str:
    """`text` without space at line ends, which no one sees."""
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def filter_fault(spot: Spot) -> tuple[str, str]:
    """The filter that spoils the true text and how ("dropped", "changed"); ("", "") if none."""
    for step in run(spot.target, spot.context).steps:
        if step.action == "dropped":
            return step.name, "dropped"
        if step.action == "changed" and not spot.is_right(step.text):
            return step.name, "changed"
    return ("", "") if spot.is_right(spot.target) else ("fit", "changed")


async def delta_fault(spot: Spot, syntax: DirectSyntax) -> tuple[str, str]:
    """The same for the check by syntax errors."""
    step = await syntax_delta.check(
        spot.target, spot.recipe.place, spot.context, syntax, deadline_ms=10_000
    )
    if step.action == "dropped":
        return step.name, "dropped"
    if step.action == "changed" and not spot.is_right(step.text):
        return step.name, "changed"
    return "", ""


def scope_faults(spot: Spot) -> list[str]:
    """What the stop rules do wrong: "early" (true text lost), "late" or "short" (running on)."""
    if spot.shape == "line":
        return []
    faults = []
    judge = spot.judge()
    judge.feed(spot.target)
    if not spot.is_right(judge.finish(complete=True)):
        # That an answer is one definition, or ends with the block, is meant: it is counted apart.
        one = judge.reason in ("the definition ends here", "the block is closed")
        faults.append("one_block" if one and spot.hole.kind != "block" else "early")
    if spot.hole.beyond and not faults:
        judge = spot.judge()
        text = spot.target + spot.hole.beyond
        ended = any(judge.feed(text[at : at + 7]) for at in range(0, len(text), 7))
        answer = run(judge.finish(complete=ended), spot.context).text
        if not spot.is_right(answer):
            faults.append("late" if len(answer) > len(spot.target) else "short")
    return faults


async def measure(holes: list[Hole], show: Counter[str]) -> Tally:
    """Everything, over all holes. `show` says how many faults of a name to print."""
    found, syntax = Tally(), DirectSyntax()
    for number, hole in enumerate(holes):
        spot = await spot_of(number, hole, syntax, BUDGETS[number % len(BUDGETS)])
        if isinstance(spot, str):
            found.skipped[spot] += 1
            continue
        found.n += 1
        found.languages[hole.language] += 1
        found.halves[hole.half] += 1
        name, how = filter_fault(spot)
        if not name:
            name, how = await delta_fault(spot, syntax)
        if name:
            (found.dropped if how == "dropped" else found.changed)[name] += 1
            for key in ("all", hole.language, hole.half, f"{hole.kind}/{hole.variant or 'plain'}"):
                found.wrong[key] += 1
            explain(show, name, spot, how)
        if spot.shape != "line":
            found.scope["n"] += 1
            found.scope["n_runs_on"] += bool(hole.beyond)
        for fault in scope_faults(spot):
            found.scope[fault] += 1
            explain(show, f"scope {fault}", spot, fault)
    return found


def explain(show: Counter[str], name: str, spot: Spot, how: str) -> None:
    """Print a fault to stderr, with its surroundings."""
    if show[name] <= 0 and show["all"] <= 0:
        return
    show[name if show[name] > 0 else "all"] -= 1
    hole, at = spot.hole, spot.hole.offset
    sys.stderr.write(
        f"--- {name}: {how} ({hole.language}, {hole.kind}/{hole.variant}, {spot.shape})\n"
        f"{hole.text[max(0, at - 160) : at]}‸{hole.text[at : at + 120]}\n"
        f"  target {spot.target!r}\n  beyond {hole.beyond[:60]!r}\n"
    )
    if name.startswith("scope"):
        judge = spot.judge()
        text = spot.target + (hole.beyond if how != "early" else "")
        ended = judge.feed(text)
        said = judge.finish(complete=ended or how == "early")
        sys.stderr.write(f"  scope {said!r} {judge.reason!r}\n")
    else:
        for step in run(spot.target, spot.context).steps:
            if step.action != "kept":
                sys.stderr.write(f"  {step.name}: {step.text!r} {step.reason}\n")


def report(found: Tally, holes: list[Hole], seconds: float) -> dict[str, Any]:
    """The JSON object."""
    names = dict.fromkeys(apply(" ", Context(family=FAMILY)).name for apply in FILTERS)
    scope_n, runs_on = found.scope["n"], found.scope["n_runs_on"]
    return {
        "n": found.n,
        "by_language": {
            name: {"n": count, "n_wrong": found.wrong[name]}
            for name, count in sorted(found.languages.items())
        },
        "filters": {
            name: {
                "wrongly_dropped": found.dropped[name],
                "wrongly_changed": found.changed[name],
                "upper_95": upper_bound(found.dropped[name] + found.changed[name], found.n),
            }
            for name in (*names, "fit", syntax_delta.NAME)
        },
        "in_all": rate(found.wrong["all"], found.n),
        "by_half": {
            half: rate(found.wrong[half], count) for half, count in sorted(found.halves.items())
        },
        "by_kind": {key: n for key, n in sorted(found.wrong.items()) if "/" in key},
        "scope": {
            "cut_early": rate(found.scope["early"], scope_n),
            "one_block": rate(found.scope["one_block"], scope_n),
            "did_not_stop": rate(found.scope["late"], runs_on),
            "stopped_short": rate(found.scope["short"], runs_on),
        },
        "not_asked": dict(found.skipped),
        "cut": tally(holes),
        "seconds": round(seconds, 1),
    }


def rate(count: int, n: int) -> dict[str, Any]:
    share = round(100 * count / n, 3) if n else 0.0
    return {"n_wrong": count, "n": n, "share": share, "upper_95": upper_bound(count, n)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=14_000, help="holes to cut")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=("development", "held-out"), help="only these packages")
    parser.add_argument("--language", help="only this language")
    parser.add_argument("--model", action="store_true", help="judge answers of the real model")
    parser.add_argument("--show", nargs="*", default=[], help="NAME=N: print N faults of a filter")
    options = parser.parse_args()
    if options.model:
        script = str(HERE / "filter_model.py")
        subprocess.run([sys.executable, script, "collect", "--seconds", "inf"], check=True)
        subprocess.run([sys.executable, script], check=True)
        return
    sources = [
        source
        for source in read_sources()
        if options.half in (None, source.half) and options.language in (None, source.language)
    ]
    holes = cut(sources, options.count, options.seed)
    show = Counter({name: int(n) for name, _, n in (text.partition("=") for text in options.show)})
    started = time.monotonic()
    found = asyncio.run(measure(holes, show))
    result = report(found, holes, time.monotonic() - started)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
