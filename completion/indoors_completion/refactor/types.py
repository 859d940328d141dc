"""The values of an edit: what was asked, what may change, what came of it. All frozen."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_indexing.types import Defined, Document, Outline, Snippet, Span

# Kinds of definitions that are called.
CALLABLE = frozenset({"function", "method", "constructor"})
# Kinds of definitions that only hold something.
VALUES = frozenset({"field", "variable", "constant"})
# What of the document an action may change.
Reach = Literal["selection", "definition", "body", "head", "new_file"]
# How an answer came about: the likeliest; one beside it; asked again with a reason; by chance.
How = Literal["first", "other", "repaired", "sampled"]


class Problem(msgspec.Struct, frozen=True):
    """A diagnostic that the editor shows, as another tool reported it."""

    message: str
    span: Span
    source: str = ""


class EditRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish. `selection` may be empty: then the place of the cursor says what is meant.

    `outline` is that of the document. `indent_unit` is what one level is indented by in this file.
    """

    document: Document
    selection: Span
    action: str
    outline: Outline
    instruction: str = ""
    problems: tuple[Problem, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    indent_unit: str = "    "
    seed: int = 0


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The whole lines that may change (or, empty, the place where lines come), and the definition
    that they are, if they are one.
    """

    span: Span
    text: str
    indent: str
    defined: Defined | None = None


class Change(msgspec.Struct, frozen=True):
    """A replacement in the document as it was. Changes are in order and do not touch."""

    span: Span
    text: str


class NewFile(msgspec.Struct, frozen=True):
    """A file that an edit creates; `path` is relative to the workspace folder, posix."""

    path: str
    text: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the model and what became of it: `reason` is "" for one that passed."""

    how: How
    check: str = ""
    reason: str = ""
    n_tokens: int = 0


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that passed every check. `before` and `after` are the target's text."""

    title: str
    version: int
    before: str
    after: str
    changes: tuple[Change, ...]
    new_files: tuple[NewFile, ...] = ()
    attempts: tuple[Attempt, ...] = ()


class NoSafeEdit(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that the model wrote passed, or it could not be asked. `reason` is for people."""

    reason: str
    attempts: tuple[Attempt, ...] = ()
