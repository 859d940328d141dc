"""The pure parts of repo_infill.py: scores, plain BM25, the ring, budgets, what a kill leaves."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import repo_infill
from bm25 import Bm25, question_of
from index_under_test import IndexedCopies, Missing, WorkingCopy, part
from repo_answers import Answers, code_version, fingerprint, key_of
from repo_contexts import Contexts, fit
from repo_report import Shown, report
from repo_rows import RepoRow, read_repo_rows, sample
from repo_score import em, es, holds_symbol, names_file
from ring import Chunk, chunks, pick, similarity
from statistics_of import paired_interval

from fakes.engine import MODEL, FakeEngine
from indoors_completion import budget
from indoors_indexing.types import NoSyntax, Snippet


def row(name: str = "a", **fields: Any) -> RepoRow:
    given = RepoRow(
        name=name, repo="town", language="python", path="a.py", kind="xapi", prefix="x = ",
        suffix="\n", target="make(1)", start=4, end=11, file_sha1="", symbol="make",
        def_paths=("b.py",), is_elsewhere=False, own_bm25=(), oracle=(),
    )  # fmt: skip
    return dataclasses.replace(given, **fields)


def snippet(text: str, path: str = "b.py") -> Snippet:
    return Snippet(path=path, text=text, reason="test")


# --- scores -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "target", "exact"),
    [
        ("make(1)", "make(1)", True),
        ("  make(1)  \nnext()", "make(1)", True),
        ("\nmake(1)", "make(1)", True),
        ("make(2)", "make(1)", False),
        ("", "make(1)", False),
        ("  a = 1\n\n    b = 2\n  c = 3", "a = 1\nb = 2", True),
        ("a = 1", "a = 1\nb = 2", False),
        ("a = 1\r\nb = 2\r\n", "a = 1\nb = 2", True),
    ],
)
def test_em(answer: str, target: str, exact: bool) -> None:
    assert em(answer, target) is exact
    assert (es(answer, target) == 100) is exact


def test_es_is_twice_the_matching_characters_over_all() -> None:
    assert es("abcd", "abxy") == pytest.approx(100 * 2 * 2 / 8)
    assert es("", "abcd") == 0
    # What goes on after the target's lines is neither rewarded nor punished.
    assert es("abcd\nand so on", "abcd") == 100


def test_recall_looks_at_five_files_and_whole_words() -> None:
    far = [snippet("", f"c{n}.py") for n in range(5)] + [snippet("make")]
    assert not names_file(row(), far)
    assert names_file(row(), far[1:])
    assert holds_symbol(row(), far)
    assert not holds_symbol(row(), [snippet("remake(), make_all(), maker")])
    assert holds_symbol(row(symbol="größe"), [snippet("x.größe=1")])


def test_paired_interval() -> None:
    assert paired_interval([]) is None
    assert paired_interval([1.0] * 20) == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 20}
    rng = random.Random(1)
    noisy = [rng.gauss(1, 1) for _ in range(400)]
    found = paired_interval(noisy)
    assert found is not None
    assert found == paired_interval(noisy)
    assert 0.8 < found["low"] < found["mean"] < found["high"] < 1.2
    # The textbook's width: 1.96 standard errors on either side.
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 / 20, rel=0.15)


# --- contexts ---------------------------------------------------------------------------------


def test_bm25_prefers_rare_words_and_leaves_out_the_file_itself() -> None:
    filler = "\n".join(f"common {n}" for n in range(30))
    index = Bm25([("a.py", "rare common\n" + filler), ("b.py", filler + "\nrare word"), ("e", "")])
    best = index.search("a rare one", 5, without="a.py")
    assert [piece.path for piece in best] == ["b.py"]
    assert best[0].start_line == 31
    assert "rare" in best[0].text
    assert index.search("rare", 1)[0].path == "a.py" or index.search("rare", 1)[0].score > 0
    assert index.search("nowhere", 5) == []
    assert Bm25([]).search("rare", 5) == []
    assert question_of("\n".join("abcdefghijklmnop")) == "\n".join("ghijklmnop")


def test_bm25_scores_by_hand() -> None:
    index = Bm25([("a", "x y"), ("b", "y y")])
    # idf of "x" in one of two pieces: ln(1 + 1.5 / 1.5); the length is the mean: tf weight is 1.
    assert index.search("x", 1)[0].score == pytest.approx(0.69, abs=0.005)
    # idf of "y" in both: ln(1 + 0.5 / 2.5); twice in one piece: 2 * 2.2 / 3.2.
    assert index.search("y", 1)[0].score == pytest.approx(0.1823 * 1.375, abs=0.005)


def test_the_ring_is_small_chunks_of_other_files_the_own_folder_first() -> None:
    long = "\n".join(f"line {n}" for n in range(500))
    files = [(f"far/{n}.py", f"{long}\n{n}") for n in range(30)]
    files += [("near/a.py", "one\ntwo\nthree\n"), ("near/b.py", "x"), ("near/me.py", long)]
    ring = chunks("near/me.py", files, random.Random(1))
    assert ring == chunks("near/me.py", files, random.Random(1))
    assert ring != chunks("near/me.py", files, random.Random(2))
    assert ring[0].path == "near/a.py"
    assert len(ring) <= 16
    assert "near/me.py" not in {chunk.path for chunk in ring}
    # Two lines are too few for a chunk; what is seen at the end of a file may be taken whole.
    assert "near/b.py" not in {chunk.path for chunk in ring}
    assert all(33 <= len(chunk.lines) < 63 for chunk in ring[1:])
    for one in ring:
        assert "\n".join(one.lines) in dict(files)[one.path]


def test_a_chunk_throws_out_its_likes() -> None:
    text = "\n".join(f"line {n}" for n in range(20))
    ring = chunks("me.py", [("a.py", text), ("b.py", text), ("c.py", "x\ny\nz")], random.Random(1))
    assert sorted(chunk.path for chunk in ring) in (["a.py", "c.py"], ["b.py", "c.py"])
    assert similarity(("a", "b"), ("a", "c")) == 0.5
    assert pick("a.py", ["x"], random.Random(1)) is None
    assert Chunk("a", ("x", "y")).text == "x\ny"


def test_all_contexts_have_the_same_budget_and_lose_whole_lines() -> None:
    many = [snippet("\n".join("x" * 50 for _ in range(10)), f"{n}.py") for n in range(9)]
    for characters in (0, 40, 100, 1000, 9000):
        shown = fit(many, characters)
        assert sum(len(s.path) + len(s.text) for s in shown) <= characters
        assert all(set(s.text.split("\n")) == {"x" * 50} for s in shown)
    assert fit(many, 9000) == tuple(many)
    assert fit([snippet("\n\n")], 1000) == ()


def test_a_row_without_a_tree_or_an_oracle_does_not_count(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path, 500, IndexedCopies(tmp_path / "x"))
    assert contexts.found("infile", row(), 1) == ()
    for name in ("oracle", "bm25", "ring", "ours"):
        assert contexts.found(name, row(), 1) is None
    own = row(own_bm25=(snippet("z"),), oracle=(snippet("def make(): ..."),))
    assert contexts.found("bm25", own, 1) == own.own_bm25
    assert contexts.found("oracle", own, 1) == own.oracle


def test_a_working_copy_lacks_the_target_only_meanwhile(tmp_path: Path) -> None:
    tree = tmp_path / "town"
    tree.mkdir()
    (tree / "a.py").write_bytes("é = make(1)\r\n".encode())
    copy = WorkingCopy(tree, tmp_path / "copy")
    with copy.without(row(start=5, end=12)) as left:
        assert left == "é = \r\n".encode()
        assert (copy.root / "a.py").read_bytes() == left
    assert (copy.root / "a.py").read_bytes() == (tree / "a.py").read_bytes()


def test_a_part_that_is_missing_is_named() -> None:
    with pytest.raises(Missing, match=r"indoors_indexing\.no_such_part"):
        part("no_such_part")


# --- answers ----------------------------------------------------------------------------------


def test_what_is_answered_survives_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    answers = Answers(path)
    answers.add("one", {"text": "1\n", "raw": "é"})
    answers.add("two", {"text": "2"})
    whole = path.read_bytes()
    for cut in range(len(whole.split(b"\n")[0]) + 1, len(whole)):
        path.write_bytes(whole[:cut])
        again = Answers(path)
        assert again.get("one") == {"key": "one", "text": "1\n", "raw": "é"}
        assert again.missing(["one", "two", "three"]) == ["two", "three"]
        again.add("three", {"text": "3"})
        assert Answers(path).missing(["one", "two", "three"]) == ["two"]


def test_damaged_lines_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"key": "one", "text": "1"}\nnonsense\n[1]\n{"text": "no key"}\n\xff\n')
    assert Answers(path).missing(["one", "two"]) == ["two"]


def test_a_key_changes_with_all_that_an_answer_depends_on() -> None:
    settings = fingerprint({"a": 1, "b": 2})
    assert settings == fingerprint({"b": 2, "a": 1})
    shown = [snippet("def make(): ...")]
    keys = {
        key_of(row(), "ours", shown, settings),
        key_of(row(), "ours", shown, fingerprint({"a": 2})),
        key_of(row(), "ring", shown, settings),
        key_of(row(), "ours", [snippet("def make(n): ...")], settings),
        key_of(row(), "ours", [], settings),
        key_of(row("b"), "ours", shown, settings),
        key_of(row(prefix="y = "), "ours", shown, settings),
    }
    assert len(keys) == 7
    # Why a snippet was chosen, and how it was scored, the model never sees.
    other = [Snippet(path="b.py", text="def make(): ...", reason="other", score=3.0)]
    assert key_of(row(), "ours", other, settings) in keys


def test_the_code_version_follows_what_makes_prompts_and_nothing_else(tmp_path: Path) -> None:
    made = tmp_path / "completion/indoors_completion/fim.py"
    index = tmp_path / "indexing/indoors_indexing/store.py"
    for path in (made, index):
        path.parent.mkdir(parents=True)
        path.write_text("1")
    before = code_version(tmp_path)
    index.write_text("2")
    assert code_version(tmp_path) == before
    made.write_text("2")
    assert code_version(tmp_path) != before


def options(prompt_tokens: int = 1024) -> argparse.Namespace:
    return argparse.Namespace(prompt_tokens=prompt_tokens, form="")


@pytest.mark.parametrize("prompt_tokens", [768, 1024, 2048, 4096])
def test_prompts_have_one_length_whatever_the_machine(prompt_tokens: int) -> None:
    for tps in (3.0, 90_000.0):
        n_ctx = repo_infill.n_ctx(options(prompt_tokens))
        engine: Any = FakeEngine(model=msgspec.structs.replace(MODEL, prefill_tps=tps, n_ctx=n_ctx))
        model = repo_infill.SteadyEngine(engine, prompt_tokens).model
        assert model is not None
        plan = budget.plan(model, deadline_ms=1, multiline=True, has_snippets=True)
        whole = plan.prefix_tokens + plan.suffix_tokens + plan.snippets_tokens
        assert prompt_tokens - 1 <= whole <= prompt_tokens
        assert plan.answer_tokens == budget.MAX_BLOCK_TOKENS
    nothing: Any = FakeEngine(model=None)
    assert repo_infill.SteadyEngine(nothing, prompt_tokens).model is None


def test_a_row_is_asked_through_the_whole_pipeline() -> None:
    class Engine(FakeEngine):
        def forget(self, slot: str) -> None:
            self.forgotten = slot

    class Syntax(NoSyntax):
        def forget(self, uri: str) -> None:
            self.forgotten = uri

    engine, syntax = Engine("make(1)\n"), Syntax()
    one = row(kind="block", target="make(1)")
    shown = Shown(one, "ours", (snippet("def make(n): ..."),), (), 1.0)
    process: Any = engine
    service: Any = syntax
    answer = asyncio.run(
        repo_infill.complete(process, service, one, shown, "file:///1/a.py", options())
    )
    assert em(answer["text"], one.target)
    assert "def make(n): ..." in engine.prompt
    assert engine.prompt.index("def make(n)") < engine.prompt.index("x =")
    assert engine.forgotten == syntax.forgotten == "file:///1/a.py"
    assert answer["raw"].startswith("make(1)")


# --- the report -------------------------------------------------------------------------------


def test_report_has_the_fields_that_are_promised() -> None:
    rows = [row("a"), row("b", kind="block", symbol="", target="x\ny"), row("c", is_elsewhere=True)]
    shown = [
        Shown(one, context, (snippet("make"),), (snippet("make"),), 2.0)
        for one in rows
        for context in ("infile", "bm25", "ours")
        if not (context == "ours" and one.name == "b")
    ]
    texts = [one.row.target if one.context == "ours" else "other" for one in shown]
    found = report(shown, texts, ["infile", "bm25", "ours"])
    assert (found["em_ours"], found["es_ours"], found["n_ours"]) == (100.0, 100.0, 2)
    assert (found["em_infile"], found["n_infile"]) == (0.0, 3)
    assert found["def_file_recall_at_5"] == 100.0
    assert found["symbol_in_context"] == 100.0
    assert found["by_kind"]["block"]["ours"] == {"em": None, "es": None, "n": 0}
    assert found["by_language"]["python"]["infile"]["n"] == 3
    assert set(found["paired"]) == {"ours-infile", "ours-bm25", "bm25-infile"}
    assert found["paired"]["ours-bm25"]["em"]["mean"] == 100.0
    assert found["paired"]["ours-bm25"]["em"]["n"] == 2
    assert found["without_lines_that_stand_elsewhere"]["ours"]["n"] == 1
    assert found["shown"]["bm25"]["n"] == 2
    json.dumps(found)


def test_a_sample_is_seeded_and_in_order() -> None:
    rows = [row(str(n)) for n in range(50)]
    chosen = sample(rows, 20, seed=3)
    assert chosen == sample(rows, 20, seed=3)
    assert chosen != sample(rows, 20, seed=4)
    assert [rows.index(one) for one in chosen] == sorted(rows.index(one) for one in chosen)
    assert sample(rows, None, 1) == sample(rows, 99, 1) == rows


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a"}\n')
    with pytest.raises(SystemExit, match=r"rows\.jsonl:1: not a row"):
        read_repo_rows(path)


def test_the_script_says_what_is_missing_and_ends_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise Missing("indoors_indexing.related")

    monkeypatch.setattr(repo_infill, "require_all", missing)
    monkeypatch.setattr(sys, "argv", ["repo_infill.py", "--context", "ours", "--no-model"])
    with pytest.raises(SystemExit) as ended:
        repo_infill.main()
    assert ended.value.code == 2
    assert "indoors_indexing.related" in capsys.readouterr().err


def test_the_script_gives_one_object_without_a_model(tmp_path: Path) -> None:
    fields = {
        "id": "a", "repo": "town", "language": "python", "path": "a.py", "kind": "xapi",
        "prefix": "x = ", "suffix": "\n", "groundtruth": "make(1)", "byte_start": 4,
        "byte_end": 11, "file_sha1": "", "symbol": "make", "def_paths": ["b.py"],
        "bm25": [{"path": "b.py", "text": "def make(n):", "score": 1}],
    }  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(fields) + "\n")
    script = str(Path(repo_infill.__file__))
    arguments = ["--rows", str(path), "--no-model", "--context", "bm25,infile", "--json"]
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["shown"]["bm25"]["def_file_recall_at_5"] == 100.0
    assert found["n_rows"] == 1
