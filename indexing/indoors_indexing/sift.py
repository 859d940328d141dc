"""What is worth indexing: each verdict is a reason not to, or None.

Looked at in the order of what it costs: the name, the size, and only then the text.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from indoors_indexing.languages import by_path

Reason = Literal[
    "internal",
    "vendored",
    "kind",
    "generated",
    "minified",
    "binary",
    "size",
    "unreadable",
    "crash",
    "denied",
]

# The parser's own limit (`parse.MAX_TEXT_BYTES`): larger files are generated or bundled.
MAX_SOURCE_BYTES = 1_000_000
# Data is not code: a large table of numbers would fill the index with words nobody asks for.
MAX_DATA_BYTES = 100_000
_LOOKED_AT_FOR_NUL = 8 * 1024
_LOOKED_AT_FOR_MARKS = 2 * 1024
_MINIFIED_MEAN_LINE = 200
# A short file of one long line is a person's.
_MINIFIED_FROM_BYTES = 4 * 1024


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never source: what tools keep for themselves.
INTERNAL_FOLDERS = _words(
    """.git .hg .svn .bzr .jj .sl __pycache__ .mypy_cache .ruff_cache .pytest_cache
    .hypothesis .tox .nox .eggs .cache .idea .vs .gradle .terraform .next .nuxt .svelte-kit
    .parcel-cache .turbo .dart_tool .ipynb_checkpoints .direnv .indoors htmlcov"""
)
# Other people's code, and what was built from ours.
VENDORED_FOLDERS = _words(
    """node_modules bower_components jspm_packages vendor vendors third_party third-party
    thirdparty external_libs .venv venv virtualenv site-packages dist-packages dist build
    target Pods Carthage DerivedData .yarn .pnpm-store .cargo .bundle"""
)
# A folder that holds one of these is a virtual environment or a cache, whatever its name.
MARKER_FILES = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


class Text(NamedTuple):
    """A kind of text that is indexed by lines, without a grammar."""

    name: str
    is_data: bool = False


_TEXTS: dict[str, Text] = {
    extension: Text(name, is_data)
    for name, is_data, extensions in (
        ("markdown", False, ".md .markdown .mdx .mdown"),
        ("restructuredtext", False, ".rst"),
        ("asciidoc", False, ".adoc .asciidoc"),
        ("plaintext", True, ".txt"),
        ("toml", True, ".toml"),
        ("yaml", True, ".yaml .yml"),
        ("json", True, ".json .jsonc .json5"),
        ("ini", True, ".ini .cfg .conf .properties .editorconfig"),
        ("xml", True, ".xml .xsd .xsl .plist"),
        ("html", False, ".html .htm .xhtml .vue .svelte .jinja .jinja2 .j2 .erb .hbs"),
        ("css", False, ".css .scss .sass .less"),
        ("sql", False, ".sql"),
        ("graphql", False, ".graphql .gql"),
        ("proto", False, ".proto"),
        ("cmake", False, ".cmake"),
        ("make", False, ".mk"),
        ("terraform", False, ".tf .hcl"),
        ("nix", False, ".nix"),
        # Programming languages that have no record of their own yet, or never will.
        ("c", False, ".c .h"),
        ("cpp", False, ".cc .cpp .cxx .hh .hpp .hxx .ipp .inl"),
        ("csharp", False, ".cs"),
        ("ruby", False, ".rb .rake .gemspec"),
        ("php", False, ".php"),
        ("kotlin", False, ".kt .kts"),
        ("swift", False, ".swift"),
        ("scala", False, ".scala .sc"),
        ("lua", False, ".lua"),
        ("shellscript", False, ".sh .bash .zsh .fish .ksh"),
        ("powershell", False, ".ps1 .psm1"),
        ("perl", False, ".pl .pm"),
        ("r", False, ".r"),
        ("julia", False, ".jl"),
        ("dart", False, ".dart"),
        ("elixir", False, ".ex .exs"),
        ("erlang", False, ".erl .hrl"),
        ("haskell", False, ".hs"),
        ("ocaml", False, ".ml .mli"),
        ("clojure", False, ".clj .cljs .cljc .edn"),
        ("zig", False, ".zig"),
        ("cython", False, ".pyx .pxd .pxi"),
        ("objective-c", False, ".m .mm"),
        ("vim", False, ".vim"),
    )
    for extension in extensions.split()
}
_NAMED: dict[str, Text] = {
    "makefile": Text("make"),
    "gnumakefile": Text("make"),
    "dockerfile": Text("dockerfile"),
    "containerfile": Text("dockerfile"),
    "cmakelists.txt": Text("cmake"),
    "gemfile": Text("ruby"),
    "rakefile": Text("ruby"),
    "justfile": Text("make"),
    "readme": Text("markdown"),
    "contributing": Text("markdown"),
    "go.mod": Text("go.mod", True),
}
# Written by tools to be read by tools.
_GENERATED_NAMES = _words(
    """package-lock.json npm-shrinkwrap.json pnpm-lock.yaml yarn.lock composer.lock
    gemfile.lock poetry.lock pipfile.lock cargo.lock uv.lock pdm.lock go.sum flake.lock
    .package-lock.json"""
)
_GENERATED_ENDINGS = (
    "_pb2.py", "_pb2.pyi", "_pb2_grpc.py", ".pb.go", ".pb.cc", ".pb.h", ".g.dart", ".freezed.dart",
    ".designer.cs", ".g.cs", ".generated.ts", ".generated.js", ".d.ts.map",
)  # fmt: skip
_MINIFIED_ENDINGS = (
    ".min.js", ".min.css", ".min.mjs", "-min.js", ".bundle.js", ".js.map", ".css.map",
)  # fmt: skip
# In a comment at the top, as the tools write it; a sentence about generated files is no mark.
_GENERATED_MARK = re.compile(
    rb"@generated\b|(?:^|\n)[^\w\n]{1,8}[^\n]{0,120}?"
    rb"(?:DO NOT (?:EDIT|MODIFY)|[Dd]o not (?:edit|modify)|AUTO-?GENERATED"
    rb"|[Gg]enerated (?:automatically|by the protocol buffer compiler))",
)


def language_of(path: str) -> str | None:
    """The language a file is indexed as, None for a kind of file that is not indexed."""
    record = by_path(path)
    if record is not None:
        return record.name
    text = _text(path)
    return None if text is None else text.name


def folder_reason(name: str, wanted: frozenset[str] = frozenset()) -> Reason | None:
    """Why a folder of this name is not entered; `wanted` names vendored ones that are."""
    if name in INTERNAL_FOLDERS:
        return "internal"
    if name in VENDORED_FOLDERS and name not in wanted:
        return "vendored"
    return None


def file_reason(path: str, size: int) -> Reason | None:
    """Why a file is not indexed, from its name and size alone."""
    name = path.rpartition("/")[2].lower()
    if name in _GENERATED_NAMES or name.endswith(_GENERATED_ENDINGS):
        return "generated"
    if name.endswith(_MINIFIED_ENDINGS):
        return "minified"
    if by_path(name) is not None:
        return "size" if size > MAX_SOURCE_BYTES else None
    text = _text(name)
    if text is None:
        return "kind"
    return "size" if size > (MAX_DATA_BYTES if text.is_data else MAX_SOURCE_BYTES) else None


def text_reason(path: str, data: bytes) -> Reason | None:
    """Why a file is not indexed, from what it holds."""
    if b"\0" in data[:_LOOKED_AT_FOR_NUL]:
        return "binary"
    if _GENERATED_MARK.search(data[:_LOOKED_AT_FOR_MARKS]):
        return "generated"
    if len(data) >= _MINIFIED_FROM_BYTES and not _is_prose(path):
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        if len(data) > lines * _MINIFIED_MEAN_LINE:
            return "minified"
    return None


def _text(path: str) -> Text | None:
    name = path.rpartition("/")[2].lower()
    known = _NAMED.get(name)
    return known or _TEXTS.get(PurePosixPath(name).suffix)


def _is_prose(path: str) -> bool:
    # A paragraph on one line is how many people write Markdown.
    text = _text(path)
    return text is not None and text.name in ("markdown", "asciidoc", "plaintext")
