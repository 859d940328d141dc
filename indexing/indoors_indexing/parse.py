"""The owner of tree-sitter: parses text, keeps trees, parses again only what changed.

Nothing here raises on any text (I7). Work is bounded three ways: a size cap, a time budget that the
parser itself checks, and walks that follow one path from the root, never recursion.

What was measured (tree-sitter 0.25, one core): 15 MB/s for ordinary source, so a full parse of the
largest admitted text takes about 80 ms; random repetitions of a few characters at 0.3 MB ran for
minutes and took 0.3 GB a second. `parse(bytes)` cannot be stopped and holds the GIL, but
`parse(callback, progress_callback=…)` asks every few microseconds and costs 5 % more.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TypeVar

from tree_sitter import Node, Parser, Query, QueryCursor, Tree

from indoors_indexing.languages import GrammarError, LanguageRecord, by_language_id, grammar
from indoors_indexing.site import describe
from indoors_indexing.sources import Source, changed_range
from indoors_indexing.types import Document, Outline, SyntaxSite

_T = TypeVar("_T")

__all__ = ["DirectSyntax", "Match", "Matcher", "Node", "Parsed", "SyntaxUnavailable", "Trees"]

# One match of a query: the number of its pattern, and the captured nodes by name.
Match = tuple[int, dict[str, list[Node]]]

# Files above this are generated or bundled; their syntax is not worth 80 ms and 50 MB of tree.
MAX_TEXT_BYTES = 1_000_000
# Ten times what the largest ordinary file needs here: slow machines pass, hostile text does not.
PARSE_BUDGET_MS = 1000.0
# A tree takes 25 to 50 times its text, so this keeps the process under some 100 MB of trees.
MAX_KEPT_BYTES = 2_000_000
MAX_KEPT_TREES = 32
# Deeper nesting than this is not written by people; the answer is then about an outer node.
_MAX_DEPTH = 2000
_MAX_VISITED = 50_000
# Unfinished matches at one time; a sound file has a few for each level of its nesting, and hostile
# nesting would cost its square.
_MAX_OPEN_MATCHES = 256
# 0.4 ns each: a fifth of a second.
_MAX_SIBLINGS_SQUARED = 5 * 10**8
# Nearly all files are one window.
_WINDOW_BYTES = 128 * 1024


class SyntaxUnavailable(Exception):
    """There is no tree: `kind` is "language", "grammar", "size" or "slow"; str() is a note."""

    def __init__(self, kind: str, note: str) -> None:
        super().__init__(note)
        self.kind = kind


class Parsed:
    """One parsed text: the record, the text and its tree, and the path from the root to a byte."""

    def __init__(self, record: LanguageRecord, source: Source, tree: Tree) -> None:
        self.record = record
        self.source = source
        self.tree = tree

    def path(self, byte: int) -> list[Node]:
        """The nodes that contain `byte`, from the root inwards (always at least the root)."""
        cursor = self.tree.walk()
        nodes = [self.tree.root_node]
        while len(nodes) < _MAX_DEPTH and cursor.goto_first_child_for_byte(byte) is not None:
            node = cursor.node
            if node is None or not node.start_byte <= byte < node.end_byte:
                break
            nodes.append(node)
        return nodes

    def error_count(self) -> int:
        """The number of ERROR and missing nodes (at most those among 50 000 visited nodes)."""
        cursor = self.tree.walk()
        count = 0
        for _ in range(_MAX_VISITED):
            node = cursor.node
            if node is None:
                break
            count += node.is_error or node.is_missing
            if node.has_error and cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return count
        return count


class Trees:
    """Parses documents and keeps the trees of the most recently used ones."""

    def __init__(self, *, budget_ms: float = PARSE_BUDGET_MS) -> None:
        self._budget_ms = budget_ms
        self._parsers: dict[str, Parser] = {}
        self._kept: OrderedDict[str, Parsed] = OrderedDict()
        self.n_incremental = 0

    def site(self, uri: str, language: str, text: str, offset: int) -> SyntaxSite:
        """Describe the tree around a code-point offset. Raises SyntaxUnavailable."""
        return describe(self.document(uri, language, text), offset)

    def error_count(self, language: str, text: str) -> int:
        """Count ERROR and missing nodes; the tree is not kept. Raises SyntaxUnavailable."""
        record, parser = self._parser(language)
        return self._parse(record, parser, Source(text), None).error_count()

    def parsed(self, language: str, text: str) -> Parsed:
        """The tree of a text; it is not kept. Raises SyntaxUnavailable."""
        record, parser = self._parser(language)
        return self._parse(record, parser, Source(text), None)

    def document(self, uri: str, language: str, text: str) -> Parsed:
        """The tree of a document, from the kept one if it has one. Raises SyntaxUnavailable."""
        record, parser = self._parser(language)
        kept = self._kept.pop(uri, None)
        if kept is not None and kept.record is not record:
            kept = None
        if kept is None or kept.source.text != text:
            kept = self._parse(record, parser, Source(text), kept)
        self._kept[uri] = kept
        self._shed()
        return kept

    def forget(self, uri: str) -> None:
        """Drop a closed document's tree."""
        self._kept.pop(uri, None)

    def _shed(self) -> None:
        total = sum(len(parsed.source.data) for parsed in self._kept.values())
        while len(self._kept) > 1 and (total > MAX_KEPT_BYTES or len(self._kept) > MAX_KEPT_TREES):
            _, oldest = self._kept.popitem(last=False)
            total -= len(oldest.source.data)

    def _parser(self, language: str) -> tuple[LanguageRecord, Parser]:
        record = by_language_id(language)
        if record is None:
            raise SyntaxUnavailable("language", f"{language}: no grammar for this language")
        parser = self._parsers.get(record.name)
        if parser is None:
            try:
                parser = Parser(grammar(record))
            except (GrammarError, ValueError) as error:
                raise SyntaxUnavailable("grammar", str(error)) from error
            self._parsers[record.name] = parser
        return record, parser

    def _parse(
        self, record: LanguageRecord, parser: Parser, source: Source, old: Parsed | None
    ) -> Parsed:
        if len(source.data) > MAX_TEXT_BYTES:
            raise SyntaxUnavailable(
                "size", f"the text is over {MAX_TEXT_BYTES} bytes: no syntax for it"
            )
        if old is None:
            tree = run_parser(parser, source.data, None, self._budget_ms)
        else:
            start, old_end, new_end = changed_range(old.source.data, source.data)
            # The kept tree is ours alone and is replaced below, so it may be edited in place.
            old.tree.edit(
                start,
                old_end,
                new_end,
                source.point(start),
                old.source.point(old_end),
                source.point(new_end),
            )
            tree = run_parser(parser, source.data, old.tree, self._budget_ms)
            self.n_incremental += 1
        return Parsed(record, source, tree)


