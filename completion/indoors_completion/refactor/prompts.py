"""What the model is told: the task, the code, what of the project belongs to it."""

from __future__ import annotations

from indoors_completion import chat, hidden
from indoors_completion.chat import Chat, Message
from indoors_completion.refactor import reply
from indoors_completion.refactor.actions import Action, said_about
from indoors_completion.refactor.types import EditRequest, Target
from indoors_completion.types import Part

_SYSTEM = (
    "You edit source code. You are given code and a task. Answer with the whole given code after "
    "the edit, in one code block, and with nothing else. Keep everything that the task does not "
    "ask you to change, and leave nothing out."
)
_AGAIN = (
    "That cannot be used: {reason}. Give the whole code again, with the task done and this mended."
)


def wish_of(action: Action, request: EditRequest, target: Target) -> str:
    """The task in words."""
    name = target.defined.name if target.defined is not None else "it"
    return action.wish.format(name=name, what=said_about(action, request, target)).strip()


def messages(action: Action, request: EditRequest, target: Target) -> list[Message]:
    """The chat up to the first answer."""
    language = request.outline.language
    parts = []
    if request.snippets:
        shown = "\n\n".join(f"{one.path}:\n{one.text.rstrip()}" for one in request.snippets)
        parts.append(f"From other files, for information:\n\n```{language}\n{shown}\n```")
    parts.append(f"```{language}\n{target.text}\n```")
    parts.append(wish_of(action, request, target))
    return [
        Message("system", _SYSTEM),
        Message("user", hidden.visible("\n\n".join(parts))),
    ]


def again(before: list[Message], code: str, language: str, reason: str) -> list[Message]:
    """The chat after an answer that failed a check."""
    answer = f"```{language}\n{code}\n```"
    return [*before, Message("assistant", answer), Message("user", _AGAIN.format(reason=reason))]


def parts_of(record: Chat, turns: list[Message], language: str) -> tuple[Part, ...]:
    """The prompt: the answer is begun, so that it begins with code."""
    return chat.render(record, turns, reply.opening(language))
