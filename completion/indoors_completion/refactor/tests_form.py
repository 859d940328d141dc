"""Tests put into their file: behind the others, with the imports that they need.

new file       head, imports, opening | what the model writes | closing
file of tests  … its imports + missing ones … its tests, opening | what the model writes | closing
"""

from __future__ import annotations

import re

from indoors_completion.refactor.shape import Shape
from indoors_completion.refactor.types import EditRequest, Frame, Subject, Target
from indoors_indexing.types import Span

_IMPORTS = {
    "python": r"(?m)^(?:import|from)\b[^\n(]*(?:\([^)]*\))?[^\n]*\n",
    "javascript": r"(?m)^(?:import\b[^;]*;|(?:const|let|var)\b[^;\n]*\brequire\([^\n]*)[^\n]*\n",
    "go": r"(?m)^import\b[^\n(]*(?:\([^)]*\))?[^\n]*\n",
    "java": r"(?m)^import\b[^\n]*\n",
}
_IMPORTS["typescript"] = _IMPORTS["tsx"] = _IMPORTS["javascript"]


class TestsForm(Shape, frozen=True, kw_only=True):
    """`given` is what the model sees of the file before its tests; in the file stands `above` and
    then what follows, with those `imports` that what is written makes use of in the place between.
    """

    above: str
    below: str
    imports: tuple[tuple[str, str], ...]
    opening: str
    begins: str

    def code(self, written: str) -> str:
        """The target's new text; "" if nothing was written."""
        written = written.replace("\r\n", "\n").rstrip()
        if not written:
            return ""
        used = [line for line, word in self.imports if not word or _is_used(word, written)]
        imports = "".join(f"{line}\n" for line in used)
        return f"{self.above}{imports}{self.below}{self.opening}{written}{self.rest}"

    def cut(self, written: str) -> str:
        """All tests but the last, which has no end."""
        places = [match.start() for match in re.finditer(self.begins, written)]
        return written[: places[-1]] if places else ""


def target_of(request: EditRequest, subject: Subject) -> Target:
    """What of a test file changes: all from its imports to its end, or to the end of its block."""
    text = request.document.text
    start, end = _ends(request.outline.language, text, subject.frame)
    return Target(span=Span(start, end), text=text[start:end].replace("\r\n", "\n"), indent="")


def form_of(request: EditRequest, subject: Subject, target: Target) -> TestsForm:
    """How tests are put into the target."""
    frame, text = subject.frame, request.document.text
    is_inside = _is_inside(text, frame)
    missing = tuple(
        (line, word) for line, word in frame.imports if not _is_there(line, text, subject)
    )
    opening = frame.inner if is_inside else frame.opening
    there = target.text.rstrip("\n")
    gap = "\n\n" if is_inside else frame.gap
    shown = "".join(f"{line}\n" for line, _ in frame.imports)
    blank = frame.gap.removeprefix("\n") if shown else ""
    given = f"{frame.head}{shown}{blank}{frame.opening}"
    if text.strip():
        above, below = "", f"{there}{gap}" if there else gap.removeprefix("\n")
        if missing and there and not there.startswith("\n"):
            below = f"{there}{gap}"
    else:
        above, below = frame.head, blank
    return TestsForm(
        given=given,
        rest="\n" if is_inside else frame.closing,
        stops=(frame.stop,) if frame.stop else (),
        repeats="",
        above=above,
        below=below,
        imports=missing,
        opening=opening,
        begins=frame.begins,
    )


def _is_used(word: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def _is_inside(text: str, frame: Frame) -> bool:
    """Whether tests go into a block that is there already."""
    return bool(frame.inner) and frame.inner.split("\n")[0].strip() in text and "\n}" in text


def _ends(language: str, text: str, frame: Frame) -> tuple[int, int]:
    end = len(text)
    if _is_inside(text, frame):
        end = text.rindex("\n}") + 1
    start = 0
    for match in re.finditer(_IMPORTS[language], text) if language in _IMPORTS else ():
        start = match.end()
    if not start or start > end or not frame.imports:
        start = end
    return start, end


def _is_there(line: str, text: str, subject: Subject) -> bool:
    """Whether a file imports already what a line would bring."""
    if line in text:
        return True
    if not _is_used(subject.imported, line):
        return False
    imports = r"(?m)^(?:import|from|const|let|var)\b[^;]*?\b" + re.escape(subject.imported) + r"\b"
    return re.search(imports, text) is not None
