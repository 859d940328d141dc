"""What the model is shown of other files, in the ways that are compared.

    infile   nothing
    bm25     the row's own five snippets, else five of a plain BM25 over the tree (bm25.py)
    ring     what llama.vim would send (ring.py)
    ours     what the index gives, the target cut out of its file before it is indexed
    oracle   the true definition of the symbol that the hole begins with

Each gets the same budget: snippets are taken in order, whole lines only, until it is used up.
Nothing comes from the row's own file but in `ours`, which has to leave out by itself what is in the
prompt.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bm25 import Bm25, question_of
from index_under_test import IndexedCopies
from repo_rows import RepoRow, tree_of
from ring import chunks
from tree_files import source_files

from indoors_indexing.types import Snippet

CONTEXTS = ("infile", "bm25", "ring", "ours", "oracle")
N_BM25 = 5
# Below what a token of source code has on average (3.3 to 3.6), so that the prompt's own budget,
# which counts tokens, hardly ever clips what was fitted here.
CHARACTERS_A_TOKEN = 3
# What the comment around a snippet and the line with its path take.
_FRAME_CHARACTERS = 12


@dataclass(frozen=True)
class _Tree:
    files: list[tuple[str, str]]
    languages: dict[str, str]
    bm25: Bm25


class Contexts:
    """Finds snippets for rows. Trees are read when a row first needs them."""

    def __init__(self, trees: Path | None, budget_tokens: int, copies: IndexedCopies) -> None:
        self._place = trees
        self._budget_tokens = budget_tokens
        self._copies = copies
        self._trees: dict[Path, _Tree] = {}

    def fitted(self, found: Sequence[Snippet]) -> tuple[Snippet, ...]:
        """What is shown of what was found."""
        return fit(found, self._budget_tokens * CHARACTERS_A_TOKEN)

    def found(self, context: str, row: RepoRow, seed: int) -> Sequence[Snippet] | None:
        """What a context has for a row; None if the row lacks what the context needs.

        Raises index_under_test.Missing.
        """
        if context == "infile":
            return ()
        if context == "oracle":
            return row.oracle or None
        if context == "bm25" and row.own_bm25:
            return row.own_bm25
        root = tree_of(row, self._place)
        if root is None:
            return None
        if context == "ours":
            return self._copies.snippets(row, root, self._budget_tokens)
        tree = self._tree(root)
        if context == "bm25":
            pieces = tree.bm25.search(question_of(row.prefix), N_BM25, without=row.path)
            return [
                Snippet(path=one.path, text=one.text, reason="bm25", score=one.score)
                for one in pieces
            ]
        rng = random.Random(f"{seed}/{row.name}")
        same = [file for file in tree.files if tree.languages[file[0]] == row.language]
        return [
            Snippet(path=one.path, text=one.text, reason="ring")
            for one in chunks(row.path, same, rng)
        ]

    def _tree(self, root: Path) -> _Tree:
        if root not in self._trees:
            files = source_files(root)
            texts = [(file.path, file.text) for file in files]
            languages = {file.path: file.language for file in files}
            self._trees[root] = _Tree(texts, languages, Bm25(texts))
        return self._trees[root]


def fit(snippets: Sequence[Snippet], budget_characters: int) -> tuple[Snippet, ...]:
    """The snippets that fit, in order; the last one may lose lines at its end."""
    kept: list[Snippet] = []
    left = budget_characters
    for snippet in snippets:
        left -= len(snippet.path) + _FRAME_CHARACTERS
        lines: list[str] = []
        for line in snippet.text.rstrip("\n").split("\n"):
            left -= len(line) + 1
            if left < 0:
                break
            lines.append(line)
        if any(line.strip() for line in lines):
            kept.append(msgspec.structs.replace(snippet, text="\n".join(lines)))
        if left < 0:
            break
    return tuple(kept)
