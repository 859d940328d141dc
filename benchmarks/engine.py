"""What the engine does beside completing: warm slots, cancellation, and nothing.

    slots    one key (a word typed) with one document in the cache, and with eight, in turn
    cancel   a cancel in the middle of the prefill of a 2,000-token prompt: until the worker is
             free, and what the next request still has to evaluate
    idle     CPU of the server, its engine and its indexer while a document is open and nobody types
    speed    tokens per second: a prompt of 2,000 tokens from an empty cache, and a long answer

`--gpu-layers -1` puts the model on the card, as a server does by itself. A prefill there is over
before it can be cancelled: measure `slots`, `idle` and `speed`.

The last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
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

import msgspec
from rows import percentile

from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.types import Finish, Job, Part
from indoors_server import children, engine_store, model_store

HERE = Path(__file__).resolve().parent
SOURCE = (HERE.parent / "server" / "indoors_server" / "fetch.py").read_text(encoding="utf-8")


@asynccontextmanager
async def running(options: argparse.Namespace) -> Any:
    build = engine_store.find()
    if build is None:
        sys.exit("no engine: indoors engine install")
    path = str(model_store.resolve(options.model).path)
    engine = EngineProcess(
        # With the model's path, as a server starts it: its rules about files hold then.
        partial(children.spawn, "worker", "--engine", str(build.directory or ""), "--model", path),
        wire.Load(
            path=path, n_ctx=8192, n_threads=options.threads, n_gpu_layers=options.gpu_layers
        ),
    )
    await engine.start()
    try:
        await engine.wait_ready(300)
        yield engine
    finally:
        await engine.close()


def job(before: str, slot: str, *, begin: str = "", after: str = SOURCE[9000:9700]) -> Job:
    parts = (
        Part(text="<|fim_prefix|>", special=True),
        Part(text=before),
        Part(text="<|fim_suffix|>", special=True),
        Part(text=after, keep="head", movable=True),
        Part(text="<|fim_middle|>", special=True),
    )
    return Job(parts=parts, slot=slot, max_tokens=4, begin=begin)


async def answer(engine: EngineProcess, asked: Job) -> Finish:
    async for item in engine.generate(asked):
        if isinstance(item, Finish):
            return item
    raise SystemExit("the engine ended early")


async def slots(options: argparse.Namespace) -> dict[str, Any]:
    """The time to the first token of one more word, alone and beside seven warm documents."""
    words = ["    value", " =", " self", "._read", "(path", ",", " limit", ")", "\n", "    return"]
    times: dict[int, list[float]] = {1: [], 8: []}
    async with running(options) as engine:
        for number in range(options.rounds):
            for count in (1, 8) if number % 2 else (8, 1):
                for index in range(1, count):
                    start = 200 * index
                    await answer(engine, job(SOURCE[start : start + 2200], f"other {index}"))
                before = SOURCE[number * 17 : number * 17 + 2200]
                await answer(engine, job(before, "typed"))
                for word in words:
                    before += word
                    finish = await answer(engine, job(before, "typed"))
                    times[count].append(finish.ttft_ms)
                stats = await engine.stats()
                if number == 0:
                    sys.stderr.write(f"{count} slots: {stats.n_cells_used} cells\n")
                engine.forget("typed")
                for index in range(1, 8):
                    engine.forget(f"other {index}")
            sys.stderr.write(f"slots {number + 1}/{options.rounds}\n")
    one, eight = statistics.median(times[1]), statistics.median(times[8])
    return {
        "one_ms": round(one, 1),
        "eight_ms": round(eight, 1),
        "ratio": round(eight / one, 3),
        "n": len(times[1]),
    }


async def cancel(options: argparse.Namespace) -> dict[str, Any]:
    """Cancels at random moments of a long prefill."""
    choose = random.Random(5)
    free_ms, resumed = [], []
    async with running(options) as engine:
        for number in range(options.cancels):
            before = SOURCE[number * 3 : number * 3 + 8200]
            stream = engine.generate(job(before, "long"))
            reader = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(choose.uniform(0.3, 3.0))
            begun = time.perf_counter()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await stream.aclose()
            while (await engine.stats()).state == "busy":
                await asyncio.sleep(0.001)
            free_ms.append((time.perf_counter() - begun) * 1000)
            finish = await answer(engine, job(before, "long"))
            resumed.append((finish.n_prompt, finish.n_reused))
            engine.forget("long")
            sys.stderr.write(f"cancel {number + 1}/{options.cancels}\n")
    return {
        "worker_free_ms": {
            "p50": round(percentile(free_ms, 0.5), 1),
            "p95": round(percentile(free_ms, 0.95), 1),
        },
        "n_prompt": int(statistics.median(n for n, _ in resumed)),
        "n_reused_by_the_next": int(statistics.median(n for _, n in resumed)),
        "n_resumed": sum(reused > 0 for _, reused in resumed),
        "n": len(free_ms),
    }


async def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Prefill and decode, the median of some rounds; where the model is; what the lock-down is."""
    prefill, decode, empty_ms = [], [], []
    async with running(options) as engine:
        for number in range(options.rounds):
            before = SOURCE[number * 3 : number * 3 + 8200]
            asked = msgspec.structs.replace(job(before, "long"), max_tokens=256)
            finish = await answer(engine, asked)
            engine.forget("long")
            prefill.append(finish.n_evaluated * 1000 / finish.ttft_ms)
            if finish.n_generated > 1:
                decode.append((finish.n_generated - 1) * 1000 / (finish.total_ms - finish.ttft_ms))
            short = await answer(engine, job(SOURCE[:1200], "short"))
            empty_ms.append(short.ttft_ms)
            engine.forget("short")
        model, lock = engine.state.model, engine.state.lock
    return {
        "prefill_tps": round(statistics.median(prefill)),
        "decode_tps": round(statistics.median(decode), 1) if decode else None,
        "first_token_of_short_prompt_ms": round(statistics.median(empty_ms), 1),
        "device": model.device,
        "n_gpu_layers": model.n_gpu_layers,
        "reuse": model.reuse,
        "reuse_reason": model.reuse_reason,
        "measured_at_load": {
            "prefill_tps": round(model.prefill_tps),
            "decode_tps": round(model.decode_tps, 1),
        },
        "lock": lock,
        "n": options.rounds,
    }


