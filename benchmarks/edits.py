"""Edits by instruction: do they do what was asked, are they safe, how fast are they?

Every row is asked twice with the same model. Indoors: the whole of `refactor.editing` with checks,
other answers and repairs, as an editor would be given it, seeded. Plain: one prompt, no check, the
first fenced block of what the model writes. What comes of both is run in a locked child.

    pass_at_1, baseline_pass_at_1   percent of the rows whose edited text does what it should
    shown_with_syntax_error         edits shown that Python refuses where it took the text before
    outside_range                   edits shown that change a character outside of their target
    no_safe_edit                    rows for which nothing was shown
    tokens_per_s, …_plain           the first answer to the same prompt, all of it written, with and
                                    without drafts from the text: tokens by the time after the first
    same_text_with_drafts           of those that were timed, how many have the same text either way
    near_ties_with_drafts           of the others, how many leave it at a token that was as good as
                                    another: its probability is 73 % at most (a batch of several
                                    tokens gives logits that differ by up to 0.5, so the distance
                                    of two of them by up to 1)
    wall_s, wall_s_echo             mean seconds of a whole edit, with all its answers, from the
                                    moment that its instruction is known; and of one plain
                                    generation as long as the target, its prompt read from nothing
    wall_over_echo_median           the median of the rows' quotients of these two
    reading_s, unread_over_echo_median   while a person writes the instruction, the model reads the
                                    code, as background work: how long that takes, and the median
                                    quotient with that time in it, which is more than an edit takes
                                    whose instruction is there from the beginning

Rows of the same file, model, seed and code are not run again: what is known is in a file beside the
rows (or, where that folder cannot be written, in the user's cache). `--seed` decides the samples.
The last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from edit_rows import EditRow, read_edit_rows
from locked_run import has_syntax_error, passes
from msgspec import structs

from indoors_completion import chat
from indoors_completion.chat import Message
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.refactor import actions, asking, prompts, shape
from indoors_completion.refactor.editing import Editing
from indoors_completion.refactor.types import Edit, EditRequest
from indoors_completion.types import Document, Finish, Job, Span, TokenChunk
from indoors_indexing.parse import DirectSyntax
from indoors_server import children, engine_store, model_store, paths

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
FILES = ("editeval_30.jsonl.gz", "humanevalfix_20.jsonl.gz", "refactor_4.jsonl.gz")
MAX_TOKENS = 1024
NEAR_TIE = -0.31
_BLOCK = re.compile(r"```[\w+-]*\n(.*?)(?:\n```|\Z)", re.DOTALL)
_WHOLE_BLOCK = re.compile(r"```[\w+-]*\n.*?\n```", re.DOTALL)


class State:
    """What is known already: one JSON line for each row and key."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        if path.is_file():
            for line in path.read_text().splitlines():
                try:
                    record = json.loads(line)
                    self._known[record["key"]] = record
                except (ValueError, KeyError):
                    continue  # the last line of a run that was killed

    def get(self, key: str) -> dict[str, Any] | None:
        return self._known.get(key)

    def put(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        self._known[key] = record = {"key": key, **record}
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        return record


async def generated(engine: Any, job: Job, is_enough: re.Pattern[str] | None) -> tuple[str, Any]:
    """The text of a job and how it ended; left early once the text has what is looked for."""
    text, finish = "", None
    async for item in engine.generate(job):
        if isinstance(item, TokenChunk):
            text += item.text
            if is_enough is not None and is_enough.search(text):
                break
        elif isinstance(item, Finish):
            finish = item
    return text, finish


async def plain(engine: Any, row: EditRow) -> dict[str, Any]:
    """One plain prompt: the first fenced block of the answer stands in the target's place."""
    record = chat.chat_of(engine.model)
    assert record is not None
    code = row.target.strip("\n")
    turns = [
        Message("system", "You are a helpful assistant."),
        Message("user", f"{row.instruction}\n\n```python\n{code}\n```"),
    ]
    # Drafts make it faster and leave the text as it is.
    job = Job(
        parts=chat.render(record, turns), slot="plain", max_tokens=MAX_TOKENS,
        stops=record.stops, drafts=code,
    )  # fmt: skip
    text, _ = await generated(engine, job, _WHOLE_BLOCK)
    block = _BLOCK.search(text)
    answer = (block[1] if block else text).strip("\n") + "\n"
    return {"passed": passes(row.program(row.edited(answer)))}


async def edited(
    engine: EngineProcess, row: EditRow, options: argparse.Namespace, *, is_timed: bool
) -> dict[str, Any]:
    """The row as an editor would have it edited, and what a plain generation takes beside it."""
    syntax = DirectSyntax()
    document = Document(
        uri="file:///row.py", path="row.py", language="python", version=1, text=row.text
    )
    outline = await syntax.outline("python", row.text)
    assert outline is not None
    request = EditRequest(
        document=document, selection=Span(row.start, row.end), action="edit", outline=outline,
        instruction=row.instruction, seed=options.seed,
    )  # fmt: skip
    editing, reading_s = Editing(engine, syntax), 0.0
    if is_timed:
        engine.forget(asking.SLOT)  # what it is compared with begins with an empty cache too
        # As an editor has it read when it asks a person what to do (`indoors/willEdit`).
        begun = time.monotonic()
        await editing.read_ahead(structs.replace(request, instruction=""))
        reading_s = time.monotonic() - begun
    begun = time.monotonic()
    result = await editing.edit(
        request, is_late=lambda: time.monotonic() - begun > options.deadline_s
    )
    found: dict[str, Any] = {
        "wall_s": time.monotonic() - begun, "reading_s": reading_s,
        "shown": isinstance(result, Edit), "passed": False,
        "attempts": [(one.how, one.check, one.reason, one.n_tokens) for one in result.attempts],
    }  # fmt: skip
    if isinstance(result, Edit):
        text = row.text
        for change in reversed(result.changes):
            text = text[: change.span.start] + change.text + text[change.span.end :]
        tail = row.text[row.end :]
        found["outside"] = not (text.startswith(row.text[: row.start]) and text.endswith(tail))
        found["passed"] = passes(row.program(text))
        found["broken"] = not has_syntax_error(row.text) and has_syntax_error(text)
        found["text"] = text
    return found | (await speeds(engine, request, row) if is_timed else {})


async def speeds(engine: EngineProcess, request: EditRequest, row: EditRow) -> dict[str, Any]:
    """The first question once more, all of the target to be written, with drafts and without, each
    from an empty cache.

    An echo is as long as the target: its time is scaled from that of the answer without drafts.
    """
    action, model = actions.BY_NAME[request.action], engine.model
    target = action.applies(request)
    assert target is not None
    assert model is not None
    turns = prompts.messages(action, request, target)
    first = asking.job_for(action, request, target, model, turns, shape.whole(target))
    found: dict[str, Any] = {}
    written: dict[str, list[TokenChunk]] = {}
    for name, drafts in (("drafted", first.drafts), ("plain", "")):
        job = structs.replace(first, n_alternatives=1, drafts=drafts, slot=f"speed {name}")
        items = [item async for item in engine.generate(job)]
        engine.forget(job.slot)
        finish = items.pop()
        if not isinstance(finish, Finish) or finish.stop_reason == "unavailable":
            sys.exit("the model stopped")
        written[name] = [item for item in items if isinstance(item, TokenChunk)]
        found[name] = (finish.n_generated - 1, (finish.total_ms - finish.ttft_ms) / 1000)
    scale = len(row.target) / max(len(text_of(written["plain"])), 1)
    found["wall_s_echo"] = finish.ttft_ms / 1000 + found["plain"][1] * scale
    found["leaves_at"] = leaves_at(written["plain"], text_of(written["drafted"]))
    return found


def text_of(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def leaves_at(chunks: list[TokenChunk], other: str) -> float | None:
    """The logarithm of the probability of the token at which another text leaves this one; None if
    they are the same. A chunk without one is the beginning of the next chunk's first token.
    """
    if text_of(chunks) == other:
        return None
    said = ""
    for at, chunk in enumerate(chunks):
        said += chunk.text
        if not other.startswith(said):
            following = [one for after in chunks[at + 1 :] for one in after.logprobs]
            return min(chunk.logprobs) if chunk.logprobs else (following or [0.0])[0]
    return 0.0  # the other goes on


def report(rows: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures over some rows; `rows` are the plain answers, `ours` the edits."""
    timed = [one for one in ours if "plain" in one]

    def rate(name: str) -> float:
        spent = sum(one[name][1] for one in timed)
        return round(sum(one[name][0] for one in timed) / spent, 1) if spent else 0.0

    def mean(records: list[dict[str, Any]], name: str) -> float:
        return round(statistics.fmean(one[name] for one in records), 2) if records else 0.0

    ratios = [
        (one["drafted"][0] / one["drafted"][1]) / (one["plain"][0] / one["plain"][1])
        for one in timed
        if min(*one["drafted"], *one["plain"]) > 0
    ]
    shares = [one["wall_s"] / one["wall_s_echo"] for one in timed]
    unread = [(one["wall_s"] + one["reading_s"]) / one["wall_s_echo"] for one in timed]
    return {
        "pass_at_1": share(one["passed"] for one in ours),
        "baseline_pass_at_1": share(one["passed"] for one in rows),
        "shown_with_syntax_error": sum(one.get("broken", False) for one in ours),
        "outside_range": sum(one.get("outside", False) for one in ours),
        "no_safe_edit": sum(not one["shown"] for one in ours),
        "tokens_per_s": rate("drafted"),
        "tokens_per_s_plain": rate("plain"),
        "drafts_ratio_median": round(statistics.median(ratios), 2) if ratios else 0.0,
        "same_text_with_drafts": sum(one["leaves_at"] is None for one in timed),
        "near_ties_with_drafts": sum((one["leaves_at"] or 0.0) <= NEAR_TIE for one in timed),
        "wall_s": mean(timed or ours, "wall_s"),
        "wall_s_echo": mean(timed, "wall_s_echo"),
        "reading_s": mean(timed, "reading_s"),
        "wall_over_echo_median": round(statistics.median(shares), 2) if shares else 0.0,
        "unread_over_echo_median": round(statistics.median(unread), 2) if unread else 0.0,
        "n_timed": len(timed),
        "n": len(ours),
    }


def share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return round(100 * sum(found) / len(found), 1) if found else 0.0


def state_path(rows: Path) -> Path:
    """Beside the rows, or in the cache where that folder cannot be written."""
    if os.access(rows.parent, os.W_OK):
        return rows.with_name(f"{rows.name}.edits-state")
    digest = hashlib.sha256(str(rows.resolve()).encode()).hexdigest()[:16]
    folder = paths.cache_dir() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{rows.name}.{digest}.edits-state"


def code_key() -> str:
    """Another code is another measurement."""
    package = Path(chat.__file__).parent
    files = sorted(
        [*package.glob("refactor/*.py"), *package.glob("engine/*.py"), Path(chat.__file__)]
    )
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def tell(row: EditRow, ours: dict[str, Any], theirs: dict[str, Any] | None) -> None:
    said = ", ".join(f"{how} {check or 'passed'}" for how, check, *_ in ours["attempts"])
    right = [
        "not asked" if one is None else "right" if one["passed"] else "wrong"
        for one in (ours, theirs)
    ]
    sys.stderr.write(f"{row.name}: {right[0]}, plain {right[1]}; {said}\n")
    sys.stderr.flush()


async def run(options: argparse.Namespace) -> dict[str, Any]:
    model = model_store.resolve(options.model).path
    identity = f"{model.name}:{model.stat().st_size}"
    engine = EngineProcess(
        partial(children.spawn, "worker", "--engine", str(engine_store.require().directory)),
        wire.Load(path=str(model), n_ctx=options.context, n_threads=options.threads),
    )
    code = code_key()
    await engine.start()
    try:
        await engine.wait_ready(300)
        everything: tuple[list[Any], list[Any]] = ([], [])
        kinds: dict[str, tuple[list[Any], list[Any]]] = {}
        for path in options.rows:
            state = State(options.state or state_path(path))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for number, row in enumerate(read_edit_rows(path, options.limit)):
                base = f"{digest}:{identity}:{row.name}"
                theirs = state.get(f"plain:{base}")
                if theirs is None and options.plain:
                    theirs = state.put(f"plain:{base}", await plain(engine, row))
                is_timed = number < options.speed_rows
                key = f"ours-2:{base}:{options.seed}:{code}:{is_timed}"
                ours = state.get(key) or state.put(
                    key, await edited(engine, row, options, is_timed=is_timed)
                )
                for found in (everything, kinds.setdefault(row.kind, ([], []))):
                    found[0].extend([theirs] if theirs is not None else [])
                    found[1].append(ours)
                tell(row, ours, theirs)
    finally:
        await engine.close()
    return report(*everything) | {
        "by_kind": {kind: report(*found) for kind, found in kinds.items()},
        "model": model.name, "seed": options.seed,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, nargs="+", default=[DATA / name for name in FILES])
    parser.add_argument("--limit", type=int, help="only the first N rows of each file")
    parser.add_argument("--speed-rows", type=int, default=10, help="time the first N of each file")
    parser.add_argument(
        "--plain", action=argparse.BooleanOptionalAction, default=True, help="ask plainly too"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--context", type=int, default=4096, help="context length in tokens")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--deadline-s", type=float, default=60.0, help="no answer is begun later")
    parser.add_argument("--state", type=Path, help="where to keep what is known")
    parser.add_argument("--json", action="store_true", help="the last line is JSON (always so)")
    options = parser.parse_args()
    sys.stdout.write(json.dumps(asyncio.run(run(options))) + "\n")


if __name__ == "__main__":
    main()
