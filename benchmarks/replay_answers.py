"""What the server's answers and trace lines say, as the replay's client understands them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from replay_metrics import Key, Shown, Source
from replay_trace import Document, offset_of

_FIELDS = {
    "ttft_ms": re.compile(r"first token (\d+(?:\.\d+)?) ms"),
    "n_evaluated": re.compile(r"(\d+) evaluated"),
    "n_generated": re.compile(r"(\d+) generated"),
}
# The server's words for where an answer came from. "run": a generation that was already going.
_SOURCES: dict[str, Source] = {"cache": "cache", "run": "joined"}
_HEAD = re.compile(r"^completion (?P<id>[^\s:]+): (?P<source>\w+)")


@dataclass
class TraceLine:
    """The numbers of one `$/logTrace` line. Fields that a line lacks are zero or ""."""

    id: str = ""
    source: str = ""
    ttft_ms: float = 0.0
    n_evaluated: int = 0
    n_generated: int = 0
    at_s: float = field(default_factory=time.perf_counter)


def parse_trace_line(text: str) -> TraceLine:
    """Read what can be read: the line is for people and may gain fields."""
    line = TraceLine()
    if head := _HEAD.match(text):
        line.id, line.source = head["id"], head["source"]
    found = {name: pattern.search(text) for name, pattern in _FIELDS.items()}
    line.ttft_ms = float(found["ttft_ms"][1]) if found["ttft_ms"] else 0.0
    line.n_evaluated = int(found["n_evaluated"][1]) if found["n_evaluated"] else 0
    line.n_generated = int(found["n_generated"][1]) if found["n_generated"] else 0
    return line


@dataclass
class Item:
    """What the server answered: the item as it came, and the ghost text that it makes."""

    raw: dict[str, Any]
    shown: Shown
    id: str = ""


def item_of(raw: dict[str, Any], document: Document) -> Item | None:
    """The item as ghost text; None where an editor would not show it."""
    text, place = str(raw["insertText"]), raw.get("range")
    skipped = replaced = 0
    if place is not None:
        start = offset_of(document.text, place["start"]["line"], place["start"]["character"])
        end = offset_of(document.text, place["end"]["line"], place["end"]["character"])
        skipped, replaced = document.offset - start, end - document.offset
        # VS Code shows only what begins with the text that it would replace before the cursor.
        if skipped < 0 or not text.startswith(document.text[start : document.offset]):
            return None
    arguments = (raw.get("command") or {}).get("arguments") or [""]
    return Item(raw, Shown(text[skipped:], max(0, replaced)), str(arguments[0]))


@dataclass
class Pending:
    """A request on its way."""

    key: Key
    sent_s: float
    version: int
    refresh: bool
    id: int = 0
    cancelled: bool = False


def note(pending: Pending, item: Item | None, line: TraceLine, now_s: float) -> None:
    """Write down on the key what this answer means for it."""
    key = pending.key
    since_key_ms = (now_s - key.pressed_s) * 1000
    if pending.refresh:
        if item is None:
            return
        # The text came later, but from the model and for this key.
        if key.first_line_ms is None:
            key.source, key.first_line_ms = "model", since_key_ms
        key.total_ms = since_key_ms
        return
    key.answer_ms = (now_s - pending.sent_s) * 1000
    if item is None:
        key.source = "empty"
        return
    # An answer without a known line counts as the model's: that is the slower reading.
    key.source = _SOURCES.get(line.source, "model")
    key.first_line_ms = key.total_ms = since_key_ms
    key.ttft_ms = line.ttft_ms or None
