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
_SYSTEM_NAME = (
    "You name functions. You are given lines of code and make one function of them. Answer with "
    "the function, in one code block, and with nothing else."
)
_NAMED = "Make these lines a function. Its name says in a few words what it does for whom calls it."
_SYSTEM_TESTS = (
    "You write tests. You are given code and write tests for it. Answer with the test file, in one "
    "code block, and with nothing else. Write few and short tests."
)
_AGAIN = (
    "That cannot be used: {reason}. Give the whole code again, with the task done and this mended."
)


def wish_of(action: Action, request: EditRequest, target: Target) -> str:
    """The task in words."""
    name = target.defined.name if target.defined is not None else "it"
    if request.subject is not None:
        name = request.subject.name
    return action.wish.format(name=name, what=said_about(action, request, target)).strip()


def messages(action: Action, request: EditRequest, target: Target) -> list[Message]:
    """The chat up to the first answer."""
    language = request.outline.language
    parts = []
    if request.snippets:
        shown = "\n\n".join(f"{one.path}:\n{one.text.rstrip()}" for one in request.snippets)
        parts.append(f"From other files, for information:\n\n```{language}\n{shown}\n```")
    subject = request.subject
    if subject is None:
        parts.append(f"```{language}\n{target.text}\n```")
        parts.append(wish_of(action, request, target))
    else:
        parts.append(f"{subject.path}:\n\n```{language}\n{subject.code}\n```")
        if subject.example:
            parts.append(f"Tests of this project:\n\n```{language}\n{subject.example}\n```")
        parts.append(f"{wish_of(action, request, target)} Use {subject.frame.told}.")
    return [
        Message("system", _SYSTEM if subject is None else _SYSTEM_TESTS),
        Message("user", hidden.visible("\n\n".join(parts))),
    ]


def naming(lines: str, language: str) -> list[Message]:
    """The chat in which lines get a name: of what is around them the model would take another."""
    shown = f"```{language}\n{lines}\n```\n\n{_NAMED}"
    return [Message("system", _SYSTEM_NAME), Message("user", hidden.visible(shown))]


def again(before: list[Message], code: str, language: str, reason: str) -> list[Message]:
    """The chat after an answer that failed a check."""
    answer = f"```{language}\n{code}\n```"
    return [*before, Message("assistant", answer), Message("user", _AGAIN.format(reason=reason))]


def parts_of(
    record: Chat, turns: list[Message], language: str, given: str = ""
) -> tuple[Part, ...]:
    """The prompt: the answer is begun, so that it begins with code, and with what is `given`."""
    return chat.render(record, turns, reply.opening(language) + hidden.visible(given))
