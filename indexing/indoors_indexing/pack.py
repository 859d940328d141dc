"""From ranked candidates to the text that is shown, within a budget and without repetition.

One snippet for each file that defines something, in the order of the file: signatures with the
first lines of their documentation, inside the heads of their types. Bodies come last, where
something is left for them. Behind them stand the passages that are like the code at the cursor, the
best one last: what stands nearest to it is copied most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from indoors_indexing.facts import Definition
from indoors_indexing.follow import is_type
from indoors_indexing.lookup import Lookup
from indoors_indexing.rank import LISTED, NAMED_ALONE, WITH_BODY, Candidate
from indoors_indexing.types import Snippet

CHARS_PER_TOKEN = 3
# What naming a file costs, beyond its path: a marker and line breaks.
_HEADER_CHARS = 12
_MAX_HEAD_BYTES = 700
_MAX_SHORT_CHARS = 160
# Of a list the first ones are documented.
_DOCUMENTED = 8
# What is kept for the names of members whose signatures do not fit: a name alone says the most.
_NAMES_SHARE = 0.35
_NAMES_SHARE_OF_MANY = 0.45
_NAMES_SHARE_OF_VERY_MANY = 0.55
_MEANT = ("member", "module_member")
_MANY, _VERY_MANY = 15, 40
# What passages of code like this one may take before all else: about four of them, or half of much
# room, but never nearly all of it. A cut one has so much at least.
_ALIKE_CHARS, _ALIKE_SHARE, _MAX_ALIKE_SHARE = 800, 0.5, 0.85
_MIN_PASSAGE_CHARS = 100
# In little room, where passages leave less than this, they are shown alone: a few names beside them
# gained nothing (80 rows of repo_infill.py at 768 prompt tokens: ES 67 without them, 65 with them,
# difference 2.3 [-0.2, 5.3], and 55 with nothing shown). At 1,024 tokens they stay.
LITTLE_ROOM_TOKENS = 200
_BESIDE_CHARS = 200
# With little room the best few are shown as they are.
_FIRST_CHARS = 200
# A file that is named for a name alone costs as much as several names.
_MAX_FILES_FOR_NAMES = 6
# `// also: ` and the line's end, without the comma behind the last name.
_ALSO_CHARS = 9
# With less room than this nothing is read any more.
_LITTLE_CHARS = 40
_MAX_DOC_CHARS = 200
_MAX_BODY_BYTES = 2400
_MAX_SPAN_BYTES = 3000
# An indentation is looked for in this many bytes before a definition.
_BEFORE = 80
# A piece that says what is there already to this share says too little.
_KNOWN_SHARE = 0.7
_MAX_REASONS = 3
_COMMENTS = {"py": "#", "pyi": "#", "rb": "#", "sh": "#", "lua": "--"}
# How a stub says that a body is left out.
_NO_BODY = " ..."
_QUOTE = re.compile(r"[rRuUbBfF]*(\"\"\"|'''|\"|')")
_WORD = re.compile(r"[^\W\d][\w$]*")
_MAX_PIECES = 150
# What is still read after the deadline, so that what was found is shown: a millisecond's worth.
_LATE_PIECES = 25


class _Piece:
    """One part of a file's snippet."""

    def __init__(self, candidate: Candidate, start: int, end: int, text: str) -> None:
        self.candidates = [candidate]
        self.start = start
        self.end = end
        self.text = text


