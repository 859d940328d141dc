"""The catalogue is data: these tests hold every entry to the same rules."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from indoors_completion import catalog, fim
from indoors_completion.catalog import HttpsFile, ModelEntry, WheelParts
from indoors_completion.types import InputError

ENTRIES = catalog.load()
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
SPDX_USED = {"Apache-2.0", "MIT"}
# The families that a person may look for; each must be in the list.
EXPECTED = (
    "qwen2.5-coder", "qwen3-coder", "starcoder2", "deepseek-coder-1.3b", "deepseek-coder-6.7b",
    "deepseek-coder-v2-lite", "codestral", "granite", "mellum", "seed-coder", "codellama",
    "codegemma", "llama-3", "mistral",
)  # fmt: skip


@every_entry
def test_entry_is_complete_and_plausible(entry: ModelEntry) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]+", entry.name)
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.gguf", entry.file), "a file name, never a path"
    assert entry.quantization.lower() in entry.file.lower()
    assert entry.sha256 == "" or re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    assert (entry.sha256 == "") == (entry.bytes == 0), "a hash is of little use without a length"
    assert entry.context_length >= 1024
    assert entry.sources
    if entry.bytes:
        bits = entry.bytes * 8 / entry.parameters
        assert 4 < bits < 10, f"{bits:.1f} bits a weight"


@every_entry
def test_licence_is_spdx_or_restricted_with_a_reason(entry: ModelEntry) -> None:
    if entry.is_restricted:
        assert len(entry.licence_reason) > 20
    else:
        assert entry.licence in SPDX_USED
        assert entry.licence_reason == ""


@every_entry
def test_sources_are_https_and_wheels_are_never_taken_unverified(entry: ModelEntry) -> None:
    for source in entry.sources:
        if isinstance(source, HttpsFile):
            parts = urlsplit(source.url)
            assert parts.scheme == "https"
            assert parts.hostname == "huggingface.co"
            assert parts.path.endswith("/" + entry.file)
            assert "/resolve/" in parts.path
            if entry.sha256:
                assert not parts.username
        else:
            assert isinstance(source, WheelParts)
            assert entry.sha256
            assert entry.bytes
            assert "@" in source.uploader
            last = source.requirement(source.parts)
            assert last.endswith(f"{source.parts}=={source.version}")


@every_entry
def test_family_is_known_or_the_advice_says_what_to_take(entry: ModelEntry) -> None:
    if entry.fills_in_the_middle:
        assert entry.family in {family.name for family in fim.FAMILIES}
        assert entry.advice == ""
    else:
        named = [other.name for other in ENTRIES if other.name in entry.advice]
        assert any(catalog.find(name).fills_in_the_middle for name in named)


def test_names_and_files_are_unique_also_when_case_is_folded() -> None:
    assert len({entry.name.lower() for entry in ENTRIES}) == len(ENTRIES)
    assert len({entry.file.lower() for entry in ENTRIES}) == len(ENTRIES)
    hashes = [entry.sha256 for entry in ENTRIES if entry.sha256]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("prefix", EXPECTED)
def test_every_family_that_people_look_for_is_listed(prefix: str) -> None:
    assert any(entry.name.startswith(prefix) for entry in ENTRIES)


@pytest.mark.parametrize("size", ["3b", "3b-instruct"])
def test_the_3b_is_restricted(size: str) -> None:
    assert catalog.find(f"qwen2.5-coder-{size}").is_restricted
    assert catalog.find("codestral").is_restricted


@every_entry
def test_find_forgives_case_and_separators(entry: ModelEntry) -> None:
    assert catalog.find(f" {entry.name.upper()} ") == entry
    assert catalog.find(entry.name.replace("-", "_")) == entry
    assert catalog.find(entry.file) == entry
    assert catalog.by_file(entry.file) == entry


def test_an_ambiguous_name_lists_what_it_could_be() -> None:
    with pytest.raises(InputError, match="several") as caught:
        catalog.find("starcoder2")
    assert "starcoder2-3b, starcoder2-7b, starcoder2-15b" in caught.value.why


@pytest.mark.parametrize("name", ["", "   ", "gpt-9", "../../etc/passwd", "\x00"])
def test_an_unknown_name_is_an_input_error(name: str) -> None:
    with pytest.raises(InputError) as caught:
        catalog.find(name)
    assert caught.value.next_step == "indoors models list"


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        catalog.find("qwen2.5-codr-0.5b-instruct")
    assert caught.value.why.startswith("Nearest: qwen2.5-coder-0.5b-instruct")


def test_the_default_is_small_free_verifiable_and_carried_by_wheels() -> None:
    entry = catalog.default()
    assert entry.name == "qwen2.5-coder-0.5b-instruct"
    assert entry.bytes == 491_400_064
    assert not entry.is_restricted
    assert isinstance(entry.sources[0], WheelParts)


def test_nothing_that_needs_a_question_is_picked_for_a_person() -> None:
    sizes = sorted({entry.bytes for entry in ENTRIES if entry.bytes})
    for available in [size + delta for size in sizes for delta in (-1, 0, 1)]:
        picked = catalog.largest_that_fits(available)
        if picked is None:
            assert available < catalog.default().bytes
            continue
        assert 0 < picked.bytes <= available
        assert not picked.is_restricted
        assert picked.sha256
        assert picked.fills_in_the_middle


def test_more_room_never_means_a_smaller_model() -> None:
    picked = [catalog.largest_that_fits(gigabytes * 10**9) for gigabytes in range(1, 25)]
    counts = [entry.parameters for entry in picked if entry]
    assert counts == sorted(counts)
    assert picked[-1] is not None
    assert picked[-1].name == "qwen3-coder-30b-a3b-instruct"


def test_base_wins_over_instruct_of_the_same_size_where_both_fit() -> None:
    picked = catalog.largest_that_fits(2_000_000_000)
    assert picked is not None
    assert picked.name == "qwen2.5-coder-1.5b"
