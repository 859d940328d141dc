"""Verdicts and their reasons; deny patterns and destinations, which they are made of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_indexing import denies as globs
from indoors_server.policy import hosts
from indoors_server.policy.decision import Policy, merge
from indoors_server.policy.operators import operator_at
from indoors_server.policy.table import BUILT_IN_DENIES
from support.policies import A, C, layer

CLOSED = {"mode": "closed", "onprem_hosts": [A], "closed_hosts": [C]}


def of(**values: Any) -> Policy:
    return merge([layer("user", values)])


# --- verdicts -----------------------------------------------------------------------------------


def test_what_is_allowed_has_no_reason() -> None:
    verdict = of().may_complete("src/a.py")
    assert verdict
    assert verdict.reason == ""


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"mode": "off"}, "nothing is completed: the policy's mode is off (mode, user user.json)"),
        ({"complete": False}, "nothing is completed: the policy has complete false (complete, us"),
        ({"deny_paths": ["src/"]}, "'src/a.py' is denied by the pattern src/ (deny_paths, user u"),
    ],
)
def test_a_refusal_says_why_and_who(values: dict[str, Any], says: str) -> None:
    assert of(**values).may_complete("src/a.py").reason.startswith(says)


def test_the_index_has_its_own_switch_and_the_same_denies() -> None:
    assert not of(index=False).may_index("a.py")
    assert of(index=False).may_complete("a.py")
    verdict = of().may_index("conf/.env.local")
    assert (verdict.key, verdict.rule, verdict.layer) == ("deny_paths", ".env*", "default")
    assert "built in" in verdict.reason


@pytest.mark.parametrize(
    ("mode", "host", "kind", "allowed", "says"),
    [
        ("off", A, "refactor", False, "code goes nowhere"),
        ("local", A, "inline", False, "mode is local"),
        ("onprem", A, "inline", True, ""),
        ("onprem", A + "/", "refactor", True, ""),
        ("onprem", "https://A.example", "inline", True, ""),
        ("onprem", "https://a.example:444", "inline", False, "indoors policy allow https://a.ex"),
        ("onprem", "http://a.example:443", "inline", False, "https://"),
        ("onprem", C, "refactor", False, "Next: indoors policy mode closed"),
        ("closed", A, "inline", True, ""),
        ("closed", C, "refactor", True, ""),
        ("closed", C, "inline", False, "inline completion never goes to one"),
        ("closed", C, "index", False, "inline completion never"),
        ("closed", "nonsense", "refactor", False, "scheme, host and port"),
    ],
)
def test_sending(mode: str, host: str, kind: Any, allowed: bool, says: str) -> None:
    verdict = of(**CLOSED | {"mode": mode}).may_send("src/a.py", host, kind)
    assert bool(verdict) == allowed
    assert says in verdict.reason


ADMIN = "ask who administers this machine: its policy decides the mode"


@pytest.mark.parametrize(
    ("machine", "user", "workspace", "step"),
    [
        ("", "", "", "indoors policy mode onprem"),
        ("", "off", "", "indoors policy mode onprem"),
        ("onprem", "local", "", "indoors policy mode onprem"),
        ("local", "", "", ADMIN),
        ("local", "onprem", "", ADMIN),
        ("", "onprem", "local", "indoors policy explain mode"),
    ],
)
def test_a_mode_that_lets_nothing_out_says_who_can_change_it(
    machine: str, user: str, workspace: str, step: str
) -> None:
    said = {"machine": machine, "user": user, "workspace": workspace}
    found = merge([layer(name, {"mode": mode}) for name, mode in said.items() if mode])  # type: ignore[arg-type]
    for verdict in (found.may_reach(A, "inline"), found.may_send("src/a.py", A, "inline")):
        assert verdict.reason.partition(". Next: ")[2] == step


def test_a_mode_that_lets_nothing_out_names_the_mode_that_a_closed_api_needs() -> None:
    for values in ({}, {"mode": "local", "closed_hosts": [C]}):
        at = C if values else "https://api.anthropic.com:443"
        assert of(**values).may_reach(at, "refactor").reason.endswith("indoors policy mode closed")


@pytest.mark.parametrize(
    "path", ["", ".", "../a.py", "a/../../b.py", "/etc/passwd", "C:\\a.py", "c:a.py", "\\\\s\\a"]
)
def test_nothing_outside_the_workspace_is_sent(path: str) -> None:
    assert "not a file of this workspace" in of(**CLOSED).may_send(path, A, "inline").reason


@pytest.mark.parametrize("path", [".env", "a/../secrets/k", "secrets/../a.pem", "x/./.netrc"])
def test_denied_files_are_not_sent_however_they_are_spelled(path: str) -> None:
    assert of(**CLOSED).may_send(path, A, "inline").key == "deny_paths"


@pytest.mark.parametrize(
    ("values", "verified", "licence", "key"),
    [
        ({}, False, "", ""),
        ({"strict": True}, True, "Apache-2.0", ""),
        ({"strict": True}, False, "Apache-2.0", "strict"),
        ({"allow_unverified_models": False}, False, "MIT", "allow_unverified_models"),
        ({"allow_unverified_models": False}, True, "MIT", ""),
        ({"forbidden_licences": ["restricted"]}, True, "restricted", "forbidden_licences"),
        ({"forbidden_licences": ["gpl-3.0"]}, True, "(MIT OR GPL-3.0)", "forbidden_licences"),
        ({"forbidden_licences": ["GPL"]}, True, "GPL-3.0", ""),
    ],
)
def test_models(values: dict[str, Any], verified: bool, licence: str, key: str) -> None:
    verdict = of(**values).may_use_model(verified=verified, licence=licence)
    assert (verdict.allowed, verdict.key) == (not key, key)
    assert bool(verdict.reason) == bool(key)


# --- patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "denied"),
    [
        (".env*", ".env", True),
        (".env*", "a/b/.ENV.local", True),
        (".env*", "a/.env.d/x.py", True),
        (".env*", "a/env.py", False),
        ("*.pem", "a.pem/readme", True),
        ("secrets/", "secrets/a/b.py", True),
        ("secrets/", "x/Secrets/a", True),
        ("secrets/", "secrets", False),
        ("secrets/", "secrets/", True),
        ("secrets/", "x/secrets.py", False),
        ("/src", "src/a.py", True),
        ("/src", "lib/src/a.py", False),
        ("a/b", "a/b/c", True),
        ("a/b", "x/a/b", False),
        ("a/b/", "a/b", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z/q", True),
        ("a/**/z", "b/z", False),
        ("a/**", "a/b", True),
        ("a/**", "a", False),
        ("**/k", "k", True),
        ("**/k", "x/y/k", True),
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a/b/b/c", False),
        ("[^a].txt", "b.txt", True),
        ("[^a].txt", "a.txt", False),
        ("[[]x", "[x", True),
        ("*.key", "C:\\work\\a.key", True),
        ("*.key", "a\\b.key", True),
        ("secrets/", "x\\secrets\\a", True),
        ("secrets/", "\u017fecrets/a", True),
        ("*.key", "a.key.", True),
        ("*.key", "a.key::$DATA", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("/a", "b/../a", True),
        ("/a", "./a", True),
    ],
)
def test_patterns(pattern: str, path: str, denied: bool) -> None:
    globs.check(pattern)
    assert globs.Denies((pattern,)).match(path) == (pattern if denied else "")


@pytest.mark.parametrize(
    "pattern", ["", " ", "/", "!a", "a\\b", "a//b", "./a", "a/../b", "x" * 201]
)
def test_patterns_that_would_mislead_are_refused(pattern: str) -> None:
    with pytest.raises(globs.BadPattern):
        globs.check(pattern)


def test_every_built_in_pattern_passes_its_own_check() -> None:
    for pattern in BUILT_IN_DENIES:
        globs.check(pattern)


@given(st.text("*?[]!-a/", max_size=60), st.text("a/b*[", max_size=200))
def test_no_pattern_stalls_or_raises(pattern: str, path: str) -> None:
    try:
        globs.check(pattern)
    except globs.BadPattern:
        return
    globs.Denies((pattern, "*a" * 40 + "b", "**/" * 40 + "b")).match(path + "a" * 200)


@given(st.lists(st.sampled_from(BUILT_IN_DENIES), max_size=3), st.text("a./env\\*k", max_size=12))
def test_more_patterns_never_allow_more(patterns: list[str], path: str) -> None:
    if globs.Denies((".env*",)).match(path):
        assert globs.Denies((*patterns, ".env*")).match(path)


@pytest.mark.parametrize(
    ("host", "operator"),
    [
        ("https://api.openai.com:443", "OpenAI"),
        ("https://api.openai.com:8443", "OpenAI"),
        ("https://eu.api.openai.com:443", "OpenAI"),
        ("https://us-central1-aiplatform.googleapis.com:443", "Google"),
        ("https://ours.openai.azure.com:443", "Microsoft"),
        ("https://codestral.mistral.ai:443", "Mistral AI"),
        ("https://ollama.com:443", "Ollama"),
        ("https://ours.services.ai.azure.com:443", "Microsoft"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com:443", "Amazon"),
        ("https://vpce-1.bedrock-runtime-fips.eu-west-3.amazonaws.com:443", "Amazon"),
        ("https://bedrock-mantle.us-east-1.api.aws:443", "Amazon"),
        ("https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com:443", "Amazon"),
        ("https://aiplatform.us.rep.googleapis.com:443", "Google"),
        ("https://us-central1-aiplatform.p.googleapis.com:443", "Google"),
        ("https://not-bedrock.eu-west-3.amazonaws.com:443", ""),
        ("https://my-api.openai.com:443", ""),
        ("https://api.openai.com.example:443", ""),
        ("https://[2001:db8::1]:443", ""),
        (A, ""),
    ],
)
def test_row_13_what_all_know_as_an_api_of_others_is_no_engine_of_ones_own(
    host: str, operator: str
) -> None:
    assert operator_at(host) == operator
    own = of(mode="onprem", onprem_hosts=[host])
    for kind in ("inline", "refactor"):
        verdict = own.may_reach(host, kind)  # type: ignore[arg-type]
        assert bool(verdict) == (not operator)
        assert not operator or f"Next: indoors policy allow {host} --closed" in verdict.reason
    assert own.calls_closed(host) == bool(operator)
    listed = of(mode="closed", closed_hosts=[host])
    assert listed.may_reach(host, "refactor")
    assert not listed.may_reach(host, "inline")


# --- destinations -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://Models.Example", "https://models.example:443"),
        ("https://models.example:8443/", "https://models.example:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "http://127.0.0.1:80"),
        ("http://[::1]:11434", "http://[::1]:11434"),
        ("https://[2001:DB8:0:0::1]", "https://[2001:db8::1]:443"),
        ("https://10.0.0.5:443", "https://10.0.0.5:443"),
    ],
)
def test_destinations_have_one_spelling(text: str, canonical: str) -> None:
    assert hosts.canonical(text) == canonical == hosts.canonical(canonical)


@pytest.mark.parametrize(
    "text",
    [
        "models.example",
        "ftp://models.example",
        "http://models.example",
        "http://10.0.0.5",
        "http://localhost.example",
        "https://",
        "https://*.example",
        "https://user@models.example",
        "https://models.example/v1",
        "https://models.example?x",
        "https://models.example#x",
        "https://models.example\\.evil.example",
        "https://models.example:0",
        "https://models.example:65536",
        "https://models.example.",
        "https://models..example",
        "https://-a.example",
        "https://127.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0x7f000001",
        "https://010.0.0.5",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://mod\u212als.example",
        "https://ex\u00e4mple.example",
        " https://models.example",
        "https://models.example\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_destination(text: str) -> None:
    with pytest.raises(hosts.BadAddress):
        hosts.canonical(text)