class Matcher:
    """Parses whole files of one language and runs one query over each; it keeps no tree.

    Raises GrammarError when the grammar does not load or does not know a node that the query names.
    """

    def __init__(self, record: LanguageRecord, query: str) -> None:
        language = grammar(record)
        try:
            self._parser = Parser(language)
            self._query = Query(language, query)
        except ValueError as error:
            raise GrammarError(f"{record.name}: the grammar {record.module}: {error}") from error
        self._settings = [
            self._query.pattern_settings(index) for index in range(self._query.pattern_count)
        ]

    @property
    def settings(self) -> list[dict[str, str | None]]:
        """What each of the query's patterns sets (`#set!`)."""
        return self._settings

    def span(self, pattern: int) -> tuple[int, int]:
        """Where a pattern stands in the query's text, in bytes."""
        query = self._query
        return query.start_byte_for_pattern(pattern), query.end_byte_for_pattern(pattern)

    def matches(
        self, data: bytes, budget_ms: float = PARSE_BUDGET_MS
    ) -> tuple[Iterator[Match], bool]:
        """The matches in any bytes, and whether their tree is broken. Raises SyntaxUnavailable.

        A match may come more than once. The nodes hold their tree alive; their `text` is not to be
        used (see `run_parser`).
        """
        if len(data) > MAX_TEXT_BYTES:
            raise SyntaxUnavailable("size", f"the file is over {MAX_TEXT_BYTES} bytes")
        tree = run_parser(self._parser, data, None, budget_ms)
        root = tree.root_node
        if root.has_error and _is_rubble(tree):
            raise SyntaxUnavailable("slow", "the file is too broken for its syntax to be searched")
        return self._in_windows(root, len(data), budget_ms), root.has_error

    def _in_windows(self, root: Node, size: int, budget_ms: float) -> Iterator[Match]:
        # The progress callback of a query cursor crashes the process (tree-sitter 0.26.1 keeps a
        # pointer to options that are gone), so time is checked between windows of the file, which
        # also bounds how many matches exist at a time.
        stop_at = time.monotonic() + budget_ms / 1000
        cursor = QueryCursor(self._query, match_limit=_MAX_OPEN_MATCHES)
        for start in range(0, size, _WINDOW_BYTES):
            cursor.set_byte_range(start, min(start + _WINDOW_BYTES, size))
            yield from cursor.matches(root)
            if time.monotonic() > stop_at:
                return


