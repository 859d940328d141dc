"""Infilling where other files are needed: what showing them gains, and who shows the right ones.

Rows (repo_rows.py) are answered by the whole pipeline and the real model, once per context
(repo_contexts.py), each with the same number of prompt tokens in all and the same budget for
snippets. Answers are kept beside the rows as they come: a killed run goes on where it was.

`--make TREE` makes rows of a tree instead, without a model. `--no-model` gives only the figures
about what is shown.

Progress goes to stderr; the last line of stdout is one JSON object: {"em_infile", "es_infile",
"n_infile", …, "def_file_recall_at_5", "symbol_in_context", "shown", "by_kind", "by_language",
"paired", …}. Exit status 2: something that was asked for is missing, and stderr says what.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from index_under_test import IndexedCopies, Missing, require_all
from multiline import accepted
from repo_answers import Answers, code_version, fingerprint, key_of
from repo_contexts import CONTEXTS, Contexts
from repo_report import Shown, report
from repo_rows import RepoRow, read_repo_rows, sample, write_rows
from rows import Row
from tree_holes import make_rows

from indoors_completion import budget, fim
from indoors_completion.cache import CompletionCache
from indoors_completion.engine import wire
from indoors_completion.engine.process import EngineProcess
from indoors_completion.engine.threads import usable_cpus
from indoors_completion.pipeline import Pipeline
from indoors_completion.types import CompletionRequest, Document, ModelInfo
from indoors_server import children, engine_store, model_store
from indoors_server.indexer_process import IndexerProcess
from indoors_server.syntax_client import SyntaxClient

HERE = Path(__file__).resolve().parent
# Quality is measured, not the machine.
DEADLINE_MS = 300_000.0


class SteadyEngine:
    """An engine that says it reads as fast as makes the prompt `prompt_tokens` long.

    The length of a prompt follows from the measured speed; here the same prompts must come out on
    any machine and in every run.
    """

    def __init__(self, engine: EngineProcess, prompt_tokens: int, form: str = "") -> None:
        self._engine = engine
        self._form = form
        self._prefill_tps = prompt_tokens / budget.COLD_S
        self.generate = engine.generate

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model with that speed."""
        model = self._engine.model
        if model is None:
            return None
        family = fim.shown_as(model.family, self._form) if self._form else model.family
        return msgspec.structs.replace(
            model, prefill_tps=self._prefill_tps, decode_tps=0.0, family=family
        )


async def ask(
    todo: list[tuple[RepoRow, Shown, str]], answers: Answers, model: Path, options: Any
) -> None:
    """Answer what has no answer yet, row by row with all its contexts, and keep each answer."""
    build = engine_store.find()
    if build is None:
        sys.stderr.write("no engine: indoors engine install\n")
        sys.exit(2)
    process = EngineProcess(
        partial(children.spawn, "worker", "--engine", str(build.directory or "")),
        wire.Load(path=str(model), n_ctx=n_ctx(options), n_threads=options.threads),
    )
    syntax = SyntaxClient(IndexerProcess(partial(children.spawn, "indexer")))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(process.close)
        stack.push_async_callback(syntax.close)
        await process.start()
        await syntax.start()
        await process.wait_ready(300)
        for number, (row, shown, key) in enumerate(todo, 1):
            uri = f"file:///{number}/{row.path}"
            answer = await complete(process, syntax, row, shown, uri, options)
            answers.add(key, answer)
            if number % 10 == 0 or number == len(todo):
                progress("answered", number, len(todo))


async def complete(
    process: EngineProcess,
    syntax: SyntaxClient,
    row: RepoRow,
    shown: Shown,
    uri: str,
    options: Any,
) -> dict[str, Any]:
    """One row with one context, with nothing in any cache."""
    pipeline = Pipeline(
        SteadyEngine(process, options.prompt_tokens, options.form),
        syntax,
        CompletionCache(),
        time.monotonic,
        lambda: uuid.uuid4().hex,
    )
    document = Document(
        uri=uri, path=row.path, language=row.language, version=1, text=row.prefix + row.suffix
    )
    answer = await pipeline.complete(
        CompletionRequest(
            document=document,
            offset=len(row.prefix),
            trigger="explicit",
            snippets=shown.snippets,
            deadline_ms=DEADLINE_MS,
        )
    )
    process.forget(uri)
    syntax.forget(uri)
    if answer.stop_reason in ("unavailable", "unfit", "deadline"):
        # An answer that says nothing about the row must not be kept for it.
        sys.exit(f"{row.name}: no answer ({answer.stop_reason})")
    plain = Row(row.name, row.language, row.path, row.prefix, row.suffix, row.target)
    return {
        "text": accepted(plain, answer),
        "raw": answer.raw,
        "stop_reason": answer.stop_reason,
        "filtered_by": answer.filtered_by,
        "n_prompt": answer.n_prompt,
        "total_ms": round(answer.total_ms, 1),
    }


def n_ctx(options: Any) -> int:
    """A context of which one prompt may take its whole share."""
    return int(max(4096, options.prompt_tokens * budget.CONTEXT_SHARE))


