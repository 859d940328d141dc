"""The gateway over TLS: whose certificate it takes, and what it shows of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.certificates import Authority
from support.fake_engine_server import serving
from support.gateways import ends, gateway, write_engines

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the launcher is Linux only"),
    pytest.mark.loopback,
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "Another CA")


def kept(home: Path, name: str, source: Path) -> str:
    """A file where the gateway may read it."""
    file = home / ".config/indoors" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(source.read_bytes())
    file.chmod(0o600)
    return str(file)


def tls_answer(home: Path, fake, **more: str) -> tuple[str, str, list[str]]:
    write_engines(home, team={"url": fake.url, "api": "openai", **more})
    with gateway(home, onprem_hosts=[fake.host]) as locked:
        found = locked.run("say(all=[await asked(body={'n': 1})], problems=client.ready.problems)")
    last = found["all"][0][-1]
    return last.get("kind", last["t"]), last.get("why", ""), found["problems"]


def test_tls_with_a_ca_of_ones_own(home, authority, stranger):
    with serving(authority.sign("localhost")) as fake:
        right = {"ca_file": kept(home, "ca.pem", authority.cert)}
        assert tls_answer(home, fake, **right)[0] == "End"
        for more in ({}, {"ca_file": kept(home, "other.pem", stranger.cert)}):
            kind, why, _ = tls_answer(home, fake, **more)
            assert kind == "tls"
            assert "Its certificate is not accepted" in why
    assert len(fake.requests) == 1


@pytest.mark.parametrize(("name", "days"), [("localhost", -1), ("other.example", 2)])
def test_a_certificate_that_expired_or_is_anothers_sends_nothing(home, authority, name, days):
    with serving(authority.sign(name, days=days)) as fake:
        ca = kept(home, "ca.pem", authority.cert)
        kind, why, _ = tls_answer(home, fake, ca_file=ca)
    assert kind == "tls"
    assert ("expired" if days < 0 else "mismatch") in why
    assert fake.requests == []


def test_a_client_certificate_is_shown(home, authority, stranger):
    own, ca = authority.sign("me"), kept(home, "ca.pem", authority.cert)
    files = {
        "client_cert": kept(home, "c.pem", own.cert),
        "client_key": kept(home, "c.key", own.key),
    }
    with serving(authority.sign("localhost"), clients=authority.cert) as fake:
        assert tls_answer(home, fake, ca_file=ca, **files)[0] == "End"
        # In TLS 1.3 the server's refusal may be overtaken by its end of the connection.
        assert tls_answer(home, fake, ca_file=ca)[0] in {"tls", "broken"}
        wrong = stranger.sign("me")
        kept(home, "c.pem", wrong.cert)
        kept(home, "c.key", wrong.key)
        assert tls_answer(home, fake, ca_file=ca, **files)[0] in {"tls", "broken"}
    assert len(fake.requests) == 1


def test_files_that_cannot_be_used_are_said_and_the_other_engines_work(home, tmp_path, fake):
    outside = tmp_path / "elsewhere.pem"
    outside.write_text("x")
    key = home / ".config/indoors/open.key"
    key.parent.mkdir(parents=True)
    key.write_text("sk-abc")
    key.chmod(0o644)
    write_engines(
        home,
        team={"url": fake.url, "api": "openai"},
        locked={"url": "https://a.example", "api": "openai", "key": f"file:{key}"},
        far={"url": "https://a.example", "api": "openai", "ca_file": str(outside)},
        bad={"url": "nowhere", "api": "openai"},
    )
    with gateway(home, onprem_hosts=[fake.host, "https://a.example"]) as locked:
        found = locked.run("""
            names = ("team", "locked", "far", "bad")
            found = [await asked(endpoint=name, body={}) for name in names]
            say(all=found, problems=client.ready.problems)
        """)
    assert ends(found) == [("End", ""), ("config", False), ("config", False), ("unknown", False)]
    assert "chmod 600" in found["all"][1][0]["next_step"]
    assert len(found["problems"]) == 3
    assert "sk-abc" not in json.dumps(found)
