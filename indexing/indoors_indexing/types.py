"""The values and protocols of indexing: the only module here that completion may import.

Offsets are `int` indices into a Python `str` (code points). LSP encodings never reach this layer.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec


class Span(msgspec.Struct, frozen=True):
    """A half-open range `[start, end)` of code-point offsets."""

    start: int
    end: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One open document as the editor shows it, at one version.

    `path` is for display and prompts only (relative to the workspace folder where there is one);
    nothing opens it. `language` is the LSP language id. `root` is the folder whose file it is, ""
    if it is none's: then no policy lets its text leave this machine.
    """

    uri: str
    path: str
    language: str
    version: int
    text: str
    root: str = ""


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """Text from elsewhere that may help at a cursor, with the reason it was chosen."""

    path: str
    text: str
    reason: str
    score: float = 0.0


class SyntaxSite(msgspec.Struct, frozen=True, kw_only=True):
    """What the syntax tree says about one offset.

    `region` is where the cursor stands. `block_indent` is the leading whitespace of the statements
    of the innermost enclosing block (for an empty block: what its first statement should have;
    "" at the top level). `block` is that block's span in the document, or the whole document.
    `opens_block` says that the code just before the cursor opens a block whose body is still empty
    (`def f():`, `if (x) {`). `statement` is the innermost statement that contains or touches the
    cursor, None between statements. `scope` names the enclosing definitions, outermost first.
    `has_error` says the tree has an ERROR or missing node within the enclosing block.
    """

    language: str
    region: Literal["code", "comment", "string"]
    block: Span
    block_indent: str
    opens_block: bool
    statement: Span | None
    scope: tuple[str, ...] = ()
    has_error: bool = False


LeafKind = Literal["code", "comment", "string", "annotation"]


class Leaf(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One token of a text. A docstring is a "comment"; what only says a type is an "annotation".

    `depth` counts the blocks that it stands in, and `begins` says that a statement begins with it:
    together with the tokens they are what the code does, whatever its white space.
    """

    kind: LeafKind
    start: int
    end: int
    depth: int = 0
    begins: bool = False


class Named(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A name at a place: given a meaning there (`is_bound`), or used with the one that it has.

    Members (`x.name`), keywords of calls and labels are not among them. `is_known` is False for a
    name that is used where nothing in the file gives it a meaning (or only further down).
    """

    name: str
    start: int
    is_bound: bool
    is_known: bool = True


class Defined(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A definition in a text. `head` is its signature, with decorators and modifiers, `doc` its
    documentation (empty if it has none), `scope` what it stands in, outermost first.
    """

    name: str
    kind: str
    span: Span
    head: Span
    doc: Span
    scope: tuple[str, ...] = ()
    exported: bool = True


class Outline(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a whole text says, to compare it with an edited one.

    `n_errors` counts as `Syntax.error_count`. `names` is None for a language whose bindings are
    not known. Leaves and names come in the order of the text.
    """

    language: str
    n_errors: int
    definitions: tuple[Defined, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    names: tuple[Named, ...] | None = None


class Syntax(Protocol):
    """Reads syntax trees. Implementations never raise on any text (I7): no answer is `None`.

    The answer may be computed in another process, so both calls are asynchronous, and both give
    `None` for a language without a grammar, a file above the size cap, or a parse past its
    deadline.
    """

    async def site(self, document: Document, offset: int) -> SyntaxSite | None:
        """Describe the tree around `offset` in `document`."""
        ...

    async def error_count(self, language: str, text: str) -> int | None:
        """Count ERROR and missing nodes in `text` parsed as `language`."""
        ...

    async def outline(self, language: str, text: str) -> Outline | None:
        """What the whole of `text` says, parsed as `language`."""
        ...


class NoSyntax:
    """A `Syntax` that knows nothing: for plain text, tests, and after the parser was given up."""

    async def site(self, document: Document, offset: int) -> SyntaxSite | None:  # noqa: ARG002 - the protocol's signature
        """Answer `None`."""
        return None

    async def error_count(self, language: str, text: str) -> int | None:  # noqa: ARG002 - the protocol's signature
        """Answer `None`."""
        return None

    async def outline(self, language: str, text: str) -> Outline | None:  # noqa: ARG002 - the protocol's signature
        """Answer `None`."""
        return None


class Retrieval(Protocol):
    """Finds what of the project helps at a cursor. Implementations never raise on any text."""

    async def snippets(
        self, document: Document, offset: int, shown: Span, budget_tokens: int
    ) -> tuple[Snippet, ...] | None:
        """The best snippets, of about `budget_tokens` together; () if nothing helps.

        `shown` is the part of the document that is in the prompt anyway. None where nothing can be
        said: no index yet, or a document that belongs to none.
        """
        ...
