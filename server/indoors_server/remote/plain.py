"""File text that looks like a control token stays text.

A prompt that goes over as text is cut into tokens by the server, which makes a control token of
everything that is spelled like one: a file that contains `<|fim_middle|>` or `<|im_end|>` could end
its own part of the prompt and say what comes next. So a space is put behind the first character of
every such spelling; what the model reads is no control token then, and still says what was there.
"""

from __future__ import annotations

import re

from indoors_completion.chat import CHATS
from indoors_completion.families import FAMILIES

# The forms that vocabularies use, for what no record of ours names.
_FORMS = (
    r"<[|｜][^<>\n]{1,64}?[|｜]>",
    r"<\[[^\[\]\n]{1,64}?\]>",
    r"<(?:unused|reserved)[^<>\n]{0,40}>",
    r"</?(?:s|bos|eos|pad|unk|mask|EOT|PRE|SUF|MID|fim_[a-z]+|file_sep|filename|reponame|repo_name"
    r"|gh_stars|issue_[a-z]+|jupyter_[a-z_]+|commit_[a-z]+|empty_output|endoftext|start_of_turn"
    r"|end_of_turn|think|tool_call|tool_response)>",
    r"\[/?(?:INST|PREFIX|SUFFIX|MIDDLE|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|IMG"
    r"|CONTROL_\d+)\]",
    r"<</?SYS>>",
)


def _named() -> set[str]:
    """Every control token that a record of ours names."""
    found = set()
    for family in FAMILIES:
        found |= {*family.sentinels, *family.stops, family.repo_token, family.file_token}
    for chat in CHATS:
        frames = (*chat.begin.values(), *chat.end.values())
        found |= {text for frame in frames for text, is_special in frame if is_special}
    return {text.lstrip("▁") for text in found if len(text.lstrip("▁")) > 2}


_LIKE_ONE = re.compile(
    "|".join([*map(re.escape, sorted(_named(), key=len, reverse=True)), *_FORMS])
)


def plain(text: str) -> str:
    """`text` without anything that a vocabulary could take for a control token."""
    # What stands behind a broken spelling may complete another one, so until none is left; every
    # round puts a space into each, which no form begins with.
    for _ in range(4):
        broken = _LIKE_ONE.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)
        if broken == text:
            return text
        text = broken
    # Nested so deep that a few rounds do not end it: nobody writes this. No bracket is left.
    return re.sub(r"[<\[]", lambda match: f"{match[0]} ", text)
