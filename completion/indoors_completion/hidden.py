r"""Characters that a person does not see, and what is left of a text without them.

The model reads what the person reads: text that an editor shows as nothing (or in another order
than it is stored in) stands in no prompt and in no answer. That is how a repository could talk to
the model past its reader: bidirectional controls ("Trojan Source", CVE-2021-42574), zero-width
characters, tags (U+E0000 on) and variation selectors that spell whole sentences.

Hidden are, by Unicode's own properties (UTS #55 "Unicode Source Code Handling", UTS #39):

- controls but tab and line feed, and the separators U+2028 and U+2029;
- all that Unicode calls default-ignorable, assigned or not, and the other format characters,
  except those that show (the number signs of Arabic and their like);
- letters that show as blank: the fillers of Hangul, and the blank pattern of Braille.

Two kinds of these have a use between characters that they change, and only there they stay, one at
a time: the joiners U+200C and U+200D between two characters of a script that joins (UAX #31, 2.3.1:
Persian, the scripts of India) or between two emoji, and U+FE0E and U+FE0F directly behind an emoji.
Nowhere else, not between letters of Latin, and never in a row. What is lost is small: a flag made
of tags is a black flag to the model, and a keycap is a digit.

Whether a character stays depends on its neighbours at most, so what was typed before stays as it
was, and a prompt only grows at its end.
"""

from __future__ import annotations

import re

_ALWAYS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e"
    r"\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_JOINERS, _STYLES = "\u200c\u200d", "\ufe0e\ufe0f"
_EMOJI = (
    r"\xa9\xae\u203c\u2049\u2100-\u27bf\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
# Scripts in which a joiner changes what is shown, in blocks, without what is hidden in them.
_JOINING = (
    r"\u0600-\u061b\u061d-\u109f\u1780-\u17b3\u17b6-\u180a\u1810-\u1cff\ua800-\uabff"
    r"\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f"
)
_RUN = re.compile(f"[{_ALWAYS}{_JOINERS}{_STYLES}]+")
_IS_EMOJI = re.compile(f"[{_EMOJI}]")
_IS_JOINED = re.compile(f"[{_JOINING}{_EMOJI}]")
_ASCII_CONTROLS = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])
# Another order of the text, and letters in the form of tags: code has no honest use for these.
_DECEIVING = re.compile(r"[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_NAME_BREAKS = str.maketrans("", "", "\t\n")


def visible(text: str) -> str:
    """`text` without hidden characters; the same object where it is quickly seen to have none."""
    if text.isascii():
        data = text.encode()
        shown = data.translate(None, _ASCII_CONTROLS)
        return text if len(shown) == len(data) else shown.decode()
    return text if _RUN.search(text) is None else _RUN.sub(_of_use, text)


def _of_use(run: re.Match[str]) -> str:
    """What stays of characters in a row that may be hidden: how an emoji looks, and one joiner."""
    rest, before = run[0], run.string[run.start() - 1 : run.start()]
    style = ""
    if rest[0] in _STYLES and _IS_EMOJI.match(before):
        style, rest = rest[0], rest[1:]
    if len(rest) == 1 and rest in _JOINERS and _IS_JOINED.match(before):
        return style + rest if _IS_JOINED.match(run.string, run.end()) else style
    return style


def visible_lines(text: str) -> str:
    r"""As `visible`, with the line breaks `\r\n` and `\r` as `\n`: for text of a file."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return visible(text)


def visible_name(text: str) -> str:
    """As `visible`, on one line: for a path, whose name may hold anything."""
    return visible(text).translate(_NAME_BREAKS)


def runs(text: str, limit: int) -> list[tuple[int, int]]:
    """The spans `[start, end)` of hidden characters, those in a row together; `limit` at most.

    Control characters are left out, and a byte order mark at the start: they are hidden as well,
    but files have them for reasons of their own, and nothing can be said with them.
    """
    if text.isascii():
        return []
    found: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        start, end = run.start() + len(_of_use(run)), run.end()
        while start < end and (text[start] <= "\x9f" or (start == 0 and text[0] == "\ufeff")):
            start += 1
        while start < end and text[end - 1] <= "\x9f":
            end -= 1
        if start < end:
            found.append((start, end))
            if len(found) == limit:
                break
    return found


def deceives(text: str) -> bool:
    """Whether hidden characters are of a kind that has no honest use in code."""
    return _DECEIVING.search(text) is not None
