"""What a project's own files say about its imports, from their texts: plain data, and tolerant.

Whoever has the files hands in the texts of those named in `CONFIG_NAMES` (and `*.csproj`), by path.
A file that does not parse says nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

CONFIG_NAMES = frozenset(
    (
        "Cargo.toml", "Package.swift", "composer.json", "go.mod", "jsconfig.json", "package.json",
        "pyproject.toml", "setup.cfg", "setup.py", "tsconfig.base.json", "tsconfig.json",
    )
)  # fmt: skip
MAX_CONFIG_CHARS = 1_000_000
_MAX_ENTRIES = 2000
# The order in which the conditions of an `exports` entry are tried: sources and types say more to a
# reader than what was built from them (Node.js documents the object as nested conditions).
_CONDITIONS = ("source", "types", "import", "module", "require", "node", "browser", "default")
_JVM_ROOT = re.compile(
    r"(?:^|.*/)(?:src/\w+/(?:java|kotlin|scala|groovy)(?:-\d[\w.]*)?|app/src/\w+/java)(?=/)"
)
# Comments and strings of JSON with comments, and a comma before a closer.
_JSON_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)
_GO_MODULE = re.compile(r'^\s*module\s+"?([^\s"]+)', re.MULTILINE)
_SWIFT_TARGET = re.compile(
    r'\.(?:executableT|testT|t)arget\(\s*name:\s*"([^"]+)"(?:(?!\.\w*[tT]arget\().)*?'
    r'(?:path:\s*"([^"]+)"|(?=\.\w*[tT]arget\()|\Z)',
    re.DOTALL,
)


class Package(msgspec.Struct, frozen=True):
    """A JavaScript package of the project. `entries` maps subpaths ("." and "./x", with `*`) to
    files; `internal` those that begin with `#`.
    """

    folder: str
    name: str
    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()
    internal: tuple[tuple[str, tuple[str, ...]], ...] = ()


class PathMap(msgspec.Struct, frozen=True):
    """`paths` and `baseUrl` of a tsconfig: patterns and their targets, relative to `base`."""

    folder: str
    base: str
    has_base_url: bool
    patterns: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Place(msgspec.Struct, frozen=True):
    """Something that has a name in imports, and the folder that it lies in."""

    name: str
    folder: str


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a root's layout. `go_modules`, `crates`, `swift_targets` and
    `csharp_roots` (root namespaces) and `psr4` (namespace prefixes) are names for folders.
    """

    python_roots: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()
    path_maps: tuple[PathMap, ...] = ()
    go_modules: tuple[Place, ...] = ()
    crates: tuple[Place, ...] = ()
    jvm_roots: tuple[str, ...] = ()
    include_roots: tuple[str, ...] = ()
    csharp_roots: tuple[Place, ...] = ()
    psr4: tuple[Place, ...] = ()
    swift_targets: tuple[Place, ...] = ()


def project_of(texts: Mapping[str, str], paths: Iterable[str] = ()) -> Project:
    """Read project files; `paths` are all files of the root, from which source roots are told."""
    found: dict[str, list[Any]] = {name: [] for name in Project.__struct_fields__}
    for path in sorted(texts, key=lambda path: (path.count("/"), path)):
        text = texts[path]
        if len(text) > MAX_CONFIG_CHARS:
            continue
        folder, _, name = path.rpartition("/")
        if name in ("pyproject.toml", "setup.py", "setup.cfg"):
            found["python_roots"] += [_in(folder, "src"), folder]
        elif name == "package.json":
            found["packages"].append(_package(folder, _json(text)))
        elif name.startswith(("tsconfig", "jsconfig")):
            found["path_maps"] += _path_map(path, texts)
        elif name == "go.mod":
            match = _GO_MODULE.search(text)
            found["go_modules"] += [Place(match[1], folder)] if match else []
        elif name == "Cargo.toml":
            found["crates"] += _crate(folder, text)
        elif name == "composer.json":
            found["psr4"] += _psr4(folder, _json(text))
        elif name == "Package.swift":
            found["swift_targets"] += [
                Place(target, _in(folder, where or f"Sources/{target}"))
                for target, where in _SWIFT_TARGET.findall(text)[:_MAX_ENTRIES]
            ]
        elif name.endswith(".csproj"):
            match = re.search(r"<RootNamespace>\s*([\w.]+)", text)
            # MSBuild documents the project's name as the default.
            found["csharp_roots"].append(Place(match[1] if match else name[:-7], folder))
    jvm, includes = set(), set()
    for path in paths:
        if match := _JVM_ROOT.match(path):
            jvm.add(match[0])
        head, mark, _ = f"/{path}".partition("/include/")
        if mark:
            includes.add(f"{head}/include".strip("/"))
    found["jvm_roots"] = sorted(jvm)
    found["include_roots"] = sorted(includes, key=lambda root: (root.count("/"), root))
    return Project(**{
        name: tuple(dict.fromkeys(entries[:_MAX_ENTRIES])) for name, entries in found.items()
    })  # fmt: skip


