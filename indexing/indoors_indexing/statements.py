"""A text in two: the statements that import something, and all the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from indoors_indexing.scan_rules import words

# Statements that import something, in all languages that have them; also over several lines.
_IMPORTING = re.compile(
    r"^[ \t]*(?:from\s+\S+\s+import\b\s*(?:\([^)]{0,2000}\)|[^\n]*)"
    r"|(?:pub\s+)?use\s[^;\n]*(?:\{[^;]{0,2000})?;"
    r"|(?:import|export)\b(?:\s+type)?\s*(?:[\w$]+\s*,\s*)?"
    r"(?:\{[^}]{0,2000}\}|\([^)]{0,2000}\)|\*[^\n]*)?[^\n{]*$"
    r"|#\s*include[^\n]*|using\s[^\n]*|(?:require|require_relative)\b[^\n]*)",
    re.MULTILINE,
)
# Where each of them begins on a line with this word, which is found much faster than a pattern.
_WORD = "import"
_SAID_SO = words("py pyi java kt kts scala go swift groovy")
# Enough to see what is imported.
_MAX_CHARS = 60_000


def split_imports(text: str, path: str) -> tuple[str, str]:
    """What is no import, and the imports; of a file that is called so."""
    others: list[str] = []
    imports: list[str] = []
    at = 0
    for start, end in _imports(text, path.rpartition(".")[2]):
        others.append(text[at:start])
        imports.append(text[start:end])
        at = end
    others.append(text[at:])
    return "\n".join(others), "\n".join(imports)


def _imports(text: str, extension: str) -> Iterator[tuple[int, int]]:
    if extension not in _SAID_SO:
        for match in _IMPORTING.finditer(text, 0, _MAX_CHARS):
            yield match.span()
        return
    at = text.find(_WORD, 0, _MAX_CHARS)
    while at >= 0:
        found = _IMPORTING.match(text, text.rfind("\n", 0, at) + 1)
        if found is not None:
            yield found.span()
            at = found.end()
        # One statement in a line.
        at = text.find("\n", at)
        at = text.find(_WORD, at, _MAX_CHARS) if at >= 0 else -1
