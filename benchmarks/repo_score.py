"""How near an answer is to what was cut out, and whether the context held what it needs.

An answer counts as far as the target goes: as many non-empty lines as the target has, each without
the white space around it. `em` is whether they are equal, `es` is 100 times twice the matching
characters over the characters of both (difflib), so that what is equal has 100.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from repo_rows import RepoRow

from indoors_indexing.types import Snippet

N_FILES = 5


def counted(answer: str, target: str) -> tuple[list[str], list[str]]:
    """The lines of both that are compared."""
    wanted = spoken(target)
    return spoken(answer)[: len(wanted)], wanted


def spoken(text: str) -> list[str]:
    """The lines that say something, without the white space around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def em(answer: str, target: str) -> bool:
    """Exact match."""
    given, wanted = counted(answer, target)
    return given == wanted


def es(answer: str, target: str) -> float:
    """Edit similarity, 0 to 100."""
    given, wanted = ("\n".join(lines) for lines in counted(answer, target))
    return 100 * difflib.SequenceMatcher(None, given, wanted, autojunk=False).ratio()


def names_file(row: RepoRow, snippets: Sequence[Snippet]) -> bool:
    """Whether one of the first five snippets comes from a file that defines the symbol."""
    return any(snippet.path in row.def_paths for snippet in snippets[:N_FILES])


def holds_symbol(row: RepoRow, snippets: Sequence[Snippet]) -> bool:
    """Whether the symbol stands in a snippet as a whole word."""
    word = re.compile(rf"(?<!\w){re.escape(row.symbol)}(?!\w)")
    return any(word.search(snippet.text) for snippet in snippets)
