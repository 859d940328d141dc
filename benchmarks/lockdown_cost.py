"""What the lock-down costs: at the start of a process, and at each completion.

    start        fresh processes in turns, from the moment before they are made until they are
                 ready to import what is heavy:
                     bare       Python alone
                     unlocked   Python and our entry point, without `lockdown.apply`
                     locked     the same, with it
    completion   the same prompts to two workers with the same model, one locked and one not, in
                 turns; each prompt is evaluated from nothing

For every role the last line of stdout, one JSON object, has the medians of the three in
milliseconds, `cpu_ms`, the same in processor time, and `apply_ms`, the median of what the call
itself took by the process's own clock. `cost_ms` and `cost_cpu_ms` are the mean of locked -
unlocked over the rounds with its 95 % interval; on a busy machine the second is the one to read.
For completions it has `total_ms` and `ttft_ms` of both, medians, `cpu_s`, the processor time of
each worker over all prompts, and `ratio`, the geometric mean of locked / unlocked over the pairs
with its 95 % interval: above 1 the locked worker is slower. Both give the same text, or the run is
worth nothing: `n_different` counts the pairs for which they did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rows import Row, read_rows
from statistics_of import paired_interval

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.types import Finish, Job, Part, TokenChunk
from indoors_server import children, engine_store, model_store

HERE = Path(__file__).resolve().parent
WINDOW = (1200, 400)  # characters before and after the cursor
MAX_TOKENS = 24

# The clock is the one of the whole machine, so the parent's and the child's can be compared.
CLOCK = time.CLOCK_MONOTONIC
START = """
import time
if {entry}:
    import os, sys
    from indoors_server import __main__, lockdown
    before = time.clock_gettime_ns({clock})
    state = lockdown.apply(sys.argv[1], sys.argv[2:]) if {locked} else lockdown.state()
    ended = time.clock_gettime_ns({clock})
    spent = time.process_time_ns()
    os.write(1, f"{{ended}} {{spent}} {{ended - before}} {{state.state}}".encode())
else:
    ended, spent = time.clock_gettime_ns({clock}), time.process_time_ns()
    import os
    os.write(1, f"{{ended}} {{spent}} 0 bare".encode())
"""
FORMS = {"bare": (False, False), "unlocked": (True, False), "locked": (True, True)}
# The entry point as it is, with a lock-down that does nothing.
UNLOCKED_WORKER = """
import sys
from indoors_server import __main__ as entry, lockdown
lockdown.apply = lambda _role, _arguments=(): lockdown.state()
sys.exit(entry.main(sys.argv[1:]))
"""


def start(form: str, role: str, arguments: list[str]) -> tuple[float, float, float, str]:
    """Start one process: milliseconds until it is ready, of its processor, of the call; its state.

    The interpreter's own start is in the first two.
    """
    entry, locked = FORMS[form]
    code = START.format(entry=entry, locked=locked, clock=CLOCK)
    before = time.clock_gettime_ns(CLOCK)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, role, *arguments], check=True, stdout=subprocess.PIPE
    )
    ended, cpu, spent, state = done.stdout.decode().split(" ", 3)
    return (int(ended) - before) / 1e6, int(cpu) / 1e6, int(spent) / 1e6, state


def measure_start(role: str, arguments: list[str], rounds: int) -> dict[str, Any]:
    """One role: the three forms in turns, in another order every time."""
    choose = random.Random(1)
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    cpu: dict[str, list[float]] = {form: [] for form in FORMS}
    spent, states = [], set()
    for number in range(-2, rounds):
        for form in choose.sample(list(FORMS), len(FORMS)):
            total_ms, cpu_ms, apply_ms, state = start(form, role, arguments)
            if number < 0:
                continue  # the first find the disk cold
            times[form].append(total_ms)
            cpu[form].append(cpu_ms)
            if form == "locked":
                spent.append(apply_ms)
                states.add(state)
    return {
        **{f"{form}_ms": round(statistics.median(some), 2) for form, some in times.items()},
        "cpu_ms": {form: round(statistics.median(some), 2) for form, some in cpu.items()},
        "apply_ms": round(statistics.median(spent), 2),
        "cost_ms": difference(times["locked"], times["unlocked"]),
        "cost_cpu_ms": difference(cpu["locked"], cpu["unlocked"]),
        "state": ", ".join(sorted(states)),
    }


def difference(locked: list[float], unlocked: list[float]) -> dict[str, float] | None:
    """The mean of the rounds' differences with its 95 % interval."""
    return paired_interval([a - b for a, b in zip(locked, unlocked, strict=True)])


def spawn_unlocked(*arguments: str) -> subprocess.Popen[bytes]:
    """`children.spawn` for a worker that no lock-down holds."""
    command = [sys.executable, "-I", "-c", UNLOCKED_WORKER, "worker", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", bufsize=0
    )


