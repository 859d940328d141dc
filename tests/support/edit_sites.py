"""Real code to edit: files of several languages, their outlines, and the places in them.

`judge` is what the tests ask: it puts a text into a target and lets the verifier look at it.
"""

from __future__ import annotations

import functools
import gzip
import json
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from indoors_completion.refactor import actions
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.types import CALLABLE, EditRequest, Target
from indoors_completion.refactor.verify import Verdict, verify
from indoors_indexing.outline import outline_of
from indoors_indexing.parse import SyntaxUnavailable, Trees
from indoors_indexing.types import Defined, Document, Outline, Span
from indoors_server.edit_request import indent_unit
from support.edit_languages import FORMS

_ROOT = Path(__file__).resolve().parents[2]
_FIXTURES = Path(__file__).parents[1] / "fixtures" / "edits"
_STDLIB = Path(sysconfig.get_paths()["stdlib"])
_STDLIB_FILES = (
    "abc.py",
    "bisect.py",
    "calendar.py",
    "cmd.py",
    "code.py",
    "colorsys.py",
    "contextlib.py",
    "copy.py",
    "csv.py",
    "dis.py",
    "filecmp.py",
    "fileinput.py",
    "fnmatch.py",
    "fractions.py",
    "functools.py",
    "getopt.py",
    "gettext.py",
    "glob.py",
    "graphlib.py",
    "gzip.py",
    "hashlib.py",
    "heapq.py",
    "hmac.py",
    "linecache.py",
    "mimetypes.py",
    "netrc.py",
    "nturl2path.py",
    "numbers.py",
    "opcode.py",
    "operator.py",
    "pkgutil.py",
    "posixpath.py",
    "pprint.py",
    "profile.py",
    "py_compile.py",
    "queue.py",
    "quopri.py",
    "random.py",
    "reprlib.py",
    "rlcompleter.py",
    "sched.py",
    "secrets.py",
    "selectors.py",
    "shelve.py",
    "shlex.py",
    "shutil.py",
    "signal.py",
    "stat.py",
    "statistics.py",
    "string.py",
    "stringprep.py",
    "struct.py",
    "symtable.py",
    "tabnanny.py",
    "tempfile.py",
    "textwrap.py",
    "timeit.py",
    "token.py",
    "tokenize.py",
    "trace.py",
    "types.py",
    "uuid.py",
    "warnings.py",
    "wave.py",
    "weakref.py",
    "zipapp.py",
)
LANGUAGES = {".py": "python", ".ts": "typescript", ".js": "javascript", ".go": "go",
             ".java": "java", ".rs": "rust"}  # fmt: skip
# Files of packages, with their licences beside them: one JSON object a line.
_PACKAGED = (
    Path(__file__).parents[1] / "data" / "edit_sources.jsonl.gz",
    _ROOT / "benchmarks" / "data" / "holes_sources.jsonl.gz",
)
_MAX_BYTES = 16_000
_trees = Trees()


class Source(NamedTuple):
    """One file: what an editor would have open."""

    path: str
    language: str
    text: str
    outline: Outline
    unit: str

    def comment(self) -> str:
        """What begins a comment up to the end of a line."""
        return FORMS[self.language].comments[0].partition(" ")[0]


class Site(NamedTuple):
    """A place in a file, and the action that is to be done there."""

    source: Source
    request: EditRequest
    target: Target

    @property
    def text(self) -> str:
        return self.source.text[self.target.span.start : self.target.span.end]

    @property
    def defined(self) -> Defined:
        assert self.target.defined is not None
        return self.target.defined

    def rules(self) -> object:
        return actions.BY_NAME[self.request.action].rules


@functools.lru_cache(maxsize=512)
def outlined(language: str, text: str) -> Outline | None:
    try:
        return outline_of(_trees.parsed(language, text))
    except SyntaxUnavailable:
        return None


def source_of(path: str, language: str, text: str) -> Source:
    outline = outlined(language, text)
    assert outline is not None
    document = Document(uri="file:///a", path=path, language=language, version=1, text=text)
    unit = indent_unit(document)
    return Source(path, language, text, outline, unit)


@functools.cache
def _texts() -> dict[str, list[tuple[str, str]]]:
    """The files by their languages, with their names: this repository's, the standard library's,
    and those of packages.
    """
    paths = [
        *sorted((_ROOT / "completion").rglob("*.py")),
        *sorted((_ROOT / "indexing").rglob("*.py")),
        *(_STDLIB / name for name in _STDLIB_FILES),
        *sorted(_FIXTURES.iterdir()),
    ]
    found: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        if path.suffix in LANGUAGES and path.exists():
            found.setdefault(LANGUAGES[path.suffix], []).append(
                (path.name, path.read_text("utf-8"))
            )
    for packaged in _PACKAGED:
        for line in gzip.decompress(packaged.read_bytes()).splitlines():
            row = json.loads(line)
            found.setdefault(row["language"], []).append((row["path"], row["text"]))
    return found


@functools.cache
def _source(language: str, number: int) -> Source | None:
    """One of the files; None for one that is too large, or not read without errors."""
    name, text = _texts()[language][number]
    if not 300 < len(text) < _MAX_BYTES or "import *" in text or "\r" in text:
        return None
    source = source_of(name, language, text)
    return None if source.outline.n_errors else source


def languages() -> frozenset[str]:
    """The languages that there are files of."""
    return frozenset(_texts())


def sources(language: str) -> tuple[Source, ...]:
    """All files of a language."""
    numbers = range(len(_texts()[language]))
    return tuple(one for number in numbers if (one := _source(language, number)) is not None)


def site_of(source: Source, action: str, selection: Span, instruction: str = "") -> Site | None:
    """What an action would change at a selection."""
    document = Document(
        uri="file:///a", path=source.path, language=source.language, version=1, text=source.text
    )
    request = EditRequest(
        document=document,
        selection=selection,
        action=action,
        outline=source.outline,
        instruction=instruction,
    )
    target = actions.BY_NAME[action].applies(request)
    if target is None:
        return None
    unit = indent_unit(document, target.span.start)
    return Site(source, msgspec.structs.replace(request, indent_unit=unit), target)


def functions(source: Source) -> Iterator[Defined]:
    """Functions and methods of some size, on lines of their own."""
    for one in source.outline.definitions:
        if one.kind not in CALLABLE or one.span.end - one.span.start > 6000:
            continue
        body = source.text[one.head.end : one.span.end]
        line = source.text.rfind("\n", 0, one.span.start) + 1
        if not source.text[line : one.span.start].strip() and body.count("\n") >= 2:
            yield one


def whole_of(site: Site, new_target: str) -> str:
    """The document with another text in the target's place."""
    span = site.target.span
    return site.source.text[: span.start] + new_target + site.source.text[span.end :]


def judge(site: Site, after: str) -> Verdict:
    """What the verifier says of a document after an edit."""
    outline = outlined.__wrapped__(site.source.language, after)
    rules = actions.BY_NAME[site.request.action].rules
    return verify(Case(site.request, site.target, rules, after, outline))


def weighted(rng: random.Random) -> Source:
    """A file: of Python often, and of the other languages each as often as another."""
    while True:
        language = "python" if rng.random() < 0.25 else rng.choice(sorted(_texts()))
        source = _source(language, rng.randrange(len(_texts()[language])))
        if source is not None:
            return source
