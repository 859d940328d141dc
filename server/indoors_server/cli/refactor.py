"""`indoors refactor FILE:L1-L2 --action NAME`: the edit that an editor would get, as a diff."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from indoors_completion.refactor import actions, asking, changes, verify
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit, Problem
from indoors_completion.types import Document, InputError
from indoors_indexing.types import Outline, Span
from indoors_server.cli import closed_edit, screen, verifying
from indoors_server.language_ids import language_id

if TYPE_CHECKING:
    from indoors_server.core import EngineCore
    from indoors_server.policies import Policies
    from indoors_server.retrieval import IndexRetrieval
    from indoors_server.scratch import Written
    from indoors_server.settings import Settings
    from indoors_server.source_file import SourceFile
    from indoors_server.syntax_client import SyntaxClient

DONE, NO_EDIT, USAGE = 0, 1, 2
# The first parse, and the first look into the index.
PATIENCE_S = 5.0
_PLACE = re.compile(r"(.+?):(\d{1,9})(?:-(\d{1,9}))?")


class Asked(NamedTuple):
    """A file, what of it is selected, and how it is shown: its path in its project."""

    source: SourceFile
    document: Document
    selection: Span
    root: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE:L1-L2 are whole lines from 1; FILE:LINE is the definition around a line."""
    parser.add_argument("place", metavar="FILE:LINE or FILE:FIRST-LAST")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--action", choices=sorted(actions.BY_NAME), help="what to do")
    what.add_argument("--list", action="store_true", help="what can be done there, without a model")
    parser.add_argument(
        "--instruction", default="", help="what is wanted (edit), or what a tool reported (fix)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--diff", action="store_true", help="print a unified diff (this is the rule)")
    form.add_argument("--write", action="store_true", help="change the file, in one step")
    form.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seed", type=int, default=0, help="for the answers that are sampled")
    parser.add_argument("--model", default="", help="a model's name or file, for this run")
    parser.add_argument(
        "--with", dest="endpoint", default="", metavar="NAME",
        help="by a closed API of engines.json: shows what would be sent, and asks",
    )  # fmt: skip
    verifying.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 with an edit, 1 without a safe one, 2 for a place that is none."""
    from indoors_server import edit_request
    from indoors_server.cli import session

    resolved = session.prepare(options.model)
    try:
        asked = read_place(options.place)
        if options.action and actions.BY_NAME[options.action].needs_instruction:
            _require(options.instruction, "--instruction says what is wanted")
        if options.action == "fix":
            _require(options.instruction, "--instruction says what a tool reported")
    except InputError as error:
        screen.warn(str(error))
        return USAGE
    policies = session.policies_for(asked.root)
    # Where no project is around a file, its folder is taken for one, and a pattern like `secrets/`
    # says something only of the whole path.
    shown = (asked.document.path, str(asked.source.path))
    if why := next(filter(None, (policies.refusal(str(asked.root), path) for path in shown)), ""):
        raise InputError("This file is not edited.", why=why)
    if len(asked.document.text) > edit_request.MAX_CHARACTERS:
        raise InputError("This file is not edited.", why=edit_request.TOO_LONG)
    if options.list:
        return _list(asked, policies)
    return _edit(asked, options, resolved, policies)


def read_place(place: str) -> Asked:
    """What FILE:LINE or FILE:FIRST-LAST means. Raises InputError."""
    from indoors_server import index_place, source_file
    from indoors_server.positions import Lines

    match = _PLACE.fullmatch(place)
    if match is None:
        raise InputError(
            f"This is not FILE:LINE or FILE:FIRST-LAST: {place}",
            next_step="for example src/cart.py:41-58",
        )
    source = source_file.read(Path(match[1]))
    root = index_place.project_around(source.path.parent)
    document = Document(
        uri=source.path.as_uri(),
        path=source.path.relative_to(root).as_posix(),
        language=language_id(source.path.name),
        version=1,
        text=source.text,
        root=str(root),
    )
    lines, first, last = Lines(document.text), int(match[2]), int(match[3] or match[2])
    if not 1 <= first <= last <= len(lines):
        raise InputError(
            f"{source.name} has no lines {first} to {last}.", why=f"it has {len(lines)}"
        )
    start, end = lines.span(first - 1)[0], lines.span(last - 1)[1]
    if match[3] is None:
        start += len(document.text[start:end]) - len(document.text[start:end].lstrip(" \t"))
        end = start
    return Asked(source, document, Span(start, end), root)


def _require(text: str, what: str) -> None:
    if not text.strip():
        raise InputError("Nothing was edited.", why=f"{what}, and it is missing")


# --- what can be done ---------------------------------------------------------------------------


def _list(asked: Asked, policies: Policies) -> int:
    outline = asyncio.run(_outline(asked.document, policies))
    here = request_of(asked, outline, "")
    offers = actions.offered(here)
    for offer in offers:
        screen.say(f"{offer.action.name:<14} {screen.clean(offer.title)}")
    if not offers:
        screen.warn("Nothing can be done there.")
    return DONE if offers else NO_EDIT


async def _outline(document: Document, policies: Policies) -> Outline:
    """From an indexer of its own, because no model is needed."""
    async with closed_edit.syntax_alone(policies) as syntax:
        found = await closed_edit.outline_of(syntax, document)
    return _required(found, document)


def _required(outline: Outline | None, document: Document) -> Outline:
    if outline is None:
        raise InputError(
            f"{document.path} cannot be edited.",
            why="there is no grammar for it here, and so no edit could be checked",
        )
    return outline


def request_of(
    asked: Asked, outline: Outline, action: str, instruction: str = "", seed: int = 0
) -> EditRequest:
    """The request; for `fix` the instruction is what another tool reported."""
    is_fix = action == "fix"
    return EditRequest(
        document=asked.document,
        selection=asked.selection,
        action=action,
        outline=outline,
        instruction="" if is_fix else instruction,
        problems=(Problem(instruction, asked.selection),) if is_fix else (),
        seed=seed,
    )


# --- the edit -----------------------------------------------------------------------------------


def _edit(asked: Asked, options: argparse.Namespace, resolved: Settings, policies: Policies) -> int:
    from indoors_server import source_file

    with verifying.opened(asked.root, asked.document.path, options) as copy:
        make = _make_elsewhere if options.endpoint else _make
        found, model, seconds, unformed = asyncio.run(make(asked, options, resolved, policies))
        files = _as_written(asked, found)
        found, verified = verifying.judged(copy, options, found, files)
    document, after = _after(asked.document, found)
    is_new = not document.text and not (asked.root / document.path).exists()
    diff = changes.diff(document.path, document.text, after, is_new=is_new)
    if options.json:
        made = as_json(options.action, found, diff, seconds)
        made |= {"verified": verifying.as_json(verified), "unformatted": unformed}
        screen.say(json.dumps(made, ensure_ascii=False))
    elif isinstance(found, NoSafeEdit):
        screen.warn(f"No safe edit found: {screen.clean(_why(found)).rstrip('.')}.")
        verifying.show(verified)
    else:
        if options.write:
            source_file.put(asked.source, asked.root, document, after)
        else:
            screen.say_text(diff)
        run = verifying.summary(verified)
        said = _summary(asked, found, diff, model, seconds, run, written=options.write)
        screen.warn(screen.clean(f"{said}. {unformed}" if unformed else said))
    return NO_EDIT if isinstance(found, NoSafeEdit) else DONE


async def _make(
    asked: Asked, options: argparse.Namespace, resolved: Settings, policies: Policies
) -> tuple[Edit | NoSafeEdit, str, float, str]:
    """What came of it, the model's name, how long it took once that was loaded, and why it is not
    in the form of the person's formatter.
    """
    from indoors_server import edit_request
    from indoors_server.cli import complete, session
    from indoors_server.tidying import Tidying

    document = asked.document
    retrieval = complete.retrieval_of(asked.root, document, resolved, policies)
    try:
        async with session.loaded_core(
            resolved, options.json, retrieval, policies, asked=("refactor", document)
        ) as core:
            model = core.model_for("refactor", document)
            outline = _required(await core.outline(document, PATIENCE_S), document)
            await _open_index(retrieval, asked)
            request = await edit_request.with_context(
                request_of(asked, outline, options.action, options.instruction, options.seed),
                retrieval,
                model,
            )
            if options.action == actions.TESTS:
                request = await _for_tests(request, asked, core, retrieval, policies)
            bar = _Bar(request) if sys.stderr.isatty() and not options.json else None
            begun_s = time.monotonic()
            end_s = begun_s + resolved.refactor_deadline_s

            editing = core.editing(request.document)
            if isinstance(editing, NoSafeEdit):
                found: Edit | NoSafeEdit = editing
            else:
                found = await editing.edit(
                    request,
                    is_late=lambda: time.monotonic() >= end_s,
                    on_text=bar.show if bar is not None else lambda _text: None,
                )
            if bar is not None:
                bar.finish()
            seconds, unformed = time.monotonic() - begun_s, ""
            if isinstance(found, Edit):
                tidying = Tidying(core.outline, lambda *_: None, {"": str(asked.root)})
                found, unformed = await tidying.tidied(request, found, resolved)
            name = core.facts.model
            if model is not None and model is not core.model:
                name = model.name
            return found, name, seconds, unformed
    finally:
        await retrieval.close()


async def _make_elsewhere(
    asked: Asked,
    options: argparse.Namespace,
    _resolved: Settings,
    policies: Policies,
) -> tuple[Edit | NoSafeEdit, str, float, str]:
    """The same by a closed API: no model is loaded here."""

    async def request(syntax: SyntaxClient) -> EditRequest:
        outline = await closed_edit.outline_of(syntax, asked.document)
        found = _required(outline, asked.document)
        return request_of(asked, found, options.action, options.instruction, options.seed)

    return await closed_edit.make(request, options.endpoint, str(asked.root), policies)


async def _for_tests(
    request: EditRequest,
    asked: Asked,
    core: EngineCore,
    retrieval: IndexRetrieval,
    policies: Policies,
) -> EditRequest:
    """The request for tests, in the file where they go. Raises InputError."""
    from indoors_server import tests_request

    around = tests_request.Around(
        root=asked.root,
        paths=lambda: retrieval.paths(asked.document.uri),
        refuses=lambda path: policies.refusal(str(asked.root), path),
        outline=lambda document: core.outline(document, PATIENCE_S),
    )
    try:
        return await tests_request.for_tests(request, around)
    except InputError as error:
        raise InputError("No tests were written.", why=error.what) from error


async def _open_index(retrieval: IndexRetrieval, asked: Asked) -> None:
    """The first look opens the database, which the one that counts should not wait for."""
    at = asked.selection.start
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await retrieval.snippets(asked.document, at, Span(at, at), 1)


class _Bar(screen.Progress):
    """How much is written of an answer that will be about as long as what it replaces."""

    def __init__(self, request: EditRequest) -> None:
        target = asking.target_of(actions.BY_NAME[request.action], request)
        super().__init__("editing", len(target.text) if target is not None else 1, unit="")

    def show(self, text: str) -> None:
        """So much is there."""
        self.update(len(text))


def _after(document: Document, found: Edit | NoSafeEdit) -> tuple[Document, str]:
    """The file that is edited, which may be another one, and its text with the edit made."""
    if isinstance(found, NoSafeEdit):
        return document, document.text
    return found.document, changes.applied(found.document.text, found.changes)


def _as_written(asked: Asked, found: Edit | NoSafeEdit) -> dict[str, Written]:
    """The files of an edit by their paths in the project, as they are written."""
    from indoors_server import source_file
    from indoors_server.scratch import Written

    if isinstance(found, NoSafeEdit):
        return {}
    document, text = _after(asked.document, found)
    where, source = asked.root / document.path, asked.source
    if document != asked.document and where.exists():
        source = source_file.read(where)
    is_new = document != asked.document and not where.exists()
    written = Written(text) if is_new else Written(text, source.mark, source.encoding)
    return {document.path: written}


def _why(found: NoSafeEdit) -> str:
    from indoors_server import edit_values

    return edit_values.why(found)


def as_json(action: str, found: Edit | NoSafeEdit, diff: str, seconds: float) -> dict[str, Any]:
    """The object of `--json`."""
    is_safe = isinstance(found, Edit)
    return {
        "action": action,
        "safe": is_safe,
        "reason": _why(found) if isinstance(found, NoSafeEdit) else "",
        "diff": diff,
        "attempts": [msgspec.to_builtins(one) for one in found.attempts],
        "n_tokens": sum(one.n_tokens for one in found.attempts),
        "seconds": round(seconds, 2),
    }


def _summary(
    asked: Asked,
    found: Edit,
    diff: str,
    model: str,
    seconds: float,
    run: str,
    *,
    written: bool,
) -> str:
    from indoors_server.executed_files import is_executed

    lines = [line[:1] for line in diff.splitlines() if line[:3] not in ("+++", "---")]
    n_tokens = sum(one.n_tokens for one in found.attempts)
    number = f", answer {len(found.attempts)}" if len(found.attempts) > 1 else ""
    is_same = found.document == asked.document
    where = asked.source.name if is_same else found.document.path
    executed = is_executed(found.document.path, str(asked.source.path) if is_same else "")
    return screen.clean(
        f"{found.title}: +{lines.count('+')} -{lines.count('-')} lines"
        f"{f', written to {where}' if written else ''}; "
        f"{len(verify.CHECKS)} checks passed, {run}; "
        f"{model}{number}, {n_tokens} tokens, {seconds:.1f} s"
        f"{'. This file is executed by tools: read the change' if executed else ''}"
    )
