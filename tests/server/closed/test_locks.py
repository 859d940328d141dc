"""Rows 9, 13, 14, 15: each of the six locks holds by itself, and counts only what is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from indoors_completion.types import InputError
from indoors_server.closed import consent, locks, preview
from indoors_server.closed.ledger import Full, Ledger, month
from indoors_server.gateway import wire
from support import planted
from support.closed_apis import HOST, agreed, endpoint, policy, stores

BODY = json.dumps({"messages": [{"content": "def f(): pass"}]}).encode()
KEYS = dict(planted.keys())
NOW_S = 1_800_000_000.0


def ask(workspace: Path, body: bytes = BODY, **values: Any) -> wire.Ask:
    whole: dict[str, Any] = {
        "endpoint": "theirs", "kind": "refactor", "call": "/v1/messages", "body": body,
        "workspace": str(workspace), "sources": ("src/a.py",),
        "accepted_sha256": sha256(body).hexdigest(),
    }  # fmt: skip
    return wire.Ask(**{**whole, **values})


class Open:
    """A request that passes all locks; each test changes one thing."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "w"
        self.workspace.mkdir()
        self.endpoint, self.policy = endpoint(), policy()
        self.consent = agreed(self.workspace, self.endpoint, self.policy, now_s=NOW_S - 10)
        self.ask = ask(self.workspace)
        self.installed = True
        self.folder = folder / "state"

    def check(self, stage: locks.Stage = "send") -> locks.Verdict:
        kept = stores(self.folder, self.consent, now_s=NOW_S)
        installed = lambda: self.installed  # noqa: E731
        return locks.check(
            self.ask, self.endpoint, self.policy, kept, stage=stage, installed=installed
        )


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    return Open(tmp_path)


def set_(**values: Any) -> Callable[[Open], None]:
    def change(one: Open) -> None:
        for name, value in values.items():
            old = getattr(one, name)
            setattr(one, name, replace(old, **value) if isinstance(value, dict) else value)

    return change


def other_folder(one: Open) -> None:
    one.workspace.rename(one.workspace.with_name("was"))
    one.workspace.mkdir()


HELD: dict[str, tuple[Callable[[Open], None], int, str]] = {
    "mode local": (set_(policy=policy(mode="local")), 1, "policy"),
    "mode onprem": (set_(policy=policy(mode="onprem")), 1, "policy"),
    "host not listed": (set_(policy=policy(closed_hosts=[])), 1, "policy"),
    "another port": (set_(endpoint={"url": "https://api.example:444"}), 1, "policy"),
    "listed as on-prem only": (
        set_(policy=policy(closed_hosts=[], onprem_hosts=[HOST])), 1, "policy",
    ),
    "extra missing": (set_(installed=False), 2, "config"),
    "no key": (set_(endpoint={"key": ""}), 3, "config"),
    "a key itself": (set_(endpoint={"key": "abc"}), 3, "config"),
    "no model": (set_(endpoint={"model": ""}), 3, "config"),
    "another workspace": (set_(ask={"workspace": "/"}), 4, "consent"),
    "no workspace": (set_(ask={"workspace": ""}), 4, "consent"),
    "another folder in its place": (other_folder, 4, "consent"),
    "for another endpoint": (set_(consent={"endpoint": "other"}), 4, "consent"),
    "for another address": (set_(consent={"url": "https://was.example"}), 4, "consent"),
    "for another model": (set_(consent={"model": "small"}), 4, "consent"),
    "with another entry": (set_(consent={"entry": "0" * 64}), 4, "consent"),
    "under another policy": (set_(consent={"policy_hash": "0" * 64}), 4, "consent"),
    "ended": (set_(consent={"ends_s": NOW_S}), 4, "consent"),
    "not begun": (set_(consent={"given_s": NOW_S + 100}), 4, "consent"),
    "completion": (set_(ask={"kind": "completion"}), 5, "policy"),
    "probe": (set_(ask={"kind": "probe"}), 5, "policy"),
    "denied file": (set_(ask={"sources": ("src/a.py", ".env")}), 5, "policy"),
    "outside": (set_(ask={"sources": ("../b.py",)}), 5, "policy"),
    "absolute": (set_(ask={"sources": ("/etc/passwd",)}), 5, "policy"),
    "no file named": (set_(ask={"sources": ()}), 5, "policy"),
    "another call": (set_(ask={"call": "/v1/files"}), 5, "unknown"),
    "no JSON": (set_(ask={"body": b"{"}), 5, "policy"),
    "not accepted": (set_(ask={"accepted_sha256": ""}), 6, "preview"),
    "another body": (set_(ask={"body": BODY + b" "}), 6, "preview"),
}  # fmt: skip


