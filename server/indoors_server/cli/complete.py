"""`indoors complete FILE:LINE:COL`: the same completion that an editor would get, explained."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from indoors_completion.types import (
    Completion,
    CompletionRequest,
    Document,
    InputError,
    ModelInfo,
)
from indoors_indexing import reading
from indoors_server.cli import screen
from indoors_server.language_ids import language_id

if TYPE_CHECKING:
    from indoors_server.policies import Policies
    from indoors_server.retrieval import IndexRetrieval
    from indoors_server.settings import Settings

_CURSOR = "▏"
_CONTEXT_LINES = 3
# What a person may name is a source; a disk image is a slip.
_MAX_BYTES = 16 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE:LINE:COL as compilers print it: both from 1, the column in characters."""
    parser.add_argument("place", metavar="FILE:LINE:COL")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--explain", action="store_true", help="every step and where the time went")
    form.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--model", default="", help="a model's name or file, for this run")
    parser.add_argument("--deadline-ms", type=int, default=0, help="instead of the setting")


def run(options: argparse.Namespace) -> int:
    """Complete one place. Exit status 0 also if there is nothing to show: that is an answer."""
    from indoors_server.cli import session

    resolved = session.prepare(options.model)
    document, offset = read_place(options.place)
    request = CompletionRequest(
        document=document,
        offset=offset,
        trigger="explicit",
        deadline_ms=float(options.deadline_ms or resolved.deadline_ms),
        multiline=resolved.multiline,
        max_lines=resolved.max_lines,
    )

    from indoors_server import index_place

    file = Path(options.place.rsplit(":", 2)[0]).resolve()
    root = index_place.project_around(file.parent)
    path = file.relative_to(root).as_posix()
    policies = session.policies_for(root)
    # A file in no project is its folder's: what lies above (`secrets/`) shows in its whole path.
    if why := policies.refusal(str(root), path) or policies.refusal(str(root), str(file)):
        raise InputError("This file is not completed.", why=why)

    async def complete() -> tuple[Completion, ModelInfo | None, str]:
        inside = msgspec.structs.replace(document, path=path, root=str(root))
        retrieval = retrieval_of(root, inside, resolved, policies)
        try:
            async with session.loaded_core(
                resolved, options.json, retrieval, policies, asked=("completion", inside)
            ) as core:
                asked = msgspec.structs.replace(request, document=inside)
                completion = await core.complete_patiently(asked)
                model = core.model_for("completion", inside)
                name = core.facts.model
                if model is not None and model is not core.model:
                    name = model.name
                return completion, model, name
        finally:
            await retrieval.close()

    completion, model, name = asyncio.run(complete())
    if options.json:
        screen.say(json.dumps(as_json(document, completion), ensure_ascii=False))
    elif options.explain:
        _explain(request, completion, model, name)
    else:
        sys.stdout.write(completion.text + "\n" if completion.text else "")
        if not completion.text:
            screen.warn(_nothing(completion))
    return 0


def retrieval_of(
    root: Path, document: Document, settings: Settings, policies: Policies
) -> IndexRetrieval:
    """What the index of a project knows, as it is: nothing is brought up to date.

    The first look opens the database, which a request does not wait for. Raises InputError for a
    file that the policy denies.
    """
    from indoors_server import paths
    from indoors_server.retrieval import IndexRetrieval

    retrieval = IndexRetrieval(
        paths.cache_dir,
        refuses=lambda folder, path: bool(
            settings.excludes(path) or policies.refusal(folder, path)
        ),
    )
    retrieval.serves = lambda root: policies.may_index(root).allowed
    retrieval.opened(str(root), document)
    return retrieval


