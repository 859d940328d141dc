"""The prompt of an edit as the messages of a chat, for a server that takes no raw prompt.

A job's parts are a chat in one family's own frame (`indoors_completion.chat`). All control tokens
in it are parts of their own, so the turns can be read off them without guessing; source text that
looks like a frame cannot make one. The family is only the carrier here: the server puts its own
template around the messages.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from indoors_completion.chat import CHATS, Role
from indoors_server.remote.prompt import Fitted

# How a model for which nothing but a chat is known is talked to: any frame that can be read back.
CARRIER = "qwen2.5-coder"
# What may be written around the code: fences, and a sentence in spite of everything.
SPARE_TOKENS = 96
_FRAME = next(chat for chat in CHATS if chat.family == CARRIER)
_BEGIN, _END = _FRAME.begin["user"][0][0], _FRAME.end["user"][0][0]
_OPENING = re.compile(r"^(?:```|~~~)[\w+#.-]+[ \t]*\n|\A(?:```|~~~)[ \t]*\n", re.MULTILINE)
_CLOSING = re.compile(r"^(?:```|~~~)[ \t]*$", re.MULTILINE)
_ROLES: tuple[Role, ...] = ("system", "user", "assistant")


class Talk(NamedTuple):
    """The messages, and how the answer is begun: it is code, and these are its first lines."""

    messages: list[dict[str, str]]
    begun: str


def messages_of(prompt: Fitted) -> Talk:
    """The turns of a prompt in the carrier's frame. Raises ValueError if it is none."""
    messages: list[dict[str, str]] = []
    begun = ""
    for text, is_special in prompt.pieces:
        if is_special:
            if text not in (_BEGIN, _END):
                raise ValueError("this prompt is no chat")
            continue
        role, newline, said = text.partition("\n")
        if newline and role in _ROLES:
            messages.append({"role": role, "content": said})
    if messages and messages[-1]["role"] == "assistant":
        begun = messages.pop()["content"]
    begun += prompt.begin
    if messages and begun:
        messages[-1]["content"] += f"\n\nBegin your answer with exactly these lines:\n{begun}"
    return Talk(messages, begun)


class Unbegun:
    """Takes off the answer of a chat what the prompt had begun already.

    A server cannot go on with a turn that was begun, so the model repeats its beginning, or leaves
    out what of it is given; or it says something first and then begins a block of code.
    """

    def __init__(self, begun: str) -> None:
        self._begun = begun
        self._held = ""
        self._is_through = not begun

    def feed(self, text: str) -> str:
        """What of the answer goes on behind what was begun, as far as that is known."""
        if self._is_through:
            return text
        self._held += text
        return self._decided(is_all=False)

    def end(self) -> str:
        """As `feed`, once nothing more comes."""
        return "" if self._is_through else self._decided(is_all=True)

    def _decided(self, *, is_all: bool) -> str:
        fence, _, given = self._begun.partition("\n")
        if not fence.startswith("```"):
            return self._behind(self._held, self._begun, is_all=is_all)
        text = self._held.lstrip()
        opening = _OPENING.search(text)
        if opening is not None:
            return self._behind(text[opening.end() :], given, is_all=is_all)
        if given and text.startswith(given):
            return self._through(text[len(given) :])
        # A fence that only closes: what stands before it is the code, without a beginning.
        if is_all or _CLOSING.search(text):
            return self._through(self._held)
        return ""

    def _behind(self, text: str, given: str, *, is_all: bool) -> str:
        """What stands behind what is given, as soon as that can be told."""
        if text.startswith(given):
            return self._through(text[len(given) :])
        return "" if given.startswith(text) and not is_all else self._through(text)

    def _through(self, text: str) -> str:
        self._is_through, self._held = True, ""
        return text
