"""The values of an edit: what was asked, what may change, what came of it. All frozen."""

from __future__ import annotations

from typing import Literal

import msgspec

from indoors_indexing.types import Defined, Document, Outline, Snippet, Span

# Kinds of definitions that are called.
CALLABLE = frozenset({"function", "method", "constructor"})
# Kinds of definitions that only hold something.
VALUES = frozenset({"field", "variable", "constant"})
# What of it the model writes, where the rest stays: all of it, what stands behind the head and the
# documentation, the documentation, the signature, or the name of what becomes of it.
Writes = Literal["all", "body", "doc", "head", "name"]
# How an answer came about: the likeliest; one beside it; asked again with a reason; by chance.
How = Literal["first", "other", "repaired", "sampled"]


class Problem(msgspec.Struct, frozen=True):
    """A diagnostic that the editor shows, as another tool reported it."""

    message: str
    span: Span
    source: str = ""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around tests in a file, written before the model writes.

    `imports` are lines that the file needs, each with the word that has to be used for it to be of
    use ("" for always); `head` stands before them. `opening` begins the first test of a new file or
    block, `inner` that of a block which is there already ("" where blocks stand side by side), and
    `stop` and `closing` end what the opening began. `begins` (a pattern) is where a further test
    begins, `gap` what stands before the tests, and `told` what the model is told to use.
    """

    told: str
    imports: tuple[tuple[str, str], ...]
    opening: str
    begins: str
    head: str = ""
    inner: str = ""
    stop: str = ""
    closing: str = "\n"
    gap: str = "\n\n"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What tests are written for. The request's document is the file that they go to then, empty
    for one that `is_new`. `code` is the text of what is tested, in the file `path`; `imported` the
    name that tests import; `example` tests that the project has already, of `example_path`.
    """

    name: str
    imported: str
    path: str
    code: str
    frame: Frame
    example: str = ""
    example_path: str = ""
    is_new: bool = False


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
    subject: Subject | None = None


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


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the model and what became of it: `reason` is "" for one that passed."""

    how: How
    check: str = ""
    reason: str = ""
    n_tokens: int = 0


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that passed every check. `changes` are of `document`, at its version; `before` and
    `after` are the target's text.
    """

    title: str
    document: Document
    before: str
    after: str
    changes: tuple[Change, ...]
    attempts: tuple[Attempt, ...] = ()


class NoSafeEdit(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that the model wrote passed, or it could not be asked. `reason` is for people."""

    reason: str
    attempts: tuple[Attempt, ...] = ()
