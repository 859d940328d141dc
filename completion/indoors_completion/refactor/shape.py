"""What of a target the model has to write, where the rest of the answer is known before.

    answer = given + what the model writes + rest

Who documents a function of sixty lines changes none of them, so the model writes the documentation
and nothing else: it takes a fraction of the time, and nothing can be lost. What is `given` stands
in the prompt as the beginning of the model's own answer; `rest` is put behind it afterwards. The
answer is checked like any other one: that it was put together so proves nothing.
"""

from __future__ import annotations

import re

import msgspec

from indoors_completion import hidden
from indoors_completion.refactor import reply, style
from indoors_completion.refactor.types import CALLABLE, EditRequest, Target, Writes
from indoors_indexing.types import Defined

# By so many characters of what follows it is known that the model has come to it.
_TELLING = 24
# The end of what is given is left to the model to spell: tokens go over it, and one that was cut in
# two has the model go on as nobody writes.
_SPELLED = re.compile(r"[^\S\n]*(?:[^\w\s]+|\w+)$")
_QUOTES = re.compile(r"(?i)^([rbu]{0,2})(\"\"\"|''')")
_COMMENT = re.compile(r"^(/\*\*?|//[/!]?|#+'?|--+)")
# What documentation above a definition begins with, by the language's convention.
_DOC_MARKS = {
    "javascript": "/**",
    "typescript": "/**",
    "tsx": "/**",
    "java": "/**",
    "kotlin": "/**",
    "scala": "/**",
    "php": "/**",
    "c": "/**",
    "cpp": "/**",
    "go": "//",
    "rust": "///",
    "csharp": "///",
    "swift": "///",
    "ruby": "#",
    "bash": "#",
    "lua": "---",
}


class Shape(msgspec.Struct, frozen=True):
    """The parts of an answer. `stops` end what the model writes, beside the end of its block;
    `repeats` is the text that it may repeat. `mark` is what each line of a comment begins with.
    """

    given: str = ""
    rest: str = ""
    stops: tuple[str, ...] = ()
    repeats: str = ""
    in_block: bool = True
    mark: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the model writes all of it."""
        return not self.given

    @property
    def begin(self) -> str:
        """The end of what is given, as a job has it (`Job.begin`); none that nobody would see."""
        found = _SPELLED.search(self.given)
        return found[0] if found is not None and hidden.visible(found[0]) == found[0] else ""

    def code(self, written: str) -> str:
        """The code of an answer of which the model wrote this; "" if it cannot be a part of it."""
        if self.is_whole:
            return reply.code_of(written)
        written = written.replace("\r\n", "\n").rstrip("\n")
        if self.mark:
            written = _comment_lines(self.mark, written)
        return f"{self.given}{written}{self.rest}" if written.strip() else ""


def whole(target: Target) -> Shape:
    """The model writes all of the target."""
    return Shape(repeats=target.text)


def shape_of(writes: Writes, request: EditRequest, target: Target) -> Shape:
    """How an action's answer is put together; whole where the target is not of a kind that can be
    taken apart.
    """
    found = None
    if writes == "body":
        found = _body(request, target)
    elif writes == "doc" and target.defined is not None:
        if request.outline.language == "python":
            found = _doc_inside(request, target, target.defined)
        else:
            found = _doc_above(request, target, target.defined)
    elif writes == "head" and target.defined is not None:
        found = _head(request, target, target.defined)
    return found or whole(target)


def body_start(request: EditRequest, target: Target) -> int:
    """Where in the target's text a body begins, behind the head and the documentation of the one
    function that the target is about; 0 if there is no such one.
    """
    span = target.span
    callables = [
        one
        for one in request.outline.definitions
        if span.start <= one.span.start and one.span.end <= span.end and one.kind in CALLABLE
    ]
    # The outermost first: what stands inside of it is part of its body.
    if not callables or any(one.span.start >= callables[0].span.end for one in callables):
        return 0
    return _within(request, target, max(callables[0].head.end, callables[0].doc.end))


def _within(request: EditRequest, target: Target, offset: int) -> int:
    """An offset of the document in the target's text."""
    before = request.document.text[target.span.start : offset].replace("\r\n", "\n")
    # With a character behind it: of a blank line nothing would be left.
    return len(style.without_indent(f"{before}x", target.indent)) - 1


