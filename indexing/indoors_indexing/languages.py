"""The languages whose syntax we read: one frozen record each, and nothing else knows a node type.

Adding a language is one row in `LANGUAGES`, one query and two golden files, under
tests/golden/languages and tests/golden/facts (I12). Grammars are loaded on first use, and only by
the process that parses: importing this module loads no native code, so that the server may ask
which languages exist. A grammar that is missing or broken disables its language with a note, and
nothing else.
"""

from __future__ import annotations

import importlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from indoors_indexing.language import LanguageRecord
from indoors_indexing.languages_ecma import JAVASCRIPT, TSX, TYPESCRIPT
from indoors_indexing.languages_managed import CSHARP, JAVA, KOTLIN, SCALA
from indoors_indexing.languages_native import CPP, GO, RUST, SWIFT, C
from indoors_indexing.languages_script import BASH, LUA, PHP, PYTHON, RUBY

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar

__all__ = ["LANGUAGES", "GrammarError", "LanguageRecord", "by_language_id", "by_path", "grammar"]


class GrammarError(Exception):
    """A grammar cannot be loaded; the message says which and why."""


LANGUAGES: tuple[LanguageRecord, ...] = (
    PYTHON, JAVASCRIPT, TYPESCRIPT, TSX, GO, JAVA, RUST, C, CPP, CSHARP, RUBY, PHP, KOTLIN, SWIFT,
    SCALA, LUA, BASH,
)  # fmt: skip

_BY_ID = {identifier: record for record in LANGUAGES for identifier in record.language_ids}
_BY_EXTENSION = {extension: record for record in LANGUAGES for extension in record.extensions}


def by_language_id(identifier: str) -> LanguageRecord | None:
    """The record for an LSP language id, None for a language we do not parse."""
    return _BY_ID.get(identifier)


def by_path(path: str) -> LanguageRecord | None:
    """The record for a file name, by its extension, None for a language we do not parse."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower())


def grammar(record: LanguageRecord) -> Grammar:
    """Load a record's grammar (native code, so only where text is parsed). Raises GrammarError."""
    try:
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(record.module), record.function)())
    except Exception as error:
        raise GrammarError(
            f"{record.name}: the grammar {record.module} did not load ({type(error).__name__}: "
            f"{error}); {record.name} is completed without syntax"
        ) from error
