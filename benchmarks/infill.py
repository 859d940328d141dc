"""Exact match of Indoors over infilling rows, beside a plain full-prefill script.

Each row is a document with the cursor where the target was cut out; the answer is what the editor
would be given: the whole pipeline (gate, window, budget, prompt, engine, filters) with the real
model, the syntax service included. The deadline is lifted so that quality is measured, not the
machine. `--baseline` runs benchmarks/plain.py over the same rows, with the same model and threads.

Progress goes to stderr; the last line of stdout is one JSON object:
{"em", "em_baseline", "n", "by_language", "ttft_ms": {"p50", "p95"}, …}
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

from rows import Row, is_exact, percentile, read_rows

from indoors_completion.cache import CompletionCache
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.pipeline import Pipeline
from indoors_completion.types import CompletionRequest, Document
from indoors_server import children, engine_store, model_store
from indoors_server.indexer_process import IndexerProcess
from indoors_server.syntax_client import SyntaxClient

HERE = Path(__file__).resolve().parent


async def ours(
    rows: list[Row],
    model: Path,
    engine: str,
    options: argparse.Namespace,
    *,
    multiline: bool = True,
) -> list[Any]:
    """Every row through the real pipeline; the completions, in order."""
    process = EngineProcess(
        partial(children.spawn, "worker", "--engine", engine, "--model", str(model)),
        wire.Load(
            path=str(model),
            n_ctx=options.context,
            n_threads=options.threads,
            n_gpu_layers=options.gpu_layers,
        ),
    )
    syntax = SyntaxClient(IndexerProcess(partial(children.spawn, "indexer")))
    await process.start()
    await syntax.start()
    try:
        await process.wait_ready(300)
        answers = []
        for number, row in enumerate(rows, 1):
            pipeline = Pipeline(
                process, syntax, CompletionCache(), time.monotonic, lambda: uuid.uuid4().hex
            )
            document = Document(
                uri=f"file:///{number}/{row.path}",
                path=row.path,
                language=row.language,
                version=1,
                text=row.prefix + row.suffix,
            )
            answer = await pipeline.complete(
                CompletionRequest(
                    document=document,
                    offset=len(row.prefix),
                    trigger="explicit",
                    deadline_ms=options.deadline_ms,
                    multiline=multiline,
                )
            )
            answers.append(answer)
            # The document is closed, so that every row finds an empty cache, as the baseline does.
            process.forget(document.uri)
            syntax.forget(document.uri)
            if options.verbose and not is_exact(inserted(row, answer), row.target):
                sys.stderr.write(f"{row.name}\n  target {row.target!r}\n  answer {answer.text!r}")
                sys.stderr.write(f" raw {answer.raw!r} {answer.stop_reason} {answer.filtered_by}\n")
            progress("indoors", number, len(rows))
    finally:
        await process.close()
        await syntax.close()
    return answers


def inserted(row: Row, answer: Any) -> str:
    """The text that the answer puts at the cursor (its range may begin before it)."""
    return answer.text[len(row.prefix) - answer.span.start :]


def baseline(rows: list[Row], model: Path, engine: str, options: argparse.Namespace) -> list[Any]:
    """Every row through benchmarks/plain.py, in a process of its own."""
    command = [sys.executable, str(HERE / "plain.py"), "--model", str(model), "--engine", engine]
    command += ["--threads", str(options.threads), "--context", str(options.context)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    answers = []
    with child:
        for number, row in enumerate(rows, 1):
            fields = {
                "prefix": row.prefix,
                "suffix": row.suffix,
                "single_line": "\n" not in row.target.strip(),
            }
            child.stdin.write(json.dumps(fields) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
            if not line:
                sys.exit("the plain script ended early; its message is above")
            answers.append(json.loads(line))
            progress("plain", number, len(rows))
        child.stdin.close()
    return answers


def progress(label: str, done: int, total: int) -> None:
    if done == total or done % 10 == 0:
        sys.stderr.write(f"{label} {done}/{total}\n")
        sys.stderr.flush()


def share(hits: list[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1) if hits else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, default=HERE / "data" / "hmfim_py100.jsonl.gz")
    parser.add_argument("--limit", type=int, help="only the first N rows")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--baseline", action="store_true", help="run the plain script beside it")
    parser.add_argument("--deadline-ms", type=float, default=60_000)
    parser.add_argument("--context", type=int, default=4096, help="context length in tokens")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--gpu-layers", type=int, default=0, help="on the card; -1: all of them")
    parser.add_argument("--json", action="store_true", help="the default; kept for scripts")
    parser.add_argument("--verbose", action="store_true", help="show each miss on stderr")
    options = parser.parse_args()

    rows = read_rows(options.rows, options.limit)
    build = engine_store.find()
    if build is None:
        sys.exit("no engine: indoors engine install")
    engine = str(build.directory or "")
    model = model_store.resolve(options.model).path
    answers = asyncio.run(ours(rows, model, engine, options))
    hits = [is_exact(inserted(r, a), r.target) for r, a in zip(rows, answers, strict=True)]
    served = [answer for answer in answers if answer.source == "model"]
    result: dict[str, Any] = {
        "em": share(hits),
        "em_baseline": None,
        "n": len(rows),
        "by_language": {
            language: share([h for h, r in zip(hits, rows, strict=True) if r.language == language])
            for language in sorted({row.language for row in rows})
        },
        "ttft_ms": {
            "p50": round(percentile([a.ttft_ms for a in served], 0.50), 1),
            "p95": round(percentile([a.ttft_ms for a in served], 0.95), 1),
        },
        "n_empty": sum(not answer.text for answer in answers),
        "rows": options.rows.name,
        "model": options.model,
        "threads": options.threads,
        "gpu_layers": options.gpu_layers,
    }
    if options.baseline:
        plain = baseline(rows, model, engine, options)
        plain_hits = [is_exact(a["text"], r.target) for r, a in zip(rows, plain, strict=True)]
        result["em_baseline"] = share(plain_hits)
        result["ttft_ms_baseline"] = {
            "p50": round(percentile([a["ttft_ms"] for a in plain], 0.50), 1),
            "p95": round(percentile([a["ttft_ms"] for a in plain], 0.95), 1),
        }
        result["only_indoors"] = sum(a and not b for a, b in zip(hits, plain_hits, strict=True))
        result["only_baseline"] = sum(b and not a for a, b in zip(hits, plain_hits, strict=True))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
