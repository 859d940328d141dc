"""Endpoints come from two files and no other place; an entry with a mistake is none."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from indoors_server import endpoint_files, keys
from indoors_server.endpoints import Endpoint
from support import other_users
from support.policies import place_in

GOOD = {"url": "https://GPU.example:8443/base/", "api": "openai", "model": "Qwen/Coder-32B"}


def write(file: Path, text: str, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


@pytest.fixture
def places(tmp_path: Path):
    return place_in(tmp_path / "machine"), tmp_path / "config" / "engines.json"


def load(places, machine: object = None, user: object = None) -> endpoint_files.Found:
    place, own = places
    for file, value in ((place.directory / "engines.json", machine), (own, user)):
        if value is not None:
            write(file, value if isinstance(value, str) else json.dumps(value))
    return endpoint_files.load(machine=place, user=own)


def test_without_files_there_are_none(places):
    assert load(places) == ({}, ())


def test_an_entry_is_read_in_its_one_spelling(places):
    found = load(places, user={"$schema": "x", "team": GOOD})
    assert found.problems == ()
    assert found.endpoints == {
        "team": Endpoint(
            name="team",
            url="https://gpu.example:8443/base",
            api="openai",
            model="Qwen/Coder-32B",
        )
    }
    assert endpoint_files.destination(found.endpoints["team"]) == "https://gpu.example:8443"


@pytest.mark.parametrize(
    ("api", "path", "left"),
    [
        ("openai", "/v1", ""),
        ("chat", "/v1/", ""),
        ("openai", "/base/v1", "/base"),
        ("anthropic-api", "/v1", ""),
        ("google-api", "/v1beta", ""),
        ("google-api", "/v1", "/v1"),
        ("openai", "/v1beta", "/v1beta"),
        ("ollama", "/v1", "/v1"),
        ("llama-server", "/v1", "/v1"),
    ],
)
def test_an_address_may_end_as_the_pages_of_an_api_have_it(places, api, path, left):
    """Where each call begins with it, it would be there twice."""
    entry = {"url": f"https://gpu.example:8443{path}", "api": api, "model": "m"}
    found = load(places, user={"team": entry})
    assert found.endpoints["team"].url == f"https://gpu.example:8443{left}"


@pytest.mark.parametrize("model", ["/models/Qwen2.5-Coder-7B", "./coder", "~/m/coder.gguf"])
def test_a_model_may_be_called_by_its_path_as_vllm_does(places, model):
    assert load(places, user={"team": GOOD | {"model": model}}).endpoints["team"].model == model


@pytest.mark.parametrize("broken", ['{"team": %s,}', "[]", "\xff", ""])
def test_nobodys_own_steps_in_the_place_of_a_machines_file_that_cannot_be_read(places, broken):
    found = load(places, broken.replace("%s", json.dumps(GOOD)), {"team": GOOD, "other": GOOD})
    assert found.endpoints == {}
    assert len(found.problems) == 3
    for name, told in zip(("other", "team"), found.problems[1:], strict=True):
        assert f": {name}: does not count until this machine's file can be read" in told


def test_a_machines_name_is_the_machines_alone(places):
    bad = GOOD | {"url": "ftp://gpu.example"}
    theirs = {"team": GOOD, "broken": bad}
    mine = {"team": GOOD | {"url": "https://evil.example"}, "broken": GOOD, "own": GOOD}
    found = load(places, theirs, mine)
    assert set(found.endpoints) == {"team", "own"}
    assert found.endpoints["team"].url == "https://gpu.example:8443/base"
    assert (found.endpoints["team"].layer, found.endpoints["own"].layer) == ("machine", "user")
    assert len(found.problems) == 3


@pytest.mark.parametrize("hosts", ["onprem_hosts", "closed_hosts", "not JSON"])
def test_row_11_where_the_machine_lists_hosts_nobody_leads_their_names_elsewhere(places, hosts):
    """By a proxy and a CA of one's own, code for a listed host would reach one that is not."""
    place, own = places
    entries = {
        "proxied": GOOD | {"proxy": "http://proxy.example:3128"},
        "trusting": GOOD | {"ca_file": "/own/ca.pem"},
        "plain": GOOD,
    }
    content = hosts if hosts == "not JSON" else json.dumps({hosts: ["https://gpu.example:8443"]})
    write(place.directory / "policy.json", content)
    found = load(places, {"theirs": entries["proxied"] | {"ca_file": "/etc/ca.pem"}}, entries)
    assert set(found.endpoints) == {"theirs", "plain"}
    for name, key in (("proxied", "proxy"), ("trusting", "ca_file")):
        (told,) = [one for one in found.problems if f": {name}: " in one]
        assert told.startswith(f"{own}: {name}: {key} may lead to a host")
        assert told.endswith(f"Next: ask whoever runs this machine to put the engine into "
                             f"{place.directory / 'engines.json'}")  # fmt: skip
    write(place.directory / "policy.json", json.dumps({"mode": "onprem", "deny_paths": ["x/"]}))
    assert set(load(places).endpoints) == {"theirs", *entries}


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes")
@pytest.mark.parametrize("how", ["writable", "link", "folder", "pipe"])
def test_row_11_a_machines_file_that_others_could_write_does_not_count(places, how):
    place, _ = places
    file = place.directory / "engines.json"
    assert load(places, {"team": GOOD}).endpoints  # the control
    if how == "writable":
        file.chmod(0o666)
    elif how == "folder":
        place.directory.chmod(0o777)
    else:
        file.rename(place.directory / "other.json")
        if how == "link":
            file.symlink_to("other.json")
        else:
            os.mkfifo(file)
    found = endpoint_files.load(machine=place, user=places[1])
    assert found.endpoints == {}
    assert "TAMPERED" in found.problems[0]


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes")
def test_a_persons_file_that_everybody_can_write_does_not_count(places):
    write(places[1], json.dumps({"team": GOOD}), 0o666)
    found = load(places)
    assert found.endpoints == {}
    assert "can be written by everybody" in found.problems[0]


