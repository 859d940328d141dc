"""Accept a whole suggestion, then see whether the next one is already there.

At places in the sources of the typing traces the rest of a line and the three lines below it are
cut out, the last character before the cut is typed, and the suggestion is awaited. After a reading
time the whole item is accepted and the server is asked again at its end. The next suggestion is
ready if it is there within a few milliseconds, at least its first line: computed while the first
one was read, from the cache or from a generation that has come that far.

Runs the real server. Progress goes to stderr; the last line of stdout is one JSON object:
{"n_accepts", "n_next_ready", "share", "next_ms": {"p50", "p95"}, …}. `next_ms` is over the ready
ones; `n_next_model`, `n_next_run` (still being generated), `n_next_empty` (nothing to suggest, said
by the cache) and `n_next_none` are the others; `n_without_suggestion` are places with nothing to
accept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from replay_indoors import Indoors
from replay_metrics import Key, share, spread
from replay_system import SystemFailed
from replay_trace import Document, Event, Trace, final_text, read_or_leave
from typing_replay import leave, merged

from indoors_completion.engine.threads import usable_cpus
from indoors_completion.types import IndoorsError

HERE = Path(__file__).resolve().parent
LINES_CUT = 3
_LATER_S = 1.5  # for a text that the server announces after an empty answer


def places(trace: Trace, count: int, seed: int) -> Iterator[tuple[Document, Event]]:
    """Documents with the cursor one character before a cut, and the key that is missing."""
    dice = random.Random(f"{seed} {trace.name}")
    lines = final_text(trace).split("\n")
    fit = [number for number, line in enumerate(lines) if _fits(line) and number > 10]
    dice.shuffle(fit)
    for number in fit[:count]:
        line = lines[number]
        indent = len(line) - len(line.lstrip())
        written = len(line.rstrip()) - indent
        column = indent + dice.randint(2, max(2, written * 2 // 3))
        kept = [*lines[:number], line[: column - 1], *lines[number + 1 + LINES_CUT :]]
        yield Document("\n".join(kept), number, column - 1), Event(0, "insert", line[column - 1])


def _fits(line: str) -> bool:
    text = line.strip()
    return len(text) >= 8 and not text.startswith(("#", "//", "*", "/*", '"""'))


class Run:
    """The places of all traces, one after the other, and what was counted."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        settings = {"model": options.model, "engine": {"threads": options.threads}}
        self.system = Indoors(
            merged(settings, options.settings), workspace=None, verbose=options.verbose
        )
        self.counts: Counter[str] = Counter()
        self.ready_ms: list[float] = []
        self.all_ms: list[float] = []

    async def run(self, traces: list[Trace]) -> dict[str, Any]:
        """Everything, and the result."""
        try:
            await self.system.start()
            for number, trace in enumerate(traces, 1):
                for document, event in places(trace, self.options.per_file, self.options.seed):
                    outcome = await self._one(trace, document, event)
                    self.counts[outcome] += 1
                    if self.options.verbose:
                        sys.stderr.write(f"{trace.name}:{document.line + 1}: {outcome}\n")
                sys.stderr.write(f"accepts {number}/{len(traces)} {trace.name}\n")
                sys.stderr.flush()
        finally:
            await self.system.stop()
        n_accepts = sum(self.counts.values()) - self.counts["without"]
        return {
            "n_accepts": n_accepts,
            "n_next_ready": self.counts["ready"],
            "share": share(self.counts["ready"], n_accepts),
            "next_ms": spread(self.ready_ms),
            "n_next_model": self.counts["model"],
            "n_next_run": self.counts["run"],
            "n_next_empty": self.counts["empty"],
            "n_next_none": self.counts["none"],
            "n_without_suggestion": self.counts["without"],
            "all_next_ms": spread(self.all_ms),
            "reading_ms": self.options.reading_ms,
            "model": self.options.model,
            "threads": self.options.threads,
        }

    async def _one(self, trace: Trace, document: Document, event: Event) -> str:
        """One place: ready, model, run, empty, none, or without (nothing to accept)."""
        await self.system.open(trace, document)
        await asyncio.sleep(self.options.idle_ms / 1000)
        try:
            await self._press(trace, document, event)
            deadline_s = time.perf_counter() + _LATER_S
            while not self._visible() and time.perf_counter() < deadline_s:
                await asyncio.sleep(0.02)
            if not self._visible():
                return "without"
            await asyncio.sleep(self.options.reading_ms / 1000)
            shown = self.system.shown()
            if shown is None or shown.replaces:
                return "without"
            self.system.accepting(shown.text)
            key = await self._press(trace, document, replace(event, kind="accept", text=shown.text))
            return self._judge(key)
        finally:
            await self.system.close()

    def _judge(self, key: Key) -> str:
        line, answer_ms = self.system.last_line, key.answer_ms or 0.0
        self.all_ms.append(answer_ms)
        from_cache = line is not None and line.source == "cache"
        was_there = from_cache or (line is not None and line.source == "run")
        if self._visible():
            if was_there and answer_ms <= self.options.ready_ms:
                self.ready_ms.append(answer_ms)
                return "ready"
            return "run" if line is not None and line.source == "run" else "model"
        return "empty" if from_cache else "none"

    async def _press(self, trace: Trace, document: Document, event: Event) -> Key:
        change = document.apply(event)
        assert change is not None
        key = Key(
            trace=trace.name,
            number=0,
            before=document.before,
            after=document.after,
            finished=None,
            pressed_s=time.perf_counter(),
        )
        self.system.press(key, document, change, event)
        await self.system.settled()
        return key

    def _visible(self) -> bool:
        shown = self.system.shown()
        return shown is not None and shown.visible


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=Path, default=HERE / "data" / "typing_traces.jsonl.gz")
    parser.add_argument("--limit", type=int, help="only the first N files")
    parser.add_argument("--per-file", type=int, default=6, help="places in each file")
    parser.add_argument("--reading-ms", type=float, default=800, help="between shown and accepted")
    parser.add_argument("--idle-ms", type=float, default=2000, help="between opening and the key")
    parser.add_argument("--ready-ms", type=float, default=20, help="how fast ready is")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--settings", default="{}", help="JSON, laid over Indoors' settings")
    parser.add_argument("--seed", type=int, default=1, help="chooses the places")
    parser.add_argument("--verbose", action="store_true", help="every place, and the server's log")
    options = parser.parse_args()
    try:
        options.settings = json.loads(options.settings)
    except json.JSONDecodeError as error:
        leave(f'--settings is not JSON ({error}): write {{"completion": {{"maxLines": 8}}}}')
    return options


def main() -> None:
    options = arguments()
    traces = read_or_leave(options.traces, options.limit)
    try:
        result = asyncio.run(Run(options).run(traces))
    except (SystemFailed, IndoorsError) as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
