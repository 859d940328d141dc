"""The target as the model is shown it, and its answer in the style of the file.

Shown without its indentation, because a small model writes best from the first column. What comes
back is indented again; a line that is an old one but for its quotes or blanks becomes the old one,
so that a diff shows what was meant and nothing else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from indoors_indexing.types import Leaf

# Two texts of more lines than this are compared line by line from both ends only.
_MAX_LINES = 2000
_EITHER_QUOTE = frozenset({"python", "javascript", "typescript", "tsx"})


def indent_of(text: str) -> str:
    """The white space that all lines of a text begin with, blank ones aside."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    first, last = min(lines), max(lines)
    size = 0
    while size < len(first) and first[size] in " \t" and first[size] == last[size : size + 1]:
        size += 1
    return first[:size]


def without_indent(text: str, indent: str) -> str:
    """A text whose lines all begin with `indent`, without it."""
    return "".join(
        line.removeprefix(indent) if line.strip() else line.lstrip(" \t")
        for line in text.splitlines(keepends=True)
    )


def with_indent(text: str, indent: str) -> str:
    """Each line that is not blank behind `indent`."""
    return "".join(
        indent + line if line.strip() else line.lstrip(" \t")
        for line in text.splitlines(keepends=True)
    )


def fitted(
    code: str, before: str, *, indent: str, unit: str, newline: str, language: str = ""
) -> str:
    """An answer as the target's new text.

    `before` is the target's text, `indent` what was taken from its lines, `unit` one level of the
    file's indentation, `newline` its line end. `language` is the outline's: in some, a string may
    have either quote, and then the old one stays.
    """
    code = without_indent(code, indent_of(code))
    code = with_indent(_with_unit(code, unit, without_indent(before, indent)), indent)
    lines = [line.rstrip() for line in code.split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    old = [line.rstrip("\r") for line in before.split("\n")]
    leading = next((at for at, line in enumerate(old) if line.strip()), 0)
    trailing = next((at for at, line in enumerate(reversed(old)) if line.strip()), 0)
    kept = _restored(old[leading : len(old) - trailing], lines, language in _EITHER_QUOTE)
    text = "\n".join([*old[:leading], *kept, *old[len(old) - trailing :]])
    return text if newline == "\n" else text.replace("\n", newline)


def _with_unit(code: str, unit: str, before: str) -> str:
    """Leading white space in the file's unit, if the answer has another one."""
    levels = sorted({_width(line) for line in code.split("\n") if line.strip()} - {0})
    if not levels:
        return code
    has_tabs = any(line.startswith("\t") for line in code.split("\n"))
    if unit == "\t" and not has_tabs:
        step = levels[0] if all(level % levels[0] == 0 for level in levels) else 0
        if step > 1:
            return _reindented(code, " " * step, "\t")
    elif unit != "\t" and has_tabs:
        return _reindented(code, "\t", unit)
    elif unit != "\t" and _step(code) not in (0, len(unit), _step(before)):
        return _reindented(code, " " * _step(code), unit)
    return code


def _step(code: str) -> int:
    """By how much a text is indented for each level, 0 if that cannot be told."""
    levels = sorted({_width(line) for line in code.split("\n") if line.strip()} - {0})
    if not levels or levels[0] not in (2, 3, 4, 8):
        return 0
    return levels[0] if all(level % levels[0] == 0 for level in levels) else 0


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _reindented(code: str, old: str, new: str) -> str:
    lines = []
    for line in code.split("\n"):
        rest, n_levels = line, 0
        while rest.startswith(old):
            rest, n_levels = rest[len(old) :], n_levels + 1
        lines.append(new * n_levels + rest)
    return "\n".join(lines)


def _restored(old: Sequence[str], new: Sequence[str], either_quote: bool) -> list[str]:
    """The new lines; those that say what an old one in the same place says are that old one."""
    if max(len(old), len(new)) > _MAX_LINES:
        return list(new)
    matcher = difflib.SequenceMatcher(
        None,
        [_plain(line, either_quote) for line in old],
        [_plain(line, either_quote) for line in new],
        autojunk=False,
    )
    lines = list(new)
    for first, second, size in matcher.get_matching_blocks():
        for step in range(size):
            lines[second + step] = old[first + step]
    return lines


def _plain(line: str, either_quote: bool) -> str:
    """A line with one kind of quotes. Inside a string the other kind may mean itself: then the
    lines differ, and the new one stays.
    """
    text = line.rstrip()
    if not either_quote or ("'" in text and '"' in text):
        return text
    return text.replace("'", '"')


def quotes_of(text: str, leaves: Sequence[Leaf], language: str = "") -> str:
    """The quote that most strings of a text begin with, "" if there is no telling, or if the two
    do not mean the same in a language (characters in Go, what is expanded in a shell).
    """
    if language not in _EITHER_QUOTE:
        return ""
    counts = {"'": 0, '"': 0}
    for leaf in leaves:
        if leaf.kind == "string" and text[leaf.start] in counts:
            counts[text[leaf.start]] += 1
    if max(counts.values()) < 2 * min(counts.values()) + 2:
        return ""
    return max(counts, key=lambda quote: counts[quote])


_SIMPLE = re.compile(r"""(?s)\A(['"])([^'"\\\n]*)\1\Z""")


_OPENS = re.compile(r"""[a-zA-Z]?[fFtT][a-zA-Z]?(\"{3}|'{3}|"|')""")


def _in_braces(text: str, leaves: Sequence[Leaf]) -> Iterator[tuple[Leaf, bool]]:
    """Each token, and whether it stands in the braces of an f-string (Python)."""
    quotes: list[str] = []
    depths: list[int] = []  # of braces, in each f-string
    for leaf in leaves:
        said = text[leaf.start : leaf.end]
        is_code = not depths or depths[-1] > 0
        yield leaf, any(depths)
        if leaf.kind == "string" and is_code and (opens := _OPENS.fullmatch(said)):
            quotes.append(opens[1])
            depths.append(0)
        elif leaf.kind == "string" and quotes and said == quotes[-1]:
            quotes.pop()
            depths.pop()
        elif leaf.kind == "code" and depths and said in ("{", "}"):
            depths[-1] += 1 if said == "{" else -1


def with_quotes(text: str, leaves: Sequence[Leaf], quote: str, first: int, last: int) -> str:
    """Simple strings between two offsets in the file's quotes; what has quotes in it stays, and so
    does what stands in the braces of an f-string, where its own quote ends it.
    """
    if not quote:
        return text
    pieces, at = [], 0
    for leaf, in_braces in _in_braces(text, leaves):
        if in_braces or leaf.kind != "string" or leaf.start < first or leaf.end > last:
            continue
        match = _SIMPLE.match(text[leaf.start : leaf.end])
        if match is not None and match[1] != quote:
            pieces += [text[at : leaf.start], quote + match[2] + quote]
            at = leaf.end
    return "".join([*pieces, text[at:]])