def _doc_in(request: EditRequest, target: Target, defined: Defined) -> tuple[int, int]:
    """Where a definition's documentation stands in the target's text."""
    return _within(request, target, defined.doc.start), _within(request, target, defined.doc.end)


def _body(request: EditRequest, target: Target) -> Shape | None:
    start = body_start(request, target)
    given, left = target.text[:start], target.text[start:]
    return Shape(given=given, repeats=left) if given.strip() and left.strip() else None


def _doc_inside(request: EditRequest, target: Target, defined: Defined) -> Shape | None:
    """A docstring: new ones stand in a line of their own below the head."""
    text = target.text
    if defined.head.end <= defined.doc.start < defined.doc.end:
        first, last = _doc_in(request, target, defined)
        quotes = _QUOTES.match(text[first:last])
        if quotes is None:
            return None
        given, rest = text[: first + len(quotes[0])], quotes[2] + text[last:]
        old = text[first + len(quotes[0]) : last].removesuffix(quotes[2])
        return Shape(given, rest, (quotes[2],), old, in_block=False)
    head = _within(request, target, defined.head.end)
    end = text.find("\n", head)
    if end < 0 or text[head:end].partition("#")[0].strip():
        return None  # its body stands in the same line
    below = next((line for line in text[end + 1 :].split("\n") if line.strip()), "")
    indent = below[: len(below) - len(below.lstrip())]
    if not indent:
        return None
    given = f'{text[:end]}\n{indent}"""'
    return Shape(given, f'"""{text[end:]}', ('"""',), in_block=False)


def _doc_above(request: EditRequest, target: Target, defined: Defined) -> Shape | None:
    """A comment above the definition, opened as the old one was, or as its language does."""
    text, mark = target.text, _DOC_MARKS.get(request.outline.language, "")
    first, last = 0, 0
    if defined.doc.start < defined.doc.end <= defined.span.start:
        first, last = _doc_in(request, target, defined)
        opened = _COMMENT.match(text[first:last])
        mark = opened[0] if opened is not None else ""
    if not mark or text[:first].strip():
        return None
    old, code = text[first + len(mark) : last], text[last:].lstrip("\n")
    if mark.startswith("/*"):
        old = old.removesuffix("*/")
        return Shape(mark, f"*/\n{code}", ("*/",), old, in_block=False)
    return Shape(mark, f"\n{code}", (f"\n{code[:_TELLING]}",), old, mark=mark)


def _head(request: EditRequest, target: Target, defined: Defined) -> Shape | None:
    """From the parameters to the end of the signature."""
    text = target.text
    start = _within(request, target, defined.span.start)
    end = _within(request, target, defined.head.end)
    named = re.compile(rf"\b{re.escape(defined.name)}\b[^(\n]*\(")
    opened = [match for match in named.finditer(text, start, end) if not _in_decorator(text, match)]
    rest = text[end:]
    telling = re.match(r"\s*\S*\s*", rest)
    if not opened or telling is None or not rest.strip():
        return None
    at = opened[0].end()
    stop = rest[: max(telling.end() + 4, _TELLING)]
    return Shape(text[:at], rest, (stop,), text[at:end])


def _in_decorator(text: str, match: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    return line.lstrip().startswith("@")


def _comment_lines(mark: str, written: str) -> str:
    """What was written of a comment in lines, up to the first line that is none."""
    first, *others = written.rstrip().split("\n")
    for line in others:
        if not line.startswith(mark):
            return ""
    return "\n".join([first, *others])
