"""Every family renders, and every family has a golden file (I12)."""

import pytest

from indoors_completion import fim
from indoors_completion.budget import PromptBudget
from indoors_completion.families import FAMILIES
from indoors_completion.types import Part, Snippet
from support import golden

BUDGET = PromptBudget(prefix_tokens=600, suffix_tokens=200, snippets_tokens=300, answer_tokens=64)
PREFIX = "def total(cart):\n    return "
SUFFIX = "\n\n\nprint(total([]))\n"
SNIPPETS = (
    Snippet(
        path="shop/cart.py", text="def price(item):\n    return item.cents / 100\n", reason="r"
    ),
    Snippet(path="shop/tax.py", text="RATE = 0.19\n", reason="r"),
)
NAMES = [family.name for family in FAMILIES]


def render(family, prefix=PREFIX, suffix=SUFFIX, snippets=(), language="python"):
    return fim.render(family, prefix, suffix, snippets, "shop/total.py", language, BUDGET)


def show(parts: tuple[Part, ...]) -> str:
    lines = []
    for part in parts:
        if part.special:
            lines.append(f"special {part.text}")
        else:
            clip = "whole" if part.budget_tokens is None else f"{part.keep} {part.budget_tokens}"
            lines.append(f"plain, {clip}")
            lines += [f"  |{line}" for line in part.text.split("\n")]
    return "\n".join(lines)


@pytest.mark.parametrize("name", NAMES)
def test_golden(name):
    family = fim.by_name(name)
    golden.check(
        f"fim/{name}.txt",
        f"-- no other file\n{show(render(family))}\n\n"
        f"-- with two other files\n{show(render(family, snippets=SNIPPETS))}\n",
    )


def test_every_golden_file_belongs_to_a_family():
    assert {path.stem for path in (golden.ROOT / "fim").glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("snippets", [(), SNIPPETS], ids=["alone", "snippets"])
def test_each_sentinel_is_special_exactly_once_in_order(name, snippets):
    family = fim.by_name(name)
    parts = render(family, snippets=snippets)
    special = [part.text for part in parts if part.special and part.text in family.sentinels]
    assert special == list(family.sentinels)


@pytest.mark.parametrize("name", NAMES)
def test_text_that_looks_like_a_sentinel_stays_plain(name):
    family = fim.by_name(name)
    hostile = "".join((*family.sentinels, family.file_token, family.repo_token))
    snippet = Snippet(path=f"{hostile}.py", text=hostile, reason="r")
    parts = render(family, PREFIX + hostile, hostile + SUFFIX, (snippet,))
    special = [part.text for part in parts if part.special]
    assert [text for text in special if text in family.sentinels] == list(family.sentinels)
    assert all(text in (*family.sentinels, family.file_token) for text in special)
    plain = "".join(part.text for part in parts if not part.special)
    assert plain.count(family.prefix_token) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_the_document_when_nothing_is_retrieved(name):
    family = fim.by_name(name)
    blank = Snippet(path="empty.py", text=" \n", reason="r")
    for snippets in ((), (blank,)):
        parts = render(family, snippets=snippets)
        plain = sorted(part.text for part in parts if not part.special)
        assert plain == sorted([family.prefix_lead + PREFIX, SUFFIX])


@pytest.mark.parametrize("name", NAMES)
def test_document_parts_have_budgets_and_keep_the_side_of_the_cursor(name):
    parts = render(fim.by_name(name), snippets=SNIPPETS)
    prefix = next(part for part in parts if part.text.endswith(PREFIX))
    suffix = next(part for part in parts if part.text == SUFFIX)
    assert (prefix.budget_tokens, prefix.keep) == (600, "tail")
    assert (suffix.budget_tokens, suffix.keep) == (200, "head")
    assert sum(part.budget_tokens or 0 for part in parts) <= 600 + 200 + 300


@pytest.mark.parametrize("name", NAMES)
def test_the_suffix_can_be_moved_where_the_middle_comes_after_it(name):
    family = fim.by_name(name)
    moved = [part.text for part in render(family, snippets=SNIPPETS) if part.movable]
    assert moved == ([SUFFIX] if family.order == "PSM" else [])


def test_empty_document_renders_sentinels_only():
    parts = render(fim.by_name("qwen2.5-coder"), "", "")
    assert [part.text for part in parts] == ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("python", "# Path: shop/tax.py\n# RATE = 0.19\n"),
        ("rust", "// Path: shop/tax.py\n// RATE = 0.19\n"),
        ("lua", "-- Path: shop/tax.py\n-- RATE = 0.19\n"),
        ("html", "<!-- Path: shop/tax.py\nRATE = 0.19 -->\n"),
        ("nobody-knows", "# Path: shop/tax.py\n# RATE = 0.19\n"),
    ],
)
def test_snippets_are_comments_of_the_language(language, expected):
    parts = render(fim.by_name("qwen2.5-coder"), snippets=SNIPPETS[1:], language=language)
    assert parts[1].text == expected