def _is_rubble(tree: Tree) -> bool:
    """Whether a broken tree has nodes so wide that searching them would take their square.

    For each node a query cursor looks for a later named sibling, and the children of an ERROR node
    are one flat list: 100 000 open brackets took 3.6 s. In a sound tree such lists are balanced.
    """
    cursor = tree.walk()
    cost = 0
    for _ in range(_MAX_VISITED):
        node = cursor.node
        if node is None:
            return False
        if node.has_error:
            cost += node.child_count**2
            if cost > _MAX_SIBLINGS_SQUARED:
                return True
            if cursor.goto_first_child():
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
    return True


def run_parser(parser: Parser, data: bytes, old: Tree | None, budget_ms: float) -> Tree:
    """Parse bytes, again from an edited tree if there is one. Raises SyntaxUnavailable ("slow")."""
    stop_at = time.monotonic() + budget_ms / 1000
    whole = memoryview(data)
    lent: list[memoryview] = []

    # tree-sitter 0.26 never drops its reference to what a read callback returns. A released
    # view is 200 bytes that leak, a slice of bytes would be the text; hence also the rule that
    # nothing here may use `Node.text`, which calls this function again.
    def read(byte: int, _point: object) -> memoryview:
        lent.append(whole[byte:])
        return lent[-1]

    def out_of_time(_byte: int, _has_error: bool) -> bool:
        return time.monotonic() > stop_at

    try:
        if old is None:
            return parser.parse(read, encoding="utf8", progress_callback=out_of_time)
        return parser.parse(read, old, encoding="utf8", progress_callback=out_of_time)
    except ValueError:
        # "Parsing failed": the progress callback stopped it. Without a reset the parser would
        # go on with this text when it is given the next one.
        parser.reset()
        raise SyntaxUnavailable(
            "slow", f"parsing took over {budget_ms:.0f} ms and was stopped"
        ) from None
    finally:
        for view in lent:
            view.release()
        whole.release()


class DirectSyntax:
    """A `Syntax` that parses in this process: for commands, tests and measurements.

    The server uses the indexer process instead, because a parse holds the GIL.
    """

    def __init__(self, trees: Trees | None = None) -> None:
        self._trees = trees or Trees()

    async def site(self, document: Document, offset: int) -> SyntaxSite | None:
        """Describe the tree around `offset`; None if there is no tree."""
        return _or_none(
            lambda: self._trees.site(document.uri, document.language, document.text, offset)
        )

    async def error_count(self, language: str, text: str) -> int | None:
        """Count ERROR and missing nodes; None if there is no tree."""
        return _or_none(lambda: self._trees.error_count(language, text))

    async def outline(self, language: str, text: str) -> Outline | None:
        """What the whole of `text` says; None if there is no tree."""
        from indoors_indexing.outline import outline_of

        return _or_none(lambda: outline_of(self._trees.parsed(language, text)))


def _or_none(call: Callable[[], _T]) -> _T | None:
    try:
        return call()
    except SyntaxUnavailable:
        return None
