"""Checks that an answer is all of it: that nothing stands for code, and that the code is there."""

from __future__ import annotations

import difflib
import itertools
import re

from indoors_completion.refactor import elision, wishes
from indoors_completion.refactor.case import Case, Line

_EMPTY = wishes.words("pass ... } end {} return return; ; null; None nil : fi done")
_STRING = re.compile(r"""\"{3}.*?\"{3}|\'{3}.*?\'{3}|"[^"]*"|'[^']*'|`[^`]*`""")
# A comment that documents, and is no longer than its line.
_ALL_OF_IT = re.compile(r"(\"{3}|'{3}|\"|').*\1|/\*\*.*\*/|--\[\[.*\]\]")
_CLOSES = re.compile(r"[\W_]*|end[;,)\s]*|fi|done|esac")
_TRIVIAL = re.compile(
    r"[\W_]*|pass|return|return (?:None|null|nil|undefined);?|.{0,2}\s*else\s*[:{]?"
)
_MISSING = re.compile(
    r"NotImplementedError|NotImplementedException|todo!|unimplemented!|\bTODO\(\)|not\s?implemented",
    re.IGNORECASE,
)
# A comment that says nothing else.
_SAYS_MISSING = re.compile(r"\W*(?:not\s+(?:yet\s+)?implemented(?:\s+yet)?)\W*", re.IGNORECASE)


def is_whole(case: Case) -> str:
    """No comment stands for code that was left out."""
    old = {_spaced(text) for line in case.old_lines for text, _ in line.comments}
    old_code = {line.code for line in case.old_lines}
    follows_comment = False
    for line in case.new_lines:
        for text, is_doc in line.comments:
            is_all = bool(_ALL_OF_IT.fullmatch(text))
            if _spaced(text) not in old and _is_elision(
                case, text, is_doc, follows_comment, is_all
            ):
                return f"the answer leaves code out ({text[:60]})"
        follows_comment = bool(line.comments) and not line.code
        if line.code not in old_code and _says_elision(case, line.code):
            return f"the answer leaves code out ({line.code[:60]})"
        is_dots = elision.is_only_dots(line.code) and line.code not in case.old_text
        if is_dots and _may_be_left_out(case):
            return f"the answer leaves code out ({line.code})"
    return _where_code_was(case) or _emptied(case) or _not_written(case)


def _is_elision(case: Case, text: str, is_doc: bool, follows_comment: bool, is_all: bool) -> bool:
    """Whether a new comment says that there was code; documentation is taken at its word, unless
    that is all that it says.
    """
    said = elision.bare(text)
    if elision.is_only_dots(said) or elision.is_phrase(said):
        return True
    if is_doc:
        return (bool(case.lost_lines) or is_all) and elision.stands_for_code(
            said, is_less=bool(case.lost_lines)
        )
    if elision.begins_with_dots(said) and not follows_comment:
        return True
    if elision.is_open_task(said) and not wishes.wants_todo(case):
        return "todo" not in case.old_text.casefold()
    names = {one.name for one in case.outline_before.definitions}
    return elision.stands_for_code(said, names, is_less=bool(case.lost_lines))


def _says_elision(case: Case, code: str) -> bool:
    """Whether a string says it: as a statement of its own, or where code was lost."""
    for text in _STRING.findall(code):
        said = elision.bare(text)
        if code.rstrip(";") == text and elision.stands_for_code(said, is_less=True):
            return True
        if case.lost_lines and elision.is_phrase(said):
            return True
    return False