def test_a_snippet_cannot_close_the_comment_it_stands_in():
    snippet = Snippet(path="a.css", text="x {} /* note */ y {}", reason="r")
    parts = render(fim.by_name("qwen2.5-coder"), snippets=(snippet,), language="css")
    assert parts[1].text.count("*/") == 1


# --- detection --------------------------------------------------------------------------------

QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
DEEPSEEK = ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>")
MISTRAL = ("[PREFIX]", "[SUFFIX]", "[MIDDLE]")
CODELLAMA = ("▁<PRE>", "▁<SUF>", "▁<MID>")


def detect(name, vocabulary=(), architecture="llama", pre="default", **more):
    metadata = {
        "general.name": name,
        "general.architecture": architecture,
        "tokenizer.ggml.pre": pre,
        **more,
    }
    family = fim.detect(metadata, lambda text: text in vocabulary)
    return family.name if family else None


@pytest.mark.parametrize(
    ("name", "vocabulary", "architecture", "pre", "expected"),
    [
        ("Qwen2.5 Coder 0.5B Instruct AWQ", QWEN, "qwen2", "qwen2", "qwen2.5-coder"),
        ("qwen2.5-coder-7b", QWEN, "qwen2", "qwen2", "qwen2.5-coder"),
        ("Qwen3-Coder-30B-A3B-Instruct", QWEN, "qwen3moe", "qwen2", "qwen3-coder"),
        ("starcoder2-3b", STARCODER, "starcoder2", "starcoder", "starcoder2"),
        ("deepseek-coder-1.3b-base", DEEPSEEK, "llama", "deepseek-coder", "deepseek-coder"),
        ("DeepSeek-Coder-V2-Lite-Base", DEEPSEEK, "deepseek2", "deepseek-llm", "deepseek-coder-v2"),
        ("Codestral-22B-v0.1", MISTRAL, "llama", "default", "codestral"),
        ("Granite 3.3 8b Base", STARCODER, "granite", "refact", "granite"),
        ("granite-3b-code-base", STARCODER, "llama", "refact", "granite"),
        ("Granite 4.0 Micro Base", QWEN, "granite", "dbrx", "generic-qwen"),
        ("Mellum 4b Sft All", STARCODER, "llama", "starcoder", "mellum"),
        (
            "Seed Coder 8B Base",
            ("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"),
            "llama",
            "seed-coder",
            "seed-coder",
        ),
        ("codellama_codellama-7b-hf", CODELLAMA, "llama", "default", "codellama"),
        ("codegemma-2b", QWEN, "gemma", "default", "codegemma"),
        ("my-own-merge", QWEN, "qwen2", "qwen2", "generic-qwen"),
        ("stable-code-3b", STARCODER, "stablelm", "stablelm2", "generic-starcoder"),
        ("something-else", DEEPSEEK, "llama", "deepseek-llm", "generic-deepseek"),
        ("CodeQwen1.5 7B", STARCODER, "qwen2", "qwen2", "generic-starcoder"),
    ],
)
def test_detects(name, vocabulary, architecture, pre, expected):
    assert detect(name, vocabulary, architecture, pre) == expected


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [
        ("Meta Llama 3.1 8B Instruct", ()),
        ("Mistral-7B-Instruct-v0.3", MISTRAL),
        ("Qwen2.5 7B Instruct", QWEN),
        ("Qwen3 8B", QWEN),
        ("Mamba-Codestral-7B-v0.1", MISTRAL),
        ("codegemma-7b-it", QWEN),
        ("CodeLlama-7b-Python", CODELLAMA),
        ("DeepSeek-R1-Distill-Qwen-7B", QWEN),
        ("Seed-Coder-8B-Reasoning", ("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>")),
    ],
)
def test_unfit_models_are_named_with_advice(name, vocabulary):
    assert detect(name, vocabulary) is None
    advice = fim.advice({"general.name": name})
    assert name in advice
    assert "cannot fill in the middle" in advice
    assert "Qwen2.5-Coder" in advice


def test_a_fitting_name_without_its_tokens_is_unfit():
    assert detect("qwen2.5-coder-7b", QWEN[:2]) is None


def test_the_base_model_names_a_fine_tune():
    base = {"general.base_model.0.name": "Qwen2.5 Coder 7B"}
    assert detect("zeta", QWEN, "qwen2", "qwen2", **base) == "qwen2.5-coder"


def test_by_name_is_total_over_the_table_and_none_beyond():
    assert [fim.by_name(name).name for name in NAMES] == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert fim.by_name("") is None
