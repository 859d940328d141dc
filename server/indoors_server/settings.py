"""Settings: Options are what one layer sent, Settings are what counts after all layers.

Every key is decoded by itself, so that several mistakes show at once, and a mistake is never
fatal: the value below it in the layers counts and the person is told. The keys, defaults, limits
and the rule for workspace files are in `settings_table`.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from indoors_indexing import reading
from indoors_server import paths
from indoors_server.language_ids import named
from indoors_server.router import Rule
from indoors_server.settings_table import BY_KEY, TABLE, Setting

WORKSPACE_FILE = ".indoors.json"
MAX_FILE_BYTES = 64 * 1024
_MAX_DEPTH = 8
_POLICY = "policy"


class Problem(msgspec.Struct, frozen=True):
    """A setting that was not used: which key, what is wrong with it, what counts instead."""

    source: str
    key: str
    what: str
    used: str

    def __str__(self) -> str:
        key = f" {self.key}" if self.key else ""
        return f"{self.source}:{key} {self.what}; {self.used}."


class Options(msgspec.Struct, frozen=True):
    """What one layer sent, by key: only known keys with values that fit."""

    source: str
    values: dict[str, Any] = {}
    problems: tuple[Problem, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What counts. The fields are those of `settings_table.TABLE`; the meanings are there."""

    model: str
    enabled: bool
    automatic: bool
    multiline: bool
    max_lines: int
    deadline_ms: int
    popup: bool
    background: Literal["auto", "on", "off"]
    languages_off: tuple[str, ...]
    exclude: tuple[str, ...]
    refactor_enabled: bool
    refactor_deadline_s: int
    formatters: dict[str, list[str]]
    gpu_layers: int | Literal["auto"]
    main_gpu: int
    threads: int
    context_tokens: int
    suffix_reuse: Literal["auto", "exact"]
    engine_rules: tuple[Rule, ...]
    marks_hidden: bool
    index_enabled: bool
    log_level: Literal["error", "warning", "info", "debug"]
    log_file: bool

    def refusal(self, path: str, language: str, trigger: str) -> str:
        """Why a file is not completed under these settings; "" if it is.

        `path` is relative to the workspace folder; a pattern may also match its last part.
        """
        if not self.enabled:
            return "completion.enabled is off"
        if trigger == "automatic" and not self.automatic:
            return "completion.automatic is off"
        if off := named(language, self.languages_off):
            return f"completion.languages.off names {off}"
        pattern = self.excludes(path)
        return f"completion.exclude has the pattern {pattern}" if pattern else ""

    def formatter(self, language: str) -> list[str]:
        """The command that formats a language, empty if there is none."""
        return self.formatters.get(named(language, self.formatters), [])

    def excludes(self, path: str) -> str:
        """The pattern of `completion.exclude` that a path matches, "" if none."""
        name = path.rsplit("/", 1)[-1]
        for pattern in self.exclude:
            if fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(name, pattern):
                return pattern
        return ""


def decode(source: str, raw: object) -> Options:
    """Decode one layer. Sections may be nested objects, dotted keys, or a mix. Never raises."""
    if raw is None:
        return Options(source)
    if not isinstance(raw, dict):
        problem = Problem(source, "", "must be an object with settings", "it is not used")
        return Options(source, {}, (problem,))
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in _flatten(raw):
        if (setting := BY_KEY.get(key)) is None:
            shown = key[:80] or '""'
            problems.append(Problem(source, shown, "is not a setting", "it is ignored"))
            continue
        try:
            values[key] = msgspec.convert(value, setting.type)
        except (msgspec.ValidationError, RecursionError, OverflowError):
            values.pop(key, None)
            what = f"must be {setting.accepts}, not {_show(value)}"
            problems.append(Problem(source, key, what, "the value of the layer below counts"))
    return Options(source, values, tuple(problems))


