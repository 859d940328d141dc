"""The figures of repo_infill.py, from what was shown and what was answered."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from repo_rows import RepoRow
from repo_score import em, es, holds_symbol, names_file
from rows import percentile
from statistics_of import paired_interval

from indoors_indexing.types import Snippet


@dataclass(frozen=True)
class Shown:
    """What one context found for one row, what of it fits into the budget, and how long it took."""

    row: RepoRow
    context: str
    snippets: tuple[Snippet, ...]
    found: tuple[Snippet, ...]
    took_ms: float


@dataclass(frozen=True)
class Scored:
    """One answer's figures, in percent."""

    row: RepoRow
    context: str
    em: float
    es: float


def report(
    shown: Sequence[Shown],
    texts: Sequence[str | None],
    contexts: Sequence[str],
    *,
    verbose: bool = False,
) -> dict[str, Any]:
    """The JSON object. A text is None where no model was asked.

    `def_file_recall_at_5` (of the first five that were found) and `symbol_in_context` (of what is
    shown) at the top are those of `ours`; "shown" has them for every context. They are over the
    rows whose symbol another file defines.
    """
    scored = [
        Scored(one.row, one.context, 100.0 * em(text, one.row.target), es(text, one.row.target))
        for one, text in zip(shown, texts, strict=True)
        if text is not None
    ]
    if verbose:
        _show_misses(shown, texts)
    result: dict[str, Any] = {}
    for context, figures in _figures(scored, contexts).items():
        result |= {f"{name}_{context}": value for name, value in figures.items()}
    per_context = {
        context: _looked_up([one for one in shown if one.context == context])
        for context in contexts
    }
    own = per_context.get("ours", {})
    for name in ("def_file_recall_at_5", "symbol_in_context"):
        result[name] = own.get(name)
    result["shown"] = per_context
    result["by_kind"] = _grouped(scored, contexts, lambda row: row.kind)
    result["by_language"] = _grouped(scored, contexts, lambda row: row.language)
    result["by_tree"] = _grouped(scored, contexts, lambda row: row.repo)
    new = [one for one in scored if not one.row.is_elsewhere]
    result["without_lines_that_stand_elsewhere"] = _figures(new, contexts)
    result["paired"] = paired(scored, contexts)
    return result


def paired(scored: Iterable[Scored], contexts: Sequence[str]) -> dict[str, Any]:
    """The gain of every context over every other, over the rows that both have."""
    by_context: dict[str, dict[str, Scored]] = {context: {} for context in contexts}
    for one in scored:
        by_context[one.context][one.row.name] = one
    # What is on trial comes first, so that a gain of ours has a plus.
    order = sorted(contexts, key=lambda name: (name != "ours", contexts.index(name)))
    found: dict[str, Any] = {}
    for first, second in itertools.combinations(order, 2):
        if first == "infile":
            first, second = second, first
        some, others = by_context[first], by_context[second]
        both = [name for name in some if name in others]
        if both:
            found[f"{first}-{second}"] = {
                "em": paired_interval([some[name].em - others[name].em for name in both]),
                "es": paired_interval([some[name].es - others[name].es for name in both]),
            }
    return found


def _figures(scored: Sequence[Scored], contexts: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for context in contexts:
        own = [one for one in scored if one.context == context]
        found[context] = {
            "em": _mean([one.em for one in own]),
            "es": _mean([one.es for one in own]),
            "n": len(own),
        }
    return found


def _grouped(
    scored: Sequence[Scored], contexts: Sequence[str], group: Callable[[RepoRow], str]
) -> dict[str, Any]:
    return {
        name: _figures([one for one in scored if group(one.row) == name], contexts)
        for name in sorted({group(one.row) for one in scored})
    }


def _looked_up(shown: Sequence[Shown]) -> dict[str, Any]:
    """How often the right file and the symbol were shown; how much was, and how fast."""
    asked = [one for one in shown if one.row.needs_symbol]
    by_kind = {
        kind: _recall([one for one in asked if one.row.kind == kind])
        for kind in sorted({one.row.kind for one in asked})
    }
    by_language = {
        language: _recall([one for one in asked if one.row.language == language])
        for language in sorted({one.row.language for one in asked})
    }
    sizes = [float(sum(len(snippet.text) for snippet in one.snippets)) for one in shown]
    return {
        **_recall(asked),
        "by_kind": by_kind,
        "by_language": by_language,
        "n_rows": len(shown),
        "n_with_snippets": sum(bool(one.snippets) for one in shown),
        "mean_characters": _mean(sizes),
        "took_ms": {
            "p50": round(percentile([one.took_ms for one in shown], 0.50), 2),
            "p95": round(percentile([one.took_ms for one in shown], 0.95), 2),
        },
    }


def _recall(asked: Sequence[Shown]) -> dict[str, Any]:
    return {
        "def_file_recall_at_5": _mean([100.0 * names_file(s.row, s.found) for s in asked]),
        "symbol_found": _mean([100.0 * holds_symbol(s.row, s.found) for s in asked]),
        "symbol_in_context": _mean([100.0 * holds_symbol(s.row, s.snippets) for s in asked]),
        "n": len(asked),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None


def _show_misses(shown: Sequence[Shown], texts: Sequence[str | None]) -> None:
    for one, text in zip(shown, texts, strict=True):
        if text is not None and not em(text, one.row.target):
            sys.stderr.write(f"{one.row.name} {one.context}\n  {one.row.target!r}\n  {text!r}\n")
