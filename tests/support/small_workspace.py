"""A workspace of a few files in memory, with the facts that a parser would give written by hand.

Facts are lines, as in the golden files: `method Client.fetch : Answer | def fetch(self)`: a kind
("hidden" before it if it is not exported), the full name, the type that is written, and the text of
its signature as it stands in the source. A definition ends where its block does. Then
`import MODULE NAME as ALIAS level 1` (`-` for no name) and `base CHILD < BASE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from indoors_indexing.facts import Base, Definition, Import, Kind
from indoors_indexing.recent import Ring
from indoors_indexing.related import Site, related
from indoors_indexing.resolve import MemoryFiles, Project
from indoors_indexing.types import Document, Snippet, Span
from indoors_indexing.words import STOP_WORDS

CURSOR = "<|>"


class _File(NamedTuple):
    data: bytes
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    bases: tuple[Base, ...]


class _Defined(NamedTuple):
    path: str
    definition: Definition


class _Derived(NamedTuple):
    path: str
    base: Base


class _Hit(NamedTuple):
    path: str
    start: int
    end: int
    score: float


def parsed(source: str, facts: str) -> _File:
    definitions: list[Definition] = []
    imports: list[Import] = []
    bases: list[Base] = []
    for line in filter(None, map(str.strip, facts.splitlines())):
        if line.startswith("import "):
            match = re.fullmatch(r"import (\S*) (\S+)(?: as (\S+))?(?: level (\d))?", line)
            assert match, line
            module = match[1] if match[1] != "-" else ""
            name = match[2] if match[2] != "-" else ""
            imports.append(
                Import(
                    module=module,
                    name=name,
                    alias=match[3] or "",
                    level=int(match[4] or 0),
                    start=0,
                )
            )
        elif line.startswith("base "):
            child, _, base = line[5:].partition(" < ")
            bases.append(Base(child=child, base=base, start=0))
        else:
            definitions.append(_definition(source, line))
    return _File(source.encode(), tuple(definitions), tuple(imports), tuple(bases))


def _definition(source: str, line: str) -> Definition:
    left, _, head = line.partition(" | ")
    left, _, type_name = left.partition(" : ")
    words = left.split()
    hidden = words[0] == "hidden"
    kind, full = words[-2:]
    *scope, name = full.split(".")
    start = source.index(head)
    head_end = start + len(head)
    end = head_end
    rest = source[head_end:]
    if kind not in ("field", "variable", "constant") and rest.lstrip(" ").startswith("{"):
        depth = 0
        for at, character in enumerate(rest):
            depth += (character == "{") - (character == "}")
            if character == "}" and depth == 0:
                end = head_end + at + 1
                break
    elif head.endswith(":"):
        indent = start - (source.rfind("\n", 0, start) + 1)
        body = re.match(rf"[^\n]*\n(?:(?: {{{indent + 1},}}[^\n]*)?(?:\n|\Z))*", rest)
        end = head_end + len(body[0].rstrip()) if body else len(source)
    doc = re.match(r'\s*("""(?:.|\n)*?""")', rest)
    above = re.search(r"((?:[ \t]*(?://|///)[^\n]*\n)+)[ \t]*\Z", source[:start])
    span = (0, 0)
    if doc and head.endswith(":"):
        span = head_end + doc.start(1), head_end + doc.end(1)
    elif above:
        span = above.start(1) + len(above[1]) - len(above[1].lstrip()), above.end(1)
    size = [len(source[:at].encode()) for at in (start, end, head_end, *span)]
    return Definition(
        name=name, kind=cast("Kind", kind), scope=tuple(scope), start=size[0], end=size[1],
        head_end=size[2], doc_start=size[3], doc_end=size[4], name_start=size[0],
        exported=not hidden, type_name=type_name,
    )  # fmt: skip


class Workspace:
    """A `Reader` and its files. `files` maps paths to a source and its facts.

    Unless it is `searched`, a search finds nothing: so small files are alike in everything.
    """

    def __init__(
        self,
        files: dict[str, tuple[str, str]],
        project: Project | None = None,
        *,
        searched: bool = False,
    ) -> None:
        self._files = {path: parsed(source, facts) for path, (source, facts) in files.items()}
        self.index = MemoryFiles(self._files, project)
        self.n_asked = 0
        self._searched = searched

    def definitions_named(self, names: Sequence[str], limit: int = 200) -> list[_Defined]:
        self.n_asked += 1
        return [
            _Defined(path, one)
            for path, file in sorted(self._files.items())
            for one in file.definitions
            if one.name in names
        ][:limit]

    def definitions_in(self, path: str) -> tuple[Definition, ...]:
        self.n_asked += 1
        return self._files[path].definitions if path in self._files else ()

    def definitions_of(self, path: str, name: str) -> list[Definition]:
        return [one for one in self.definitions_in(path) if one.name == name]

    def imports_of(self, path: str) -> tuple[Import, ...]:
        self.n_asked += 1
        return self._files[path].imports if path in self._files else ()

    def bases_in(self, path: str) -> tuple[Base, ...]:
        return self._files[path].bases if path in self._files else ()

    def derived_from(self, names: Sequence[str], limit: int = 200) -> list[_Derived]:
        return [
            _Derived(path, one)
            for path, file in sorted(self._files.items())
            for one in file.bases
            if re.split(r"\.|::", one.base)[-1] in names
        ][:limit]

    def alike(
        self, weights: Mapping[str, float], limit: int = 20
    ) -> tuple[list[_Hit], dict[str, float]]:
        words = [word for word in weights if word not in STOP_WORDS]
        found = self._hits(words)[:limit] if self._searched else []
        return found, dict.fromkeys(words if self._searched else (), 1.0)

    def _hits(self, words: Sequence[str]) -> list[_Hit]:
        hits = []
        for path, file in sorted(self._files.items()):
            text = file.data.decode()
            score = sum(bool(re.search(rf"(?i)\b{re.escape(word)}\b", text)) for word in set(words))
            if score:
                hits.append(_Hit(path, 0, len(file.data), float(score)))
        return sorted(hits, key=lambda hit: -hit.score)

    def containing(self, identifier: str, limit: int = 200) -> list[_Hit]:
        return self._hits([identifier])[:limit]

    def source(self, path: str, start: int, end: int) -> bytes:
        return self._files[path].data[start:end] if path in self._files else b""

    def ask(
        self,
        path: str,
        language: str,
        marked: str,
        *,
        budget: int = 400,
        ring: Ring | None = None,
        is_late: Callable[[], bool] = lambda: False,
    ) -> tuple[Snippet, ...]:
        """The snippets where `<|>` stands; the window is the whole text."""
        before, cursor, after = marked.partition(CURSOR)
        assert cursor
        text = before + after
        site = Site(
            document=Document(uri=path, path=path, language=language, version=1, text=text),
            offset=len(before),
            window=Span(0, len(text)),
        )
        more: dict[str, Any] = {} if ring is None else {"ring": ring}
        return related(site, budget, self, self.index, is_late=is_late, **more)


def check(
    snippets: Sequence[Snippet],
    first: str,
    *,
    reason: str = "",
    shown: Sequence[str] = (),
    absent: Sequence[str] = (),
) -> None:
    """The best snippet has the line `first` and says `reason`."""
    assert snippets, "nothing was found"
    lines = [line.strip() for line in snippets[0].text.splitlines()]
    assert first in lines, snippets
    assert reason in snippets[0].reason, snippets[0]
    whole = "\n".join(snippet.text for snippet in snippets)
    for text in shown:
        assert text in whole, (text, snippets)
    for text in absent:
        assert text not in whole, (text, snippets)
