"""The facts of a file: one golden file for each language, and what holds of any bytes."""

import itertools
import json
import sys

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indoors_indexing import symbols
from indoors_indexing.facts import Definition, FileFacts
from indoors_indexing.languages import LANGUAGES, LanguageRecord, by_path
from indoors_indexing.parse import MAX_TEXT_BYTES
from indoors_indexing.symbols import facts_of, query_text, unavailable
from support import golden
from support.hostile import HOSTILE

ids = pytest.mark.parametrize("record", LANGUAGES, ids=lambda record: record.name)
RECORDS = {record.name: record for record in LANGUAGES}


def cases(record: LanguageRecord) -> list[tuple[str, str]]:
    """The titles and sources of the language's golden file."""
    text = (golden.ROOT / f"facts/{record.name}.txt").read_text("utf-8").partition("=====\n")[2]
    found = []
    for case in ("\n" + text).split("\n=== ")[1:]:
        title, *lines = case.splitlines()
        source = "\n".join(line for line in lines if not line.startswith("--> "))
        found.append((title, source + "\n"))
    return found


def files(record: LanguageRecord) -> tuple[str, ...]:
    """The names of the files of a language's query."""
    return record.queries or (record.name,)


def check(facts: FileFacts, data: bytes) -> None:
    """What must hold of the facts of any bytes."""
    for one in facts.definitions:
        assert 0 <= one.start <= one.name_start <= one.end <= len(data)
        assert one.start <= one.head_end <= one.end
        assert 0 <= one.doc_start <= one.doc_end <= len(data)
        assert one.name
        assert all(one.scope)
    starts = [one.start for one in facts.definitions]
    assert starts == sorted(starts)
    assert all(0 <= one.start <= len(data) and one.level >= 0 for one in facts.imports)
    assert all(0 <= one.start <= len(data) and one.base for one in facts.bases)


def render(facts: FileFacts, data: bytes) -> str:
    lines = [_definition(one, data) for one in facts.definitions]
    for one in facts.imports:
        level = f" level {one.level}" if one.level else ""
        alias = f" as {one.alias}" if one.alias else ""
        lines.append(f"import {json.dumps(one.module)} {one.name or '(itself)'}{alias}{level}")
    lines += [f"base {one.child} < {one.base}" for one in facts.bases]
    if facts.has_errors:
        lines.append("errors")
    return "\n".join(f"--> {line}" for line in lines)


def _definition(one: Definition, data: bytes) -> str:
    first = data.count(b"\n", 0, one.start) + 1
    last = data.count(b"\n", 0, one.end) + 1
    parts = [one.kind, ".".join((*one.scope, one.name)), f"{first}-{last}"]
    if not one.exported:
        parts.append("hidden")
    if one.type_name:
        parts.append(f": {one.type_name}")
    parts.append("| " + json.dumps(data[one.start : one.head_end].decode(), ensure_ascii=False))
    if one.doc_end > one.doc_start:
        doc = data[one.doc_start : one.doc_end].decode()
        parts.append("| doc " + json.dumps(doc, ensure_ascii=False))
    return " ".join(parts)


@ids
def test_facts_are_as_the_golden_file_says(record: LanguageRecord) -> None:
    rendered = []
    for title, source in cases(record):
        data = source.encode()
        facts = facts_of(record, data)
        check(facts, data)
        rendered.append(f"=== {title}\n{source}{render(facts, data)}")
    assert rendered
    golden.check(f"facts/{record.name}.txt", "\n".join(rendered))


@ids
def test_the_query_compiles(record: LanguageRecord) -> None:
    assert unavailable(record) == ""


@ids
def test_every_language_finds_definitions_members_imports_and_docs(record: LanguageRecord) -> None:
    found = [facts_of(record, source.encode()) for _, source in cases(record)]
    definitions = [one for facts in found for one in facts.definitions]
    assert {"function", "method"} & {one.kind for one in definitions}
    assert any(one.scope for one in definitions) or record.name in ("bash", "c")
    assert any(one.doc_end > one.doc_start for one in definitions)
    assert {one.exported for one in definitions} == {True, False}
    assert any(facts.imports for facts in found)
    assert any(facts.bases for facts in found) or record.name in ("bash", "c", "lua")


