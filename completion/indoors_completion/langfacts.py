"""What the core knows of a language without parsing it: comments, strings, blocks.

Keys are LSP language ids. An unknown language gets `PLAIN`, with which nothing is assumed.
"""

from __future__ import annotations

import msgspec


class LanguageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`line_comment` and `block_comment` open comments; `quotes` delimit strings on one line,
    `long_quotes` strings over several. `blocks` is how a block ends: by "indent", "braces" or
    neither (""). `quotes` leaves out a character that is also something else (`'` in Rust).
    """

    line_comment: str = ""
    block_comment: tuple[str, str] = ("", "")
    quotes: str = "\"'"
    long_quotes: tuple[str, ...] = ()
    blocks: str = ""


PLAIN = LanguageFacts(quotes="")

_C_COMMENTS = ("/*", "*/")
_C = LanguageFacts(line_comment="//", block_comment=_C_COMMENTS, blocks="braces")
_JS = LanguageFacts(
    line_comment="//", block_comment=_C_COMMENTS, long_quotes=("`",), blocks="braces"
)
_HASH = LanguageFacts(line_comment="#")
_MARKUP = LanguageFacts(block_comment=("<!--", "-->"), quotes="")

LANGUAGES: dict[str, LanguageFacts] = {
    "python": LanguageFacts(line_comment="#", long_quotes=('"""', "'''"), blocks="indent"),
    "javascript": _JS,
    "javascriptreact": _JS,
    "typescript": _JS,
    "typescriptreact": _JS,
    "go": _JS,
    "java": LanguageFacts(
        line_comment="//", block_comment=_C_COMMENTS, long_quotes=('"""',), blocks="braces"
    ),
    # A quote in Rust is also a lifetime, so only double quotes count as strings.
    "rust": LanguageFacts(
        line_comment="//", block_comment=_C_COMMENTS, quotes='"', blocks="braces"
    ),
    "c": _C,
    "cpp": _C,
    "csharp": _C,
    "cs": _C,
    "kotlin": LanguageFacts(
        line_comment="//", block_comment=_C_COMMENTS, long_quotes=('"""',), blocks="braces"
    ),
    "scala": LanguageFacts(
        line_comment="//", block_comment=_C_COMMENTS, long_quotes=('"""',), blocks="braces"
    ),
    "swift": LanguageFacts(
        line_comment="//",
        block_comment=_C_COMMENTS,
        quotes='"',
        long_quotes=('"""',),
        blocks="braces",
    ),
    "dart": _C,
    "php": _C,
    "css": LanguageFacts(block_comment=_C_COMMENTS, blocks="braces"),
    "scss": _C,
    "less": _C,
    "yaml": LanguageFacts(line_comment="#", blocks="indent"),
    "shellscript": _HASH,
    "sh": _HASH,
    "bash": _HASH,
    "dockerfile": _HASH,
    "makefile": _HASH,
    "perl": _HASH,
    "r": _HASH,
    "ruby": _HASH,
    "elixir": _HASH,
    "toml": _HASH,
    "lua": LanguageFacts(line_comment="--"),
    "sql": LanguageFacts(line_comment="--", block_comment=_C_COMMENTS),
    "haskell": LanguageFacts(line_comment="--", block_comment=("{-", "-}"), quotes='"'),
    "latex": LanguageFacts(line_comment="%", quotes=""),
    "html": _MARKUP,
    "xml": _MARKUP,
    "markdown": _MARKUP,
    "vue": _MARKUP,
    "svelte": _MARKUP,
}


def facts(language: str) -> LanguageFacts:
    """The facts of an LSP language id; `PLAIN` for one that is not in the table."""
    return LANGUAGES.get(language, PLAIN)


def as_comment(text: str, language: str) -> str:
    """`text` with every line a comment of `language`, ending in a newline.

    A language without known comments gets `# `, which models read as a comment anyway. Text that
    would close a block comment early is broken up.
    """
    known = facts(language)
    lines = text.rstrip("\n").split("\n")
    opening, closing = known.block_comment
    if not known.line_comment and opening:
        body = "\n".join(lines).replace(closing, f"{closing[0]} {closing[1:]}")
        return f"{opening} {body} {closing}\n"
    mark = known.line_comment or "#"
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in lines)