@asynccontextmanager
async def running(options: argparse.Namespace, *, locked: bool) -> Any:
    """A worker with the model, as the server starts it, or without the lock-down."""
    build = engine_store.find()
    if build is None:
        sys.exit("no engine: indoors engine install")
    path = str(model_store.resolve(options.model).path)
    arguments = ["--engine", str(build.directory or ""), "--model", path]
    spawn = partial(children.spawn, "worker") if locked else spawn_unlocked
    engine = EngineProcess(
        partial(spawn, *arguments), wire.Load(path=path, n_ctx=4096, n_threads=options.threads)
    )
    await engine.start()
    try:
        await engine.wait_ready(300)
        yield engine
    finally:
        await engine.close()


def job(row: Row) -> Job:
    """A prompt of the Qwen2.5-Coder family, of which nothing is in the cache."""
    parts = (
        Part(text="<|fim_prefix|>", special=True),
        Part(text=row.prefix[-WINDOW[0] :]),
        Part(text="<|fim_suffix|>", special=True),
        Part(text=row.suffix[: WINDOW[1]], keep="head"),
        Part(text="<|fim_middle|>", special=True),
    )
    return Job(parts=parts, slot="a", max_tokens=MAX_TOKENS, suffix="exact")


async def answer(engine: EngineProcess, asked: Job) -> tuple[str, float, float]:
    """The text, and milliseconds until the first token and the end, as the server sees them."""
    text, before, first = "", time.perf_counter(), 0.0
    async for item in engine.generate(asked):
        if isinstance(item, TokenChunk):
            first = first or time.perf_counter()
            text += item.text
        elif isinstance(item, Finish):
            ended = time.perf_counter()
            engine.forget(asked.slot)
            return text, ((first or ended) - before) * 1000, (ended - before) * 1000
    raise SystemExit("the engine ended early")


async def measure_completions(rows: list[Row], options: argparse.Namespace) -> dict[str, Any]:
    """All prompts, `--rounds` times, to both workers in turns."""
    choose = random.Random(2)
    times: dict[str, list[tuple[float, float]]] = {"locked": [], "unlocked": []}
    n_different = 0
    async with running(options, locked=True) as locked, running(options, locked=False) as unlocked:
        engines = {"locked": locked, "unlocked": unlocked}
        states = {name: (await engine.stats()).lock for name, engine in engines.items()}
        for number in range(-1, options.rounds):
            for row in rows[: 3 if number < 0 else None]:  # a few to warm both up
                texts = set()
                for name in choose.sample(list(engines), 2):
                    text, *spent = await answer(engines[name], job(row))
                    texts.add(text)
                    if number >= 0:
                        times[name].append((spent[0], spent[1]))
                n_different += len(texts) > 1
            if number < 0:
                begun = {name: cpu_s(engine) for name, engine in engines.items()}
            sys.stderr.write(f"completions, round {number + 1} of {options.rounds}\n")
        spent_s = {name: round(cpu_s(one) - begun[name], 2) for name, one in engines.items()}
    result: dict[str, Any] = {"states": states, "n_different": n_different, "cpu_s": spent_s}
    for at, figure in enumerate(("ttft_ms", "total_ms")):
        series = {name: [each[at] for each in some] for name, some in times.items()}
        for name, some in series.items():
            result[f"{name}_{figure}"] = round(statistics.median(some), 1)
        result[f"ratio_{figure.removesuffix('_ms')}"] = ratio(series["locked"], series["unlocked"])
    return result


def cpu_s(engine: EngineProcess) -> float:
    """Processor time of a worker so far."""
    fields = Path(f"/proc/{engine.state.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ratio(locked: list[float], unlocked: list[float]) -> dict[str, float] | None:
    """The geometric mean of the pairs' ratios with its 95 % interval."""
    logs = [1000 * math.log(a / b) for a, b in zip(locked, unlocked, strict=True)]
    found = paired_interval(logs)
    if found is None:
        return None
    ends = {name: round(math.exp(found[name] / 1000), 4) for name in ("mean", "low", "high")}
    return {**ends, "n": found["n"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=60, help="processes of each form and role")
    parser.add_argument("--limit", type=int, default=40, help="prompts; 0: the starts alone")
    parser.add_argument("--rounds", type=int, default=3, help="how often each prompt is asked")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    options = parser.parse_args()

    build = engine_store.find()
    path = str(model_store.resolve(options.model).path)
    worker = ["--engine", str(build.directory or "") if build else "", "--model", path]
    starts = {}
    for role, arguments in (("serve", []), ("worker", worker), ("indexer", [])):
        starts[role] = measure_start(role, arguments, options.starts)
        sys.stderr.write(f"{role} {json.dumps(starts[role])}\n")
    rows = read_rows(HERE / "data" / "hmfim_py100.jsonl.gz")[: options.limit]
    made = {
        "start": starts,
        "completion": asyncio.run(measure_completions(rows, options)) if rows else None,
        "starts": options.starts,
        "prompts": len(rows),
        "rounds": options.rounds,
        "model": options.model,
        "threads": options.threads,
        "kernel": os.uname().release,
    }
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
