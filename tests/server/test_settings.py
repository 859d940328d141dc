"""Settings: layers, several mistakes at once, and workspace files that can only narrow (I6)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server import settings
from indoors_server.settings import Options, Settings
from indoors_server.settings_table import BY_KEY, TABLE, configuration_page

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = settings.resolve()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def test_the_page_is_the_one_the_table_makes() -> None:
    """Regenerate: python -I -m indoors_server.settings_table > docs/configuration.md"""
    assert (ROOT / "docs/configuration.md").read_text() == configuration_page()


def test_the_table_and_the_struct_have_the_same_fields() -> None:
    assert [setting.field for setting in TABLE] == list(Settings.__struct_fields__)


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.key)
def test_every_default_passes_its_own_check(setting: Any) -> None:
    assert msgspec.convert(setting.default, setting.type) == setting.default


def test_layers_override_in_order() -> None:
    user = settings.decode("user", {"completion": {"maxLines": 5, "multiline": False}})
    editor = settings.decode("editor", {"completion.maxLines": 7})
    resolved = settings.resolve(user, editor)
    assert (resolved.max_lines, resolved.multiline) == (7, False)


def test_all_mistakes_show_at_once_and_none_is_fatal() -> None:
    raw = {
        "completion": {"maxLines": 0, "deadlineMs": "fast", "automatic": False},
        "engine": {"gpuLayers": -1},
        "colour": "red",
    }
    options = settings.decode("editor settings", raw)
    assert {problem.key for problem in options.problems} == {
        "completion.maxLines",
        "completion.deadlineMs",
        "engine.gpuLayers",
        "colour",
    }
    assert settings.resolve(options).automatic is False
    assert settings.resolve(options).max_lines == DEFAULTS.max_lines
    message = str(options.problems[0])
    assert "completion.maxLines" in message
    assert "from 1 to 200" in message
    assert "not 0" in message


@given(json_values | st.dictionaries(st.sampled_from(sorted(BY_KEY)), json_values))
def test_nothing_a_client_sends_raises(raw: Any) -> None:
    options = settings.decode("editor settings", raw)
    assert isinstance(settings.resolve(options), Settings)
    for problem in options.problems:
        assert problem.key or "object" in problem.what


def test_null_means_not_set() -> None:
    assert settings.decode("editor", {"model": None, "completion": None}).problems == ()


def test_row_19_what_names_a_program_is_not_the_editors_to_set() -> None:
    """`.vscode/settings.json` and its like come with a repository, and a server cannot tell."""
    raw = {"refactor": {"formatter": {"python": ["cat"]}}, "completion": {"maxLines": 7}}
    layer = settings.editor_layer(raw)
    assert settings.resolve(layer).formatters == {}
    assert settings.resolve(layer).max_lines == 7
    (problem,) = layer.problems
    assert "refactor.formatter can be set in your own config.json only" in str(problem)
    own = settings.resolve(settings.decode("config.json", raw), layer)
    assert own.formatters == {"python": ["cat"]}, "the control"
    workspace = settings.decode(".indoors.json", {"refactor": {"formatter": {"python": ["sh"]}}})
    narrowed, problems = settings.narrow(own, workspace)
    assert (narrowed.formatters, len(problems)) == (own.formatters, 1)


def test_lists_of_what_is_left_out_are_joined() -> None:
    own = settings.decode(
        "config.json", {"completion": {"exclude": ["*.env", "a/*"], "languages": {"off": ["go"]}}}
    )
    editor = settings.decode(
        "editor", {"completion": {"exclude": ["b/*", "a/*"], "maxLines": 3, "background": "off"}}
    )
    joined = settings.resolve(own, editor)
    assert joined.exclude == ("*.env", "a/*", "b/*")
    assert joined.languages_off == ("go",)
    assert joined.max_lines == 3


# --- the workspace's layer ----------------------------------------------------------------------


def as_wide(narrow: Settings, wide: Settings) -> bool:
    """Whether `narrow` allows nothing that `wide` does not."""
    for setting in TABLE:
        one, other = getattr(narrow, setting.field), getattr(wide, setting.field)
        if setting.narrowing == "fixed" and one != other:
            return False
        if setting.narrowing == "off" and one not in (other, False, "off"):
            return False
        if setting.narrowing == "lower" and one > other:
            return False
        if setting.narrowing == "add" and not set(other) <= set(one):
            return False
    return True


plausible = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(max_size=5),
        "completion.enabled": st.booleans(),
        "completion.automatic": st.booleans(),
        "completion.multiline": st.booleans(),
        "completion.popup": st.booleans(),
        "completion.background": st.sampled_from(["auto", "on", "off"]),
        "completion.maxLines": st.integers(1, 200),
        "completion.deadlineMs": st.integers(50, 60_000),
        "completion.languages.off": st.lists(st.sampled_from(["go", "c"]), max_size=2),
        "completion.exclude": st.lists(st.sampled_from(["*.env", "a/*"]), max_size=2),
        "engine.gpuLayers": st.just("auto") | st.integers(0, 99),
        "engine.threads": st.integers(0, 64),
        "engine.contextTokens": st.integers(512, 9999),
        "engine.mainGpu": st.integers(0, 7),
        "engine.suffixReuse": st.sampled_from(["auto", "exact"]),
        "log.level": st.sampled_from(["error", "debug"]),
        "log.file": st.booleans(),
    },
)


@given(plausible, plausible)
def test_a_workspace_file_only_narrows(trusted: dict[str, Any], workspace: dict[str, Any]) -> None:
    """I6, for any two layers; what it tried in vain is named."""
    before = settings.resolve(settings.decode("editor", trusted))
    after, problems = settings.narrow(before, settings.decode("w", workspace))
    assert as_wide(after, before)
    fixed = {key for key in workspace if BY_KEY[key].narrowing == "fixed"}
    assert fixed <= {problem.key for problem in problems}


def test_a_workspace_file_does_narrow() -> None:
    layer = settings.decode(
        "w", {"completion": {"automatic": False, "maxLines": 3, "exclude": ["secrets/*"]}}
    )
    after, problems = settings.narrow(DEFAULTS, layer)
    assert (after.automatic, after.max_lines, after.exclude) == (False, 3, ("secrets/*",))
    assert problems == ()


def test_what_a_workspace_file_cannot_set_is_named_in_words() -> None:
    layer = settings.decode(
        "w", {"engines": {"rules": [{"use": "team"}]}, "log": {"level": "debug"}}
    )
    _, problems = settings.narrow(DEFAULTS, layer)
    used = {problem.key: problem.used for problem in problems}
    assert used == {"engines.rules": "it is ignored", "log.level": '"warning" counts'}


@pytest.mark.parametrize(
    ("own", "theirs", "counts", "named"),
    [
        ("auto", "off", "off", False),
        ("on", "off", "off", False),
        ("auto", "on", "auto", False),
        ("on", "auto", "on", False),
        ("off", "on", "off", True),
        ("off", "off", "off", False),
    ],
)
def test_a_workspace_can_switch_work_in_the_background_off_only(
    own: str, theirs: str, counts: str, named: bool
) -> None:
    before = msgspec.structs.replace(DEFAULTS, background=own)
    layer = settings.decode("w", {"completion": {"background": theirs}})
    after, problems = settings.narrow(before, layer)
    assert after.background == counts
    assert bool(problems) == named


def refused(**changes: Any) -> str:
    return msgspec.structs.replace(DEFAULTS, **changes).refusal("src/.env", "python", "automatic")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"enabled": False}, "completion.enabled"),
        ({"automatic": False}, "completion.automatic"),
        ({"languages_off": ("python",)}, "completion.languages.off"),
        ({"exclude": ("*.env",)}, "completion.exclude"),
        ({"exclude": ("src/*",)}, "completion.exclude"),
        ({"exclude": (".env",)}, "completion.exclude"),
        ({"exclude": ("other/*",)}, ""),
    ],
)
def test_refusals_name_the_setting(changes: dict[str, Any], reason: str) -> None:
    assert refused(**changes).startswith(reason)
    assert bool(refused(**changes)) == bool(reason)


# --- files --------------------------------------------------------------------------------------


def read(path: Path, content: bytes) -> Options:
    path.write_bytes(content)
    return settings.read_file(path)


def test_a_missing_file_is_an_empty_layer(tmp_path: Path) -> None:
    assert settings.read_file(tmp_path / "none.json").problems == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "valid JSON"),
        (b'{"completion": {"maxLines": 1, "maxLines": 200}}', "occurs twice"),
        (b'{"model": "a", "model": "b"}', "occurs twice"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 100_000, "larger"),
        (b"[" * 50_000, "JSON"),
        (b"1" * 5000, "JSON"),
        (b'["a"]', "object"),
    ],
)
def test_a_bad_file_is_ignored_as_a_whole(tmp_path: Path, content: bytes, says: str) -> None:
    options = read(tmp_path / "config.json", content)
    assert options.values == {}
    assert says in str(options.problems[0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_or_a_link_in_a_workspace_neither_blocks_nor_leads_away(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".indoors.json")
    assert settings.workspace_layer(str(tmp_path)).problems
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "real.json").write_text(json.dumps({"completion": {"maxLines": 2}}))
    (other / ".indoors.json").symlink_to(other / "real.json")
    assert settings.workspace_layer(str(other)).values == {}