def gather(rows: list[RepoRow], contexts: list[str], options: Any) -> list[Shown]:
    """What each context shows for each row. Raises Missing."""
    snippet_tokens = budget.snippets_tokens(options.prompt_tokens)
    found: list[Shown] = []
    if "ours" in contexts:
        require_all()
    with tempfile.TemporaryDirectory() as place:
        copies = IndexedCopies(Path(place))
        try:
            source = Contexts(options.trees, snippet_tokens, copies)
            for number, row in enumerate(rows, 1):
                for context in contexts:
                    started = time.perf_counter()
                    snippets = source.found(context, row, options.seed)
                    took_ms = (time.perf_counter() - started) * 1000
                    if context == "ours":
                        took_ms = copies.took_ms
                    if snippets is not None:
                        shown = source.fitted(snippets)
                        found.append(Shown(row, context, shown, tuple(snippets), took_ms))
                if number % 50 == 0 or number == len(rows):
                    progress("looked up", number, len(rows))
        finally:
            copies.close()
    return found


def kept_answers(path: Path) -> Answers:
    """The file of answers, which must be writable before hours are spent."""
    try:
        path.touch()
        return Answers(path)
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}; name another results file by --answers")


def progress(label: str, done: int, total: int) -> None:
    sys.stderr.write(f"{label} {done}/{total}\n")
    sys.stderr.flush()


def make(options: Any) -> None:
    """`--make`: rows of a tree, to a file or to stdout."""
    tree = options.make.resolve()
    if not tree.is_dir():
        sys.exit(f"{tree}: not a folder")
    made = make_rows(
        tree,
        options.name or tree.name,
        options.count,
        options.seed,
        lambda done, total: progress("read", done, total) if done % 200 == 0 else None,
    )
    counts: dict[str, int] = {}
    for row in made:
        counts[row["kind"]] = counts.get(row["kind"], 0) + 1
    if options.out:
        write_rows(options.out, made)
        sys.stdout.write(json.dumps({"n": len(made), "by_kind": counts}) + "\n")
    else:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, default=HERE / "data" / "repo_rows.jsonl.gz")
    parser.add_argument("--trees", type=Path, help="folder with the trees (fetch_trees.py)")
    parser.add_argument("--context", default=",".join(CONTEXTS), help="which ones, by comma")
    parser.add_argument("--sample", type=int, help="only so many rows, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prompt-tokens", type=int, default=2048, help="768 to 4096, for all")
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct", help="name or path")
    parser.add_argument("--form", default="", help="comments, code or headers, for all families")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--answers", type=Path, help="results file, else beside the rows")
    parser.add_argument("--no-model", action="store_true", help="only what is shown")
    parser.add_argument("--json", action="store_true", help="the default; kept for scripts")
    parser.add_argument("--verbose", action="store_true", help="show each miss on stderr")
    parser.add_argument("--make", type=Path, metavar="TREE", help="make rows of a tree instead")
    parser.add_argument("--count", type=int, default=100, help="--make: how many rows")
    parser.add_argument("--name", help="--make: what the tree is called, else its folder's name")
    parser.add_argument("--out", type=Path, help="--make: a file, gzipped if it ends in .gz")
    options = parser.parse_args()
    if options.make:
        make(options)
        return

    contexts = [name for name in dict.fromkeys(options.context.split(",")) if name]
    if unknown := set(contexts) - set(CONTEXTS):
        parser.error(f"no such context: {', '.join(sorted(unknown))}")
    if not budget.MIN_PROMPT_TOKENS <= options.prompt_tokens <= budget.MAX_PROMPT_TOKENS:
        parser.error("--prompt-tokens: the pipeline makes prompts of 768 to 4096 tokens")
    rows = sample(read_repo_rows(options.rows), options.sample, options.seed)
    try:
        shown = gather(rows, contexts, options)
    except Missing as error:
        sys.stderr.write(f"the context `ours` needs what is not there: {error}\n")
        sys.exit(2)
    texts: list[str | None] = [None] * len(shown)
    settings: dict[str, Any] = {"prompt_tokens": options.prompt_tokens}
    if not options.no_model:
        model = model_store.resolve(options.model).path
        # Threads are no part of it: they change when an answer comes, not what it says.
        settings |= {
            "model": model.name,
            "model_bytes": model.stat().st_size,
            "deadline_ms": DEADLINE_MS,
            "form": options.form,
            "code": code_version(HERE.parent),
        }
        keys = [key_of(one.row, one.context, one.snippets, fingerprint(settings)) for one in shown]
        answers = kept_answers(options.answers or options.rows.with_suffix(".answers.jsonl"))
        missing = set(answers.missing(keys))
        todo = [(one.row, one, key) for one, key in zip(shown, keys, strict=True) if key in missing]
        progress("kept", len(keys) - len(todo), len(keys))
        if todo:
            asyncio.run(ask(todo, answers, model, options))
        texts = [(answers.get(key) or {})["text"] for key in keys]
    result = report(shown, texts, contexts, verbose=options.verbose)
    result |= {"n_rows": len(rows), "rows": options.rows.name, "seed": options.seed}
    result |= {"settings": settings, "threads": options.threads}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
