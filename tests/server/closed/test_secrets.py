"""Row 15: secrets are found in what would be sent, however they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from indoors_server.closed import (
    secret_bare,
    secret_keys,
    secret_places,
    secret_quoted,
    secret_views,
    secret_words,
    secrets,
)
from support import planted

KEYS = dict(planted.keys())
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("context", planted.CONTEXTS)
@pytest.mark.parametrize("name", KEYS)
def test_row_15_a_key_with_a_known_form_is_found(name: str, context: str) -> None:
    before = "import os\n\n\ndef f(x):\n    return x\n\n\n"
    assert secrets.scan(before) == []
    assert secrets.scan(before + planted.CONTEXTS[context](KEYS[name]))


@pytest.mark.parametrize("context", ["literal", "comment", "env", "base64"])
@pytest.mark.parametrize("key", planted.MADE_UP)
def test_row_15_a_key_that_looks_made_up_is_found_too(key: str, context: str) -> None:
    assert secrets.scan(planted.CONTEXTS[context](key))


@pytest.mark.parametrize("name", planted.NAMED)
def test_row_15_a_value_that_is_named_as_a_secret_is_found(name: str) -> None:
    assert secrets.scan(f"# first\n{planted.NAMED[name]}# last\n"), planted.NAMED[name]


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_row_15_a_private_key_is_found(kind: str) -> None:
    block = planted.pem(kind)
    assert [one.what for one in secrets.scan(f"x = 1\n{block}")] == ["a private key"]
    in_a_string = block.replace("\n", "\\n")
    assert secrets.scan(f'KEY = "{in_a_string}"\n')


@pytest.mark.parametrize("text", planted.HARMLESS)
def test_what_only_looks_like_a_secret_is_none(text: str) -> None:
    assert secrets.scan(text) == []


def test_hardly_a_file_of_real_code_is_taken_for_one_with_secrets() -> None:
    files = sorted((ROOT / "server").rglob("*.py"))
    files += sorted((ROOT / "indexing").rglob("*.py"))
    hit = [path.name for path in files if secrets.scan(path.read_text())]
    assert len(files) > 200
    assert hit == []


def test_a_finding_names_the_line_and_never_the_secret() -> None:
    key = KEYS["github"]
    (found,) = secrets.scan(f"a\nb\nc = '{key}'\n")
    assert found == ("a GitHub token", 3)
    (found,) = secrets.scan(f"a\n\n{planted.CONTEXTS['added'](key)}")
    assert found.line == 3
    found = secrets.scan(f"a\n\n\n{planted.CONTEXTS['base64'](key)}")
    assert ("a GitHub token, in base64", 4) in found
    assert all(key not in one.what for one in found)


@pytest.mark.parametrize(
    "unit",
    [
        "'" + " " * 300 + '"' + " " * 300, "password=", "password: a ", "password = new x(",
        "token:[[[", "pass ", 'name="password" ', "authorization: ", "a://b:", "eyJ-", "A", "\\n",
        "machine a login b ",
        "-----BEGIN " + "PRIVATE KEY-----\n", "curl -u ", "password='" + "\\a" * 200,
    ],
)  # fmt: skip
def test_a_text_that_is_made_to_take_long_is_read(unit: str) -> None:
    """The first took a quarter of a minute once, so that nothing but an end is asked for."""
    assert len(secrets.scan(unit * (80_000 // len(unit)))) <= secrets.MAX_FOUND


def _patterns() -> list[re.Pattern[str]]:
    """All patterns of the modules that look for secrets, but those that see only one value."""
    found = [form.pattern for form in secrets.PROVIDERS]
    modules = [secret_bare, secret_keys, secret_places, secret_quoted, secret_views, secret_words]
    for value in [one for module in modules for one in vars(module).values()]:
        several = value if isinstance(value, tuple) else (value,)
        for one in several:
            inner = one if isinstance(one, tuple) else (one,)
            found += [pattern for pattern in inner if isinstance(pattern, re.Pattern)]
    return found


def test_no_pattern_repeats_without_a_bound() -> None:
    """So a search takes time in proportion to the text, whatever the text is."""
    patterns = _patterns()
    assert len(patterns) > 110
    assert _repeats_without_bound(re.compile("a+b")), "the control"
    assert [p.pattern for p in patterns if _repeats_without_bound(p)] == []


def _repeats_without_bound(pattern: re.Pattern[str]) -> bool:
    from re import _constants, _parser  # type: ignore[attr-defined]

    def look(items: Any) -> bool:
        is_pair = isinstance(items, tuple) and len(items) == 2
        if is_pair and "_REPEAT" in str(items[0]) and items[1][1] == _constants.MAXREPEAT:
            return True
        is_several = isinstance(items, list | tuple | _parser.SubPattern)
        return is_several and any(look(one) for one in items)

    return look(_parser.parse(pattern.pattern, pattern.flags))
