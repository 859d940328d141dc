"""LSP language ids by file name, for the command line: in an editor the editor says it. And which
of them name the same language: Neovim sends its own names for some (`cs`, `sh`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from indoors_indexing.languages import by_language_id

_BY_SUFFIX = {
    ".py": "python", ".pyi": "python", ".pyw": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascriptreact",
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "typescriptreact",
    ".go": "go", ".java": "java", ".rs": "rust", ".kt": "kotlin", ".kts": "kotlin",
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp",
    ".cs": "csharp", ".swift": "swift", ".scala": "scala", ".rb": "ruby", ".php": "php",
    ".lua": "lua", ".sh": "shellscript", ".bash": "shellscript", ".sql": "sql", ".html": "html",
    ".css": "css", ".scss": "scss", ".json": "json", ".yaml": "yaml", ".yml": "yaml",
    ".toml": "toml", ".md": "markdown", ".xml": "xml", ".vue": "vue", ".svelte": "svelte",
}  # fmt: skip
_WITH_JSX = "react"
_BY_NAME = {"dockerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile"}


def language_id(name: str) -> str:
    """The language id for a file name, "plaintext" if it is not known."""
    path = PurePath(name)
    return _BY_NAME.get(path.name.lower()) or _BY_SUFFIX.get(path.suffix.lower(), "plaintext")


def named(language: str, names: Iterable[str]) -> str:
    """The one of `names` that a document's language id means, "" if none does."""
    names = tuple(names)
    if language in names:
        return language
    record = by_language_id(language)
    # The forms with JSX are parsed as their languages are, and have a name of their own everywhere.
    if record is None or language.endswith(_WITH_JSX):
        return ""
    same = [one for one in names if by_language_id(one) is record and not one.endswith(_WITH_JSX)]
    return same[0] if same else ""