def test_row_13_the_control_passes_and_is_counted(opened: Open) -> None:
    for stage in locks.STAGES:
        assert opened.check(stage), stage
    assert Ledger(opened.folder).used(NOW_S).requests == 1
    assert Ledger(opened.folder).used(NOW_S).bytes == len(BODY)


@pytest.mark.parametrize("name", HELD)
def test_row_13_each_lock_holds_by_itself(opened: Open, name: str) -> None:
    change, lock, kind = HELD[name]
    change(opened)
    verdict = opened.check()
    assert not verdict
    assert (verdict.lock, verdict.kind) == (lock, kind), str(verdict)
    assert verdict.what
    assert Ledger(opened.folder).used(NOW_S).requests == 0


def test_row_15_a_secret_in_the_body_is_refused_before_anything_is_shown(opened: Open) -> None:
    for name, key in KEYS.items():
        opened.ask = ask(opened.workspace, json.dumps({"a": [{"text": f"x = '{key}'"}]}).encode())
        for stage in ("preview", "send"):
            verdict = opened.check(stage)  # type: ignore[arg-type]
            assert verdict.kind == "secret", name
            assert key not in str(verdict)
    in_a_name = json.dumps({KEYS["github"]: 1}).encode()
    opened.ask = ask(opened.workspace, in_a_name)
    assert opened.check().kind == "secret"
    assert Ledger(opened.folder).used(NOW_S).requests == 0


def test_row_15_a_secret_that_json_spells_otherwise_is_found(opened: Open) -> None:
    key = KEYS["github"]
    spelled = "".join(f"\\u{ord(c):04x}" for c in key)
    opened.ask = ask(opened.workspace, f'{{"a": "{spelled}"}}'.encode())
    assert key.encode() not in opened.ask.body
    assert opened.check().kind == "secret"


def test_row_15_what_stands_behind_a_name_that_occurs_twice_is_not_sent(opened: Open) -> None:
    """Of two values of one name most readers keep the last, and the API would get both."""
    key = KEYS["github"]
    for body in (
        f'{{"a": "{key}", "a": ""}}',
        f'{{"a": "{key}", "\\u0061": ""}}',
        f'{{"messages": [{{"b": {{"c": "{key} x", "c": []}}}}]}}',
    ):
        opened.ask = ask(opened.workspace, body.encode())
        for stage in ("preview", "send"):
            verdict = opened.check(stage)  # type: ignore[arg-type]
            assert (verdict.lock, verdict.kind) == (5, "policy"), body
            assert key not in str(verdict)
        shown = preview.of(opened.endpoint, body.encode(), 10)
        assert key in shown.text
    assert Ledger(opened.folder).used(NOW_S).requests == 0


@pytest.mark.parametrize("body", [b'"\\ud800"', b"[NaN]", b"[" * 200_000, '"a"'.encode("utf-16")])
def test_what_readers_take_for_different_things_is_not_sent(opened: Open, body: bytes) -> None:
    opened.ask = ask(opened.workspace, body)
    verdict = opened.check()
    assert (verdict.lock, verdict.kind) == (5, "policy")


def test_the_month_has_an_end(opened: Open) -> None:
    opened.policy = policy(closed_monthly_requests=2, closed_monthly_bytes=3 * len(BODY))
    opened.consent = agreed(opened.workspace, opened.endpoint, opened.policy, now_s=NOW_S - 10)
    assert opened.check()
    assert opened.check()
    assert opened.check().kind == "limit"
    assert opened.check("preview").kind == "limit"
    assert Ledger(opened.folder).used(NOW_S).requests == 2
    assert Ledger(opened.folder).used(NOW_S + 40 * 86400).requests == 0
    assert month(NOW_S) == "2027-01"


def test_bytes_have_a_limit_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.take(60, 10, 100, NOW_S)
    with pytest.raises(Full, match="closed_monthly_bytes"):
        ledger.take(41, 10, 100, NOW_S)
    ledger.take(40, 10, 100, NOW_S)


