"""Checks that nothing goes which nobody spoke of: statements, and words that change others."""

from __future__ import annotations

import itertools
import re
from collections import Counter

from indoors_completion.refactor import elision, wishes
from indoors_completion.refactor.case import Case

_SAYS = re.compile(r"\w")
_NAME = re.compile(r"\w+")
# What says nothing by itself: the ends of blocks, and what stands in an empty one.
_NOTHING = re.compile(
    r"[\W_]*|pass|end|fi|done|esac|break;?|continue;?"
    r"|return|return (?:None|null|nil|undefined);?|.{0,2}\s*else\s*[:{]?"
)
_BEGINS_BRANCH = re.compile(
    r"(?:\}\s*)?(?:else\s*if|elif|elsif|elseif|else|except|catch|rescue|finally|ensure|case|when"
    r"|default)\b"
)
_TRIES = re.compile(r"try\s*[:{]?|begin")
_CATCHES = re.compile(r"(?:\}\s*)?(?:except|catch|rescue)\b")
_CLEANS = re.compile(r"(?:\}\s*)?(?:finally|ensure)\b")
# What a handler calls the error, and what raises that again.
_CAUGHT = re.compile(r"(?:\bas\s+|=>\s*|[(\s&$])\$?(\w+)\s*\)?\s*[:{]?$")
_RAISES_AGAIN = re.compile(r"(?:raise|throw)(?:\s+\$?(\w+))?;?")
# `x = …`, `let x: T = …`, `T x = …`, `x := …`: what gives a name a value.
_DECLARES = re.compile(r"(?:[\w<>\[\]*&:$]+\s+)*[*&]*\$?(\w+)(?:\s*:[^=]+)?\s*:?=(?!=)")
# Words that change what the rest of a line does, and what is said of them where they may go.
_WORDS = (
    ("await", re.compile(r"(?i)a?sync|await|coroutine|parallel|concurren|gather|background|block")),
    ("yield", re.compile(r"(?i)yield|generator|iterat|list|all at once|results?")),
    ("return", re.compile(r"(?i)return|results?|print|void|None|null|side effect")),
    (r"(?:throw|raise)", re.compile(r"(?i)throw|rais|exception|error|fail|ignor")),
)
# In these the last value is the result anyway.
_RETURNS_LAST = frozenset({"ruby", "rust", "scala", "swift"})
_MOST_PERIOD = 60


def takes_nothing_away(case: Case) -> str:
    """An answer whose only code is old code, and less of it, was asked to leave some out."""
    lost = case.lost_lines
    if not lost or not case.rules.code or case.rules.extracts or case.is_fix:
        return ""
    if wishes.removes(case) or wishes.repairs(case) or wishes.comments_out(case) or _came(case):
        return ""
    codes = [line.code for line in case.old_lines if lost[line.code]]
    telling = [code for code in codes if not _NOTHING.fullmatch(code)]
    if case.rules.shrinks or wishes.shortens(case):
        needless = _handles_nothing(case)
        telling = [code for code in telling if code not in needless]
        telling = [code for code in telling if not _is_needless(case, code)]
    return f"the answer takes away code ({telling[0][:60]})" if telling else ""


def _came(case: Case) -> list[str]:
    """Lines of code that are new and say something."""
    new = Counter(line.code for line in case.new_lines)
    came = new - Counter(line.code for line in case.old_lines)
    return [code for code in came if not _NOTHING.fullmatch(code)]


def _is_needless(case: Case, code: str) -> bool:
    """Whether a line that went gave a value to what is not used any more, or began a branch, but
    none that handles errors.
    """
    if _CATCHES.match(code) or _CLEANS.match(code):
        return False
    match = _DECLARES.match(code)
    if match is not None:
        return match[1] not in _NAME.findall(case.new_text)
    return bool(_BEGINS_BRANCH.match(code)) and not code.startswith(("case", "when", "default"))


def _handles_nothing(case: Case) -> set[str]:
    """The lines that went of handlers which only raised again what they caught.

    Beside a handler that does something, even such a one kept errors from it.
    """
    lost, found = case.lost_lines, set[str]()
    codes = [line.code for line in case.old_lines if line.code]
    for handler, code in itertools.pairwise(codes):
        again = _RAISES_AGAIN.fullmatch(code)
        if not lost[handler] or not _CATCHES.match(handler) or again is None:
            continue
        caught = _CAUGHT.search(handler)
        if again[1] is None or (caught is not None and caught[1] == again[1]):
            found |= {handler, code}
    is_all = all(code in found for code in codes if _CATCHES.match(code))
    tries = {code for code in codes if lost[code] and _TRIES.fullmatch(code)}
    return found | tries if found and is_all else set()


def comments_nothing_out(case: Case) -> str:
    """Code that went does not stand there as a comment."""
    lost = {_bare(code): code for code in case.lost_lines if len(_NAME.findall(code)) > 1}
    if not lost or wishes.comments_out(case):
        return ""
    old = {text for line in case.old_lines for text, _ in line.comments}
    for line in case.new_lines:
        for text, _ in line.comments:
            code = lost.get(_bare(elision.bare(text)))
            if code and text not in old:
                return f"the answer has code in a comment ({code[:60]})"
    return ""


def _bare(code: str) -> str:
    return "".join(_NAME.findall(code))


def keeps_words(case: Case) -> str:
    """No line has lost an `await`, a `return` or a `throw`, and is otherwise there still."""
    if not case.lost_lines or not case.rules.code:
        return ""
    came = set(_came(case))
    said = wishes.said(case)
    for code in case.lost_lines if came else ():
        for word, excuse in _WORDS:
            if excuse.search(said) or (
                word == "return" and case.outline_before.language in _RETURNS_LAST
            ):
                continue
            for match in re.finditer(rf"\b{word}\s+(?=\S)", code):
                if code[: match.start()] + code[match.end() :] in came:
                    return f"the answer leaves out {match[0].strip()} ({code[:60]})"
    return ""


def repeats_nothing(case: Case) -> str:
    """The answer does not say the same over and over."""
    codes = [line.code for line in case.new_lines if line.code]
    came = Counter(codes) - Counter(line.code for line in case.old_lines)
    if not any(count >= 3 and re.search("[A-Za-z]", code) for code, count in came.items()):
        return ""
    for period in range(1, min(_MOST_PERIOD, len(codes) // 3) + 1):
        times = 4 if period == 1 else 3
        run = 0
        for at in range(period, len(codes)):
            run = run + 1 if codes[at] == codes[at - period] else 0
            if run < period * (times - 1):
                continue
            again = codes[at - period + 1 : at + 1]
            if any(came[code] >= times - 1 and re.search("[A-Za-z]", code) for code in again):
                return f"the answer repeats itself ({again[0][:60]})"
    return ""
