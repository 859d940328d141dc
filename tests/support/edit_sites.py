"""Real code to edit: files of several languages, their outlines, and the places in them.

`judge` is what the tests ask: it puts a text into a target and lets the verifier look at it.
"""

from __future__ import annotations

import functools
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from indoors_completion.refactor import actions
from indoors_completion.refactor.case import Case
from indoors_completion.refactor.types import CALLABLE, EditRequest, Target
from indoors_completion.refactor.verify import Verdict, verify
from indoors_indexing.outline import outline_of
from indoors_indexing.parse import SyntaxUnavailable, Trees
from indoors_indexing.types import Defined, Document, Outline, Span

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
LINE_COMMENT = {"python": "#"}
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
        return LINE_COMMENT.get(self.language, "//")


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
    lines = text.splitlines()
    unit = "\t" if sum(line.startswith("\t") for line in lines) > len(lines) // 8 else "    "
    if (
        unit != "\t"
        and any(line.startswith("  ") and line[2:3].isalpha() for line in lines)
        and language in ("typescript", "javascript", "tsx")
    ):
        unit = "  "
    return Source(path, language, text, outline, unit)


@functools.cache
def sources(languages: tuple[str, ...] = ()) -> tuple[Source, ...]:
    """The files: this repository's, the standard library's, and small ones of other languages."""
    paths = [
        *sorted((_ROOT / "completion").rglob("*.py")),
        *sorted((_ROOT / "indexing").rglob("*.py")),
        *(_STDLIB / name for name in _STDLIB_FILES),
        *sorted(_FIXTURES.iterdir()),
    ]
    found = []
    for path in paths:
        language = LANGUAGES.get(path.suffix, "")
        if not language or (languages and language not in languages) or not path.exists():
            continue
        text = path.read_text("utf-8")
        if 300 < len(text) < _MAX_BYTES and "import *" not in text:
            source = source_of(path.name, language, text)
            if not source.outline.n_errors:
                found.append(source)
    return tuple(found)


def site_of(source: Source, action: str, selection: Span, instruction: str = "") -> Site | None:
    """What an action would change at a selection."""
    request = EditRequest(
        document=Document(
            uri="file:///a", path=source.path, language=source.language, version=1,
            text=source.text,
        ),
        selection=selection,
        action=action,
        outline=source.outline,
        instruction=instruction,
        indent_unit=source.unit,
    )  # fmt: skip
    target = actions.BY_NAME[action].applies(request)
    return None if target is None else Site(source, request, target)


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
    """A file: Python mostly, and of the others each as often as another."""
    groups: dict[str, list[Source]] = {}
    for source in sources():
        groups.setdefault(source.language, []).append(source)
    language = "python" if rng.random() < 0.6 else rng.choice(sorted(groups))
    return rng.choice(groups[language])