def test_a_damaged_count_allows_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.take(1, 10, 100, NOW_S)
    for damage in (b"{", b'{"2027-01": {"requests": -5, "bytes": 0}}', b"[]", b'{"a": 1}'):
        (tmp_path / "closed-usage.json").write_bytes(damage)
        with pytest.raises(Full, match="damaged"):
            ledger.take(1, 10, 100, NOW_S)


# --- consents -----------------------------------------------------------------------------------


def test_a_consent_is_written_for_its_owner_alone_and_taken_back(tmp_path: Path) -> None:
    place, folder = tmp_path / "c" / "consents.json", tmp_path / "w"
    folder.mkdir()
    one, own = endpoint(), policy()
    consent.allow(str(folder), one, own.hash, NOW_S, place=place)
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    (found,) = consent.read(place)
    assert found.ends_s == NOW_S + consent.LASTS_S
    consent.given(consent.read(place), str(folder), one, own.hash, NOW_S + 1)
    consent.allow(str(folder), one, own.hash, NOW_S + 5, place=place)
    assert len(consent.read(place)) == 1, "a newer one replaces it"
    assert consent.revoke("theirs", str(folder), place=place)
    with pytest.raises(consent.NoConsent):
        consent.given(consent.read(place), str(folder), one, own.hash, NOW_S + 1)


def test_any_key_of_an_entry_ends_a_consent_and_one_that_it_does_not_have_ends_none() -> None:
    """Another version of ours may know more keys; with their defaults nothing is another."""
    one = endpoint()
    for changed in (
        {"read_s": 5.0},
        {"answer_tokens": 9},
        {"layer": "machine"},
        {"pin": ("1.2.3.4",)},
    ):
        assert consent.entry_of(replace(one, **changed)) != consent.entry_of(one), changed
    said = {"name": one.name, "url": one.url, "api": one.api, "model": one.model, "key": one.key}
    said = json.dumps(dict(sorted(said.items())), separators=(",", ":"))
    assert consent.entry_of(one) == sha256(said.encode()).hexdigest()


@pytest.mark.parametrize("name", ["a b", "two  spaces", "line\nbreak", "x" * 250])
def test_the_command_that_agrees_is_said_whole_or_not_at_all(opened: Open, name: str) -> None:
    opened.workspace = opened.workspace.with_name(name)
    opened.workspace.mkdir()
    opened.ask = replace(opened.ask, workspace=str(opened.workspace))
    step = opened.check().next_step
    if name == "a b":
        assert step == f"indoors closed allow theirs --workspace '{opened.workspace}'"
    else:
        assert step == "indoors closed allow theirs, in a terminal in the workspace's folder"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_row_9_a_file_that_others_could_have_touched_is_no_consent(
    tmp_path: Path, mode: int
) -> None:
    place = tmp_path / "consents.json"
    consent.allow(str(tmp_path), endpoint(), "h", NOW_S, place=place)
    place.chmod(mode)
    with pytest.raises(consent.NoConsent, match="mode"):
        consent.read(place)
    with pytest.raises(InputError):
        consent.allow(str(tmp_path), endpoint(), "h", NOW_S, place=place)


def test_row_9_a_link_or_a_damaged_file_is_no_consent(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    consent.allow(str(tmp_path), endpoint(), "h", NOW_S, place=real)
    link.symlink_to(real)
    with pytest.raises(consent.NoConsent):
        consent.read(link)
    for damage in ('{"consents": [], "version": 1, "x": 1}', "[]", "", '{"consents": [1]}'):
        real.write_text(damage)
        with pytest.raises(consent.NoConsent, match="damaged"):
            consent.read(real)


def test_row_9_a_repository_has_no_way_to_consent(tmp_path: Path) -> None:
    """The place is the person's configuration; nothing in the workspace is looked at."""
    workspace = tmp_path / "w"
    workspace.mkdir()
    for name in (consent.FILE, f".indoors/{consent.FILE}", ".indoors.json"):
        (workspace / name).parent.mkdir(exist_ok=True)
        consent.allow(str(workspace), endpoint(), policy().hash, NOW_S, place=workspace / name)
    kept = locks.Stores(
        consents=lambda: consent.read(tmp_path / "config" / consent.FILE),
        ledger=Ledger(tmp_path),
        now_s=lambda: NOW_S,
    )
    verdict = locks.check(ask(workspace), endpoint(), policy(), kept, installed=lambda: True)
    assert verdict.kind == "consent"