def _may_be_left_out(case: Case) -> bool:
    # In Lua and in stubs dots are an expression; where a stub is wanted it may be one.
    return case.outline_before.language != "lua" and not wishes.empties(case)


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _where_code_was(case: Case) -> str:
    """A comment in the place of lines that are nowhere any more, whatever it says."""
    lost = case.lost_lines
    if not lost or wishes.removes(case) or "comment" in wishes.said(case).casefold():
        return ""
    old_comments = {_spaced(text) for line in case.old_lines for text, _ in line.comments}
    old = [line.code for line in case.old_lines if line.code]
    new: list[str] = []
    comments: dict[int, str] = {}
    for line in case.new_lines:
        if line.code and (line.code != "pass" or "pass" in old):
            new.append(line.code)
        elif any(_spaced(text) not in old_comments for text, _ in line.comments):
            comments.setdefault(len(new), line.comments[0][0])
    if not comments:
        return ""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, low, high in matcher.get_opcodes():
        gone = [code for code in old[first:last] if lost[code]]
        if not gone or kind not in ("delete", "replace"):
            continue
        # With code beside it, a comment may be about that code; but not alone for many lines.
        is_alone = low == high or (len(gone) >= 4 and high - low <= len(gone) // 4)
        for at in range(low, high + 1):
            if is_alone and at in comments:
                return f"the answer has a comment where code was ({comments[at][:60]})"
    return ""


def _emptied(case: Case) -> str:
    """A block that had code, and whose header is there still, has none any more."""
    if wishes.removes(case) or wishes.empties(case) or not case.lost_lines:
        return ""
    followed: dict[str, str] = {}
    old = [line.code for line in case.old_lines if line.code]
    for header, code in itertools.pairwise(old):
        followed.setdefault(header, code)
    new = [line.code for line in case.new_lines if line.code]
    for header, code in zip(new, [*new[1:], "end"], strict=False):
        if not header.endswith((":", "{", "do", "then", "=>")):
            continue
        was = followed.get(header, "")
        if code in _EMPTY and was and was not in _EMPTY and case.lost_lines[was]:
            return f"the answer leaves out what {header[:40]} did"
    return ""


def _not_written(case: Case) -> str:
    """Code was replaced by an error, or a comment, that says that there is none."""
    if not set(case.lost_lines) - _EMPTY or wishes.empties(case):
        return ""
    n_new, n_old = _n_missing(case.new_lines), _n_missing(case.old_lines)
    return "the answer leaves code out (not implemented)" if n_new > n_old else ""


def _n_missing(lines: list[Line]) -> int:
    said = [text for line in lines for text, is_doc in line.comments if not is_doc]
    n_said = sum(bool(_SAYS_MISSING.fullmatch(text)) for text in said)
    return n_said + len(_MISSING.findall("\n".join(line.code for line in lines)))


def comes_to_its_end(case: Case) -> str:
    """The answer does not simply stop where there was more."""
    if wishes.removes(case):
        return ""
    old, new = _telling(case.old_lines), _telling(case.new_lines)
    if not old or not new or len(old) < 2:
        return ""
    last = new[-1]
    may_end_early = case.rules.shrinks or case.is_fix
    if old[-1] != last and (_is_cut(old, new, may_end_early) or _is_cut_within(case, old, last)):
        return "the answer stops before the code does"
    return ""


def _is_cut(old: list[str], new: list[str], may_end_early: bool) -> bool:
    """Whether the last line is an old one, or the beginning of one, and all behind that is gone.

    `may_end_early`: an `else` and a `return` at the end may be what was too much.
    """
    last = new[-1]
    places = [at for at, code in enumerate(old) if code == last]
    if len(places) > 1:
        return False
    begun = last.rstrip(" )]};")
    places = places or [at for at, code in enumerate(old) if code.startswith(begun)]
    tails = [old[at + 1 :] for at in places]
    if may_end_early:
        tails = [tail for tail in tails if not all(_TRIVIAL.fullmatch(code) for code in tail)]
    return any(tail and not any(code in new for code in tail) for tail in tails)


def _is_cut_within(case: Case, old: list[str], last: str) -> bool:
    """Whether the last line breaks off in an old one, and the old last line is gone."""
    is_begun = any(code.startswith(last) and code != last for code in old[:-1] if len(last) > 3)
    lost = case.lost_lines
    return is_begun and last not in old and lost[old[-1]] > 0 and len(lost) > 1


def _telling(lines: list[Line]) -> list[str]:
    return [line.code for line in lines if line.code and not _CLOSES.fullmatch(line.code)]