@ids
def test_every_pattern_of_the_query_finds_something_in_the_golden_file(
    record: LanguageRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern that no example matches is a pattern nobody has seen work."""
    monkeypatch.setattr(symbols, "_readers", symbols._Readers())
    sharing = [one for one in LANGUAGES if set(files(one)) & set(files(record))]
    for _, source in itertools.chain.from_iterable(map(cases, sharing)):
        facts_of(record, source.encode())
    reader = symbols._reader(record)
    assert isinstance(reader, symbols._Reader)
    query = query_text(record)
    unseen = [
        query[reader.matcher.span(number)[0] : reader.matcher.span(number)[1]]
        for number, pattern in enumerate(reader.patterns)
        if not pattern.role
    ]
    assert unseen == []
    assert "none" not in {pattern.role for pattern in reader.patterns}


def test_every_query_belongs_to_a_language() -> None:
    used = {name for record in LANGUAGES for name in files(record)}
    assert {path.stem for path in symbols._QUERIES.glob("*.scm")} == used
    golden_files = {path.stem for path in (golden.ROOT / "facts").glob("*.txt")}
    assert golden_files == set(RECORDS)


TOKENS = st.sampled_from(
    [
        b"def f(a):", b"class A(B):", b"\n", b"    ", b"\t", b"self.x = Foo(", b"import a.b as c",
        b"from ", b"{", b"}", b"(", b")", b"[", b"]", b";", b":", b"::", b",", b"=", b"=>", b"->",
        b"function f() ", b"class A extends B ", b"interface I ", b"struct S ", b"impl T for S ",
        b"fn f() ", b"func f() ", b"func (t *T) g() ", b"namespace N ", b"using X = A.B;",
        b"#include <a>\n", b"#define M(x) 1\n", b"template <class T> ", b"public: ", b"module M\n",
        b"end\n", b"require 'x'", b"local x = ", b"trait T ", b"object O ", b"val x: Int = 1",
        b"let x = 1", b"export ", b"@dec\n", b"#[a]\n", b"// c\n", b"/* c */", b"# c\n", b'"""d"""',
        b"'", b'"', b"`", b"<?php ", b"$x", b"\xff", b"\x00", b"\xc3\xa9", b"\xef\xbb\xbf", b"\r\n",
        b"\r", b"use a::{b, c::{d as e}};", b"x", b"_y", b"Z",
    ]
)  # fmt: skip
BYTES = st.one_of(st.binary(max_size=200), st.lists(TOKENS, max_size=60).map(b"".join))


@settings(max_examples=200, deadline=None)
@given(data=BYTES, language=st.sampled_from(sorted(RECORDS)))
@example(data=b"\xff\xfe\x00", language="python")
@example(data=b"class A:\n  def f(s):\n    self.x = x", language="python")
def test_any_bytes_have_facts(data: bytes, language: str) -> None:
    """I7 for the index: no file makes it raise."""
    check(facts_of(RECORDS[language], data), data)


@settings(max_examples=100, deadline=None)
@given(cut=st.tuples(st.floats(0, 1), st.floats(0, 1)), language=st.sampled_from(sorted(RECORDS)))
def test_a_torn_file_has_facts(cut: tuple[float, float], language: str) -> None:
    data = "".join(source for _, source in cases(RECORDS[language])).encode()
    first, last = sorted(int(part * len(data)) for part in cut)
    torn = data[:first] + data[last:]
    check(facts_of(RECORDS[language], torn), torn)


@ids
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_have_facts_or_none(
    name: str, record: LanguageRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indoors_indexing.symbols.BUDGET_MS", 100.0)
    data = HOSTILE[name].encode(errors="surrogatepass")
    check(facts_of(record, data), data)


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("a.py", b"class A:\n def f(self):\n  self.x = B()\n"),
        ("a.py", b"x=1;"),
        ("a.ts", b"class A { x = 1; f() { this.y = z } }\n"),
        ("a.ts", b"const a = () => {"),
        ("a.go", b"type T struct { A int }\n"),
        ("a.rs", b"impl A { fn f() {} "),
        ("a.java", b"class A { int x; "),
    ],
)
def test_the_facts_of_a_large_file_are_bounded(path: str, unit: bytes) -> None:
    record = by_path(path)
    assert record is not None
    data = unit * (400_000 // len(unit))
    facts = facts_of(record, data)
    check(facts, data)
    assert len(facts.definitions) <= symbols.MAX_DEFINITIONS
    assert max((len(one.scope) for one in facts.definitions), default=0) <= 20


def test_a_file_over_the_cap_has_no_facts() -> None:
    facts = facts_of(RECORDS["python"], b"x = 1\n" * (MAX_TEXT_BYTES // 6 + 1))
    assert facts == FileFacts(has_errors=True)


def test_a_broken_grammar_costs_its_own_language_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "_readers", symbols._Readers())
    monkeypatch.setitem(sys.modules, "tree_sitter_go", None)
    assert facts_of(RECORDS["go"], b"package a\n") == FileFacts(has_errors=True)
    assert unavailable(RECORDS["go"]).startswith("go: the grammar tree_sitter_go did not load")
    assert facts_of(RECORDS["rust"], b"fn f() {}\n").definitions[0].name == "f"


def test_a_grammar_without_a_node_of_the_query_is_a_broken_one() -> None:
    """As with another version of the grammar than the query was written for."""
    foreign = msgspec.structs.replace(RECORDS["python"], name="foreign", queries=("java",))
    assert "tree_sitter_python: Invalid node type" in unavailable(foreign)
    assert facts_of(foreign, b"x = 1\n") == FileFacts(has_errors=True)


def test_facts_survive_the_wire() -> None:
    """The indexer may parse in another process than it stores in."""
    facts = facts_of(RECORDS["python"], b"import a\nclass A(B):\n    def f(self): ...\n")
    encoded = msgspec.msgpack.encode(facts)
    assert msgspec.msgpack.decode(encoded, type=FileFacts) == facts
