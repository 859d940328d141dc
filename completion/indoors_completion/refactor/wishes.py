"""What a wish in words lets go: a name, a part of the code. In several languages, and only hints.

Nothing here makes an edit right. It only says that a check which would take a loss for a mistake
has to hold back, because the person spoke of one.
"""

from __future__ import annotations

import re

from indoors_completion.refactor.case import Case

_NAME = re.compile(r"\w+")
_REMOVES = re.compile(
    r"""(?ix) \b(?: remov | delet | drop(?!down) | get\s+rid | without\b | no\s+longer | don['’]?t\b
        | do\s+not\b | never\b | stop\b | inlin | strip\b | unused | dead\b | obsolete
        | unnecessar | redundan | unreachable | superfluous
        | entfern | lösch | ohne\b | supprim | enlev | enlèv | retir | sans\b
        | elimin | borr | quit | sin\b | rimuov | togli | cancell | senza\b
        | apag | sem\b | usuń | usun | bez\b | verwijder | zonder\b | ta\s+bort | slett
        | fjern | poista | kaldır | sil\b )
    | удал | убер | видал | 删除 | 移除 | 去掉 | 不要 | 刪除 | 削除 | 取り除 | 제거 | 삭제 | احذف
    | הסר | हटा"""
)
# "Do not change what it does" and "without removing anything" let nothing go.
_KEEPS = re.compile(
    r"""(?ix) \b(?: do\s+not | don['’]?t | never | without | ohne | sans | sin | senza | sem )\s+
        (?:\w+\s+)? (?: chang | alter | break | modif | affect | los | touch | remov | delet | drop
        | omit | renam | rewrit | die | das | etwas | rien | nada | niente )\w*"""
)
_REPLACES = re.compile(
    r"""(?ix) \b(?: clean | duplicate | merge | replac | simplif | shorten | convert | turn\b
        | instead | ersetz | vereinfach | remplac | reemplaz | sostitu | substitu )
    | замен | 替换 | 置き換"""
)
_RENAMES = re.compile(
    r"""(?ix) \b(?: renam | (?:new|better|other|another)\s+name | call\s+(?:it|this|them)
        | name\s+it | named\b | umbenenn | benenn | renomm | renombr | rinomin | renomei | hernoem
        | omdøb | przemian | zmień\s+nazw | döp )
    | переимен | 重命名 | 改名 | 重新命名 | 名前を | リネーム | 이름"""
)
_REPAIRS = re.compile(
    r"""(?ix) \b(?: fix | bugs?\b | buggy | wrong | correct | broken | crash | leak | deadlock
        | revert | undo | skip | disabl | always\b | unconditional | less\b | fewer | minim
        | keep\s+only | only\s+keep | instead\b | rather\s+than
        | fehler | korrigier | reparier | corrig | corrij | arregl | répar | ripar | napraw | rett
        | åtgärd )
    | исправ | почин | 修复 | 修正 | 直し | 直す | 수정 | 고쳐"""
)
_SHORTENS = re.compile(
    r"""(?ix) \b(?: clean | tid(?:y|ie) | duplicat | dedup | merg | simpl | shorten | concis
        | compact | collaps | consolidat | unif(?:y|ie) | vereinfach | kürz | semplif | uprość )
    | упрост | 简化 | 簡素"""
)
_EMPTIES = re.compile(
    r"""(?ix) \b(?: stubs? | no-?op | abstract | placeholder | not\s*implement\w*
        | do(?:es)?\s+nothing | empty\s+(?:\w+\s+)?(?:body|function|method|block|class)
        | (?:be|leave\s+\w+)\s+empty
        )\b"""
)
_SIGNATURE = re.compile(
    r"(?i)\b(?:signature|param\w*|arguments?|args?|kwargs|takes?|accepts?|pass|given|option\w*)\b"
)
_RESULT = re.compile(r"(?i)\b(?:returns?|yields?|generator|results?|print|void|None|null)\b")
_INTO_A_CLASS = re.compile(
    r"(?i)\b(?:into|to\s+be|to|as|with|using)\s+(?:an?\s+)?(?:\w+\s+)?class\b(?!\s*(?:method|variable|attr))"
)
_USES = re.compile(r"(?i)\b(?:us(?:e|es|ing)|with|via|through|instead)\b")
# A word that is code: it has a dot, an underscore or a capital within, or stands in quotes.
_CODE_WORD = re.compile(
    r"[`'\"]([A-Za-z_][\w.]*)[`'\"]|\b([A-Za-z]\w*(?:[._]\w+)+|[A-Za-z]+[a-z][A-Z]\w*)\b"
)
_TODO = re.compile(r"\b(?:TODO|FIXME|todo)\b")


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def said(case: Case) -> str:
    """All that people and tools said about the edit."""
    problems = [one.message for one in case.request.problems] if case.is_fix else []
    return "\n".join([case.request.instruction, *problems])


def may_go(case: Case, name: str) -> bool:
    """Whether a name was spoken of as one that goes or changes."""
    text = said(case)
    if name not in _NAME.findall(text):
        return False
    text = _KEEPS.sub(" ", text)
    return any(words.search(text) for words in (_REMOVES, _RENAMES, _REPLACES))


def removes(case: Case) -> bool:
    """Whether something was to be left out."""
    return bool(_REMOVES.search(_KEEPS.sub(" ", said(case))))


def empties(case: Case) -> bool:
    """Whether a body was to become empty."""
    return bool(_EMPTIES.search(said(case)))


def changes_result(case: Case) -> bool:
    """Whether what comes back was spoken of."""
    return bool(_RESULT.search(said(case)))


def changes_signature(case: Case) -> bool:
    """Whether what a function takes was spoken of."""
    return bool(_SIGNATURE.search(said(case)))


def makes_class(case: Case) -> bool:
    """Whether functions were to become a class, which may call them otherwise."""
    return bool(_INTO_A_CLASS.search(said(case)))


def replaces_by(case: Case) -> bool:
    """Whether what does the work was spoken of by name, is used now and was not: code for which
    there is a function in a library gets short.
    """
    text = said(case)
    if not _USES.search(text):
        return False
    named = {part for match in _CODE_WORD.findall(text) for part in "".join(match).split(".")}
    came = set(case.new_leaves("code")) - set(case.old_leaves("code"))
    return bool(named & came)


def repairs(case: Case) -> bool:
    """Whether something was wrong, or too much: then less of it may be what was wanted."""
    return bool(_REPAIRS.search(said(case)))


def shortens(case: Case) -> bool:
    """Whether the same was to be said in less code."""
    return bool(_SHORTENS.search(said(case)))


def comments_out(case: Case) -> bool:
    """Whether code was to become a comment."""
    return bool(re.search(r"(?i)comment\w*\b.{0,40}\bout\b|disabl|deactivat", said(case)))


def wants_todo(case: Case) -> bool:
    """Whether a TODO was asked for."""
    return bool(_TODO.search(said(case)))
