"""One layer: what one file, or the editor, says. Decoding is strict, and says every mistake.

A layer with a mistake still narrows by what could be read, and is held to `local` (machine layers
to strict too): nobody's ban is lost to somebody's typing mistake, and nothing is granted by a
document that does not say clearly what it means. Pure: files are read in `files`.
"""

from __future__ import annotations

import codecs
import difflib
import json
import re
from typing import Any, Literal, NoReturn

import msgspec

from indoors_indexing import denies as globs
from indoors_server.policy import hosts
from indoors_server.policy.table import (
    BY_NAME,
    MAX_ITEM_CHARACTERS,
    MAX_ITEMS,
    MAX_NUMBER,
    MODES,
    Key,
    Mode,
    combine,
)

MAX_BYTES = 256 * 1024
_MAX_PROBLEMS = 20
SECTION = "policy"  # where a policy lies in `.indoors.json` and in editor settings

# From the one that decides first to the last; the order matters only to who is named as deciding.
LayerName = Literal["default", "machine", "user", "workspace", "editor"]
ORDER: tuple[LayerName, ...] = ("default", "machine", "user", "workspace", "editor")
# These may grant what the defaults do not; the others only narrow. A server cannot tell a user's
# editor setting from one that arrived with a repository, so all of them count as the repository's.
GRANTING: frozenset[LayerName] = frozenset({"machine", "user"})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell a person: where (`line` 0: unknown), what, and the one next step.

    An "error" makes its layer count as invalid; a "notice" is an attempt that had no effect.
    """

    layer: LayerName
    file: str
    line: int = 0
    key: str = ""
    what: str
    next_step: str = ""
    severity: Literal["error", "notice"] = "error"

    def __str__(self) -> str:
        where = self.file or f"{self.layer} settings"
        where += f", line {self.line}" if self.line else ""
        key = f"{self.key} " if self.key else ""
        step = f" Next: {self.next_step}." if self.next_step else ""
        return f"{where}: {key}{self.what}.{step}"


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What one file (or the editor, `file` "") says: values by key, lists as sorted tuples."""

    name: LayerName
    file: str = ""
    values: dict[str, Any] = {}
    problems: tuple[Problem, ...] = ()

    @property
    def is_invalid(self) -> bool:
        """Whether the layer counts as invalid."""
        return any(problem.severity == "error" for problem in self.problems)

    @property
    def title(self) -> str:
        """How messages name this layer."""
        return self.name + (f" {self.file}" if self.file else "")


