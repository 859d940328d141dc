"""Checks of tests that were written: there are some, they use what they test, and look at it."""

from __future__ import annotations

import itertools
import re

from indoors_completion.refactor.case import Case

_TEST = {
    "python": re.compile(r"(?m)^\s*(?:async )?def test\w*"),
    "go": re.compile(r"(?m)^func Test\w*"),
    "java": re.compile(r"@(?:Parameterized)?Test\b"),
    "rust": re.compile(r"#\[(?:\w+::)?test\]"),
}
_ECMA_TEST = re.compile(r"\b(?:it|test)(?:\.each\([^)]*\))?\(")
# What a test says its result with.
_LOOKS = re.compile(
    r"\bassert\w*|\bexpect\w*\s*\(|\braises\b|\bfail\w*\s*\(|\bt\.(?:Error|Fatal|Fail)\w*|\bshould\b"
)
_TRIVIAL = re.compile(
    r"\bassert(?:True)?[ (]+(?:True|1|true)\b|assert_?[eE]q(?:ual)?s?!?\((\w+), *\1\)"
    r"|expect\((true|1)\)\.to(?:Be|Equal)\(\2\)"
)


def tests_its_subject(case: Case) -> str:
    """There are tests now that were not there; each of them uses the subject and says a result."""
    subject = case.request.subject
    if subject is None or case.outline is None:
        return ""
    pattern = _TEST.get(case.outline.language, _ECMA_TEST)
    new = _tests_in(case.new_text, pattern)
    old = set(_tests_in(case.old_text, pattern))
    written = [text for text in new if text not in old]
    if not written:
        return "the answer has no test in it"
    names = re.compile(rf"\b(?:{re.escape(subject.name)}|{re.escape(subject.imported)})\b")
    if not any(names.search(text) for text in written):
        return f"the answer does not use {subject.name}"
    for text in written:
        if not _LOOKS.search(text) or (_TRIVIAL.search(text) and not names.search(text)):
            return "the answer has a test in it that looks at nothing"
    return ""


def _tests_in(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The tests of a file, each from where it begins to where the next one does."""
    ends = [*(match.start() for match in pattern.finditer(text)), len(text)]
    return [text[start:end].strip() for start, end in itertools.pairwise(ends)]