class Packer:
    """Fills a budget of tokens. `window` is the text that the prompt shows anyway."""

    def __init__(self, lookup: Lookup, *, path: str, window: str, budget_tokens: int) -> None:
        self._lookup = lookup
        self._path = path
        self._room = budget_tokens * CHARS_PER_TOKEN
        self._is_little = budget_tokens < LITTLE_ROOM_TOKENS
        self._reserved = 0
        self._window = window
        self._known = _lines(window)
        self._pieces: dict[str, list[_Piece]] = {}
        self._passages: dict[str, list[_Piece]] = {}
        self._n_pieces = 0
        self._n_listed: dict[str, int] = {}
        self._left_out: list[Candidate] = []
        # The words of what is shown of a file, once no signature is added any more.
        self._words: dict[str, set[str]] = {}

    def pack(self, candidates: Sequence[Candidate]) -> tuple[Snippet, ...]:
        """The snippets for the best of the candidates, in the order in which they are shown."""
        n_meant = sum(one.why in _MEANT for one in candidates)
        share = (
            _NAMES_SHARE if n_meant <= _MANY
            else _NAMES_SHARE_OF_MANY if n_meant <= _VERY_MANY
            else _NAMES_SHARE_OF_VERY_MANY
        )  # fmt: skip
        alike = max(self._room * _ALIKE_SHARE, min(_ALIKE_CHARS, self._room * _MAX_ALIKE_SHARE))
        self._reserved = int(self._room - alike)
        self._add_passages(candidates)
        if self._is_little and self._passages and self._room < _BESIDE_CHARS:
            self._reserved = 0
            self._add_passages(candidates)
            return self._shown_passages()
        self._reserved = int(max(0, self._room - _FIRST_CHARS) * share)
        n_late = 0
        for one in candidates:
            n_late += self._lookup.late()
            if n_late > _LATE_PIECES or self._n_pieces >= _MAX_PIECES:
                break
            if one.found is not None:
                self._add_definition(one, one.found.definition)
            elif one.why != "similar":
                self._add_span(one)
        self._add_names()
        self._add_passages(candidates)
        for one in candidates:
            if self._lookup.late():
                break
            if one.found is not None and one.why in WITH_BODY:
                self._add_body(one, one.found.definition)
        snippets = [self._snippet(path, pieces) for path, pieces in self._pieces.items()]
        snippets.sort(key=lambda one: (-one.score, one.path))
        return (*snippets, *self._shown_passages())

    def _shown_passages(self) -> tuple[Snippet, ...]:
        """The passages, a snippet each, the best one last."""
        passages = [self._snippet(path, [one]) for path in self._passages
                    for one in self._passages[path]]  # fmt: skip
        return tuple(sorted(passages, key=lambda one: (one.score, one.path)))

    # --- what is added ----------------------------------------------------------------------------

    def _add_definition(self, one: Candidate, definition: Definition) -> None:
        if self._covered(one.path, definition.start, definition.head_end):
            return
        listed = one.why in LISTED
        if self._room - self._reserved < _LITTLE_CHARS:
            self._left_out.append(one)
            return
        n_before = self._n_listed[one.why] = self._n_listed.get(one.why, -1) + 1
        text = self._head(one.path, definition, n_before < _DOCUMENTED, short=listed)
        if not text or (one.path == self._path and self._in_window(text)):
            return
        added = [_Piece(one, definition.start, definition.head_end, text)]
        owner = self._owner(one.path, definition)
        if owner is not None and not self._covered(one.path, owner.start, owner.head_end):
            head = self._head(one.path, owner, documented=True)
            if head:
                added.insert(0, _Piece(one, owner.start, owner.head_end, head))
        if not self._take(one.path, added):
            self._left_out.append(one)

    def _add_span(self, one: Candidate) -> None:
        text = one.text
        if not text:
            end = min(one.end, one.start + _MAX_SPAN_BYTES)
            if self._covered(one.path, one.start, end) or self._room < _LITTLE_CHARS:
                return
            text = self._lookup.source(one.path, one.start, end).decode("utf-8", "replace")
        text = text.strip("\r\n").rstrip()
        lines = _lines(text)
        if not lines or len(lines & self._known) >= _KNOWN_SHARE * len(lines):
            return
        inside = [
            piece for piece in self._pieces.get(one.path, ())
            if piece.end > piece.start and one.start <= piece.start and piece.end <= one.end
        ]  # fmt: skip
        whole = _Piece(one, one.start, one.end, text)
        if self._take(one.path, [whole]):
            # The heads that it shows with their bodies need not be there twice.
            for piece in inside:
                whole.candidates += piece.candidates
                self._pieces[one.path].remove(piece)
                self._room += len(piece.text) + 1

    def _add_passages(self, candidates: Sequence[Candidate]) -> None:
        for one in candidates:
            if one.why == "similar" and self._room - self._reserved >= _MIN_PASSAGE_CHARS:
                self._add_passage(one)

    def _add_passage(self, one: Candidate) -> None:
        """A passage, without its last lines where they do not fit."""
        # Indented as it is: so the model copies it a little better than moved to the left.
        text = one.text.replace("\r\n", "\n").strip("\n").rstrip()
        lines = _lines(text)
        if (
            not lines
            or len(lines & self._known) >= _KNOWN_SHARE * len(lines)
            or self._covered(one.path, one.start, one.end)
        ):
            return
        others = self._passages.setdefault(one.path, [])
        header = len(one.path) + _HEADER_CHARS
        room = self._room - self._reserved - header
        kept = ""
        for line in text.split("\n"):
            if len(kept) + len(line) + 1 > room:
                break
            kept += f"{line}\n"
        if len(kept) < min(len(text), _MIN_PASSAGE_CHARS):
            return
        self._room -= len(kept) + header
        self._known |= _lines(kept)
        others.append(_Piece(one, one.start, one.end, kept.rstrip("\n")))

    def _add_names(self) -> None:
        """The names of what was left out, in one comment for each file, the likeliest first."""
        self._reserved = 0
        names: dict[str, dict[str, Candidate]] = {}
        n_new = 0
        for one in self._left_out:
            name = one.found.definition.name if one.found and one.why in NAMED_ALONE else ""
            known = names.get(one.path)
            if not name or (known and name in known) or self._shows(one.path, name):
                continue
            cost = len(name) + 2
            is_new = known is None and one.path not in self._pieces
            if is_new and n_new >= _MAX_FILES_FOR_NAMES:
                continue
            cost += _ALSO_CHARS if known is None else 0
            cost += len(one.path) + _HEADER_CHARS + len("defines") - len("also") if is_new else 0
            if cost > self._room:
                continue
            n_new += is_new
            self._room -= cost
            names.setdefault(one.path, {})[name] = one
        for path, chosen in names.items():
            mark = _COMMENTS.get(path.rpartition(".")[2], "//")
            pieces = self._pieces.setdefault(path, [])
            end = max((piece.end for piece in pieces), default=0)
            text = f"{mark} {'also' if pieces else 'defines'}: {', '.join(chosen)}"
            pieces.append(_Piece(next(iter(chosen.values())), end, end, text))

    def _shows(self, path: str, name: str) -> bool:
        """Whether what is shown of a file has a name already."""
        if path not in self._words:
            pieces = (*self._pieces.get(path, ()), *self._passages.get(path, ()))
            self._words[path] = {word for piece in pieces for word in _WORD.findall(piece.text)}
        return name in self._words[path]

    def _add_body(self, one: Candidate, definition: Definition) -> None:
        size = definition.end - definition.head_end
        pieces = self._pieces.get(one.path, ())
        piece = next((each for each in pieces if each.start == definition.start), None)
        if piece is None or not 0 < size <= min(self._room, _MAX_BODY_BYTES):
            return
        if is_type(definition) or piece.end >= definition.end:
            return
        whole = self._lines_of(one.path, definition.start, definition.end)
        if whole and (cost := len(whole) - len(piece.text)) <= self._room:
            self._room -= max(0, cost)
            self._known |= _lines(whole)
            piece.text, piece.end = whole, definition.end

    def _take(self, path: str, pieces: list[_Piece]) -> bool:
        cost = sum(len(piece.text) + 1 for piece in pieces)
        if path not in self._pieces:
            cost += len(path) + _HEADER_CHARS
        if cost > self._room - self._reserved:
            return False
        self._room -= cost
        self._pieces.setdefault(path, []).extend(pieces)
        self._n_pieces += len(pieces)
        for piece in pieces:
            self._known |= _lines(piece.text)
        return True

    def _covered(self, path: str, start: int, end: int) -> bool:
        for shown in (self._pieces, self._passages):
            for piece in shown.get(path, ()):
                if piece.start <= start and end <= piece.end:
                    return True
        return False

    def _in_window(self, head: str) -> bool:
        """Whether the window has a signature, and with it most likely the whole definition."""
        lines = _lines(head.removesuffix(_NO_BODY))
        return all(line in self._window for line in lines)

    # --- texts ------------------------------------------------------------------------------------

    def _owner(self, path: str, definition: Definition) -> Definition | None:
        """The type around a definition, if it is written inside of it."""
        if not definition.scope:
            return None
        *around, name = definition.scope
        for one in self._lookup.definitions_of(path, name):
            if (
                one.start < definition.start
                and definition.end <= one.end
                and is_type(one)
                and one.scope == tuple(around)
            ):
                return one
        return None

    def _head(
        self, path: str, definition: Definition, documented: bool, *, short: bool = False
    ) -> str:
        # A short one is without its decorators, and on one line.
        start = (
            max(definition.start, definition.name_start - _BEFORE) if short else definition.start
        )
        end = min(definition.head_end, start + _MAX_HEAD_BYTES)
        head = self._lines_of(path, start, end).rstrip()
        if not head.strip():
            return ""
        if short:
            head = _shortened(head, definition)
        has_body = definition.end > definition.head_end
        if path.endswith((".py", ".pyi")) and has_body and not is_type(definition):
            head += _NO_BODY
        doc = self._documentation(path, definition) if documented else ""
        if not doc:
            return head
        indent = head[: len(head) - len(head.lstrip())]
        if definition.doc_start < definition.start:
            return f"{indent}{doc}\n{head}"
        return f"{head.removesuffix(_NO_BODY)}\n{indent}    {doc}"

    def _documentation(self, path: str, definition: Definition) -> str:
        """The first line of a doc comment or docstring that says something, closed again."""
        if definition.doc_end <= definition.doc_start:
            return ""
        end = min(definition.doc_end, definition.doc_start + 2 * _MAX_DOC_CHARS)
        data = self._lookup.source(path, definition.doc_start, end)
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        if not lines:
            return ""
        first = lines[0]
        quote = _QUOTE.match(first)
        opener = quote[0] if quote else "/*"
        closer = quote[1] if quote else "*/" if first.startswith("/*") else ""
        if first.rstrip("*") == opener.rstrip("*") and len(lines) > 1:
            # The text begins on the second line.
            first += lines[1] if quote else " " + lines[1].lstrip("* ")
        first = first[:_MAX_DOC_CHARS]
        if not closer or (first.endswith(closer) and len(first) >= len(opener) + len(closer)):
            return first
        return f"{first}{closer}" if quote else f"{first} {closer}"

    def _lines_of(self, path: str, start: int, end: int) -> str:
        """Source from the beginning of its first line on, if only blanks stand before it."""
        low = max(0, start - _BEFORE)
        data = self._lookup.source(path, low, end)
        before, text = data[: start - low], data[start - low :]
        indent = before[before.rfind(b"\n") + 1 :]
        whole = text if indent.strip() else indent + text
        return whole.decode("utf-8", "replace").replace("\r\n", "\n")

    def _snippet(self, path: str, pieces: list[_Piece]) -> Snippet:
        pieces.sort(key=lambda piece: (piece.start, piece.end))
        chosen = [one for piece in pieces for one in piece.candidates]
        best = sorted(chosen, key=lambda one: -one.score)
        reasons = list(dict.fromkeys(one.reason for one in best))
        more = len(reasons) - _MAX_REASONS
        shown = "; ".join(reasons[:_MAX_REASONS]) + (f"; and {more} more" if more > 0 else "")
        return Snippet(
            path=path,
            text="\n".join(piece.text for piece in pieces) + "\n",
            reason=shown,
            score=best[0].score,
        )


def _shortened(head: str, definition: Definition) -> str:
    """A signature from the line with its name on, as one line."""
    lines = head.split("\n")
    named = next((at for at, line in enumerate(lines) if _begins_in(line, definition.name)), 0)
    first = lines[named]
    rest = " ".join(line.strip() for line in lines[named + 1 :])
    whole = f"{first} {rest}".rstrip().replace("( ", "(").replace(", )", ")")
    return whole if len(whole) <= _MAX_SHORT_CHARS else whole[:_MAX_SHORT_CHARS] + "…"


def _begins_in(line: str, name: str) -> bool:
    """Whether a word of a line begins with a name."""
    at = line.find(name)
    while at > 0 and (line[at - 1].isalnum() or line[at - 1] == "_"):
        at = line.find(name, at + 1)
    return at >= 0


def _lines(text: str) -> set[str]:
    """The lines that say something: neither blank nor only brackets."""
    stripped = map(str.strip, text.splitlines())
    return {line for line in stripped if len(line) > 3 or line.isalnum()}
