"""One question to a model elsewhere, and what its one answer is worth.

The model here is asked again, or by chance, where an answer fails a check. What leaves this machine
is asked once: each further question would be something that nobody has seen. So the model writes
all of the target, nothing is begun for it, and its answer passes the checks or there is no edit.
"""

from __future__ import annotations

import re

import msgspec

from indoors_completion.chat import Message
from indoors_completion.refactor import actions, asking, prompts, reply
from indoors_completion.refactor.actions import Action
from indoors_completion.refactor.judging import Judge, Outlines
from indoors_completion.refactor.types import Attempt, Edit, EditRequest, NoSafeEdit, Target

_FENCE = re.compile(r"^(?:```|~~~)[\w+#.-]*[ \t]*$", re.MULTILINE)
_LATIN_CHARACTERS_PER_TOKEN = 2.5
# What an answer may be longer than its target.
_GROWS, _SPARE_TOKENS = 1.6, 1024


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and the most tokens that question and code of the answer can have."""

    request: EditRequest
    action: Action
    target: Target
    messages: tuple[Message, ...]
    n_asked: int
    n_answer: int


def question_of(request: EditRequest, n_context: int = 0) -> Question | NoSafeEdit:
    """The question for a request; `n_context` is the model's context in tokens, 0 if not known."""
    action = actions.BY_NAME[request.action]
    if action.name == actions.TESTS:
        # Which files the tests that it is shown come from is not known here.
        return NoSafeEdit(reason="tests are written by the model on this machine only")
    target = asking.target_of(action, request)
    if target is None:
        return NoSafeEdit(reason="this does not apply here")
    messages = tuple(prompts.messages(action, request, target))
    n_answer = int(len(target.text) / _LATIN_CHARACTERS_PER_TOKEN * _GROWS) + _SPARE_TOKENS
    n_asked = int(sum(len(one.text) for one in messages) / _LATIN_CHARACTERS_PER_TOKEN) + 1
    if n_context and n_asked + n_answer > n_context:
        return NoSafeEdit(
            reason=f"this is too long for a context of {n_context} tokens; select fewer lines"
        )
    return Question(
        request=request,
        action=action,
        target=target,
        messages=messages,
        n_asked=n_asked,
        n_answer=n_answer,
    )


async def edit_of(
    question: Question,
    answer: str,
    stop_reason: str,
    syntax: Outlines,
    *,
    n_tokens: int = 0,
    known: frozenset[str] = frozenset(),
) -> Edit | NoSafeEdit:
    """The edit that an answer is, if it passes every check."""
    judge = Judge(syntax, question.request, question.action, question.target, known)
    judged = await judge.judge(code_of(answer), stop_reason)
    check, reason = judged.verdict
    attempt = Attempt(how="first", check=check, reason=reason, n_tokens=n_tokens)
    if judged.edit is None:
        return NoSafeEdit(reason=reason, attempts=(attempt,))
    return msgspec.structs.replace(judged.edit, attempts=(attempt,))


def code_of(answer: str) -> str:
    """The code of an answer that was not begun: its first block, without a block all of it."""
    text = answer.replace("\r\n", "\n")
    opening = _FENCE.search(text)
    return reply.code_of(text if opening is None else text[opening.start() :])
