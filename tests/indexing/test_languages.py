"""I12: a language is one row and one golden file. Each test here quantifies over the table."""

import json
import subprocess
import sys

import msgspec
import pytest

from indoors_indexing.languages import (
    LANGUAGES,
    GrammarError,
    LanguageRecord,
    by_language_id,
    by_path,
    grammar,
)
from indoors_indexing.parse import Parsed, SyntaxUnavailable, Trees
from indoors_indexing.types import SyntaxSite
from support import golden

MARK = "<|>"
ids = pytest.mark.parametrize("record", LANGUAGES, ids=lambda record: record.name)


def check(record: LanguageRecord) -> None:
    """Answer every case of the language's golden file and compare with what the file says."""
    relative = f"languages/{record.name}.txt"
    cases = (golden.ROOT / relative).read_text("utf-8").partition("=====\n")[2]
    rendered = []
    for case in cases.split("--- ")[1:]:
        title, *lines = case.splitlines()
        source = "\n".join(line for line in lines if not line.startswith("--> "))
        assert source.count(MARK) == 1, f"{title}: one {MARK} in each case"
        offset = source.index(MARK)
        text = source.replace(MARK, "") + "\n"
        site = Trees().site("case", record.language_ids[0], text, offset)
        rendered.append(f"--- {title}\n{source}\n{render(site, text)}")
    assert rendered
    golden.check(relative, "\n".join(rendered))


def render(site: SyntaxSite, text: str) -> str:
    statement = site.statement and text[site.statement.start : site.statement.end]
    facts = {
        "region": site.region,
        "opens": site.opens_block,
        "indent": site.block_indent,
        "block": text[site.block.start : site.block.end],
        "statement": statement,
        "scope": ".".join(site.scope),
        "error": site.has_error,
    }
    return "\n".join(f"--> {key}: {json.dumps(value)}" for key, value in facts.items())


@ids
def test_sites_are_as_the_golden_file_says(record: LanguageRecord) -> None:
    check(record)


@ids
def test_the_grammar_loads_and_knows_every_node_type(record: LanguageRecord) -> None:
    loaded = grammar(record)
    missing = [kind for kind in record.node_types() if not loaded.id_for_node_kind(kind, True)]
    assert missing == []


@ids
def test_every_name_field_exists_in_the_grammar(record: LanguageRecord) -> None:
    loaded = grammar(record)
    assert all(loaded.field_id_for_name(field) for field in record.definitions.values())


@ids
def test_a_record_is_found_by_its_ids_and_extensions(record: LanguageRecord) -> None:
    assert all(by_language_id(identifier) is record for identifier in record.language_ids)
    assert all(by_path(f"a/B{extension.upper()}") is record for extension in record.extensions)


def test_no_two_records_claim_an_id_or_an_extension() -> None:
    for claims in (
        [identifier for record in LANGUAGES for identifier in record.language_ids],
        [extension for record in LANGUAGES for extension in record.extensions],
        [record.name for record in LANGUAGES],
    ):
        assert len(claims) == len(set(claims))


def test_what_we_do_not_parse_has_no_record() -> None:
    assert by_language_id("cobol") is None
    assert by_path("Makefile") is None
    assert by_path("") is None


def test_a_broken_grammar_disables_its_language_with_a_note() -> None:
    broken = msgspec.structs.replace(LANGUAGES[0], module="tree_sitter_of_nowhere")
    with pytest.raises(GrammarError, match="python: the grammar tree_sitter_of_nowhere"):
        grammar(broken)


def test_a_broken_grammar_leaves_the_other_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter_go", None)
    trees = Trees()
    with pytest.raises(SyntaxUnavailable) as caught:
        trees.site("a", "go", "package a\n", 0)
    assert caught.value.kind == "grammar"
    assert isinstance(trees.document("b", "rust", "fn f() {}\n"), Parsed)


def test_asking_about_languages_loads_no_native_code() -> None:
    """The server imports the table; only the indexer may load a parser."""
    code = (
        "import sys, indoors_indexing.languages, indoors_indexing.types;"
        "sys.exit(any(name.startswith('tree_sitter') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0
