"""Sizes and spellings without a vocabulary, and the answers' form."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion.chat import CHATS
from indoors_completion.families import FAMILIES
from indoors_completion.types import Job, Part
from indoors_server.remote import estimate
from indoors_server.remote.answer import Answer
from indoors_server.remote.plain import plain
from indoors_server.remote.prompt import fitted
from support.engines import engine_dir, fim_parts, model_path

ROOT = Path(__file__).resolve().parents[3]


@given(st.text(), st.integers(1, 50), st.sampled_from(["head", "tail"]))
def test_what_is_clipped_is_within_its_budget_and_at_its_end(
    text: str, budget: int, keep: str
) -> None:
    kept = estimate.clipped(text, budget, keep)  # type: ignore[arg-type]
    assert estimate.n_tokens(kept) <= budget
    assert text.startswith(kept) if keep == "head" else text.endswith(kept)
    if estimate.n_tokens(text) <= budget:
        assert kept == text


def test_whole_lines_are_dropped() -> None:
    text = "".join(f"line {n}\n" for n in range(1000))
    tail = estimate.clipped(text + "half", 100, "tail")
    assert tail.startswith("line ")
    assert tail.endswith("line 999\nhalf")
    head = estimate.clipped(text, 100, "head")
    assert head.startswith("line 0\n")
    assert head.endswith("\n")


CONTROL = sorted(
    {token for family in FAMILIES for token in (*family.sentinels, *family.stops)}
    | {text for chat in CHATS for one in chat.begin.values() for text, special in one if special}
    | {"<s>", "</s>", "[INST]", "<|tool_call|>", "<|a|>", "[PREFIX]", "<unused12>"}
)  # fmt: skip


@given(st.lists(st.sampled_from([*CONTROL, "<", "|", "|>", "<|", "x", " ", "\n", "fim_middle"])))
def test_no_text_holds_a_control_token_afterwards(pieces: list[str]) -> None:
    text = plain("".join(pieces))
    assert not [token for token in CONTROL if len(token.lstrip("▁")) > 2 and token in text]
    assert plain(text) == text


def test_other_text_stays_as_it_is() -> None:
    for path in sorted((ROOT / "server").rglob("*.py"))[:60]:
        text = path.read_text()
        if "<|" not in text and "<s>" not in text and path.name not in ("plain.py", "prompt.py"):
            assert plain(text) == text, path


@given(st.integers(64, 4096), st.integers(0, 300), st.integers(0, 300), st.integers(1, 256))
def test_prompt_and_answer_fit_into_the_context(
    n_ctx: int, n_before: int, n_after: int, max_tokens: int
) -> None:
    parts = fim_parts("value = 12\n" * n_before, "other(1)\n" * n_after)
    prompt = fitted(Job(parts=parts, slot="s", max_tokens=max_tokens), n_ctx)
    assert prompt.n_tokens + prompt.max_tokens <= max(n_ctx, 64 + 3 + prompt.max_tokens)
    assert [special for _, special in prompt.pieces].count(True) == 3


@given(st.text("ab\n<end> x"), st.integers(1, 5), st.booleans())
def test_an_answer_is_the_same_however_it_is_cut(text: str, size: int, newline: bool) -> None:
    job = Job(parts=(), slot="s", max_tokens=999, stops=("<end>",), stop_at_newline=newline)
    whole, parts = Answer(job), Answer(job)

    def all_of(answer: Answer, pieces: list[str]) -> tuple[str, str]:
        chunks = [chunk for piece in pieces for chunk in answer.feed(piece, (-1.0,))]
        return "".join(one.text for one in [*chunks, *answer.end()]), answer.stopped

    cut = [text[at : at + size] for at in range(0, len(text), size)]
    assert all_of(parts, cut) == all_of(whole, [text])


def test_an_answer_that_never_ends_is_ended() -> None:
    answer = Answer(Job(parts=(), slot="s", max_tokens=2))
    given_on = "".join(chunk.text for _ in range(99) for chunk in answer.feed("x" * 10))
    assert answer.stopped == "length"
    assert len(given_on) <= 64


def _texts() -> list[str]:
    """Windows of these sources, and text in other scripts."""
    kinds = (".py", ".md", ".c", ".ts", ".lua", ".toml", ".json", ".scm")
    files = [path for path in sorted(ROOT.rglob("*.*")) if path.suffix in kinds]
    others = {".venv", "node_modules", "dist"}
    files = [path for path in files if not others & set(path.parts) and path.is_file()]
    chosen, windows = random.Random(1), []
    for text in (path.read_text(errors="replace") for path in files):
        start = chosen.randrange(max(1, len(text) - 3000))
        windows.append(text[start : start + 3000])
    scripts = [range(0x4E00, 0x9FFF), range(0x400, 0x4FF), range(0x1F600, 0x1F640)]
    foreign = ["".join(map(chr, chosen.choices(one, k=60))) for one in scripts * 5]
    return [text for text in [*windows, *foreign] if text.strip()]


@pytest.mark.model
def test_there_are_never_more_tokens_than_estimated() -> None:
    """Against the default model's own vocabulary, and not many less."""
    texts = _texts()
    assert len(texts) > 300
    counting = subprocess.run(
        [sys.executable, ROOT / "tests/support/count_tokens.py", engine_dir(), model_path()],
        input=json.dumps(texts), capture_output=True, text=True, check=True,
    )  # fmt: skip
    counts = json.loads(counting.stdout)
    ratios = sorted(
        estimate.n_tokens(text) / max(1, count) for text, count in zip(texts, counts, strict=True)
    )
    assert ratios[0] >= 1.0
    assert ratios[len(ratios) // 2] < 1.6


def test_parts_that_are_special_stay() -> None:
    job = Job(parts=(Part(text="<|im_start|>", special=True), Part(text="<|im_end|>")), slot="s",
              max_tokens=4)  # fmt: skip
    assert fitted(job, 4096).text == "<|im_start|>< |im_end|>"