BAD = [
    {"url": "http://gpu.example:8000"},
    {"url": "https://user@gpu.example"},
    {"url": "https://gpu.example/../x"},
    {"url": "https://gpu.example/a?b=c"},
    {"url": "https://gpu.example/a#b"},
    {"url": "https://*.example"},
    {"url": "https://169.254.169.254.:443"},
    {"url": 7},
    {"api": "openAI"},
    {"key": "sk-this-is-the-key-itself"},
    {"key": "file:relative"},
    {"ca_file": "ca.pem"},
    {"headers": {"Authorization": "Bearer x"}},
    {"headers": {"X-A": "a\r\nHost: evil"}},
    {"headers": {"X-A": 1}},
    {"headers": {"X-A": "1", "x-a": "2"}},
    {"headers": {"Proxy-Authorization": "x"}},
    {"proxy": "http://user:word@proxy:3128"},
    {"proxy": "socks5://proxy:1080"},
    {"pin": ["10.0.0.0/8"]},
    {"pin": []},
    {"proxy": "http://proxy:3128", "pin": ["10.0.0.1"]},
    {"proxy": "http://proxy:3128", "addresses": ["10.0.0.0/8"]},
    {"addresses": ["10.0.0.1/8"]},
    {"addresses": [167772160]},
    {"connect_s": 0},
    {"read_s": True},
    {"read_s": "30"},
    {"connect_s": 10**400},
    {"price_input": -(10**400)},
    {"answer_tokens": 4096, "api": "ollama"},
    {"model": "/models/x", "api": "openai-api"},
    {"price_input": -1},
    {"price_input": 3},
    {"currency": "dollars"},
    {"context_tokens": 1.5},
    {"instruct": 1},
    {"client_cert": "/etc/indoors/c.pem"},
    {"model": "a b"},
    {"modle": "x"},
    {"name": "x"},
    {"layer": "machine"},
]


@pytest.mark.parametrize("change", BAD, ids=lambda change: json.dumps(change)[:50])
def test_an_entry_with_a_mistake_is_none_and_the_others_count(places, change):
    found = load(places, user={"good": GOOD, "bad": GOOD | change})
    assert set(found.endpoints) == {"good"}
    assert len(found.problems) == 1
    assert "this-is-the-key" not in found.problems[0]


@pytest.mark.parametrize("name", ["local", "none", "Team", "", "a/b", "-a", "a" * 41, "ä"])
def test_names_are_plain(places, name):
    assert load(places, user={name: GOOD}).endpoints == {}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"a": %s, "a": %s, "b": %s}', {"b"}),
        ('{"a": {"url": "https://x.example", "url": "https://y.example", "api": "chat"}}', set()),
        ('{"a": %s, "b": %s, "c": {"headers": {"X": "1", "X": "2"}}}', {"a", "b"}),
        ("[%s]", set()),
        ('{"a": %s, "b": NaN}', set()),
        ('{"a": %s} x', set()),
        ("\xff", set()),
        ("[" * 100_000, set()),
        ("", set()),
    ],
)
def test_json_is_strict(places, text, left):
    found = load(places, user=text.replace("%s", json.dumps(GOOD)))
    assert set(found.endpoints) == left
    assert found.problems


