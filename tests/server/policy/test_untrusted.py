"""A repository's file and an editor's settings can only narrow (threat row 9); the user's file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_server import policy
from indoors_server import settings as other_settings
from indoors_server.policy import files, layers
from indoors_server.policy.decision import merge
from indoors_server.policy.table import BY_NAME
from support.policies import A, B, C, allowed, documents

OPEN: dict[str, Any] = {"mode": "closed", "onprem_hosts": [A], "closed_hosts": [C]}
USER = layers.from_value("user", "user.json", OPEN)
BEFORE = merge([USER])
FULL = allowed(BEFORE)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
# As an attacker would: keys that exist, values that fit, and anything else besides.
sections = (
    documents
    | json_values
    | st.dictionaries(st.sampled_from([*BY_NAME, "$schema", "Mode"]), json_values, max_size=3)
)
dotted = documents.map(lambda d: {f"policy.{key}": value for key, value in d.items()})
sent = (
    json_values
    | dotted
    | sections.map(lambda section: {"policy": section})
    | st.tuples(dotted, sections).map(lambda both: both[0] | {"policy": both[1]})
)
contents = st.binary(max_size=40) | sent.map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@settings(max_examples=1_000)
@given(contents, st.integers(0, 200))
def test_row_9_a_workspace_file_never_enlarges(folder: Path, raw: bytes, cut: int) -> None:
    for content in (raw, raw[:cut]):
        (folder / ".indoors.json").write_bytes(content)
        after = merge([USER, files.workspace_layer(folder)])
        assert allowed(after) <= FULL


@settings(max_examples=1_000)
@given(sent)
def test_row_9_editor_settings_never_enlarge(sent: Any) -> None:
    """initializationOptions and didChangeConfiguration arrive here as they were sent."""
    assert allowed(merge([USER, files.editor_layer(sent)])) <= FULL
    assert allowed(merge([files.editor_layer(sent)])) <= allowed(merge([]))


@given(sections)
def test_row_9_other_files_of_a_workspace_count_for_nothing(folder: Path, section: Any) -> None:
    (folder / ".indoors.json").unlink(missing_ok=True)
    before = policy.load(folder, machine=nowhere(folder), user=folder / "none.json")
    (folder / ".vscode").mkdir(exist_ok=True)
    content = {"policy": section, "indoors": {"policy": section}, "indoors.policy": section}
    (folder / ".vscode" / "settings.json").write_text(json.dumps(content))
    (folder / ".env").write_text("INDOORS_POLICY_MODE=closed\nINDOORS_MODE=closed\n")
    (folder / "policy.json").write_text(json.dumps(section))
    after = policy.load(folder, machine=nowhere(folder), user=folder / "none.json")
    assert after.hash == before.hash


def nowhere(folder: Path) -> files.MachinePlace:
    return files.MachinePlace(directory=folder / "none", top=folder)


def test_row_9_control_the_same_in_the_users_own_file_does_count(folder: Path) -> None:
    own = folder / "own.json"
    own.write_text(json.dumps(OPEN))
    own.chmod(0o600)
    found = policy.load(machine=nowhere(folder), user=own)
    assert allowed(found) == FULL > allowed(merge([]))


def test_row_9_control_a_workspace_and_an_editor_do_narrow(folder: Path) -> None:
    section = {"policy": {"mode": "onprem", "deny_paths": ["src/"]}}
    (folder / ".indoors.json").write_text(json.dumps(section))
    for layer in (files.workspace_layer(folder), files.editor_layer(section)):
        found = merge([USER, layer])
        assert found.mode == "onprem"
        assert not found.may_index("src/a.py")
        assert found.problems == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not valid JSON"),
        (b'{"policy": {"mode": "closed", "mode": "off"}}', "mode occurs twice"),
        (b'{"policy": {"modes": "off"}}', "modes is not a key of a policy; mode is"),
        (b'{"policy": null}', "policy must be an object"),
        (b'{"policy": {"mode": "off"}, "policy.mode": "local"}', "is given both"),
        (b'{"other": NaN, "policy": {}}', "has NaN"),
        (b"[]", "must be an object with settings"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_row_9_of_an_invalid_workspace_nothing_leaves(
    folder: Path, content: bytes, says: str
) -> None:
    (folder / ".indoors.json").write_bytes(content)
    found = merge([USER, files.workspace_layer(folder)])
    verdict = found.may_send("a.py", A, "inline")
    assert not verdict
    assert verdict.layer == "workspace"
    assert ".indoors.json" in verdict.reason
    assert says in str(found.problems[0])
    assert found.may_complete("a.py")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "link", "dangling link", "folder"])
def test_row_9_a_workspace_file_that_is_no_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "real.json").write_text("{}")
    file = tmp_path / ".indoors.json"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("real.json" if kind == "link" else "nowhere")
    found = merge([USER, files.workspace_layer(tmp_path)])
    assert found.mode == "local"
    assert found.problems


def test_an_editor_may_send_null_and_settings_that_are_no_policy() -> None:
    for raw in (None, [], {}, {"policy": None}, {"policy": {"mode": None}}, {"model": "x"}):
        assert files.editor_layer(raw) == layers.Layer(name="editor")
    mixed = {"policy": {"strict": True}, "policy.mode": "off", "model": "x"}
    assert files.editor_layer(mixed).values == {"strict": True, "mode": "off"}


def test_a_policy_is_no_setting_and_no_mistake_in_one() -> None:
    raw = {"policy": {"mode": "off"}, "policy.strict": True, "completion": {"maxLines": 3}}
    options = other_settings.decode("w", raw)
    assert (options.values, options.problems) == ({"completion.maxLines": 3}, ())


# --- the user's own file ------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"{", b'{"mode": "closed", "x": 1}', b"\xff"])
def test_an_invalid_user_file_holds_to_local(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(content)
    found = policy.load(machine=nowhere(tmp_path), user=file)
    assert (found.mode, found.strict) == ("local", False)
    assert f"Next: mend it, then: indoors policy check {file}." in str(found.problems[0])


@pytest.mark.skipif(os.name == "nt", reason="modes and owners")
def test_a_user_file_that_others_wrote_holds_to_local(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"mode": "onprem", "onprem_hosts": [B]}))
    file.chmod(0o666)
    found = policy.load(machine=nowhere(tmp_path), user=file)
    assert (found.mode, found.onprem_hosts) == ("local", ())
    assert "can be written by everybody" in str(found.problems[0])
    file.chmod(0o644)
    link = tmp_path / "link.json"
    link.symlink_to(file)
    assert policy.load(machine=nowhere(tmp_path), user=link).mode == "onprem"
    if os.geteuid() == 0:
        os.chown(file, 65534, -1)
        assert "another user" in str(files.user_layer(file).problems[0])
