"""Comments that stand for code which a model did not repeat, told from those that say something.

"# the rest of the request is read lazily" is about a request, "# the rest of the method stays as
it is" about this text. What tells them apart is that the second has no word of its own: every word
is one that people use to say "the code that was here". So a comment is an elision if it is made of
such words only, and at least one of them says that something is missing. Names of the file's
definitions count as such words ("rest of parse_line"). What this cannot know, other wordings and
languages, is caught by where it stands: in the place of lost lines (`checks_whole`).
"""

from __future__ import annotations

import re
from collections.abc import Container


def _set(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


# Words that hardly anybody needs for anything but code that is not there, or as it was.
_STRONG = _set(
    """rest remaining remainder remains unchanged existing previous previously original
    originally omitted elided truncated snipped snip brevity untouched unmodified contd etc
    placeholder abbreviated unaltered intact ditto idem übrige übrigen übriger restlich
    restliche restlicher restlichen rest unverändert gleich bleibt bleiben wie vorher zuvor
    bisher bisherige bisheriger
    bisherigen oben ausgelassen weggelassen gekürzt usw bestehend bestehende bestehender
    vorhandener vorhandene reste restant restante inchangé inchangée inchangés identique comme
    avant omis omise existant précédent suite resto restante restantes cambios igual mismo
    antes anterior omitido omitida existente sigue continúa permanece inalterado inalterada
    mesmo mudanças alterações acima continua rimanente rimane invariato invariata invariati
    stesso prima come esistente omesso uguale остальной остальная остальное остальные остаток
    изменений прежде прежнему выше ранее существующий пропущено дальше далее также решта
    незмін змін reszta pozostała pozostały zmian bez pominięto istniejący overige ongewijzigd
    hetzelfde weggelaten bestaande resten oförändrad oförändrat uændret uendret samma samme
    loput ennallaan muuttumaton kalan kalanı mevcut aynı değişmedi önceki zbytek beze změn zůstává
    restul neschimbat rămâne maradék változatlan nguyên giữ tetap sama lainnya υπόλοιπος
    υπόλοιπο ίδιος ίδιο"""
)
# Words that say so beside one of those, or beside each other.
_CORE = _set(
    """remain same skipped skip clarity before above earlier identical continue continues
    continued cont here keep leave left shortened removed collapsed hidden others everything
    lines preserved retained goes"""
)
_NOUNS = _set("code implementation function method class logic body module file script program")
# Words around those, which say nothing more.
_AROUND = _set(
    """the a an of and or is are was were be been this that these those it its in on at to as for
    from with so on all any any own our your my me you we i'll ill more other another else
    some few code codes implementation implementations logic body bodies method methods
    function functions func class classes module file script snippet program source content
    contents stuff part parts section block blocks statement statements line definition
    definitions declaration declarations property properties attribute attributes field fields
    member members variable variables import imports case cases branch branches test tests
    helper helpers constructor handler handlers loop item items entry entries setup work
    processing handling things thing details stay stays staying go continue follow follows
    following below similarly similar like just now not no without changes change changed
    modification modifications modified any exactly still implement implemented insert add put
    place paste copy include included repeat repeated your omit see refer up down then end
    start begin version der die das des dem den und ist sind wird code codes funktion methode
    klasse datei teil teile hier aus gründen platzgründen von auch so weiter übersichtlichkeit
    weitere implementierung le la les du de des et est sont ici code fonction méthode classe
    fichier partie sans changement changements modification pour brièveté lisibilité plus l d
    reste el los las del y es son aquí código función método clase archivo sin cambio lo un
    una por brevedad que se como más demás o os da das do dos e é são aqui função método
    arquivo sem mudança por brevidade mais il lo gli i della dello delle del codice funzione
    metodo file parte senza modifiche per brevità qui altro resta код кода коду функции
    функция метода метод класса класс файла файл без изменения здесь так же как и по для
    краткости остаётся остается тут часть части реализация реализации kodu kod funkcji metody
    klasy pliku bez tak jak tutaj pozostaje de het een van en is zijn blijft functie methode
    klasse bestand hier code zonder wijzigingen av koden och är förblir här utan ändringar som
    förut koodi koodin on kodun geri olduğu gibi burada kódu kodului codului kód többi a phần còn
    lại mã kode κώδικας ο"""
)
_TODO_CORE = re.compile(
    r"""(?ix) ^(?:todo|fixme|xxx)\b[\s:()-]*(?: implement | add | insert | fill | complete | finish
        | write | handle | rest | your | put | the\s+rest | later | code | logic | everything )?"""
)
# Whole wordings that are elisions although they have words of their own.
_PHRASE = re.compile(
    r"""(?ix)
      \b(?:your|the|my|actual|real|remaining|other|more|rest|some|existing|previous|original)\s+
        (?:\w+\s+){0,2}?(?:code|logic|implementation|body)\s+(?:here|goes|comes|belongs|follows)\b
    | \b(?:code|logic|implementation|body)\b[^.]{0,40}\b(?:goes|comes|belongs|follows)\s+here\b
    | \b(?:rest|remainder)\s+of\s+(?:the\s+|your\s+|this\s+|my\s+)?(?:\w+\s+)?
        (?:code|function|method|class|implementation|file|module|body|script|program)\b
    | \b(?:remaining|existing|previous|original)\s+(?:\w+\s+)?(?:code|implementation|body)\b
        .{0,40}\b(?:unchanged|same|as\s+is|as\s+before|untouched|omitted|here|remains?|stays?|intact)\b
    | \b(?:code|function|method|class|implementation|body|logic|everything(?:\s+else)?|file)\s+
        (?:\w+\s+)?(?:remains?|stays?|is|are|was|left|kept)\s+(?:\w+\s+)?
        (?:unchanged|the\s+same|as\s+(?:is|before|it\s+(?:is|was))|untouched|identical|unmodified|intact)\b
    | \b(?:omitted|elided|truncated|shortened|skipped|removed|snipped|abbreviated|left\s+out)\s+
        for\s+(?:\w+\s+)?(?:brevity|clarity|space|readability|simplicity)\b
    | \b(?:insert|add|put|write|place|paste|fill\s+in)\s+(?:\w+\s+){0,3}?
        (?:code|logic|implementation|body)(?:\s+(?:\w+\s+){0,4}?here\b|\s*$)
    | \b(?:implement|handle|process|do|continue)\b.{0,40}\bhere\s*$
    | \bsame\s+(?:\w+\s+){0,2}?as\s+(?:in\s+)?(?:the\s+)?(?:before|above|original|previous(?:ly)?|
        earlier|existing|old)\b\s*(?:code|implementation|version|one|function|method|class)?\s*$
    | \b(?:no|without)\s+(?:further\s+|other\s+)?changes?\s+
        (?:below|above|here|to\s+the\s+rest|needed)
    | ^(?:the\s+)?same\s+code\b | ^(?:your\s+|the\s+)?code\s+(?:goes\s+)?here\W*$
    | \b(?:not\s+shown|omitted)\s+(?:here\s+)?for\b | ^code\s+not\s+shown
    | ^see\s+above\W*$ | \b(?:snip|snipped)\b | ✂
    | \b(?:unverändert|inchangé|invariato|inalterado)\w*\s*$
    | (?:sin|sem|senza|sans|bez|ohne|utan)\s+(?:cambios|mudanças|alterações|modifiche|changements?
        |zmian|änderungen|ändringar)\s*$
    | без\s+изменений | остаётся\s+(?:прежн|как) | ^beze\s+změn
    | (?:其余|其他|剩余|剩下|原有|以下|后续|之前).{0,6}(?:代码|部分|逻辑|方法|函数|内容|实现)
    | (?:其餘|其他|剩餘|原有|現有).{0,6}(?:程式碼|代碼|部分|方法|函式)
    | 保持不变 | 保持不變 | 不变$ | 省略 | 同上 | 与之前相同 | 和之前一样
    | (?:残り|以下|その他|他|既存|元)の?.{0,6}(?:コード|処理|部分|実装|メソッド|関数)
    | 変更なし | 同じ$ | 以前と同じ
    | (?:나머지|기존|이하|다른).{0,6}(?:코드|부분|로직|구현|메서드|함수) | 변경\s*없음 | 생략 | 동일
    | (?:बाकी|शेष).{0,6}कोड | बाक़ी | (?:باقي|بقية)\s*(?:ال)?(?:كود|شيفرة) | (?:שאר|יתר)\s+הקוד
    """
)
_LEADING_DOTS = re.compile(r"^(?:\.{2,}|…|\[\.{2,}\]|\[…\]|<\.{3}>|\(\.{3}\)|\{\.{3}\})\s*\S?")
_TRAILING_DOTS = re.compile(r"(?:\.{3,}|…|\[\.{3}\]|\(\.{3}\))\s*$")
_BRACKETED = re.compile(r"\A[\[(<{].*[\])>}]\Z")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NAME = re.compile(r"\w+")
_MARKS = "#/*-;%\"' \t<!>=~+|{}"
_MOST_WORDS = 16


def bare(line: str) -> str:
    """A comment's line without what makes it a comment."""
    return line.strip(_MARKS).strip()


def is_only_dots(said: str) -> bool:
    """Whether a line has dots and nothing else."""
    return bool(said) and not said.strip(".…[](){}<> ") and ("..." in said or "…" in said)


def stands_for_code(said: str, names: Container[str] = (), *, is_less: bool = True) -> bool:
    """Whether a comment's line (`bare`) is an elision, by its words alone.

    `is_less`: there is less code than there was. Where nothing is missing, only plain words count.
    """
    if not said:
        return False
    if is_only_dots(said) or _PHRASE.search(said):
        return True
    has_dots = bool(
        _LEADING_DOTS.match(said) or _TRAILING_DOTS.search(said) or _BRACKETED.match(said)
    )
    if _LEADING_DOTS.match(said) and _TRAILING_DOTS.search(said):
        return True
    # A definition that is called like one of our words does not make it say less.
    found = [
        word
        for word in _NAME.findall(said)
        if not word.isdigit() and (word not in names or word.casefold() in _STRONG | _NOUNS)
    ]
    words = [word.casefold() for word in _WORD.findall(" ".join(found))]
    if not words or len(words) > _MOST_WORDS:
        return False
    strong = sum(word in _STRONG for word in words)
    core = strong + sum(word in _CORE and word not in _STRONG for word in words)
    own = sum(word not in _CORE and word not in _STRONG and word not in _AROUND for word in words)
    if own:
        return has_dots and core > 0 and own <= 1 + core
    if has_dots:
        return True
    is_about_code = not _NOUNS.isdisjoint(words)
    if not is_less:
        return (strong > 0 and is_about_code) or core > 1
    return strong > 0 or core > 1 or (core > 0 and is_about_code)


def is_phrase(said: str) -> bool:
    """Whether a line has one of the whole wordings in it: all that counts in documentation."""
    return bool(_PHRASE.search(said))


def begins_with_dots(said: str) -> bool:
    """Whether a line goes on from something that is not there."""
    return bool(_LEADING_DOTS.match(said))


def is_open_task(said: str) -> bool:
    """Whether a line says that the code is still to be written."""
    return bool(_TODO_CORE.match(said))