def test_an_answer_is_waited_for_as_long_as_its_kind_takes():
    """An API whose model thinks is silent for minutes, after the request was sent and counted."""
    values = {"url": "https://x.example", "model": "m"}
    team = endpoint_files.Endpoint(name="team", api="openai", **values)
    closed = endpoint_files.Endpoint(name="closed", api="openai-api", **values)
    assert [team.read_limit_s(is_edit=one) for one in (False, True)] == [30.0, 300.0]
    assert closed.read_limit_s(is_edit=True) == 600.0
    for one in (team, closed):
        chosen = msgspec.structs.replace(one, read_s=7.0)
        assert chosen.read_limit_s(is_edit=True) == chosen.read_limit_s(is_edit=False) == 7.0


def test_every_prefix_of_a_file_is_read_without_a_failure():
    raw = json.dumps({"team": GOOD, "other": GOOD | {"headers": {"X": "1"}}}).encode()
    for end in range(len(raw)):
        assert endpoint_files.parse(raw[:end], "f", "user")[0] == {}
    assert len(endpoint_files.parse(raw, "f", "user")[0]) == 2


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_is_read_from_a_private_file(tmp_path):
    file = tmp_path / "key"
    write(file, "sk-abc\n", 0o600)
    assert keys.read(f"file:{file}") == "sk-abc"
    assert keys.read("") == ""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


READ = """
import json, sys
from indoors_server import keys
try:
    print(json.dumps(keys.read(f"file:{sys.argv[1]}")))
except keys.NoKey as error:
    print(json.dumps([str(error), error.next_step]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other users are made with Linux' means")
def test_row_24_a_key_of_the_whole_machine_is_for_a_group_that_root_has_chosen(open_folder):
    file = open_folder / "coder.key"
    write(file, "sk-abc\n", 0o600)
    said, step = other_users.tell(other_users.USER, READ, str(file))
    assert "Permission denied" in said
    assert "chmod 640" in step
    os.chown(file, 0, other_users.USER)
    file.chmod(0o640)
    assert other_users.tell(other_users.USER, READ, str(file)) == "sk-abc"
    for mode in (0o660, 0o644):
        file.chmod(mode)
        assert "can be read by others" in other_users.tell(other_users.USER, READ, str(file))[0]
    os.chown(file, other_users.USER, other_users.USER)
    file.chmod(0o640)
    assert "can be read by others" in other_users.tell(other_users.USER, READ, str(file))[0]


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes")
@pytest.mark.parametrize("how", ["open", "link", "pipe", "empty", "gone", "two lines"])
def test_row_24_a_key_that_others_can_read_or_that_is_none_is_not_used(tmp_path, how):
    file = tmp_path / "key"
    write(file, "sk-abc", 0o600)
    if how == "open":
        file.chmod(0o644)
    elif how == "link":
        file.rename(tmp_path / "other")
        file.symlink_to(tmp_path / "other")
    elif how == "pipe":
        file.unlink()
        os.mkfifo(file)
    elif how == "empty":
        file.write_text("\n")
    elif how == "two lines":
        file.write_text("sk-abc\nsk-def")
    else:
        file.unlink()
    with pytest.raises(keys.NoKey) as caught:
        keys.read(f"file:{file}")
    assert "sk-abc" not in str(caught.value) + caught.value.next_step
    assert caught.value.next_step


class Ring:
    def __init__(self, answer: str | None) -> None:
        self.answer = answer

    def get_password(self, service: str, user: str) -> str | None:
        if self.answer == "locked":
            raise RuntimeError("sk-abc")
        return self.answer if (service, user) == ("indoors", "team") else None


def test_a_keyring_is_asked_by_its_package_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", Ring("sk-abc"))
    assert keys.read("keyring:indoors/team") == "sk-abc"
    with pytest.raises(keys.NoKey, match="not in the keyring"):
        keys.read("keyring:indoors/other")
    monkeypatch.setitem(sys.modules, "keyring", Ring("locked"))
    with pytest.raises(keys.NoKey) as caught:
        keys.read("keyring:indoors/team")
    assert "sk-abc" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(keys.NoKey, match="not installed"):
        keys.read("keyring:indoors/team")