def read_place(place: str) -> tuple[Document, int]:
    """The document and offset that FILE:LINE:COL means. Raises InputError."""
    parts = place.rsplit(":", 2)
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        raise InputError(
            f"This is not FILE:LINE:COL: {place}", next_step="for example src/cart.py:41:17"
        )
    path, line, column = Path(parts[0]), int(parts[1]), int(parts[2])
    try:
        # A person named it, so a link is followed; what it leads to may still be a pipe.
        found = reading.read_regular(str(path.resolve()), None, _MAX_BYTES)
        text = found.data.decode("utf-8", "replace")
    except reading.Unreadable as error:
        raise InputError(f"{path} cannot be read.", why=error.why) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} cannot be read.", why=str(error)) from error
    from indoors_server.positions import Lines

    lines = Lines(text)
    if not 1 <= line <= len(lines):
        raise InputError(f"{path} has no line {line}.", why=f"it has {len(lines)}")
    start, end = lines.span(line - 1)
    if not 1 <= column <= end - start + 1:
        raise InputError(
            f"Line {line} of {path} has no column {column}.",
            why=f"its columns go from 1 to {end - start + 1} (the end of the line)",
        )
    document = Document(
        uri=path.resolve().as_uri(),
        path=str(path) if not path.is_absolute() else path.name,
        language=language_id(path.name),
        version=1,
        text=text,
    )
    return document, start + column - 1


def as_json(document: Document, completion: Completion) -> dict[str, Any]:
    """The object of `--json`; positions count from 1, columns in code points, end exclusive."""
    from indoors_server.cli.session import line_and_column

    ends = (completion.span.start, completion.span.end)
    start, end = (line_and_column(document, offset) for offset in ends)
    return {
        "text": completion.text,
        "range": {
            "start": {"line": start[0], "column": start[1]},
            "end": {"line": end[0], "column": end[1]},
        },
        "ttft_ms": round(completion.ttft_ms, 1),
        "total_ms": round(completion.total_ms, 1),
        "n_prompt": completion.n_prompt,
        "n_evaluated": completion.n_evaluated,
        "n_generated": completion.n_generated,
        "stop_reason": completion.stop_reason,
        "filtered_by": completion.filtered_by,
    }


def _explain(
    request: CompletionRequest, completion: Completion, model: ModelInfo | None, name: str
) -> None:
    document = request.document
    say, paint = screen.say, screen.paint
    about = f", {name} on {model.device}" if model else ""
    say(paint(f"{document.path} ({document.language}){about}", "bold"))
    say()
    before = document.text[: request.offset].splitlines()[-_CONTEXT_LINES:] or [""]
    after = document.text[request.offset :].partition("\n")[0]
    for line in before[:-1]:
        say(paint(f"  {line}", "dim"))
    say(f"  {before[-1]}{paint(_CURSOR, 'cyan')}{paint(after, 'dim')}")
    _section("Steps", [f"{s.name:<9} {s.decision}  {s.reason}".rstrip() for s in completion.stages])
    _section("Tokens", _tokens(completion, model))
    _section("Raw text", completion.raw.split("\n") if completion.raw else ["(none)"])
    _section(
        "Filters",
        [f"{f.name:<18} {f.action:<8} {f.reason}".rstrip() for f in completion.filters] or ["-"],
    )
    shown = completion.text.split("\n") if completion.text else [_nothing(completion)]
    _section("Shown", [paint(line, "green") if completion.text else line for line in shown])
    for other in completion.alternatives:
        _section("Or", [paint(line, "green") for line in other.text.split("\n")])
    rest_ms = max(0.0, completion.total_ms - completion.ttft_ms)
    _section(
        "Time",
        [
            f"{completion.ttft_ms:.0f} ms to the first token, {rest_ms:.0f} ms after it, "
            f"{completion.total_ms:.0f} ms in all"
        ],
    )


def _tokens(completion: Completion, model: ModelInfo | None) -> list[str]:
    """What the prompt cost, and what of it the memory of this model can keep from key to key."""
    lines = [
        f"{completion.n_prompt} in the prompt: {completion.n_reused} reused "
        f"({completion.n_moved} moved, stale by {completion.n_stale}), "
        f"{completion.n_evaluated} evaluated",
        f"{completion.n_generated} generated, stopped by {completion.stop_reason or '-'}",
    ]
    if model is not None:
        reason = f": {model.reuse_reason}" if model.reuse_reason else ""
        lines.append(f"reuse {model.reuse}{reason}")
    return lines


def _section(title: str, lines: list[str]) -> None:
    screen.say()
    screen.say(screen.paint(title, "bold"))
    for line in lines:
        screen.say(f"  {line}")


def _nothing(completion: Completion) -> str:
    if completion.filtered_by:
        return f"nothing to show: the filter {completion.filtered_by} dropped it"
    last = completion.stages[-1] if completion.stages else None
    why = last.reason if last is not None and last.reason else completion.stop_reason
    return f"nothing to show: {why or 'the model gave no text'}"