def _in(folder: str, name: str) -> str:
    """A path inside a folder; `..` is left to who joins paths, and leads to no file here."""
    name = name.removeprefix("./").strip("/")
    return f"{folder}/{name}".strip("/") if name not in ("", ".") else folder


def _json(text: str) -> dict[str, Any]:
    try:
        plain = _JSON_WORD.sub(lambda word: word[0] if word[0][0] == '"' else " ", text)
        value = json.loads(plain)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _package(folder: str, data: dict[str, Any]) -> Package:
    name = data.get("name")
    exports = data.get("exports")
    entries: list[tuple[str, tuple[str, ...]]] = []
    if isinstance(exports, dict) and any(key.startswith(".") for key in exports):
        entries = [(key, tuple(_targets(value))) for key, value in exports.items()]
    elif exports is not None:
        entries = [(".", tuple(_targets(exports)))]
    plain = [data.get(key) for key in ("source", "types", "typings", "module", "main")]
    mains = tuple(value for value in plain if isinstance(value, str))
    if mains and not any(key == "." for key, _ in entries):
        entries.append((".", mains))
    internal = [(key, tuple(_targets(value))) for key, value in _dict(data.get("imports")).items()]
    return Package(
        folder,
        name if isinstance(name, str) else "",
        tuple(entries[:_MAX_ENTRIES]),
        tuple(internal[:_MAX_ENTRIES]),
    )


def _targets(value: object, depth: int = 0) -> Iterator[str]:
    """The files that an entry of `exports` names, over its conditions."""
    if depth > 8:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value[:20]:
            yield from _targets(one, depth + 1)
    elif isinstance(value, dict):
        known = [key for key in _CONDITIONS if key in value]
        for key in [*known, *(key for key in value if key not in known)][:20]:
            yield from _targets(value[key], depth + 1)


def _path_map(path: str, texts: Mapping[str, str]) -> list[PathMap]:
    """A tsconfig with what it extends: as TypeScript documents it, the nearest option counts."""
    own = folder = path.rpartition("/")[0]
    base: str | None = None
    patterns: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    patterns_folder = own
    for _ in range(5):
        data = _json(texts.get(path, "")[:MAX_CONFIG_CHARS])
        options = _dict(data.get("compilerOptions"))
        if base is None and isinstance(options.get("baseUrl"), str):
            base = _plain(folder, options["baseUrl"])
        if patterns is None and isinstance(options.get("paths"), dict):
            patterns_folder = folder
            patterns = tuple(
                (key, tuple(target for target in value if isinstance(target, str)))
                for key, value in list(options["paths"].items())[:_MAX_ENTRIES]
                if isinstance(value, list)
            )
        extended = data.get("extends")
        if not isinstance(extended, str) or not extended.startswith("."):
            break
        path = _plain(folder, extended if extended.endswith(".json") else f"{extended}.json")
        folder = path.rpartition("/")[0]
    if base is None and not patterns:
        return []
    return [
        PathMap(own, patterns_folder if base is None else base, base is not None, patterns or ())
    ]


def _plain(folder: str, relative: str) -> str:
    """A joined path; what would leave the root names nothing."""
    parts: list[str] = []
    for part in f"{folder}/{relative}".split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _crate(folder: str, text: str) -> list[Place]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError):
        return []
    names = [_dict(data.get(key)).get("name") for key in ("lib", "package")]
    # A crate's name in paths has underscores where its package has hyphens (the Cargo book).
    return [Place(name.replace("-", "_"), folder) for name in names if isinstance(name, str)][:1]


def _psr4(folder: str, data: dict[str, Any]) -> list[Place]:
    places = []
    for key in ("autoload", "autoload-dev"):
        for prefix, where in _dict(_dict(data.get(key)).get("psr-4")).items():
            for one in where if isinstance(where, list) else [where]:
                if isinstance(one, str):
                    places.append(Place(prefix.strip("\\"), _in(folder, one)))
    return places
