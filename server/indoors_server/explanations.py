"""Why a document's last suggestion is what it is: the steps of the pipeline, kept for a question.

`indoors complete … --explain` shows the same for a file on disk; an editor asks about what it has
just shown. Reasons are our own words, numbers and names of files; the text is the editor's own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from indoors_completion.types import Completion
from indoors_server.asks import described
from indoors_server.session import Snapshot

_REMEMBERED = 32


class Explanations:
    """The last completion of each document. `trace` is given one line of numbers about each;
    `refusal` says why nothing is completed in a document, "" if it is.
    """

    def __init__(
        self,
        trace: Callable[[str], None],
        snapshot: Callable[[str], Snapshot | None],
        refusal: Callable[[Snapshot], str],
    ) -> None:
        self._trace, self._snapshot, self._refusal = trace, snapshot, refusal
        self._last: OrderedDict[str, tuple[Completion, float]] = OrderedDict()

    def answered(self, uri: str, completion: Completion, total_ms: float) -> None:
        """A request for `uri` has its answer, also where that is empty."""
        self._trace(described(completion, total_ms))
        self._last[uri] = (completion, total_ms)
        self._last.move_to_end(uri)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._last.pop(uri, None)

    def of(self, uri: str) -> dict[str, Any]:
        """What is known about a document, as JSON."""
        snapshot = self._snapshot(uri)
        if snapshot is None:
            return {"refusal": "it is not open", "completion": None}
        last = self._last.get(snapshot.document.uri)
        return {
            "refusal": self._refusal(snapshot),
            "completion": None if last is None else _as_json(*last),
        }


def _as_json(completion: Completion, total_ms: float) -> dict[str, Any]:
    return {
        "id": completion.id,
        "shown": bool(completion.text),
        "source": completion.source,
        "totalMs": round(total_ms, 1),
        "stages": [
            {"name": one.name, "decision": one.decision, "reason": one.reason}
            for one in completion.stages
        ],
        "filters": [
            {"name": one.name, "action": one.action, "reason": one.reason}
            for one in completion.filters
        ],
    }
