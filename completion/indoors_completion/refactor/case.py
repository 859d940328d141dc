"""An edited text to be judged: both texts, both outlines, and what the action may do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from indoors_completion.refactor.types import EditRequest, Target
from indoors_indexing.types import Defined, Leaf, Outline, Span


class Rules(NamedTuple):
    """What an action may do to its target, beside what all must keep.

    `code` False: only comments and documentation may change. `annotations_only`: without its
    annotations the code is the same. `head` False: a definition keeps its signature, with the names
    of its parameters. `renames`: public names may go. `shrinks`: most of the code may go.
    `extracts`: there is a new function, and the old one calls it in place of what it did.
    """

    code: bool = True
    annotations_only: bool = False
    head: bool = False
    renames: bool = False
    shrinks: bool = False
    extracts: bool = False


class Line(NamedTuple):
    """A line that is not blank: its code without comments and with single blanks ("" for a line of
    comments), the comments in it with whether each is documentation, and where it begins.
    """

    code: str
    comments: tuple[tuple[str, bool], ...]
    start: int


class Case:
    """What the checks look at. `target` is the place in the old document, `new_span` in the new."""

    def __init__(
        self,
        request: EditRequest,
        target: Target,
        rules: Rules,
        after: str,
        outline: Outline | None,
        known: frozenset[str] = frozenset(),
    ) -> None:
        self.request = request
        self.target = target
        self.rules = rules
        self.before = request.document.text
        self.after = after
        self.outline_before = request.outline
        self.outline = outline
        # Names that files of the project or the language give without an import.
        self.known = known

    @cached_property
    def new_span(self) -> Span:
        """Where the target lies now: what is behind it is as long as it was."""
        tail = len(self.before) - self.target.span.end
        return Span(self.target.span.start, max(self.target.span.start, len(self.after) - tail))

    @property
    def old_text(self) -> str:
        """The target's text as it was."""
        return self.before[self.target.span.start : self.target.span.end]

    @property
    def new_text(self) -> str:
        """The target's text as it would be."""
        return self.after[self.new_span.start : self.new_span.end]

    def old_leaves(self, *kinds: str) -> list[str]:
        """The texts of the old target's tokens of some kinds."""
        return _texts(self.before, self.outline_before.leaves, self.target.span, kinds)

    def new_leaves(self, *kinds: str) -> list[str]:
        """The texts of the new target's tokens of some kinds."""
        leaves = self.outline.leaves if self.outline is not None else ()
        return _texts(self.after, leaves, self.new_span, kinds)

    @cached_property
    def is_fix(self) -> bool:
        """Whether the wish is what another tool reported."""
        return self.request.action == "fix"

    @cached_property
    def old_lines(self) -> list[Line]:
        """The old target's lines."""
        return _lines(self.before, self.outline_before.leaves, self.target.span)

    @cached_property
    def new_lines(self) -> list[Line]:
        """The new target's lines."""
        leaves = self.outline.leaves if self.outline is not None else ()
        return _lines(self.after, leaves, self.new_span)

    @cached_property
    def lost_lines(self) -> Counter[str]:
        """Lines of code that are nowhere in the new target, how often; brackets alone are none."""
        old = Counter(line.code for line in self.old_lines if _SAYS.search(line.code))
        return old - Counter(line.code for line in self.new_lines)

    def tokens(self, span: Span, *kinds: str, old: bool) -> list[Leaf]:
        """The tokens of some kinds that lie in a span of the old or the new document."""
        outline = self.outline_before if old else self.outline
        return [
            leaf
            for leaf in (outline.leaves if outline is not None else ())
            if leaf.kind in kinds and span.start <= leaf.start and leaf.end <= span.end
        ]

    def texts(self, leaves: Iterable[Leaf], *, old: bool) -> list[str]:
        """What tokens of the old or the new document say."""
        text = self.before if old else self.after
        return [text[leaf.start : leaf.end] for leaf in leaves]

    def old_definitions(self) -> list[Defined]:
        """The definitions that begin in the old target."""
        return _within(self.outline_before.definitions, self.target.span)

    def new_definitions(self) -> list[Defined]:
        """The definitions that begin in the new target."""
        return _within(self.outline.definitions if self.outline else (), self.new_span)


_SAYS = re.compile(r"\w")
# What documentation begins with: prose, in which words mean what they say.
_DOCUMENTS = ("/**", "///", "//!", '"', "'", 'r"', 'R"', "r'", "--[[", "=begin")


def _lines(text: str, leaves: Iterable[Leaf], span: Span) -> list[Line]:
    comments = [
        leaf
        for leaf in leaves
        if leaf.kind == "comment" and leaf.start < span.end and leaf.end > span.start
    ]
    found, at, start = [], 0, span.start
    for raw in text[span.start : span.end].splitlines(keepends=True):
        end = start + len(raw)
        while at < len(comments) and comments[at].end <= start:
            at += 1
        pieces, said, position = [], [], start
        for leaf in comments[at:]:
            if leaf.start >= end:
                break
            first, last = max(leaf.start, start), min(leaf.end, end)
            pieces.append(text[position:first])
            is_doc = text.startswith(_DOCUMENTS, leaf.start)
            said.append((text[first:last].strip(), is_doc))
            position = last
        code = " ".join("".join([*pieces, text[position:end]]).split())
        if code or any(comment for comment, _ in said):
            found.append(Line(code, tuple(said), start))
        start = end
    return found


def _texts(text: str, leaves: Iterable[Leaf], span: Span, kinds: tuple[str, ...]) -> list[str]:
    return [
        text[leaf.start : leaf.end]
        for leaf in leaves
        if leaf.kind in kinds and span.start <= leaf.start and leaf.end <= span.end
    ]


def _within(definitions: Iterable[Defined], span: Span) -> list[Defined]:
    return [one for one in definitions if span.start <= one.span.start < span.end]
