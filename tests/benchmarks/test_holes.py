"""Holes in real files: what is cut out fits back, in every kind and language."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter

import filters
import pytest
from make_holes import Hole, Source, auto_closed, cut, read_sources, tally
from statistics_of import upper_bound

from indoors_indexing.parse import DirectSyntax

COUNT = 700


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return read_sources()


@pytest.fixture(scope="module")
def holes(sources: list[Source]) -> list[Hole]:
    return cut(sources, COUNT, seed=3)


def spot(hole: Hole) -> filters.Spot:
    made = asyncio.run(filters.spot_of(1, hole, DirectSyntax(), filters.BUDGETS[0]))
    assert isinstance(made, filters.Spot), made
    return made


def test_sources_are_permissive_whole_files(sources: list[Source]) -> None:
    words = {word for source in sources for word in source.licence.split(" OR ")}
    assert words <= {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"}
    assert len({source.language for source in sources}) >= 6
    by_half = {
        half: {s.origin for s in sources if s.half == half} for half in ("development", "held-out")
    }
    assert not by_half["development"] & by_half["held-out"]


def test_the_same_seed_cuts_the_same_holes(sources: list[Source], holes: list[Hole]) -> None:
    assert cut(sources, COUNT, seed=3) == holes
    assert cut(sources, COUNT, seed=4) != holes
    assert cut(sources, 100, seed=3) == holes[:100]


def test_every_kind_and_variant_is_there(holes: list[Hole]) -> None:
    assert len(holes) == COUNT
    kinds = {"line", "inner", "statement", "block", "span"}
    assert {hole.kind for hole in holes} == kinds
    assert {hole.variant for hole in holes} == {"", "closed", "open", "unwritten"}
    assert sum(tally(holes).values()) == 2 * COUNT


def test_the_target_makes_the_document_whole(sources: list[Source], holes: list[Hole]) -> None:
    for hole in holes:
        before, after = hole.text[: hole.offset], hole.text[hole.offset :]
        text = sources[hole.source].text
        assert hole.whole.startswith(before + hole.target)
        assert hole.target.strip()
        assert hole.text != hole.whole
        rest = hole.whole[len(before) + len(hole.target) :]
        if hole.variant == "closed":
            assert after.endswith(rest)
            assert set(after[: len(after) - len(rest)]) <= set(")]}\"'` ")
        else:
            assert after == rest
        if hole.variant == "unwritten":
            assert not hole.beyond
        else:
            assert hole.whole == text
            assert text.startswith(hole.beyond, hole.offset + len(hole.target))


@pytest.mark.parametrize(
    ("before", "target", "owed"),
    [
        ("f(", "a, b)", ")"),
        ("f(g[", "a], b);", "])"),
        ("f(", "a, g(b))", ")"),
        ("f(", "a,", ""),
        ('f("', 'a", b)', '")'),
        ("f('a', ", "b)", ""),
        ("f(", "'b)')", ""),
        ("x", " = 1", ""),
    ],
)
def test_auto_closed(before: str, target: str, owed: str) -> None:
    assert auto_closed(before, target) == owed


def test_a_right_answer_is_told_from_a_wrong_one(holes: list[Hole]) -> None:
    hole = next(h for h in holes if h.kind == "statement" and not h.variant)
    where = spot(hole)
    assert where.is_right(where.target)
    assert where.is_right(where.target + "  ")
    assert not where.is_right(where.target + "x")
    assert not where.is_right("")


def test_a_fault_is_laid_at_the_filter_that_made_it() -> None:
    text = "total += x\ntotal += x\n"
    hole = Hole(
        source=0, language="python", half="", kind="line", variant="", text=text, offset=0,
        target="total += x\n", whole="total += x\n" + text, beyond="",
    )  # fmt: skip
    where = spot(dataclasses.replace(hole, text="\n" + text, target="total += x"))
    assert filters.filter_fault(where) == ("copies a neighbour", "dropped")


def test_true_text_passes() -> None:
    holes = cut(read_sources(), 150, seed=5)
    found = asyncio.run(filters.measure(holes, Counter()))
    report = filters.report(found, holes, 1.0)
    assert found.n > 140
    assert report["in_all"]["n_wrong"] <= 3
    assert report["scope"]["cut_early"]["n_wrong"] <= 3
    names = [name for name in report["filters"] if name != "fit"]
    assert "brackets" in names
    assert "syntax errors" in names
    assert "confidence" in names


@pytest.mark.parametrize(
    ("count", "n", "bound"),
    [(0, 1000, 0.368), (10, 1000, 1.831), (1, 10, 44.502), (5, 5, 100.0), (0, 0, 100.0)],
)
def test_upper_bound(count: int, n: int, bound: float) -> None:
    assert upper_bound(count, n) == pytest.approx(bound, abs=0.002)