def idle(seconds: float) -> dict[str, Any]:
    """Percent of one CPU, of all processes of a server with an open document."""
    server = subprocess.Popen(
        [sys.executable, "-I", "-m", "indoors_server", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdin is not None
    document = {"uri": "file:///fetch.py", "languageId": "python", "version": 1, "text": SOURCE}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {"capabilities": {}, "processId": None}},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
    ]
    try:
        for message in messages:
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.stdin.flush()
        time.sleep(20)  # the model loads, the document is parsed and its prompt prewarmed
        before = cpu_s(server.pid)
        time.sleep(seconds)
        spent = cpu_s(server.pid) - before
        n_processes = len(tree(server.pid))
    finally:
        server.stdin.close()
        server.wait(20)
    return {
        "cpu_percent": round(100 * spent / seconds, 2),
        "seconds": seconds,
        "n_processes": n_processes,
    }


def tree(pid: int) -> list[int]:
    """A process and everything it started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in listed for found in tree(int(child)))]


def cpu_s(pid: int) -> float:
    """User and system time of a process and everything it started."""
    total = 0
    for member in tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("slots", "cancel", "idle", "speed"))
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--cancels", type=int, default=12)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--gpu-layers", type=int, default=0, help="on the card; -1: all of them")
    options = parser.parse_args()
    result: dict[str, Any] = {"model": options.model, "threads": options.threads}
    if options.gpu_layers:
        result["gpu_layers"] = options.gpu_layers
    if options.only in (None, "slots"):
        result["slots"] = asyncio.run(slots(options))
    if options.only in (None, "cancel"):
        result["cancel"] = asyncio.run(cancel(options))
    if options.only in (None, "idle"):
        result["idle"] = idle(options.idle_seconds)
    if options.only in (None, "speed"):
        result["speed"] = asyncio.run(speed(options))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
