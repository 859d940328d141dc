"""What an edit is made with, beside the wish: how the file is indented, what the project knows.

The server and the command line share it.
"""

from __future__ import annotations

import msgspec

from indoors_completion.budget import COLD_S, CONTEXT_SHARE
from indoors_completion.refactor import actions
from indoors_completion.refactor.types import EditRequest, Target
from indoors_completion.types import ModelInfo
from indoors_indexing import lines
from indoors_indexing.languages import by_language_id
from indoors_indexing.types import Document, Retrieval

# An outline takes 3 to 15 milliseconds for a thousand characters, and every answer needs one.
# A parser that is busy for two seconds is given up.
MAX_CHARACTERS = 150_000
TOO_LONG = (
    f"the file has more than {MAX_CHARACTERS} characters, and an edit could not be checked in time"
)
# The target stands in a prompt and in its answer, and an answer may be somewhat longer.
_TIMES_TARGET = 2.6
_CHARACTERS_PER_TOKEN = 2.5
_SPARE_TOKENS = 800
# A smaller model takes what it is shown for what it shall edit: the one with 0.5 billion mends a
# misspelled name in a function alone, and beside three others gives no code that parses.
_LEAST_PARAMETERS = 1_000_000_000


async def with_context(
    request: EditRequest, retrieval: Retrieval | None, model: ModelInfo | None
) -> EditRequest:
    """A request with the indentation of its file and snippets from the project's index."""
    start = request.selection.start
    request = msgspec.structs.replace(request, indent_unit=indent_unit(request.document, start))
    action = actions.BY_NAME.get(request.action)
    target = action.applies(request) if action is not None else None
    if target is None or retrieval is None or model is None:
        return request
    room = snippets_budget(model, target)
    if room <= 0:
        return request
    found = await retrieval.snippets(request.document, target.span.end, target.span, room)
    return msgspec.structs.replace(request, snippets=found or ())


def snippets_budget(model: ModelInfo, target: Target) -> int:
    """How many tokens of other files are shown: none to a small model; else a quarter of the
    context at most, no more than the machine reads in the time that a completion's prompt may take,
    and what a target leaves.
    """
    if model.n_params < _LEAST_PARAMETERS:
        return 0
    left = model.n_ctx - _SPARE_TOKENS
    left -= int(len(target.text) / _CHARACTERS_PER_TOKEN * _TIMES_TARGET)
    most = model.n_ctx // CONTEXT_SHARE
    if model.prefill_tps > 0:
        most = min(most, int(model.prefill_tps * COLD_S))
    return min(most, left)


def indent_unit(document: Document, near: int = 0) -> str:
    """What one level is indented by around an offset of a file, else what its language uses."""
    record = by_language_id(document.language)
    default = record.indent_unit if record is not None else "    "
    data = document.text.encode("utf-8", "replace")
    return lines.indent_unit(data, default, len(document.text[:near].encode("utf-8", "replace")))
