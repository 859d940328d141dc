"""The page and the schema are those the table makes; the schema says what decoding does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_indexing import denies as globs
from indoors_server.policy import hosts, pages
from indoors_server.policy.files import machine_place
from indoors_server.policy.table import BY_NAME, TABLE
from support.policies import documents, layer

DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEMA = json.loads(pages.schema())


@pytest.mark.parametrize(
    ("name", "text"), [("policy.md", pages.page()), ("policy.schema.json", pages.schema())]
)
def test_the_files_are_those_that_the_table_makes(name: str, text: str) -> None:
    """Regenerate: python -I -m indoors_server.policy.pages page > docs/policy.md (schema ...)"""
    assert (DOCS / name).read_text() == text


def test_the_page_names_every_key_and_place() -> None:
    text = pages.page()
    for key in TABLE:
        assert f"| `{key.name}` |" in text
    for place in ("/etc/indoors/policy.d/*.json", "/Library/Application Support/Indoors/"):
        assert place in text
    assert "%ProgramData%\\Indoors\\" in text
    assert f"`{machine_place().directory.as_posix()}/" in text


def test_the_example_on_the_page_is_valid() -> None:
    example = re.findall(r"```json\n(.*?)```", pages.page(), re.DOTALL)
    assert len(example) == 1
    assert layer("user", json.loads(example[0])).problems == ()


def fits(document: dict[str, object]) -> bool:
    """Whether the schema takes a document; of JSON Schema just what ours has."""
    known = SCHEMA["properties"]
    return all(key in known and fits_one(known[key], value) for key, value in document.items())


def fits_one(rule: dict[str, object], value: object) -> bool:
    if "enum" in rule:
        return value in rule["enum"]  # type: ignore[operator]
    kinds = {"boolean": bool, "integer": int, "string": str, "array": list}
    if type(value) is not kinds[str(rule["type"])]:
        return False
    if isinstance(value, list):
        return all(fits_one(rule["items"], item) for item in value)  # type: ignore[arg-type]
    if isinstance(value, str):
        return re.search(str(rule.get("pattern", "")), value) is not None
    return not isinstance(value, int) or value >= rule.get("minimum", value)  # type: ignore[operator]


@given(documents | st.just({"$schema": "policy.schema.json"}))
def test_the_schema_takes_what_decoding_takes(document: dict[str, object]) -> None:
    assert fits(document) == (not layer("user", document).problems)
    assert set(SCHEMA["properties"]) == {"$schema", *BY_NAME}


@given(st.from_regex(hosts.ADDRESS) | st.text(max_size=20))
def test_the_schema_is_never_stricter_about_hosts(text: str) -> None:
    try:
        hosts.canonical(text)
    except hosts.BadAddress:
        return
    assert re.search(hosts.ADDRESS, text)


@given(st.text("ab!\\/*[]", min_size=1, max_size=6))
def test_the_schema_is_never_stricter_about_patterns(text: str) -> None:
    try:
        globs.check(text)
    except globs.BadPattern:
        return
    assert fits({"deny_paths": [text]})
