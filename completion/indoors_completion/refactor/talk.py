"""What a model writes around code: fences, tokens of a chat, conflict markers, talk."""

from __future__ import annotations

import re
from collections.abc import Container

_FENCE = re.compile(r"(?m)^[ \t]*(?:```|~~~)")
_MARKUP = re.compile(
    r"""(?mx) <\|[\w\ /.:-]{1,40}\|> | <｜[^｜\n]{1,40}｜>
    | ^[ \t]*\#{2,4}[ ](?:Instruction|Response|Explanation|Answer|Solution|Output|Input|User
        |Assistant|System|Example\ usage|Code|Notes?)\b
    | </s>|<s>\s*$|^\s*<s>|<</?SYS>>|\[/?INST\]|</?(?:start|end)_of_\w+>
    | <(?:bos|eos|unk|pad|mask|sop|eop|EOT|EOD)> | <(?:unused|extra_id_)\d+> | <0x[0-9A-F]{2}>
    | <(?:fim[_-]\w+|file_sep|reponame|repo_name|gh_stars|commit_(?:before|after|msg)|empty_output
        |issue_(?:start|comment|closed)|jupyter_\w+)> | </?(?:updated|new)_code>
    | </?(?:tool|function)_(?:calls?|response)> | </?function=\w+> | <(?:PRE|SUF|MID)>
    | <(?:START|END|STOP)[ _][A-Z_ ]{4,}>
    | \[(?:PREFIX|SUFFIX|MIDDLE|gMASK|TOOL_CALLS|AVAILABLE_TOOLS|SYSTEM_PROMPT|control_\d+)\]
    | [ĠĊĉ]{2} | ▁{2}
    | ^[ \t]*(?:<{7}|>{7}|\|{7})(?:[ ]|$) | ^[ \t]*@@[ ](?:-\d+|.*[ ]@@$)
    | ^[ \t]*(?:\+\+\+|---)\ [ab]/ | ^[ \t]*diff\ --git | ^[ \t]*index\ [0-9a-f]{7,}\.\.
    | ^[ \t]*\*{3}\ (?:Begin|End|Update|Add|Delete)\ | ^[ \t]*\\\ No\ newline\ at
    | <endoftext> | <im_(?:start|end)>"""
)
# The same, where these words stand alone on a line; within one they may be names or HTML.
_ALONE = re.compile(
    r"""(?mx) ^[ \t]*(?:(?:\#+|//+|--+|/?\*+)[ \t]*)? (?:
      </?(?:code|answer|think|thinking|reasoning|response|assistant|user|system|output|result|final
        |edit|file|filename|changes|patch|diff|step|eom|end|human|bot|explanation|solution)>:?
    | \[(?:PAD|MASK|CLS|SEP|IMG|BOS|EOS|UNK)\] ) [ \t]*$"""
)
_ROLE = re.compile(r"(?:Human|Assistant|User|System|HUMAN|ASSISTANT|USER|SYSTEM)\s*:\s*\Z")
_RULE = re.compile(r"(?m)^={7}$")
_CODE = (
    r"(?:code|version|function|method|class|implementation|solution|snippet|file|module|edit|change"
    r"s?|answer|script|program|result|output)"
)
_WHOLE = (
    r"(?:updated|modified|revised|refactored|fixed|corrected|edited|improved|complete|full|final)"
)
# Talk wherever it stands; people write none of it in a comment.
_TALK = re.compile(
    rf"""(?ix) ^(?:
      (?:here|below|following)(?:['’]s|\s+(?:is|are|goes|comes)\b).{{0,60}}?\b{_CODE}\b
    | here\s+(?:you|we)\s+go | there\s+you\s+go
    | (?:sure|certainly|of\s+course)\s*[,!] | sure\s+thing | happy\s+to\s+help
    | (?:i\s+)?hope\s+this\s+helps | let\s+me\s+know\b | as\s+requested | as\s+an\s+ai\b
    | i(?:['’]?ve|\s+have)?\s+(?:also\s+)?(?:added|updated|changed|made|modified|refactored|fixed
        |removed|renamed|rewritten|rewrote|implemented|improved|simplified)\b
    | (?:the|this|my)\s+(?:\w+\s+){{0,2}}?{_CODE}\s+(?:(?:above|below)\s+)?
        (?:now\b|has\s+been|is\s+(?:now|updated|modified|changed|correct|complete|below|above)\b)
    | (?:this|the|my)\s+{_WHOLE}\s+(?:\w+\s+)?{_CODE}\b
    | {_WHOLE}\s+(?:\w+\s+)?{_CODE}\s*(?::|$|\.|with\b|below|above)
    | (?:explanation|changes\s+made|summary\s+of\s+changes|key\s+changes|what\s+changed
        |example\s+usage|usage\s+example)\s*:?\s*$
    | note\s*(?:that|:)\s.{{0,40}}\b{_CODE}\s+(?:above|below)\b
    | note\s*(?:that|:)\s.{{0,40}}\b{_WHOLE}\s+(?:\w+\s+)?{_CODE}\b
    | (?:hier|voici|aquí|aqui|ecco|вот|以下是|这是|これ|次の|다음은|여기).{{0,40}}
        (?:code|kode|código|codice|код|代码|コード|코드|funktion|fonction|función|função|funzione)
    )"""
)
# Talk where a statement would be.
_SPEAKS = re.compile(
    r"""(?ix) ^(?:
      (?:output|answer|solution|response|result|note|explanation)\s*:?\s*$
    | (?:okay|ok|great|alright|absolutely|understood|no\s+problem|sure|certainly)\s*[,!.:]
    | (?:i|we|let)(?:['’](?:ve|ll|s|d))?\s+\w+\s+\w+\s+\w+ | note\s+that\b
    | (?:the|this|these|in|it|you|here)\s+\w+\s+\w+\s+\w+\b
    )"""
)


def fences(text: str) -> int:
    """How many lines begin or end a block of Markdown."""
    return len(_FENCE.findall(text))


def markup(text: str) -> list[str]:
    """Marks of a chat, a conflict or a patch in a text."""
    found = [*_MARKUP.finditer(text), *_ALONE.finditer(text)]
    return [match[0].strip() for match in found]


def is_patched(line: str, old: Container[str]) -> bool:
    """Whether a line is one of a patch: a sign before it, and behind that what was there already.
    `old` are the old lines without their indentation.
    """
    said = line.strip()
    return said[:1] in ("+", "-") and len(said) > 4 and said not in old and said[1:].strip() in old


def has_rule(text: str) -> bool:
    """Whether a line is the middle of a conflict (or underlines a headline of seven letters)."""
    return bool(_RULE.search(text))


def is_talk(said: str, *, in_comment: bool) -> bool:
    """Whether a line, bare of comment marks, speaks to the person who asked."""
    said = said.strip().strip("*_#> ").strip()
    if _TALK.match(said):
        return True
    return not in_comment and bool(_SPEAKS.match(said) or _ROLE.match(said))
