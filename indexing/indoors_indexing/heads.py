"""What is read from the bytes around a definition: names, types, comments, modifiers. Pure.

Reading bytes is exact enough here, many times cheaper than walking the tree in Python, and the same
for every language. Every search is bounded: a hostile file has lines of a megabyte.
"""

from __future__ import annotations

import re

from indoors_indexing.lines import BLANK

# Names and types above these lengths are not written by people.
MAX_NAME_BYTES = 200
_MAX_TYPE_BYTES = 200
_MAX_LINE_BYTES = 2000
_MAX_HEAD_BYTES = 4000
_MAX_COMMENT_LINES = 200
_MAX_COMMENT_BYTES = 20_000

_BASE_END = re.compile(rb"[<\[({\s]")
_ARGUMENTS = re.compile(rb"<[^<>]*>|\[[^\[\]]*\]")
_PATH_MARKS = re.compile(r"::|[.:\\]|->")
# A parameter's type: up to the comma, default or bracket that ends it, with balanced brackets.
_PARAMETER_TYPE = re.compile(rb"\s*:\s*((?:[^\[\](),=]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])+)")


def name_text(data: bytes, start: int, end: int) -> str:
    """A name as text (of a symbol `:a`, that is `a`), "" if it is too long to be one."""
    if end - start > MAX_NAME_BYTES:
        return ""
    return data[start:end].lstrip(b":").decode(errors="replace")


def type_text(data: bytes, start: int, end: int) -> str:
    """A type as written, on one line, without the mark before it (`: T`, `-> T`) and quotes."""
    raw = data[start : min(end, start + _MAX_TYPE_BYTES)].lstrip(b":-> \t\r\n").rstrip()
    if raw.startswith(b"{"):
        # A type that is spelled out has no name to look up.
        return ""
    if raw[:1] in (b'"', b"'") and raw[-1:] == raw[:1]:
        raw = raw[1:-1]
    if b"\n" in raw:
        raw = b" ".join(raw.split())
    return raw.decode(errors="replace")


def made_text(data: bytes, start: int, end: int) -> str:
    """The type that a call constructs, "" if what is called is no type by its name.

    Where a call alone does not say which it is, types begin with a capital.
    """
    text = name_text(data, start, end)
    last = _PATH_MARKS.split(text)[-1].lstrip("_")
    return text if last[:1].isupper() and "\n" not in text else ""


def base_text(data: bytes, start: int, end: int) -> str:
    """A base as written, without type arguments and constructor arguments."""
    raw = data[start : min(end, start + MAX_NAME_BYTES)].lstrip(b"*&: \t\r\n")
    cut = _BASE_END.search(raw)
    return (raw[: cut.start()] if cut else raw).decode(errors="replace")


def qualified(data: bytes, start: int, end: int) -> tuple[str, ...]:
    """The parts of a qualified name, without type arguments: of `A<T>::B`, `a.b`, `a:b`."""
    raw = data[start : min(end, start + MAX_NAME_BYTES)].lstrip(b"*&: \t\r\n")
    if b"operator" not in raw:
        for _ in range(5):
            raw = _ARGUMENTS.sub(b"", raw)
    parts = [part for part in _PATH_MARKS.split(raw.decode(errors="replace")) if part.strip()]
    return tuple(parts) or ("",)


def parameter_type(data: bytes, start: int, end: int, name: bytes) -> str:
    """The type that a signature gives to a parameter (`name: Type`), "" if none."""
    head = data[start : min(end, start + _MAX_HEAD_BYTES)]
    at = head.find(name)
    while at >= 0:
        before = head[at - 1 : at]
        if at and not (before.isalnum() or before in (b"_", b".")):
            found = _PARAMETER_TYPE.match(head, at + len(name))
            if found:
                return type_text(found.group(1), 0, len(found.group(1)))
        at = head.find(name, at + 1)
    return ""


def head_end(data: bytes, start: int, body: int) -> int:
    """Where a signature ends, whose body begins at `body`: before white space and comments."""
    head = data[max(start, body - _MAX_HEAD_BYTES) : body].rstrip(BLANK)
    last = head.rfind(b"\n") + 1
    while last and head[last:].lstrip().startswith((b"#", b"//")):
        head = head[:last].rstrip(BLANK)
        last = head.rfind(b"\n") + 1
    return max(start, body - _MAX_HEAD_BYTES) + len(head)


def code_end(data: bytes, start: int, end: int) -> int:
    """`end` without the white space that some grammars count to a node."""
    if end > start and data[end - 1] in BLANK:
        tail = data[max(start, end - _MAX_LINE_BYTES) : end]
        return end - len(tail) + len(tail.rstrip(BLANK))
    return end


def first_line_end(data: bytes, at: int, end: int) -> int:
    """The end of the line that holds `at`, or `end` if that comes first."""
    limit = min(end, at + _MAX_LINE_BYTES)
    found = data.find(b"\n", at, limit)
    return limit if found < 0 else found - (data[found - 1 : found] == b"\r" and found > at)


def line_head(data: bytes, at: int) -> int:
    """Where the line that holds `at` begins, -1 if that is too far to be read."""
    found = data.rfind(b"\n", max(0, at - _MAX_LINE_BYTES), at)
    return found + 1 if found >= 0 else 0 if at <= _MAX_LINE_BYTES else -1


def modifiers(data: bytes, start: int, name_start: int) -> bytes:
    """What stands before a name on its definition, and on the definition's first line before it."""
    first = line_head(data, start)
    return data[max(first if first >= 0 else start, name_start - 400) : name_start]


def comment_above(
    data: bytes, at: int, line_mark: bytes, opening: bytes, closing: bytes
) -> tuple[int, int]:
    """The comment that ends on the line above `at`, as (start, end); (at, at) if there is none."""
    first = line_head(data, at)
    if first <= 0 or data[first:at].strip():
        return at, at
    top = first
    for _ in range(_MAX_COMMENT_LINES):
        begin = line_head(data, top - 1) if top else -1
        if begin < 0:
            break
        line = data[begin : top - 1].strip()
        if line.startswith(line_mark):
            top = begin
            continue
        opened = -1
        if closing and line.endswith(closing):
            opened = data.rfind(opening, max(0, top - _MAX_COMMENT_BYTES), top)
        begin = line_head(data, opened) if opened >= 0 else -1
        if begin < 0 or data[begin:opened].strip():
            break
        top = begin
        # What is above a block comment is another remark, often the licence.
        break
    if top == first:
        return at, at
    start = top + len(data[top:first]) - len(data[top:first].lstrip(BLANK))
    return start, top + len(data[top:first].rstrip(BLANK))
