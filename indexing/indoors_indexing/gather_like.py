"""Candidates that are like the code at the cursor: tests, what was seen lately, usages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_indexing import pairs
from indoors_indexing.follow import same_language
from indoors_indexing.gathering import Gathering, place
from indoors_indexing.lookup import Found
from indoors_indexing.rank import WEIGHTS, Candidate, Why, of_definition
from indoors_indexing.resolve.tree import nearest

_USAGES = 60
_SHOWN_USAGES = 6


def test_and_subject(at: Gathering) -> Iterator[Candidate]:
    """What this test tests; or the test of the function that is being written."""
    imported = {
        path
        for imp in (at.lookup.imports_of(at.path) if pairs.is_test(at.path) else ())
        for path in at.names.paths_of(imp, at.path)
    }
    subject = pairs.subject_of(at.path, at.files, imported)
    if subject is not None:
        for position, one in enumerate(at.lookup.definitions_in(subject)):
            if one.exported and one.kind not in ("module", "field", "variable"):
                scale = place(position) * (1 if len(one.scope) < 2 else 0.7)
                yield of_definition("subject", Found(subject, one), "tested here", scale)
        return
    test = pairs.tester_of(at.path, at.files)
    writing = at.near.enclosing_function()
    if test is None or not writing:
        return
    wanted = writing.replace("_", "").lower()
    for one in at.lookup.definitions_in(test):
        if wanted in one.name.replace("_", "").lower() and one.kind in ("function", "method"):
            yield of_definition("test", Found(test, one), f"tests {writing}")


def recent(at: Gathering) -> Iterator[Candidate]:
    """What was edited and seen lately, the latest first."""
    positions: dict[str, int] = {}
    for span in at.ring.spans:
        why: Why = "edited" if span.edited else "viewed"
        position = positions[why] = positions.get(why, -1) + 1
        yield Candidate(
            why=why, path=span.path, score=WEIGHTS[why] * 0.92**position,
            reason="edited lately" if span.edited else "looked at lately",
            start=span.start, end=span.end, text=span.text,
        )  # fmt: skip


def usages(at: Gathering) -> Iterator[Candidate]:
    """How others call what is called here."""
    for depth, call in enumerate(at.near.calls[:1]):
        name = call.chain[-1].name
        found = at.lookup.containing(name, _USAGES)
        hits = [hit for hit in found if hit.path != at.path and same_language(hit.path, at.path)]
        defined = {found.path for found in at.inference.called(call.chain)}
        if len(found) >= _USAGES and not defined:
            continue  # `append`, `get`: everybody has one
        by_path: dict[str, list[tuple[int, int]]] = {}
        for hit in hits:
            by_path.setdefault(hit.path, []).append((hit.start, hit.end))
        order = [path for path in nearest(by_path, at.path) if path not in defined]
        for position, path in enumerate(order[:_SHOWN_USAGES]):
            span = _usage(at, path, name, *min(by_path[path]))
            if span is not None:
                yield Candidate(
                    why="usage", path=path, score=WEIGHTS["usage"] * 0.9**position * 0.8**depth,
                    reason=f"calls {name}", start=span[0], end=span[1],
                )  # fmt: skip


def _usage(at: Gathering, path: str, name: str, start: int, end: int) -> tuple[int, int] | None:
    """The lines around the first call in a piece of a file."""
    data = at.lookup.source(path, start, min(end, start + 8000))
    match = re.search(rb"(?<!\w)" + re.escape(name.encode()) + rb"\s*\(", data)
    if match is None:
        return None
    low, high = match.start(), match.end()
    for _ in range(4):
        low = data.rfind(b"\n", 0, max(0, low - 1)) + 1
    for _ in range(6):
        line = data.find(b"\n", high)
        high = len(data) if line < 0 else line + 1
    return start + low, start + high


def similar(at: Gathering) -> Iterator[Candidate]:
    """The few lines that are most like those at the cursor, of other files and of this one."""
    for position, passage in enumerate(at.alike.passages()):
        yield Candidate(
            why="similar", path=passage.path, reason=f"similar code, {passage.fit:.0%}",
            start=passage.start, end=passage.end, text=passage.text,
            score=WEIGHTS["similar"] * passage.fit * place(position),
        )  # fmt: skip