def read_file(path: Path) -> Options:
    """Read one layer from a file; a missing file is an empty layer. Never raises or blocks."""
    source = str(path)
    try:
        # A workspace may hold anything under this name: a pipe must not block us, a link must not
        # lead elsewhere, a huge file must not be read.
        raw = reading.read_rules(str(path.parent), path.name, MAX_FILE_BYTES).decode("utf-8-sig")
    except reading.Unreadable as error:
        if error.reason == "gone":
            return Options(source)
        return _unusable(source, f"cannot be read ({_why(error)})")
    except ValueError as error:
        return _unusable(source, f"cannot be read ({error})")
    try:
        return decode(source, json.loads(raw, object_pairs_hook=_no_duplicates))
    except (ValueError, RecursionError) as error:
        return _unusable(source, f"is not valid JSON ({error or 'nested too deeply'})")


def user_layer() -> Options:
    """The person's own file."""
    return read_file(paths.config_dir() / "config.json")


def editor_layer(raw: object) -> Options:
    """What the editor sent, without what only the person's own file may set."""
    sent = decode("editor settings", raw)
    what, used = "can be set in your own config.json only", "it is ignored"
    foreign = [key for key in sent.values if BY_KEY[key].set_by == "file"]
    problems = tuple(Problem(sent.source, key, what, used) for key in foreign)
    kept = {key: value for key, value in sent.values.items() if key not in foreign}
    return Options(sent.source, kept, sent.problems + problems)


def workspace_layer(folder: str) -> Options:
    """The `.indoors.json` of a workspace folder."""
    return read_file(Path(folder) / WORKSPACE_FILE)


def resolve(*layers: Options) -> Settings:
    """Defaults, then each layer over the one before. Lists of what is left out are joined: who
    names another entry in an editor does not mean to have the own file's entries completed.
    """
    values = {setting.key: setting.default for setting in TABLE}
    for layer in layers:
        for key, value in layer.values.items():
            is_joined = BY_KEY[key].narrowing == "add"
            values[key] = _joined(values[key], value) if is_joined else value
    return _settings(values)


def narrow(settings: Settings, workspace: Options) -> tuple[Settings, tuple[Problem, ...]]:
    """Apply a workspace file: it can switch off, lower and exclude, and nothing else (I6)."""
    values = {setting.key: getattr(settings, setting.field) for setting in TABLE}
    problems: list[Problem] = []
    for key, value in workspace.values.items():
        setting = BY_KEY[key]
        narrowed = _narrowed(setting, values[key], value)
        if narrowed is None:
            what = "cannot be set by a workspace file"
            if setting.narrowing != "fixed":
                what = f"cannot be widened by a workspace file to {_show(value)}"
            is_said = isinstance(values[key], str | int | float | bool)
            used = f"{_show(values[key])} counts" if is_said else "it is ignored"
            problems.append(Problem(workspace.source, key, what, used))
        else:
            values[key] = narrowed
    return _settings(values), tuple(problems)


def _narrowed(setting: Setting, current: Any, value: Any) -> Any:  # noqa: ANN401 - any setting
    """The narrowed value, or None if `value` would widen."""
    if setting.narrowing == "off":
        off = "off" if isinstance(current, str) else False
        return off if value == off else (None if current == off else current)
    if setting.narrowing == "lower":
        return value if value <= current else None
    if setting.narrowing == "add":
        return _joined(current, value)
    return None


def _joined(known: Iterable[str], more: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*known, *more]))


def _settings(values: dict[str, Any]) -> Settings:
    fields: dict[str, Any] = {}
    for setting in TABLE:
        value = values[setting.key]
        fields[setting.field] = tuple(value) if isinstance(value, list) else value
    return Settings(**fields)


def _flatten(raw: dict[Any, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        key = f"{prefix}{name}"
        if key == _POLICY or key.startswith(f"{_POLICY}."):
            continue  # not a setting: `policy.layers` reads it, strictly
        if isinstance(value, dict) and key not in BY_KEY and depth < _MAX_DEPTH and value:
            yield from _flatten(value, f"{key}.", depth + 1)
        elif value is not None:
            # Editors send null for "not set".
            yield key, value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} occurs twice")
    return found


def _why(error: reading.Unreadable) -> str:
    if error.reason == "size":
        return f"it is larger than {MAX_FILE_BYTES} bytes"
    return error.why


def _unusable(source: str, what: str) -> Options:
    return Options(source, {}, (Problem(source, "", what, "the whole file is ignored"),))


def _show(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value).__name__)
    return text if len(text) <= 60 else text[:57] + "..."