class NotStrict(ValueError):
    """Text that is not strict JSON; the message completes "file: ...", `line` 0 if unknown."""

    def __init__(self, what: str, line: int = 0, key: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.key = key


class Unfit(ValueError):
    """A key or value that is no part of a policy; the message completes "key ...".

    `counts` is what counts all the same: of a list of bans what could be read, and where a key can
    grant, its default, because who wrote it meant to say how much is granted.
    """

    def __init__(self, what: str, counts: dict[str, Any] | None = None) -> None:
        super().__init__(what)
        self.counts = counts or {}


def from_bytes(name: LayerName, file: str, raw: bytes) -> Layer:
    """The layer of a policy file's content. Never raises."""
    try:
        text = text_of(raw)
        return from_value(name, file, parse(text), text)
    except NotStrict as error:
        return invalid(name, file, str(error), line=error.line, key=error.key)


def from_section(name: LayerName, file: str, raw: bytes) -> Layer:
    """The layer of a settings file with a `policy` object, which may be absent. Never raises."""
    try:
        text = text_of(raw)
        return from_settings(name, file, parse(text), text)
    except NotStrict as error:
        return invalid(name, file, str(error), line=error.line, key=error.key)


def from_settings(name: LayerName, file: str, settings: object, text: str = "") -> Layer:
    """The layer of settings, given as a `policy` object, as dotted keys, or both. Never raises."""
    if not isinstance(settings, dict):
        # `.indoors.json` must be an object. An editor that sends something else sends no policy.
        bad = bool(file)
        return invalid(name, file, "must be an object with settings") if bad else Layer(name=name)
    # Editors send null for "not set"; in a file it is a mistake.
    section = settings.get(SECTION, {})
    dotted = {
        key.removeprefix(f"{SECTION}."): value
        for key, value in settings.items()
        if isinstance(key, str) and key.startswith(f"{SECTION}.")
    }
    if section is None and not file:
        section = {}
    if not isinstance(section, dict):
        return invalid(name, file, "must be an object", key=SECTION)
    if twice := sorted(key for key in dotted if key in section):
        what = f"is given both in the object {SECTION!r} and as {SECTION}.{_shown(twice[0])}"
        return invalid(name, file, what, key=_shown(twice[0]))
    merged = section | dotted
    present = merged if file else {key: value for key, value in merged.items() if value is not None}
    return from_value(name, file, present, text)


def from_value(name: LayerName, file: str, value: object, text: str = "") -> Layer:
    """The layer of an object that was parsed already; `text` is only for line numbers."""
    if not isinstance(value, dict):
        return invalid(name, file, "must be an object with the keys of a policy")
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, given in value.items():
        if key == "$schema" and isinstance(given, str):
            continue  # what editors take for the schema of a file
        try:
            known = _known(key)
            values[known.name] = _value(known, given)
        except Unfit as error:
            values |= error.counts
            if len(problems) == _MAX_PROBLEMS:
                continue  # enough to begin with; what is right below still narrows
            problems.append(
                Problem(
                    layer=name,
                    file=file,
                    line=line_of(text, str(key)),
                    key=_shown(key),
                    what=str(error),
                    next_step=_next(file),
                )
            )
    return restrain(Layer(name=name, file=file, values=values, problems=tuple(problems)))


def invalid(
    name: LayerName,
    file: str,
    what: str,
    *,
    line: int = 0,
    key: str = "",
    next_step: str = "",
) -> Layer:
    """A layer of which nothing could be read."""
    problem = Problem(
        layer=name,
        file=file,
        line=line,
        key=key,
        what=what,
        next_step=next_step or _next(file),
    )
    return restrain(Layer(name=name, file=file, problems=(problem,)))


def restrain(layer: Layer) -> Layer:
    """An invalid layer held to `local`, and a machine's to strict; others as they are."""
    if not layer.is_invalid:
        return layer
    ceiling: Mode = "local"
    mode = combine(BY_NAME["mode"], [layer.values.get("mode", ceiling), ceiling])
    held = {"mode": mode} | ({"strict": True} if layer.name == "machine" else {})
    return msgspec.structs.replace(layer, values=layer.values | held)


# --- strict JSON --------------------------------------------------------------------------------


def text_of(raw: bytes) -> str:
    """The text of a file (a byte order mark is passed over). Raises NotStrict."""
    if len(raw) > MAX_BYTES:
        raise NotStrict(f"is larger than {MAX_BYTES} bytes")
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise NotStrict("is not UTF-8 text", line) from None


def parse(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The one value that `text` is. Raises NotStrict.

    Refused besides what JSON refuses: a key twice at any depth (two readers could disagree about
    which one counts), NaN and Infinity, nesting and numbers that Python gives up on.
    """

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise NotStrict("occurs twice", line_of(text, name, nth=2), _shown(name))
            found[name] = value
        return found

    def constant(name: str) -> NoReturn:
        raise NotStrict(f"has {name}, which is not JSON")

    try:
        return json.loads(text, object_pairs_hook=object_of, parse_constant=constant)
    except NotStrict:
        raise
    except json.JSONDecodeError as error:
        raise NotStrict(f"is not valid JSON ({error.msg})", error.lineno) from None
    except RecursionError:
        raise NotStrict("is nested too deeply") from None
    except ValueError:
        raise NotStrict("has a number that is too large") from None


def line_of(text: str, key: str, nth: int = 1) -> int:
    """The line of the nth place where `key` is written as a key, 0 if there is none."""
    places = re.finditer(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text)
    starts = [place.start() for place in places]
    return text.count("\n", 0, starts[nth - 1]) + 1 if len(starts) >= nth else 0


# --- values -------------------------------------------------------------------------------------


def _known(name: object) -> Key:
    if (key := BY_NAME.get(str(name))) is not None:
        return key
    close = difflib.get_close_matches(str(name)[:80], BY_NAME, n=1)
    raise Unfit("is not a key of a policy" + (f"; {close[0]} is" if close else ""))


def _value(key: Key, given: object) -> Any:  # noqa: ANN401 - any key's value
    """`given` as this key's value. Raises Unfit."""
    default = {key.name: combine(key, [key.default])} if key.granted else {}
    if key.kind in ("mode", "switch", "number"):
        if what := _unfit(key, given):
            raise Unfit(f"must be {what}, not {_show(given)}", default)
        return given
    if not isinstance(given, list | tuple) or len(given) > MAX_ITEMS:
        raise Unfit(f"must be a list of at most {MAX_ITEMS} texts, not {_show(given)}", default)
    good: set[str] = set()
    bad = ""
    for item in given:
        try:
            good.add(_item(key, item))
        except ValueError as error:
            bad = bad or str(error)
    value = tuple(sorted(good))
    if bad:
        raise Unfit(bad, {key.name: value} if key.merge == "union" else default)
    return value


def _unfit(key: Key, given: object) -> str:
    """What a single value must be, "" if it is."""
    if key.kind == "mode":
        return "" if given in MODES else f"{', '.join(MODES[:-1])} or {MODES[-1]}"
    if key.kind == "switch":
        return "" if isinstance(given, bool) else "true or false"
    # A bool is an int to Python, and 1.0 equals 1.
    fits = type(given) is int and 0 <= given <= MAX_NUMBER
    return "" if fits else "a whole number, 0 or more"


def _item(key: Key, item: object) -> str:
    """An entry of a list, in its one spelling. Raises ValueError with what is wrong."""
    if not isinstance(item, str) or not item.isprintable() or not item.strip():
        raise ValueError(f"must have only texts that can be printed, not {_show(item)}")
    if len(item) > MAX_ITEM_CHARACTERS:
        raise ValueError(f"has a text of more than {MAX_ITEM_CHARACTERS} characters")
    try:
        if key.kind == "hosts":
            return hosts.canonical(item)
        if key.kind == "patterns":
            globs.check(item)
    except (hosts.BadAddress, globs.BadPattern) as error:
        raise ValueError(f"has {_show(item)}, which {error}") from None
    return item


def _next(file: str) -> str:
    return f"mend it, then: indoors policy check {file}" if file else "mend this setting"


def _shown(name: object) -> str:
    return "".join(c if c.isprintable() else "·" for c in str(name)[:80]) or '""'


def _show(value: object) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = "something that is not JSON"
    return text if len(text) <= 60 else text[:57] + "..."
