"""Which of many names goes on from the line before a cursor: small factors, each for one sign.

`queryMapping: ` is rather `QueryMapping`, `raise ` an error, `-> ` a type; and what is used
elsewhere in the file, or in code that is like it, is used here sooner than what is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from indoors_indexing.statements import split_imports

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Bytes as they are in words, all others as blanks.
_SPACED = bytes(
    byte if byte >= 128 or chr(byte).isalnum() or byte == ord("_") else ord(" ")
    for byte in range(256)
)
_LAST_NAME = re.compile(r"([^\W\d]\w*)\W*\Z")
# Where a type is written next: behind a colon, an arrow, a bar, `new`, `extends` and the like.
_TYPE_NEXT = re.compile(
    r"(?:->|\|(?!\|)|\b(?:new|extends|implements|instanceof|as|impl|dyn|throws)\b"
    r"|\w\??\s*:(?!:)(?:\s*&?(?:mut\b)?)|\bisinstance\s*\(\s*[\w.]+\s*,)\s*[(\[]?\s*\Z"
)
_ERROR_NEXT = re.compile(r"\b(?:raise|throw(?:\s+new)?|except|catch\s*\(|rescue)\s*\(?\s*\Z")
_ERROR = re.compile(r"(?i:error|exception|failure|fault)\w*\Z")
# All the words of the last name, and some words of the line.
_LIKE_LAST, _LIKE_LINE = 1.0, 0.15
_TYPE, _NO_TYPE = 1.25, 0.8
_IS_ERROR = 1.5
_USED_HERE, _USED_ALIKE = 0.12, 0.15
_MAX_TEXT = 100_000
_NO_WORDS: frozenset[str] = frozenset()


class Hints:
    """Factors for names at one cursor. `alike` gives the words of similar code, asked once."""

    def __init__(
        self, line: str, path: str, text: str, alike: Callable[[], frozenset[str]]
    ) -> None:
        self._path = path
        self._text = text
        self._used: frozenset[str] | None = None
        self._alike_of = alike
        self._here: frozenset[str] | None = None
        self._alike: frozenset[str] | None = None
        last = _LAST_NAME.search(line)
        self._last_name = last[1] if last else ""
        self._last = parts(self._last_name)
        self._line = parts(line)
        self._wants_type = _TYPE_NEXT.search(line) is not None
        self._wants_error = _ERROR_NEXT.search(line) is not None

    def of(self, name: str, *, is_type: bool = False) -> float:
        """What a name's score is multiplied by: about 1, more where the line asks for it."""
        worth = 1.0
        own = parts(name)
        if not own.isdisjoint(self._line):
            # The last name is one of the line. What stands there does not go on from itself.
            if name != self._last_name and not own.isdisjoint(self._last):
                worth += _LIKE_LAST * len(own & self._last) / max(len(own), len(self._last))
            worth += _LIKE_LINE
        if self._wants_type:
            worth *= _TYPE if is_type else _NO_TYPE
        if self._wants_error and _ERROR.search(name):
            worth *= _IS_ERROR
        # Asked for hundreds of names, so without calls where both are known.
        if name in (self.here() if self._here is None else self._here):
            worth += _USED_HERE
        if name in (self.alike() if self._alike is None else self._alike):
            worth += _USED_ALIKE
        return worth

    def is_used(self, name: str) -> bool:
        """Whether a name stands in this file or in code that is like it."""
        return name in self.here() or name in self.alike()

    def here(self) -> frozenset[str]:
        """The words of the whole file."""
        if self._here is None:
            self._read()
        return self._here or _NO_WORDS

    def used(self) -> frozenset[str]:
        """The words of the file that stand elsewhere than where something is imported."""
        if self._used is None:
            self._read()
        return self._used or _NO_WORDS

    def _read(self) -> None:
        others, imports = split_imports(self._text[:_MAX_TEXT], self._path)
        self._used = words_in(others)
        self._here = self._used | words_in(imports)

    def alike(self) -> frozenset[str]:
        """The words of the code that is most like what stands around the cursor."""
        if self._alike is None:
            self._alike = self._alike_of()
        return self._alike


def words_in(text: str) -> frozenset[str]:
    """The words of a text. Cutting bytes is several times faster than a search for words, and what
    is not ASCII stands in words or nowhere near them.
    """
    return words_in_bytes(text.encode("utf-8", "replace"))


def words_in_bytes(data: bytes) -> frozenset[str]:
    """The words of a text in UTF-8, or of parts of one."""
    return frozenset(data.translate(_SPACED).decode("utf-8", "replace").split())


@lru_cache(maxsize=20_000)
def parts(text: str) -> frozenset[str]:
    """The words that names are made of, without an ending of the plural."""
    found = (part.lower() for part in _PART.findall(text) if len(part) > 2)
    return frozenset(one[:-1] if len(one) > 3 and one[-1] == "s" else one for one in found)
